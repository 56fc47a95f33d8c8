//! Deliveries, one by one: sent again, or called off.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::reply::{Done, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::delivery::{self, Cancel, Retry};
use domain::notify::{Category, CategoryKey};
use domain::{Command, DeliveryId, id};
use projections::{ProjectionId, deliveries};
use utoipa_axum::routes;

const FAILS: &[Code] = &[Code::DeliveryNotFound, Code::WrongState];
/// How long a delivery has from a retry on, in seconds, where its category is none any more.
const RETRY_SECONDS: u32 = 24 * 3_600;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(retry), Spec::notifier().fails(FAILS))
        .add(routes!(cancel), Spec::notifier().fails(FAILS))
}

/// Send a delivery again
///
/// For a delivery that failed, whose result is unknown, or that has no attempts left. It gets the full time of its
/// category again.
#[utoipa::path(post, path = "/v1/deliveries/{id}/retry", operation_id = "retryDelivery", tag = "notifications",
    params(("id" = Uuid, Path, description = "A delivery of a notification.")),
    responses((status = 200, body = Done, description = "It is sent again.")))]
async fn retry(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(delivery): Path<String>,
) -> Result<Response, Error> {
    let delivery_id = parse(&delivery)?;
    let reading = app.read(ProjectionId::Deliveries, 0).await?;
    let row = deliveries::delivery(&reading.database, delivery_id).await?.ok_or_else(not_found)?;
    let category = CategoryKey::parse(&row.category).ok();
    let category = category.as_ref().and_then(|key| app.settings.categories.get(key));
    let seconds = category.map_or(RETRY_SECONDS, |category: &Category| category.expires_in);
    let expires_at = context.at.plus_seconds(seconds.into());
    let retry = delivery::Command::Retry(Retry { by: Some(notifier.user_id), expires_at });
    change(&app, &notifier, &context, delivery_id, retry).await
}

/// Cancel a delivery
///
/// One that is not sent yet, or that waits for a retry by hand.
#[utoipa::path(post, path = "/v1/deliveries/{id}/cancel", operation_id = "cancelDelivery", tag = "notifications",
    params(("id" = Uuid, Path, description = "A delivery of a notification.")),
    responses((status = 200, body = Done, description = "It is not sent.")))]
async fn cancel(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(delivery): Path<String>,
) -> Result<Response, Error> {
    let cancel = delivery::Command::Cancel(Cancel { by: Some(notifier.user_id) });
    change(&app, &notifier, &context, parse(&delivery)?, cancel).await
}

async fn change(
    app: &App,
    notifier: &Notifier,
    context: &CommandContext,
    delivery_id: DeliveryId,
    command: delivery::Command,
) -> Result<Response, Error> {
    let command = Command::Delivery(delivery_id, command);
    let answer = app.ask(Actor::User(notifier.user_id), context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

fn parse(delivery: &str) -> Result<DeliveryId, Error> {
    id::parse_uuid(delivery).map(DeliveryId).ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::new(Code::DeliveryNotFound, delivery::Refusal::NotFound)
}
