//! An effect that fails where a crash could fall: the process ends and says why, or goes on where it may.

use super::runtime;
use crate::common::Place;
use crate::common::ledger::{Client, Load, compare, flood, resolve};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Longer than a writer may be silent before it counts as dead.
const SILENT_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn a_log_that_fails_ends_the_process_and_acknowledges_nothing_false() {
    let place = Place::new();
    let runtime = runtime();
    let server = place.serve();
    let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
    assert_eq!(server.stop(), 0);
    let mut ledger = std::collections::HashMap::new();
    for (name, nth) in [("log-commit", 20), ("anchor-written", 20), ("anchor-sync", 1)] {
        let mut server = place.serve_until(&format!("{name}=error@{nth}")).unwrap();
        let outcome = runtime.block_on(flood(&client, &server.url, &Load::new(4, name)));
        let status = server.ended();
        let said = place.said();
        assert_eq!(status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(&format!("failpoint {name}: Error")), "{said}");
        assert!(said.contains("check the disk, then start it again"), "{name}: {said}");
        assert!(outcome.refused > 0, "{name}: who waits is told");
        let server = place.serve();
        ledger.extend(runtime.block_on(resolve(&client, &server.url, outcome.ledger)));
        assert_eq!(server.stop(), 0);
        compare(&place, &ledger);
    }
}

#[test]
fn a_read_model_that_fails_once_goes_on() {
    let place = Place::new();
    let runtime = runtime();
    let server = place.serve();
    let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
    assert_eq!(server.stop(), 0);
    let server = place.serve_until("model-commit=error@40").unwrap();
    let ledger = runtime.block_on(async {
        let load = Load::new(4, "models");
        let (client_, url, flooding) = (Arc::clone(&client), server.url.clone(), load.clone());
        let flooding = tokio::spawn(async move { flood(&client_, &url, &flooding).await });
        while !place.said().contains("failpoint model-commit: Error") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        load.stop.store(true, Ordering::Relaxed);
        let outcome = flooding.await.unwrap();
        assert_eq!((outcome.refused, outcome.unknown()), (0, 0));
        assert_eq!(client.read(&server.url).await, 200);
        resolve(&client, &server.url, outcome.ledger).await
    });
    assert_eq!(server.stop(), 0);
    compare(&place, &ledger);
}

#[test]
fn a_first_start_that_fails_says_why_and_can_be_repeated() {
    for name in ["lock-taken", "anchor-made", "anchor-renamed", "key-written", "key-renamed", "list-made"] {
        let place = Place::new();
        let ended = place.serve_until(&format!("{name}=error")).err().unwrap();
        let said = place.said();
        assert_eq!(ended.code(), Some(1), "{name}: {said}");
        assert!(said.contains("error:") && said.contains("check that"), "{name}: {said}");
        assert_eq!(place.serve().stop(), 0, "{name}");
    }
}

#[test]
fn a_list_of_the_erased_that_cannot_be_written_ends_the_process() {
    let place = Place::new();
    let password = place.file("password", "a long enough passphrase");
    place.run(&["users", "create", "boris", "--password-file", &password]).ok();
    let mut server = place.serve_until("list-written=error").unwrap();
    assert_ne!(place.run(&["users", "erase", "boris", "--yes"]).code, 0);
    assert_eq!(server.ended().code(), Some(1), "{}", place.said());
    assert_eq!(place.serve().stop(), 0);
    let listed = std::fs::read_to_string(place.data().join("erased")).unwrap();
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert_eq!(place.run(&["users", "show", "boris"]).code, 3);
}

#[test]
fn a_thread_that_ends_unasked_ends_the_process() {
    for (name, says) in [("batch-taken", "the writer panicked"), ("log-followed", "projections")] {
        let place = Place::new();
        let runtime = runtime();
        let mut server = place.serve_until(&format!("{name}=panic@20")).unwrap();
        let url = server.url.clone();
        runtime.block_on(async {
            let client = Arc::new(Client::signed_in(&url).await);
            flood(&client, &url, &Load::new(4, name)).await;
        });
        assert_eq!(server.ended().code(), Some(1), "{name}: {}", place.said());
        let said = place.said();
        assert!(said.contains("error:") && said.contains(says), "{name}: {said}");
        assert!(said.contains("a thread panicked"), "{name}: {said}");
    }
}

#[test]
fn a_writer_that_hangs_is_told_by_everything_and_stops_nobody() {
    let place = Place::new();
    let runtime = runtime();
    let mut server = place.serve_until("batch-taken=hang@20").unwrap();
    let url = server.url.clone();
    let status = async |path: &str| {
        let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (ready, said) = runtime.block_on(async {
        let client = Client::signed_in(&url).await;
        let flooded = async {
            for number in 0_u32.. {
                client.post(&url, &number.to_string()).await;
            }
        };
        tokio::select! {
            () = flooded => {}
            () = async { while !place.said().contains("failpoint batch-taken: Hang") { tokio::task::yield_now().await; } } => {}
        }
        // For a moment it may just be slow.
        assert_eq!(status("/livez").await.0, 200);
        status("/readyz").await
    });
    assert_eq!(ready, 503, "{said}");
    assert!(said.contains("the writer does not answer"), "{said}");
    // A writer that is silent for half a minute does not come back.
    runtime.block_on(async {
        let began = Instant::now();
        while status("/livez").await.0 != 503 {
            assert!(began.elapsed() < SILENT_WITHIN, "it passes for alive");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let health = place.run(&["health", "--url", &server.url]);
    assert_eq!(health.code, 5, "{}", health.err);
    let doctor = place.run(&["doctor", "-o", "json"]);
    assert_eq!(doctor.code, 5, "{}", doctor.err);
    let checks = doctor.json();
    let writer = checks.as_array().unwrap().iter().find(|check| check["check"] == "writer").unwrap().clone();
    assert_eq!(writer["state"], "problem", "{writer}");
    server.terminate();
    assert_eq!(server.ended().code(), Some(1), "{}", place.said());
    assert!(place.said().contains("the writer did not end in time"), "{}", place.said());
}
