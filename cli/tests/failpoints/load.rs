//! Under a load of messages, and when it stops.

use super::{assert_fired, runtime};
use crate::common::Place;
use crate::common::ledger::{Client, Ledger, Load, compare, flood, resolve};
use std::sync::Arc;
use std::time::Duration;

/// Where, and at the how-manieth pass.
pub const POINTS: &[(&str, u32)] = &[
    ("log-commit", 20),
    ("log-committed", 20),
    ("log-wiped", 20),
    ("anchor-written", 20),
    ("anchor-sync", 1),
    ("anchor-synced", 1),
    ("batch-taken", 20),
    ("batch-appended", 20),
    ("batch-published", 20),
    ("answer-given", 20),
    ("model-written", 20),
    ("model-committed", 20),
    ("model-commit", 60),
    ("index-changed", 5),
    ("index-committed", 5),
    ("log-followed", 20),
];

/// These come ten seconds after a start.
pub const SLOW: &[(&str, u32)] = &[("receipts-deleted", 1), ("receipts-pruned", 1)];

#[test]
fn a_crash_under_load_loses_and_doubles_nothing() {
    let place = Place::new();
    let runtime = runtime();
    let server = place.serve();
    let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
    assert_eq!(server.stop(), 0);
    let mut ledger = Ledger::new();
    for (name, nth) in POINTS {
        crash(&place, &runtime, &client, (name, *nth), Duration::ZERO, &mut ledger);
        compare(&place, &ledger);
    }
}

#[test]
fn a_crash_while_receipts_are_pruned_loses_and_doubles_nothing() {
    std::thread::scope(|scope| {
        for (name, nth) in SLOW {
            scope.spawn(move || {
                let place = Place::new();
                let runtime = runtime();
                let server = place.serve();
                let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
                assert_eq!(server.stop(), 0);
                let mut ledger = Ledger::new();
                crash(&place, &runtime, &client, (name, *nth), Duration::from_millis(50), &mut ledger);
                compare(&place, &ledger);
            });
        }
    });
}

fn crash(
    place: &Place,
    runtime: &tokio::runtime::Runtime,
    client: &Arc<Client>,
    (name, nth): (&str, u32),
    pause: Duration,
    ledger: &mut Ledger,
) {
    let mut server = place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
    let load = Load { pause, ..Load::new(4, name) };
    let outcome = runtime.block_on(flood(client, &server.url, &load));
    assert_fired(server.ended(), &place.said(), name);
    assert_eq!(outcome.refused, 0, "{name}");
    assert!(outcome.unknown() > 0, "{name}");
    let server = place.serve();
    ledger.extend(runtime.block_on(resolve(client, &server.url, outcome.ledger)));
}
