//! Whatever happens to the files after a crash is found by the next start or by `verify`, or does no harm: then the
//! same events are read back, by position and by stream.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{House, message, role, user};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use store::{Appender, Error, Folder, Log, Record};
use tempfile::TempDir;

const FILES: [&str; 4] = ["letopis.db", "letopis.db-wal", "anchor", "master.key"];

/// The files of a folder at one moment, as a kill would leave them.
struct Files(BTreeMap<&'static str, Vec<u8>>);

impl Files {
    fn of(folder: &Folder) -> Files {
        let read = |name| fs::read(folder.root().join(name)).ok().map(|bytes| (name, bytes));
        Files(FILES.into_iter().filter_map(read).collect())
    }

    fn changed(&self, change: &Change, older: &Files) -> Files {
        let mut files = self.0.clone();
        match change {
            Change::Flip(name, bit) => files.get_mut(name).unwrap()[bit / 8] ^= 1 << (bit % 8),
            Change::Cut(name, bytes) => files.get_mut(name).unwrap().truncate(*bytes),
            Change::Fill(name, from, bytes, with) => {
                let file = files.get_mut(name).unwrap();
                let end = (from + bytes).min(file.len());
                file[*from..end].fill(*with);
            }
            Change::Delete(name) => drop(files.remove(name)),
            Change::Older(names) => {
                for name in *names {
                    files.insert(name, older.0[name].clone());
                }
            }
        }
        Files(files)
    }

    fn laid_out(&self) -> (TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        for (name, bytes) in &self.0 {
            fs::write(place.path().join(name), bytes).unwrap();
        }
        private(&place.path().join("master.key"));
        (place, folder)
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[derive(Debug)]
enum Change {
    Flip(&'static str, usize),
    Cut(&'static str, usize),
    Fill(&'static str, usize, usize, u8),
    Delete(&'static str),
    Older(&'static [&'static str]),
}

/// Everything that there is to read, along the log and along each stream.
#[derive(PartialEq, Eq)]
struct Contents {
    along: Vec<Record>,
    streams: BTreeMap<String, Vec<Record>>,
}

fn contents(log: &Log) -> Result<Contents, Error> {
    let mut along = Vec::new();
    loop {
        let page = log.read(along.len() as u64, 7)?;
        if page.is_empty() {
            break;
        }
        along.extend(page);
    }
    let mut streams = BTreeMap::new();
    for row in log.streams("", None, 10_000)? {
        streams.insert(row.stream.clone(), log.stream_records(&row.stream, 0, 10_000)?);
    }
    Ok(Contents { along, streams })
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused,
    NotVerified,
    Harmless,
}

fn outcome(files: &Files, expected: &Contents, change: &Change) -> Outcome {
    let (_place, folder) = files.laid_out();
    let Ok(appender) = Appender::open(&folder, &folder.master_key()) else { return Outcome::Refused };
    let log = Log::open(&folder, appender.keys()).unwrap();
    if log.verify(1, u64::MAX, |_| {}).is_err() {
        return Outcome::NotVerified;
    }
    let same = contents(&log).is_ok_and(|found| found == *expected);
    assert!(same, "{change:?}: served and verified, and not what was acknowledged");
    Outcome::Harmless
}

/// A log of a few hundred pages, a part of them in the write-ahead log; and how its files were a while before.
fn story() -> (House, Files, Files) {
    let mut house = House::new();
    let text = |number: u128| format!("{number} {}", "x".repeat(number as usize % 900));
    for number in 1..=300 {
        house.append(vec![message(number, 1, &text(number)), role(user(number % 7), 1 + (number as u64 - 1) / 7)]);
    }
    house.appender.checkpoint().unwrap();
    for number in 301..=350 {
        house.append(vec![message(number, 1, &text(number)), role(user(number % 7), 1 + (number as u64 - 1) / 7)]);
    }
    let older = Files::of(&house.folder);
    for number in 351..=420 {
        house.append(vec![message(number, 1, &text(number)), role(user(number % 7), 1 + (number as u64 - 1) / 7)]);
    }
    let files = Files::of(&house.folder);
    (house, files, older)
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 += 1;
        let hash = blake3::hash(&self.0.to_le_bytes());
        let number = u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap());
        (number % end as u64) as usize
    }
}

fn changes(files: &Files) -> Vec<Change> {
    let mut dice = Dice(seed());
    let mut changes = vec![
        Change::Delete("letopis.db"),
        Change::Delete("letopis.db-wal"),
        Change::Delete("anchor"),
        Change::Older(&["letopis.db-wal"]),
        Change::Older(&["letopis.db", "letopis.db-wal"]),
        Change::Older(&["anchor"]),
    ];
    for name in ["letopis.db", "letopis.db-wal", "anchor"] {
        let bytes = files.0[name].len();
        let page = if name == "letopis.db-wal" { 4096 + 24 } else { 4096 };
        for _ in 0..rounds() {
            changes.push(Change::Flip(name, dice.below(bytes * 8)));
            changes.push(Change::Cut(name, dice.below(bytes)));
            changes.push(Change::Fill(name, dice.below(bytes / page) * page, page, 0));
            changes.push(Change::Fill(name, dice.below(bytes), 512, 0xa5));
        }
    }
    changes
}

fn seed() -> u64 {
    std::env::var("CORRUPTION_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_000_000)
}

/// Of four changes to each of three files.
fn rounds() -> usize {
    std::env::var("CORRUPTION_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(18)
}

#[test]
fn corruptions_are_found_or_harmless() {
    let (house, files, older) = story();
    let expected = contents(&house.log).unwrap();
    assert_eq!(outcome(&files, &expected, &Change::Older(&[])), Outcome::Harmless);
    let mut counts = BTreeMap::new();
    let changes = changes(&files);
    assert!(changes.len() >= 200);
    for change in changes {
        let outcome = outcome(&files.changed(&change, &older), &expected, &change);
        let (kind, name) = match &change {
            Change::Flip(name, _) => ("flip", *name),
            Change::Cut(name, _) => ("cut", *name),
            Change::Fill(name, _, _, 0) => ("zero", *name),
            Change::Fill(name, ..) => ("garbage", *name),
            Change::Delete(name) => ("delete", *name),
            Change::Older(names) => ("older", names[0]),
        };
        if let Change::Delete(_) | Change::Older(["letopis.db" | "letopis.db-wal", ..]) = change {
            assert_eq!(outcome, Outcome::Refused, "{change:?}");
        }
        *counts.entry(format!("{kind} {name}: {outcome:?}")).or_insert(0) += 1;
    }
    println!("{counts:#?}");
}
