//! Deliveries with their history, and the notifications and runs of mailings that they are parts of: what the dispatcher sends next, and what
//! who asks is told became of it.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::delivery::{self, Status};
use domain::{DeliveryId, MailingId, NotificationId, Timestamp, UserId, mailing, notification, user};
use store::Fact;
use store::sql::Tx;

mod queries;

pub use queries::{
    Counts, Delivery, DeliveryFilter, InDoubt, Notification, NotificationFilter, Step, backlog, by_status, counts,
    delivery, due, due_notifications, due_of_mailing, in_doubt, in_state, list, notification, notifications,
    of_notification, scheduled, sent_since, steps, waiting_of_mailing, waiting_of_notification, waiting_of_user,
};
pub(super) use queries::{text_of, value_of};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Deliveries,
    name: "deliveries",
    version: 3,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[
        Fold::Delivery(apply_delivery),
        Fold::Notification(apply_notification),
        Fold::Mailing(apply_mailing),
        Fold::User(apply_user),
    ],
};

/// `next_at` is when a delivery is due, or the next run of a notification; null where nothing follows. `held_by` is the mailing
/// that says whether a delivery goes on, until an operator has it sent again; of a notification the mailing of which it is
/// the run that is under way. `delivery_count` has how many deliveries of a notification are in each state, by the
/// state's place among all of them, with the notification's position; `delivery_total` how many of all deliveries are.
const TABLES: &str = "
    create table delivery (
        delivery_id bytea primary key,
        position bigint not null,
        notification_id bytea not null,
        user_id bytea not null,
        channel text not null,
        category text not null,
        kind text not null,
        semantics text not null,
        content text not null,
        details text,
        status text not null,
        requested_at bigint not null,
        due_at bigint not null,
        expires_at bigint not null,
        next_at bigint,
        sending_epoch bigint,
        attempts bigint not null,
        last_at bigint not null,
        last_detail text,
        held_by bytea,
        is_by_hand boolean not null,
        event_id bytea not null,
        version bigint not null
    );
    create table delivery_count (
        notification_id bytea not null,
        place bigint not null,
        status text not null,
        deliveries bigint not null,
        position bigint not null,
        primary key (notification_id, place)
    );
    create table delivery_total (
        place bigint primary key,
        status text not null,
        deliveries bigint not null
    );
    create table delivery_step (
        position bigint primary key,
        delivery_id bytea not null,
        status text not null,
        at bigint not null,
        detail text,
        provider text
    );
    create table notification (
        notification_id bytea primary key,
        position bigint not null,
        by_id bytea,
        category text not null,
        audience text,
        schedule text,
        at bigint not null,
        next_at bigint,
        recipients bigint not null,
        cancelled boolean not null,
        held_by bytea,
        version bigint not null
    );
    create index if not exists notification_by_holder on notification (held_by) where held_by is not null;
    create index if not exists delivery_by_user on delivery (user_id, position);
    create index if not exists delivery_by_notification on delivery (notification_id, position);
";

const INDEXES: &str = "
    create index if not exists delivery_by_position on delivery (position);
    create index if not exists delivery_by_next on delivery (channel, next_at)
        where next_at is not null and held_by is null;
    create index if not exists delivery_by_holder on delivery (held_by, channel, next_at)
        where next_at is not null and held_by is not null;
    create index if not exists delivery_by_sending on delivery (sending_epoch) where sending_epoch is not null;
    create index if not exists delivery_by_due on delivery (next_at) where next_at is not null;
    create index if not exists delivery_by_deadline on delivery (expires_at) where next_at is not null;
    create index if not exists delivery_by_status on delivery (status, position);
    create index if not exists delivery_by_category on delivery (category, position);
    create index if not exists delivery_by_part on delivery (notification_id, status, position);
    create index if not exists delivery_count_by_status on delivery_count (status, position) where deliveries > 0;
    create index if not exists delivery_step_by_delivery on delivery_step (delivery_id, position);
    create index if not exists notification_by_position on notification (position);
    create index if not exists notification_by_category on notification (category, position);
    create index if not exists notification_by_schedule on notification (position) where schedule is not null;
    create index if not exists notification_by_next on notification (next_at) where next_at is not null;
";

