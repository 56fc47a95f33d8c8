//! A crash at every named place between two effects (`store::failpoint`), on the built binary: each of them is shown
//! to happen; afterwards a start is clean, what was acknowledged is there once, and what was cut off resolves.
// A release build has no failpoints.
#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod erase;
mod error;
mod keys;
mod load;
mod mail;
mod operate;
mod start;

use common::Place;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

const SIGABRT: i32 = 6;

/// Which story passes which place.
const STORIES: &[&[(&str, u32)]] =
    &[start::POINTS, load::POINTS, load::SLOW, erase::POINTS, operate::ALL, mail::POINTS];

/// Backups, whole logs, and mail over providers have their crashes in tests of their own.
const ELSEWHERE: [&str; 2] = [include_str!("../moving.rs"), include_str!("../mail_faults.rs")];

/// The process ended at that place, and nowhere else.
fn assert_fired(status: ExitStatus, said: &str, name: &str) {
    assert_eq!(status.signal(), Some(SIGABRT), "{name}: {status:?} {said}");
    assert!(said.contains(&format!("failpoint {name}: Crash")), "{name}: {said}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Waits until there is nothing that `found` finds.
fn until_gone(place: &Place, found: impl Fn(&Place) -> Vec<String>) {
    let began = std::time::Instant::now();
    while let Some(left) = found(place).first() {
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "still in {left}: {}", place.said());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn every_failpoint_of_the_source_has_its_story() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = BTreeSet::new();
    for room in ["store", "commands", "projections", "state", "couriers", "node", "api", "cli"] {
        collect(&root.join(room).join("src"), &mut names);
    }
    let told = STORIES.iter().copied().flatten().map(|(name, _)| *name).collect::<BTreeSet<_>>();
    let is_there = |name: &str, what| ELSEWHERE.iter().any(|text| text.contains(&format!("\"{name}={what}")));
    let elsewhere = |name: &str| is_there(name, "crash") || is_there(name, "error");
    let without = names.iter().filter(|name| !told.contains(name.as_str()) && !elsewhere(name));
    assert_eq!(without.collect::<Vec<_>>(), [""; 0], "in the source, and in no story");
    let gone = told.iter().filter(|name| !names.contains(**name));
    assert_eq!(gone.collect::<Vec<_>>(), [&""; 0], "in a story, and not in the source");
    assert!(names.len() >= 25, "{names:?}");
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // The same places over a server that these stories do not start.
            if path.file_name().unwrap() != "postgres" {
                collect(&path, names);
            }
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for call in ["failpoint::pass(\"", "failpoint::io(\"", "failpoint::sql(\""] {
            for rest in text.split(call).skip(1) {
                let name = rest.split('"').next().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{name} is named twice, in {}", path.display());
            }
        }
    }
}
