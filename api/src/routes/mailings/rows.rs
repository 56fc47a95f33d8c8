//! The runs of a mailing, and its deliveries, one for each recipient and channel.

use super::existing;
use super::listed::{Listed, MailingDelivery};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::Error;
use crate::http::address::ClientAddress;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::read;
use crate::routes::page::{Next, cut};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::Response;
use domain::{NotificationId, Timestamp};
use projections::mailings::Run;
use projections::{ProjectionId, deliveries as read_model, mailings};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
struct MailingRuns {
    runs: Vec<MailingRun>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// One time that a mailing was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailingRun {
    /// From 1 on.
    pub(crate) run: u32,
    /// What its deliveries are parts of.
    #[schema(value_type = Uuid)]
    pub(crate) notification_id: NotificationId,
    /// How many people are in its audience, as far as that is frozen.
    pub(crate) recipients: u64,
    /// How many of its deliveries are in which state.
    #[schema(value_type = Object)]
    pub(crate) counts: BTreeMap<&'static str, u64>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) due_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) started_at: Timestamp,
    /// When every delivery had its final result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) finished_at: Option<Timestamp>,
}

#[derive(Serialize, ToSchema)]
struct MailingDeliveries {
    deliveries: Vec<MailingDelivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// List a mailing's runs
///
/// The newest first.
#[utoipa::path(get, path = "/v1/mailings/{id}/runs", operation_id = "listMailingRuns", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = MailingRuns, description = "A page of runs.")))]
pub(super) async fn runs(
    State(app): State<App>,
    _notifier: Notifier,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()?;
    let reading = app.read(ProjectionId::Mailings, params.min_position).await?;
    let row = existing(&reading.database, &mailing).await?;
    let names = ["mailing runs".to_owned(), row.mailing_id.to_string()];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let before = before.map(|before| u32::try_from(before).unwrap_or(u32::MAX));
    let _place = app.budget.page().await?;
    let mut rows = mailings::runs(&reading.database, row.mailing_id, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.run.into()));
    Ok(read(reading.position, MailingRuns { runs: counted(&app, rows).await?, next }))
}

async fn counted(app: &App, rows: Vec<Run>) -> Result<Vec<MailingRun>, Error> {
    let mut runs = Vec::with_capacity(rows.len());
    for run in rows {
        let counts = counts(app, &run).await?;
        let Run { run, notification_id, recipients, due_at, started_at, finished_at, .. } = run;
        runs.push(MailingRun { run, notification_id, recipients, counts, due_at, started_at, finished_at });
    }
    Ok(runs)
}

/// The last runs of a mailing.
pub(crate) async fn runs_of(app: &App, mailing: &str, limit: u32) -> Result<Vec<MailingRun>, Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    counted(app, mailings::runs(&reading.database, row.mailing_id, None, limit).await?).await
}

/// List a mailing's deliveries
///
/// Of its last run, or of another: a row for each recipient and channel, in the order in which they were requested.
/// With `Accept: text/csv` all of them as CSV.
#[utoipa::path(get, path = "/v1/mailings/{id}/deliveries", operation_id = "listMailingDeliveries", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing."),
        ("state" = Option<String>, Query, description = "Only those in this state."),
        ("run" = Option<u32>, Query, minimum = 1, description = "The run; by default the last one.")),
    responses((status = 200, description = "A page of deliveries.",
        content((MailingDeliveries = "application/json"), (String = "text/csv")))))]
pub(super) async fn deliveries(
    State(app): State<App>,
    _notifier: Notifier,
    address: ClientAddress,
    Path(mailing): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let wants_csv = |value: &str| value.split(',').any(|one| one.trim().starts_with("text/csv"));
    if headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(wants_csv) {
        return super::csv::of(app, address, &mailing, params).await;
    }
    let limit = params.limit()?;
    let listed = Listed::wanted(&app, &mailing, &params).await?;
    let Listed { position, status, run, .. } = &listed;
    let names =
        ["mailing deliveries".to_owned(), format!("{mailing} {:?} {status:?}", run.as_ref().map(|run| run.run))];
    let after = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let _place = app.budget.page().await?;
    let mut rows = listed.rows(after.unwrap_or_default(), limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.position));
    let deliveries = listed.named(rows).await?;
    Ok(read(*position, MailingDeliveries { deliveries, next }))
}

/// How many deliveries of a run are in which state.
pub(super) async fn counts(app: &App, run: &Run) -> Result<BTreeMap<&'static str, u64>, Error> {
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let counts = read_model::counts(&reading.database, run.notification_id).await?;
    Ok(counts.into_iter().map(|(status, count)| (status.name(), count)).collect())
}
