//! Notifications to others: requested, looked at with every recipient's delivery, called off.

use super::outgoing::next_runs;
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::delivery::Status;
use domain::notification::{self, Cancel};
use domain::notify::Channel;
use domain::{Command, DeliveryId, NotificationId, Outcome, Timestamp, UserId, id};
use projections::ProjectionId;
use projections::deliveries::{self, NotificationFilter};
use serde::Serialize;
use std::collections::BTreeMap;
use store::sql::Database;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

mod request;

use request::NotificationRequest;

/// Most bytes of a request: ten thousand ids, and what they are told.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(request),
            Spec::notifier().body_bytes_max(REQUEST_BYTES_MAX).fails(&[Code::TemplateNotFound, Code::ChatNotFound]),
        )
        .add(routes!(list), Spec::notifier().paged())
        .add(routes!(one), Spec::notifier().fails(&[Code::NotificationNotFound]))
        .add(routes!(cancel), Spec::notifier().fails(&[Code::NotificationNotFound]))
        .add(routes!(of_notification), Spec::notifier().paged().fails(&[Code::NotificationNotFound]))
}

#[derive(Serialize, ToSchema)]
struct NotificationRequested {
    #[schema(value_type = Uuid)]
    notification_id: NotificationId,
    /// How many people it is for.
    recipients: u64,
    /// The next runs of its schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    next_runs: Vec<Timestamp>,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Notifications {
    notifications: Vec<Notification>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// A notification, and how far it is.
#[derive(Serialize, ToSchema)]
struct Notification {
    #[schema(value_type = Uuid)]
    notification_id: NotificationId,
    #[schema(example = "transactional")]
    category: String,
    /// `scheduled`: all of it is to be sent later; `running`; `finished`: every delivery is final; `cancelled`.
    #[schema(example = "running")]
    state: &'static str,
    /// How many people it is for, as far as they are named.
    recipients: u64,
    /// How many of its deliveries are in which state.
    #[schema(value_type = Object)]
    counts: BTreeMap<&'static str, u64>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The next runs of its schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    next_runs: Vec<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct Deliveries {
    deliveries: Vec<Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// What one recipient gets over one channel.
#[derive(Serialize, ToSchema)]
struct Delivery {
    #[schema(value_type = Uuid)]
    delivery_id: DeliveryId,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(schema_with = channels)]
    channel: Channel,
    #[schema(example = "accepted")]
    state: &'static str,
    /// Where it goes, when that is not the address of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    history: Vec<DeliveryStep>,
}

/// A step of a delivery, and when it happened.
#[derive(Serialize, ToSchema)]
struct DeliveryStep {
    #[schema(example = "sending")]
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why, or what the provider said.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The provider that it was given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "mail.example.org:587")]
    provider: Option<String>,
}

fn channels() -> utoipa::openapi::Ref {
    utoipa::openapi::Ref::from_schema_name("NotificationChannel")
}

/// Send a notification
///
/// To users by id, to a role, to the members of a chat, or to everybody. Each recipient gets a delivery with its own
/// history. What a user has switched off, and quiet hours, count when the delivery is due.
#[utoipa::path(post, path = "/v1/notifications", operation_id = "sendNotification", tag = "notifications",
    request_body = NotificationRequest,
    responses((status = 202, body = NotificationRequested, description = "It is being sent, or waits for its time.")))]
async fn request(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Body(body): Body<NotificationRequest>,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let schedule = body.schedule();
    let answer = match app.first_answer(actor, &context).await? {
        // A time that has come meanwhile, or a template that is gone, makes no other request of it.
        Some(answer) => answer,
        None => {
            let request = request::checked(&app, notifier.user_id, &context, body).await?;
            let command = notification::Command::Request(Box::new(request));
            app.ask(actor, &context, Command::Notification(NotificationId(Uuid::now_v7()), command)).await?
        }
    };
    let Outcome::NotificationRequested { notification_id, recipients } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let next_runs = schedule.as_ref().map_or_else(Vec::new, |one| next_runs(one, context.at));
    let position = answer.position;
    let body = NotificationRequested { notification_id, recipients, next_runs, position };
    Ok(written(StatusCode::ACCEPTED, &answer, body))
}

/// List notifications
///
/// The newest first, including those that a fact caused, such as a changed password.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "listNotifications", tag = "notifications",
    params(("state" = Option<String>, Query, description = "Only those with a delivery in this state."),
        ("user_id" = Option<Uuid>, Query, description = "Only those to this user."),
        ("category" = Option<String>, Query, description = "Only those of this category.")),
    responses((status = 200, body = Notifications, description = "A page of notifications.")))]