const COMPARED: &[Table] = &[
    Table {
        name: "delivery",
        key: &[Key::Id("delivery_id")],
        columns: &[
            "position",
            "notification_id",
            "user_id",
            "channel",
            "category",
            "kind",
            "semantics",
            "content",
            "details",
            "status",
            "requested_at",
            "due_at",
            "expires_at",
            "next_at",
            "sending_epoch",
            "attempts",
            "last_at",
            "last_detail",
            "held_by",
            "is_by_hand",
            "event_id",
            "version",
        ],
    },
    Table {
        name: "delivery_count",
        key: &[Key::Id("notification_id"), Key::Number("place")],
        columns: &["status", "deliveries", "position"],
    },
    Table { name: "delivery_total", key: &[Key::Number("place")], columns: &["status", "deliveries"] },
    Table {
        name: "delivery_step",
        key: &[Key::Number("position")],
        columns: &["delivery_id", "status", "at", "detail", "provider"],
    },
    Table {
        name: "notification",
        key: &[Key::Id("notification_id")],
        columns: &[
            "position",
            "by_id",
            "category",
            "audience",
            "schedule",
            "at",
            "next_at",
            "recipients",
            "cancelled",
            "held_by",
            "version",
        ],
    },
];

fn apply_delivery(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, event: &delivery::Event) -> Result<(), store::Error> {
    use delivery::Event;
    let step = |at: Timestamp| StepRow { fact, id, at, detail: None, provider: None };
    match event {
        Event::Requested(requested) => request(tx, fact, id, requested),
        Event::Attempted(attempted) => {
            StepRow { provider: Some(&attempted.provider), ..step(attempted.at) }.end(tx, Status::Sending)?;
            tx.queue(
                "update delivery set sending_epoch = $2, attempts = $3 where delivery_id = $1",
                &[(&id.0).into(), attempted.epoch.into(), attempted.number.into()],
            )
        }
        Event::Accepted(accepted) => {
            let detail = Some(accepted.detail.as_str());
            StepRow { detail, ..step(accepted.at) }.end(tx, Status::Accepted)
        }
        Event::Refused(refused) => {
            let detail = worded(&refused.fault);
            StepRow { detail: Some(&detail), ..step(refused.at) }.end(tx, Status::Refused)
        }
        Event::AttemptUnknown(unknown) => {
            let detail = worded(&unknown.fault);
            StepRow { detail: Some(&detail), ..step(unknown.at) }.end(tx, Status::Unknown)
        }
        Event::Deferred(deferred) => {
            tx.queue(
                "update delivery set due_at = $2, next_at = $2 where delivery_id = $1",
                &[(&id.0).into(), deferred.until.into()],
            )?;
            StepRow { detail: Some(&deferred.reason), ..step(deferred.at) }.set(tx, Status::Deferred)
        }
        Event::Reported(reported) => {
            let detail = Some(reported.detail.as_str());
            StepRow { detail, ..step(reported.at) }.end(tx, reported.reported.status())
        }
        Event::Failed { at } => step(*at).end(tx, Status::Failed),
        Event::DeadLettered { at } => step(*at).end(tx, Status::DeadLettered),
        Event::Expired(expired) => {
            StepRow { detail: Some(&expired.reason), ..step(expired.at) }.end(tx, Status::Expired)
        }
        Event::Suppressed(suppressed) => {
            StepRow { detail: Some(&suppressed.reason), ..step(suppressed.at) }.end(tx, Status::Suppressed)
        }
        Event::Cancelled(cancelled) => step(cancelled.at).end(tx, Status::Cancelled),
        Event::Retried(retried) => {
            tx.queue(
                "update delivery set due_at = $2, next_at = $2, expires_at = $3, held_by = null, is_by_hand = $4
                 where delivery_id = $1",
                &[(&id.0).into(), retried.at.into(), retried.expires_at.into(), true.into()],
            )?;
            StepRow { detail: Some("retried by an operator"), ..step(retried.at) }.set(tx, Status::Scheduled)
        }
        Event::AddedToInbox(added) => step(added.at).end(tx, Status::Delivered),
        // That it was read is the inbox's.
        Event::Read { .. } | Event::Archived { .. } => Ok(()),
    }
}

