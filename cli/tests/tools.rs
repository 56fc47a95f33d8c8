//! What the program tells of itself and of its place: doctor, trace, completions, manual pages, the first settings,
//! and what it tells its supervisor.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server, fixture};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn check<'a>(checks: &'a Value, name: &str) -> &'a Value {
    checks.as_array().unwrap().iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {checks}"))
}

/// Asks the doctor about a place whose port is free, unless another is named.
fn doctor(place: &Place, listen: &str) -> (i32, Value) {
    let output = place.command(&["doctor", "-o", "json"]).env("LETOPIS_LISTEN", listen).output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_doctor_finds_nothing_wrong_where_nothing_is() {
    let place = Place::new();
    let (code, before) = doctor(&place, "127.0.0.1:0");
    assert_eq!((code, check(&before, "data folder")["state"].as_str()), (0, Some("warning")), "{before}");
    assert!(!place.data().exists(), "it changes nothing");
    place.run(&["import", &fixture()]).ok();
    let (code, checks) = doctor(&place, "127.0.0.1:0");
    assert_eq!(code, 0, "{checks}");
    let names = ["sqlite", "data folder", "disk", "master key", "log", "clock", "server", "port", "read models"];
    assert!(names.iter().all(|name| check(&checks, name)["state"] != "problem"), "{checks}");
    assert_eq!(check(&checks, "master key")["state"], "ok");
    assert!(check(&checks, "log")["details"]["head"].as_u64().unwrap() > 0);
    let server = place.serve();
    let listen = server.url.strip_prefix("http://").unwrap();
    let (code, checks) = doctor(&place, listen);
    assert_eq!(code, 0, "{checks}");
    assert!(check(&checks, "port")["found"].as_str().unwrap().contains("ready"), "{checks}");
    assert!(check(&checks, "server")["found"].as_str().unwrap().starts_with("a server runs"), "{checks}");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_doctor_finds_what_is_wrong_and_says_what_to_do() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let key = place.data().join("master.key");
    let found = |name: &str, listen: &str| {
        let (code, checks) = doctor(&place, listen);
        let found = check(&checks, name).clone();
        assert_eq!((code, found["state"].as_str()), (5, Some("problem")), "{checks}");
        assert!(found["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{found}");
    };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    found("port", &taken.local_addr().unwrap().to_string());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    found("master key", "127.0.0.1:0");
    std::fs::remove_file(&key).unwrap();
    found("master key", "127.0.0.1:0");
    found("log", "127.0.0.1:0");
    std::fs::write(place.data().join("letopis.db"), "this is no database, and it is longer than a header is.").unwrap();
    found("log", "127.0.0.1:0");
    let table = place.run(&["doctor", "-o", "table"]);
    assert!(table.code == 5 && table.out.contains("CHECK") && table.out.contains("Bring it back"), "{}", table.out);
}

fn post(server: &Server, path: &str, request_id: &str, body: &Value) -> Value {
    let asked = reqwest::Client::new().post(format!("{}{path}", server.url));
    let asked = asked.header("X-Request-Id", request_id).header("Idempotency-Key", "once").json(body);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { asked.send().await.unwrap().error_for_status().unwrap().json().await.unwrap() })
}

#[test]
fn what_a_request_caused_is_a_tree() {
    let place = Place::new();
    let server = place.serve();
    let account = json!({"user_name": "anna", "password": "correct horse battery"});
    let made = post(&server, "/v1/auth/register", "req-1", &account);
    let tree = place.run(&["events", "trace", "req-1"]).ok().json();
    assert_eq!((tree["request_id"].as_str(), tree["actor"].as_str()), (Some("req-1"), Some("anonymous")));
    let [command] = tree["commands"].as_array().unwrap().as_slice() else { panic!("{tree}") };
    let events = command["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["type"] == "user.signed_up.v1" && event["asked"] == false), "{tree}");
    assert_eq!(events.last().unwrap()["position"], made["position"]);
    // The same tree by the command, by an event's id and by its position.
    let by_command = place.run(&["events", "trace", command["command_id"].as_str().unwrap()]).ok().json();
    assert_eq!(by_command, tree);
    let last = events.last().unwrap();
    for id in [last["id"].as_str().unwrap().to_owned(), last["position"].to_string()] {
        let by_event = place.run(&["events", "trace", &id]).ok().json();
        assert_eq!(by_event["commands"][0]["events"].as_array().unwrap().len(), events.len());
        assert_eq!(by_event["commands"][0]["events"].as_array().unwrap().last().unwrap()["asked"], true);
    }
    let drawn = place.run(&["events", "trace", "req-1", "-o", "table"]).ok().out;
    assert!(drawn.starts_with("request req-1 of anonymous\n└─ command "), "{drawn}");
    assert!(drawn.contains("user.signed_up.v1"), "{drawn}");
    for nothing in ["req-2", "999999", "0190c2f4-0000-7000-8000-000000000000", "%", ""] {
        let ran = place.run(&["events", "trace", nothing]);
        assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{nothing}: {}", ran.err);
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn every_shell_gets_its_completions_even_where_the_settings_are_wrong() {
    let place = Place::new();
    place.file("letopis.toml", "lisen = 'x'\n");
    for (shell, part) in [("bash", "complete -F"), ("zsh", "#compdef letopis"), ("fish", "complete -c letopis")] {
        let script = place.run(&["completions", shell]).ok().out;
        assert!(script.contains(part) && script.contains("doctor"), "{shell}");
    }
    assert_eq!(place.run(&["completions", "cmd.exe"]).code, 2);
}

#[test]
fn there_is_a_manual_page_for_every_verb() {
    let place = Place::new();
    let first = place.run(&["man"]).ok().out;
    assert!(first.contains(".TH letopis 1") && first.contains("letopis\\-doctor(1)"), "{first}");
    place.run(&["man", "pages"]).ok();
    let folder = place.data().with_file_name("pages");
    for page in ["letopis.1", "letopis-serve.1", "letopis-events-trace.1", "letopis-config-init.1"] {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
    let trace = std::fs::read_to_string(folder.join("letopis-events-trace.1")).unwrap();
    assert!(trace.contains("Example"), "{trace}");
}

#[test]
fn the_first_settings_change_nothing_and_are_never_written_over() {
    let place = Place::new();
    let before = place.run(&["config", "show", "-o", "json"]).ok().json();
    place.run(&["config", "init"]).ok();
    let path = place.data().with_file_name("letopis.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("#listen = \"127.0.0.1:8080\""), "{text}");
    assert_eq!(place.run(&["config", "show", "-o", "json"]).ok().json(), before);
    std::fs::write(&path, "log = 'debug'\n").unwrap();
    let again = place.run(&["config", "init"]);
    assert_eq!(again.code, 4, "{}", again.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "log = 'debug'\n");
    place.run(&["--config", "other.toml", "config", "init"]).ok();
    assert!(path.with_file_name("other.toml").exists());
}

#[test]
fn a_supervisor_is_told_and_kept_awake() {
    let place = Place::new();
    let path = place.data().with_file_name("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let told = || {
        let mut bytes = [0; 4_096];
        let length = socket.recv(&mut bytes).expect("the supervisor is told something in time");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let ready = told();
    assert!(ready.contains("READY=1") && ready.contains("127.0.0.1:"), "{ready}");
    let began = Instant::now();
    for _ in 0..4 {
        assert_eq!(told().trim(), "WATCHDOG=1");
    }
    assert!(began.elapsed() >= Duration::from_millis(200), "it does not flood its supervisor");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let stopping = std::iter::repeat_with(told).find(|told| !told.contains("WATCHDOG=1")).unwrap();
    assert!(stopping.contains("STOPPING=1"), "{stopping}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_benchmark_says_where_the_program_that_measures_comes_from() {
    let place = Place::new();
    let alone = place.data().with_file_name("letopis");
    std::fs::copy(env!("CARGO_BIN_EXE_letopis"), &alone).unwrap();
    let output = Command::new(&alone).args(["bench", "--seconds", "1"]).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("letopis-load") && said.contains("cargo build --release -p load"), "{said}");
}
