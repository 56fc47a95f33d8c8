//! A log carried elsewhere by the built binary: as a file, and as a backup.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran, fixture};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn imported() -> Place {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    place
}

/// A folder beside the place's own, with the place's master key in it.
fn beside(place: &Place, name: &str) -> PathBuf {
    let folder = place.data().with_file_name(name);
    fs::create_dir(&folder).unwrap();
    fs::copy(place.data().join("master.key"), folder.join("master.key")).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs a verb that a test lets crash or fail between two effects; a release build has no such places.
fn failing(place: &Place, at: &str, arguments: &[&str]) -> std::process::Output {
    place.command(arguments).env("LETOPIS_FAILPOINT", at).output().unwrap()
}

fn refused(ran: &Ran, code: i32, what: &str) {
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains(what), "{what:?} is not in {}", ran.err);
}

#[test]
fn a_log_is_carried_over_byte_for_byte() {
    let place = imported();
    let done = place.run(&["events", "export", "log.ndjson", "-o", "json"]).ok().json();
    let stats = place.run(&["events", "stats", "-o", "json"]).ok().json();
    assert_eq!((&done["events"], &done["head"]), (&stats["events"], &stats["head"]));
    let file = place.data().with_file_name("log.ndjson");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let listed = place.run(&["events", "ls", "-o", "ndjson"]).ok().lines();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = events.filter(|line| line.get("kind").is_none()).collect::<Vec<_>>();
    assert_eq!(events.len(), listed.len());
    for (exported, listed) in events.iter().zip(&listed) {
        for (field, value) in listed.as_object().unwrap() {
            assert_eq!(&exported[field], value, "{field}");
        }
    }

    place.run(&["events", "export", "log.ndjson.gz"]).ok();
    assert!(fs::read(place.data().with_file_name("log.ndjson.gz")).unwrap().starts_with(&[0x1f, 0x8b]));
    for name in ["log.ndjson", "log.ndjson.gz"] {
        let new = beside(&place, &format!("from-{name}"));
        let new = new.to_str().unwrap();
        let brought = place.run(&["--data", new, "events", "import", name, "-o", "json"]).ok().json();
        assert_eq!(
            (&brought["head"], &brought["hash"], &brought["erased_again"]),
            (&done["head"], &done["hash"], &json!(0))
        );
        assert!(place.run(&["--data", new, "events", "export", "-"]).ok().out == text);
        assert_eq!(place.run(&["--data", new, "events", "verify", "-o", "json"]).ok().json()["anchor"], done["head"]);
        assert_eq!(place.run(&["--data", new, "events", "stats", "-o", "json"]).ok().json(), stats);
        // The same commands find everything there already, and the read models are built on the way.
        let again = place.run(&["--data", new, "import", &fixture(), "-o", "json"]).ok().json();
        assert_eq!((&again["messages"], &again["already_there"]), (&json!(0), &json!(10)));
        place.run(&["--data", new, "projections", "verify", "--all"]).ok();
        assert_eq!(place.run(&["--data", new, "users", "ls"]).ok().out, place.run(&["users", "ls"]).ok().out);
    }
}

