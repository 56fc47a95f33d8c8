//! What is read of deliveries and notifications.

use domain::delivery::{Content, Details, Status};
use domain::notify::{Channel, Kind, Semantics};
use domain::{DeliveryId, MailingId, NotificationId, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::sql::{Columns, Database, Row};
use uuid::Uuid;

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub delivery_id: DeliveryId,
    /// Where it was requested; the cursor of lists.
    pub position: u64,
    pub notification_id: NotificationId,
    pub user_id: UserId,
    pub channel: Channel,
    /// The key of its category.
    pub category: String,
    pub kind: Kind,
    pub semantics: Semantics,
    pub content: Content,
    /// None when its recipient was erased.
    pub details: Option<Details>,
    pub status: Status,
    pub requested_at: Timestamp,
    pub due_at: Timestamp,
    pub expires_at: Timestamp,
    pub attempts: u32,
    /// Since when it is in that state.
    pub last_at: Timestamp,
    /// Why it is, or what the provider said.
    pub last_detail: Option<String>,
    /// The mailing that says whether it goes on.
    pub held_by: Option<MailingId>,
    /// The fact that requested it: the cause of what follows.
    pub event_id: Uuid,
    pub version: u64,
}

/// An attempt of which the end is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InDoubt {
    pub delivery_id: DeliveryId,
    pub attempt: u32,
    /// The fact that requested the delivery.
    pub event_id: Uuid,
}

/// One line of a delivery's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub status: Status,
    pub at: Timestamp,
    pub detail: Option<String>,
    pub provider: Option<String>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub notification_id: NotificationId,
    /// Where it was requested; the cursor of lists.
    pub position: u64,
    /// Who wanted it; none when a fact asked for it.
    pub by: Option<UserId>,
    pub category: String,
    /// When it is sent again, where it is.
    pub schedule: Option<domain::notification::Schedule>,
    pub at: Timestamp,
    /// When its next recipients are named; none when all are.
    pub next_at: Option<Timestamp>,
    /// How many are named.
    pub recipients: u64,
    pub cancelled: bool,
    pub version: u64,
}

/// How many deliveries are in each state.
pub type Counts = Vec<(Status, u64)>;

/// Which deliveries are listed; what is none does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryFilter<'a> {
    pub status: Option<Status>,
    pub user_id: Option<UserId>,
    pub category: Option<&'a str>,
}

/// Which notifications are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotificationFilter<'a> {
    /// Those with a delivery in that state.
    pub status: Option<Status>,
    /// Those with a delivery to that person.
    pub user_id: Option<UserId>,
    pub category: Option<&'a str>,
}

macro_rules! delivery_columns {
    () => {
        "delivery_id, position, notification_id, user_id, channel, category, kind, semantics, content, details, status, \
         requested_at, due_at, expires_at, attempts, last_at, last_detail, held_by, event_id, version"
    };
}
macro_rules! deliveries {
    ($which:literal) => {
        concat!("select ", delivery_columns!(), " from delivery ", $which)
    };
}
const DELIVERY: Columns = Columns::of(delivery_columns!());

macro_rules! notification_columns {
    () => {
        "notification_id, position, by_id, category, schedule, at, next_at, recipients, cancelled, version"
    };
}
macro_rules! notifications {
    ($which:literal) => {
        concat!("select ", notification_columns!(), " from notification ", $which)
    };
}
const NOTIFICATION: Columns = Columns::of(notification_columns!());

const DUE: &str = deliveries!(
    "where channel = $1 and next_at <= $2 and held_by is null and not exists (
         select 1 from notification where notification.notification_id = delivery.notification_id
             and cancel_position > retry_position)
     order by next_at limit $3"
);

/// The deliveries over a channel that are due at that instant, the longest due first; none of what was called off, unless an
/// operator has had it sent again since, and none that a mailing holds.
pub async fn due(db: &Database, channel: Channel, at: Timestamp, limit: u32) -> Result<Vec<Delivery>, store::Error> {
    db.rows(DUE, &[channel.name().into(), at.into(), limit.into()], delivery_of).await
}

const DUE_OF_MAILING: &str =
    deliveries!("where held_by = $1 and channel = $2 and next_at <= $3 order by next_at limit $4");

