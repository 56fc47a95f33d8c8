//! Stories over HTTP on a real server: one file for each noun.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

mod abandoned;
mod accounts;
mod addresses;
mod admin_factors;
mod authorization;
mod bans;
mod chat_export;
mod chat_screen;
mod chats;
mod codes;
mod conditions;
mod console;
mod console_languages;
mod console_mailings;
mod console_pages;
mod console_poison;
mod direct;
mod documents;
mod door;
mod edits;
mod external;
mod first_admin;
mod forgetting;
mod fresh_sign_ins;
mod idempotency;
mod invitations;
mod known_and_unknown;
mod links;
mod live;
mod live_model;
mod live_sockets;
mod mail;
mod mail_pages;
mod mailbox;
mod mailings;
mod members;
mod messages;
mod modules;
mod operating;
mod operators;
mod pages;
mod passkeys;
mod passwords;
mod pins;
mod positions;
mod preferences;
mod rate_limits;
mod reactions;
mod read_marks;
mod reports;
mod requests;
mod resets;
mod rules;
mod search;
mod search_tasks;
mod second_factor_required;
mod second_factors;
mod sendgrid;
mod session_cache;
mod sessions;
mod sign_in;
mod sign_in_pages;
mod silent_storage;
mod stale_repeats;
mod strangers;
mod suppressions;
mod suspension;
mod telling;
mod templates;
mod tokens;
mod unread;
mod unsubscribing;
mod wire;
mod wrong_passwords;

use domain::{Event, Timestamp};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Appender, Batch, BatchNeeds, Folder, NewEvent};

/// How long a story waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Looks again and again until what is looked for is there.
async fn until(look: impl AsyncFn() -> bool) {
    let found = async {
        while !look().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, found).await.expect("what must come comes");
}

/// The clock.
fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    Timestamp(i64::try_from(since_1970.as_micros()).expect("it is not that late"))
}

/// Appends what an earlier version would have, past the rules of this one.
fn append(data: &Path, facts: Vec<Event>) {
    let folder = Folder::create(data).unwrap();
    let _lock = folder.lock().unwrap();
    let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
    let log = appender.log(&folder).unwrap();
    let mut events = Vec::<NewEvent>::new();
    for event in facts {
        let stream = event.stream();
        let before = events.iter().filter(|before| before.event.stream() == stream).count() as u64;
        let version = log.stream(stream).unwrap().len() as u64 + before + 1;
        events.push(NewEvent { version, event, meta: "{}".to_owned() });
    }
    appender.begin(&BatchNeeds::default()).unwrap();
    let at = Timestamp(log.head().unwrap().recorded_at.0);
    appender.append(&Batch { at, events, ..Batch::default() }).unwrap();
}
