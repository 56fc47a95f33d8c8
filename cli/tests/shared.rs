//! Every verb over a log that nodes share, beside a server and without one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};
use serde_json::Value;
use std::collections::BTreeSet;

/// Looked at where whole logs are moved.
const ELSEWHERE: [&str; 3] = ["events-export", "events-import", "serve"];

/// An id that nothing has.
const NOBODYS: &str = "00000000-0000-0000-0000-00000000000f";

/// The same of mailings, with which nothing was done yet.
const OF_MAILINGS: [(&str, &str, i32); 7] = [
    ("mailings-ls", "mailings ls", 0),
    ("mailings-show", "mailings show NOBODYS", 3),
    ("mailings-preview", "mailings preview NOBODYS", 3),
    ("mailings-start", "mailings start NOBODYS", 3),
    ("mailings-pause", "mailings pause NOBODYS", 3),
    ("mailings-resume", "mailings resume NOBODYS", 3),
    ("mailings-cancel", "mailings cancel NOBODYS", 3),
];

/// Every verb: by the name of its manual page, with what it is asked, and the exit code that it must end with.
fn verbs(place: &Place, round: &str, health: i32) -> Vec<(&'static str, String, i32)> {
    let password = place.file("password", "correct horse battery");
    let fixture = fixture();
    let verbs = [
        ("migrate", "migrate", 0),
        ("import", &*format!("import {fixture}"), 0),
        ("users-create", &format!("users create {round} --password-file {password}"), 0),
        ("users-ls", "users ls", 0),
        ("users-show", &format!("users show {round}"), 0),
        ("sessions-ls", &format!("sessions ls {round}"), 0),
        ("chats-ls", "chats ls --limit 3", 0),
        ("chats-show", &format!("chats show {NOBODYS}"), 3),
        ("users-set-password", &format!("users set-password {round} --password-file {password}"), 0),
        ("users-set-role", &format!("users set-role {round} admin"), 0),
        ("users-factors-ls", &format!("users factors {round} ls"), 0),
        ("users-factors-rm", &format!("users factors {round} rm totp"), 3),
        ("users-end-sessions", &format!("users end-sessions {round}"), 0),
        ("users-erase", &format!("users erase {round} --yes"), 0),
        ("events-ls", "events ls --limit 3", 0),
        ("events-tail", "events tail", 0),
        ("events-show", "events show 1", 0),
        ("events-trace", "events trace 1", 0),
        ("events-stats", "events stats", 0),
        ("events-verify", "events verify", 0),
        ("events-anchor", "events anchor", 0),
        // What it lacks is NATS, not a log.
        ("events-republish", "events republish --from 1", 2),
        ("streams-ls", "streams ls --category projection", 0),
        ("streams-show", "streams show projection-users", 3),
        ("projections-ls", "projections ls", 0),
        ("projections-rebuild", "projections rebuild --all", 0),
        ("projections-verify", "projections verify --all", 0),
        ("projections-pause", "projections pause users", 0),
        ("projections-resume", "projections resume users", 0),
        // Nothing stops it.
        ("projections-skip", "projections skip users --reason trial", 4),
        ("relay-disarm", "relay disarm", 0),
        ("relay-arm", "relay arm", 0),
        ("moderation-ls", "moderation ls --state open", 0),
        ("moderation-resolve", &format!("moderation resolve {NOBODYS} hide"), 3),
        ("moderation-suspend", "moderation suspend борис --reason spam", 0),
        ("moderation-unsuspend", "moderation unsuspend борис", 0),
        ("notifications-disarm", "notifications disarm", 0),
        ("notifications-arm", "notifications arm", 0),
        ("notifications-ls", "notifications ls --state failed", 0),
        ("notifications-show", &format!("notifications show {NOBODYS}"), 3),
        ("notifications-retry", &format!("notifications retry {NOBODYS}"), 3),
        ("notifications-cancel", &format!("notifications cancel {NOBODYS}"), 3),
        ("templates-ls", "templates ls", 0),
        ("templates-show", &format!("templates show {NOBODYS}"), 3),
        ("templates-check", "templates check none.json", 1),
        ("mail-ls", "mail ls", 0),
        ("mail-show", &format!("mail show {NOBODYS}"), 3),
        ("mail-clear", "mail clear", 0),
        // The first time it makes the key only, which every node is to have before it counts.
        ("keys-rotate", "keys rotate", if health == 0 { 0 } else { 4 }),
        ("search", "search привет", 0),
        ("backup", "backup copy", 2),
        ("restore", "restore copy", 2),
        ("config-show", "config show", 0),
        ("config-init", &format!("config init --config {round}.toml"), 0),
        ("doctor", "doctor", 0),
        ("health", "health", health),
        ("status", "status", health),
        ("version", "version", 0),
        ("completions", "completions bash", 0),
        ("man", "man", 0),
        ("bench", "bench --only append --seconds 1 --callers 2", 0),
    ];
    let verbs = verbs.into_iter().chain(OF_MAILINGS);
    verbs.map(|(page, asked, code)| (page, asked.replace("NOBODYS", NOBODYS), code)).collect()
}

