//! What people are told: deliveries with their history, sending one again or calling it off, notifications and what is sent
//! again and again, addresses that get nothing.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::routes::admin::deliveries::{delivery, filter, scheduled};
use crate::routes::page::cut_behind;
use crate::routes::{notifications as routes, suppressions};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::Timestamp;
use domain::delivery::Status;
use node::operations::notifications as operations;
use node::operations::notifications::DeliveryVerb;
use projections::deliveries::{self, Delivery, Notification, NotificationFilter, Step};
use projections::{ProjectionId, recipients};

/// Deliveries, notifications, addresses of a page.
const PAGE: u32 = 50;

pub(super) fn pages() -> Pages {
    Pages::default()
        .admin("/console/deliveries", get(list))
        .admin("/console/deliveries/{id}", get(one))
        .admin("/console/deliveries/{id}/{verb}", post(change))
        .admin("/console/notifications", get(notifications))
        .admin("/console/notifications/{id}/cancel", post(cancel))
        .admin("/console/schedules", get(schedules))
        .admin("/console/suppressions", get(suppressed))
        .admin("/console/suppressions/lift", post(lift))
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct List {
    frame: Frame,
    state: String,
    user_id: String,
    category: String,
    states: Vec<&'static str>,
    deliveries: Vec<Delivery>,
    next: Option<u64>,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct One {
    frame: Frame,
    delivery: Delivery,
    steps: Vec<Step>,
    may_retry: bool,
    may_cancel: bool,
}

#[derive(Template)]
#[template(path = "notifications.html")]
struct Notifications {
    frame: Frame,
    notifications: Vec<(Notification, deliveries::Counts)>,
    next: Option<u64>,
}

#[derive(Template)]
#[template(path = "schedules.html")]
struct Schedules {
    frame: Frame,
    schedules: Vec<(Notification, Vec<Timestamp>)>,
}

#[derive(Template)]
#[template(path = "suppressions.html")]
struct Suppressions {
    frame: Frame,
    suppressed: Vec<recipients::Suppressed>,
    next: Option<u64>,
}

/// Which states a delivery may be sent again from, and called off in (CONTRACT 1.5).
fn verbs(status: Status) -> (bool, bool) {
    match status {
        Status::Failed | Status::Unknown | Status::DeadLettered => (true, true),
        Status::Scheduled | Status::Deferred => (false, true),
        Status::Requested
        | Status::Sending
        | Status::Accepted
        | Status::Delivered
        | Status::Bounced
        | Status::Complained
        | Status::Refused
        | Status::Expired
        | Status::Suppressed
        | Status::Cancelled => (false, false),
    }
}

/// How a state looks.
fn look(status: &Status) -> &'static str {
    match status {
        Status::Accepted | Status::Delivered => "good",
        Status::Bounced
        | Status::Complained
        | Status::Refused
        | Status::Failed
        | Status::Unknown
        | Status::DeadLettered
        | Status::Expired => "fault",
        Status::Requested
        | Status::Scheduled
        | Status::Deferred
        | Status::Sending
        | Status::Suppressed
        | Status::Cancelled => "",
    }
}

fn before(params: &Params) -> Option<u64> {
    params.get("before").and_then(|text| text.parse().ok())
}

async fn list(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let mut rows = deliveries::list(&reading.database, filter(&params)?, before(&params), PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |row| row.position);
    let field = |name: &str| params.get(name).unwrap_or_default().to_owned();
    visitor.page(&List {
        frame: visitor.frame(Tab::Deliveries),
        state: field("state"),
        user_id: field("user_id"),
        category: field("category"),
        states: Status::ALL.iter().map(|status| status.name()).collect(),
        deliveries: rows,
        next,
    })
}

async fn one(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Error> {
    let (delivery, steps) = delivery(&app, &id).await?;
    let (may_retry, may_cancel) = verbs(delivery.status);
    visitor.page(&One { frame: visitor.frame(Tab::Deliveries), delivery, steps, may_retry, may_cancel })
}

async fn change(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Response, Error> {
    let verb = match verb.as_str() {
        "retry" => DeliveryVerb::Retry,
        "cancel" => DeliveryVerb::Cancel,
        _ => return Err(Error::new(crate::error::Code::NotFound, "there is no such action")),
    };
    let (found, _) = delivery(&app, &id).await?;
    operations::change(&visitor.node(&app), found.delivery_id, verb).await?;
    Ok(done(&format!("/console/deliveries/{}", found.delivery_id)))
}

async fn notifications(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let filter = NotificationFilter::default();
    let mut rows = deliveries::notifications(&reading.database, filter, before(&params), PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |row| row.position);
    let mut notifications = Vec::with_capacity(rows.len());
    for row in rows {
        let counts = deliveries::counts(&reading.database, row.notification_id).await?;
        notifications.push((row, counts));
    }
    visitor.page(&Notifications { frame: visitor.frame(Tab::Notifications), notifications, next })
}

async fn cancel(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    routes::cancel(State(app), Notifier { user_id: visitor.user_id }, context, Path(id)).await?;
    let back = if fields.is_on("schedule") { Tab::Schedules } else { Tab::Notifications };
    Ok(done(back.path()))
}

async fn schedules(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let schedules = scheduled(&app).await?;
    visitor.page(&Schedules { frame: visitor.frame(Tab::Schedules), schedules })
}

async fn suppressed(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Recipients, 0).await?;
    let mut rows = recipients::suppressions(&reading.database, before(&params), PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |row| row.position);
    visitor.page(&Suppressions { frame: visitor.frame(Tab::Suppressions), suppressed: rows, next })
}

async fn lift(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    let address = fields.get("address").to_owned();
    suppressions::unsuppress(State(app), Notifier { user_id: visitor.user_id }, context, Path(address)).await?;
    Ok(done(Tab::Suppressions.path()))
}
