//! Drafts: made, changed, deleted.

use super::change::MailingChange;
use super::request::{self, MailingRequest};
use super::{done, existing, parse, see_all};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::reply::{Done, changed, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::mailing::{self, By, Change, Refusal, Status};
use domain::{Command, MailingId, Outcome, UserId};
use projections::{ProjectionId, mailings};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// How often a change, or a start, is made again of a draft that others change at the same time.
pub(super) const CHANGE_TRIES_MAX: u32 = 3;

#[derive(Serialize, ToSchema)]
struct MailingCreated {
    #[schema(value_type = Uuid)]
    mailing_id: MailingId,
    position: u64,
}

/// Draft a mailing
///
/// Nothing is sent until you start it.
#[utoipa::path(post, path = "/v1/mailings", operation_id = "createMailing", tag = "notifications",
    request_body = MailingRequest,
    responses((status = 201, body = MailingCreated, description = "The draft.")))]
pub(super) async fn create(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Body(body): Body<MailingRequest>,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let answer = match app.first_answer(actor, &context).await? {
        // A time that has come meanwhile, or a template that is gone, makes no other request of it.
        Some(answer) => answer,
        None => drafted(&app, notifier.user_id, &context, body).await?,
    };
    let mailing_id = created(&answer)?;
    Ok(written(StatusCode::CREATED, &answer, MailingCreated { mailing_id, position: answer.position }))
}

async fn drafted(app: &App, by: UserId, context: &CommandContext, body: MailingRequest) -> Result<Answer, Error> {
    let draft = request::checked(app, by, context.at, body, None).await?;
    let command = mailing::Command::Create(Box::new(draft));
    app.ask(Actor::User(by), context, Command::Mailing(MailingId(Uuid::now_v7()), command)).await
}

fn created(answer: &Answer) -> Result<MailingId, Error> {
    let Outcome::MailingCreated { mailing_id } = answer.outcome else { return Err(Error::other_answer()) };
    Ok(mailing_id)
}

/// Drafts a mailing as a request says it.
pub(crate) async fn create_from(
    app: &App,
    by: UserId,
    context: &CommandContext,
    body: Map<String, Value>,
) -> Result<MailingId, Error> {
    created(&drafted(app, by, context, MailingRequest::parse(body)?).await?)
}

/// Puts what a request says in the place of a draft.
pub(crate) async fn change_to(
    app: &App,
    by: UserId,
    context: &CommandContext,
    mailing: &str,
    body: Map<String, Value>,
) -> Result<(), Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    replaced(app, by, context, &row, MailingRequest::parse(body)?).await.map(drop)
}

async fn replaced(
    app: &App,
    by: UserId,
    context: &CommandContext,
    row: &mailings::Mailing,
    wanted: MailingRequest,
) -> Result<Answer, Error> {
    if row.status != Status::Draft {
        return Err(Error::new(Code::WrongState, Refusal::WrongState));
    }
    let draft = request::checked(app, by, context.at, wanted, row.plan.send_at).await?;
    let change = mailing::Command::Change(Box::new(Change { changes: row.changes, draft }));
    app.ask(Actor::User(by), context, Command::Mailing(row.mailing_id, change)).await
}

/// Change a draft
///
/// A field that is left out stays; `null` clears it. A mailing that was started cannot be changed: cancel it and draft
/// another.
#[utoipa::path(patch, path = "/v1/mailings/{id}", operation_id = "changeMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")), request_body = MailingChange,
    responses((status = 200, body = Done, description = "The change is made.")))]
pub(super) async fn change(
    State(app): State<App>,
    notifier: Notifier,
    Path(mailing): Path<String>,
    context: CommandContext,
    Body(body): Body<MailingChange>,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let mut tries = 0;
    let answer = loop {
        if let Some(answer) = app.first_answer(actor, &context).await? {
            break answer;
        }
        tries += 1;
        let reading = app.read(ProjectionId::Mailings, 0).await?;
        let row = existing(&reading.database, &mailing).await?;
        let named = mailings::named(&reading.database, row.mailing_id).await?;
        let wanted = body.of(&MailingRequest::of(&row, &named))?;
        match replaced(&app, notifier.user_id, &context, &row, wanted).await {
            Err(error)
                if error.code == Code::VersionChanged && context.if_match.is_none() && tries < CHANGE_TRIES_MAX =>
            {
                see_all(&app).await?;
            }
            answer => break answer?,
        }
    };
    Ok(changed(&answer, Done { position: answer.position }))
}

/// Delete a draft
#[utoipa::path(delete, path = "/v1/mailings/{id}", operation_id = "deleteMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It no longer exists.")))]
pub(super) async fn delete(
    State(app): State<App>,
    notifier: Notifier,
    Path(mailing): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    Ok(done(&delete_draft(&app, notifier.user_id, &context, &mailing).await?))
}

/// Deletes a draft.
pub(crate) async fn delete_draft(
    app: &App,
    by: UserId,
    context: &CommandContext,
    mailing: &str,
) -> Result<Answer, Error> {
    let delete = mailing::Command::Delete(By { by: Some(by) });
    app.ask(Actor::User(by), context, Command::Mailing(parse(mailing)?, delete)).await
}
