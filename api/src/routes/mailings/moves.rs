//! Starting a mailing, pausing, resuming and cancelling it.

use super::drafts::CHANGE_TRIES_MAX;
use super::{done, existing, see_all};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::reply::Done;
use axum::extract::{Path, State};
use axum::response::Response;
use commands::Actor;
use domain::Command;
use node::operations::mailings::{MailingVerb, verb_command};
use projections::ProjectionId;

/// Start a mailing
///
/// At once, at `send_at`, or by its schedule. The audience is frozen when a run begins.
#[utoipa::path(post, path = "/v1/mailings/{id}/start", operation_id = "startMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It is being sent, or waits for its time.")))]
pub(super) async fn start(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Start).await
}

/// Pause a mailing
///
/// Nothing more is sent; mails that are on their way still go out. Its deadline does not move.
#[utoipa::path(post, path = "/v1/mailings/{id}/pause", operation_id = "pauseMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "Nothing more is sent.")))]
pub(super) async fn pause(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Pause).await
}

/// Resume a mailing
#[utoipa::path(post, path = "/v1/mailings/{id}/resume", operation_id = "resumeMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It goes on.")))]
pub(super) async fn resume(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Resume).await
}

/// Cancel a mailing
///
/// What is not sent yet is never sent, and no further run begins.
#[utoipa::path(post, path = "/v1/mailings/{id}/cancel", operation_id = "cancelMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It is cancelled.")))]
pub(super) async fn cancel(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Cancel).await
}

async fn moved(
    app: &App,
    notifier: &Notifier,
    context: &CommandContext,
    mailing: &str,
    verb: MailingVerb,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let mut tries = 0;
    let answer = loop {
        if let Some(answer) = app.first_answer(actor, context).await? {
            break answer;
        }
        tries += 1;
        let reading = app.read(ProjectionId::Mailings, 0).await?;
        let row = existing(&reading.database, mailing).await?;
        let command = verb_command(verb, &row, Some(notifier.user_id), context.at);
        match app.ask(actor, context, Command::Mailing(row.mailing_id, command)).await {
            // Its first date is another one now.
            Err(error)
                if error.code == Code::VersionChanged && context.if_match.is_none() && tries < CHANGE_TRIES_MAX =>
            {
                see_all(app).await?;
            }
            answer => break answer?,
        }
    };
    Ok(done(&answer))
}
