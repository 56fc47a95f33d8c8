//! An older copy of the database is put back, and goes on otherwise: nothing of the history that is lost is shown, found,
//! told or believed.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use async_nats::jetstream;
use common::{Place, Server};
use redis::AsyncCommands;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);
const PASSWORD: &str = "a long enough passphrase";

/// The status and the body.
async fn ask(server: &Server, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", server.url));
    if !token.is_empty() {
        request = request.bearer_auth(token);
    }
    if !body.is_null() {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

async fn post(server: &Server, path: &str, token: &str, body: Value) -> Value {
    let (status, answer) = ask(server, Method::POST, path, token, body).await;
    assert!((200..300).contains(&status), "{path}: {status} {answer}");
    answer
}

async fn log_in(server: &Server, name: &str) -> String {
    let session = post(server, "/v1/auth/login", "", json!({"user_name": name, "password": PASSWORD})).await;
    session["session_id"].as_str().unwrap().to_owned()
}

async fn me(server: &Server, token: &str) -> u16 {
    ask(server, Method::GET, "/v1/me", token, Value::Null).await.0
}

async fn say(server: &Server, token: &str, chat: &str, text: &str) {
    post(server, &format!("/v1/chats/{chat}/messages"), token, json!({"message": text})).await;
}

/// The texts of an answer, whatever its lists are called.
fn texts(answer: &Value, list: &str) -> Vec<String> {
    let all = answer[list].as_array().unwrap_or_else(|| panic!("{answer}"));
    all.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

/// Which events the stream holds, by their positions, in its order.
async fn told(url: &str) -> Vec<u64> {
    let jetstream = jetstream::new(servers::connect_nats(url).await.unwrap());
    let Ok(mut stream) = jetstream.get_stream("letopis").await else { return Vec::new() };
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut positions = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        positions.push(message.headers.get("Letopis-Position").unwrap().as_str().parse().unwrap());
    }
    positions
}

async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < SOON, "it does not come to that: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn head(place: &Place) -> u64 {
    place.run(&["events", "stats", "-o", "json"]).ok().json()["head"].as_u64().unwrap()
}

fn copy(from: &Path, to: &Path, only: impl Fn(&str) -> bool) {
    std::fs::create_dir_all(to).unwrap();
    for found in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (name, is_file) = (found.file_name().into_string().unwrap(), found.file_type().unwrap().is_file());
        if is_file && only(&name) {
            std::fs::copy(found.path(), to.join(name)).unwrap();
        }
    }
}

fn is_log(name: &str) -> bool {
    name.starts_with("letopis.db")
}

/// Sessions that Redis knows.
async fn known(url: &str) -> usize {
    let client = redis::Client::open(url).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    redis.keys::<_, Vec<String>>("letopis:session:*").await.unwrap().len()
}

/// Puts the log of another folder where the one of this folder was.
fn put_back(other: &Place, place: &Place) {
    for found in std::fs::read_dir(place.data()).unwrap().map(Result::unwrap) {
        if is_log(found.file_name().to_str().unwrap()) {
            std::fs::remove_file(found.path()).unwrap();
        }
    }
    copy(&other.data(), &place.data(), is_log);
}

