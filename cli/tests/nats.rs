//! The built binary beside NATS.
#![allow(clippy::unwrap_used)]

mod common;

use async_nats::jetstream;
use common::{Place, Ran, Server};
use std::process::Command;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);
const VARIABLE: &str = "LETOPIS_NATS_URL";

fn run(place: &Place, url: &str, arguments: &[&str]) -> Ran {
    let output = place.command(arguments).env(VARIABLE, url).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn serve(place: &Place, url: &str) -> Server {
    let mut command: Command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env(VARIABLE, url);
    place.start_quietly(command).unwrap()
}

fn create(place: &Place, name: &str) {
    let password = place.file("password", "a long enough passphrase\n");
    place.run(&["users", "create", name, "--password-file", &password]).ok();
}

/// The messages of the stream, once there are so many.
async fn told(url: &str, least: u64) -> Vec<String> {
    let jetstream = jetstream::new(servers::connect_nats(url).await.unwrap());
    let began = Instant::now();
    loop {
        if let Ok(mut stream) = jetstream.get_stream("letopis").await
            && stream.info().await.unwrap().state.messages >= least
        {
            let mut all = Vec::new();
            for sequence in 1..=stream.cached_info().state.last_sequence {
                let message = stream.get_raw_message(sequence).await.unwrap();
                let payload = String::from_utf8(message.payload.to_vec()).unwrap();
                all.push(format!("{} {:?} {payload}", message.subject, message.headers));
            }
            return all;
        }
        assert!(began.elapsed() < SOON, "nothing is told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn wipe(url: &str) {
    let jetstream = jetstream::new(servers::connect_nats(url).await.unwrap());
    jetstream.delete_stream("letopis").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_others_and_tells_them_again() {
    let Some(account) = servers::nats().await else { return };
    let (place, url) = (Place::new(), account.url());
    let server = serve(&place, url);
    create(&place, "Annabel");
    let heard = told(url, 1).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard[0].starts_with("letopis.user.signed_up"), "{heard:?}");
    assert!(!heard[0].contains("Annabel"), "{heard:?}");
    let figures = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
    assert!(figures.contains("letopis_nats_connected 1") && figures.contains("letopis_relay_stopped 0"), "{figures}");
    // By the server.
    wipe(url).await;
    let done = place.run(&["events", "republish", "--from", "1", "-o", "json"]).ok().json();
    assert_eq!((done["facts"].as_u64(), done["duplicates"].as_u64()), (Some(1), Some(0)), "{done}");
    assert!(told(url, 1).await[0].contains("Letopis-Republished"));
    assert_eq!(run(&place, url, &["events", "republish", "--from", "99"]).code, 3);
    assert_eq!(server.stop(), 0);
    // By itself.
    wipe(url).await;
    let done = run(&place, url, &["events", "republish", "--from", "1", "-o", "json"]).ok().json();
    assert_eq!(done["facts"].as_u64(), Some(1), "{done}");
    told(url, 1).await;
    let unset = place.run(&["events", "republish", "--from", "1"]);
    assert_eq!(unset.code, 2, "{}", unset.err);
    assert!(unset.err.contains("LETOPIS_NATS_URL"), "{}", unset.err);
    let doctor = run(&place, url, &["doctor", "-o", "ndjson"]);
    assert!(doctor.out.contains("the stream holds 1 messages"), "{}", doctor.out);
}

fn figures(server: &Server) -> String {
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        runtime.block_on(async { reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap() })
    })
}

/// Waits until the server says it, in its log or its figures.
fn until_said(place: &Place, server: &Server, text: &str) {
    let began = Instant::now();
    while !place.said().contains(text) && !figures(server).contains(text) {
        assert!(began.elapsed() < SOON, "{text:?} is not said: {}", place.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_tells_nobody_anything_until_it_is_armed() {
    let Some(account) = servers::nats().await else { return };
    let (place, url) = (Place::new(), account.url());
    create(&place, "Annabel");
    place.run(&["backup", "backup"]).ok();
    let key = place.data().join("master.key").display().to_string();
    let restored = place.run(&["--data", "copy", "restore", "backup", "--master-key", &key]).ok();
    assert!(restored.err.contains("letopis relay arm"), "{}", restored.err);
    let serve = |data: &str| {
        let mut command: Command = place.command(&["serve", "--listen", "127.0.0.1:0", "--data", data]);
        command.env(VARIABLE, url);
        place.start_quietly(command).unwrap()
    };
    let server = serve("copy");
    until_said(&place, &server, "letopis_relay_disarmed 1");
    until_said(&place, &server, "letopis relay arm");
    let again = run(&place, url, &["--data", "copy", "events", "republish", "--from", "1"]);
    assert_eq!(again.code, 4, "{}", again.err);
    let doctor = run(&place, url, &["--data", "copy", "doctor", "-o", "ndjson"]);
    let check = doctor.lines().into_iter().find(|check| check["check"] == "nats").unwrap();
    assert!(check["state"] == "warning" && check["advice"].as_str().unwrap().contains("relay arm"), "{check}");
    let jetstream = jetstream::new(servers::connect_nats(url).await.unwrap());
    assert!(jetstream.get_stream("letopis").await.is_err(), "a copy has made a stream");
    let armed = place.run(&["--data", "copy", "relay", "arm", "-o", "json"]).ok().json();
    assert_eq!(armed["armed"], true);
    assert_eq!(told(url, 1).await.len(), 1);
    assert_eq!(server.stop(), 0);
    // Also where no server runs; and it lasts.
    place.run(&["--data", "copy", "relay", "disarm"]).ok();
    let server = serve("copy");
    until_said(&place, &server, "letopis_relay_disarmed 1");
    assert_eq!(server.stop(), 0);
    // What was not brought in speaks.
    let server = serve("data");
    until_said(&place, &server, "letopis_relay_active 1");
    assert_eq!(server.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nodes_share_is_armed_and_disarmed_for_all_of_them() {
    let (Some(account), Some(database)) = (servers::nats().await, servers::postgres().await) else { return };
    let (place, url, database) = (Place::new(), account.url(), database.url());
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env(VARIABLE, url).env("LETOPIS_DATABASE_URL", &database);
        command
    };
    let code = |arguments: &[&str]| {
        let output = command(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let done = |arguments: &[&str]| {
        let (code, said) = code(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
    };
    done(&["migrate"]);
    done(&["relay", "disarm"]);
    let password = place.file("password", "a long enough passphrase\n");
    done(&["users", "create", "Annabel", "--password-file", &password]);
    let refused = code(&["events", "republish", "--from", "1"]);
    assert!(refused.0 == 4 && refused.1.contains("letopis relay arm"), "{refused:?}");
    let server = place.start_quietly(command(&["serve", "--listen", "127.0.0.1:0"])).unwrap();
    until_said(&place, &server, "letopis_relay_disarmed 1");
    done(&["relay", "arm"]);
    told(url, 1).await;
    let inside =
        std::fs::read_dir(place.data()).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap());
    let known = ["anchor", "clock", "control.sock", "erased", "letopis.lock", "master.key", "read-models"];
    assert_eq!(inside.filter(|name| !known.contains(&name.as_str())).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(server.stop(), 0);
    // By itself, and nothing is left of its turn.
    done(&["events", "republish", "--from", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_its_checkpoint_the_server_starts() {
    let Some(account) = servers::nats().await else { return };
    let (place, url) = (Place::new(), account.url());
    let server = serve(&place, url);
    create(&place, "Annabel");
    told(url, 1).await;
    assert_eq!(server.stop(), 0);
    let path = place.data().join("read-models/relay.db");
    std::fs::write(&path, "no database any more ".repeat(500)).unwrap();
    let server = serve(&place, url);
    until_said(&place, &server, "a new one is made");
    create(&place, "Boris");
    assert_eq!(told(url, 2).await.len(), 2, "nobody is told twice");
    assert_eq!(server.stop(), 0);
    // One that cannot be replaced.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let server = serve(&place, url);
    create(&place, "Clara");
    until_said(&place, &server, "letopis_relay_stopped 1");
    until_said(&place, &server, "cannot open its checkpoint");
    assert_eq!(told(url, 2).await.len(), 2);
    assert_eq!(server.stop(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_it_starts_and_works_and_tells_no_secret() {
    // Nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (place, url) = (Place::new(), format!("nats://anna:s3cr3t@{free}"));
    let server = serve(&place, &url);
    create(&place, "Annabel");
    let body = serde_json::json!({"user_name": "Annabel", "password": "a long enough passphrase"});
    let asked = reqwest::Client::new().post(format!("{}/v1/auth/login", server.url)).json(&body).send().await;
    let status = asked.unwrap().status();
    assert_eq!(status, 200);
    let began = Instant::now();
    while !place.said().contains("NATS cannot be reached") {
        assert!(began.elapsed() < SOON, "{}", place.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(place.said().matches("NATS cannot be reached").count(), 1, "{}", place.said());
    let unreachable = place.run(&["events", "republish", "--from", "1"]);
    assert_eq!(unreachable.code, 7, "{}", unreachable.err);
    let doctor = run(&place, &url, &["doctor", "-o", "ndjson"]);
    let check = doctor.lines().into_iter().find(|check| check["check"] == "nats").unwrap();
    assert_eq!(check["state"], "warning", "{check}");
    assert!(check["advice"].as_str().unwrap().contains("LETOPIS_NATS_URL"), "{check}");
    assert_eq!(server.stop(), 0);
    let shown = run(&place, &url, &["config", "show"]).ok();
    let wrong = run(&place, "http://anna:s3cr3t@x", &["config", "show"]);
    assert_eq!(wrong.code, 2);
    let key = place.file("nats-url", "nats://anna:s3cr3t@127.0.0.1:1\n");
    let from_file = place.command(&["config", "show"]).env("LETOPIS_NATS_URL_FILE", key).output().unwrap();
    assert!(from_file.status.success());
    let from_file = String::from_utf8(from_file.stdout).unwrap();
    assert!(from_file.contains("********") && from_file.contains("LETOPIS_NATS_URL_FILE"), "{from_file}");
    for text in [&place.said(), &doctor.out, &doctor.err, &unreachable.err, &shown.out, &wrong.err, &from_file] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
