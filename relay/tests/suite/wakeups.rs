//! Wake-ups over a real server.

use crate::support::*;
use futures_util::StreamExt;
use relay::wakeups;
use std::time::Duration;
use testkit::servers;
use tokio::sync::watch;
use tokio::time::timeout;

#[tokio::test]
async fn a_head_that_moves_is_told_to_the_others() {
    let Some(account) = servers::nats().await else { return };
    let listener = servers::connect_nats(account.url()).await.unwrap();
    let mut incoming = listener.subscribe(wakeups::SUBJECT).await.unwrap();
    listener.flush().await.unwrap();
    let (head, own) = watch::channel(0);
    let bus = bus(account.url()).await;
    bus.reached(SOON).await.unwrap();
    let telling = tokio::spawn(wakeups::tell(bus, own));
    for position in 1..=1_000_u64 {
        head.send_replace(position);
        tokio::task::yield_now().await;
    }
    let mut told = Vec::new();
    while told.last() != Some(&1_000) {
        let wakeup = timeout(SOON, incoming.next()).await.unwrap().unwrap();
        told.push(String::from_utf8(wakeup.payload.to_vec()).unwrap().parse::<u64>().unwrap());
    }
    assert!(told.len() < 500, "a thousand moves in a moment are a few wake-ups: {}", told.len());
    drop(head);
    timeout(SOON, telling).await.unwrap().unwrap();
}

#[tokio::test]
async fn wakeups_that_are_doubled_late_or_made_up_do_no_harm() {
    let Some(account) = servers::nats().await else { return };
    let (heard, mut hint) = watch::channel(0);
    let bus = bus(account.url()).await;
    bus.reached(SOON).await.unwrap();
    let hearing = tokio::spawn(wakeups::hear(bus.clone(), heard));
    let other = servers::connect_nats(account.url()).await.unwrap();
    // Until the subscription is there, wake-ups are lost: so they may be.
    let mut first = 0;
    until(|| {
        first += 1;
        let (other, mut hint) = (other.clone(), hint.clone());
        async move {
            other.publish(wakeups::SUBJECT, first.to_string().into()).await.unwrap();
            timeout(Duration::from_millis(20), hint.changed()).await.is_ok()
        }
    })
    .await;
    hint.borrow_and_update();
    let by_hand = ["7000", "7000", "x", "", "-1", "18446744073709551616", "6000", "18446744073709551615", "7001"];
    for payload in by_hand {
        other.publish(wakeups::SUBJECT, payload.into()).await.unwrap();
    }
    // Neither the highest nor the first one keeps the last from being seen.
    timeout(SOON, hint.wait_for(|position| *position == 7_001)).await.unwrap().unwrap();
    hint.borrow_and_update();
    other.publish(wakeups::SUBJECT, "7001".into()).await.unwrap();
    other.flush().await.unwrap();
    assert!(timeout(Duration::from_millis(300), hint.changed()).await.is_err(), "the same again is no news");
    hearing.abort();
}