/// The same of those that a mailing holds, whether it sends now or not.
pub async fn due_of_mailing(
    db: &Database,
    mailing_id: MailingId,
    channel: Channel,
    at: Timestamp,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    db.rows(DUE_OF_MAILING, &[(&mailing_id.0).into(), channel.name().into(), at.into(), limit.into()], delivery_of)
        .await
}

/// What waits is in one of these states.
const BACKLOG: &str = "
    select (select cast(coalesce(sum(deliveries), 0) as bigint) from delivery_total where status in ('requested', 'scheduled', 'deferred')),
        (select count(*) from delivery where next_at <= $1),
        (select count(*) from delivery where next_at is not null and expires_at <= $1)";

/// How many deliveries wait, how many of them are due, and how many are past their deadline, at that instant.
pub async fn backlog(db: &Database, at: Timestamp) -> Result<(u64, u64, u64), store::Error> {
    let numbers =
        |row: &Row<'_>| Ok((row.int(0)?.cast_unsigned(), row.int(1)?.cast_unsigned(), row.int(2)?.cast_unsigned()));
    Ok(db.row(BACKLOG, &[at.into()], numbers).await?.unwrap_or_default())
}

/// Attempts under way that were made under other epochs than that one, in any order.
pub async fn in_doubt(db: &Database, epoch: u64, limit: u32) -> Result<Vec<InDoubt>, store::Error> {
    let sql = "select delivery_id, attempts, event_id from delivery
               where sending_epoch is not null and sending_epoch <> $1 limit $2";
    db.rows(sql, &[epoch.into(), limit.into()], |row| {
        Ok(InDoubt { delivery_id: DeliveryId(row.uuid(0)?), attempt: number(row.int(1)?), event_id: row.uuid(2)? })
    })
    .await
}

/// One delivery.
pub async fn delivery(db: &Database, id: DeliveryId) -> Result<Option<Delivery>, store::Error> {
    db.row(deliveries!("where delivery_id = $1"), &[(&id.0).into()], delivery_of).await
}

const LIST: &str = deliveries!("where position < $1 order by position desc limit $2");
const LIST_OF_CATEGORY: &str = deliveries!("where category = $1 and position < $2 order by position desc limit $3");
const LIST_IN_STATE: &str =
    deliveries!("where status = $1 and position < $2 and ($3 = '' or category = $3) order by position desc limit $4");
const LIST_OF_PERSON: &str = deliveries!(
    "where user_id = $1 and position < $2 and ($3 = '' or status = $3) and ($4 = '' or category = $4)
     order by position desc limit $5"
);

/// Deliveries before the position `before`, the newest first: found by the person, else by the state, else by the category.
pub async fn list(
    db: &Database,
    filter: DeliveryFilter<'_>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    let DeliveryFilter { status, user_id, category } = filter;
    let (before, limit) = (before.unwrap_or(u64::MAX).into(), limit.into());
    let status = status.map_or("", Status::name);
    let of = category.unwrap_or_default();
    match (user_id, status, category) {
        (Some(user_id), _, _) => {
            let parameters = [(&user_id).into(), before, status.into(), of.into(), limit];
            db.rows(LIST_OF_PERSON, &parameters, delivery_of).await
        }
        (None, "", None) => db.rows(LIST, &[before, limit], delivery_of).await,
        (None, "", Some(category)) => db.rows(LIST_OF_CATEGORY, &[category.into(), before, limit], delivery_of).await,
        (None, status, _) => db.rows(LIST_IN_STATE, &[status.into(), before, of.into(), limit], delivery_of).await,
    }
}

/// The deliveries of a notification behind a position, in the order in which they were requested.
pub async fn of_notification(
    db: &Database,
    id: NotificationId,
    after: u64,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    db.rows(PARTS, &[(&id.0).into(), after.into(), limit.into()], delivery_of).await
}

const PARTS: &str = deliveries!("where notification_id = $1 and position > $2 order by position limit $3");
const PARTS_IN_STATE: &str =
    deliveries!("where notification_id = $1 and status = $2 and position > $3 order by position limit $4");

/// The same, only those in that state where one is named.
pub async fn in_state(
    db: &Database,
    id: NotificationId,
    status: Option<Status>,
    after: u64,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    let Some(status) = status else { return of_notification(db, id, after, limit).await };
    let parameters = [(&id.0).into(), status.name().into(), after.into(), limit.into()];
    db.rows(PARTS_IN_STATE, &parameters, delivery_of).await
}