#[test]
fn an_export_writes_over_nothing_unasked_and_leaves_nothing_half() {
    let place = imported();
    let file = place.file("log.ndjson", "something else");
    refused(&place.run(&["events", "export", &file]), 4, "--force");
    assert_eq!(fs::read_to_string(&file).unwrap(), "something else");
    place.run(&["events", "export", &file, "--force"]).ok();
    assert!(fs::read_to_string(&file).unwrap().starts_with("{\"kind\":\"header\""));
    let folder = place.data().parent().unwrap().to_owned();
    refused(&place.run(&["events", "export", folder.to_str().unwrap(), "--force"]), 2, "not a file");
    refused(&place.run(&["events", "export", "nowhere/log.ndjson"]), 1, "nowhere/log.ndjson");
    assert_eq!(names(&folder), ["data", "log.ndjson"]);
    let empty = Place::new();
    refused(&empty.run(&["events", "export", "log.ndjson"]), 3, "no Letopis data");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_moves_up_to_postgresql_and_people_go_on() {
    let Some(database) = servers::postgres().await else { return };
    let (place, url) = (imported(), database.url());
    let password = place.file("password", "a long enough passphrase\n");
    place.run(&["users", "create", "Annabel", "--password-file", &password]).ok();
    place.run(&["events", "export", "log.ndjson"]).ok();
    let new = beside(&place, "new");
    let up = ["--data", new.to_str().unwrap(), "--database", &url];
    let run = |verb: &[&str]| place.run(&[&up, verb].concat());
    refused(&run(&["events", "import", "log.ndjson"]), 1, "letopis migrate");
    run(&["migrate"]).ok();
    let done = run(&["events", "import", "log.ndjson", "-o", "json"]).ok().json();
    let stats = place.run(&["events", "stats", "-o", "json"]).ok().json();
    assert_eq!((&done["events"], &done["head"]), (&stats["events"], &stats["head"]));
    assert_eq!(run(&["events", "verify", "-o", "json"]).ok().json()["anchor"], stats["head"]);
    refused(&run(&["events", "import", "log.ndjson"]), 4, "not empty");
    run(&["events", "export", "back.ndjson"]).ok();
    let read = |name: &str| fs::read(place.data().with_file_name(name)).unwrap();
    assert!(read("back.ndjson") == read("log.ndjson"), "byte for byte");
    refused(&run(&["backup", "copy"]), 2, "pg_dump");
    tokio::task::block_in_place(|| {
        let server =
            place.start_quietly(place.command(&[&up, ["serve", "--listen", "127.0.0.1:0"].as_slice()].concat()));
        let server = server.unwrap();
        let (status, answer) = server.log_in("Annabel", "a long enough passphrase");
        assert_eq!(status, 200, "{answer}");
        assert!(answer["position"].as_u64() > stats["head"].as_u64(), "{answer}");
        assert_eq!(server.stop(), 0);
    });
}

#[test]
fn what_cannot_be_imported_is_told_and_changes_nothing() {
    let place = imported();
    place.run(&["events", "export", "log.ndjson.gz"]).ok();
    let text = place.run(&["events", "export", "-"]).ok().out;
    let new = beside(&place, "new");
    let data = new.to_str().unwrap().to_owned();
    let import = |file: &str| {
        let ran = place.run(&["--data", &data, "events", "import", file]);
        assert!(!new.join("letopis.db").exists() && !new.join("letopis.db.unfinished").exists());
        ran
    };
    refused(&import("nowhere.ndjson"), 3, "nowhere.ndjson");
    refused(&import(&place.file("poem", "roses\n")), 1, "no export");
    refused(&import(&place.file("cut", &text[..text.len() - 9])), 5, "cut off");
    refused(
        &import(&place.file("changed", &text.replacen("\"version\":1,\"id\"", "\"version\":1, \"id\"", 1))),
        5,
        "before it",
    );
    let mut lines = text.split_inclusive('\n').collect::<Vec<_>>();
    let at = lines.iter().position(|line| line.starts_with("{\"position\":4,")).unwrap();
    lines.swap(at, at + 1);
    refused(&import(&place.file("exchanged", &lines.concat())), 5, "event 4 must come");
    let packed = fs::read(place.data().with_file_name("log.ndjson.gz")).unwrap();
    fs::write(place.data().with_file_name("cut.gz"), &packed[..packed.len() - 20]).unwrap();
    refused(&import("cut.gz"), 5, "cut off");

    fs::remove_file(new.join("master.key")).unwrap();
    refused(&import("log.ndjson.gz"), 6, "bring its `master.key`");
    let other = imported();
    fs::copy(other.data().join("master.key"), new.join("master.key")).unwrap();
    refused(&import("log.ndjson.gz"), 6, "is not the master key");
    refused(&place.run(&["events", "import", "log.ndjson.gz"]), 4, "not empty");
    let server = place.serve();
    refused(&place.run(&["events", "import", "log.ndjson.gz"]), 4, "serves this data folder");
    assert_eq!(server.stop(), 0);
}

// A release build has no failpoints.
#[cfg(debug_assertions)]
#[test]
fn a_crash_at_any_step_leaves_a_folder_that_refuses_or_serves_and_can_be_tried_again() {
    let place = imported();
    place.run(&["events", "export", "log.ndjson"]).ok();
    place.run(&["backup", "backup"]).ok();
    let head = place.run(&["events", "stats", "-o", "json"]).ok().json()["head"].clone();
    for (at, verb, whole) in [
        ("import-loaded=crash", ["events", "import", "log.ndjson"].as_slice(), false),
        ("staged-ready=crash", &["events", "import", "log.ndjson"], false),
        ("staged-renamed=crash", &["events", "import", "log.ndjson"], true),
        ("restore-copied=crash", &["restore", "backup"], false),
        ("staged-ready=crash", &["restore", "backup"], false),
        ("staged-renamed=crash", &["restore", "backup"], true),
    ] {
        let new = beside(&place, &format!("{}-{at}", verb[0]));
        let data = ["--data", new.to_str().unwrap()];
        let crashed = failing(&place, at, &[&data, verb].concat());
        assert_eq!(crashed.status.code(), None, "{at}: {crashed:?}");
        let create = ["users", "set-role", "nobody", "admin"];
        if whole {
            // Nobody of that name, but a log that opens.
            refused(&place.run(&[&data, create.as_slice()].concat()), 3, "nobody");
        } else {
            let tried = place.run(&[&data, ["import", &fixture()].as_slice()].concat());
            refused(&tried, 4, "did not finish");
            let doctor = place.run(&[&data, ["doctor", "-o", "ndjson"].as_slice()].concat());
            let log = doctor.lines().into_iter().find(|check| check["check"] == "log").unwrap();
            assert_eq!((doctor.code, log["state"].as_str()), (5, Some("problem")), "{log}");
            place.run(&[&data, verb].concat()).ok();
        }
        let verified = place.run(&[&data, ["events", "verify", "-o", "json"].as_slice()].concat()).ok().json();
        assert_eq!(verified["head"], head, "{at}");
    }
    // An error, not a crash: nothing is left of it.
    let new = beside(&place, "failed");
    let failed = failing(&place, "staged-ready=error", &["--data", new.to_str().unwrap(), "restore", "backup"]);
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(!new.join("letopis.db").exists() && !new.join("letopis.db.unfinished").exists());
    // A backup that was interrupted is none.
    let new = beside(&place, "of-half");
    for (at, half) in [("backup-copied=crash", "copied"), ("backup-verified=crash", "verified")] {
        let crashed = failing(&place, at, &["backup", half]);
        assert_eq!(crashed.status.code(), None, "{crashed:?}");
        refused(&place.run(&["--data", new.to_str().unwrap(), "restore", half]), 5, "no complete backup");
        refused(&place.run(&["backup", half]), 4, &format!("{half} holds"));
    }
}

#[test]
fn backups_beside_a_busy_server_hold_whatever_was_acknowledged_before() {
    let place = Place::new();
    let server = place.serve();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (url, token, chat) = runtime.block_on(signed_in(&server.url));
    let writers = (0..8).map(|_| {
        let (stop, acknowledged) = (Arc::clone(&stop), Arc::clone(&acknowledged));
        let (url, token) = (format!("{url}/v1/chats/{chat}/messages"), token.clone());
        runtime.spawn(async move {
            let http = reqwest::Client::new();
            while !stop.load(Ordering::Relaxed) {
                let posted = http.post(&url).bearer_auth(&token).json(&json!({"message": "under load"}));
                let answer: Value = posted.send().await.unwrap().json().await.unwrap();
                acknowledged.fetch_max(answer["position"].as_u64().unwrap(), Ordering::AcqRel);
            }
        })
    });
    let writers = writers.collect::<Vec<_>>();
    let taken = (0..6).map(|number| {
        let (name, before) = (format!("backup-{number}"), acknowledged.load(Ordering::Acquire));
        let made = place.run(&["backup", &name, "-o", "json"]).ok().json();
        assert!(made["head"].as_u64().unwrap() >= before, "{made} {before}");
        (name, before, made)
    });
    let taken = taken.collect::<Vec<_>>();
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for writer in writers {
            writer.await.unwrap();
        }
    });
    assert_eq!(server.stop(), 0);
    assert!(taken[0].1 < taken[5].1, "the writers went on meanwhile");
    let key = place.data().join("master.key");
    for (name, before, made) in taken {
        let restored = format!("restored-{name}");
        let restore = ["--data", &restored, "restore", &name, "--master-key", key.to_str().unwrap(), "-o", "json"];
        let done = place.run(&restore).ok().json();
        assert_eq!((&done["head"], &done["hash"], &done["verified"]), (&made["head"], &made["hash"], &json!(true)));
        let verified = place.run(&["--data", &restored, "events", "verify", "-o", "json"]).ok().json();
        assert!(verified["head"].as_u64().unwrap() >= before);
        // What was acknowledged stands at its position, the same in both.
        let at = made["head"].to_string();
        let show =
            |data: &str| place.run(&["--data", data, "events", "show", &at, "--personal", "-o", "json"]).ok().json();
        assert_eq!(show(&restored), show("data"));
    }
}

