//! What becomes of deliveries: their histories, their rows, and how many are in each state.
//!
//! A page of the log is written at once: of a mailing it holds hundreds of steps that all change the same counters, and
//! several steps of the same delivery.

use super::queries::{known, text_of};
use domain::delivery::{Event, Fault, Requested, Status};
use domain::{DeliveryId, Event as Any, NotificationId, Timestamp};
use std::collections::{BTreeMap, HashMap};
use store::Fact;
use store::sql::Tx;

/// A step of a delivery.
struct Step {
    status: Status,
    at: Timestamp,
    detail: Option<String>,
    provider: Option<String>,
}

/// What the steps of a page make of a delivery.
#[derive(Default)]
struct Change {
    version: u64,
    last: Option<Step>,
    /// When it is due next; none where nothing follows by itself.
    next_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    attempts: Option<u32>,
    sending_epoch: Option<u64>,
    /// That of the last time that an operator had it sent again; 0 where none did.
    retry_position: u64,
}

/// How many deliveries of a notification came to a state, by the state's place, less those that left it.
type Counts = BTreeMap<(NotificationId, u32), (Status, i64)>;

/// Writes what a page of facts says of deliveries, once those that it requests have their rows.
pub(super) fn write_page(tx: &mut Tx<'_>, facts: &[&Fact]) -> Result<(), store::Error> {
    let mut steps = Vec::new();
    for fact in facts {
        if let Any::Delivery(id, event) = &fact.event
            && let Some(step) = step_of(event)
        {
            steps.push((*fact, *id, event, step));
        }
    }
    let (Some((first, ..)), Some((last, ..))) = (steps.first(), steps.last()) else { return Ok(()) };
    // The same statement again and again: they go together.
    for (fact, _, event, _) in &steps {
        if let Event::Requested(requested) = event {
            insert_notification(tx, fact, requested)?;
        }
    }
    for (fact, id, _, step) in &steps {
        insert_step(tx, fact, *id, step)?;
    }
    let mut deliveries = before(tx, first.position, last.position)?;
    let (mut counts, mut changes) = (Counts::new(), BTreeMap::<DeliveryId, Change>::new());
    for (fact, id, event, step) in steps {
        if let Event::Requested(requested) = event {
            deliveries.insert(id, (requested.notification_id, step.status));
            count(&mut counts, requested.notification_id, step.status, 1);
            continue;
        }
        // One whose request was skipped has no row, and is not counted.
        let Some((notification_id, status)) = deliveries.get_mut(&id) else { continue };
        count(&mut counts, *notification_id, *status, -1);
        count(&mut counts, *notification_id, step.status, 1);
        *status = step.status;
        changes.entry(id).or_default().take(fact, event, step);
    }
    changes.iter().try_for_each(|(id, change)| change.write(tx, *id))?;
    write_counts(tx, &counts)
}

/// In which state the deliveries are that have steps between these positions, before any of them.
fn before(
    tx: &mut Tx<'_>,
    first: u64,
    last: u64,
) -> Result<HashMap<DeliveryId, (NotificationId, Status)>, store::Error> {
    let sql = "select d.delivery_id, d.notification_id, d.status from delivery d where d.delivery_id in
                   (select s.delivery_id from delivery_step s where s.position >= $1 and s.position <= $2)";
    let rows = tx.rows(sql, &[first.into(), last.into()], |row| {
        let status = known(row, 2, Status::parse, "a state of deliveries")?;
        Ok((DeliveryId(row.uuid(0)?), (NotificationId(row.uuid(1)?), status)))
    });
    Ok(rows?.into_iter().collect())
}

/// What the history says of an event. That something was read in the inbox is the inbox's.
fn step_of(event: &Event) -> Option<Step> {
    let step = |status, at| Step { status, at, detail: None, provider: None };
    let because = |status, at, detail: &str| Step { detail: Some(detail.to_owned()), ..step(status, at) };
    Some(match event {
        Event::Requested(requested) => step(requested.status(), requested.at),
        Event::Attempted(attempted) => {
            Step { provider: Some(attempted.provider.clone()), ..step(Status::Sending, attempted.at) }
        }
        Event::Accepted(accepted) => because(Status::Accepted, accepted.at, &accepted.detail),
        Event::Refused(refused) => because(Status::Refused, refused.at, &worded(&refused.fault)),
        Event::AttemptUnknown(unknown) => because(Status::Unknown, unknown.at, &worded(&unknown.fault)),
        Event::Deferred(deferred) => because(Status::Deferred, deferred.at, &deferred.reason),
        Event::Reported(reported) => because(reported.reported.status(), reported.at, &reported.detail),
        Event::Failed { at } => step(Status::Failed, *at),
        Event::DeadLettered { at } => step(Status::DeadLettered, *at),
        Event::Expired(expired) => because(Status::Expired, expired.at, &expired.reason),
        Event::Suppressed(suppressed) => because(Status::Suppressed, suppressed.at, &suppressed.reason),
        Event::Cancelled(cancelled) => step(Status::Cancelled, cancelled.at),
        Event::Retried(retried) => because(Status::Scheduled, retried.at, "retried by an operator"),
        Event::AddedToInbox(added) => step(Status::Delivered, added.at),
        Event::Read { .. } | Event::Archived { .. } => return None,
    })
}

fn worded(fault: &Fault) -> String {
    match fault.code {
        Some(code) => format!("{}: {code} {}", fault.phase, fault.detail),
        None => format!("{}: {}", fault.phase, fault.detail),
    }
}

fn count(counts: &mut Counts, notification_id: NotificationId, status: Status, by: i64) {
    counts.entry((notification_id, place(status))).or_insert((status, 0)).1 += by;
}

