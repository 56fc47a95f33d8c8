//! A clock that is wrong: before a start, and while it serves.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

#[test]
fn a_clock_that_has_jumped_ahead_is_believed_only_by_an_operator() {
    let place = Place::new();
    assert_eq!(place.serve().stop(), 0);
    let witness = place.data().join("clock");
    let Ok(reading) = std::fs::read_to_string(&witness) else {
        eprintln!("left out: this system does not tell one start of the machine from another");
        return;
    };
    // As if the folder had been served three days ago by the clock, and a moment ago by what has passed.
    let (passed, at) = reading.trim_end().rsplit_once(' ').unwrap();
    let at = at.parse::<i64>().unwrap() - 3 * 86_400_000_000;
    std::fs::write(&witness, format!("{passed} {at}\n")).unwrap();
    let password = place.file("password", "correct horse battery");
    let create = ["users", "create", "anna", "--password-file", &password];
    let refused = place.run(&create);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("jumped ahead by 7") && refused.err.contains("--accept-clock"), "{}", refused.err);

    let server = place.serve();
    assert_eq!(place.run(&["health", "--url", &server.url]).code, 5);
    assert_eq!(place.run(&create).code, 1);
    assert_eq!(server.stop(), 0);

    let server = place.start(place.command(&["serve", "--listen", "127.0.0.1:0", "--accept-clock"])).unwrap();
    place.run(&create).ok();
    assert_eq!(server.stop(), 0);
    let server = place.serve();
    assert_eq!(server.log_in("anna", "correct horse battery").0, 200, "it was accepted once and for all");
}

/// A server whose clock, and nothing else, follows what stands in that file: `+3d`.
fn serve_by(place: &Place, clock: &Path) -> Server {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("LD_PRELOAD", servers::Server::Faketime.find().unwrap());
    command.env("FAKETIME_TIMESTAMP_FILE", clock).env("FAKETIME_NO_CACHE", "1").env("DONT_FAKE_MONOTONIC", "1");
    place.start(command).unwrap()
}

struct Client {
    http: reqwest::Client,
    url: String,
    session: String,
}

impl Client {
    async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let asked = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.session);
        let answer = asked.header("idempotency-key", key).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.session).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

#[test]
fn a_clock_that_jumps_while_it_serves_costs_no_receipt_and_leaves_no_time_in_the_future() {
    if !servers::installed(servers::Server::Faketime) {
        return;
    }
    let place = Place::new();
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    let clock = place.file("offset", "+0d");
    let set = |offset: &str| std::fs::write(&clock, offset).unwrap();
    let server = serve_by(&place, Path::new(&clock));
    let session = server.log_in("anna", "correct horse battery").1["session_id"].as_str().unwrap().to_owned();
    let anna = Client { http: reqwest::Client::new(), url: server.url.clone(), session };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (status, chat) = anna.post("/v1/chats", "chat", json!({"chat_name": "garden"})).await;
        assert_eq!(status, 201, "{chat}");
        let messages = format!("/v1/chats/{}/messages", chat["chat_id"].as_str().unwrap());
        let (status, first) = anna.post(&messages, "first", json!({"message": "hello"})).await;
        assert_eq!(status, 201, "{first}");

        // By more than a day: nothing is written, it says so, and reading goes on. Half an hour more than the hours it says.
        set("+4350m");
        let (status, refused) = anna.post(&messages, "second", json!({"message": "later"})).await;
        assert_eq!((status, refused["code"].as_str()), (503, Some("unavailable")), "{refused}");
        let (status, ready) = anna.get("/readyz").await;
        assert_eq!(status, 503);
        assert!(ready["writer"].as_str().unwrap().contains("ahead by 72 hours"), "{ready}");
        assert_eq!(anna.get(&messages).await.1["messages"].as_array().unwrap().len(), 1);

        // Set right, it goes on; and no time of the meantime is in the log.
        set("+0d");
        let (status, second) = anna.post(&messages, "second", json!({"message": "later"})).await;
        assert_eq!(status, 201, "{second}");
        // What it found a moment ago it says for a second.
        let ready = async {
            while anna.get("/readyz").await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it is ready again");
        let sent_at = second["sent_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert!(sent_at < jiff::Timestamp::now() + jiff::Span::new().hours(1), "{second}");

        // By less than a day it is believed: the receipts are there all the same, then and after it is set back.
        for offset in ["+23h", "+0d"] {
            set(offset);
            let again = anna.post(&messages, "first", json!({"message": "hello"})).await;
            assert_eq!(again, (201, first.clone()), "at {offset}");
        }
        assert_eq!(anna.get(&messages).await.1["messages"].as_array().unwrap().len(), 2);
    });
    assert_eq!(server.stop(), 0);
}
