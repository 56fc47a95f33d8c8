//! Tells people of what was said to them and stayed unread, all of it in one notice. What is gathered is a fact with the
//! position of its last message, so a second look, also after a crash, finds it told; the reactor requests its deliveries.

use crate::courier::Courier;
use crate::error::{Result, told};
use commands::{Actor, Cause};
use domain::digest::{self, Gathered, NAMED_MAX};
use domain::id::DigestId;
use domain::notify::CategoryKey;
use domain::{Command, UserId};
use projections::ProjectionId;
use projections::chats::{self, Due, Waiting};
use std::time::Duration;
use store::now;

/// How often it looks for what has waited for long enough.
const LOOKED_EVERY: Duration = Duration::from_secs(5);
const LOOKED_EVERY_MIN: Duration = Duration::from_millis(100);
/// People that are looked up at once.
const PAGE: u32 = 100;

/// Gathers for ever; it may be dropped at any time.
pub(crate) async fn gather(courier: &Courier) {
    loop {
        if let Err(error) = round(courier).await {
            tracing::error!(error = told(&error), "what is unread cannot be gathered; it is tried again");
        }
        tokio::time::sleep(courier.settings.unread_after.clamp(LOOKED_EVERY_MIN, LOOKED_EVERY)).await;
    }
}

/// Tells everybody once for whom something has waited for long enough.
async fn round(courier: &Courier) -> Result<()> {
    // Where chats are left out nothing is said to anybody.
    if !courier.projections.has(ProjectionId::Chats) {
        return Ok(());
    }
    let Some(category) = courier.settings.categories.get(&CategoryKey::MESSAGES) else { return Ok(()) };
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let now = now();
    // What a notice would come too late for is not gathered: also what was said before there were notices.
    let due = Due {
        after: now.plus_seconds(-i64::from(category.expires_in)),
        up_to: now.plus_seconds(-seconds(courier.settings.unread_after)),
    };
    let mut after = None;
    loop {
        let db = courier.caught_up(ProjectionId::Chats, 0).await?;
        let page = chats::waiting(&db, due, after, PAGE).await?;
        for user_id in &page {
            if let Some(waiting) = chats::waiting_for(&db, *user_id, due, NAMED_MAX as u32).await? {
                tell(courier, *user_id, waiting, now).await?;
            }
        }
        after = page.last().copied();
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

async fn tell(courier: &Courier, user_id: UserId, waiting: Waiting, at: domain::Timestamp) -> Result<()> {
    let Waiting { total, up_to, messages } = waiting;
    let log = courier.log.clone();
    let last = courier.blocking(move || Ok(log.read(up_to - 1, 1)?)).await?;
    let Some(last) = last.first() else { return Ok(()) };
    let gathered = Gathered { up_to, total, messages, at };
    let command = Command::Digest(DigestId::of(user_id, up_to), digest::Command::Gather(gathered));
    courier.send(command, Actor::Courier(Cause::recorded(last.id))).await.map(drop)
}
