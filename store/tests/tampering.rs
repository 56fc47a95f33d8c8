//! Whoever changes the log is found out, at the first place that they changed.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{House, broken, each, message, role, user};
use store::{Broken, BrokenKind};

/// One on each database.
fn houses() -> impl Iterator<Item = House> {
    each().map(|mut house| {
        house.append((1..=6).map(|number| message(number, 1, "text")).collect());
        house.append_at(domain::Timestamp(2_000_000_000_000_000), vec![role(user(7), 1), role(user(7), 2)]);
        house
    })
}

/// What is found of a change, by every database alike. `ZEROS` stands for an id of zeros.
fn found(sql: &str) -> (u64, BrokenKind) {
    alike(houses().map(|house| {
        house.tampering(&sql.replace("ZEROS", &house.bytes(&[0; 16])));
        let Broken { position, kind, .. } = house.verify().expect_err(sql);
        (position, kind)
    }))
}

fn alike(mut found: impl Iterator<Item = (u64, BrokenKind)>) -> (u64, BrokenKind) {
    let first = found.next().unwrap();
    found.for_each(|other| assert_eq!(other, first));
    first
}

/// Changes a row and then makes its hash, and those behind it, right again: the chain itself tells nothing.
fn found_with_the_chain_mended(sql: &str) -> (u64, BrokenKind) {
    alike(houses().map(|house| mended(&house, sql)))
}

fn mended(house: &House, sql: &str) -> (u64, BrokenKind) {
    house.tampering(sql);
    let mut previous = store::chain::GENESIS;
    for record in house.log.read(0, 100).unwrap() {
        let link = store::chain::Link {
            position: record.position as i64,
            stream: &record.stream,
            version: record.version as i64,
            id: record.id.as_bytes(),
            name: &record.name,
            recorded_at: record.recorded_at.0,
            payload: &record.payload,
            subject: record.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()),
            sealed_hash: record.sealed_hash.as_ref().map(<[u8; 32]>::as_slice),
            meta: &record.meta,
        };
        previous = store::chain::hash(&previous, &link, &mut Vec::new());
        house.tampering(&format!(
            "update event set hash = {} where position = {}",
            house.bytes(&previous),
            link.position
        ));
    }
    let Broken { position, kind, .. } = house.verify().expect_err(sql);
    (position, kind)
}

#[test]
fn an_untouched_log_holds() {
    for house in houses() {
        let mut seen = Vec::new();
        let verified = house.log.verify(1, u64::MAX, |position| seen.push(position)).unwrap();
        assert_eq!((verified.events, verified.head), (8, house.appender.head()));
        assert_eq!(seen, [8]);
        assert_eq!(house.log.verify(4, 6, |_| {}).unwrap().events, 3);
        assert_eq!(house.log.verify(8, 8, |_| {}).unwrap().head, house.appender.head());
    }
    each().for_each(|house| assert_eq!(house.verify().unwrap().events, 0));
}

#[test]
fn changed_columns_are_found() {
    for column in ["payload = payload || ' '", "meta = '{}'", "hash = ZEROS", "id = ZEROS"] {
        assert_eq!(found(&format!("update event set {column} where position = 3")), (3, BrokenKind::Hash), "{column}");
    }
    let other = "update event set subject = ZEROS where position = 3";
    assert_eq!(found(other), (3, BrokenKind::Hash));
    assert_eq!(found("update event set sealed_hash = null where position = 3"), (3, BrokenKind::Hash));
    assert_eq!(found("update event set sealed = ZEROS where position = 3"), (3, BrokenKind::Sealed));
    assert_eq!(found("update event set sealed = ZEROS where position = 7"), (7, BrokenKind::Sealed));
}

#[test]
fn missing_and_moved_rows_are_found() {
    assert_eq!(found("delete from event where position = 3"), (3, BrokenKind::Missing));
    assert_eq!(found("delete from event where position = 1"), (1, BrokenKind::Missing));
    let swapped = "update event set position = 99 where position = 3; update event set position = 3 where position = 5;
                   update event set position = 5 where position = 99";
    assert_eq!(found(swapped), (3, BrokenKind::Hash));
}

#[test]
fn a_cut_tail_is_found_by_whoever_knows_where_it_was() {
    for house in houses() {
        house.tampering("delete from event where position > 6");
        let found = house.verify().unwrap_err();
        assert_eq!((found.position, found.kind), (7, BrokenKind::Missing));
        let found = broken(house.log.verify(1, 8, |_| {}).unwrap_err());
        assert_eq!((found.position, found.kind), (7, BrokenKind::Missing));
        assert_eq!(broken(house.log.verify(9, 9, |_| {}).unwrap_err()).kind, BrokenKind::Missing);
    }
}

#[test]
fn versions_and_times_are_looked_at_as_well() {
    let version = "update event set version = 3 where position = 8";
    assert_eq!(found_with_the_chain_mended(version), (8, BrokenKind::Version));
    let first = "update event set version = 2 where position = 3";
    assert_eq!(found_with_the_chain_mended(first), (3, BrokenKind::Version));
    let time = "update event set recorded_at = 1 where position = 5";
    assert_eq!(found_with_the_chain_mended(time), (5, BrokenKind::Time));
}

#[test]
fn a_part_of_the_log_is_verified_with_what_is_before_it() {
    for house in houses() {
        house.tampering(
            "update event set version = 3 where position = 8; update event set payload = '' where position = 2",
        );
        assert_eq!(house.log.verify(3, 7, |_| {}).unwrap().events, 5);
        assert_eq!(broken(house.log.verify(8, 8, |_| {}).unwrap_err()).position, 8);
    }
}
