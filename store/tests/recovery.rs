//! What a start accepts, what it refuses, and what helps then.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{House, broken, message, role, user};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use store::{Appender, BrokenKind, Error, Folder, Log, NewEvent, accept_anchor};
use tempfile::TempDir;

/// The folder as a kill would leave it now.
fn killed(house: &House) -> (TempDir, Folder) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    for name in ["letopis.db", "letopis.db-wal", "anchor", "master.key"] {
        fs::copy(house.folder.root().join(name), place.path().join(name)).unwrap();
    }
    (place, folder)
}

fn open(folder: &Folder) -> Result<Appender, Error> {
    Appender::open(folder, &folder.master_key())
}

/// Six events in the database file, four more in the write-ahead log.
fn house() -> House {
    let mut house = House::new();
    for number in 1..=6 {
        house.append(vec![message(number, 1, "text")]);
    }
    house.appender.checkpoint().unwrap();
    for number in 7..=10 {
        house.append(vec![message(number, 1, "text")]);
    }
    house
}

fn tampering(folder: &Folder, sql: &str) {
    let raw = rusqlite::Connection::open(folder.database()).unwrap();
    let triggers = "drop trigger event_is_never_deleted; drop trigger event_is_only_forgotten";
    raw.execute_batch(triggers).unwrap();
    raw.execute_batch(sql).unwrap();
}

