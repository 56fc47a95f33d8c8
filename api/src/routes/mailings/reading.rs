//! Mailings as they are listed and read.

use super::existing;
use super::shown::{Mailing, mailing_shown};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{read, read_one};
use crate::routes::page::{Next, cut};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::mailing::Status;
use projections::{ProjectionId, mailings};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
struct Mailings {
    mailings: Vec<Mailing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// List mailings
///
/// The newest first.
#[utoipa::path(get, path = "/v1/mailings", operation_id = "listMailings", tag = "notifications",
    params(("state" = Option<String>, Query, description = "Only those in this state.")),
    responses((status = 200, body = Mailings, description = "A page of mailings.")))]
pub(super) async fn list(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let limit = params.limit()?;
    let unknown = || Error::bad_parameter("state", "must be a state of mailings");
    let status = params.get("state").map(|text| Status::parse(text).ok_or_else(unknown)).transpose()?;
    let names = ["mailings".to_owned(), format!("{status:?}")];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let reading = app.read(ProjectionId::Mailings, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = mailings::list(&reading.database, status, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.position));
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(mailing_shown(&app, &reading.database, row, &[], context.at).await?);
    }
    Ok(read(reading.position, Mailings { mailings: shown, next }))
}

/// Read a mailing
#[utoipa::path(get, path = "/v1/mailings/{id}", operation_id = "readMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Mailing, description = "The mailing.")))]
pub(super) async fn read_mailing(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Mailings, params.min_position).await?;
    let row = existing(&reading.database, &mailing).await?;
    let named = mailings::named(&reading.database, row.mailing_id).await?;
    let shown = mailing_shown(&app, &reading.database, row, &named, context.at).await?;
    Ok(read_one(reading.position, shown.tag()?, shown))
}
