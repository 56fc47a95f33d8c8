//! The log as it is shown, and what is found when somebody changed it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

fn imported() -> Place {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    place
}

#[test]
fn a_line_has_the_promised_fields_in_order() {
    let place = imported();
    let listed = place.run(&["events", "ls", "--limit", "3"]).ok();
    let first = listed.out.lines().next().unwrap();
    let fields = ["position", "stream", "version", "id", "type", "recorded_at", "payload", "meta", "hash"];
    let mut from = 0;
    for field in fields {
        let found = first[from..].find(&format!("\"{field}\":"));
        from += found.unwrap_or_else(|| panic!("{field} in {first}"));
    }
    let line = &listed.lines()[0];
    assert_eq!(line.as_object().unwrap().len(), fields.len());
    assert!(line["payload"].is_object() && line["meta"]["actor"] == "import");
    assert_eq!(line["hash"].as_str().unwrap().len(), 64);
    assert_eq!(listed.lines().len(), 3);
}

#[test]
fn they_are_filtered() {
    let place = imported();
    let all = place.run(&["events", "ls", "-o", "json"]).ok().json();
    let all = all.as_array().unwrap();
    let ls = |arguments: &[&str]| place.run(&[&["events", "ls"], arguments].concat()).ok().lines();
    assert_eq!(ls(&["--from", "3", "--to", "5"]).len(), 3);
    assert_eq!(ls(&["--type", "message.*"]).len(), 10);
    assert_eq!(ls(&["--since", "1h"]).len(), all.len());
    assert_eq!(ls(&["--since", "2099-01-01T00:00:00Z"]).len(), 0);
    let stream = all[0]["stream"].as_str().unwrap();
    assert!(ls(&["--stream", stream]).iter().all(|event| event["stream"] == stream));
    let of_anna = ls(&["--user", "Анна", "--type", "message.*"]);
    assert_eq!(of_anna.len(), 4);
    assert_eq!(place.run(&["events", "ls", "--since", "yesterday"]).code, 2);
    assert_eq!(place.run(&["events", "ls", "--user", "nobody"]).code, 3);
}

#[test]
fn one_and_the_last_ones_and_all_of_them() {
    let place = imported();
    let stats = place.run(&["events", "stats", "-o", "json"]).ok().json();
    let head = stats["head"].as_u64().unwrap();
    assert_eq!(stats["events"], head);
    let posted = stats["types"].as_array().unwrap().iter().find(|row| row["type"] == "message.posted.v1").unwrap();
    assert_eq!(posted["count"], 10);
    let tail = place.run(&["events", "tail"]).ok().lines();
    let positions = tail.iter().map(|event| event["position"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(positions, (head - 9..=head).collect::<Vec<_>>());
    let by_position = place.run(&["events", "show", &head.to_string()]).ok().json();
    assert!(by_position.get("personal").is_none());
    let by_id = place.run(&["events", "show", by_position["id"].as_str().unwrap(), "--personal"]).ok().json();
    assert_eq!(by_id["position"], head);
    assert_eq!(by_id["personal"], "an author with an at sign");
    assert_eq!(place.run(&["events", "show", "999999"]).code, 3);
    assert_eq!(place.run(&["events", "show", "x"]).code, 2);
}

#[test]
fn following_shows_what_comes() {
    let place = imported();
    let follow = ["events", "tail", "--limit", "1", "--follow", "--type", "user.signed_up.v1"];
    let mut child = place.command(&follow).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let last = lines.next().unwrap().unwrap();
    let password = place.file("password", "correct horse battery");
    let created = place.run(&["users", "create", "vera", "--password-file", &password]).ok().json();
    let next = lines.next().unwrap().unwrap();
    assert_ne!(next, last);
    assert!(next.contains(created["user_id"].as_str().unwrap()), "{next}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn streams_are_folded() {
    let place = imported();
    let chats = place.run(&["streams", "ls", "--category", "chat"]).ok().lines();
    assert_eq!(chats.len(), 2);
    let stream = chats.iter().map(|row| row["stream"].as_str().unwrap());
    let states = stream.map(|stream| place.run(&["streams", "show", stream]).ok().json()).collect::<Vec<_>>();
    let ubuntu = states.iter().find(|state| state["state"]["chat_name"] == "#ubuntu").unwrap();
    assert_eq!(ubuntu["state"]["members"].as_array().unwrap().len(), 5);
    let stream = ubuntu["stream"].as_str().unwrap();
    let early = place.run(&["streams", "show", stream, "--at", "2"]).ok().json();
    assert_eq!(early["state"]["members"].as_array().unwrap().len(), 1);
    assert_eq!(place.run(&["streams", "show", stream, "--at", "99"]).code, 3);
    assert_eq!(place.run(&["streams", "show", "cat-1"]).code, 3);
}

#[test]
fn a_log_that_nobody_touched_holds() {
    let place = imported();
    let verified = place.run(&["events", "verify", "-o", "json"]).ok().json();
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["events"], verified["head"]);
    let part = place.run(&["events", "verify", "--from", "3", "--to", "7", "-o", "json"]).ok().json();
    assert_eq!(part["events"], 5);
}

#[test]
fn a_changed_row_is_found_with_its_position() {
    let place = imported();
    let log = unguarded(&place);
    let changed = log.execute("update event set payload = replace(payload, '{', '{ ') where position = 7", []).unwrap();
    assert_eq!(changed, 1);
    drop(log);
    let found = place.run(&["events", "verify", "-o", "json"]);
    assert_eq!(found.code, 5, "{}", found.err);
    assert_eq!(found.json()["verified"], false);
    assert_eq!(found.json()["position"], 7);
    assert!(found.err.contains("position 7"), "{}", found.err);
}

/// The log's database without the triggers that guard it.
fn unguarded(place: &Place) -> rusqlite::Connection {
    let log = rusqlite::Connection::open(place.data().join("letopis.db")).unwrap();
    let triggers = {
        let mut statement = log.prepare("select name from sqlite_schema where type = 'trigger'").unwrap();
        let names = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        names.collect::<Result<Vec<_>, _>>().unwrap()
    };
    assert!(!triggers.is_empty());
    for trigger in triggers {
        log.execute_batch(&format!("drop trigger {trigger}")).unwrap();
    }
    log
}

#[test]
fn a_log_that_lost_its_end_is_found_and_refused_until_that_is_accepted() {
    let place = imported();
    let log = unguarded(&place);
    let head: i64 = log.query_row("select max(position) from event", [], |row| row.get(0)).unwrap();
    log.execute("delete from event where position > ?1", [head - 3]).unwrap();
    drop(log);
    let found = place.run(&["events", "verify", "-o", "json"]);
    assert_eq!((found.code, found.json()["verified"].as_bool()), (5, Some(false)), "{}", found.err);
    assert!(found.err.contains(&format!("{}", head - 2)), "{}", found.err);
    let refused = place.run(&["users", "set-role", "nobody", "admin"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    place.run(&["events", "anchor", "--accept"]).ok();
    assert_eq!(place.run(&["events", "verify", "-o", "json"]).ok().json()["events"], head - 3);
}
