//! What SendGrid tells later of the mails that it took. It comes several times, and in any order.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::admission::unread;
use crate::http::context::CommandContext;
use crate::http::reply::POSITION;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use commands::{Actor, Answer, Key};
use couriers::channel::sendgrid::{Report, ReportedKind, reports};
use domain::delivery::{self, ReportKind};
use domain::suppression::{self, Address, Reason, Suppress};
use domain::text::Email;
use domain::{Command, DeliveryId, Refusal};
use projections::{ProjectionId, deliveries, recipients};
use serde::Serialize;
use tokio::task::JoinSet;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Most bytes of a list of events.
const EVENTS_BYTES_MAX: usize = 1024 * 1024;
/// Events that wait for the writer at once.
const AT_ONCE_MAX: usize = 64;

pub(crate) fn routes() -> Routes {
    let fails = &[Code::BadSignature, Code::NotFound];
    Routes::default().add(routes!(events), Spec::anyone().without_key().body_bytes_max(EVENTS_BYTES_MAX).fails(fails))
}

#[derive(Serialize, ToSchema)]
#[schema(as = EventsTaken)]
struct Taken {
    /// How many of the events were about a delivery of this server.
    events: usize,
    /// The log position of the last event written.
    position: u64,
}

/// Accept SendGrid events
///
/// For the event webhook of SendGrid, when its verification key is set. SendGrid must have signed the list with the
/// matching key, and not long ago. A repeated event changes nothing. An address that does not exist, or whose owner
/// complains, gets no more mail.
#[utoipa::path(post, path = "/v1/webhooks/sendgrid", operation_id = "takeSendgridEvents", tag = "webhooks",
    request_body(content = Vec<serde_json::Value>, content_type = "application/json"),
    responses((status = 200, body = Taken, description = "The events are recorded.")))]
async fn events(
    State(app): State<App>,
    context: CommandContext,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Error> {
    let nothing = || Error::new(Code::NotFound, "LETOPIS_SENDGRID_WEBHOOK_KEY is not set");
    let key = app.settings.sendgrid_event_key.clone().ok_or_else(nothing)?;
    let body = Bytes::from_request(request, &app).await.map_err(|rejection| unread(&rejection))?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signature = header("x-twilio-email-event-webhook-signature");
    let timestamp = header("x-twilio-email-event-webhook-timestamp");
    key.verify(signature, timestamp, &body, context.at).map_err(|why| Error::new(Code::BadSignature, why))?;
    let reports = reports(&body).map_err(|why| Error::new(Code::BadParameters, why))?;
    let events = reports.len();
    let mut position = *app.writer.head().borrow();
    let mut reports = reports.into_iter().peekable();
    while reports.peek().is_some() {
        let mut writing = JoinSet::new();
        for report in reports.by_ref().take(AT_ONCE_MAX) {
            writing.spawn(write(app.clone(), context.clone(), report));
        }
        while let Some(written) = writing.join_next().await {
            let written = written.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            position = position.max(written.unwrap_or(0));
        }
    }
    let mut response = Json(Taken { events, position }).into_response();
    response.headers_mut().insert(POSITION, position.into());
    Ok(response)
}

/// Writes one event down; the position, unless the delivery is none of this log.
async fn write(app: App, context: CommandContext, report: Report) -> Result<Option<u64>, Error> {
    let (reported, cause) = match report.kind {
        ReportedKind::Delivered => (ReportKind::Delivered, None),
        ReportedKind::Bounced => (ReportKind::Bounced, report.address_at_fault.then_some(Reason::HardBounce)),
        ReportedKind::Complained => (ReportKind::Complained, Some(Reason::Complaint)),
    };
    let told = delivery::Report { reported, detail: report.detail.clone() };
    let command = Command::Delivery(DeliveryId(report.delivery_id), delivery::Command::Report(told));
    let position = match ask(&app, &context, &report, "sendgrid event", command).await? {
        Ok(answer) => answer.position,
        Err(commands::Error::Refused(Refusal::Delivery(delivery::Refusal::NotFound))) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match cause {
        Some(cause) => suppress(&app, &context, &report, cause).await.map(|then| Some(then.unwrap_or(position))),
        None => Ok(Some(position)),
    }
}

/// Nothing is sent any more to the address of that mail; the position, unless it is no address that we could have sent to.
async fn suppress(app: &App, context: &CommandContext, report: &Report, cause: Reason) -> Result<Option<u64>, Error> {
    let Some(email) = report.address.as_deref().and_then(|address| Email::parse(address).ok()) else { return Ok(None) };
    let deliveries = app.read(ProjectionId::Deliveries, 0).await?;
    let delivery = deliveries::delivery(&deliveries.database, DeliveryId(report.delivery_id)).await?;
    let Some(delivery) = delivery else { return Ok(None) };
    let id = recipients::suppression_id(&app.keys, &email);
    let address = Address { email, note: None };
    let suppress = Suppress { address, reason: cause, recipient: Some(delivery.user_id) };
    let command = Command::Suppression(id, suppression::Command::Suppress(suppress));
    let answer = ask(app, context, report, "sendgrid suppression", command).await?;
    Ok(Some(answer?.position))
}

/// Asks for a command because of an event. One that comes again, much later too, must say nothing of another attempt, and
/// must not take back what somebody has decided since: so it is known by its id.
async fn ask(
    app: &App,
    context: &CommandContext,
    report: &Report,
    purpose: &'static str,
    command: Command,
) -> Result<Result<Answer, commands::Error>, Error> {
    let parts = [report.event_id.as_bytes(), report.delivery_id.as_bytes().as_slice()];
    let (command_id, fingerprint) =
        (app.keys.keyed_hash(purpose, &parts), app.keys.keyed_hash("sendgrid list", &parts));
    let key = Some(Key { command_id, fingerprint, subject: None });
    let request = commands::Request { key, if_match: None, ..app.request(Actor::Anonymous, context, command) };
    app.patiently(app.writer.send(request)).await
}
