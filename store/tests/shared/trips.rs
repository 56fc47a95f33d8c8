//! What a batch costs: two round trips, and one wait for the disk.

use crate::common::{asked, message_in, user, verifier};
use crate::nodes::Shared;
use domain::Timestamp;
use servers::{Access, Postgres, PostgresOptions, Proxy, Server, installed};
use store::{Batch, BatchNeeds, Cluster, NewReceipt};

fn receipt(number: u8) -> NewReceipt {
    NewReceipt {
        command_id: [number; 32],
        fingerprint: [0; 32],
        at: Timestamp(7),
        position: 1,
        subject: Some(user(u128::from(number))),
        outcome: "{}".to_owned(),
    }
}

/// A batch as the writer makes it: about people who may have keys or not, with receipts.
fn written(appender: &mut store::Appender, numbers: std::ops::Range<u8>) {
    let people = numbers.clone().map(|number| user(u128::from(number)));
    let needs = BatchNeeds {
        streams: people.clone().map(Into::into).collect(),
        receipts: numbers.clone().map(|number| [number; 32]).collect(),
        subjects: people.collect(),
    };
    let begun = appender.begin(&needs).unwrap();
    let version = begun.streams.iter().map(|(_, facts)| facts.as_ref().unwrap().len()).max().unwrap() as u64 + 1;
    let events = numbers.clone().map(|number| verifier(user(u128::from(number)), version, "secret")).collect();
    let receipts = if version == 1 { numbers.map(receipt).collect() } else { Vec::new() };
    appender.append(&Batch { at: Timestamp(7), events, receipts, ..Batch::default() }).unwrap();
}

#[test]
fn a_batch_takes_two_round_trips() {
    let Some(shared) = Shared::new() else { return };
    let proxy = Proxy::before(&shared.url, "letopis.write_batch").unwrap();
    let cluster = Cluster::new(proxy.url()).unwrap();
    let mut node = shared.node_by(&cluster);
    let ((), trips) = proxy.trips(|| written(&mut node.appender, 1..20));
    assert_eq!(trips, 2, "people that have no key yet");
    let ((), trips) = proxy.trips(|| written(&mut node.appender, 1..20));
    assert_eq!(trips, 2, "people whose keys are at hand");
    // Somebody else wrote about others and about the same, and this node has their keys to find.
    let mut other = shared.node();
    other.append((1..50).map(|number| message_in(number, 1, user(number), "elsewhere")).collect()).unwrap();
    let ((), trips) = proxy.trips(|| written(&mut node.appender, 1..20));
    assert_eq!(trips, 2, "with what another node wrote");
    let mut fresh = shared.node_by(&cluster);
    let ((), trips) = proxy.trips(|| written(&mut fresh.appender, 1..20));
    assert_eq!(trips, 2, "by a node that has no key at hand and must answer to receipts");
    let (_, trips) = proxy.trips(|| fresh.log.read(0, 10).unwrap());
    // The beginning and the end of a read are sent and not waited for: they may go by within the answer's time or not.
    assert!((1..=3).contains(&trips), "the proxy counts: {trips}");
    assert_eq!(node.verified(), 19 * 4 + 49);
}

#[test]
fn a_batch_waits_for_the_disk_once() {
    if !installed(Server::Postgres) {
        return;
    }
    let postgres = Postgres::start(PostgresOptions { fsync: true, access: Access::Trust }).unwrap();
    let version = |sql: &'static str| {
        asked(&postgres.url(), async |client| client.query_one(sql, &[]).await.map(|row| row.get::<_, i64>(0))).unwrap()
    };
    if version("select current_setting('server_version_num')::bigint") < 140_000 {
        eprintln!("left out: PostgreSQL before 14 does not count how often it syncs");
        return;
    }
    let shared = Shared::at(&postgres.url());
    let mut node = shared.node();
    written(&mut node.appender, 1..3);
    let synced = || version("select wal_sync from pg_stat_wal");
    // A session tells what it did when it ends.
    let mut node = shared.again(node).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let before = synced();
    for _ in 0..100 {
        written(&mut node.appender, 1..3);
    }
    drop(node);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while synced() - before < 100 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // The server's own writer syncs as well, five times a second at the most.
    assert!((100..=130).contains(&(synced() - before)), "{} syncs for 100 batches", synced() - before);
}

#[test]
fn no_batch_reads_the_whole_log_while_the_server_has_no_statistics_of_it() {
    if !installed(Server::Postgres) {
        return;
    }
    let postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let number = |sql: &'static str| {
        asked(&postgres.url(), async |client| client.query_one(sql, &[]).await.map(|row| row.get::<_, i64>(0))).unwrap()
    };
    let shared = Shared::at(&postgres.url());
    asked(&postgres.url(), async |client| {
        client.batch_execute("alter table letopis.event set (autovacuum_enabled = off)").await
    })
    .unwrap();
    let mut node = shared.node();
    for first in (1..20_000).step_by(4_000) {
        node.append((first..first + 4_000).map(|number| message_in(number, 1, user(1), "here")).collect()).unwrap();
    }
    let mut node = shared.again(node).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let of_events = "select seq_scan from pg_stat_user_tables where relname = 'event'";
    let before = number(of_events);
    for batch in 0..20_u128 {
        let streams =
            (0..64).map(|number| message_in(100_000 + batch * 64 + number, 1, user(1), "new").event.stream()).collect();
        let needs = BatchNeeds { streams, receipts: vec![[7; 32]; 64], subjects: Vec::new() };
        node.appender.begin(&needs).unwrap();
        node.append(vec![message_in(100_000 + batch * 64, 1, user(1), "new")]).unwrap();
    }
    // A session tells what it did when it ends.
    drop(node);
    let found = "select idx_scan from pg_stat_user_tables where relname = 'event'";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while number(found) < 20 && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(number(found) >= 20, "it was asked");
    assert_eq!(number(of_events), before);
}

#[test]
fn a_node_that_is_far_behind_learns_it_in_parts_and_holds_up_nobody() {
    let Some(shared) = Shared::new() else { return };
    let (mut node, mut other) = (shared.node(), shared.node());
    let written: u64 = 25_000;
    for first in (1..u128::from(written)).step_by(5_000) {
        other
            .append((first..first + 5_000).map(|number| message_in(number, 1, user(1), "elsewhere")).collect())
            .unwrap();
    }
    let (mut told, mut parts) = (Vec::new(), 0);
    loop {
        let begun = node.appender.begin(&BatchNeeds::default()).unwrap();
        assert!(begun.others.len() <= 10_000, "{}", begun.others.len());
        told.extend(begun.others.iter().map(|other| other.stream));
        parts += 1;
        if !begun.is_behind {
            break;
        }
        // Nobody has the head between two parts.
        other.append(vec![message_in(u128::from(written) + parts, 1, user(1), "meanwhile")]).unwrap();
    }
    assert_eq!(parts, 3);
    let all = (1..=u128::from(written) + 2).map(|number| crate::common::id(number).into());
    assert!(told.iter().copied().eq(all), "each once and in order");
    let head = node.append(vec![message_in(50_000, 1, user(1), "here")]).unwrap();
    assert_eq!(head.position, written + 3);
    // Whoever only appends is told nothing, and comes to the head as well.
    assert_eq!(shared.node().post(50_001).unwrap().position, written + 4);
    assert_eq!(node.verified(), written + 4);
}
