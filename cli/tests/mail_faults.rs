//! Every way in which a mail server can fail, kill -9 in the middle of each, and at each failpoint between a fact and what
//! came of it: every delivery ends, nobody is skipped, and who gets a mail twice has an attempt that is `unknown` in their
//! history, in a category that is sent at least once, with the same Message-ID.
//!
//! `MAILING_PEOPLE=5000` sends the 10,000 mails of `docs/reliability.md`.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use common::people::{Nina, sign_up, through};
use common::{Place, Server};
use serde_json::{Value, json};
use servers::{Fault, SmtpSink, Step};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};
use store::{Appender, Folder};
use tokio::runtime::Runtime;

/// Longer than it takes on a slow machine.
const WITHIN: Duration = Duration::from_secs(300);
/// What a delivery ends in.
const FINAL: &[&str] =
    &["accepted", "bounced", "refused", "failed", "unknown", "dead-lettered", "expired", "suppressed"];
/// Both are written to everybody: the first at most once, the second at least once.
const CATEGORIES: [&str; 2] = ["marketing", "transactional"];

const MATRIX: &[(Step, Fault)] = &[
    (Step::Greeting, Fault::Drop),
    (Step::Greeting, Fault::Reply("421 4.3.2 not now\r\n")),
    (Step::Mail, Fault::Drop),
    (Step::Mail, Fault::Hang),
    (Step::Mail, Fault::Reply("451 4.3.0 later\r\n")),
    (Step::Mail, Fault::Reply("550 5.7.1 not you\r\n")),
    (Step::Rcpt, Fault::Drop),
    (Step::Rcpt, Fault::Hang),
    (Step::Rcpt, Fault::Reply("451 4.2.0 later\r\n")),
    (Step::Rcpt, Fault::Reply("550 5.1.1 nobody\r\n")),
    (Step::Data, Fault::Drop),
    (Step::Data, Fault::Reply("421 4.3.2 not now\r\n")),
    (Step::Data, Fault::Reply("554 5.7.0 no\r\n")),
    (Step::Body, Fault::Drop),
    (Step::Body, Fault::Hang),
    (Step::Dot, Fault::Drop),
    (Step::Dot, Fault::Hang),
    (Step::Dot, Fault::Piecemeal),
    (Step::Dot, Fault::Reply("451 4.3.0 later\r\n")),
    (Step::Dot, Fault::Reply("554 5.6.0 no\r\n")),
];

const FAILPOINTS: &[&str] = &[
    "provider-intended=crash@7",
    "provider-handed-over=crash@7",
    "batch-taken=crash@7",
    "batch-appended=crash@7",
    "batch-published=crash@7",
    "answer-given=crash@7",
];

fn people() -> u32 {
    std::env::var("MAILING_PEOPLE").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

/// A server with a clock that is so many minutes ahead, and maybe a failpoint.
struct Clock {
    file: String,
    minutes: u32,
}

impl Clock {
    fn forward(&mut self, minutes: u32) {
        self.minutes += minutes;
        std::fs::write(&self.file, format!("+{}m", self.minutes)).unwrap();
    }

    fn serve(&self, place: &Place) -> Server {
        self.serve_until(place, None).unwrap()
    }

    /// One that ends at that failpoint, maybe before it listens.
    fn serve_until(&self, place: &Place, failpoint: Option<&str>) -> Option<Server> {
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("LD_PRELOAD", servers::Server::Faketime.find().unwrap());
        command.env("FAKETIME_TIMESTAMP_FILE", &self.file).env("FAKETIME_NO_CACHE", "1");
        command.env("DONT_FAKE_MONOTONIC", "1").env("LETOPIS_LOG", "error");
        if let Some(failpoint) = failpoint {
            command.env(store::failpoint::VARIABLE, failpoint);
        }
        place.start_quietly(command).ok()
    }
}

/// Writes to everybody in both categories: a mailing, and a notification. Where each is found.
async fn start(nina: &Nina, url: &str) -> [String; 2] {
    let content = |category: &str| json!({"subject": category, "text": "There is news."});
    let mailing = json!({
        "name": "News", "category": CATEGORIES[0], "audience": {"role": "user"}, "channels": ["email"],
        "content": content(CATEGORIES[0]),
    });
    let id = nina.post(url, "/v1/mailings", mailing).await["mailing_id"].as_str().unwrap().to_owned();
    nina.post(url, &format!("/v1/mailings/{id}/start"), Value::Null).await;
    let notification = json!({
        "category": CATEGORIES[1], "to": {"role": "user"}, "channels": ["email"], "content": content(CATEGORIES[1]),
    });
    let asked = nina.post(url, "/v1/notifications", notification).await;
    [format!("/v1/mailings/{id}"), format!("/v1/notifications/{}", asked["notification_id"].as_str().unwrap())]
}

/// Whether everybody's delivery has ended.
fn has_ended(shown: &Value) -> bool {
    let counts = shown["counts"].as_object().unwrap();
    let ended = counts.iter().filter(|(state, _)| FINAL.contains(&state.as_str()));
    ended.map(|(_, count)| count.as_u64().unwrap()).sum::<u64>() == u64::from(people())
}

async fn rows(nina: &Nina, url: &str, path: &str) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), String::new());
    loop {
        let page = nina.get(url, &format!("{path}/deliveries?limit=1000{next}")).await;
        rows.extend(page["deliveries"].as_array().unwrap().clone());
        match page["next"]["iterator"].as_str() {
            Some(iterator) => next = format!("&from={iterator}"),
            None => return rows,
        }
    }
}

