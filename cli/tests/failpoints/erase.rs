//! Forgetting a person: however it is cut off, in the end nothing is left of them in any file.

use super::{assert_fired, until_gone};
use crate::common::{Place, Server};
use serde_json::json;

pub const POINTS: &[(&str, u32)] = &[
    ("erase-withdrawn", 1),
    // Leaving their chat is the first batch, and the second one erases them.
    ("log-committed", 2),
    ("list-written", 1),
    ("list-synced", 1),
    ("log-wiped", 2),
    ("erasure-folded", 1),
    ("questions-deleted", 1),
    ("former-removed", 4),
    ("file-removed", 1),
    ("file-removed", 2),
    ("model-vacuumed", 4),
    ("model-wiped", 1),
    // Once: their chat goes with its last member, in the batch before the one that erases them.
    ("index-purged", 1),
];

const NAME: &str = "Ростислав Незабвенный";
const TEXT: &str = "a sentence that nobody else would say";
const QUESTION: &str = "a question that nobody else would ask";

#[test]
fn who_is_erased_leaves_nothing_behind_wherever_it_was_cut_off() {
    for (name, nth) in POINTS {
        let place = Place::new();
        let key = furnished(&place);
        let mut server = place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
        place.run(&["users", "erase", NAME, "--yes"]);
        assert_fired(server.ended(), &place.said(), name);

        let server = place.serve();
        let again = place.run(&["users", "erase", NAME, "--yes"]);
        assert!([0, 3].contains(&again.code), "{name}: {}", again.err);
        // Nothing more is written: whatever is left to do is done without.
        until_gone(&place, |place| traces(place, &key));
        assert_eq!(server.stop(), 0);
        assert_eq!(traces(&place, &key), [""; 0], "{name}");
        assert_eq!(kept(&place), 0, "{name}");
        let listed = std::fs::read_to_string(place.data().join("erased")).unwrap();
        assert_eq!(listed.lines().count(), 1, "{name}");
        place.run(&["events", "verify"]).ok();
        place.run(&["projections", "verify", "--all"]).ok();
    }
}

/// A folder in which they have said something, in a chat of their own and in two generations of every read model; their
/// data key as it is kept.
fn furnished(place: &Place) -> Vec<u8> {
    let server = place.serve();
    let password = "a long enough passphrase";
    let token = super::runtime().block_on(async {
        let post = async |path: &str, token: &str, body| {
            let request = reqwest::Client::new().post(format!("{}{path}", server.url)).bearer_auth(token).json(&body);
            request.send().await.unwrap().error_for_status().unwrap().json::<serde_json::Value>().await.unwrap()
        };
        let credentials = json!({"user_name": NAME, "password": password});
        post("/v1/auth/register", "", credentials.clone()).await;
        let session = post("/v1/auth/login", "", credentials).await;
        let token = session["session_id"].as_str().unwrap().to_owned();
        let chat = post("/v1/chats", &token, json!({"chat_name": "his own"})).await;
        let path = format!("/v1/chats/{}/messages", chat["chat_id"].as_str().unwrap());
        post(&path, &token, json!({"message": TEXT})).await;
        token
    });
    place.run(&["projections", "rebuild", "--all"]).ok();
    super::runtime().block_on(async {
        // It waits for a position that the log never has: for two seconds the question is kept.
        let url = format!("{}/v1/chats/search?min_position=9000000000", server.url);
        let asked = reqwest::Client::new().post(url).bearer_auth(token).json(&json!({"message": QUESTION}));
        asked.send().await.unwrap().error_for_status().unwrap();
    });
    stopped(server);
    let log = rusqlite::Connection::open(place.data().join("letopis.db")).unwrap();
    let key: Vec<u8> = log.query_row("select wrapped from subject_key", (), |row| row.get(0)).unwrap();
    drop(log);
    assert!(!traces(place, &key).is_empty(), "what is looked for is what lies there");
    assert_eq!(kept(place), 2, "the search task, and the use of the session");
    key
}

/// Rows of what is kept beside the log.
fn kept(place: &Place) -> u64 {
    let state = rusqlite::Connection::open(place.data().join("state.db")).unwrap();
    let sql = "select (select count(*) from search_tasks) + (select count(*) from session_use)";
    state.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}

fn stopped(server: Server) {
    assert_eq!(server.stop(), 0);
}

/// The files that hold their name, their words or their key.
fn traces(place: &Place, key: &[u8]) -> Vec<String> {
    let mut files = Vec::new();
    collect(&place.data(), &mut files);
    let holds = |path: &std::path::Path| {
        // A file that went away meanwhile holds nothing.
        let bytes = if path.is_file() { std::fs::read(path).unwrap_or_default() } else { Vec::new() };
        let found = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        [NAME.as_bytes(), TEXT.as_bytes(), QUESTION.as_bytes(), key].into_iter().any(found)
    };
    files.iter().filter(|path| holds(path)).map(|path| path.display().to_string()).collect()
}

/// Every file below that folder. A folder that went away meanwhile holds none.
fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
