//! What becomes of the deliveries of a notification, or of a run of a mailing, that was called off: all that waits is
//! cancelled, also what an attempt that was under way has put off since. Until then the dispatcher passes it over.

use crate::courier::Courier;
use crate::error::Result;
use commands::{Actor, Cause};
use domain::{Command, Event, MailingId, NotificationId, StreamId, UserId, delivery, mailing, notification};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use projections::{ProjectionId, deliveries};
use uuid::Uuid;

/// Deliveries that are looked up at once.
const PAGE: u32 = 500;
/// Pages in one turn: then it is another one's.
const PAGES_A_TURN_MAX: usize = 20;
/// Commands that are under way at once.
const COMMANDS_MAX: usize = 64;

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

/// Cancels what waits. `position` is that of the last fact that is known of it, or a later one.
pub(crate) async fn call_off(courier: &Courier, whole: Whole, position: u64) -> Result<CalledOff> {
    let Some((cause, by)) = cancelled(courier, whole).await? else { return Ok(CalledOff::All) };
    let actor = Actor::Courier(Cause::recorded(cause));
    let mut position = position;
    for _ in 0..PAGES_A_TURN_MAX {
        let db = courier.caught_up(ProjectionId::Deliveries, position).await?;
        let page = match whole {
            Whole::Mailing(id) => deliveries::waiting_of_mailing(&db, id, PAGE).await?,
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