/// Whose row it is.
fn address(row: &Value) -> String {
    let user_id = row["user_id"].as_str().unwrap().parse::<uuid::Uuid>().unwrap();
    format!("p{}@example.org", user_id.as_u128() & 0xffff_ffff)
}

/// How many attempts of each delivery ended so that nobody knows.
fn unknown_attempts(place: &Place) -> HashMap<String, usize> {
    let mut attempts = HashMap::<String, usize>::new();
    let list = ["events", "ls", "--type", "delivery.attempt_unknown.v1", "--limit", "100000"];
    for event in place.run(&list).ok().lines() {
        let stream = event["stream"].as_str().unwrap_or_else(|| panic!("{event}"));
        *attempts.entry(stream.trim_start_matches("delivery-").to_owned()).or_default() += 1;
    }
    attempts
}

/// What came, by category and person: the Message-ID of each.
fn mails(sink: &SmtpSink) -> HashMap<(String, String), Vec<String>> {
    let mut mails = HashMap::<_, Vec<_>>::new();
    for mail in sink.received() {
        let text = String::from_utf8(mail.bytes).unwrap();
        let header = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name} {text}"));
            line.trim().to_owned()
        };
        let person = header("To:").rsplit(['<', ' ']).next().unwrap().trim_end_matches('>').to_owned();
        mails.entry((header("Subject:"), person)).or_default().push(header("Message-ID:"));
    }
    mails
}

/// Every delivery with what came: its rows by category.
fn compare(place: &Place, sink: &SmtpSink, all: &[Vec<Value>]) {
    let (unknown, mails) = (unknown_attempts(place), mails(sink));
    let (mut states, mut twice) = (BTreeMap::<_, u32>::new(), 0);
    for (category, rows) in CATEGORIES.iter().zip(all) {
        let whose = rows.iter().map(address).collect::<HashSet<_>>();
        assert_eq!((rows.len(), whose.len()), (people() as usize, people() as usize), "nobody is skipped");
        for row in rows {
            let state = row["state"].as_str().unwrap();
            assert!(FINAL.contains(&state), "{row}");
            *states.entry(format!("{category} {state}")).or_default() += 1;
            let came = mails.get(&((*category).to_owned(), address(row))).map_or(&[][..], Vec::as_slice);
            let unknown = unknown.get(row["delivery_id"].as_str().unwrap()).copied().unwrap_or_default();
            assert!(state != "accepted" || !came.is_empty(), "it was not accepted: {row}");
            assert!(came.is_empty() || state == "accepted" || unknown > 0, "it came, and nobody knows: {row}");
            assert!(came.iter().collect::<HashSet<_>>().len() <= 1, "one Message-ID for all attempts: {came:?}");
            let most = if *category == "marketing" { 1 } else { 1 + unknown };
            assert!(came.len() <= most, "{} times, with {unknown} unknown attempts: {row}", came.len());
            twice += u32::from(came.len() > 1);
        }
    }
    println!("{states:?}; {twice} came twice, {} attempts unknown", unknown.values().sum::<usize>());
    assert!(unknown.values().sum::<usize>() > 0, "nothing was cut off: it proves nothing");
}

#[test]
fn whatever_the_mail_server_does_and_wherever_it_is_killed_every_delivery_ends_as_it_must() {
    if !servers::installed(servers::Server::Faketime) {
        return;
    }
    let runtime = Runtime::new().unwrap();
    let sink = runtime.block_on(SmtpSink::start());
    // So fast that they are under way during most of the faults.
    let rate = (people() / 20).max(10).to_string();
    let place = through(&sink.url("?tls=none"), Place::new()).with("LETOPIS_MAIL_PER_SECOND_MAX", &rate);
    let mut clock = Clock { file: place.file("clock", "+0m"), minutes: 0 };
    let folder = Folder::create(&place.data()).unwrap();
    let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
    sign_up(&mut appender, people());
    drop(appender);
    Nina::created(&place);

    let mut server = clock.serve(&place);
    let nina = runtime.block_on(Nina::signed_in(&server.url));
    let paths = runtime.block_on(start(&nina, &server.url));
    for (step, fault) in MATRIX {
        sink.fail_times(*step, *fault, 3);
        std::thread::sleep(Duration::from_millis(400));
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        sink.behave();
        server = clock.serve(&place);
    }
    for failpoint in FAILPOINTS {
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        let began = Instant::now();
        if let Some(mut dying) = clock.serve_until(&place, Some(failpoint)) {
            // What is due again later brings it there.
            while dying.child.try_wait().unwrap().is_none() {
                assert!(began.elapsed() < WITHIN, "{failpoint} is not reached");
                std::thread::sleep(Duration::from_millis(200));
                clock.forward(1);
            }
        }
        server = clock.serve(&place);
    }
    // What rests is due when the time has come.
    let began = Instant::now();
    let all = runtime.block_on(async {
        let mut all = Vec::new();
        for path in &paths {
            loop {
                let shown = nina.get(&server.url, path).await;
                if has_ended(&shown) {
                    println!("{}", shown["counts"]);
                    break;
                }
                assert!(began.elapsed() < WITHIN, "it does not end: {shown}");
                tokio::time::sleep(Duration::from_millis(300)).await;
                clock.forward(5);
            }
            all.push(rows(&nina, &server.url, path).await);
        }
        all
    });
    compare(&place, &sink, &all);
    for name in ["mailings", "deliveries"] {
        place.run(&["projections", "verify", name]).ok();
    }
    assert_eq!(server.stop(), 0);
}