const WAITING_OF_MAILING: &str = deliveries!("where held_by = $1 and next_at is not null limit $2");

/// Some of the deliveries that a mailing holds and that are yet to be sent, in any order.
pub async fn waiting_of_mailing(db: &Database, id: MailingId, limit: u32) -> Result<Vec<Delivery>, store::Error> {
    db.rows(WAITING_OF_MAILING, &[(&id.0).into(), limit.into()], delivery_of).await
}

const RETRIED_OF_MAILING: &str = deliveries!(
    "where retry_position > 0 and status in ('requested', 'scheduled', 'deferred') and exists (
         select 1 from notification where notification.notification_id = delivery.notification_id
             and notification.held_by = $1 and cancel_position > retry_position)
     limit $2"
);

/// Some of the deliveries that a mailing held until an operator had them sent again, before it was called off; in any order.
pub async fn retried_of_mailing(db: &Database, id: MailingId, limit: u32) -> Result<Vec<Delivery>, store::Error> {
    db.rows(RETRIED_OF_MAILING, &[(&id.0).into(), limit.into()], delivery_of).await
}

const WAITING_OF_NOTIFICATION: &str = deliveries!(
    "where notification_id = $1 and status in ('requested', 'scheduled', 'deferred') and retry_position < (
         select cancel_position from notification where notification.notification_id = $1)
     limit $2"
);

/// Some of the deliveries of a notification that was called off that are yet to be sent, in any order; none that an operator
/// has had sent again since.
pub async fn waiting_of_notification(
    db: &Database,
    id: NotificationId,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    db.rows(WAITING_OF_NOTIFICATION, &[(&id.0).into(), limit.into()], delivery_of).await
}

/// The deliveries to a person that are yet to be sent.
pub async fn waiting_of_user(
    db: &Database,
    user_id: UserId,
    after: u64,
    limit: u32,
) -> Result<Vec<Delivery>, store::Error> {
    let sql = deliveries!("where user_id = $1 and next_at is not null and position > $2 order by position limit $3");
    db.rows(sql, &[(&user_id).into(), after.into(), limit.into()], delivery_of).await
}

/// How many deliveries of a category a person was sent over a channel since that instant.
pub async fn sent_since(
    db: &Database,
    user_id: UserId,
    channel: Channel,
    category: &str,
    since: Timestamp,
) -> Result<u64, store::Error> {
    let sql = "select count(*) from delivery where user_id = $1 and channel = $2 and category = $3 and due_at > $4
                   and status in ('sending', 'accepted', 'delivered', 'unknown')";
    let parameters = [(&user_id).into(), channel.name().into(), category.into(), since.into()];
    Ok(db.row(sql, &parameters, |row| row.int(0)).await?.map_or(0, i64::cast_unsigned))
}

/// The history of a delivery, from its request on.
pub async fn steps(db: &Database, id: DeliveryId) -> Result<Vec<Step>, store::Error> {
    /// More than there can be.
    const STEPS_MAX: i64 = 1_000;
    let sql = "select status, at, detail, provider from delivery_step where delivery_id = $1
               order by position limit $2";
    db.rows(sql, &[(&id.0).into(), STEPS_MAX.into()], |row| {
        Ok(Step {
            status: known(row, 0, Status::parse, "a state of deliveries")?,
            at: row.timestamp(1)?,
            detail: row.maybe_text(2)?.map(str::to_owned),
            provider: row.maybe_text(3)?.map(str::to_owned),
        })
    })
    .await
}

/// How many deliveries of a notification are in each state.
pub async fn counts(db: &Database, id: NotificationId) -> Result<Counts, store::Error> {
    let sql =
        "select status, deliveries from delivery_count where notification_id = $1 and deliveries > 0 order by status";
    db.rows(sql, &[(&id.0).into()], |row| {
        Ok((known(row, 0, Status::parse, "a state of deliveries")?, row.int(1)?.cast_unsigned()))
    })
    .await
}

/// How many deliveries are in each state.
pub async fn by_status(db: &Database) -> Result<Counts, store::Error> {
    let sql = "select status, deliveries from delivery_total where deliveries > 0 order by status";
    db.rows(sql, &[], |row| Ok((known(row, 0, Status::parse, "a state of deliveries")?, row.int(1)?.cast_unsigned())))
        .await
}

