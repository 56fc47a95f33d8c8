//! NATS goes away, comes back, and has lost everything.

use crate::support::*;
use std::time::Duration;
use testkit::TestApp;
use testkit::servers::{Nats, Server, Streams, installed};

/// A NATS of one's own, where it is installed, and a relay that tells it of an app.
async fn scene() -> Option<(Nats, TestApp, RelayFixture)> {
    if !installed(Server::Nats) {
        return None;
    }
    let nats = Nats::start().unwrap();
    let app = TestApp::start().await;
    let fixture = RelayFixture::new(&app, &nats.url()).await;
    Some((nats, app, fixture))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_or_stopped_and_comes_back_misses_nothing() {
    let Some((mut nats, app, fixture)) = scene().await else { return };
    let following = follow(&fixture.relay, &app);
    let (anna, chat) = chatter(&app, "anna", 10).await;
    let (said, end) = traffic(&anna, &chat);
    for is_killed in [true, false, true, false] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        if is_killed {
            nats.kill();
        } else {
            nats.stop();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        nats.restart(Streams::Kept).unwrap();
    }
    end.notify_one();
    assert!(said.await.unwrap() > 50, "commands go on all the while");
    caught_up(&app, &fixture.relay).await;
    following.abort();
    assert_eq!(ids(&heard(&nats.url()).await), public(&app), "once each, in order");
    verified(&app, &app.node.projections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_everything_has_it_again_after_republish() {
    let Some((mut nats, app, fixture)) = scene().await else { return };
    let following = follow(&fixture.relay, &app);
    let (anna, chat) = chatter(&app, "anna", 100).await;
    caught_up(&app, &fixture.relay).await;
    let before = public(&app);
    let (said, end) = traffic(&anna, &chat);
    tokio::time::sleep(Duration::from_millis(300)).await;
    nats.restart(Streams::Lost).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    end.notify_one();
    assert!(said.await.unwrap() > 10, "commands go on all the while");
    caught_up(&app, &fixture.relay).await;
    let lost = heard(&nats.url()).await;
    assert!(!lost.is_empty());
    assert!(!lost.iter().any(|heard| heard.id == before[0].0), "the relay alone does not tell old facts again");
    let (first, tail) = (lost[0].id, public(&app));
    let from = tail.iter().position(|(id, _)| *id == first).unwrap();
    assert_eq!(ids(&lost), tail[from..], "once each and in order, and nothing is left out behind the first one");
    let done = fixture.relay.republish(1, None, |_, _| {}).await.unwrap();
    assert_eq!(done.duplicates, lost.len() as u64, "what came after the loss is not there twice");
    following.abort();
    let mut all = ids(&heard(&nats.url()).await);
    all.sort_by_key(|(_, position)| *position);
    assert_eq!(all, public(&app), "once each");
    verified(&app, &app.node.projections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_everything_else_goes_on_and_it_is_told_later() {
    if !installed(Server::Nats) {
        return;
    }
    let mut nats = Nats::start().unwrap();
    nats.kill();
    let app = TestApp::start().await;
    let place = tempfile::tempdir().unwrap();
    let relay = relay_in(place.path(), &app, &nats.url()).await;
    let following = follow(&relay, &app);
    let (anna, chat) = chatter(&app, "anna", 30).await;
    let read = anna.get(&format!("/v1/chats/{chat}/messages")).await.expect_status(200);
    assert_eq!(read.texts().len(), 30);
    assert_eq!(relay.position().await, None);
    let asked = tokio::time::timeout(SOON, relay.republish(1, None, |_, _| {})).await.unwrap();
    assert!(matches!(asked, Err(relay::Error::Unreachable(_))), "{asked:?}");
    nats.restart(Streams::Kept).unwrap();
    caught_up(&app, &relay).await;
    following.abort();
    assert_eq!(ids(&heard(&nats.url()).await), public(&app));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_and_a_wrong_password_stop_no_command() {
    if !installed(Server::Nats) {
        return;
    }
    let nats = Nats::start().unwrap();
    let app = TestApp::start().await;
    let wrong = nats.url().replacen("ledger:", "ledger:not", 1);
    let place = tempfile::tempdir().unwrap();
    let locked_out = relay_in(place.path(), &app, &wrong).await;
    let (anna, chat) = chatter(&app, "anna", 5).await;
    assert!(locked_out.round().await.is_err());
    let fixture = RelayFixture::new(&app, &nats.url()).await;
    fixture.tell_all().await;
    let jetstream = async_nats::jetstream::new(testkit::servers::connect_nats(&nats.url()).await.unwrap());
    let there = heard(&nats.url()).await;
    let mut config = stream(&nats.url()).await.cached_info().config.clone();
    (config.max_messages, config.discard) =
        (i64::try_from(there.len()).unwrap(), async_nats::jetstream::stream::DiscardPolicy::New);
    jetstream.update_stream(&config).await.unwrap();
    anna.say(&chat, "no room for this").await;
    let refused = fixture.relay.round().await;
    assert!(matches!(refused, Err(relay::Error::Refused(_))), "{refused:?}");
    assert_eq!(heard(&nats.url()).await.len(), there.len());
    // An operator makes room, and it goes on; their limits stay.
    config.max_messages = 1_000;
    jetstream.update_stream(&config).await.unwrap();
    fixture.tell_all().await;
    assert_eq!(ids(&heard(&nats.url()).await), public(&app));
    assert_eq!(stream(&nats.url()).await.cached_info().config.max_messages, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_is_noticed_also_when_nothing_happens() {
    if !installed(Server::Nats) {
        return;
    }
    let mut nats = Nats::start().unwrap();
    let app = TestApp::start().await;
    chatter(&app, "anna", 5).await;
    let fixture = RelayFixture::new(&app, &nats.url()).await;
    fixture.tell_all().await;
    let following = follow(&fixture.relay, &app);
    nats.restart(Streams::Lost).unwrap();
    // Without a fact to tell it has made the stream again, so that listeners can come back.
    let jetstream = async_nats::jetstream::new(testkit::servers::connect_nats(&nats.url()).await.unwrap());
    until(|| async { jetstream.get_stream("letopis").await.is_ok() }).await;
    let done = fixture.relay.republish(1, None, |_, _| {}).await.unwrap();
    following.abort();
    assert_eq!((done.facts, done.duplicates), (public(&app).len() as u64, 0));
    assert_eq!(ids(&heard(&nats.url()).await), public(&app));
}