async fn signed_in(url: &str) -> (String, String, String) {
    let ask = |path: &str, token: &str, body: Value| {
        let asked = reqwest::Client::new().post(format!("{url}{path}")).bearer_auth(token).json(&body);
        async move { asked.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let credentials = json!({"user_name": "anna", "password": "a long enough passphrase"});
    ask("/v1/auth/register", "none", credentials.clone()).await;
    let session = ask("/v1/auth/login", "none", credentials).await;
    let token = session["session_id"].as_str().unwrap().to_owned();
    let chat = ask("/v1/chats", &token, json!({"chat_name": "under load"})).await;
    (url.to_owned(), token, chat["chat_id"].as_str().unwrap().to_owned())
}

/// Every file below a folder that holds the text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

#[test]
fn who_was_erased_after_the_backup_is_erased_again_by_its_restore() {
    const CANARY: &str = "a canary of forty distinct characters 7731";
    let place = Place::new();
    let line = |author: &str, text: &str| {
        format!("{}\n", json!({"room": "#r", "at": "2024-01-01T00:00:00Z", "author": author, "text": text}))
    };
    let log =
        place.file("chat.ndjson", &[line("ada", CANARY), line("bob", "stays"), line("ada", "more of ada")].concat());
    place.run(&["import", &log]).ok();
    place.run(&["backup", "backup"]).ok();
    let exported = place.run(&["events", "export", "-"]).ok().out;
    place.file("log.ndjson", &exported);
    let ada = place.run(&["users", "show", "ada"]).ok().json()["user_id"].as_str().unwrap().to_owned();
    let restore = |name: &str| {
        let key = place.data().join("master.key");
        place.run(&["--data", name, "restore", "backup", "--master-key", key.to_str().unwrap(), "-o", "json"]).ok()
    };
    let folder = |name: &str| place.data().with_file_name(name);

    fs::remove_file(place.data().join("erased")).unwrap();
    let without = restore("without");
    assert!(without.err.contains("no list of the erased"), "{}", without.err);
    assert_eq!(without.json()["erased_again"], 0);
    place.run(&["--data", "without", "projections", "rebuild", "--all"]).ok();
    place.run(&["--data", "without", "users", "show", "ada"]).ok();
    assert!(!holding(&folder("without"), CANARY).is_empty(), "she can be found as long as nobody erased her");

    place.run(&["users", "erase", "ada", "--yes"]).ok();
    let again = restore("with");
    assert_eq!(again.json()["erased_again"], 1, "{}", again.err);
    let new = beside(&place, "imported");
    fs::copy(place.data().join("erased"), new.join("erased")).unwrap();
    let imported = place.run(&["--data", "imported", "events", "import", "log.ndjson", "-o", "json"]).ok().json();
    assert_eq!(imported["erased_again"], 1);
    let mut erased = vec!["with", "imported"];
    if cfg!(debug_assertions) {
        // A crash right after the log got its name: the next start goes on with it.
        let key = place.data().join("master.key");
        let restore = ["--data", "crashed", "restore", "backup", "--master-key", key.to_str().unwrap()];
        let crashed = failing(&place, "staged-renamed=crash", &restore);
        assert_eq!(crashed.status.code(), None, "{crashed:?}");
        place.run(&["--data", "crashed", "users", "end-sessions", "bob"]).ok();
        erased.push("crashed");
    }
    for name in erased {
        refused(&place.run(&["--data", name, "users", "show", "ada"]), 3, "ada");
        place.run(&["--data", name, "users", "show", "bob"]).ok();
        // Files of a merge of the index that the end of the process cut off go with the next change of the index.
        let more = r#"{"room": "more", "at": "2026-01-01T00:00:00Z", "author": "eve", "text": "one more"}"#;
        place.run(&["--data", name, "import", &place.file("more", &format!("{more}\n"))]).ok();
        assert_eq!(holding(&folder(name), CANARY), Vec::<PathBuf>::new());
        let log = rusqlite::Connection::open(folder(name).join("letopis.db")).unwrap();
        let id = domain::id::parse_uuid(&ada).unwrap();
        let left = |sql: &str| -> i64 { log.query_row(sql, [id.as_bytes().as_slice()], |row| row.get(0)).unwrap() };
        assert_eq!(left("select count(*) from event where subject = ?1 and sealed is not null"), 0);
        assert_eq!(left("select count(*) from subject_key where subject = ?1"), 0);
        assert!(left("select count(*) from event where subject = ?1") > 0);
        assert!(fs::read_to_string(folder(name).join("erased")).unwrap().starts_with(&ada));
        place.run(&["--data", name, "events", "verify"]).ok();
        place.run(&["--data", name, "projections", "verify", "--all"]).ok();
    }
}

#[test]
fn a_backup_is_taken_and_brought_back_without_a_server() {
    let place = imported();
    let made = place.run(&["backup", "backup", "-o", "json"]).ok().json();
    let backup = place.data().with_file_name("backup");
    assert_eq!(names(&backup), ["anchor", "backup.json", "letopis.db"]);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o700);
    refused(&place.run(&["backup", "backup"]), 4, "holds");
    refused(&place.run(&["--data", "nowhere", "backup", "more"]), 3, "no Letopis data");
    refused(&place.run(&["restore", "backup"]), 4, "not empty");
    refused(&place.run(&["--data", "new", "restore", "nowhere"]), 3, "no folder nowhere");
    refused(&place.run(&["--data", "new", "restore", "backup"]), 6, "bring its `master.key`");
    let key = place.file("wrong.key", &format!("{}\n", "ab".repeat(32)));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    refused(&place.run(&["--data", "new", "restore", "backup", "--master-key", &key]), 6, "is not the master key");
    let own = place.data().join("master.key");
    let restore = ["--data", "new", "restore", "backup", "--master-key", own.to_str().unwrap(), "-o", "json"];
    let flipped = |at: usize| {
        let path = backup.join("letopis.db");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    flipped(5_000);
    refused(&place.run(&restore), 5, "bytes have changed");
    assert!(!place.data().with_file_name("new").exists(), "nothing was made");
    flipped(5_000);
    let done = place.run(&restore).ok().json();
    assert_eq!((&done["head"], &done["hash"]), (&made["head"], &made["hash"]));
    let exported = |data: &str| place.run(&["--data", data, "events", "export", "-"]).ok().out;
    assert!(exported("new") == exported("data"));
    place.run(&["--data", "new", "import", &fixture()]).ok();
    place.run(&["--data", "new", "projections", "verify", "--all"]).ok();
}