async fn list(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()?;
    let status = match params.get("state") {
        None => None,
        Some(text) => {
            Some(Status::parse(text).ok_or_else(|| Error::bad_parameter("state", "must be a state of deliveries"))?)
        }
    };
    let user_id = match params.get("user_id") {
        None => None,
        Some(text) => {
            let parsed = id::parse_uuid(text).map(UserId);
            Some(parsed.ok_or_else(|| Error::bad_parameter("user_id", "must be the id of a user"))?)
        }
    };
    let category = params.get("category");
    let filter = NotificationFilter { status, user_id, category };
    let names = ["notifications".to_owned(), format!("{status:?} {user_id:?} {category:?}")];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let reading = app.read(ProjectionId::Deliveries, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = deliveries::notifications(&reading.database, filter, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.position));
    let mut notifications = Vec::with_capacity(rows.len());
    for row in rows {
        notifications.push(shown(&reading.database, row, context.at).await?);
    }
    Ok(read(reading.position, Notifications { notifications, next }))
}

/// Read a notification
#[utoipa::path(get, path = "/v1/notifications/{id}", operation_id = "readNotification", tag = "notifications",
    params(("id" = Uuid, Path, description = "A notification.")),
    responses((status = 200, body = Notification, description = "How far it is.")))]
async fn one(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    Path(notification): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Deliveries, params.min_position).await?;
    let row = existing(&reading.database, &notification).await?;
    let shown = shown(&reading.database, row, context.at).await?;
    Ok(read(reading.position, shown))
}

/// List a notification's deliveries
///
/// One for each recipient and channel, in the order in which they were requested, each with its result.
#[utoipa::path(get, path = "/v1/notifications/{id}/deliveries", operation_id = "listDeliveries", tag = "notifications",
    params(("id" = Uuid, Path, description = "A notification.")),
    responses((status = 200, body = Deliveries, description = "A page of deliveries.")))]
async fn of_notification(
    State(app): State<App>,
    _notifier: Notifier,
    Path(notification): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()?;
    let reading = app.read(ProjectionId::Deliveries, params.min_position).await?;
    let row = existing(&reading.database, &notification).await?;
    let names = ["deliveries".to_owned(), row.notification_id.to_string()];
    let after = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let _place = app.budget.page().await?;
    let (db, id) = (&reading.database, row.notification_id);
    let mut rows = deliveries::of_notification(db, id, after.unwrap_or_default(), limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.position));
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(delivery(db, row).await?);
    }
    Ok(read(reading.position, Deliveries { deliveries: shown, next }))
}

/// Cancel a notification
///
/// What is not sent yet is never sent, and no further run of its schedule begins.
#[utoipa::path(delete, path = "/v1/notifications/{id}", operation_id = "cancelNotification", tag = "notifications",
    params(("id" = Uuid, Path, description = "A notification.")),
    responses((status = 200, body = Done, description = "It is cancelled.")))]
pub(crate) async fn cancel(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(notification): Path<String>,
) -> Result<Response, Error> {
    let notification_id = parse(&notification)?;
    let cancel = notification::Command::Cancel(Cancel { by: Some(notifier.user_id) });
    let command = Command::Notification(notification_id, cancel);
    let answer = app.ask(Actor::User(notifier.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

fn parse(notification: &str) -> Result<NotificationId, Error> {
    let parsed = id::parse_uuid(notification).map(NotificationId);
    parsed.ok_or_else(|| Error::new(Code::NotificationNotFound, notification::Refusal::NotFound))
}

async fn existing(db: &Database, notification: &str) -> Result<deliveries::Notification, Error> {
    let row = deliveries::notification(db, parse(notification)?).await?;
    row.ok_or_else(|| Error::new(Code::NotificationNotFound, notification::Refusal::NotFound))
}

async fn shown(db: &Database, row: deliveries::Notification, now: Timestamp) -> Result<Notification, Error> {
    let counts = deliveries::counts(db, row.notification_id).await?;
    let next_runs = row.schedule.as_ref().filter(|_| !row.cancelled).map_or_else(Vec::new, |one| next_runs(one, now));
    Ok(Notification {
        notification_id: row.notification_id,
        state: state(&row, &counts),
        category: row.category,
        recipients: row.recipients,
        counts: counts.into_iter().map(|(status, count)| (status.name(), count)).collect(),
        at: row.at,
        next_runs,
    })
}

fn state(row: &deliveries::Notification, counts: &deliveries::Counts) -> &'static str {
    let is_asked_for = row.schedule.is_some() || !counts.is_empty();
    if row.cancelled {
        "cancelled"
    } else if row.next_at.is_none() && counts.iter().all(|(status, _)| status.is_final()) {
        "finished"
    } else if is_asked_for && counts.iter().all(|(status, _)| *status == Status::Scheduled) {
        "scheduled"
    } else {
        "running"
    }
}

async fn delivery(db: &Database, row: deliveries::Delivery) -> Result<Delivery, Error> {
    let steps = deliveries::steps(db, row.delivery_id).await?;
    let step = |step: deliveries::Step| {
        let deliveries::Step { status, at, detail, provider } = step;
        DeliveryStep { state: status.name(), at, detail, provider }
    };
    Ok(Delivery {
        delivery_id: row.delivery_id,
        user_id: row.user_id,
        channel: row.channel,
        state: row.status.name(),
        address: row.details.and_then(|details| details.address),
        due_at: row.due_at,
        expires_at: row.expires_at,
        history: steps.into_iter().map(step).collect(),
    })
}
