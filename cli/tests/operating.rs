//! Operating: accounts, read models, settings and exit codes, beside a server and without one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran, Server, fixture};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

fn log_in(server: &Server, user_name: &str, password: &str) -> u16 {
    server.log_in(user_name, password).0
}

#[test]
fn an_operator_gives_passwords_beside_a_server() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let server = place.serve();
    // As an editor of another system writes it.
    let first = place.file("first", "\u{feff}correct horse battery\r\n");
    let second = place.file("second", "another horse battery");
    place.run(&["users", "create", "Вера", "--password-file", &first, "--role", "admin"]).ok();
    assert_eq!(place.run(&["users", "show", "ВЕРА"]).ok().json()["role"], "admin");
    assert_eq!(log_in(&server, "вера", "correct horse battery"), 200);
    assert_eq!(log_in(&server, "борис", "correct horse battery"), 401);
    place.run(&["users", "set-password", "борис", "--password-file", &first]).ok();
    assert_eq!(log_in(&server, "борис", "correct horse battery"), 200);
    place.run(&["users", "set-password", "борис", "--password-file", &second]).ok();
    assert_eq!(log_in(&server, "борис", "correct horse battery"), 401);
    place.run(&["users", "end-sessions", "борис"]).ok();
    let revoked = place.run(&["events", "ls", "--type", "user.tokens_revoked.v1"]).ok().lines();
    assert_eq!(revoked.len(), 1, "who holds a service token of his is locked out, too");
    assert_eq!(place.run(&["users", "show", "борис"]).ok().json()["tokens"], 0);
    let taken = place.run(&["users", "create", "вера", "--password-file", &first]);
    assert_eq!(taken.code, 4, "{}", taken.err);
    let unknown = place.run(&["users", "set-role", "nobody", "admin"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
    assert_eq!(server.stop(), 0);
    let role = place.run(&["users", "set-role", "борис", "notifier"]).ok().json();
    let user_id = role["user_id"].as_str().unwrap();
    assert_eq!(place.run(&["users", "show", user_id]).ok().json()["role"], "notifier");
}

#[test]
fn bad_input_of_operators_is_refused() {
    let place = Place::new();
    let weak = place.file("weak", "password123");
    let good = place.file("good", "correct horse battery");
    let two_lines = place.file("two lines", "correct horse\nbattery\n");
    for (arguments, code) in [
        (["users", "create", "anna", "--password-file", &weak].as_slice(), 2),
        (&["users", "create", "a@b", "--password-file", &good], 2),
        (&["users", "create", "anna", "--password-file", &good, "--role", "king"], 2),
        (&["users", "create", "anna", "--password-file", &two_lines], 2),
        (&["users", "create", "anna"], 2),
        (&["users", "create", "anna", "--password-file", "nowhere"], 1),
        (&["users", "set-password", "anna", "--password-file", &good], 3),
        (&["users", "ls"], 3),
        (&["events", "ls"], 3),
        (&["projections", "rebuild", "--all"], 3),
        (&["projections", "rebuild", "cats"], 3),
        (&["projections", "rebuild"], 2),
        (&["fly"], 2),
        (&["--database", "sqlite:/tmp/x.db", "users", "ls"], 2),
        (&["--database", "postgres://127.0.0.1:1/x", "events", "ls"], 7),
        (&["serve", "--roles", "api"], 2),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{arguments:?}");
    }
    assert_eq!(place.run(&["--help"]).code, 0);
    assert!(place.run(&["--version"]).out.starts_with("letopis "));
}

#[test]
fn read_models_are_rebuilt_and_verified_beside_a_server() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let server = place.serve();
    let before = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    let rebuilt = place.run(&["projections", "rebuild", "--all"]).ok().lines();
    assert_eq!(rebuilt.len(), before.as_array().unwrap().len());
    let after = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    for (before, after) in before.as_array().unwrap().iter().zip(after.as_array().unwrap()) {
        for field in ["name", "version", "position", "head", "lag_events", "lag_seconds", "state"] {
            assert!(after.get(field).is_some(), "{field}");
        }
        assert_eq!(after["generation"], json!(before["generation"].as_u64().unwrap() + 1));
        assert_eq!(after["state"], "running");
    }
    let verified = place.run(&["projections", "verify", "--all"]).ok().lines();
    assert!(verified.iter().all(|row| row["verified"] == true));
    assert_eq!(server.stop(), 0);
    place.run(&["projections", "rebuild", "users"]).ok();
    place.run(&["projections", "verify", "users"]).ok();
}

