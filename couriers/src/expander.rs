//! Names the recipients of notifications, a chunk at a time: each chunk is one decision together with its deliveries, so
//! that a crash between two of them skips nobody and names nobody twice.

use crate::courier::Courier;
use crate::error::{Result, told};
use crate::telling::{Telling, next_due_at};
use commands::{Actor, Cause};
use domain::notification::{self, Audience, Expand, Requested, RunEnd};
use domain::{Command, Event, NotificationId, Timestamp, UserId};
use projections::{ProjectionId, deliveries, recipients};
use std::time::Duration;
use store::{Fact, now};

/// How often it is looked for what is due.
const LOOKED_EVERY: Duration = Duration::from_millis(250);
/// Notifications that are looked up at once.
const PAGE: u32 = 100;
/// How long it rests after what went wrong.
const PAUSE: Duration = Duration::from_secs(1);

/// Names recipients for ever; it may be dropped at any time.
pub(crate) async fn expand(courier: &Courier) {
    let mut hint = courier.hint.clone();
    let mut seen = 0;
    loop {
        if let Err(error) = round(courier, &mut seen).await {
            tracing::error!(error = told(&error), "recipients cannot be named; it is tried again");
            tokio::time::sleep(PAUSE).await;
        }
        tokio::select! {
            changed = hint.changed() => if changed.is_err() { tokio::time::sleep(LOOKED_EVERY).await },
            () = tokio::time::sleep(LOOKED_EVERY) => seen = 0,
        }
    }
}

/// Names the recipients of everything that is due. `seen` is what this node had acknowledged at the last look: nothing
/// is looked up when that is all, until the next poll.
async fn round(courier: &Courier, seen: &mut u64) -> Result<()> {
    let acknowledged = courier.writer.acknowledged(&[domain::Category::Notification]);
    if *seen == acknowledged && acknowledged > 0 {
        return Ok(());
    }
    let db = courier.caught_up(ProjectionId::Deliveries, 0).await?;
    for due in deliveries::due_notifications(&db, now(), PAGE).await? {
        run(courier, due.notification_id).await?;
    }
    *seen = acknowledged;
    Ok(())
}

/// What the log says of a notification.
struct Source {
    id: NotificationId,
    /// Of the fact that requested it.
    event_id: uuid::Uuid,
    requested: Requested,
    /// Those that the request names, in order, each once.
    named: Vec<UserId>,
    state: notification::State,
    /// Behind whom the next chunk begins.
    after: Option<UserId>,
}

/// Names the rest of the recipients of one run.
async fn run(courier: &Courier, id: NotificationId) -> Result<()> {
    let log = courier.log.clone();
    let facts = courier.blocking(move || Ok(log.stream(id.into())?)).await?;
    let Some(mut source) = Source::of(id, facts) else { return Ok(()) };
    loop {
        let notification::State::Known(known) = &source.state else { return Ok(()) };
        let (run, chunk, cancelled) = (known.run, known.chunk, known.cancelled);
        let Some(due_at) = known.due_at.filter(|_| !cancelled) else { return Ok(()) };
        if source.requested.schedule.is_some() && due_at > now() {
            return Ok(());
        }
        let telling = source.telling(run, due_at);
        let people = source.next(courier, telling.people_max()).await?;
        let deliveries = people.iter().flat_map(|user_id| telling.deliveries(*user_id, |_| None)).collect();
        let is_last = people.len() < telling.people_max();
        let end =
            is_last.then(|| RunEnd { next_due_at: next_due_at(source.requested.schedule.as_ref(), due_at, now()) });
        let after = people.last().copied().or(source.after);
        let recipients = u32::try_from(people.len()).unwrap_or(u32::MAX);
        let expand = Expand { run, chunk, recipients, deliveries, after, end };
        let command = Command::Notification(id, notification::Command::Expand(expand));
        courier.send(command, Actor::Courier(Cause::recorded(source.event_id))).await?;
        if is_last {
            return Ok(());
        }
        let expanded = notification::Expanded { at: now(), run, chunk, recipients, after, end };
        notification::evolve(&mut source.state, &notification::Event::Expanded(expanded));
        source.after = after;
    }
}

impl Source {
    fn of(id: NotificationId, facts: Vec<Fact>) -> Option<Source> {
        let mut state = notification::State::default();
        let (mut first, mut named, mut after) = (None, Vec::new(), None);
        for fact in facts {
            let Event::Notification(_, event) = fact.event else { continue };
            notification::evolve(&mut state, &event);
            match event {
                notification::Event::Requested(requested) => first = Some((fact.id, *requested)),
                notification::Event::RecipientsNamed(some) => named.extend(some.user_ids),
                notification::Event::Expanded(expanded) => {
                    after = if expanded.end.is_some() { None } else { expanded.after };
                }
                notification::Event::Cancelled(_) => {}
            }
        }
        named.sort_unstable();
        named.dedup();
        let (event_id, requested) = first?;
        Some(Source { id, event_id, requested, named, state, after })
    }

    /// What the deliveries of a run have in common.
    fn telling(&self, run: u32, due_at: Timestamp) -> Telling {
        let requested = &self.requested;
        Telling {
            notification_id: self.id,
            run,
            cause: self.event_id,
            category: requested.category.clone(),
            kind: requested.kind,
            semantics: requested.semantics,
            channels: requested.channels.clone(),
            content: requested.content.clone(),
            details: requested.details.clone(),
            due_at,
            expires_in: requested.expires_in,
        }
    }

    /// The people of the next chunk, by their ids.
    async fn next(&self, courier: &Courier, limit: usize) -> Result<Vec<UserId>> {
        let audience = match self.requested.audience {
            Audience::Users => {
                let from = self.after.map_or(0, |after| self.named.partition_point(|one| *one <= after));
                return Ok(self.named[from..].iter().copied().take(limit).collect());
            }
            Audience::All => recipients::Audience::Everybody,
            Audience::Role { role } => recipients::Audience::Role(role),
            Audience::Chat { chat_id } => recipients::Audience::Chat(chat_id),
        };
        let db = courier.caught_up(ProjectionId::Recipients, 0).await?;
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let people = recipients::page(&db, audience, self.after, limit).await?;
        Ok(people.into_iter().map(|recipient| recipient.user_id).collect())
    }
}
