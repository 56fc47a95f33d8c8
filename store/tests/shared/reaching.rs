//! The ways that a log in PostgreSQL is reached, carried and disturbed by.

use crate::common::{asked, message, message_in, statements, user};
use crate::nodes::Shared;
use servers::{PgBouncer, Postgres, PostgresOptions, Server, installed};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use store::{BatchNeeds, Cluster};

#[test]
fn transactions_that_somebody_left_open_stall_nobody() {
    let Some(shared) = Shared::new() else { return };
    let mut node = shared.node();
    node.post(1).unwrap();
    asked(&shared.url, async |client| {
        // It holds a snapshot and a transaction id, as a careless report or a forgotten terminal does.
        client.batch_execute("begin isolation level repeatable read; create table careless (n bigint)").await?;
        client.batch_execute("select count(*) from letopis.event").await?;
        for number in 2..=200 {
            assert_eq!(node.post(number).unwrap().position as u128, number);
            assert_eq!(node.log.read(0, 1_000).unwrap().len() as u128, number);
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(node.verified(), 200);
}

/// Of the server's own, or of `$PATH`.
fn program(name: &str) -> PathBuf {
    let beside = Server::Postgres.find().unwrap().join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}

#[test]
fn a_dump_goes_on_in_a_new_server() {
    let Some(shared) = Shared::new() else { return };
    let mut node = shared.node();
    node.append((1..=50).map(|number| message_in(number, 1, user(number % 5 + 1), "carried")).collect()).unwrap();
    let facts = node.log.facts(0, 100).unwrap();
    let younger = Postgres::start(PostgresOptions::default()).unwrap();
    let mut dump = Command::new(program("pg_dump"));
    let mut dump = dump.args(["--no-owner", "-d", &shared.url]).stdout(Stdio::piped()).spawn().unwrap();
    let mut restore = Command::new(program("psql"));
    restore.args(["--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-d", &younger.url()]);
    let restored = restore.stdin(dump.stdout.take().unwrap()).stdout(Stdio::null()).status().unwrap();
    assert!(restored.success() && dump.wait().unwrap().success());
    let mut there = shared.node_by(&Cluster::new(&younger.url()).unwrap());
    assert_eq!(there.log.facts(0, 100).unwrap(), facts);
    assert_eq!(there.append(vec![message(51, 1, "there")]).unwrap().position, 51);
    assert_eq!(there.verified(), 51);
    assert!(statements(&younger.url(), "delete from event").is_err(), "the triggers came along");
}

#[test]
fn a_pooler_may_give_every_transaction_another_connection() {
    let Some(shared) = Shared::new() else { return };
    if !installed(Server::PgBouncer) {
        return;
    }
    let bouncer = PgBouncer::before(&shared.url).unwrap();
    let cluster = Cluster::new(&bouncer.url()).unwrap();
    let mut nodes = [shared.node_by(&cluster), shared.node_by(&cluster)];
    for number in 1..=100 {
        let node = &mut nodes[usize::try_from(number % 2).unwrap()];
        let needs = BatchNeeds { subjects: vec![user(number % 7)], ..BatchNeeds::default() };
        node.appender.begin(&needs).unwrap();
        let head = node.append(vec![message_in(number, 1, user(number % 7), "through a pooler")]).unwrap();
        assert_eq!(u128::from(head.position), number);
        node.appender.begin(&needs).unwrap();
        node.appender.cancel();
    }
    // Readers at once, more than the pooler has connections.
    let log = &nodes[0].log;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(log.facts(0, 1_000).unwrap().len(), 100));
        }
    });
    assert_eq!(nodes[1].verified(), 100);
}
