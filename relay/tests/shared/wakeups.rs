//! Wake-ups that come twice and in the wrong order.

use crate::nodes::started;
use crate::support::*;
use async_nats::Client;
use futures_util::StreamExt;
use node::{Node, NodeOptions};
use projections::ProjectionId;
use relay::wakeups;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::{TestApp, servers};
use tokio::sync::watch;

/// So many wake-ups are kept back, and passed on from the last to the first.
const KEPT_BACK: usize = 4;

/// Passes wake-ups on from one account to another: each twice, the later ones first.
async fn garble(from: Client, to: Client, passed: Arc<AtomicUsize>) {
    let mut wakeups = from.subscribe(wakeups::SUBJECT).await.unwrap();
    let mut kept = Vec::new();
    while let Some(wakeup) = wakeups.next().await {
        kept.push(wakeup.payload);
        if kept.len() < KEPT_BACK {
            continue;
        }
        while let Some(payload) = kept.pop() {
            for _ in 0..2 {
                to.publish(wakeups::SUBJECT, payload.clone()).await.unwrap();
                passed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A node beside another one, in a folder of its own.
async fn beside(app: &TestApp, place: &std::path::Path, wakeups: watch::Receiver<u64>) -> Node {
    let options = NodeOptions {
        database: app.node.log.cluster().cloned(),
        master_key: Some(app.data().join("master.key")),
        erased_list: Some(place.join("erased")),
        ..NodeOptions::new(place.to_owned())
    };
    Node::open_woken(options, wakeups).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_change_neither_what_is_remembered_nor_what_is_told() {
    let Some((app, account)) = started().await else { return };
    let Some(other_account) = servers::nats().await else { return };
    let [from, to] = [account.url(), other_account.url()];
    let passed = Arc::new(AtomicUsize::new(0));
    let [client, other_client] = [servers::connect_nats(from).await.unwrap(), servers::connect_nats(to).await.unwrap()];
    let garbling = tokio::spawn(garble(client, other_client, Arc::clone(&passed)));
    let telling = tokio::spawn(wakeups::tell(bus(from).await, app.node.writer.head()));
    let (heard_of, wakeups) = watch::channel(0);
    let hearing = tokio::spawn(wakeups::hear(bus(to).await, heard_of));
    let place = tempfile::tempdir().unwrap();
    let node = beside(&app, place.path(), wakeups).await;
    // From here on the node that is woken does all that follows the log.
    let projections = node.projections.clone();
    tokio::task::spawn_blocking(move || ProjectionId::ALL.into_iter().try_for_each(|name| projections.resume(name)))
        .await
        .unwrap()
        .unwrap();
    let fixture = RelayFixture::new(&app, to).await;
    let following = tokio::spawn({
        let (relay, hint) = (fixture.relay.clone(), node.hint.clone());
        async move { relay.follow(hint).await }
    });
    chatter(&app, "anna", 300).await;
    chatter(&app, "boris", 20).await;
    caught_up(&app, &fixture.relay).await;
    assert!(passed.load(Ordering::Relaxed) > 2 * KEPT_BACK, "nobody was woken");
    following.abort();
    assert_eq!(ids(&heard(to).await), public(&app), "once each, in order");
    for projections in [&node.projections, &app.node.projections] {
        verified(&app, projections).await;
    }
    [garbling, telling, hearing].iter().for_each(tokio::task::JoinHandle::abort);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_nats_is_woken_by_the_database() {
    let app = TestApp::start().await;
    let Some(cluster) = app.node.log.cluster().cloned() else { return };
    let place = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        database: Some(cluster),
        master_key: Some(app.data().join("master.key")),
        erased_list: Some(place.path().join("erased")),
        ..NodeOptions::new(place.path().to_owned())
    };
    let node = Node::open(options).await.unwrap();
    let mut hint = node.hint.clone();
    // What is appended before it listens is not told again.
    for number in 0..60 {
        chatter(&app, &format!("anna{number}"), 1).await;
        let head = *app.node.writer.head().borrow();
        // Its own writer writes nothing, so that nothing else can tell it of that position.
        let reached = hint.wait_for(|position| *position == head);
        if tokio::time::timeout(Duration::from_millis(500), reached).await.is_ok_and(|woken| woken.is_ok()) {
            node.stop().await;
            return;
        }
    }
    panic!("nothing wakes it");
}