/// Where it stands among all states.
fn place(status: Status) -> u32 {
    let place = Status::ALL.iter().position(|one| *one == status);
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
}

impl Change {
    fn take(&mut self, fact: &Fact, event: &Event, step: Step) {
        (self.version, self.next_at, self.sending_epoch, self.last) = (fact.version, None, None, Some(step));
        match event {
            Event::Attempted(attempted) => {
                (self.sending_epoch, self.attempts) = (Some(attempted.epoch), Some(attempted.number));
            }
            Event::Deferred(deferred) => (self.due_at, self.next_at) = (Some(deferred.until), Some(deferred.until)),
            Event::Retried(retried) => {
                (self.due_at, self.next_at) = (Some(retried.at), Some(retried.at));
                (self.expires_at, self.retry_position) = (Some(retried.expires_at), fact.position);
            }
            Event::Requested(_)
            | Event::Accepted(_)
            | Event::Refused(_)
            | Event::AttemptUnknown(_)
            | Event::Reported(_)
            | Event::Failed { .. }
            | Event::DeadLettered { .. }
            | Event::Expired(_)
            | Event::Suppressed(_)
            | Event::Cancelled(_)
            | Event::AddedToInbox(_)
            | Event::Read { .. }
            | Event::Archived { .. } => {}
        }
    }

    /// One statement: most of its columns are in an index, and each statement would write all of those.
    fn write(&self, tx: &mut Tx<'_>, id: DeliveryId) -> Result<(), store::Error> {
        let Some(last) = &self.last else { return Ok(()) };
        tx.queue(
            "update delivery set status = $2, version = $3, last_at = $4, last_detail = $5, next_at = $6,
                 sending_epoch = $7, attempts = coalesce($8, attempts), due_at = coalesce($9, due_at),
                 expires_at = coalesce($10, expires_at),
                 retry_position = case when $11 > 0 then $11 else retry_position end,
                 held_by = case when $11 > 0 then null else held_by end
             where delivery_id = $1",
            &[
                (&id.0).into(),
                last.status.name().into(),
                self.version.into(),
                last.at.into(),
                last.detail.as_deref().into(),
                self.next_at.into(),
                self.sending_epoch.into(),
                self.attempts.into(),
                self.due_at.into(),
                self.expires_at.into(),
                self.retry_position.into(),
            ],
        )
    }
}

/// A state that deliveries only passed through keeps its row, with none: so pages of any length make the same rows.
fn write_counts(tx: &mut Tx<'_>, counts: &Counts) -> Result<(), store::Error> {
    let mut totals = BTreeMap::new();
    for ((notification_id, place), (status, by)) in counts {
        tx.queue(
            "insert into delivery_count (notification_id, place, status, deliveries, position)
             select n.notification_id, $2, $3, $4, n.position from notification n where n.notification_id = $1
             on conflict (notification_id, place)
                 do update set deliveries = delivery_count.deliveries + excluded.deliveries",
            &[(&notification_id.0).into(), (*place).into(), status.name().into(), (*by).into()],
        )?;
        totals.entry(*place).or_insert((*status, 0)).1 += by;
    }
    totals.into_iter().try_for_each(|(place, (status, by))| {
        tx.queue(
            "insert into delivery_total (place, status, deliveries) values ($1, $2, $3)
             on conflict (place) do update set deliveries = delivery_total.deliveries + excluded.deliveries",
            &[place.into(), status.name().into(), by.into()],
        )
    })
}

/// What a fact of ours asks for is a notification of which nothing else is written.
fn insert_notification(tx: &mut Tx<'_>, fact: &Fact, requested: &Requested) -> Result<(), store::Error> {
    tx.queue(
        "insert into notification (notification_id, position, by_id, category, audience, schedule, at, next_at,
             recipients, cancelled, cancel_position, version)
         values ($1, $2, null, $3, null, null, $4, null, 1, $5, 0, 0) on conflict (notification_id) do nothing",
        &[
            (&requested.notification_id.0).into(),
            fact.position.into(),
            requested.category.as_str().into(),
            requested.at.into(),
            false.into(),
        ],
    )
}

fn insert_step(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, step: &Step) -> Result<(), store::Error> {
    tx.queue(
        "insert into delivery_step (position, delivery_id, status, at, detail, provider)
         values ($1, $2, $3, $4, $5, $6)",
        &[
            fact.position.into(),
            (&id.0).into(),
            step.status.name().into(),
            step.at.into(),
            step.detail.as_deref().into(),
            step.provider.as_deref().into(),
        ],
    )
}

/// The row of a delivery that is requested.
pub(super) fn request(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, requested: &Requested) -> Result<(), store::Error> {
    let details = requested.details.known().map(text_of);
    let content = text_of(&requested.content);
    tx.queue(
        "insert into delivery (delivery_id, position, notification_id, user_id, channel, category, kind, semantics,
             content, details, status, requested_at, due_at, expires_at, next_at, sending_epoch, attempts, last_at,
             last_detail, held_by, retry_position, event_id, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, null, 0, $12, null,
             (select held_by from notification where notification_id = $3), 0, $15, $16)",
        &[
            (&id.0).into(),
            fact.position.into(),
            (&requested.notification_id.0).into(),
            (&requested.user_id).into(),
            requested.channel.name().into(),
            requested.category.as_str().into(),
            requested.kind.name().into(),
            requested.semantics.name().into(),
            (&content).into(),
            details.as_ref().into(),
            requested.status().name().into(),
            requested.at.into(),
            requested.due_at.into(),
            requested.expires_at.into(),
            (&fact.id).into(),
            fact.version.into(),
        ],
    )
}
