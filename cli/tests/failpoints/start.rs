//! The first start over a new folder.

use super::{assert_fired, runtime};
use crate::common::Place;
use crate::common::ledger::{Client, Load, compare, flood, resolve};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub const POINTS: &[(&str, u32)] = &[
    ("lock-taken", 1),
    ("anchor-made", 1),
    ("anchor-renamed", 1),
    ("log-made", 1),
    ("log-migrated", 1),
    ("key-written", 1),
    ("key-renamed", 1),
    ("key-made", 1),
    ("keys-stored", 1),
    ("list-made", 1),
    ("catalog-made", 1),
    ("generation-made", 2),
    ("first-built", 2),
    ("first-noted", 2),
];

#[test]
fn a_first_start_that_was_cut_off_is_done_by_the_next() {
    for (name, nth) in POINTS {
        let place = Place::new();
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        let Output { status, stderr, .. } =
            command.env(store::failpoint::VARIABLE, format!("{name}=crash@{nth}")).output().unwrap();
        assert_fired(status, &String::from_utf8(stderr).unwrap(), name);

        let server = place.serve();
        let ledger = runtime().block_on(async {
            let client = Arc::new(Client::signed_in(&server.url).await);
            let load = Load::new(2, *name);
            load.stop.store(true, Ordering::Relaxed);
            let outcome = flood(&client, &server.url, &load).await;
            assert_eq!(outcome.acknowledged(), 2);
            resolve(&client, &server.url, outcome.ledger).await
        });
        assert_eq!(server.stop(), 0);
        compare(&place, &ledger);
    }
}
