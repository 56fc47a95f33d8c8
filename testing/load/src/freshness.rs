//! How long it takes from the answer to a command until a read model has it, while many are given.

use crate::Rated;
use anyhow::{Context, Result};
use commands::Request;
use domain::text::MessageText;
use domain::{ChatId, Command, MessageId, UserId, message};
use node::Node;
use projections::{ProjectionId, Projections};
use std::time::{Duration, Instant};
use store::now;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// How often to check how far the read model is.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long the last message may take.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What is said meanwhile: so often, for so many seconds, one text after the other, by one in a chat.
pub(super) struct Said<'a> {
    pub(super) by: UserId,
    pub(super) chat_id: ChatId,
    pub(super) texts: &'a [MessageText],
    pub(super) per_second: f64,
    pub(super) seconds: u16,
}

/// Nobody waits for the read model, which would hurry it.
pub(super) async fn measure(node: &Node, name: ProjectionId, said: &Said<'_>) -> Result<Rated> {
    let (stop, stopped) = watch::channel(false);
    let watching = tokio::spawn(watched(node.projections.clone(), name, stopped));
    let (author, chat_id) = (said.by, said.chat_id);
    let began = Instant::now();
    let count = (said.per_second * f64::from(said.seconds)) as usize;
    let mut saying = JoinSet::new();
    for (number, text) in said.texts.iter().cycle().take(count).enumerate() {
        // By the clock: what came late is made up for.
        tokio::time::sleep_until((began + Duration::from_secs_f64(number as f64 / said.per_second)).into()).await;
        let post = message::Command::Post(message::Post {
            chat_id,
            author,
            text: text.clone(),
            reply_to: None,
            sent_at: now(),
        });
        let writer = node.writer.clone();
        saying.spawn(async move {
            let command = Command::Message(MessageId(Uuid::now_v7()), post);
            let answer = writer.send(Request::by_operator(command, now())).await?;
            anyhow::Ok((Instant::now(), answer.position))
        });
    }
    let mut answered = Vec::new();
    while let Some(one) = saying.join_next().await {
        answered.push(one.context("a caller panicked")??);
    }
    let took = began.elapsed().as_secs_f64();
    let last = answered.iter().map(|(_, position)| *position).max().context("nothing was said")?;
    let reached = async {
        while node.projections.position(name) < last {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, reached).await.context("the read model does not follow")?;
    stop.send_replace(true);
    let shown = watching.await.context("the watch panicked")?;
    let waits = answered.into_iter().map(|(acknowledged, position)| {
        let first = shown.partition_point(|(_, shown)| *shown < position);
        let found = shown.get(first).map_or(acknowledged, |(at, _)| *at);
        u32::try_from(found.saturating_duration_since(acknowledged).as_micros()).unwrap_or(u32::MAX)
    });
    Ok(Rated { waits_us: waits.collect(), seconds: took })
}

/// When the read model had what, until that is stopped.
async fn watched(
    projections: Projections,
    name: ProjectionId,
    mut stopped: watch::Receiver<bool>,
) -> Vec<(Instant, u64)> {
    let mut shown = Vec::new();
    loop {
        let is_last = *stopped.borrow_and_update();
        let position = projections.position(name);
        if shown.last().is_none_or(|(_, before)| *before < position) {
            shown.push((Instant::now(), position));
        }
        if is_last {
            return shown;
        }
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
