//! What live streams cost and how fast they are: measured, and never a reason for a failure. The release binary:
//!
//! ```sh
//! cargo build --release && export TESTED_BINARY=$PWD/target/release/letopis
//! cargo nextest run --workspace --test live_speed --run-ignored all --no-capture
//! ```
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Server};
use reqwest::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

/// A session has so many streams at most (CONTRACT 1.3).
const STREAMS: usize = 10;
/// More than are heard at once.
const QUEUE_MAX: usize = 20_000;
/// From one address there are so many connections at most, less some for requests.
const PER_ADDRESS: usize = 400;

/// A server without rate limits whose sign-ups cost little.
fn served() -> (Place, Server) {
    let place = Place::new()
        .with("LETOPIS_RATE_LIMITS", "off")
        .with("LETOPIS_LOG", "warn")
        .with("LETOPIS_ARGON2_MEMORY_KIB", "8")
        .with("LETOPIS_ARGON2_PASSES", "1");
    let server = place.serve();
    (place, server)
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work);
}

fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Somebody with a session.
#[derive(Clone)]
struct Person {
    http: Client,
    url: String,
    token: String,
}

impl Person {
    async fn new(server: &Server, name: &str) -> Person {
        let (http, url) = (Client::new(), server.url.clone());
        let account = json!({"user_name": name, "password": "a long enough passphrase"});
        let registered = http.post(format!("{url}/v1/auth/register")).json(&account).send().await.unwrap();
        assert_eq!(registered.status(), 201);
        let session = http.post(format!("{url}/v1/auth/login")).json(&account).send().await.unwrap();
        let session = session.json::<Value>().await.unwrap();
        Person { http, url, token: session["session_id"].as_str().unwrap().to_owned() }
    }

    /// So many people, one after the other.
    async fn some(server: &Server, count: usize) -> Vec<Person> {
        let mut people = Vec::new();
        for number in 0..count {
            people.push(Person::new(server, &format!("person {number}")).await);
        }
        people
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let asked = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token).json(body);
        let answer = asked.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
        answer.json().await.unwrap()
    }

    async fn chat(&self, name: &str) -> String {
        let created = self.post("/v1/chats", &json!({"chat_name": name})).await;
        created["chat_id"].as_str().unwrap().to_owned()
    }

    async fn join(&self, chat: &str) {
        self.post(&format!("/v1/chats/{chat}/users"), &json!({})).await;
    }

    async fn say(&self, chat: &str, text: &str) -> u64 {
        let said = self.post(&format!("/v1/chats/{chat}/messages"), &json!({"message": text})).await;
        said["position"].as_u64().unwrap()
    }
}

/// A stream, from an address that few others have, and what was heard on it up to `hello` and behind it.
async fn stream(person: &Person, number: usize, query: &str) -> (TcpStream, Vec<u8>) {
    let server = person.url.strip_prefix("http://").unwrap().parse::<SocketAddr>().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    let address = format!("127.0.0.{}:0", 2 + number / PER_ADDRESS);
    socket.bind(address.parse().unwrap()).unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let request =
        format!("GET /v1/live{query} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {}\r\n\r\n", person.token);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.windows(12).any(|some| some == b"event: hello") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0, "{}", String::from_utf8_lossy(&head));
    }
    (stream, head)
}