#[test]
fn a_read_model_that_does_not_follow_from_the_log_is_found() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let models = std::fs::read_dir(place.data().join("read-models")).unwrap();
    let users = models.map(|file| file.unwrap().path()).find(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("users-") && name.ends_with(".db")
    });
    let model = rusqlite::Connection::open(users.unwrap()).unwrap();
    model.execute("update account set role = 'admin' where user_name = 'борис'", []).unwrap();
    drop(model);
    let found = place.run(&["projections", "verify", "users", "-o", "json"]);
    assert_eq!(found.code, 5, "{}{}", found.out, found.err);
    assert_eq!(found.json()[0]["verified"], false);
    assert!(found.err.contains("account"), "{}", found.err);
    place.run(&["projections", "rebuild", "users"]).ok();
    place.run(&["projections", "verify", "users"]).ok();
}

#[test]
fn settings_say_where_they_come_from() {
    let place = Place::new();
    place.file("letopis.toml", "listen = '127.0.0.1:9999'\nsession_idle = '2d'\n");
    let shown = place.run(&["config", "show", "-o", "json"]).ok().json();
    let of = |key: &str| -> Value {
        let rows = shown.as_array().unwrap();
        rows.iter().find(|row| row["key"] == key).unwrap().clone()
    };
    assert_eq!(
        (of("listen")["value"].as_str(), of("listen")["origin"].as_str()),
        (Some("127.0.0.1:9999"), Some("letopis.toml"))
    );
    assert_eq!(of("data")["origin"], "LETOPIS_DATA");
    assert_eq!(of("session_max")["origin"], "default");
    place.file("letopis.toml", "lisen = 'x'\n");
    let unknown = place.run(&["config", "show"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean listen?"), "{}", unknown.err);
    let other = place.file("other.toml", "");
    place.run(&["--config", &other, "config", "show"]).ok();
    let unset = place.command(&["--config", &other, "config", "show"]).env("LETOPIS_SMTP_URL", "http://x").output();
    assert_eq!(unset.unwrap().status.code(), Some(2));
}

#[test]
fn a_taken_port_is_named_with_what_to_do() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = place.run(&["serve", "--listen", &address]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&address) && ran.err.contains("LETOPIS_LISTEN"), "{}", ran.err);
    assert!(!place.data().exists(), "nothing is made where nothing starts");
}

#[test]
fn one_server_has_a_folder_and_a_stop_is_clean() {
    let place = Place::new();
    let server = place.serve();
    let second = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 4, "{}", second.err);
    let holder = format!("another process (pid {})", server.child.id());
    assert!(second.err.contains(&holder), "{}", second.err);
    let beside = place.run(&["events", "verify"]);
    assert_eq!(beside.code, 0, "who only reads is not in the way: {}", beside.err);
    let health = place.run(&["health", "--url", &server.url]).ok().json();
    assert_eq!(health["ready"], true);
    let url = server.url.clone();
    assert_eq!(server.stop(), 0);
    assert_eq!(place.run(&["health", "--url", &url]).code, 7);
    assert!(!place.data().join("control.sock").exists());
}

