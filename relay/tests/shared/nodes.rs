//! Several relays over one log.

use crate::support::*;
use relay::Error;
use std::time::{Duration, Instant};
use testkit::servers::{self, Account, Nats, Server, installed};
use testkit::{Actor, TestApp};

/// How long a node that died may be missed.
const TAKEN_OVER_MAX: Duration = Duration::from_secs(5);
/// And one that stopped cleanly: a look every half second.
const GIVEN_UP_MAX: Duration = Duration::from_secs(2);

/// A log in PostgreSQL and an account of NATS, where there are both.
pub async fn started() -> Option<(TestApp, Account)> {
    let account = servers::nats().await?;
    let app = TestApp::start().await;
    app.node.log.cluster()?;
    Some((app, account))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_relays_and_another_one_when_it_dies() {
    let Some((app, account)) = started().await else { return };
    let (one, two) = (RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await);
    let (anna, chat) = chatter(&app, "anna", 10).await;
    let following = follow(&one.relay, &app);
    until(|| async { one.relay.position().await.is_some() }).await;
    let standing_by = follow(&two.relay, &app);
    let (said, end) = traffic(&anna, &chat);
    caught_up(&app, &one.relay).await;
    assert_eq!(two.relay.position().await, None, "it is the other one's turn");
    // As if it was killed: nothing is given up.
    following.abort();
    let _ = following.await;
    drop(one);
    let died = Instant::now();
    until(|| async { two.relay.position().await.is_some() }).await;
    assert!(died.elapsed() < TAKEN_OVER_MAX, "{:?}", died.elapsed());
    end.notify_one();
    assert!(said.await.unwrap() > 10);
    caught_up(&app, &two.relay).await;
    standing_by.abort();
    assert_eq!(ids(&heard(account.url()).await), public(&app), "once each, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_taken_at_once_and_no_folder_holds_anything_of_it() {
    let Some((app, account)) = started().await else { return };
    let (one, two) = (RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await);
    let (anna, chat) = chatter(&app, "anna", 10).await;
    one.tell_all().await;
    assert!(!two.relay.round().await.unwrap());
    one.relay.give_up().await.unwrap();
    let (given_up, following) = (Instant::now(), follow(&two.relay, &app));
    until(|| async { two.relay.position().await.is_some() }).await;
    assert!(given_up.elapsed() < GIVEN_UP_MAX, "{:?}", given_up.elapsed());
    following.abort();
    anna.say(&chat, "one more").await;
    assert_eq!(two.tell_all().await, 1, "it goes on where the other one was");
    assert_eq!(ids(&heard(account.url()).await), public(&app));
    for fixture in [&one, &two] {
        assert_eq!(std::fs::read_dir(fixture.place.path()).unwrap().count(), 0);
    }
    let inside = std::fs::read_dir(app.data()).unwrap().map(|found| found.unwrap().file_name().into_string().unwrap());
    let others = inside.filter(|name| {
        !["anchor", "clock", "letopis.lock", "erased", "master.key", "read-models"].contains(&name.as_str())
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new(), "what the README says of a node's folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_reach_nats_lets_another_node_relay() {
    let Some((app, account)) = started().await else { return };
    if !installed(Server::Nats) {
        return;
    }
    let mut nats = Nats::start().unwrap();
    let (one, two) = (RelayFixture::new(&app, &nats.url()).await, RelayFixture::new(&app, account.url()).await);
    one.tell_all().await;
    let following = [follow(&one.relay, &app), follow(&two.relay, &app)];
    assert_eq!(two.relay.position().await, None);
    nats.kill();
    until(|| async { two.relay.position().await.is_some() }).await;
    following.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_taken_over_notes_nothing() {
    let Some((app, account)) = started().await else { return };
    let fixtures = [RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await];
    let (anna, chat) = chatter(&app, "anna", 3).await;
    fixtures[0].tell_all().await;
    let mut noticed = 0;
    for number in 0..6 {
        let (former, present) = (&fixtures[number % 2].relay, &fixtures[(number + 1) % 2].relay);
        // An operator's command takes over; the former one still believes that it is its turn.
        present.republish(1, None, |_, _| {}).await.unwrap();
        anna.say(&chat, "new").await;
        match former.round().await {
            Err(Error::TakenOver) => noticed += 1,
            // It has heard of it, or the other one was faster.
            Ok(false) | Err(Error::Contended(_)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(former.position().await, None);
        loop {
            match present.round().await {
                // The former one has written behind its back: it looks again.
                Ok(true) | Err(Error::Contended(_)) => {}
                Ok(false) => break,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ids(&heard(account.url()).await), public(&app), "once each, in order");
    }
    assert!(noticed > 0, "nobody has met the fence");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disarmed_on_one_node_is_so_on_all() {
    let Some((app, account)) = started().await else { return };
    let fixtures = [RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await];
    let (anna, chat): (Actor, String) = chatter(&app, "anna", 3).await;
    fixtures[0].tell_all().await;
    let following = follow(&fixtures[0].relay, &app);
    fixtures[1].relay.arm(false).await.unwrap();
    until(|| async { fixtures[0].relay.position().await.is_none() }).await;
    let told = public(&app);
    anna.say(&chat, "not for everybody").await;
    for fixture in &fixtures {
        assert!(!fixture.relay.round().await.unwrap());
    }
    assert_eq!(ids(&heard(account.url()).await), told);
    fixtures[1].relay.arm(true).await.unwrap();
    caught_up(&app, &fixtures[0].relay).await;
    following.abort();
    assert_eq!(ids(&heard(account.url()).await), public(&app));
}
