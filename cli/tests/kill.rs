//! kill -9 in the middle of load, with a ledger kept by the clients, who are never killed: what was acknowledged is
//! there once, and what was cut off is found out by asking again with the same key.

#![allow(clippy::unwrap_used)]

mod common;

use common::Place;
use common::ledger::{Client, Ledger, Load, compare, flood, resolve};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const CLIENTS: u64 = 8;

/// Kills in one run; `scripts/kill` asks for more.
fn cycles() -> u64 {
    std::env::var("KILL_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

#[test]
fn what_was_acknowledged_survives_kill_9_and_the_rest_is_resolved_by_its_key() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_micros();
    println!("seed {seed}");
    let server = place.serve();
    let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
    drop(server);
    let mut ledger = Ledger::new();
    let (mut acknowledged, mut unknown) = (0, 0);
    for cycle in 0..cycles() {
        let mut server = place.serve();
        let wait = Duration::from_millis(60 + (u64::from(seed) + cycle * 97) % 240);
        let outcome = runtime.block_on(async {
            let load = Load::new(CLIENTS, cycle.to_string());
            let (client, url, flooding) = (Arc::clone(&client), server.url.clone(), load.clone());
            let flooding = tokio::spawn(async move { flood(&client, &url, &flooding).await });
            tokio::time::sleep(wait).await;
            // SIGKILL on Unix.
            server.child.kill().unwrap();
            load.stop.store(true, Ordering::Relaxed);
            flooding.await.unwrap()
        });
        server.child.wait().unwrap();
        assert_eq!(outcome.refused, 0);
        acknowledged += outcome.acknowledged();
        unknown += outcome.unknown();
        // Whoever got no answer asks again, with the same key.
        let again = place.serve();
        ledger.extend(runtime.block_on(resolve(&client, &again.url, outcome.ledger)));
    }
    println!("{acknowledged} acknowledged, {unknown} without an answer");
    assert!(acknowledged > 0 && unknown > 0, "the load was too light to prove anything");
    compare(&place, &ledger);
}