async fn the_relay_waits(place: &Place, server: &Server, url: &str, told_before: &[u64], (token, chat): (&str, &str)) {
    // Others were told what is lost: nothing is added to that before somebody has looked.
    until("the relay disarms itself", async || place.data().join("relay.disarmed").exists()).await;
    assert_eq!(told(url).await, told_before);
    let armed_at = head(place);
    place.run(&["relay", "arm"]).ok();
    // It begins at the log's end, wherever that is when it has looked.
    until("what is new is told", async || {
        say(server, token, chat, "words told").await;
        told(url).await.len() > told_before.len()
    })
    .await;
    let told_since = told(url).await.split_off(told_before.len());
    assert!(told_since.is_sorted() && told_since[0] > armed_at, "{armed_at}: {told_since:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_history_of_the_log_is_shown_after_an_older_copy_came_back() {
    let (Some(nats), Some(redis)) = (servers::nats().await, servers::redis().await) else { return };
    let place = Place::new().with("LETOPIS_NATS_URL", nats.url()).with("LETOPIS_REDIS_URL", redis.url());

    let server = place.serve();
    post(&server, "/v1/auth/register", "", json!({"user_name": "anna", "password": PASSWORD})).await;
    let anna = log_in(&server, "anna").await;
    let chat = post(&server, "/v1/chats", &anna, json!({"chat_name": "garden"})).await;
    let chat = chat["chat_id"].as_str().unwrap().to_owned();
    say(&server, &anna, &chat, "words in common").await;
    assert_eq!(server.stop(), 0);
    let common = head(&place);
    // The copy, and a place where it goes on otherwise.
    let other = Place::new();
    copy(&place.data(), &other.data(), |_| true);

    // What will be lost: words, people, sessions, the end of a session. Redis is told of these sessions.
    let server = place.serve();
    post(&server, "/v1/auth/register", "", json!({"user_name": "boris", "password": PASSWORD})).await;
    for number in 0..5 {
        say(&server, &anna, &chat, &format!("words lost {number}")).await;
    }
    post(&server, "/v1/auth/logout", &anna, Value::Null).await;
    let mut lost = Vec::new();
    for name in ["anna", "boris"] {
        lost.push(log_in(&server, name).await);
    }
    let known = async || known(redis.url()).await;
    assert_eq!((me(&server, &lost[0]).await, me(&server, &lost[1]).await, me(&server, &anna).await), (200, 200, 401));
    until("Redis knows both sessions", async || known().await >= lost.len()).await;
    let end = head(&place);
    until("all is told", async || told(nats.url()).await.len() >= 8).await;
    assert_eq!(server.stop(), 0);
    let told_before = told(nats.url()).await;

    let server = other.serve();
    say(&server, &anna, &chat, "words kept 0").await;
    assert_eq!(server.stop(), 0);
    let kept = head(&other);
    assert!(common < kept && kept + 2 < end, "{common} {kept} {end}");

    put_back(&other, &place);
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(refused.err.contains(&(kept + 1).to_string()), "it says where: {}", refused.err);
    let accepted = place.run(&["events", "anchor", "--accept"]).ok().json();
    assert_eq!((&accepted["other_history"], &accepted["lost"]), (&true.into(), &(end - kept).into()));

    let server = place.serve();
    assert!(known().await >= lost.len(), "Redis still knows the lost sessions");
    let refused = async || [me(&server, &lost[0]).await, me(&server, &lost[1]).await];
    assert_eq!(refused().await, [401, 401]);
    assert_eq!(me(&server, &anna).await, 200, "whose end is lost");
    // Beyond the positions of what is lost: there the hashes alone tell.
    for number in 1..12 {
        say(&server, &anna, &chat, &format!("words kept {number}")).await;
        assert_eq!(refused().await, [401, 401], "{number}");
    }
    assert!(head(&place) > end);
    let path = format!("/v1/chats/{chat}/messages?limit=100");
    let (_, messages) = ask(&server, Method::GET, &path, &anna, Value::Null).await;
    let messages = texts(&messages, "messages");
    assert_eq!(messages.len(), 13, "{messages:?}");
    let (_, found) = ask(&server, Method::GET, "/v1/search?q=words&limit=100", &anna, Value::Null).await;
    let found = texts(&found, "hits");
    assert_eq!(found.len(), 13, "{found:?}");
    assert!(messages.iter().chain(&found).all(|text| !text.contains("lost")), "{messages:?} {found:?}");
    assert_eq!(place.run(&["users", "show", "boris"]).code, 3);
    place.run(&["projections", "verify", "--all"]).ok();
    place.run(&["events", "verify"]).ok();

    the_relay_waits(&place, &server, nats.url(), &told_before, (&anna, &chat)).await;
    assert_eq!(server.stop(), 0);
}
