//! Clients with a ledger, who are never killed: what they were told is held against the log afterwards.

use super::Place;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a client knows of a message that it sent: where it was acknowledged, or nothing.
pub type Ledger = HashMap<String, Option<u64>>;

/// Longer than any load is meant to take.
const LOAD_WITHIN: Duration = Duration::from_secs(60);
/// Events that are compared at a time.
const PAGE: u64 = 20_000;

/// What became of a load.
#[derive(Default)]
pub struct Outcome {
    pub ledger: Ledger,
    /// How many were answered by 503.
    pub refused: usize,
}

impl Outcome {
    pub fn acknowledged(&self) -> usize {
        self.ledger.values().flatten().count()
    }

    pub fn unknown(&self) -> usize {
        self.ledger.len() - self.acknowledged()
    }
}

/// How a load is made.
#[derive(Clone)]
pub struct Load {
    pub clients: u64,
    /// Every key begins with it.
    pub prefix: String,
    /// How long each client rests between two messages.
    pub pause: Duration,
    pub stop: Arc<AtomicBool>,
}

impl Load {
    pub fn new(clients: u64, prefix: impl Into<String>) -> Load {
        Load { clients, prefix: prefix.into(), pause: Duration::ZERO, stop: Arc::default() }
    }
}

pub struct Client {
    http: reqwest::Client,
    token: String,
    chat: String,
}

impl Client {
    /// An account with a chat of its own.
    pub async fn signed_in(url: &str) -> Client {
        let credentials = json!({"user_name": "anna", "password": "a long enough passphrase"});
        let mut client = Client { http: reqwest::Client::new(), token: String::new(), chat: String::new() };
        client.ask(url, "/v1/auth/register", credentials.clone()).await;
        let session = client.ask(url, "/v1/auth/login", credentials).await;
        client.token = session["session_id"].as_str().unwrap().to_owned();
        let chat = client.ask(url, "/v1/chats", json!({"chat_name": "under fire"})).await;
        client.chat = chat["chat_id"].as_str().unwrap().to_owned();
        client
    }

    /// Posts a message whose text is its key. `None` when no answer came.
    pub async fn post(&self, url: &str, key: &str) -> Option<(u16, Value)> {
        self.post_text(url, key, key).await
    }

    pub async fn post_text(&self, url: &str, key: &str, text: &str) -> Option<(u16, Value)> {
        let url = format!("{url}/v1/chats/{}/messages", self.chat);
        let request = self.http.post(url).bearer_auth(&self.token).header("Idempotency-Key", key);
        let response = request.json(&json!({"message": text})).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    /// The status of a look at the newest messages.
    pub async fn read(&self, url: &str) -> u16 {
        let url = format!("{url}/v1/chats/{}/messages?order=newest-first&limit=1", self.chat);
        self.http.get(url).bearer_auth(&self.token).send().await.unwrap().status().as_u16()
    }

    async fn ask(&self, url: &str, path: &str, body: Value) -> Value {
        let mut request = self.http.post(format!("{url}{path}")).json(&body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// Every client posts one message after the other until it is stopped, or the server answers no more.
pub async fn flood(client: &Arc<Client>, url: &str, load: &Load) -> Outcome {
    let one = |number| one(Arc::clone(client), url.to_owned(), load.clone(), number);
    let clients = (0..load.clients).map(|number| tokio::spawn(one(number))).collect::<Vec<_>>();
    let mut all = Outcome::default();
    for client in clients {
        let outcome = client.await.unwrap();
        all.ledger.extend(outcome.ledger);
        all.refused += outcome.refused;
    }
    all
}

async fn one(client: Arc<Client>, url: String, load: Load, number: u64) -> Outcome {
    let mut outcome = Outcome::default();
    let began = Instant::now();
    for count in 0.. {
        assert!(began.elapsed() < LOAD_WITHIN, "nothing has ended this load");
        let key = format!("{}-{number}-{count}", load.prefix);
        let answer = client.post(&url, &key).await;
        let silent = answer.is_none();
        match answer {
            Some((201, body)) => outcome.ledger.insert(key, body["position"].as_u64()),
            Some((503, _)) => {
                outcome.refused += 1;
                outcome.ledger.insert(key, None)
            }
            Some((status, body)) => panic!("{status}: {body}"),
            None => outcome.ledger.insert(key, None),
        };
        if silent || load.stop.load(Ordering::Relaxed) {
            break;
        }
        tokio::time::sleep(load.pause).await;
    }
    outcome
}

/// Everybody asks again, with the same keys: what was acknowledged is where it was said to be, and what was not is
/// there from now on.
pub async fn resolve(client: &Client, url: &str, ledger: Ledger) -> Ledger {
    let mut resolved = Ledger::new();
    for (key, position) in ledger {
        let (status, body) = client.post(url, &key).await.unwrap();
        assert_eq!(status, 201, "{body}");
        let again = body["position"].as_u64().unwrap();
        assert!(position.is_none_or(|position| position == again), "{key}: {position:?}, then {again}");
        resolved.insert(key, Some(again));
    }
    resolved
}

/// The log holds each message of the ledger once, where it was said to be, and none besides; it verifies, and so do
/// the read models that were cut off with it.
pub fn compare(place: &Place, ledger: &Ledger) {
    let verified = place.run(&["events", "verify", "-o", "json"]).ok();
    println!("{}", verified.out);
    let head = verified.json()["head"].as_u64().unwrap();
    let mut posted = 0;
    for from in (1..=head).step_by(PAGE as usize) {
        let (from, to) = (from.to_string(), (from + PAGE - 1).to_string());
        let which = ["--type", "message.posted.v1", "--from", &from, "--to", &to, "--limit", "1000000"];
        let arguments = [["events", "ls", "--personal", "-o", "ndjson"].as_slice(), &which].concat();
        for event in place.run(&arguments).ok().lines() {
            let text = event["personal"].as_str().unwrap_or_else(|| panic!("no text in {event}"));
            assert_eq!(ledger.get(text), Some(&event["position"].as_u64()), "{event}");
            posted += 1;
        }
    }
    assert_eq!(posted, ledger.len());
    place.run(&["projections", "verify", "--all"]).ok();
}
