//! Addresses that get nothing any more.

use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, read_one, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::suppression::{self, Reason, Suppress};
use domain::text::{Email, Note};
use domain::{Command, Timestamp};
use projections::{ProjectionId, recipients};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::notifier().paged())
        .add(routes!(one), Spec::notifier().tagged().fails(&[Code::SuppressionNotFound]))
        .add(routes!(suppress), Spec::notifier())
        .add(routes!(unsuppress), Spec::notifier().fails(&[Code::SuppressionNotFound]))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSuppression, example = json!({"reason": "manual"}))]
pub(super) struct SuppressAddress {
    /// One of the causes, or your own words, 1 to 200 characters: then the cause is `manual`.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct Suppressions {
    suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// An address that gets nothing, whatever the category.
#[derive(Serialize, ToSchema)]
struct Suppression {
    /// Absent when it was erased with the person whose it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "anna@example.org")]
    address: Option<String>,
    /// The cause, or the reason that an operator gave.
    #[schema(example = "hard-bounce")]
    reason: String,
    #[schema(schema_with = causes)]
    cause: Reason,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// An address that gets nothing from now on.
#[derive(Serialize, ToSchema)]
struct Suppressed {
    #[schema(example = "anna@example.org")]
    address: String,
    /// The cause, or the reason that an operator gave.
    #[schema(example = "manual")]
    reason: String,
    #[schema(schema_with = causes)]
    cause: Reason,
    position: u64,
}

fn causes() -> Ref {
    Ref::from_schema_name("SuppressionCause")
}

/// List suppressed addresses
///
/// The newest first.
#[utoipa::path(get, path = "/v1/suppressions", operation_id = "listSuppressions", tag = "notifications",
    responses((status = 200, body = Suppressions, description = "A page of addresses that get nothing.")))]
async fn list(State(app): State<App>, _notifier: Notifier, params: Params) -> Result<Response, Error> {
    const LIST: [&str; 1] = ["suppressions"];
    let limit = params.limit()?;
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &LIST, from)).transpose()?;
    let reading = app.read(ProjectionId::Recipients, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = recipients::suppressions(&reading.database, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &LIST, last.position));
    Ok(read(reading.position, Suppressions { suppressions: rows.into_iter().map(shown).collect(), next }))
}

/// Read a suppression
#[utoipa::path(get, path = "/v1/suppressions/{address}", operation_id = "readSuppression", tag = "notifications",
    params(("address" = String, Path, description = "An e-mail address, percent-encoded.")),
    responses((status = 200, body = Suppression, description = "It gets nothing.")))]
async fn one(
    State(app): State<App>,
    _notifier: Notifier,
    Path(address): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let email = email(&address)?;
    let reading = app.read(ProjectionId::Recipients, params.min_position).await?;
    let id = recipients::suppression_id(&app.keys, &email);
    let row = recipients::suppressed(&reading.database, id).await?;
    let row = row.ok_or_else(|| Error::new(Code::SuppressionNotFound, suppression::Refusal::NotFound))?;
    let version = row.version;
    // Who asks knows which address it is, also where nobody else does any more.
    let shown = Suppression { address: Some(address), ..shown(row) };
    Ok(read_one(reading.position, tag(version), shown))
}

/// Suppress an address
///
/// Nothing is sent to it, whatever the category, until it is removed from the list.
#[utoipa::path(put, path = "/v1/suppressions/{address}", operation_id = "suppressAddress", tag = "notifications",
    params(("address" = String, Path, description = "An e-mail address, percent-encoded.")),
    request_body = SuppressAddress,
    responses((status = 200, body = Suppressed, description = "It gets nothing from now on.")))]
async fn suppress(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(address): Path<String>,
    Body(body): Body<SuppressAddress>,
) -> Result<Response, Error> {
    let email = email(&address)?;
    let (cause, note) = match Reason::parse(&body.reason) {
        Some(cause) => (cause, None),
        None => (Reason::Manual, Some(Note::parse(&body.reason).map_err(|unfit| Error::bad("reason", unfit))?)),
    };
    let id = recipients::suppression_id(&app.keys, &email);
    let address = suppression::Address { email: email.clone(), note };
    let suppress = suppression::Command::Suppress(Suppress { address, reason: cause, recipient: None });
    let answer = app.ask(Actor::User(notifier.user_id), &context, Command::Suppression(id, suppress)).await?;
    let (address, position) = (email.as_str().to_owned(), answer.position);
    Ok(changed(&answer, Suppressed { address, reason: body.reason, cause, position }))
}

/// Unsuppress an address
///
/// It gets what is sent from now on; what was suppressed is not sent again.
#[utoipa::path(delete, path = "/v1/suppressions/{address}", operation_id = "unsuppressAddress", tag = "notifications",
    params(("address" = String, Path, description = "An e-mail address, percent-encoded.")),
    responses((status = 200, body = Done, description = "It gets what is sent to it.")))]
pub(crate) async fn unsuppress(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(address): Path<String>,
) -> Result<Response, Error> {
    let id = recipients::suppression_id(&app.keys, &email(&address)?);
    let command = Command::Suppression(id, suppression::Command::Unsuppress);
    let answer = app.ask(Actor::User(notifier.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

fn email(address: &str) -> Result<Email, Error> {
    Email::parse(address).map_err(|unfit| Error::bad_parameter("address", unfit))
}

fn shown(row: recipients::Suppressed) -> Suppression {
    let reason = row.note.unwrap_or_else(|| row.reason.name().to_owned());
    Suppression { address: row.address, reason, cause: row.reason, at: row.at }
}
