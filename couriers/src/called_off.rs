//! What becomes of the deliveries of a notification, or of a run of a mailing, that was called off: all that waits is
//! cancelled, also what an attempt that was under way has put off since. Until then the dispatcher passes it over.
//!
//! Of notifications this is done here, beside all other work: there may be as many deliveries as there are people.

use crate::courier::Courier;
use crate::error::{Result, told};
use commands::{Actor, Cause};
use domain::{Category, Command, Event, MailingId, NotificationId, StreamId, UserId, delivery, mailing, notification};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use projections::{ProjectionId, deliveries};
use std::time::Duration;
use uuid::Uuid;

/// Deliveries that are looked up at once.
const PAGE: u32 = 500;
/// Pages in one turn: then it is another one's.
const PAGES_A_TURN_MAX: usize = 20;
/// Commands that are under way at once.
const COMMANDS_MAX: usize = 64;

/// Notifications that are looked at in one round.
const A_ROUND_MAX: u32 = 100;
/// How often it is looked for what was called off on other nodes, or put off since.
const LOOKED_EVERY: Duration = Duration::from_secs(2);
/// How long it rests after what went wrong.
const PAUSE: Duration = Duration::from_secs(1);

/// What was called off.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whole {
    Mailing(MailingId),
    Notification(NotificationId),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CalledOff {
    /// Nothing waits.
    All,
    /// There may be more.
    Some,
}

/// Calls off notifications for ever; it may be dropped at any time.
pub(crate) async fn call_off_for_ever(courier: &Courier) {
    let mut hint = courier.hint.clone();
    let mut seen = 0;
    loop {
        if let Err(error) = round(courier, &mut seen).await {
            tracing::error!(error = told(&error), "what was called off cannot be looked up; it is tried again");
            tokio::time::sleep(PAUSE).await;
        }
        tokio::select! {
            changed = hint.changed() => if changed.is_err() { tokio::time::sleep(LOOKED_EVERY).await },
            () = tokio::time::sleep(LOOKED_EVERY) => seen = 0,
        }
    }
}

/// A turn for each notification that was called off. `seen` is what this node had acknowledged at the last look: nothing is
/// looked up when that is all, until the next poll.
async fn round(courier: &Courier, seen: &mut u64) -> Result<()> {
    let acknowledged = courier.writer.acknowledged(&[Category::Notification]);
    if *seen == acknowledged && acknowledged > 0 {
        return Ok(());
    }
    let db = courier.caught_up(ProjectionId::Deliveries, 0).await?;
    let mut is_done = true;
    for one in deliveries::called_off(&db, A_ROUND_MAX).await? {
        match call_off(courier, Whole::Notification(one.notification_id), one.position).await {
            Ok(CalledOff::All) => {}
            Ok(CalledOff::Some) => is_done = false,
            // It must not hold up the others.
            Err(error) => {
                let (notification_id, trouble) = (one.notification_id, "it cannot be called off; it is tried again");
                tracing::error!(%notification_id, error = told(&error), "{trouble}");
                tokio::time::sleep(PAUSE).await;
                is_done = false;
            }
        }
    }
    if is_done {
        *seen = acknowledged;
    }
    Ok(())
}

/// Cancels what waits. `position` is that of the last fact that is known of it, or a later one.
pub(crate) async fn call_off(courier: &Courier, whole: Whole, position: u64) -> Result<CalledOff> {
    let Some((cause, by)) = cancelled(courier, whole).await? else { return Ok(CalledOff::All) };
    let actor = Actor::Courier(Cause::recorded(cause));
    let mut position = position;
    for _ in 0..PAGES_A_TURN_MAX {
        let db = courier.caught_up(ProjectionId::Deliveries, position).await?;
        let page = match whole {
            Whole::Mailing(id) => match deliveries::waiting_of_mailing(&db, id, PAGE).await? {
                none if none.is_empty() => deliveries::retried_of_mailing(&db, id, PAGE).await?,
                some => some,
            },
            Whole::Notification(id) => deliveries::waiting_of_notification(&db, id, PAGE).await?,
        };
        if page.is_empty() {
            return Ok(CalledOff::All);
        }
        let cancel = delivery::Cancel { by };
        let command = |one: deliveries::Delivery| {
            courier.send(Command::Delivery(one.delivery_id, delivery::Command::Cancel(cancel.clone())), actor)
        };
        // What has left meanwhile refuses, which is fine.
        let sent = stream::iter(page).map(command).buffer_unordered(COMMANDS_MAX);
        let last = sent.try_fold(position, async |last, answer| Ok(answer.map_or(last, |one| last.max(one.position))));
        position = last.await?;
    }
    Ok(CalledOff::Some)
}

/// The fact that it was called off, and by whom.
async fn cancelled(courier: &Courier, whole: Whole) -> Result<Option<(Uuid, Option<UserId>)>> {
    let stream = match whole {
        Whole::Mailing(id) => StreamId::from(id),
        Whole::Notification(id) => StreamId::from(id),
    };
    let log = courier.log.clone();
    let facts = courier.blocking(move || Ok(log.stream(stream)?)).await?;
    Ok(facts.iter().rev().find_map(|fact| {
        if let Event::Mailing(_, mailing::Event::Cancelled(mailing::Stopped { by, .. }))
        | Event::Notification(_, notification::Event::Cancelled(notification::Cancelled { by, .. })) = &fact.event
        {
            return Some((fact.id, *by));
        }
        None
    }))
}