/// One notification.
pub async fn notification(db: &Database, id: NotificationId) -> Result<Option<Notification>, store::Error> {
    db.row(notifications!("where notification_id = $1"), &[(&id.0).into()], notification_of).await
}

const NOTIFICATIONS: &str = notifications!("where position < $1 order by position desc limit $2");
const NOTIFICATIONS_OF_CATEGORY: &str =
    notifications!("where category = $1 and position < $2 order by position desc limit $3");
const NOTIFICATIONS_IN_STATE: &str = notifications!(
    "join (select notification_id as counted_id, position as counted_position from delivery_count
         where status = $1 and deliveries > 0) counted on counted_id = notification_id
     where counted_position < $2 and ($3 = '' or category = $3) order by counted_position desc limit $4"
);
const NOTIFICATIONS_OF_PERSON: &str = notifications!(
    "where notification_id in (select delivery.notification_id from delivery
             where delivery.user_id = $1 and ($2 = '' or delivery.status = $2))
         and position < $3 and ($4 = '' or category = $4)
     order by position desc limit $5"
);

/// Notifications before the position `before`, the newest first: found by the person, else by the state, else by the category.
pub async fn notifications(
    db: &Database,
    filter: NotificationFilter<'_>,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<Notification>, store::Error> {
    let NotificationFilter { status, user_id, category } = filter;
    let (before, limit) = (before.unwrap_or(u64::MAX).into(), limit.into());
    let status = status.map_or("", Status::name);
    let of = category.unwrap_or_default();
    match (user_id, status, category) {
        (Some(user_id), _, _) => {
            let parameters = [(&user_id).into(), status.into(), before, of.into(), limit];
            db.rows(NOTIFICATIONS_OF_PERSON, &parameters, notification_of).await
        }
        (None, "", None) => db.rows(NOTIFICATIONS, &[before, limit], notification_of).await,
        (None, "", Some(category)) => {
            db.rows(NOTIFICATIONS_OF_CATEGORY, &[category.into(), before, limit], notification_of).await
        }
        (None, status, _) => {
            db.rows(NOTIFICATIONS_IN_STATE, &[status.into(), before, of.into(), limit], notification_of).await
        }
    }
}

const SCHEDULED: &str = notifications!("where schedule is not null and not cancelled order by position desc limit $1");

/// The notifications that are sent again and again and were not called off, the newest first.
pub async fn scheduled(db: &Database, limit: u32) -> Result<Vec<Notification>, store::Error> {
    db.rows(SCHEDULED, &[limit.into()], notification_of).await
}

/// The notifications of which recipients are to be named at that instant, the longest due first.
pub async fn due_notifications(db: &Database, at: Timestamp, limit: u32) -> Result<Vec<Notification>, store::Error> {
    let sql = notifications!("where next_at <= $1 order by next_at limit $2");
    db.rows(sql, &[at.into(), limit.into()], notification_of).await
}

const CALLED_OFF: &str = notifications!(
    "where cancelled and held_by is null and exists (
         select 1 from delivery where delivery.notification_id = notification.notification_id
             and status in ('requested', 'scheduled', 'deferred') and retry_position < cancel_position)
     order by position limit $1"
);

/// The notifications that were called off and of which something is yet to be sent, the oldest first. A mailing looks after
/// its own run.
pub async fn called_off(db: &Database, limit: u32) -> Result<Vec<Notification>, store::Error> {
    db.rows(CALLED_OFF, &[limit.into()], notification_of).await
}

