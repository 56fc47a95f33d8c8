//! Deliveries with their history, and the notifications and runs of mailings that they are parts of: what the dispatcher sends next, and what
//! who asks is told became of it.

use crate::ProjectionId;
use crate::engine::definition::Definition;
use crate::engine::fold::Fold;
use crate::engine::table::{Key, Table};
use domain::{DeliveryId, MailingId, NotificationId, UserId, delivery, mailing, notification, user};
use store::Fact;
use store::sql::Tx;

mod queries;
mod steps;

pub use queries::{
    Counts, Delivery, DeliveryFilter, InDoubt, Notification, NotificationFilter, Step, backlog, by_status, called_off,
    counts, delivery, due, due_notifications, due_of_mailing, in_doubt, in_state, list, notification, notifications,
    of_notification, retried_of_mailing, scheduled, sent_since, steps, waiting_of_mailing, waiting_of_notification,
    waiting_of_user,
};
pub(super) use queries::{text_of, value_of};

pub(crate) const DEFINITION: Definition = Definition {
    id: ProjectionId::Deliveries,
    name: "deliveries",
    version: 4,
    tables: TABLES,
    indexes: INDEXES,
    compared: COMPARED,
    guards: false,
    folds: &[
        Fold::DeliveryPages(apply_delivery, steps::write_page),
        Fold::Notification(apply_notification),
        Fold::Mailing(apply_mailing),
        Fold::User(apply_user),
    ],
};

/// `next_at` is when a delivery is due, or the next run of a notification; null where nothing follows. `held_by` is the mailing
/// that says whether a delivery goes on, until an operator has it sent again; of a notification the mailing of which it is
/// the run that is under way. `delivery_count` has how many deliveries of a notification are in each state, by the
/// state's place among all of them, with the notification's position; `delivery_total` how many of all deliveries are.
/// `retry_position` is that of the last time that an operator had a delivery sent again, `cancel_position` that of the
/// calling off, both 0 where that was never: what was retried later is sent all the same.
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
        retry_position bigint not null,
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
        cancel_position bigint not null,
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
    create index if not exists delivery_retried on delivery (notification_id) where retry_position > 0;
    create index if not exists notification_called_off on notification (position) where cancelled;
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
            "retry_position",
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
            "cancel_position",
            "held_by",
            "version",
        ],
    },
];

/// What it is; what becomes of it is written for a whole page of facts.
fn apply_delivery(tx: &mut Tx<'_>, fact: &Fact, id: DeliveryId, event: &delivery::Event) -> Result<(), store::Error> {
    if let delivery::Event::Requested(requested) = event { steps::request(tx, fact, id, requested) } else { Ok(()) }
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
                     recipients, cancelled, cancel_position, version)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, 0, $10)",
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
                "update notification set cancelled = $2, cancel_position = $3, next_at = null
                 where notification_id = $1",
                &[(&id.0).into(), true.into(), fact.position.into()],
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
                 recipients, cancelled, cancel_position, held_by, version)
             values ($1, $2, $3, $4, null, null, $5, null, 0, $6, 0, $7, $8)",
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
        Event::Cancelled(_) => tx.queue(
            "update notification set cancelled = $2, cancel_position = $3 where held_by = $1",
            &[(&id.0).into(), true.into(), fact.position.into()],
        ),
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