/// Tells of each `message.posted` that comes when it came.
async fn listen((mut stream, mut read): (TcpStream, Vec<u8>), heard: Sender<Instant>) {
    const NAME: &[u8] = b"event: message.posted";
    loop {
        while let Some(at) = read.windows(NAME.len()).position(|some| some == NAME) {
            read.drain(..at + NAME.len());
            let _ = heard.send(Instant::now()).await;
        }
        let kept = read.len().saturating_sub(NAME.len());
        read.drain(..kept);
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

async fn listened(people: &[Person], each: usize) -> (JoinSet<()>, Receiver<Instant>) {
    let ((sender, heard), mut listeners) = (channel(QUEUE_MAX), JoinSet::new());
    for number in 0..people.len() * each {
        let stream = stream(&people[number / each], number, "").await;
        listeners.spawn(listen(stream, sender.clone()));
    }
    (listeners, heard)
}

fn percentile(waits: &mut [Duration], of_hundred: usize) -> f64 {
    waits.sort_unstable();
    waits[(waits.len() * of_hundred / 100).min(waits.len() - 1)].as_secs_f64() * 1e3
}

#[test]
#[ignore = "it measures"]
fn five_thousand_idle_streams() {
    const COUNT: usize = 5_000;
    let (_place, server) = served();
    run(async {
        let people = Person::some(&server, COUNT / STREAMS).await;
        let chat = people[0].chat("News").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let before = resident_kib(&server);
        let mut streams = Vec::new();
        for number in 0..COUNT {
            streams.push(stream(&people[number / STREAMS], number, "").await);
        }
        // Each has been told by then that it is still there.
        tokio::time::sleep(Duration::from_secs(20)).await;
        people[0].say(&chat, "all are there").await;
        let after = resident_kib(&server);
        let each = (after - before) as f64 / COUNT as f64;
        println!("{COUNT} idle streams: {before} → {after} KiB, {each:.1} KiB each");
        drop(streams);
    });
    assert_eq!(server.stop(), 0);
}

#[test]
#[ignore = "it measures"]
fn a_message_to_a_thousand_watchers() {
    const WATCHERS: usize = 1_000;
    const MESSAGES: usize = 200;
    let (_place, server) = served();
    run(async {
        let people = Person::some(&server, WATCHERS / STREAMS).await;
        let chat = people[0].chat("News").await;
        for person in &people[1..] {
            person.join(&chat).await;
        }
        let (listeners, mut heard) = listened(&people, STREAMS).await;
        let mut waits = Vec::new();
        for number in 0..MESSAGES {
            let began = Instant::now();
            people[0].say(&chat, &format!("message {number}")).await;
            let mut last = began;
            for _ in 0..WATCHERS {
                last = last.max(heard.recv().await.unwrap());
            }
            waits.push(last - began);
        }
        let (half, most) = (percentile(&mut waits, 50), percentile(&mut waits, 99));
        println!("from a POST to the last of {WATCHERS} watchers: p50 {half:.1} ms, p99 {most:.1} ms");
        drop(listeners);
    });
    assert_eq!(server.stop(), 0);
}

#[test]
#[ignore = "it measures"]
fn ten_thousand_missed_frames() {
    const FRAMES: usize = 10_000;
    const ROUNDS: usize = 5;
    let (_place, server) = served();
    run(async {
        let person = Person::new(&server, "anna").await;
        let chat = person.chat("News").await;
        let from = person.say(&chat, "the first").await;
        let mut posting = JoinSet::new();
        for part in 0..20 {
            let (person, chat) = (person.clone(), chat.clone());
            posting.spawn(async move {
                for number in 0..FRAMES / 20 {
                    person.say(&chat, &format!("message {part} {number}")).await;
                }
            });
        }
        posting.join_all().await;
        let mut waits = Vec::new();
        for _ in 0..ROUNDS {
            let (sender, mut heard) = channel(QUEUE_MAX);
            let began = Instant::now();
            let listener = tokio::spawn(listen(stream(&person, 0, &format!("?from={from}")).await, sender));
            for _ in 0..FRAMES {
                heard.recv().await.unwrap();
            }
            waits.push(began.elapsed());
            listener.abort();
        }
        let (half, most) = (percentile(&mut waits, 50), percentile(&mut waits, 100));
        println!("{FRAMES} missed frames: {half:.0} ms, at most {most:.0} ms");
    });
    assert_eq!(server.stop(), 0);
}

/// Reads what comes and looks at none of it: the client shares the two cores with the server.
async fn read_on((mut stream, mut read): (TcpStream, Vec<u8>)) {
    while stream.read_buf(&mut read).await.unwrap_or(0) > 0 {
        read.clear();
    }
}

/// How many messages a second so many posters come to.
async fn posting(people: &[Person], chats: &[String], took: Duration) -> f64 {
    let (stopped, posted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut posters = JoinSet::new();
    for (person, chat) in people.iter().zip(chats) {
        let (person, chat, stopped, posted) = (person.clone(), chat.clone(), stopped.clone(), posted.clone());
        posters.spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                person.say(&chat, "some words of a message that is as long as most").await;
                posted.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(took).await;
    let rate = posted.load(Ordering::Relaxed) as f64 / took.as_secs_f64();
    stopped.store(true, Ordering::Relaxed);
    posters.join_all().await;
    rate
}

#[test]
#[ignore = "it measures"]
fn posting_with_watchers_and_without() {
    const CHATS: usize = 50;
    const ROUNDS: usize = 5;
    let (_place, server) = served();
    run(async {
        let people = Person::some(&server, CHATS).await;
        let mut chats = Vec::new();
        for person in &people {
            chats.push(person.chat("News").await);
        }
        let took = Duration::from_secs(3);
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(posting(&people, &chats, took).await);
            let mut listeners = JoinSet::new();
            for number in 0..CHATS * STREAMS {
                listeners.spawn(read_on(stream(&people[number / STREAMS], number, "").await));
            }
            with.push(posting(&people, &chats, took).await);
            drop(listeners);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        without.sort_by(f64::total_cmp);
        with.sort_by(f64::total_cmp);
        let (without, with) = (without[ROUNDS / 2], with[ROUNDS / 2]);
        let watchers = CHATS * STREAMS;
        println!("posts a second: {without:.0}, with {watchers} watchers {with:.0}, {:.2} of it", with / without);
    });
    assert_eq!(server.stop(), 0);
}
