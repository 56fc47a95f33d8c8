//! What people are told, for admins: every delivery with its history, and what is sent again and again.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::{Code, Error};
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::read;
use crate::routes::page::{Next, cut};
use crate::routes::spec::{Routes, Spec};
use ::projections::ProjectionId;
use ::projections::deliveries::{self, Delivery as Row, DeliveryFilter, Notification, Step};
use axum::extract::{Path, State};
use axum::response::Response;
use couriers::schedule::{self, Cron};
use domain::delivery::Status;
use domain::{DeliveryId, NotificationId, Timestamp, UserId, id};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Runs of a schedule that are told.
const RUNS_SHOWN: usize = 10;
/// Schedules that are told.
const SCHEDULES_MAX: u32 = 500;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::admin().paged())
        .add(routes!(one), Spec::admin().fails(&[Code::DeliveryNotFound]))
        .add(routes!(schedules), Spec::admin())
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminDeliveries)]
struct Deliveries {
    deliveries: Vec<Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// What one recipient gets over one channel.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminDelivery)]
struct Delivery {
    #[schema(value_type = Uuid)]
    delivery_id: DeliveryId,
    #[schema(value_type = Uuid)]
    notification_id: NotificationId,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(value_type = String, example = "email")]
    channel: &'static str,
    category: String,
    #[schema(value_type = String, example = "dead-lettered")]
    state: &'static str,
    /// Where it goes; absent where it is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    attempts: u32,
    #[schema(value_type = String, format = DateTime)]
    requested_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Where in the log it was requested.
    position: u64,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Delivery {
        Delivery {
            delivery_id: row.delivery_id,
            notification_id: row.notification_id,
            user_id: row.user_id,
            channel: row.channel.name(),
            category: row.category,
            state: row.status.name(),
            address: row.details.and_then(|details| details.address),
            attempts: row.attempts,
            requested_at: row.requested_at,
            due_at: row.due_at,
            expires_at: row.expires_at,
            position: row.position,
        }
    }
}

/// A delivery with its history.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminDeliveryDetails)]
struct Details {
    #[serde(flatten)]
    delivery: Delivery,
    /// The oldest first.
    history: Vec<HistoryStep>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminDeliveryStep)]
struct HistoryStep {
    #[schema(value_type = String, example = "sending")]
    state: &'static str,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Schedules)]
struct Scheduled {
    schedules: Vec<ScheduleShown>,
}

/// A notification that is sent again and again.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledNotification)]
struct ScheduleShown {
    #[schema(value_type = Uuid)]
    notification_id: NotificationId,
    category: String,
    #[schema(example = "0 9 * * 1")]
    cron: String,
    #[schema(example = "Europe/Moscow")]
    time_zone: String,
    /// The next ten.
    #[schema(value_type = Vec<String>)]
    next_runs: Vec<Timestamp>,
}

/// Which deliveries are asked for.
///
/// # Errors
/// A state that there is not, an id that is none.
pub(crate) fn filter(params: &Params) -> Result<DeliveryFilter<'_>, Error> {
    let word = |name: &str| params.get(name).map(str::trim).filter(|text| !text.is_empty());
    let state =
        |text| Status::parse(text).ok_or_else(|| Error::bad_parameter("state", "must be a state of deliveries"));
    let user = |text| id::parse_uuid(text).map(UserId).ok_or_else(|| Error::bad_parameter("user_id", "must be an id"));
    Ok(DeliveryFilter {
        status: word("state").map(state).transpose()?,
        user_id: word("user_id").map(user).transpose()?,
        category: word("category"),
    })
}

/// One delivery with its history.
///
/// # Errors
/// `delivery-not-found`.
pub(crate) async fn delivery(app: &App, text: &str) -> Result<(Row, Vec<Step>), Error> {
    let nothing = || Error::new(Code::DeliveryNotFound, "there is no such delivery");
    let delivery_id = id::parse_uuid(text).map(DeliveryId).ok_or_else(nothing)?;
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let row = deliveries::delivery(&reading.database, delivery_id).await?.ok_or_else(nothing)?;
    let steps = deliveries::steps(&reading.database, delivery_id).await?;
    Ok((row, steps))
}

/// What is sent again and again, the newest first, each with its next runs.
///
/// # Errors
/// When the read model cannot be read.
pub(crate) async fn scheduled(app: &App) -> Result<Vec<(Notification, Vec<Timestamp>)>, Error> {
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let rows = deliveries::scheduled(&reading.database, SCHEDULES_MAX).await?;
    let at = store::now();
    Ok(rows.into_iter().map(|row| (next_runs(&row, at), row)).map(|(runs, row)| (row, runs)).collect())
}

fn next_runs(row: &Notification, at: Timestamp) -> Vec<Timestamp> {
    let cron = row.schedule.as_ref().and_then(|schedule| Cron::parse(&schedule.cron, &schedule.time_zone, at).ok());
    cron.map(|cron| schedule::next_runs(&cron, at, RUNS_SHOWN)).unwrap_or_default()
}

/// List deliveries
///
/// The newest first.
#[utoipa::path(get, path = "/v1/admin/deliveries", operation_id = "listAllDeliveries", tag = "operators", params(
    ("state" = Option<String>, Query, description = "Only deliveries in this state, such as `dead-lettered`."),
    ("user_id" = Option<String>, Query, description = "Only deliveries to this user."),
    ("category" = Option<String>, Query, description = "Only deliveries of this category."),
), responses((status = 200, body = Deliveries, description = "A page of deliveries.")))]
async fn list(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let filter = filter(&params)?;
    let named = |name: &str| params.get(name).unwrap_or_default();
    let list = ["admin deliveries", named("state"), named("user_id"), named("category")];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let _place = app.budget.page().await?;
    let reading = app.read(ProjectionId::Deliveries, params.min_position).await?;
    let mut rows = deliveries::list(&reading.database, filter, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    Ok(read(reading.position, Deliveries { deliveries: rows.into_iter().map(Delivery::from).collect(), next }))
}

/// Read a delivery
///
/// With its history.
#[utoipa::path(get, path = "/v1/admin/deliveries/{id}", operation_id = "readDelivery", tag = "operators",
    params(("id" = String, Path, description = "A delivery.")),
    responses((status = 200, body = Details, description = "The delivery.")))]
async fn one(
    State(app): State<App>,
    _admin: Admin,
    Path(text): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.read(ProjectionId::Deliveries, params.min_position).await?.position;
    let (row, steps) = delivery(&app, &text).await?;
    let step = |step: Step| HistoryStep {
        state: step.status.name(),
        at: step.at,
        detail: step.detail,
        provider: step.provider,
    };
    Ok(read(position, Details { delivery: row.into(), history: steps.into_iter().map(step).collect() }))
}

/// List schedules
///
/// Notifications and mailings that are sent repeatedly, with their next runs.
#[utoipa::path(get, path = "/v1/admin/schedules", operation_id = "listSchedules", tag = "operators",
    responses((status = 200, body = Scheduled, description = "The schedules.")))]
async fn schedules(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let position = app.read(ProjectionId::Deliveries, params.min_position).await?.position;
    let shown = |(row, next_runs): (Notification, Vec<Timestamp>)| {
        let schedule = row.schedule?;
        let domain::notification::Schedule { cron, time_zone } = schedule;
        Some(ScheduleShown { notification_id: row.notification_id, category: row.category, cron, time_zone, next_runs })
    };
    let schedules = scheduled(&app).await?.into_iter().filter_map(shown).collect();
    Ok(read(position, Scheduled { schedules }))
}
