//! Hearing from the database what other nodes append.

use crate::faults::kill_backends;
use crate::nodes::Shared;
use servers::{PgBouncer, Server, installed};
use std::time::Duration;
use store::Cluster;
use store::postgres::ListenEnd;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Longer than a notification ever takes.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[test]
fn nodes_hear_what_others_append_and_not_what_they_append_themselves() {
    let Some(shared) = Shared::new() else { return };
    let runtime = Runtime::new().unwrap();
    let (appended, head) = watch::channel(0);
    let (sender, mut heard) = watch::channel(u64::MAX);
    let (own_sender, own_heard) = watch::channel(u64::MAX);
    let (cluster, own_cluster, own_head) = (shared.cluster.clone(), shared.cluster.clone(), head.clone());
    let telling = runtime.spawn(async move { own_cluster.listen(own_head, &own_sender).await });
    // The other one appends nothing, so that everything is news.
    let (_silent, nothing) = watch::channel(0);
    let listening = runtime.spawn(async move { cluster.listen(nothing, &sender).await });
    let mut last = 0;
    let mut until = |position: u64| {
        // What is told before both listen is missed, and told again.
        let reached = async {
            while *heard.borrow_and_update() != position {
                appended.send_replace(position);
                let _ = tokio::time::timeout(Duration::from_millis(100), heard.changed()).await;
            }
        };
        runtime.block_on(async { tokio::time::timeout(WAIT_MAX, reached).await }).unwrap();
    };
    let mut node = shared.node();
    for number in 1..=3 {
        last = node.post(number).unwrap().position;
        until(last);
    }
    assert_eq!((last, *own_heard.borrow()), (3, 0), "nobody wakes themselves");
    kill_backends(&shared.url);
    for listening in [listening, telling] {
        let end = runtime.block_on(async { tokio::time::timeout(WAIT_MAX, listening).await }).unwrap().unwrap();
        assert!(matches!(end, ListenEnd::Lost(_)), "{end}");
    }
}

#[test]
fn a_pooler_that_passes_nothing_on_is_found_out() {
    let Some(shared) = Shared::new() else { return };
    let runtime = Runtime::new().unwrap();
    runtime.block_on(shared.cluster.check_listening()).unwrap();
    if !installed(Server::PgBouncer) {
        return;
    }
    let bouncer = PgBouncer::before(&shared.url).unwrap();
    let behind = Cluster::new(&bouncer.url()).unwrap();
    let end = runtime.block_on(behind.check_listening()).unwrap_err();
    assert!(matches!(end, ListenEnd::Unheard), "{end}");
    let nobody = Cluster::new("postgres://anna@127.0.0.1:1/letopis").unwrap();
    let end = runtime.block_on(nobody.check_listening()).unwrap_err();
    assert!(matches!(end, ListenEnd::Lost(_)), "{end}");
}
