//! A node knows how far the log went, and is not told that it went less far.

use crate::common::{asked, broken, message};
use crate::nodes::{Node, Shared};
use store::{BatchNeeds, BrokenKind, Error, postgres};

/// What a restore of an older state leaves: the rows behind `position` are gone, and the head says so.
fn set_back(shared: &Shared, position: u64) {
    let sql = format!(
        "set session_replication_role = replica; set search_path to letopis; begin;
         delete from event where position > {position};
         update log_head set position = {position},
             hash = coalesce((select hash from event where position = {position}), decode(repeat('00', 32), 'hex'));
         commit"
    );
    asked(&shared.url, async |client| client.batch_execute(&sql).await).unwrap();
}

fn ten() -> Option<(Shared, Node)> {
    let shared = Shared::new()?;
    let mut node = shared.node();
    for number in 1..=10 {
        node.post(number).unwrap();
    }
    Some((shared, node))
}

fn not_held(error: Option<Error>) -> (u64, BrokenKind) {
    match error {
        Some(Error::NotHeld { source }) => (source.position, source.kind),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_that_was_set_back_is_refused_at_the_start_and_accepted_by_command() {
    let Some((shared, node)) = ten() else { return };
    let folder = node.folder.clone();
    set_back(&shared, 6);
    assert_eq!(broken(node.log.verify(1, u64::MAX, |_| {}).unwrap_err()).kind, BrokenKind::Missing);
    let kept = std::fs::read(folder.anchor()).unwrap();
    // The folder stays: the node's own place goes with it.
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("anchor"), &kept).unwrap();
    assert_eq!(not_held(shared.again(node).err()), (7, BrokenKind::Missing));
    let folder = store::Folder::create(copy.path()).unwrap();
    let lock = folder.lock().unwrap();
    let accepted = postgres::accept_anchor(&shared.cluster, &folder, &lock, |_| {}).unwrap();
    assert_eq!((accepted.verified.events, accepted.verified.anchor, accepted.is_other), (6, Some(6), true));
    let mut appender = store::Appender::open_shared(&shared.cluster, &folder, &shared.key).unwrap();
    let batch = store::Batch { events: vec![message(7, 1, "again")], ..Default::default() };
    assert_eq!(appender.append(&batch).unwrap().position, 7);
}

#[test]
fn a_log_that_was_set_back_while_a_node_runs_is_refused_by_its_next_batch() {
    let Some((shared, mut node)) = ten() else { return };
    set_back(&shared, 6);
    assert_eq!(not_held(node.appender.begin(&BatchNeeds::default()).err()), (7, BrokenKind::Missing));
    // Others have written on since, past what this node knows: it is not the same log.
    let mut other = shared.node();
    for number in 11..=20 {
        other.post(number).unwrap();
    }
    assert_eq!(not_held(node.post(99).err()), (10, BrokenKind::Anchor));
    assert_eq!(not_held(shared.again(node).err()), (10, BrokenKind::Anchor));
    assert_eq!(other.verified(), 16);
}

#[test]
fn what_does_not_hold_is_not_accepted() {
    let Some((shared, node)) = ten() else { return };
    let sql =
        "set session_replication_role = replica; update letopis.event set payload = payload || ' ' where position = 3";
    asked(&shared.url, async |client| client.batch_execute(sql).await).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = store::Folder::create(place.path()).unwrap();
    let lock = folder.lock().unwrap();
    let refused = postgres::accept_anchor(&shared.cluster, &folder, &lock, |_| {}).err();
    assert_eq!(not_held(refused), (3, BrokenKind::Hash));
    assert!(!folder.anchor().exists());
    drop(node);
}

#[test]
fn a_head_that_is_not_where_the_events_end_is_found() {
    let Some((shared, node)) = ten() else { return };
    drop(node);
    // A node that knows nothing yet.
    let log = shared.node().log;
    for (sql, position, kind) in [
        ("update letopis.log_head set position = 12", 11, BrokenKind::Missing),
        (
            "update letopis.log_head set position = 9, hash = (select hash from letopis.event where position = 9)",
            10,
            BrokenKind::Anchor,
        ),
        ("update letopis.log_head set position = 10, hash = decode(repeat('00', 32), 'hex')", 10, BrokenKind::Anchor),
    ] {
        asked(&shared.url, async |client| client.batch_execute(sql).await).unwrap();
        let found = broken(log.verify(1, u64::MAX, |_| {}).unwrap_err());
        assert_eq!((found.position, found.kind), (position, kind), "{sql}");
    }
}
