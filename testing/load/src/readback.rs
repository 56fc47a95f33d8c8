//! How long it takes until a message that is posted can be read, while the server has half of its load.

use crate::appends::gathered;
use crate::client::Connection;
use crate::plan::Plan;
use crate::{Measured, Rated};
use anyhow::{Result, ensure};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What one caller does in turn: post, then read.
pub(super) struct Pair {
    pub(super) post: Request<Full<Bytes>>,
    pub(super) read: Request<Full<Bytes>>,
}

/// Every connection posts a message and reads the newest one back, together `per_second` times. The server waits with
/// the answer to the second request until its read model has the message: that is what is measured, from the first.
pub(super) async fn measure(
    address: &str,
    plan: &Plan,
    per_second: f64,
    pair: impl Fn(usize) -> Result<Pair>,
) -> Result<Measured> {
    let connections = usize::from(plan.connections);
    let every = Duration::from_secs_f64(connections as f64 / per_second.max(1.0));
    let began = Instant::now();
    let deadline = began + Duration::from_secs(plan.seconds.into());
    let mut callers = JoinSet::new();
    for number in 0..connections {
        let first = began + every.mul_f64(number as f64 / connections as f64);
        callers.spawn(call(address.to_owned(), pair(number)?, (first, every), deadline));
    }
    let rated: Rated = gathered(callers, began).await?;
    Ok(rated.of("POST, and read it back, at half load"))
}

async fn call(address: String, pair: Pair, (first, every): (Instant, Duration), deadline: Instant) -> Result<Vec<u32>> {
    let mut connection = Connection::open(&address).await?;
    let mut ticks = tokio::time::interval_at(first.into(), every);
    let mut waits_us = Vec::new();
    loop {
        ticks.tick().await;
        let sent = Instant::now();
        if sent >= deadline {
            return Ok(waits_us);
        }
        for request in [&pair.post, &pair.read] {
            let (status, body) = connection.send(request.clone()).await?;
            ensure!(status.is_success(), "the server answered {status}: {}", String::from_utf8_lossy(&body));
        }
        waits_us.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}
