//! How fast the pages of the console are over a million events, and what an open overview costs: measured, and never a
//! reason for a failure. The release binary:
//!
//! ```sh
//! cargo build --release && export TESTED_BINARY=$PWD/target/release/letopis
//! cargo nextest run --workspace --test console_speed --run-ignored all --no-capture
//! ```
#![allow(clippy::unwrap_used)]

mod common;

use common::Place;
use common::people::Nina;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const MESSAGES: u64 = 900_000;
const AUTHORS: u64 = 20_000;
const ROOMS: u64 = 2_000;
/// How often each page is asked for.
const TIMES: usize = 100;

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work);
}

/// A log of about a million events, and an admin.
fn long_log() -> Place {
    let mut log = String::new();
    for number in 0..MESSAGES {
        // Each author writes in five rooms, as most people do.
        let author = number * 7_919 % AUTHORS;
        let room = (author * 31 + number % 5) % ROOMS;
        let (hour, minute, second) = (number / 3_600 % 24, number / 60 % 60, number % 60);
        let day = 1 + number / 86_400;
        let _ = writeln!(
            log,
            r#"{{"room":"room {room}","at":"2024-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z","author":"author {author}","text":"message {number} about the garden and the roses"}}"#
        );
    }
    let place = Place::new().with("LETOPIS_RATE_LIMITS", "off").with("LETOPIS_LOG", "warn");
    let file = place.file("log.ndjson", &log);
    place.run(&["import", &file]).ok();
    Nina::created(&place);
    place.run(&["users", "set-role", "nina", "admin"]).ok();
    place
}

/// A page, as a browser that is signed in gets it.
async fn page(url: &str, nina: &Nina, path: &str) {
    let cookie = format!("__Host-letopis={}", nina.token);
    let answer = nina.http.get(format!("{url}{path}")).header("cookie", cookie).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    // The live part of a page has no menu.
    let is_whole = text.contains("/console/sign-out") || path.ends_with("/now");
    assert!(status.is_success() && is_whole, "{path}: {status} {text}");
}

/// A mailing to everybody, sent to the end: each of them has a delivery.
async fn mailing(url: &str, nina: &Nina) -> String {
    let news = json!({
        "name": "News", "category": "marketing", "audience": {"role": "user"}, "channels": ["inbox"],
        "content": {"subject": "News", "text": "There is news."},
    });
    let created = nina.post(url, "/v1/mailings", news).await;
    let path = format!("/v1/mailings/{}", created["mailing_id"].as_str().unwrap());
    nina.post(url, &format!("{path}/start"), Value::Null).await;
    while nina.get(url, &path).await["state"] != "finished" {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    path.rsplit('/').next().unwrap().to_owned()
}

#[test]
#[ignore = "it measures"]
fn every_page_over_a_long_log() {
    let place = long_log();
    let server = place.serve();
    run(async {
        let (nina, url) = (Nina::signed_in(&server.url).await, &*server.url);
        let mailing = mailing(url, &nina).await;
        let chats = nina.get(url, "/v1/admin/chats?limit=1").await;
        let chat = chats["chats"][0]["chat_id"].as_str().unwrap().to_owned();
        let me = nina.get(url, "/v1/me").await["user_id"].as_str().unwrap().to_owned();
        let head = nina.get(url, "/v1/admin/overview").await["head"].clone();
        println!("the log ends at {head}");
        let pages = [
            "/console".to_owned(),
            "/console/overview/now".to_owned(),
            "/console/events".to_owned(),
            "/console/events?type=message.*".to_owned(),
            "/console/events?type=user.role_set.v1".to_owned(),
            "/console/events?stream=user-".to_owned() + &me,
            "/console/events/500000".to_owned(),
            "/console/events/500000/trace".to_owned(),
            "/console/streams".to_owned(),
            "/console/streams?prefix=chat-".to_owned(),
            "/console/streams/user-".to_owned() + &me,
            "/console/projections".to_owned(),
            "/console/people".to_owned(),
            "/console/people?name=author 19".to_owned(),
            "/console/people/".to_owned() + &me,
            "/console/chats".to_owned(),
            "/console/chats/".to_owned() + &chat,
            "/console/reports".to_owned(),
            "/console/search?q=roses".to_owned(),
            "/console/search?q=message 777777".to_owned(),
            "/console/templates".to_owned(),
            "/console/notifications".to_owned(),
            "/console/deliveries".to_owned(),
            "/console/mailings".to_owned(),
            "/console/mailings/".to_owned() + &mailing,
            "/console/schedules".to_owned(),
            "/console/suppressions".to_owned(),
            "/console/settings".to_owned(),
            "/console/doctor".to_owned(),
        ];
        for path in pages {
            let mut waits = Vec::new();
            for _ in 0..TIMES {
                let began = Instant::now();
                page(url, &nina, &path).await;
                waits.push(began.elapsed().as_secs_f64() * 1e3);
            }
            waits.sort_by(f64::total_cmp);
            println!("{path}: p50 {:.1} ms, p99 {:.1} ms", waits[TIMES / 2], waits[TIMES * 99 / 100]);
        }
    });
    assert_eq!(server.stop(), 0);
}

#[test]
#[ignore = "it measures"]
fn posting_with_an_open_overview_and_without() {
    const POSTERS: usize = 32;
    const ROUNDS: usize = 7;
    let place = long_log();
    let server = place.serve();
    run(async {
        let (url, nina) = (Arc::new(server.url.clone()), Arc::new(Nina::signed_in(&server.url).await));
        let chat = nina.post(&url, "/v1/chats", json!({"chat_name": "News"})).await;
        let path = format!("/v1/chats/{}/messages", chat["chat_id"].as_str().unwrap());
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS * 2 {
            let (posted, mut tasks) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
            for _ in 0..POSTERS {
                let (url, nina, path, posted) = (url.clone(), nina.clone(), path.clone(), posted.clone());
                let message = json!({"message": "some words of a message that is as long as most"});
                tasks.spawn(async move {
                    loop {
                        nina.post(&url, &path, message.clone()).await;
                        posted.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            if round % 2 == 1 {
                let (url, nina) = (url.clone(), nina.clone());
                tasks.spawn(async move {
                    loop {
                        page(&url, &nina, "/console/overview/now").await;
                        tokio::time::sleep(Duration::from_secs(2)).await;
                    }
                });
            }
            let took = Duration::from_secs(4);
            tokio::time::sleep(took).await;
            let rate = posted.load(Ordering::Relaxed) as f64 / took.as_secs_f64();
            if round % 2 == 1 {
                with.push(rate)
            } else {
                without.push(rate)
            };
            tasks.shutdown().await;
        }
        without.sort_by(f64::total_cmp);
        with.sort_by(f64::total_cmp);
        let (without, with) = (without[ROUNDS / 2], with[ROUNDS / 2]);
        println!("posts a second: {without:.0}, with an open overview {with:.0}, {:.3} of it", with / without);
    });
    assert_eq!(server.stop(), 0);
}