fn delivery_of(row: &Row<'_>) -> Result<Delivery, store::Error> {
    let details = row.maybe_text(const { DELIVERY.at("details") })?;
    Ok(Delivery {
        delivery_id: DeliveryId(row.uuid(const { DELIVERY.at("delivery_id") })?),
        position: row.int(const { DELIVERY.at("position") })?.cast_unsigned(),
        notification_id: NotificationId(row.uuid(const { DELIVERY.at("notification_id") })?),
        user_id: UserId(row.uuid(const { DELIVERY.at("user_id") })?),
        channel: known(row, const { DELIVERY.at("channel") }, Channel::parse, "a channel")?,
        category: row.text(const { DELIVERY.at("category") })?.to_owned(),
        kind: known(row, const { DELIVERY.at("kind") }, Kind::parse, "a kind of categories")?,
        semantics: known(row, const { DELIVERY.at("semantics") }, Semantics::parse, "semantics")?,
        content: value_of(row.text(const { DELIVERY.at("content") })?, const { DELIVERY.at("content") })?,
        details: details.map(|text| value_of(text, const { DELIVERY.at("details") })).transpose()?,
        status: known(row, const { DELIVERY.at("status") }, Status::parse, "a state of deliveries")?,
        requested_at: row.timestamp(const { DELIVERY.at("requested_at") })?,
        due_at: row.timestamp(const { DELIVERY.at("due_at") })?,
        expires_at: row.timestamp(const { DELIVERY.at("expires_at") })?,
        attempts: number(row.int(const { DELIVERY.at("attempts") })?),
        last_at: row.timestamp(const { DELIVERY.at("last_at") })?,
        last_detail: row.maybe_text(const { DELIVERY.at("last_detail") })?.map(str::to_owned),
        held_by: row.maybe_uuid(const { DELIVERY.at("held_by") })?.map(MailingId),
        event_id: row.uuid(const { DELIVERY.at("event_id") })?,
        version: row.int(const { DELIVERY.at("version") })?.cast_unsigned(),
    })
}

fn notification_of(row: &Row<'_>) -> Result<Notification, store::Error> {
    let schedule = row.maybe_text(const { NOTIFICATION.at("schedule") })?;
    Ok(Notification {
        notification_id: NotificationId(row.uuid(const { NOTIFICATION.at("notification_id") })?),
        position: row.int(const { NOTIFICATION.at("position") })?.cast_unsigned(),
        by: row.maybe_uuid(const { NOTIFICATION.at("by_id") })?.map(UserId),
        category: row.text(const { NOTIFICATION.at("category") })?.to_owned(),
        schedule: schedule.map(|text| value_of(text, const { NOTIFICATION.at("schedule") })).transpose()?,
        at: row.timestamp(const { NOTIFICATION.at("at") })?,
        next_at: row.maybe_timestamp(const { NOTIFICATION.at("next_at") })?,
        recipients: row.int(const { NOTIFICATION.at("recipients") })?.cast_unsigned(),
        cancelled: row.bool(const { NOTIFICATION.at("cancelled") })?,
        version: row.int(const { NOTIFICATION.at("version") })?.cast_unsigned(),
    })
}

pub(super) fn known<T>(
    row: &Row<'_>,
    index: usize,
    parse: fn(&str) -> Option<T>,
    expected: &'static str,
) -> Result<T, store::Error> {
    parse(row.text(index)?).ok_or(store::Error::Column { index, expected })
}

fn number(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

/// A value as it is kept in a column of text.
pub(in crate::models) fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is stored has string keys and no floats: it always serialises")
}

/// What [`text_of`] has written.
pub(in crate::models) fn value_of<T: DeserializeOwned>(text: &str, index: usize) -> Result<T, store::Error> {
    serde_json::from_str(text).map_err(|_| store::Error::Column { index, expected: "JSON of its shape" })
}

/// What is looked up again and again, or page by page: none of it may walk a whole table.
#[cfg(test)]
pub(super) const PLANNED: &[(&str, &str)] = &[
    ("due", DUE),
    ("due of a mailing", DUE_OF_MAILING),
    ("backlog", BACKLOG),
    ("list", LIST),
    ("list of a category", LIST_OF_CATEGORY),
    ("list in a state", LIST_IN_STATE),
    ("list of a person", LIST_OF_PERSON),
    ("parts", PARTS),
    ("parts in a state", PARTS_IN_STATE),
    ("waiting of a mailing", WAITING_OF_MAILING),
    ("retried of a mailing", RETRIED_OF_MAILING),
    ("waiting of a notification", WAITING_OF_NOTIFICATION),
    ("called off", CALLED_OFF),
    ("notifications", NOTIFICATIONS),
    ("notifications of a category", NOTIFICATIONS_OF_CATEGORY),
    ("notifications in a state", NOTIFICATIONS_IN_STATE),
    ("notifications of a person", NOTIFICATIONS_OF_PERSON),
    ("scheduled", SCHEDULED),
];
