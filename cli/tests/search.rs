//! Finding messages by the command line, beside a server and without one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;

fn found(place: &Place, arguments: &[&str]) -> Vec<String> {
    let arguments = [&["search", "-o", "json"], arguments].concat();
    let answer = place.run(&arguments).ok().json();
    assert!(answer["total"].as_u64().unwrap() >= answer["hits"].as_array().unwrap().len() as u64, "{answer}");
    answer["hits"].as_array().unwrap().iter().map(|hit| hit["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn messages_of_all_chats_are_found_beside_a_server_and_without_one() {
    let place = Place::new();
    let first =
        r#"{"room": "one", "at": "2024-01-01T10:00:00Z", "author": "anna", "text": "Развернули сервис PLT-3699"}"#;
    let other =
        r#"{"room": "two", "at": "2024-01-02T10:00:00Z", "author": "boris", "text": "the services were deployed"}"#;
    let log = place.file("log.ndjson", &format!("{first}\n{other}\n"));
    place.run(&["import", &log, "--as-of-file-times"]).ok();
    assert_eq!(found(&place, &["сервисы"]), ["Развернули сервис PLT-3699"]);
    assert_eq!(found(&place, &["plt-3699"]), ["Развернули сервис PLT-3699"]);
    let server = place.serve();
    let third = r#"{"room": "two", "at": "2024-01-03T10:00:00Z", "author": "anna", "text": "one more service"}"#;
    let log = place.file("more.ndjson", &format!("{third}\n"));
    place.run(&["import", &log, "--as-of-file-times"]).ok();
    assert_eq!(found(&place, &["service"]), ["one more service", "the services were deployed"], "the newest first");
    assert_eq!(found(&place, &["service", "--limit", "1"]), ["one more service"]);
    assert_eq!(found(&place, &["service", "from:boris"]), ["the services were deployed"]);
    assert_eq!(found(&place, &["service", "in:one"]), [""; 0]);
    let lines = place.run(&["search", "service"]).ok().lines();
    let hit = &lines[0];
    assert_eq!((&hit["user_name"], &hit["sent_at"]), (&"anna".into(), &"2024-01-03T10:00:00.000000Z".into()));
    assert_eq!(hit["highlights"], serde_json::json!([[9, 16]]));
    assert_eq!(server.stop(), 0);
    assert_eq!(found(&place, &["service"]).len(), 2);
}

#[test]
fn a_question_that_cannot_be_read_says_where() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let refused = place.run(&["search", "word before:2026-02-30"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("character 12"), "{}", refused.err);
    assert_eq!(place.run(&["search"]).code, 2);
}

#[test]
fn how_large_the_index_is_stands_in_the_list() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    let of = |name: &str| listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    let search = of("search");
    let number = |what: &str| search[what].as_u64().unwrap();
    assert!(number("index_bytes") > 1_000 && number("segments") >= 1 && number("documents") > 1, "{search}");
    assert_eq!((number("lag_events"), &of("users")["index_bytes"]), (0, &Value::Null));
    place.run(&["projections", "rebuild", "search"]).ok();
    place.run(&["projections", "verify", "search"]).ok();
}