fn refused(folder: &Folder) -> (u64, BrokenKind) {
    match open(folder).map(|_| ()) {
        Err(Error::NotHeld { source }) => (source.position, source.kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_killed_process_leaves_a_log_that_starts() {
    let house = house();
    let (_place, folder) = killed(&house);
    let mut appender = open(&folder).unwrap();
    assert_eq!(appender.head(), house.appender.head());
    let batch = store::Batch { events: vec![message(11, 1, "text")], ..Default::default() };
    assert_eq!(appender.append(&batch).unwrap().position, 11);
    assert_eq!(folder.read_anchor().unwrap().head.position, 11);
    let log = Log::open(&folder, appender.keys()).unwrap();
    assert_eq!(log.verify(1, u64::MAX, |_| {}).unwrap().anchor, Some(11));
}

#[test]
fn a_kill_between_the_commit_and_the_anchor_does_no_harm() {
    let mut house = house();
    let before = fs::read(house.folder.anchor()).unwrap();
    house.append(vec![message(11, 1, "text")]);
    let (_place, folder) = killed(&house);
    fs::write(folder.anchor(), before).unwrap();
    assert_eq!(open(&folder).unwrap().head().position, 11);
}

#[test]
fn a_lost_or_cut_write_ahead_log_is_refused_as_it_lies() {
    let house = house();
    let (_place, folder) = killed(&house);
    let wal = folder.root().join("letopis.db-wal");
    let whole = fs::read(&wal).unwrap();
    let cut = &whole[..whole.len() - 100];
    fs::write(&wal, cut).unwrap();
    let (position, kind) = refused(&folder);
    assert_eq!((position, kind), (10, BrokenKind::Missing));
    assert_eq!(fs::read(&wal).unwrap(), cut);
    fs::remove_file(&wal).unwrap();
    assert_eq!(refused(&folder), (7, BrokenKind::Missing));
    // What is missing is put back: everything is there again.
    fs::write(&wal, whole).unwrap();
    assert_eq!(open(&folder).unwrap().head().position, 10);
}

#[test]
fn a_lost_database_is_refused_and_not_made_anew() {
    let house = house();
    let (_place, folder) = killed(&house);
    fs::remove_file(folder.database()).unwrap();
    assert_eq!(refused(&folder), (1, BrokenKind::Missing));
    assert!(!folder.database().exists());
    fs::write(folder.database(), "").unwrap();
    assert_eq!(refused(&folder), (1, BrokenKind::Missing));
    assert!(fs::metadata(folder.root().join("letopis.db-wal")).unwrap().len() > 0);
}

#[test]
fn a_row_that_changed_since_the_last_checkpoint_is_refused() {
    let change = |position| format!("update event set payload = payload || ' ' where position = {position}");
    for position in [6, 7, 8, 10] {
        let (_place, folder) = killed(&house());
        tampering(&folder, &change(position));
        assert_eq!(refused(&folder), (position, BrokenKind::Hash));
    }
    // What was changed before is found by who looks through everything.
    let (_place, folder) = killed(&house());
    tampering(&folder, &change(3));
    let appender = open(&folder).unwrap();
    let log = Log::open(&folder, appender.keys()).unwrap();
    assert_eq!(broken(log.verify(1, u64::MAX, |_| {}).unwrap_err()).position, 3);
}

#[test]
fn a_lost_or_damaged_anchor_is_accepted_by_hand_alone() {
    let (_place, folder) = killed(&house());
    fs::write(folder.anchor(), "garbage").unwrap();
    assert!(matches!(open(&folder), Err(Error::BadAnchor { .. })));
    fs::remove_file(folder.anchor()).unwrap();
    assert!(matches!(open(&folder), Err(Error::NoAnchor { .. })));
    let log = Log::open_read_only(&folder, &folder.master_key()).unwrap();
    assert_eq!(broken(log.verify(1, u64::MAX, |_| {}).unwrap_err()).kind, BrokenKind::Anchor);
    assert_eq!(log.verify(1, 10, |_| {}).unwrap().anchor, None);

    let lock = folder.lock().unwrap();
    assert_eq!(accept_anchor(&folder, &lock, |_| {}).unwrap().verified.anchor, Some(10));
    assert_eq!(log.verify(1, u64::MAX, |_| {}).unwrap().anchor, Some(10));
    assert_eq!(open(&folder).unwrap().head().position, 10);
}

#[test]
fn a_shorter_log_is_accepted_by_hand_and_a_broken_one_is_not() {
    let house = house();
    let (_place, folder) = killed(&house);
    fs::remove_file(folder.root().join("letopis.db-wal")).unwrap();
    let lock = folder.lock().unwrap();
    assert_eq!(accept_anchor(&folder, &lock, |_| {}).unwrap().verified.anchor, Some(6));
    assert_eq!(open(&folder).unwrap().head().position, 6);
    tampering(&folder, "update event set payload = '' where position = 3");
    assert!(matches!(accept_anchor(&folder, &lock, |_| {}), Err(Error::NotHeld { source }) if source.position == 3));
}

#[test]
fn an_index_that_hides_an_event_is_found() {
    let mut house = House::new();
    house.append((1..=9).map(|number| message(number, 1, "text")).collect());
    house.appender.checkpoint().unwrap();
    let raw = house.raw();
    let page: i64 = raw
        .query_row("select rootpage from sqlite_schema where name = 'sqlite_autoindex_event_1'", [], |row| row.get(0))
        .unwrap();
    drop(raw);
    let closed = house.closed();
    let mut bytes = fs::read(closed.folder.database()).unwrap();
    let from = (page as usize - 1) * 4096;
    // One digit of one stream's name in the index.
    let stream = domain::StreamId::from(common::id(4)).to_string();
    let page = &mut bytes[from..from + 4096];
    let at = page.windows(stream.len()).position(|found| found == stream.as_bytes()).unwrap();
    page[at + stream.len() - 1] = b'f';
    fs::write(closed.folder.database(), bytes).unwrap();
    let appender = open(&closed.folder).unwrap();
    let log = Log::open(&closed.folder, appender.keys()).unwrap();
    let found = broken(log.verify(1, u64::MAX, |_| {}).unwrap_err());
    assert_eq!((found.position, found.kind), (4, BrokenKind::Unreachable));
}

#[test]
fn verify_beside_an_appender_never_misjudges() {
    let mut house = House::new();
    let (log, done) = (house.log.clone(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds < 3 {
                log.verify(1, u64::MAX, |_| {}).unwrap();
                rounds += 1;
            }
        });
        for number in 1..=300 {
            house.append(vec![message(number, 1, "text"), message(1_000 + number, 1, "text")]);
        }
        done.store(true, Ordering::Relaxed);
        verifying.join().unwrap();
    });
}

#[test]
fn what_the_next_start_looks_through_stays_short() {
    let mut house = House::new();
    let meta = "x".repeat(32_000);
    for round in 0..60_u128 {
        let of = |number: u128| NewEvent { meta: meta.clone(), ..role(user(round * 10 + number), 1) };
        house.append((1..=10).map(of).collect());
    }
    let anchor = house.folder.read_anchor().unwrap();
    assert_eq!(anchor.head.position, 600);
    assert!(anchor.settled.position > 200, "settled at {}", anchor.settled.position);
}

/// Prints figures: `cargo test --release -p store --test recovery -- --ignored --nocapture`.
#[test]
#[ignore = "it measures"]
fn the_start_after_a_kill_with_a_million_events() {
    let mut house = House::new();
    let text = "x".repeat(150);
    let began = Instant::now();
    for round in 0..10_000 {
        house.append((1..=100).map(|number| message(round * 100 + number, 1, &text)).collect());
    }
    println!("a million events in 10,000 commits: {:?}", began.elapsed());
    let (_place, folder) = killed(&house);
    let anchor = folder.read_anchor().unwrap();
    println!("head {}, settled {}", anchor.head.position, anchor.settled.position);
    let began = Instant::now();
    let appender = open(&folder).unwrap();
    println!("start: {:?}", began.elapsed());
    let log = Log::open(&folder, appender.keys()).unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let events = log.verify(1, u64::MAX, |_| {}).unwrap().events as f64;
        println!("verify of everything: {:.0} events/s", events / began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    log.verify(2, u64::MAX, |_| {}).unwrap();
    println!("the same without the index, with a look-up for each stream: {:?}", began.elapsed());
}
