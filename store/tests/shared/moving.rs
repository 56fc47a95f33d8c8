//! A log that moves between the embedded default and PostgreSQL.

use crate::common::{House, message_in, role, user, verifier};
use crate::nodes::Shared;
use domain::Timestamp;
use std::path::PathBuf;
use store::{Appender, Batch, Cluster, Error, Folder, Forget, Imported, Log, NewReceipt, Target, postgres};

/// A log of 2,503 events, more than is written at once: with a forgotten part, receipts of one instant, and a key
/// that was deleted.
fn house() -> House {
    let mut house = House::new();
    let texts = (0..2_500).map(|number| message_in(number, 1, user(number % 3), &format!("text {number}")));
    house.append(texts.collect());
    house.append(vec![role(user(7), 1), verifier(user(7), 2, "old verifier")]);
    let receipt = |number: u8| NewReceipt {
        command_id: [number; 32],
        fingerprint: [2; 32],
        at: Timestamp(3),
        position: 1,
        subject: Some(user(1)),
        outcome: format!("{{\"message_id\":\"{number}\"}}"),
    };
    let forget = Forget::Superseded { stream: user(7).into(), name: domain::VERIFIERS[0], before_version: 3 };
    let events = vec![verifier(user(7), 3, "new verifier")];
    let receipts = vec![receipt(9), receipt(1), receipt(5)];
    house.appender.append(&Batch { events, receipts, forget: vec![forget], ..Batch::default() }).unwrap();
    let forget = vec![Forget::Subject(user(2))];
    house.appender.append(&Batch { forget, ..Batch::default() }).unwrap();
    house
}

fn exported(house: &House) -> Vec<u8> {
    let mut file = Vec::new();
    store::export(&house.folder, &mut file, |_, _| {}).unwrap();
    file
}

/// A node's folder, with the master key of a log that comes.
struct Place {
    folder: tempfile::TempDir,
    master_key: PathBuf,
}

impl Place {
    fn of(house: &House) -> Place {
        Place { folder: tempfile::tempdir().unwrap(), master_key: house.folder.master_key() }
    }

    fn import(&self, cluster: &Cluster, file: &[u8]) -> Result<Imported, Error> {
        let (data, list) = (self.folder.path().join("data"), self.folder.path().join("erased"));
        let target = Target { data: &data, master_key: &self.master_key, erased_list: &list };
        postgres::import(cluster, target, file, |_, _| {}, || Ok(()))
    }

    fn folder(&self) -> Folder {
        Folder::create(&self.folder.path().join("data")).unwrap()
    }
}

#[test]
fn a_log_moves_up_and_back_byte_for_byte_and_goes_on() {
    let Some(shared) = Shared::new() else { return };
    let mut house = house();
    let file = exported(&house);
    let place = Place::of(&house);
    let brought = place.import(&shared.cluster, &file).unwrap();
    assert_eq!((brought.head, brought.counted.events), (house.appender.head(), 2_503));
    assert!(brought.back.is_empty());
    let folder = place.folder();
    let mut out = Vec::new();
    let (head, counted) = postgres::export(&shared.cluster, &folder, &mut out, |_, _| {}).unwrap();
    assert_eq!((head, counted), (brought.head, brought.counted));
    assert!(out == file, "byte for byte");
    let log = Log::open_shared(&shared.cluster, &folder, &place.master_key).unwrap();
    assert_eq!(log.verify(1, u64::MAX, |_| {}).unwrap().anchor, Some(2_503));
    let read = |log: &Log| log.facts(0, 9_999).unwrap();
    assert_eq!(read(&log), read(&house.log), "what is sealed opens, what is forgotten stays so");
    let mut appender = Appender::open_shared(&shared.cluster, &folder, &place.master_key).unwrap();
    assert_eq!(log.receipt(&[5; 32]).unwrap(), house.appender.receipt(&[5; 32]).unwrap());
    assert!(log.receipt(&[9; 32]).unwrap().is_some());
    let events = vec![message_in(9_999, 1, user(1), "goes on")];
    assert_eq!(appender.append(&Batch { events, ..Batch::default() }).unwrap().position, 2_504);
    // And back, what was added with it.
    let mut out = Vec::new();
    postgres::export(&shared.cluster, &folder, &mut out, |_, _| {}).unwrap();
    let down = Place::of(&house);
    let (data, list) = (down.folder.path().join("data"), down.folder.path().join("erased"));
    let target = Target { data: &data, master_key: &down.master_key, erased_list: &list };
    let brought = store::import(target, out.as_slice(), |_, _| {}).unwrap();
    assert_eq!(brought.head, log.head().unwrap());
}

#[test]
fn what_is_not_taken_leaves_the_database_as_it_was() {
    let Some(shared) = Shared::new() else { return };
    let house = house();
    let file = exported(&house);
    let place = Place::of(&house);
    let text = String::from_utf8(file.clone()).unwrap();
    let lines = text.lines().collect::<Vec<_>>();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().join("\n") + "\n";
    let twice = |at: usize| [&lines[..=at], &lines[at..]].concat().join("\n") + "\n";
    let receipt = lines.iter().position(|line| line.contains("\"receipt\"")).unwrap();
    for (what, expected, bad) in [
        ("the end is missing", "cut off", without(lines.len() - 1)),
        ("an event is missing", "must come", without(1_500)),
        ("a key twice", "repeats what an earlier line holds", twice(1)),
        ("a receipt twice", "counts other lines", twice(receipt)),
        ("a key less", "not in the file", without(1)),
    ] {
        let error = place.import(&shared.cluster, bad.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::BadExport { .. }), "{what}: {error:?}");
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }
    let log = || Log::open_shared(&shared.cluster, &place.folder(), &place.master_key);
    assert!(log().is_err(), "nobody has opened it, so it has no keys");
    assert!(!place.folder().anchor().exists());
    // It is taken now, once, and by nobody else.
    place.import(&shared.cluster, &file).unwrap();
    let refused = place.import(&shared.cluster, &file).unwrap_err();
    assert!(matches!(refused, Error::NotEmptyDatabase { events: 2_503 }), "{refused}");
    let other = House::new();
    let refused = Place::of(&other).import(&shared.cluster, &file).unwrap_err();
    assert!(matches!(refused, Error::OtherMasterKey { .. }), "{refused}");
    assert_eq!(log().unwrap().verify(1, u64::MAX, |_| {}).unwrap().events, 2_503);
}

#[test]
fn a_database_with_keys_of_its_own_is_not_for_another_log() {
    let Some(shared) = Shared::new() else { return };
    let house = house();
    drop(shared.node());
    let refused = Place::of(&house).import(&shared.cluster, &exported(&house)).unwrap_err();
    assert!(matches!(refused, Error::KeysInTheWay), "{refused}");
}

#[test]
fn who_was_erased_is_in_the_list_and_who_came_back_is_told() {
    let Some(shared) = Shared::new() else { return };
    let house = house();
    let place = Place::of(&house);
    std::fs::write(place.folder.path().join("erased"), format!("{} 2026-01-01T00:00:00.000000Z\n", user(7))).unwrap();
    let brought = place.import(&shared.cluster, &exported(&house)).unwrap();
    assert_eq!(brought.back, [user(7)]);
}
