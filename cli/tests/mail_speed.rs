//! What notifications cost and how fast they go: measured, and never a reason for a failure. The release binary:
//!
//! ```sh
//! cargo build --release && export TESTED_BINARY=$PWD/target/release/letopis
//! target/debug/servers run cargo nextest run --workspace --test mail_speed --run-ignored all --no-capture
//! ```
//!
//! `MAILING_PEOPLE=300000` expands an audience of so many instead of 100,000.
#![allow(clippy::unwrap_used)]

mod common;

use common::people::{Nina, sign_up, through};
use common::{Place, Server};
use serde_json::{Value, json};
use servers::PostfixSink;
use std::time::{Duration, Instant};
use store::{Appender, Cluster, Folder};
use testkit::Live;
use tokio::runtime::Runtime;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// As a number in the server's `/proc` says it, MiB.
fn memory(server: &Server, of: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Starts a mailing to everybody, and waits until it is finished. How long the expansion took, and all of it.
async fn sent(server: &Server, nina: &Nina, channel: &str, people: u64) -> (f64, f64) {
    let news = json!({
        "name": "News", "category": "marketing", "audience": {"role": "user"}, "channels": [channel],
        "content": {"subject": "News", "text": "There is news."},
    });
    let created = nina.post(&server.url, "/v1/mailings", news).await;
    let path = format!("/v1/mailings/{}", created["mailing_id"].as_str().unwrap());
    let began = Instant::now();
    nina.post(&server.url, &format!("{path}/start"), Value::Null).await;
    let mut expanded = None;
    loop {
        let shown = nina.get(&server.url, &path).await;
        if shown["recipients"] == people && expanded.is_none() {
            expanded = Some(began.elapsed().as_secs_f64());
        }
        if shown["state"] == "finished" {
            let all = began.elapsed().as_secs_f64();
            println!("{}", shown["counts"]);
            return (expanded.unwrap_or(all), all);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Mails to so many people through Postfix's `smtp-sink`.
fn mails(place: Place, appender: Appender, profile: &str) {
    const PEOPLE: u32 = 10_000;
    let mut appender = appender;
    sign_up(&mut appender, PEOPLE);
    drop(appender);
    Nina::created(&place);
    let server = place.serve();
    let (_, all) = runtime().block_on(async {
        let nina = Nina::signed_in(&server.url).await;
        sent(&server, &nina, "email", PEOPLE.into()).await
    });
    let (rate, most) = (f64::from(PEOPLE) / all, memory(&server, "VmHWM"));
    println!("{profile}: {PEOPLE} mails in {all:.1} s, {rate:.0} a second with all their events; at most {most} MiB");
    assert_eq!(server.stop(), 0);
}

#[test]
#[ignore = "it measures"]
fn ten_thousand_mails() {
    let sink = PostfixSink::start(&[]).unwrap();
    let place = through(&format!("{}?tls=none", sink.url()), Place::new());
    let folder = Folder::create(&place.data()).unwrap();
    let appender = Appender::open(&folder, &folder.master_key()).unwrap();
    mails(place, appender, "embedded");
}

#[test]
#[ignore = "it measures"]
fn ten_thousand_mails_on_postgresql() {
    let runtime = runtime();
    let Some(database) = runtime.block_on(servers::postgres()) else { return };
    let sink = PostfixSink::start(&[]).unwrap();
    let place = through(&format!("{}?tls=none", sink.url()), Place::shared(&database));
    place.run(&["migrate"]).ok();
    let folder = Folder::create(&place.data()).unwrap();
    let cluster = Cluster::new(&database.url()).unwrap();
    let appender = Appender::open_shared(&cluster, &folder, &folder.master_key()).unwrap();
    mails(place, appender, "PostgreSQL");
}

#[test]
#[ignore = "it measures"]
fn a_hundred_thousand_recipients() {
    let people = std::env::var("MAILING_PEOPLE").map_or(100_000, |people| people.parse().unwrap());
    let place = Place::new();
    let folder = Folder::create(&place.data()).unwrap();
    let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
    sign_up(&mut appender, people);
    drop(appender);
    Nina::created(&place);
    // The read models are built, and the server begins anew.
    assert_eq!(place.serve().stop(), 0);
    let server = place.serve();
    runtime().block_on(async {
        let nina = Nina::signed_in(&server.url).await;
        let before = memory(&server, "VmRSS");
        let (expanded, all) = sent(&server, &nina, "inbox", people.into()).await;
        let most = memory(&server, "VmHWM");
        println!("{people} recipients expanded in {expanded:.1} s, in their inboxes in {all:.1} s");
        println!("memory before {before} MiB, at most {most} MiB");
    });
    assert_eq!(server.stop(), 0);
}

#[test]
#[ignore = "it measures"]
fn from_a_fact_to_the_inbox() {
    const FACTS: usize = 500;
    let place = Place::new();
    Nina::created(&place);
    let server = place.serve();
    runtime().block_on(async {
        let nina = Nina::signed_in(&server.url).await;
        let me = nina.get(&server.url, "/v1/me").await;
        let asked = nina.http.get(format!("{}/v1/live", server.url)).bearer_auth(&nina.token);
        let mut live = Live::over(asked.send().await.unwrap()).await;
        let mut waits = Vec::new();
        for _ in 0..FACTS {
            let note = json!({
                "category": "marketing", "to": {"user_ids": [me["user_id"]]}, "channels": ["inbox"],
                "content": {"subject": "News", "text": "There is news."},
            });
            let began = Instant::now();
            nina.post(&server.url, "/v1/notifications", note).await;
            live.find("inbox.added").await;
            waits.push(began.elapsed());
        }
        waits.sort();
        println!(
            "from the request to the frame of the inbox: p50 {:?}, p99 {:?}, at most {:?}",
            waits[FACTS / 2],
            waits[FACTS * 99 / 100],
            waits[FACTS - 1]
        );
    });
    assert_eq!(server.stop(), 0);
}

/// Processor time of the server so far, in seconds, user and system.
fn processor(server: &Server) -> f64 {
    // `sysconf(_SC_CLK_TCK)` is 100 wherever Linux runs.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.child.id())).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().collect::<Vec<_>>();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
}

#[test]
#[ignore = "it measures"]
fn what_the_dispatcher_costs_those_who_post() {
    const ROUNDS: usize = 5;
    const POSTS: usize = 4_000;
    let runtime = runtime();
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS * 2 {
        // By turns, each in a folder of its own.
        let with = round % 2;
        let place = Place::new().with("LETOPIS_MODULES", ["messenger", "messenger,notifications"][with]);
        Nina::created(&place);
        let server = place.serve();
        let cost = runtime.block_on(async {
            let nina = Nina::signed_in(&server.url).await;
            let chat = nina.post(&server.url, "/v1/chats", json!({"chat_name": "garden"})).await;
            let path = format!("/v1/chats/{}/messages", chat["chat_id"].as_str().unwrap());
            let began = processor(&server);
            let posting = (0..16).map(|_| async {
                for _ in 0..POSTS / 16 {
                    nina.post(&server.url, &path, json!({"message": "how are you"})).await;
                }
            });
            futures_util::future::join_all(posting).await;
            (processor(&server) - began) * 1e6 / POSTS as f64
        });
        costs[with].push(cost);
        assert_eq!(server.stop(), 0);
    }
    costs.iter_mut().for_each(|costs| costs.sort_by(f64::total_cmp));
    let [without, with] = costs.map(|costs| costs[ROUNDS / 2]);
    println!("a post costs the server {without:.0} µs without notifications, {with:.0} µs with them (medians)");
}
