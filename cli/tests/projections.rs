//! Pausing, resuming and skipping by the command line.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;

fn state(place: &Place, name: &str) -> Value {
    let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
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
    let position = testkit::poison(&place.data(), "message.frozen.v9");
    let without = place.run(&["projections", "skip", "messages", "--reason", "a trial version wrote it"]).ok();
    assert_eq!(without.json()["skipped"], position);
    let said = without.err.lines().filter(|line| line.contains("the projection stops"));
    let said = said.filter(|line| line.contains("stops messages")).count();
    assert_eq!(said, 1, "once: {}", without.err);
    assert_eq!(state(&place, "messages")["lag_events"], 0);
    let kept = place.run(&["streams", "show", "projection-messages"]).ok().json();
    assert_eq!(kept["state"]["skipped"], serde_json::json!([position]));
    place.run(&["projections", "rebuild", "messages"]).ok();
    place.run(&["projections", "verify", "messages"]).ok();
}

#[test]
fn a_skip_goes_to_the_server_that_the_event_stops() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let position = testkit::poison(&place.data(), "message.frozen.v9");
    let server = place.serve();
    let looked = |wanted: &dyn Fn(&Value) -> bool| {
        let looks = std::iter::repeat_with(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            state(&place, "messages")
        });
        looks.take(500).find(|state| wanted(state))
    };
    let stopped = looked(&|state| state["state"] == "stopped").expect("the event stops it");
    assert_eq!(stopped["failed_position"], position);
    assert_eq!(state(&place, "users")["state"], "running", "the others go on");
    assert_eq!(place.run(&["health", "--url", &server.url]).code, 5);
    let refused = place.run(&["projections", "skip", "users", "--reason", "nothing stops it"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    let skip = ["projections", "skip", "messages", "--reason", "a trial version wrote it"];
    assert_eq!(place.run(&skip).ok().json()["skipped"], position);
    // It stops every read model of messages.
    for name in ["chats", "search"] {
        place.run(&["projections", "skip", name, "--reason", "a trial version wrote it"]).ok();
    }
    place.run(&["health", "--url", &server.url]).ok();
    let running = looked(&|state| state["lag_events"] == 0).expect("it goes on to the head");
    assert_eq!(running["state"], "running");
    assert_eq!(place.run(&skip).code, 4, "once");
    let kept = place.run(&["streams", "show", "projection-messages"]).ok().json();
    assert_eq!(kept["state"]["skipped"], serde_json::json!([position]));
    assert_eq!(server.stop(), 0);
    place.run(&["projections", "verify", "--all"]).ok();
}
