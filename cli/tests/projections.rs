//! Pausing, resuming and skipping by the command line.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;

fn state(place: &Place, name: &str) -> Value {
    let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
}

/// An event that no version knows, written past the writer; its position.
fn poison(place: &Place) -> i64 {
    let log = rusqlite::Connection::open(place.data().join("letopis.db")).unwrap();
    let head = "select position, recorded_at, hash from event order by position desc limit 1";
    let (position, recorded_at, hash): (i64, i64, [u8; 32]) =
        log.query_row(head, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let (id, name) = ([7; 16], "message.frozen.v9");
    let stream = "message-07070707-0707-0707-0707-070707070707";
    let link = store::chain::Link {
        position: position + 1,
        stream,
        version: 1,
        id: &id,
        name,
        recorded_at,
        payload: "{}",
        subject: None,
        sealed_hash: None,
        meta: "{}",
    };
    let hash = store::chain::hash(&hash, &link, &mut Vec::new());
    log.execute(
        "insert into event (position, stream, version, id, name, recorded_at, payload, meta, hash)
         values (?1, ?2, 1, ?3, ?4, ?5, '{}', '{}', ?6)",
        (position + 1, stream, id, name, recorded_at, hash),
    )
    .unwrap();
    position + 1
}

#[test]
fn a_pause_outlives_the_server() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let server = place.serve();
    assert_eq!(place.run(&["projections", "pause", "users", "--reason", "a test"]).ok().json()["state"], "paused");
    assert_eq!(state(&place, "users")["state"], "paused");
    assert_eq!(place.run(&["health", "--url", &server.url]).code, 5);
    assert_eq!(server.stop(), 0);
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "Вера", "--password-file", &password]).ok();
    let paused = state(&place, "users");
    assert_eq!(paused["state"], "paused");
    assert!(paused["lag_events"].as_u64().unwrap() > 0, "{paused}");
    assert_eq!(place.run(&["projections", "resume", "users"]).ok().json()["state"], "running");
    let running = state(&place, "users");
    assert_eq!((&running["state"], running["lag_events"].as_u64()), (&Value::from("running"), Some(0)));
    place.run(&["projections", "verify", "--all"]).ok();
}

#[test]
fn a_skip_on_the_folder_itself_is_kept_in_the_log() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    assert_eq!(place.run(&["projections", "skip", "messages", "--reason", "nothing stops it"]).code, 4);
    for (arguments, code) in [
        (["projections", "skip", "messages"].as_slice(), 2),
        (&["projections", "skip", "messages", "--reason", " "], 2),
        (&["projections", "skip", "cats", "--reason", "a test"], 3),
        (&["projections", "pause", "cats"], 3),
    ] {
        assert_eq!(place.run(arguments).code, code, "{arguments:?}");
    }
    let position = poison(&place);
    let without = place.run(&["projections", "skip", "messages", "--reason", "a trial version wrote it"]).ok();
    assert_eq!(without.json()["skipped"], position);
    let said = without.err.lines().filter(|line| line.contains("the projection stops")).count();
    assert_eq!(said, 1, "once: {}", without.err);
    assert_eq!(state(&place, "messages")["lag_events"], 0);
    let kept = place.run(&["streams", "show", "projection-messages"]).ok().json();
    assert_eq!(kept["state"]["skipped"], serde_json::json!([position]));
    place.run(&["projections", "rebuild", "messages"]).ok();
    place.run(&["projections", "verify", "messages"]).ok();
}