fn worded(fault: &delivery::Fault) -> String {
    match fault.code {
        Some(code) => format!("{}: {code} {}", fault.phase, fault.detail),
        None => format!("{}: {}", fault.phase, fault.detail),
    }
}

/// One line of a delivery's history.
struct StepRow<'a> {
    fact: &'a Fact,
    id: DeliveryId,
    at: Timestamp,
    detail: Option<&'a str>,
    provider: Option<&'a str>,
}

impl StepRow<'_> {
    /// Nothing follows by itself.
    fn end(self, tx: &mut Tx<'_>, status: Status) -> Result<(), store::Error> {
        tx.queue("update delivery set next_at = null where delivery_id = $1", &[(&self.id.0).into()])?;
        self.set(tx, status)
    }

    fn set(self, tx: &mut Tx<'_>, status: Status) -> Result<(), store::Error> {
        tx.queue(
            "update delivery_count set deliveries = deliveries - 1
             where notification_id = (select notification_id from delivery where delivery_id = $1)
                 and status = (select status from delivery where delivery_id = $1)",
            &[(&self.id.0).into()],
        )?;
        tx.queue(
            "update delivery_total set deliveries = deliveries - 1
             where status = (select status from delivery where delivery_id = $1)",
            &[(&self.id.0).into()],
        )?;
        tx.queue(
            "update delivery set status = $2, sending_epoch = null, version = $3, last_at = $4, last_detail = $5
             where delivery_id = $1",
            &[(&self.id.0).into(), status.name().into(), self.fact.version.into(), self.at.into(), self.detail.into()],
        )?;
        self.count(tx, status)?;
        self.insert(tx, status)
    }

    /// It is in that state now.
    fn count(&self, tx: &mut Tx<'_>, status: Status) -> Result<(), store::Error> {
        tx.queue(
            "insert into delivery_count (notification_id, place, status, deliveries, position)
             select d.notification_id, $2, $3, 1, n.position from delivery d
             join notification n on n.notification_id = d.notification_id where d.delivery_id = $1
             on conflict (notification_id, place) do update set deliveries = delivery_count.deliveries + 1",
            &[(&self.id.0).into(), place(status).into(), status.name().into()],
        )?;
        tx.queue(
            "insert into delivery_total (place, status, deliveries) values ($1, $2, 1)
             on conflict (place) do update set deliveries = delivery_total.deliveries + 1",
            &[place(status).into(), status.name().into()],
        )
    }

    fn insert(self, tx: &mut Tx<'_>, status: Status) -> Result<(), store::Error> {
        tx.queue(
            "insert into delivery_step (position, delivery_id, status, at, detail, provider)
             values ($1, $2, $3, $4, $5, $6)",
            &[
                self.fact.position.into(),
                (&self.id.0).into(),
                status.name().into(),
                self.at.into(),
                self.detail.into(),
                self.provider.into(),
            ],
        )
    }
}

/// Where it stands among all states.
fn place(status: Status) -> u32 {
    let place = Status::ALL.iter().position(|one| *one == status);
    place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX)
}

fn request(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, requested: &delivery::Requested) -> Result<(), store::Error> {
    let details = requested.details.known().map(queries::text_of);
    let content = queries::text_of(&requested.content);
    tx.queue(
        "insert into delivery (delivery_id, position, notification_id, user_id, channel, category, kind, semantics,
             content, details, status, requested_at, due_at, expires_at, next_at, sending_epoch, attempts, last_at,
             last_detail, held_by, is_by_hand, event_id, version)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $13, null, 0, $12, null,
             (select held_by from notification where notification_id = $3), $17, $15, $16)",
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
            false.into(),
        ],
    )?;
    // What a fact of ours asks for is a notification of which nothing else is written.
    tx.queue(
        "insert into notification (notification_id, position, by_id, category, audience, schedule, at, next_at,
             recipients, cancelled, version)
         values ($1, $2, null, $3, null, null, $4, null, 1, $5, 0) on conflict (notification_id) do nothing",
        &[
            (&requested.notification_id.0).into(),
            fact.position.into(),
            requested.category.as_str().into(),
            requested.at.into(),
            false.into(),
        ],
    )?;
    let step = StepRow { fact, id, at: requested.at, detail: None, provider: None };
    step.count(tx, requested.status())?;
    step.insert(tx, requested.status())
}

