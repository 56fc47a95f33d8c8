//! Stories over HTTP on a real server: one file for each noun.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

mod abandoned;
mod accounts;
mod authorization;
mod chats;
mod conditions;
mod documents;
mod door;
mod forgetting;
mod idempotency;
mod members;
mod messages;
mod operating;
mod pages;
mod passwords;
mod positions;
mod requests;
mod rules;
mod search;
mod search_tasks;
mod session_cache;
mod sessions;
mod sign_in;
mod silent_storage;
mod strangers;
mod tokens;
mod wire;

use domain::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
