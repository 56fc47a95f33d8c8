//! The built binary beside NATS.
#![allow(missing_docs, clippy::unwrap_used)]

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