/// The names of all manual pages of verbs that do something.
fn pages(place: &Place) -> BTreeSet<String> {
    place.run(&["man", "pages"]).ok();
    let pages = std::fs::read_dir(place.data().with_file_name("pages")).unwrap();
    let pages = pages.map(|page| page.unwrap().file_name().into_string().unwrap());
    let names = pages.filter_map(|page| Some(page.strip_prefix("letopis-")?.strip_suffix(".1")?.to_owned()));
    let names = names.collect::<BTreeSet<_>>();
    let of_a_noun = |name: &String| names.iter().any(|other| other.starts_with(&format!("{name}-")));
    names.iter().filter(|name| !of_a_noun(name)).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_verb_works_beside_a_server_and_without_one() {
    let Some(database) = servers::postgres().await else { return };
    // Nobody listens there before the server does.
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = Place::shared(&database).with("LETOPIS_LISTEN", &listen);
    let run_all = |round: &str, health: i32| {
        for (page, asked, code) in verbs(&place, round, health) {
            let ran = place.run(&asked.split(' ').collect::<Vec<_>>());
            assert_eq!(ran.code, code, "{page} ({round}): {}{}", ran.out, ran.err);
        }
    };
    let tried = verbs(&place, "any", 0).into_iter().map(|(page, ..)| page).chain(ELSEWHERE);
    assert_eq!(tried.map(str::to_owned).collect::<BTreeSet<_>>(), pages(&place));
    run_all("alone", 7);
    let command = place.command(&["serve"]);
    let server = place.start_quietly(command).unwrap();
    run_all("beside", 0);
    assert_eq!(server.stop(), 0);
    assert!(!place.data().join("letopis.db").exists(), "nothing was asked of an embedded log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_never_served_takes_changes_as_well() {
    let Some(database) = servers::postgres().await else { return };
    let first = Place::shared(&database);
    first.run(&["migrate"]).ok();
    first.run(&["import", &fixture()]).ok();
    let key = first.data().join("master.key").display().to_string();
    let other = Place::shared(&database).with("LETOPIS_MASTER_KEY_FILE", &key);
    assert_eq!(other.run(&["users", "set-role", "борис", "admin"]).ok().json()["role"], "admin");
    assert_eq!(first.run(&["users", "show", "борис"]).ok().json()["role"], "admin");
}

fn doctor(place: &Place) -> (i32, Vec<Value>) {
    let ran = place.run(&["doctor", "-o", "ndjson"]);
    assert!(!ran.out.contains("s3cr3t") && !ran.err.contains("s3cr3t"), "{}{}", ran.out, ran.err);
    (ran.code, ran.lines())
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {checks:?}"))
}

#[test]
fn a_doctor_names_the_database_that_is_not_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://anna:s3cr3t@{free}/letopis");
    let place = Place::new().with("LETOPIS_LISTEN", "127.0.0.1:0").with("LETOPIS_DATABASE_URL", &url);
    let (code, checks) = doctor(&place);
    let database = check(&checks, "database");
    assert_eq!((code, database["state"].as_str()), (7, Some("problem")), "{checks:?}");
    assert!(database["found"].as_str().unwrap().contains(&format!("letopis at {free}")), "{database}");
    assert!(database["advice"].as_str().unwrap().contains("LETOPIS_DATABASE_URL"), "{database}");
    let problems = checks.iter().filter(|check| check["state"] == "problem").count();
    assert_eq!(problems, 1, "it is said once: {checks:?}");
    assert!(!place.data().exists(), "it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_looks_into_the_database() {
    let Some(database) = servers::postgres().await else { return };
    let place = Place::shared(&database).with("LETOPIS_LISTEN", "127.0.0.1:0");
    let (code, checks) = doctor(&place);
    assert_eq!((code, check(&checks, "database")["state"].as_str()), (5, Some("problem")), "{checks:?}");
    assert!(check(&checks, "database")["advice"].as_str().unwrap().contains("letopis migrate"), "{checks:?}");
    place.run(&["migrate"]).ok();
    let (code, checks) = doctor(&place);
    assert_eq!((code, check(&checks, "log")["found"].as_str()), (0, Some("none yet")), "{checks:?}");
    assert!(!place.data().exists(), "it changes nothing");
    place.run(&["import", &fixture()]).ok();
    let (code, checks) = doctor(&place);
    assert_eq!(code, 0, "{checks:?}");
    assert!(checks.iter().all(|check| check["state"] == "ok" || check["check"] == "disk"), "{checks:?}");
    assert!(check(&checks, "log")["details"]["head"].as_u64() > Some(0), "{checks:?}");
    assert_eq!(check(&checks, "read models")["details"]["lag_events"], 0, "{checks:?}");
    std::fs::rename(place.data().join("master.key"), place.data().join("aside")).unwrap();
    let (code, checks) = doctor(&place);
    assert_eq!((code, check(&checks, "master key")["state"].as_str()), (5, Some("problem")), "{checks:?}");
}
