//! A chat log comes in once, whoever has the folder.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;

/// Messages, rooms and people of the fixture: Анна has three spellings, crimsun two, `[x] ` is not `[x]`.
const MESSAGES: u64 = 10;
const ROOMS: u64 = 2;
const USERS: u64 = 6;

fn figures(summary: &Value) -> [u64; 4] {
    ["messages", "already_there", "rooms", "users"].map(|field| summary[field].as_u64().unwrap())
}

#[test]
fn a_second_run_imports_nothing_twice() {
    let place = Place::new();
    let file = fixture();
    let first = place.run(&["import", &file, "--as-of-file-times", "-o", "json"]).ok().json();
    assert_eq!(figures(&first), [MESSAGES, 0, ROOMS, USERS]);
    assert!(first["seconds"].is_f64() && first["messages_per_second"].is_f64());
    let head = place.run(&["events", "stats", "-o", "json"]).ok().json()["head"].clone();
    let second = place.run(&["import", &file]).ok();
    assert_eq!(figures(&second.json()), [0, MESSAGES, ROOMS, USERS]);
    assert!(second.err.contains("nothing was imported twice"), "{}", second.err);
    assert_eq!(place.run(&["events", "stats", "-o", "json"]).json()["head"], head);
    let lag = place.run(&["projections", "ls"]).ok().lines();
    assert!(lag.iter().all(|row| row["lag_events"] == 0), "{lag:?}");
    place.run(&["projections", "verify", "--all"]).ok();
    place.run(&["events", "verify"]).ok();
}

#[test]
fn messages_keep_their_times_only_when_asked() {
    let place = Place::new();
    place.run(&["import", &fixture(), "--as-of-file-times"]).ok();
    let posted = place.run(&["events", "ls", "--type", "message.posted.v1", "--personal"]).ok().lines();
    assert_eq!(posted[0]["payload"]["sent_at"], "2024-03-01T10:00:00.000000Z");
    assert_eq!(posted[4]["personal"], "kleedrac: I'm afraid not.  ");
    let other = Place::new();
    other.run(&["import", &fixture()]).ok();
    let now = other.run(&["events", "ls", "--type", "message.posted.v1"]).ok().lines();
    assert!(now[0]["payload"]["sent_at"].as_str().unwrap() > "2025");
    assert_eq!(now[0]["stream"], posted[0]["stream"], "the same ids everywhere");
}

#[test]
fn people_keep_their_spellings() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let users = place.run(&["users", "ls"]).ok().lines();
    let names = users.iter().map(|user| user["user_name"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(names.len() as u64, USERS);
    for name in ["Анна", "борис", "crimsun", "[x]"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("[x]-")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("meexample.org-")), "{names:?}");
    let joined = place.run(&["events", "ls", "--type", "chat.member_joined.v1", "--personal"]).ok().lines();
    let nicknames = joined.iter().map(|event| event["personal"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(nicknames, ["Анна", "борис", "crimsun", "[x] ", "[x]", "анна", "me@example.org"]);
}

#[test]
fn beside_a_server_it_goes_through_the_server() {
    let place = Place::new();
    let server = place.serve();
    let first = place.run(&["import", &fixture(), "-o", "json"]).ok().json();
    assert_eq!(figures(&first), [MESSAGES, 0, ROOMS, USERS]);
    let second = place.run(&["import", &fixture(), "-o", "json"]).ok().json();
    assert_eq!(figures(&second), [0, MESSAGES, ROOMS, USERS]);
    assert_eq!(server.stop(), 0);
    let third = place.run(&["import", &fixture(), "-o", "json"]).ok().json();
    assert_eq!(figures(&third), [0, MESSAGES, ROOMS, USERS]);
}

#[test]
fn a_bad_line_stops_it_and_loses_nothing() {
    let place = Place::new();
    let good = std::fs::read_to_string(fixture()).unwrap();
    let mut lines = good.lines().collect::<Vec<_>>();
    lines.insert(3, r#"{"room": "r", "at": "yesterday", "author": "a", "text": "t"}"#);
    let bad = place.file("bad.ndjson", &lines.join("\n"));
    let stopped = place.run(&["import", &bad]);
    assert_eq!(stopped.code, 1);
    assert!(stopped.err.contains("line 4 ") && stopped.err.contains("RFC 3339"), "{}", stopped.err);
    let on = place.run(&["import", &fixture(), "-o", "json"]).ok().json();
    assert_eq!(figures(&on), [MESSAGES - 3, 3, ROOMS, USERS]);
    assert_eq!(place.run(&["import", "nowhere.ndjson"]).code, 3);
}

#[test]
fn a_taken_name_is_not_taken_away() {
    let place = Place::new();
    let password = place.file("password", "correct horse battery\n");
    place.run(&["users", "create", "Crimsun", "--password-file", &password]).ok();
    place.run(&["import", &fixture()]).ok();
    let users = place.run(&["users", "ls", "--name", "crimsun"]).ok().lines();
    assert_eq!(users.len(), 2, "{users:?}");
    assert!(users[1]["user_name"].as_str().unwrap().starts_with("crimsun-"), "{users:?}");
}

#[test]
fn who_left_is_not_brought_back() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "set-password", "борис", "--password-file", &password]).ok();
    let joined = place.run(&["events", "ls", "--type", "chat.member_joined.v1", "--user", "борис"]).ok().lines();
    let (chat, user) = (joined[0]["stream"].as_str().unwrap(), joined[0]["payload"]["user_id"].as_str().unwrap());
    let server = place.serve();
    let (status, session) = server.log_in("борис", "correct horse battery");
    assert_eq!(status, 200, "{session}");
    let member = format!("/v1/chats/{}/users/{user}", chat.strip_prefix("chat-").unwrap());
    assert_eq!(server.delete(&member, session["session_id"].as_str().unwrap()), 200);
    let again = place.run(&["import", &fixture(), "-o", "json"]).ok().json();
    assert_eq!(figures(&again), [0, MESSAGES, ROOMS, USERS]);
    let state = place.run(&["streams", "show", chat]).ok().json();
    assert_eq!(state["state"]["members"].as_array().unwrap().len(), 1, "{state}");
}
