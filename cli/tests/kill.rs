//! kill -9 in the middle of load, with a ledger kept by the clients, who are never killed: what was acknowledged is
//! there once, and what was cut off is found out by asking again with the same key.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod common;

use common::Place;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CLIENTS: u64 = 8;

/// Kills in one run; `scripts/kill` asks for more.
fn cycles() -> u64 {
    std::env::var("KILL_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// What a client knows of a message that it sent: where it was acknowledged, or nothing.
type Ledger = HashMap<String, Option<u64>>;

struct Client {
    http: reqwest::Client,
    token: String,
    chat: String,
}

impl Client {
    /// Posts a message whose text is its key. `None` when no answer came.
    async fn post(&self, url: &str, key: &str) -> Option<(u16, Value)> {
        let url = format!("{url}/v1/chats/{}/messages", self.chat);
        let request = self.http.post(url).bearer_auth(&self.token).header("Idempotency-Key", key);
        let response = request.json(&json!({"message": key})).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    async fn ask(&self, url: &str, path: &str, body: Value) -> Value {
        let mut request = self.http.post(format!("{url}{path}")).json(&body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_the_rest_is_resolved_by_its_key() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_micros();
    println!("seed {seed}");
    let server = place.serve();
    let client = runtime.block_on(signed_in(&server.url));
    drop(server);
    let client = Arc::new(client);
    let mut ledger = Ledger::new();
    let (mut acknowledged, mut unknown) = (0, 0);
    for cycle in 0..cycles() {
        let mut server = place.serve();
        let wait_ms = 60 + (u64::from(seed) + cycle * 97) % 240;
        let cycle_ledger = runtime.block_on(async {
            let stop = Arc::new(AtomicBool::new(false));
            let clients = (0..CLIENTS).map(|number| {
                let prefix = format!("{cycle}-{number}");
                tokio::spawn(flood(Arc::clone(&client), server.url.clone(), prefix, Arc::clone(&stop)))
            });
            let clients = clients.collect::<Vec<_>>();
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            // SIGKILL on Unix.
            server.child.kill().unwrap();
            stop.store(true, Ordering::Relaxed);
            let mut ledger = Ledger::new();
            for client in clients {
                ledger.extend(client.await.unwrap());
            }
            ledger
        });
        server.child.wait().unwrap();
        acknowledged += cycle_ledger.values().flatten().count();
        unknown += cycle_ledger.values().filter(|position| position.is_none()).count();
        // Whoever got no answer asks again, with the same key.
        let again = place.serve();
        for (key, position) in cycle_ledger {
            let (status, body) = runtime.block_on(client.post(&again.url, &key)).unwrap();
            assert_eq!(status, 201, "{body}");
            let resolved = body["position"].as_u64().unwrap();
            assert!(position.is_none_or(|position| position == resolved), "{key}: {position:?}, then {resolved}");
            ledger.insert(key, Some(resolved));
        }
    }
    println!("{acknowledged} acknowledged, {unknown} without an answer");
    assert!(acknowledged > 0 && unknown > 0, "the load was too light to prove anything");
    compare(&place, &ledger);
}

/// Posts one message after the other until the server is gone.
async fn flood(client: Arc<Client>, url: String, prefix: String, stop: Arc<AtomicBool>) -> Ledger {
    let mut ledger = Ledger::new();
    for number in 0.. {
        let key = format!("{prefix}-{number}");
        match client.post(&url, &key).await {
            Some((201, body)) => ledger.insert(key, body["position"].as_u64()),
            Some((status, body)) => panic!("{status}: {body}"),
            None => ledger.insert(key, None),
        };
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    ledger
}

async fn signed_in(url: &str) -> Client {
    let credentials = json!({"user_name": "anna", "password": "a long enough passphrase"});
    let mut client = Client { http: reqwest::Client::new(), token: String::new(), chat: String::new() };
    client.ask(url, "/v1/auth/register", credentials.clone()).await;
    let session = client.ask(url, "/v1/auth/login", credentials).await;
    client.token = session["session_id"].as_str().unwrap().to_owned();
    let chat = client.ask(url, "/v1/chats", json!({"chat_name": "under fire"})).await;
    client.chat = chat["chat_id"].as_str().unwrap().to_owned();
    client
}

/// The log holds each message of the ledger once, where it was said to be, and none besides; it verifies, and so do
/// the read models that were cut off with it.
fn compare(place: &Place, ledger: &Ledger) {
    let verified = place.run(&["events", "verify", "-o", "json"]).ok();
    println!("{}", verified.out);
    let arguments = ["events", "ls", "--type", "message.posted.v1", "--limit", "100000", "--personal", "-o", "ndjson"];
    let events = place.run(&arguments).ok().lines();
    assert_eq!(events.len(), ledger.len());
    for event in events {
        let text = event["personal"].as_str().unwrap_or_else(|| panic!("no text in {event}"));
        assert_eq!(ledger.get(text), Some(&event["position"].as_u64()), "{event}");
    }
    place.run(&["projections", "verify", "--all"]).ok();
}