#[test]
fn a_server_takes_as_many_open_files_as_it_may() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // The server begins with the limit of who starts it; this process can do with one less.
    let lower = maximum.map_or(4_096, |most| most - 1);
    setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum }).unwrap();
    let server = Place::new().serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers = open_files.split_whitespace().skip(3).take(2).collect::<Vec<_>>();
    assert_eq!(numbers[0], numbers[1], "{open_files}");
    assert_ne!(numbers[0], lower.to_string());
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_server_that_was_killed_leaves_nothing_in_the_way() {
    let place = Place::new();
    let mut server = place.serve();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    assert!(place.data().join("control.sock").exists());
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    let server = place.serve();
    assert_eq!(log_in(&server, "anna", "correct horse battery"), 200);
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_control_socket_is_private_and_answers_nonsense() {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let place = Place::new();
    let server = place.serve();
    let path = place.data().join("control.sock");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let as_courier = concat!(r#"{"operation": "probe", "actor": "courier"}"#, "\n");
    for nonsense in ["\n", "{}\n", "{\"operation\": {\"fly\": {}}}\n", "\u{1b}\n", as_courier] {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(nonsense.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let answer = serde_json::from_str::<Value>(&line).unwrap();
        assert_eq!(answer["failed"]["code"], "usage", "{nonsense:?}: {line}");
    }
    // More than the server serves at once: the rest waits, and nobody is turned away.
    let idle = (0..16).map(|_| UnixStream::connect(&path).unwrap()).collect::<Vec<_>>();
    drop(idle);
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_server_without_its_master_key_does_not_start() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let (key, aside) = (place.data().join("master.key"), place.data().join("aside"));
    let refused = |says: &str| {
        let before = std::fs::read(place.data().join("letopis.db")).unwrap();
        let ran = place.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(ran.code, 6, "{}", ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
        assert_eq!(std::fs::read(place.data().join("letopis.db")).unwrap(), before);
    };
    std::fs::rename(&key, &aside).unwrap();
    refused("the master key is missing");
    assert!(!key.exists(), "none is made in its place");
    let other = Place::new();
    other.run(&["import", &fixture()]).ok();
    std::fs::copy(other.data().join("master.key"), &key).unwrap();
    refused("not the one of this database");
    std::fs::write(&key, "no key\n").unwrap();
    refused("64 hex digits");
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(place.serve().stop(), 0);
}

#[test]
fn keys_are_rotated_beside_a_server_and_without_one() {
    let place = Place::new();
    assert_eq!(place.run(&["keys", "rotate"]).code, 3, "there is nothing to rotate");
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    let key = || std::fs::read(place.data().join("master.key")).unwrap();
    let first = key();
    let server = place.serve();
    let rotated = place.run(&["keys", "rotate"]).ok().json();
    assert_eq!(rotated["keys"], 1);
    assert_eq!(std::fs::read(rotated["former_key"].as_str().unwrap()).unwrap(), first);
    assert_ne!(key(), first);
    // Who was here before, and who comes now.
    assert_eq!(log_in(&server, "anna", "correct horse battery"), 200);
    place.run(&["users", "create", "boris", "--password-file", &password]).ok();
    assert_eq!(log_in(&server, "boris", "correct horse battery"), 200);
    assert_eq!(server.stop(), 0);
    assert_eq!(place.run(&["keys", "rotate"]).ok().json()["keys"], 2);
    let server = place.serve();
    assert_eq!(log_in(&server, "anna", "correct horse battery"), 200);
    assert_eq!(log_in(&server, "boris", "correct horse battery"), 200);
}

#[test]
fn what_the_server_prints_can_be_typed_as_it_is() {
    let place = Place::new();
    let root = place.data().parent().unwrap().to_owned();
    std::fs::create_dir(root.join("of anna's")).unwrap();
    std::os::unix::fs::symlink(place.command(&[]).get_program(), root.join("of anna's/letopis")).unwrap();
    let shell = |line: &str| {
        let mut command = place.command(&["-c", line]);
        command.env("LETOPIS_DATA", "elsewhere");
        let mut sh = std::process::Command::new("sh");
        sh.args(command.get_args()).current_dir(&root);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => sh.env(name, value),
                // Of the servers beside the tests, say: a setting that is unknown ends the program.
                None => sh.env_remove(name),
            };
        }
        sh
    };
    let serve = r#"exec "of anna's/letopis" serve --data "da'ta of hers" --listen 127.0.0.1:0"#;
    let mut server = shell(serve).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let watch =
        lines.find_map(|line| Some(line.trim().strip_prefix("watch ")?.trim().replace(" --follow", ""))).unwrap();
    let url = lines.find_map(|line| Some(line.split_once("http://")?.1.split_once("/v1")?.0.to_owned())).unwrap();
    let server = Server { child: server, url: format!("http://{url}") };
    assert_eq!(server.log_in("anna", "correct horse battery").0, 401);
    let ran = Ran::of(shell(&watch)).ok();
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert_eq!(server.stop(), 0);
}

#[test]
fn chats_and_sessions_are_listed_and_shown() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let chats = place.run(&["chats", "ls", "-o", "json"]).ok().json();
    let chats = chats.as_array().unwrap();
    assert!(!chats.is_empty() && chats.iter().all(|chat| chat["kind"] == "public"), "{chats:?}");
    let (id, name) = (chats[0]["chat_id"].as_str().unwrap(), chats[0]["chat_name"].as_str().unwrap());
    let shown = place.run(&["chats", "show", id]).ok().json();
    assert_eq!((&shown["chat_name"], &shown["members"]), (&chats[0]["chat_name"], &chats[0]["members"]));
    assert_eq!(shown["people"].as_array().unwrap().len() as u64, shown["members"].as_u64().unwrap());
    let found = place.run(&["chats", "ls", "--name", &name.to_uppercase(), "--limit", "1", "-o", "json"]).ok().json();
    assert_eq!(found.as_array().unwrap().len(), 1);
    for nothing in ["nothing", "00000000-0000-0000-0000-00000000000f"] {
        assert_eq!(place.run(&["chats", "show", nothing]).code, 3, "{nothing}");
    }
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    assert_eq!(place.run(&["sessions", "ls", "anna"]).ok().out, "");
    let server = place.serve();
    for _ in 0..3 {
        assert_eq!(log_in(&server, "anna", "correct horse battery"), 200);
    }
    assert_eq!(server.stop(), 0);
    let sessions = place.run(&["sessions", "ls", "anna"]).ok().lines();
    assert_eq!(sessions.len(), 3);
    assert!(sessions[0]["created_at"].as_str() >= sessions[2]["created_at"].as_str(), "{sessions:?}");
    assert_eq!(place.run(&["sessions", "ls", "anna", "--limit", "2"]).ok().lines().len(), 2);
    assert_eq!(place.run(&["sessions", "ls", "nobody"]).code, 3);
}