fn apply_notification(
    tx: &mut Tx<'_>,
    fact: &Fact,
    id: NotificationId,
    event: &notification::Event,
) -> Result<(), store::Error> {
    use notification::Event;
    match event {
        Event::Requested(requested) => {
            let audience = queries::text_of(&requested.audience);
            let schedule = requested.schedule.as_ref().map(queries::text_of);
            tx.queue(
                "insert into notification (notification_id, position, by_id, category, audience, schedule, at, next_at,
                     recipients, cancelled, version)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10)",
                &[
                    (&id.0).into(),
                    fact.position.into(),
                    (&requested.by).into(),
                    requested.category.as_str().into(),
                    (&audience).into(),
                    schedule.as_ref().into(),
                    requested.at.into(),
                    // Its recipients are named at once: what they get waits until it is due.
                    if requested.schedule.is_some() { requested.due_at } else { requested.at }.into(),
                    false.into(),
                    fact.version.into(),
                ],
            )
        }
        Event::RecipientsNamed(_) => touch(tx, fact, id),
        Event::Expanded(expanded) => {
            tx.queue(
                "update notification set recipients = recipients + $2 where notification_id = $1",
                &[(&id.0).into(), expanded.recipients.into()],
            )?;
            if let Some(end) = expanded.end {
                tx.queue(
                    "update notification set next_at = $2 where notification_id = $1",
                    &[(&id.0).into(), end.next_due_at.into()],
                )?;
            }
            touch(tx, fact, id)
        }
        Event::Cancelled(_) => {
            tx.queue(
                "update notification set cancelled = $2, next_at = null where notification_id = $1",
                &[(&id.0).into(), true.into()],
            )?;
            touch(tx, fact, id)
        }
    }
}

/// A run of a mailing is a notification whose deliveries the mailing holds.
fn apply_mailing(tx: &mut Tx<'_>, fact: &Fact, id: MailingId, event: &mailing::Event) -> Result<(), store::Error> {
    use mailing::Event;
    match event {
        Event::RunBegun(begun) => tx.queue(
            "insert into notification (notification_id, position, by_id, category, audience, schedule, at, next_at,
                 recipients, cancelled, held_by, version)
             values ($1, $2, $3, $4, null, null, $5, null, 0, $6, $7, $8)",
            &[
                (&begun.notification_id.0).into(),
                fact.position.into(),
                (&begun.author).into(),
                begun.category.as_str().into(),
                begun.at.into(),
                false.into(),
                (&id.0).into(),
                fact.version.into(),
            ],
        ),
        Event::AudienceFrozen(frozen) => tx.queue(
            "update notification set recipients = recipients + $2 where notification_id = $1",
            &[(&frozen.notification_id.0).into(), frozen.recipients.into()],
        ),
        Event::Cancelled(_) => {
            tx.queue("update notification set cancelled = $2 where held_by = $1", &[(&id.0).into(), true.into()])
        }
        Event::RunFinished(_) => {
            tx.queue("update notification set held_by = null where held_by = $1", &[(&id.0).into()])
        }
        // Whether it sends is known to the mailing.
        Event::Created(_)
        | Event::Changed(_)
        | Event::RecipientsNamed(_)
        | Event::Deleted(_)
        | Event::Started(_)
        | Event::RunPostponed(_)
        | Event::Paused(_)
        | Event::Resumed(_) => Ok(()),
    }
}

fn touch(tx: &mut Tx<'_>, fact: &Fact, id: NotificationId) -> Result<(), store::Error> {
    tx.queue("update notification set version = $2 where notification_id = $1", &[(&id.0).into(), fact.version.into()])
}

/// Nothing personal stays; that there was a delivery, and what became of it, does.
fn apply_user(tx: &mut Tx<'_>, _: &Fact, user_id: UserId, event: &user::Event) -> Result<(), store::Error> {
    if let user::Event::Erased = event {
        tx.queue("update delivery set details = null where user_id = $1", &[(&user_id).into()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::plans::assert_no_scans;

    #[tokio::test]
    async fn no_query_walks_a_table() {
        assert_no_scans(&DEFINITION, &["delivery", "delivery_count", "notification"], queries::PLANNED).await;
    }
}
