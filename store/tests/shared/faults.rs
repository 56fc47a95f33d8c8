//! A server or a connection that fails: what was acknowledged is there once, what was not is found out.

use crate::common::{asked, message};
use crate::nodes::{Node, Shared};
use servers::{Fate, Postgres, PostgresOptions, Proxy, Server, installed};
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};
use store::{Appender, BatchNeeds, Cluster, Error, Folder, postgres};

/// A node is to write again this long after its server is back.
const HEALED_WITHIN: Duration = Duration::from_secs(5);

/// How long a node waits for the head.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

pub fn kill_backends(url: &str) {
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and application_name = 'letopis'";
    asked(url, async |client| client.batch_execute(sql).await).unwrap();
}

/// How often the message of this number is in the log.
fn times(node: &Node, number: u128) -> usize {
    node.log.stream(crate::common::id(number).into()).unwrap().len()
}

#[test]
fn a_backend_that_is_killed_between_lock_and_commit_has_written_nothing() {
    let Some(shared) = Shared::new() else { return };
    let mut node = shared.node();
    node.post(1).unwrap();
    node.appender.begin(&BatchNeeds::default()).unwrap();
    kill_backends(&shared.url);
    assert!(matches!(node.post(2), Err(Error::Unconfirmed { .. })));
    assert!(node.appender.begin(&BatchNeeds::default()).unwrap().others.is_empty(), "it was not written");
    assert_eq!(node.post(2).unwrap().position, 2);
    // One that is killed while nothing is under way costs nobody anything.
    kill_backends(&shared.url);
    assert_eq!(node.post(3).unwrap().position, 3);
    // Whoever releases a batch does not mind either.
    node.appender.begin(&BatchNeeds::default()).unwrap();
    kill_backends(&shared.url);
    node.appender.cancel();
    assert_eq!(node.post(4).unwrap().position, 4);
    assert_eq!(node.verified(), 4);
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_out_by_this_node_and_by_others() {
    let Some(shared) = Shared::new() else { return };
    let proxy = Proxy::before(&shared.url, "letopis.write_batch").unwrap();
    let mut node = shared.node_by(&Cluster::new(proxy.url()).unwrap());
    node.post(1).unwrap();
    for (number, fate) in [(2, Fate::Cut), (3, Fate::Disowned)] {
        proxy.next_commit(fate);
        let lost = node.post(number);
        assert!(matches!(lost, Err(Error::Unconfirmed { .. })), "{lost:?}");
        assert_eq!(u128::from(node.appender.head().position), number - 1, "it goes on from what it knows");
        let mut other = shared.node();
        assert_eq!(times(&other, number), 1);
        assert!(matches!(other.append(vec![message(number, 1, "text")]), Err(Error::Refused { .. })));
        let begun = node.appender.begin(&BatchNeeds::default()).unwrap();
        assert_eq!(
            begun.others.iter().map(|other| other.stream).collect::<Vec<_>>(),
            [crate::common::id(number).into()]
        );
        node.appender.cancel();
        assert_eq!(times(&node, number), 1);
    }
    assert_eq!(node.post(4).unwrap().position, 4);
    assert_eq!(node.verified(), 4);
}

#[test]
fn a_connection_that_turns_out_to_be_gone_when_a_batch_begins_costs_nobody_anything() {
    let Some(shared) = Shared::new() else { return };
    let proxy = Proxy::before(&shared.url, "letopis.write_batch").unwrap();
    let mut node = shared.node_by(&Cluster::new(proxy.url()).unwrap());
    for number in 1..=3 {
        assert_eq!(u128::from(node.post(number).unwrap().position), number);
        proxy.cut_next();
    }
    assert_eq!(node.post(4).unwrap().position, 4);
    assert_eq!(node.verified(), 4);
}

#[test]
fn whoever_holds_the_head_too_long_is_not_waited_for() {
    let Some(shared) = Shared::new() else { return };
    let (mut node, mut holder) = (shared.node(), shared.node());
    node.post(1).unwrap();
    holder.appender.begin(&BatchNeeds::default()).unwrap();
    let began = Instant::now();
    let refused = node.post(2).unwrap_err();
    assert!(matches!(refused, Error::Postgres { .. }) && refused.may_pass(), "{refused:?}");
    let waited = began.elapsed();
    assert!(waited >= LOCK_WAIT_MAX && waited < LOCK_WAIT_MAX + HEALED_WITHIN, "{waited:?}");
    holder.appender.cancel();
    assert_eq!(node.post(2).unwrap().position, 2);
}

#[test]
fn what_bounds_a_transaction_holds_on_the_server() {
    let Some(shared) = Shared::new() else { return };
    let sql = "create table told (name text, value text);
        create function tell() returns trigger language plpgsql as
        $$ begin insert into letopis.told select name, setting || coalesce(unit, '') from pg_settings; return null; end $$;
        create trigger tell after insert on event for each statement execute function tell()";
    crate::common::statements(&shared.url, sql).unwrap();
    shared.node().post(1).unwrap();
    let of = |name: &str| {
        let sql = format!("select value from letopis.told where name = '{name}'");
        asked(&shared.url, async |client| client.query_one(&sql, &[]).await).unwrap().get::<_, String>(0)
    };
    assert_eq!(of("statement_timeout"), "30000ms");
    assert_eq!(of("lock_timeout"), "10000ms");
    assert_eq!(of("idle_in_transaction_session_timeout"), "15000ms");
    assert_eq!(of("synchronous_commit"), "on");
}

/// Tries until it is written; how long that took.
fn healed(node: &mut Node, number: u128) -> Duration {
    let began = Instant::now();
    while let Err(error) = node.post(number) {
        assert!(error.may_pass(), "{error:?}");
        assert!(began.elapsed() < HEALED_WITHIN * 2, "{error:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    began.elapsed()
}

#[test]
fn a_node_goes_on_when_its_server_is_back() {
    if !installed(Server::Postgres) {
        return;
    }
    let mut postgres = Postgres::start(PostgresOptions::default()).unwrap();
    let shared = Shared::at(&postgres.url());
    let mut node = shared.node();
    node.post(1).unwrap();
    // While nothing is under way.
    postgres.restart().unwrap();
    assert_eq!(node.post(2).unwrap().position, 2);
    // With the head taken; and nobody answers for a while.
    node.appender.begin(&BatchNeeds::default()).unwrap();
    postgres.stop_immediate();
    let began = Instant::now();
    assert!(matches!(node.post(3), Err(Error::Unconfirmed { .. })));
    for _ in 0..3 {
        assert!(matches!(node.post(3), Err(Error::Unreachable { .. })));
        assert!(matches!(node.log.head(), Err(Error::Unreachable { .. } | Error::Postgres { .. })));
    }
    assert!(began.elapsed() < HEALED_WITHIN, "whoever cannot be reached is known at once: {:?}", began.elapsed());
    postgres.restart().unwrap();
    let took = healed(&mut node, 3);
    assert!(took < HEALED_WITHIN, "{took:?}");
    // The postmaster alone is killed; its children end by themselves.
    postgres.kill();
    let acknowledged = node.post(4).is_ok();
    postgres.restart().unwrap();
    let took = healed(&mut node, 5);
    assert!(took < HEALED_WITHIN, "{took:?}");
    let fourth = times(&node, 4);
    assert!(fourth <= 1 && fourth >= usize::from(acknowledged), "{fourth}");
    assert_eq!([1, 2, 3, 5].map(|number| times(&node, number)), [1; 4]);
    assert_eq!(node.verified(), 4 + fourth as u64);
}

#[test]
fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("postgres://letopis@{}/postgres", silent.local_addr().unwrap());
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let cluster = Cluster::new(&url).unwrap();
    let began = Instant::now();
    let refused = Appender::open_shared(&cluster, &folder, &folder.master_key()).err();
    assert!(matches!(refused, Some(Error::Unreachable { .. })), "{refused:?}");
    assert!(began.elapsed() < HEALED_WITHIN * 2, "{:?}", began.elapsed());
}

#[test]
fn a_verification_that_loses_its_connection_has_no_verdict() {
    let Some(shared) = Shared::new() else { return };
    let proxy = Proxy::before(&shared.url, "letopis.write_batch").unwrap();
    let behind = Cluster::new(proxy.url()).unwrap();
    let mut node = shared.node_by(&behind);
    for number in 1..=3 {
        node.post(number).unwrap();
    }
    for (from, to) in [(1, u64::MAX), (2, u64::MAX), (1, 3), (2, 3)] {
        let cut = node.log.verify(from, to, |_| proxy.cut_next());
        // What is asked next after the first page is never answered.
        let error = cut.unwrap_err();
        assert!(error.is_lost() && !error.is_damage(), "{from} to {to}: {error:?}");
        node.log.verify(from, to, |_| {}).unwrap();
    }
    let lock = node.folder.lock().unwrap();
    let before = std::fs::read(node.folder.anchor()).unwrap();
    let cut = postgres::accept_anchor(&behind, &node.folder, &lock, |_| proxy.cut_next());
    assert!(cut.unwrap_err().is_lost());
    assert_eq!(std::fs::read(node.folder.anchor()).unwrap(), before, "nothing was accepted");
}
