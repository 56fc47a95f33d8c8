//! Mailings at the command line, and kill -9 in the middle of one: nobody is skipped, nobody gets it twice, and who was on
//! their way is `unknown`.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use common::Place;
use common::people::{Nina, sign_up, through};
use serde_json::{Value, json};
use servers::SmtpSink;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use store::{Appender, Cluster, Folder};
use tokio::runtime::Runtime;

/// Longer than any mailing of these tests takes.
const WITHIN: Duration = Duration::from_secs(240);

/// So many people get it; `MAILING_PEOPLE` asks for another number.
fn people() -> u32 {
    std::env::var("MAILING_PEOPLE").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn news(channels: &[&str]) -> Value {
    json!({
        "name": "News", "category": "marketing", "audience": {"role": "user"}, "channels": channels,
        "content": {"subject": "News", "text": "There is news."},
    })
}

/// Kills the server at random moments until everything is sent, and counts who got what.
fn killed_and_counted(place: &Place, runtime: &Runtime, sink: &SmtpSink, people: u32, kills: u32) {
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_micros();
    println!("seed {seed}");
    let mut server = place.serve();
    let nina = runtime.block_on(Nina::signed_in(&server.url));
    let id = runtime.block_on(async {
        let created = nina.post(&server.url, "/v1/mailings", news(&["email"])).await;
        let id = created["mailing_id"].as_str().unwrap().to_owned();
        nina.post(&server.url, &format!("/v1/mailings/{id}/start"), Value::Null).await;
        id
    });
    let (mut killed, begun) = (0, Instant::now());
    for number in 0..kills {
        let wait = Duration::from_millis(50 + (u64::from(seed) + u64::from(number) * 379) % 700);
        std::thread::sleep(wait);
        // SIGKILL on Unix.
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        killed += u32::from(sink.received().len() < people as usize);
        server = place.serve();
    }
    let finished = runtime.block_on(async {
        loop {
            let shown = nina.get(&server.url, &format!("/v1/mailings/{id}")).await;
            if shown["state"] == "finished" {
                return shown;
            }
            assert!(begun.elapsed() < WITHIN, "it does not end: {shown}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    println!("{killed} kills in the middle, {:.1} s, {}", begun.elapsed().as_secs_f64(), finished["counts"]);
    assert_eq!(finished["recipients"], people);
    let mut received = HashMap::<String, u32>::new();
    for mail in sink.received() {
        *received.entry(address(&mail.to)).or_default() += 1;
    }
    assert!(received.values().all(|count| *count == 1), "nobody gets it twice");
    let rows = runtime.block_on(async {
        let (mut rows, mut next) = (Vec::new(), String::new());
        loop {
            let path = format!("/v1/mailings/{id}/deliveries?limit=1000{next}");
            let page = nina.get(&server.url, &path).await;
            rows.extend(page["deliveries"].as_array().unwrap().clone());
            match page["next"]["iterator"].as_str() {
                Some(iterator) => next = format!("&from={iterator}"),
                None => return rows,
            }
        }
    });
    assert_eq!(rows.len(), people as usize, "nobody is skipped");
    let mut by_state = HashMap::<String, u32>::new();
    for row in &rows {
        let state = row["state"].as_str().unwrap();
        *by_state.entry(state.to_owned()).or_default() += 1;
        match state {
            "accepted" => assert!(received.contains_key(&of(row)), "{row}"),
            // The server may have had it, or not.
            "unknown" => {}
            _ => panic!("{row}"),
        }
    }
    let unknown = by_state.get("unknown").copied().unwrap_or_default();
    assert!(unknown <= kills * 64, "only who was on their way: {unknown}");
    assert_eq!(u32::try_from(received.len()).unwrap() + missing(&rows, &received), people);
    for name in ["mailings", "deliveries"] {
        place.run(&["projections", "verify", name]).ok();
    }
    drop(server);
}

/// Those of whom nobody knows, and who did not get it.
fn missing(rows: &[Value], received: &HashMap<String, u32>) -> u32 {
    let is_missing = |row: &&Value| !received.contains_key(&of(row));
    let count = rows.iter().filter(|row| row["state"] == "unknown").filter(is_missing).count();
    u32::try_from(count).unwrap()
}

/// Out of what the mail server was told.
fn address(to: &str) -> String {
    let inner = to.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(to, |(address, _)| address).to_lowercase()
}

/// Whose row it is.
fn of(row: &Value) -> String {
    format!("p{}@example.org", row["user_name"].as_str().unwrap().trim_start_matches("person "))
}

#[test]
fn kill_9_in_the_middle_skips_nobody_and_tells_nobody_twice() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sink = runtime.block_on(SmtpSink::start());
    let place = through(&sink.url("?tls=none"), Place::new());
    let folder = Folder::create(&place.data()).unwrap();
    let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
    sign_up(&mut appender, people());
    drop(appender);
    Nina::created(&place);
    killed_and_counted(&place, &runtime, &sink, people(), 10);
}

#[test]
fn the_same_on_postgresql() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Some(database) = runtime.block_on(servers::postgres()) else { return };
    let sink = runtime.block_on(SmtpSink::start());
    let place = through(&sink.url("?tls=none"), Place::shared(&database));
    place.run(&["migrate"]).ok();
    Nina::created(&place);
    let folder = Folder::create(&place.data()).unwrap();
    let cluster = Cluster::new(&database.url()).unwrap();
    let mut appender = Appender::open_shared(&cluster, &folder, &folder.master_key()).unwrap();
    let people = people() / 3;
    sign_up(&mut appender, people);
    drop(appender);
    killed_and_counted(&place, &runtime, &sink, people, 5);
}

#[test]
fn verbs_work_with_a_server_and_without_one() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let place = Place::new();
    Nina::created(&place);
    assert_eq!(place.run(&["mailings", "ls", "-o", "json"]).ok().out.trim(), "[]");
    let server = place.serve();
    let nina = runtime.block_on(Nina::signed_in(&server.url));
    let mut later = news(&["inbox"]);
    later["send_at"] = json!("2027-12-01T00:00:00Z");
    later["audience"] = json!({"all": true});
    let id = runtime.block_on(nina.post(&server.url, "/v1/mailings", later))["mailing_id"].as_str().unwrap().to_owned();
    // Straight after the answer, without a look of anybody in between.
    assert_eq!(place.run(&["mailings", "ls"]).ok().lines()[0]["mailing_id"], id);
    for _ in 0..5 {
        let draft = runtime.block_on(nina.post(&server.url, "/v1/mailings", news(&["inbox"])));
        let listed = place.run(&["mailings", "ls", "--state", "draft"]).ok().lines();
        assert_eq!(listed[0]["mailing_id"], draft["mailing_id"]);
    }
    let mut server = Some(server);
    for (verb, state) in [("start", "scheduled"), ("pause", "paused"), ("resume", "scheduled"), ("cancel", "cancelled")]
    {
        let changed = place.run(&["mailings", verb, &id, "-o", "json"]).ok().json();
        assert_eq!((&changed["state"], &changed["mailing_id"]), (&json!(state), &json!(id)));
        let shown = place.run(&["mailings", "show", &id, "-o", "json"]).ok().json();
        assert_eq!((&shown["state"], &shown["name"], &shown["runs"]), (&json!(state), &json!("News"), &json!([])));
        let listed = place.run(&["mailings", "ls", "--state", state]).ok().lines();
        assert_eq!(listed[0]["mailing_id"], id);
        // The next verb finds none.
        drop(server.take());
    }
    let preview = place.run(&["mailings", "preview", &id, "-o", "json"]).ok().json();
    assert_eq!((&preview["recipients"], &preview["samples"][0]["subject"]), (&json!(1), &json!("News")));
    assert_eq!(place.run(&["mailings", "start", &id]).code, 4);
    for verb in ["show", "preview", "start", "cancel"] {
        assert_eq!(place.run(&["mailings", verb, "01890000-0000-7000-8000-000000000001"]).code, 3, "{verb}");
        assert_eq!(place.run(&["mailings", verb, "x"]).code, 3, "{verb}");
    }
    assert_eq!(place.run(&["mailings", "ls", "--state", "none"]).code, 2);
    let without = place.with("LETOPIS_MODULES", "messenger,notifications");
    assert_eq!(without.run(&["mailings", "ls"]).code, 2);
}
