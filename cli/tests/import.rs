//! A chat log comes in once, whoever has the folder.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};

/// Messages, rooms and people of the fixture: Анна has three spellings, marta two, `[x] ` is not `[x]`.
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
    assert_eq!(posted[4]["personal"], "jonas: I'm afraid not.  ");
    let other = Place::new();
    other.run(&["import", &fixture()]).ok();
    let now = other.run(&["events", "ls", "--type", "message.posted.v1"]).ok().lines();
    assert!(now[0]["payload"]["sent_at"].as_str().unwrap() > "2025");
    assert_eq!(now[0]["stream"], posted[0]["stream"], "the same ids everywhere");
}

#[test]
fn no_line_passes_for_a_courier() {
    let place = Place::new();
    let line = r#"{"room": "courier", "at": "2024-03-01T10:00:00Z", "author": "courier", "text": "hello"}"#;
    let meant = line.replace('}', r#", "actor": "courier", "causation": "0190c2f4-0000-7000-8000-000000000000"}"#);
    let file = place.file("log.ndjson", &format!("{line}\n{meant}\n"));
    place.run(&["import", &file]);
    let events = place.run(&["events", "ls"]).ok().lines();
    assert!(events.iter().any(|event| event["type"] == "message.posted.v1"), "{events:?}");
    for event in events {
        assert_eq!(event["meta"], serde_json::json!({"actor": "import"}), "{event}");
    }
}

#[test]
fn people_keep_their_spellings() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let users = place.run(&["users", "ls"]).ok().lines();
    let names = users.iter().map(|user| user["user_name"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(names.len() as u64, USERS);
    for name in ["Анна", "борис", "marta", "[x]"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("[x]-")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("meexample.org-")), "{names:?}");
    let joined = place.run(&["events", "ls", "--type", "chat.member_joined.v1", "--personal"]).ok().lines();
    let nicknames = joined.iter().map(|event| event["personal"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(nicknames, ["Анна", "борис", "marta", "[x] ", "[x]", "анна", "me@example.org"]);
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

/// One malformed line of each kind, and what is told of it.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let said = |field: &str, value: &str| {
        let mut line = serde_json::json!({"room": "r", "at": "2024-03-01T10:00:00Z", "author": "a", "text": "t"});
        line[field] = serde_json::from_str(value).unwrap();
        line.to_string().into_bytes()
    };
    vec![
        (said("at", r#""yesterday""#), "RFC 3339"),
        (said("at", "7"), "invalid type"),
        (said("text", r#""""#), "text that"),
        (said("room", r#"" ""#), "room that"),
        (said("author", r#""""#), "no author"),
        (br#"{"room":"r","author":"a","text":"t"}"#.to_vec(), "missing field `at`"),
        (b"{".to_vec(), "JSON"),
        (b"\xff\xfe".to_vec(), "UTF-8"),
        (vec![b'x'; 3 * 1024 * 1024], "1 MiB"),
        (br#"["room", "at"#.to_vec(), "JSON"),
    ]
}

#[test]
fn malformed_lines_are_told_and_the_rest_goes_on() {
    let good = std::fs::read(fixture()).unwrap();
    let mut lines = good.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    lines.retain(|line| !line.is_empty());
    let malformed = malformed();
    // Line 1 is good; each malformed one has a good one before it, and the last one no end.
    for (at, (line, _)) in malformed.iter().enumerate() {
        lines.insert(2 * at + 1, line.clone());
    }
    let bytes = lines.join(&b'\n');
    let told = |place: &Place, arguments: &[&str]| {
        let done = place.run(arguments);
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        assert!(
            done.err.contains("10 malformed lines") && done.err.contains("line 2 (the line has an `at`"),
            "{}",
            done.err
        );
        assert!(done.err.contains("broken.rejects.ndjson"), "{}", done.err);
        let summary = done.json();
        assert_eq!((&summary["rejected"], &summary["malformed"]), (&10.into(), &10.into()));
        figures(&summary)
    };
    let place = Place::new();
    let file = place.file("broken", "");
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(told(&place, &["import", &file, "-o", "json"]), [MESSAGES, 0, ROOMS, USERS]);
    let rejects = std::fs::read_to_string(format!("{file}.rejects.ndjson")).unwrap();
    let rejects = rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    assert_eq!(rejects.len(), malformed.len());
    for (at, (reject, (_, what))) in rejects.iter().zip(&malformed).enumerate() {
        assert_eq!((&reject["line"], &reject["kind"]), (&(2 * at + 2).into(), &"malformed".into()));
        assert!(reject["reason"].as_str().unwrap().contains(what), "{what}: {reject}");
    }
    let server = place.serve();
    assert_eq!(told(&place, &["import", &file, "-o", "json"]), [0, MESSAGES, ROOMS, USERS]);
    assert_eq!(server.stop(), 0);
    assert_eq!(place.run(&["import", "nowhere.ndjson"]).code, 3);
}

#[test]
fn what_is_no_chat_log_is_refused_as_a_whole() {
    let place = Place::new();
    let file = place.file("access.log", &"127.0.0.1 - - GET /\n".repeat(1_000));
    let refused = place.run(&["import", &file]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("none of the first 1000 lines"), "{}", refused.err);
    assert_eq!(place.run(&["events", "stats", "-o", "json"]).ok().json()["head"], 0);
}

#[test]
fn a_packed_file_that_is_cut_off_tells_how_far_it_came() {
    let place = Place::new();
    let whole = gzip(&(0..3_000).map(|number| lines(number..number + 1)).collect::<String>());
    let file = place.file("log.ndjson.gz", "");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let cut = place.run(&["import", &file]);
    assert_eq!(cut.code, 1, "{}", cut.err);
    let line = cut.err.split("line ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().parse::<u64>().unwrap();
    assert!(line > 1 && cut.err.contains("could not be read"), "{}", cut.err);
    std::fs::write(&file, &whole).unwrap();
    // Whatever came before that line is there.
    let on = place.run(&["import", &file]).ok().json();
    assert_eq!(figures(&on)[..2], [3_000 - (line - 1), line - 1]);
}

#[test]
fn an_author_for_whom_no_name_is_left_stops_nobody_else() {
    let line = |author: &str| {
        format!("{{\"room\":\"r\",\"at\":\"2024-03-01T10:00:00Z\",\"author\":\"{author}\",\"text\":\"t\"}}\n")
    };
    let other = Place::new();
    other.run(&["import", &other.file("log", &line("carol"))]).ok();
    let id = other.run(&["users", "ls"]).ok().lines()[0]["user_id"].as_str().unwrap().replace('-', "");
    let place = Place::new();
    let password = place.file("password", "correct horse battery");
    for name in ["carol", &format!("carol-{}", &id[..6]), &format!("user-{id}")] {
        place.run(&["users", "create", name, "--password-file", &password]).ok();
    }
    let file = place.file("log", &(line("carol") + &line("dave") + &line("CAROL")));
    let done = place.run(&["import", &file]).ok().json();
    assert_eq!((&done["messages"], &done["rejected"], &done["malformed"]), (&1.into(), &2.into(), &0.into()), "{done}");
}

#[test]
fn a_taken_name_is_not_taken_away() {
    let place = Place::new();
    let password = place.file("password", "correct horse battery\n");
    place.run(&["users", "create", "Marta", "--password-file", &password]).ok();
    place.run(&["import", &fixture()]).ok();
    let users = place.run(&["users", "ls", "--name", "marta"]).ok().lines();
    assert_eq!(users.len(), 2, "{users:?}");
    assert!(users[1]["user_name"].as_str().unwrap().starts_with("marta-"), "{users:?}");
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

/// So many lines, each said once.
fn lines(range: std::ops::Range<u32>) -> String {
    let line = |number| {
        format!("{{\"room\":\"r\",\"at\":\"2024-03-01T10:00:00Z\",\"author\":\"a\",\"text\":\"line {number}\"}}\n")
    };
    range.map(line).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap()
}

fn fifo(place: &Place, name: &str) -> String {
    let path = place.file(name, "");
    std::fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// What comes of it when that is written into a pipe that the verb reads.
fn piped(place: &Place, arguments: &[&str], bytes: &[u8]) -> Value {
    let mut child = place.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_log_comes_in_by_any_way_beside_a_server_and_without_one() {
    let (alone, beside) = (Place::new(), Place::new());
    let server = beside.serve();
    for place in [&alone, &beside] {
        assert_eq!(piped(place, &["import", "-"], lines(0..10).as_bytes())["messages"], 10);
        assert_eq!(piped(place, &["import", "/dev/stdin"], &gzip(&lines(0..20)))["messages"], 10);
        let path = fifo(place, "fifo");
        let writing = std::thread::spawn({
            let path = path.clone();
            move || std::fs::write(path, gzip(&lines(0..3_000))).unwrap()
        });
        let done = place.run(&["import", &path]).ok().json();
        writing.join().unwrap();
        assert_eq!(figures(&done), [2_980, 20, 1, 1]);
        let file = place.file("log.ndjson.gz", "");
        std::fs::write(&file, gzip(&lines(0..3_001))).unwrap();
        // By its name in the folder of the one who asks.
        assert_eq!(place.run(&["import", "log.ndjson.gz"]).ok().json()["messages"], 1);
        assert_eq!(place.run(&["import", "missing"]).code, 3);
        assert_eq!(place.run(&["import", "."]).code, 2);
    }
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_pipe_that_nobody_writes_to_keeps_nobody_waiting_and_a_client_may_be_killed() {
    let place = Place::new();
    let server = place.serve();
    let path = fifo(&place, "fifo");
    let mut client = place.command(&["import", &path]).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = std::fs::File::options().write(true).open(&path).unwrap();
    place.run(&["health", "--url", &server.url]).ok();
    pipe.write_all(lines(0..1_000).as_bytes()).unwrap();
    let messages = |place: &Place| {
        let stats = place.run(&["events", "stats", "-o", "json"]).ok().json();
        let types = stats["types"].as_array().unwrap().clone();
        let posted = types.iter().find(|row| row["type"] == "message.posted.v1");
        posted.map_or(0, |row| row["count"].as_u64().unwrap())
    };
    // What is handed over in whole chunks; the rest waits for more.
    while messages(&place) < 512 {
        assert!(client.try_wait().unwrap().is_none());
    }
    place.run(&["health", "--url", &server.url]).ok();
    client.kill().unwrap();
    client.wait().unwrap();
    let stayed = messages(&place);
    assert!((512..1_000).contains(&stayed), "{stayed}");
    let file = place.file("log", &lines(0..1_000));
    let again = place.run(&["import", &file]).ok().json();
    assert_eq!(figures(&again)[..2], [1_000 - stayed, stayed]);
    assert_eq!(messages(&place), 1_000);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_room_that_was_deleted_rejects_its_lines_and_the_rest_goes_on() {
    let place = Place::new();
    let line = |room: &str, text: &str| {
        format!("{{\"room\":\"{room}\",\"at\":\"2024-03-01T10:00:00Z\",\"author\":\"Anna\",\"text\":\"{text}\"}}\n")
    };
    let file = place.file("first.ndjson", &(line("garden", "one") + &line("kitchen", "two")));
    place.run(&["import", &file]).ok();
    // Whoever is alone in a room and is erased takes it along; the author of the second file is somebody else.
    place.run(&["users", "erase", "Anna", "--yes"]).ok();
    let second = (line("garden", "three") + &line("porch", "four")).replace("Anna", "Boris");
    let file = place.file("second.ndjson", &second);
    let rejects = place.data().join("second.rejects");
    let done = place.run(&["import", &file, "--rejects", rejects.to_str().unwrap(), "-o", "json"]).ok();
    assert_eq!((&done.json()["messages"], &done.json()["rejected"]), (&1.into(), &1.into()), "{}", done.err);
    assert!(done.err.contains("second.rejects"), "{}", done.err);
    let rejected = std::fs::read_to_string(&rejects).unwrap();
    let rejected: Value = serde_json::from_str(rejected.trim()).unwrap();
    assert_eq!((&rejected["line"], &rejected["kind"]), (&1.into(), &"refused".into()));
    assert_eq!(rejected["reason"], "there is no such chat");
}

#[test]
fn new_lines_of_somebody_who_was_erased_are_rejected_and_those_of_before_are_there() {
    let place = Place::new();
    let line = |author: &str, text: &str| {
        format!("{{\"room\":\"pool\",\"at\":\"2024-03-01T10:00:00Z\",\"author\":\"{author}\",\"text\":\"{text}\"}}\n")
    };
    let first = line("Zed", "one") + &line("Yan", "two");
    place.run(&["import", &place.file("first.ndjson", &first)]).ok();
    place.run(&["users", "erase", "Zed", "--yes"]).ok();
    let file = place.file("second.ndjson", &(first + &line("Zed", "three")));
    let rejects = place.data().join("second.rejects");
    let done = place.run(&["import", &file, "--rejects", rejects.to_str().unwrap(), "-o", "json"]).ok().json();
    let count = |name: &str| done[name].as_u64().unwrap();
    assert_eq!((count("messages"), count("already_there"), count("rejected")), (0, 2, 1), "{done}");
    let rejected = std::fs::read_to_string(&rejects).unwrap();
    let rejected: Value = serde_json::from_str(rejected.trim()).unwrap();
    assert_eq!(
        (&rejected["line"], &rejected["reason"]),
        (&3.into(), &"its author was erased and stays forgotten".into())
    );
}
