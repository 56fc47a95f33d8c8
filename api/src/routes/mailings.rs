//! Mailings: drafted, previewed, started, paused, resumed, called off.

use super::outgoing::{self, PlainContent, RepeatedBy, TemplateName, channels};
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
use commands::{Actor, Answer};
use couriers::mailings::{Preview, PreviewParts};
use domain::mailing::{self, By, Change, Refusal, Status};
use domain::{Command, MailingId, Outcome, Timestamp, UserId, id};
use node::operations::mailings::{MailingVerb, verb_command};
use projections::{ProjectionId, mailings};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use store::sql::Database;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

mod csv;
mod listed;
mod request;
mod rows;

pub(crate) use listed::{Listed, MailingDelivery};
use request::{AudienceRequest, MailingChange, MailingRequest};
pub(crate) use rows::{MailingRun, runs_of};

/// Most bytes of a request: ten thousand ids, and what they are told.
const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// How often a change is made again of a draft that others change at the same time.
const CHANGE_TRIES_MAX: u32 = 3;
const WRITES: &[Code] = &[
    Code::MailingNotFound,
    Code::WrongState,
    Code::TemplateNotFound,
    Code::TemplateInvalid,
    Code::TemplateTooExpensive,
    Code::ChatNotFound,
];
const MOVES: &[Code] = &[Code::MailingNotFound, Code::WrongState];

pub(crate) fn routes() -> Routes {
    let one = Spec::notifier().fails(&[Code::MailingNotFound]);
    let moves = Spec::notifier().fails(MOVES);
    Routes::default()
        .add(routes!(list), Spec::notifier().paged())
        .add(routes!(create), Spec::notifier().body_bytes_max(REQUEST_BYTES_MAX).fails(WRITES))
        .add(routes!(read_mailing), one.tagged())
        .add(routes!(change), Spec::notifier().body_bytes_max(REQUEST_BYTES_MAX).fails(WRITES))
        .add(routes!(delete), moves)
        .add(routes!(preview), one.without_key())
        .add(routes!(start), moves)
        .add(routes!(pause), moves)
        .add(routes!(resume), moves)
        .add(routes!(cancel), moves)
        .add(routes!(rows::runs), one.paged())
        .add(routes!(rows::deliveries), one.paged())
        .add(routes!(csv::deliveries_csv), one)
}

#[derive(Serialize, ToSchema)]
struct MailingCreated {
    #[schema(value_type = Uuid)]
    mailing_id: MailingId,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Mailings {
    mailings: Vec<Mailing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// What is told to many, and how far it is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mailing {
    #[schema(value_type = Uuid)]
    pub(crate) mailing_id: MailingId,
    /// `draft`, `scheduled`, `running`, `paused`, `finished` or `cancelled`.
    #[schema(example = "running")]
    pub(crate) state: &'static str,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<TemplateName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<PlainContent>,
    #[schema(example = "marketing")]
    pub(crate) category: String,
    pub(crate) audience: AudienceRequest,
    #[schema(schema_with = channels)]
    pub(crate) channels: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) variables: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variables_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) send_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<RepeatedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) per_second_max: Option<u32>,
    pub(crate) expires_in: Option<u32>,
    /// Who wrote what it says.
    #[schema(value_type = Uuid)]
    pub(crate) author_id: UserId,
    /// Of its last run: how many people are in its audience, as far as that is frozen.
    pub(crate) recipients: u64,
    /// Of its last run: how many of its deliveries are in which state.
    #[schema(value_type = Object)]
    pub(crate) counts: BTreeMap<&'static str, u64>,
    /// How often the run that is due could not begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries: Option<u32>,
    /// Why it could not, or why the mailing was stopped by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// When the run that is under way was due, or the next one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due_at: Option<Timestamp>,
    /// The next runs of its schedule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub(crate) next_runs: Vec<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

/// Who would get it if it were sent now, why others would not, and how it reads.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailingPreview {
    /// How many people.
    pub(crate) recipients: u64,
    /// How many of the audience would not get it, by why: `suppressed-address`, `switched-off`, `no-address`, `erased`,
    /// `suspended`.
    #[schema(value_type = Object)]
    pub(crate) by_reason: BTreeMap<&'static str, u64>,
    /// How it reads to the first three of them.
    pub(crate) samples: Vec<MailingSample>,
    /// Why variables could not be fetched: the samples show the template's examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) variables_url: Option<String>,
    /// Why it cannot be said at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MailingSample {
    #[schema(value_type = Uuid)]
    pub(crate) user_id: UserId,
    pub(crate) subject: String,
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) html: Option<String>,
}

/// List mailings
///
/// The newest first.
#[utoipa::path(get, path = "/v1/mailings", operation_id = "listMailings", tag = "notifications",
    params(("state" = Option<String>, Query, description = "Those in that state.")),
    responses((status = 200, body = Mailings, description = "A page of mailings.")))]
async fn list(
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

/// Draft a mailing
///
/// Nothing is sent before it is started.
#[utoipa::path(post, path = "/v1/mailings", operation_id = "createMailing", tag = "notifications",
    request_body = MailingRequest,
    responses((status = 201, body = MailingCreated, description = "It is a draft.")))]
async fn create(
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

/// Read a mailing
#[utoipa::path(get, path = "/v1/mailings/{id}", operation_id = "readMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Mailing, description = "The mailing.")))]
async fn read_mailing(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Mailings, params.min_position).await?;
    let row = existing(&reading.database, &mailing).await?;
    let (version, named) = (row.version, mailings::named(&reading.database, row.mailing_id).await?);
    let shown = mailing_shown(&app, &reading.database, row, &named, context.at).await?;
    Ok(read_one(reading.position, tag(version), shown))
}

/// Change a draft
///
/// What is left out stays, what is `null` is as if it had never been given. One that was started does not change: cancel it
/// and draft another.
#[utoipa::path(patch, path = "/v1/mailings/{id}", operation_id = "changeMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")), request_body = MailingChange,
    responses((status = 200, body = Done, description = "It is as you say.")))]
async fn change(
    State(app): State<App>,
    notifier: Notifier,
    Path(mailing): Path<String>,
    context: CommandContext,
    Body(body): Body<Map<String, Value>>,
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
        let wanted = MailingRequest::of(&row, &named).changed(&body)?;
        match replaced(&app, notifier.user_id, &context, &row, wanted).await {
            Err(error)
                if error.code == Code::VersionChanged && context.if_match.is_none() && tries < CHANGE_TRIES_MAX => {}
            answer => break answer?,
        }
    };
    Ok(changed(&answer, Done { position: answer.position }))
}

/// Delete a draft
#[utoipa::path(delete, path = "/v1/mailings/{id}", operation_id = "deleteMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It is not there any more.")))]
async fn delete(
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

/// Preview a mailing
///
/// Looks at everybody in its audience as it is now; nothing is sent.
#[utoipa::path(post, path = "/v1/mailings/{id}/preview", operation_id = "previewMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = MailingPreview, description = "Who would get it, and how it reads.")))]
async fn preview(
    State(app): State<App>,
    _notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.reached(ProjectionId::Mailings, params.min_position).await?;
    Ok(read(position, previewed(&app, &mailing, context.at).await?))
}

/// Who would get a mailing, and how it reads.
pub(crate) async fn previewed(app: &App, mailing: &str, at: Timestamp) -> Result<MailingPreview, Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    let named = mailings::named(&reading.database, row.mailing_id).await?;
    let category = outgoing::category(app, row.plan.category.as_str())?;
    let recipients = app.read(ProjectionId::Recipients, 0).await?.database;
    let templates = app.read(ProjectionId::Templates, 0).await?.database;
    let active = match row.plan.audience.active_since {
        None => std::collections::HashSet::new(),
        Some(since) => {
            app.state.last_use().users_since(since).await.map_err(|error| Error::ours(&error, Code::Unavailable))?
        }
    };
    let public_url = app.settings.public_url.clone().unwrap_or_default();
    let _place = app.budget.page().await?;
    let parts = PreviewParts {
        recipients: &recipients,
        templates: Some(&templates),
        keys: &app.keys,
        variables: &app.settings.variables,
        category,
        active,
        product: "Letopis",
        public_url: &public_url,
    };
    let looked = couriers::mailings::preview(parts, &row.plan, named, row.texts.as_ref(), at).await?;
    let Preview { recipients, by_reason, samples, variables_fault, fault } = looked;
    let sample = |sample: couriers::mailings::Sample| {
        let couriers::mailings::Sample { user_id, subject, text, html } = sample;
        MailingSample { user_id, subject, text, html }
    };
    let samples = samples.into_iter().map(sample).collect();
    Ok(MailingPreview { recipients, by_reason, samples, variables_url: variables_fault, fault })
}

/// Start a mailing
///
/// At once, at `send_at`, or by its schedule. The audience is frozen when a run begins.
#[utoipa::path(post, path = "/v1/mailings/{id}/start", operation_id = "startMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It is being sent, or will be.")))]
async fn start(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Start).await
}

/// Pause a mailing
///
/// Nothing more of it is sent; what is on its way goes on. Its deadline does not move.
#[utoipa::path(post, path = "/v1/mailings/{id}/pause", operation_id = "pauseMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "Nothing more is sent.")))]
async fn pause(
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
async fn resume(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(mailing): Path<String>,
) -> Result<Response, Error> {
    moved(&app, &notifier, &context, &mailing, MailingVerb::Resume).await
}

/// Cancel a mailing
///
/// What is not sent yet is not sent, and no further run begins.
#[utoipa::path(post, path = "/v1/mailings/{id}/cancel", operation_id = "cancelMailing", tag = "notifications",
    params(("id" = Uuid, Path, description = "A mailing.")),
    responses((status = 200, body = Done, description = "It is called off.")))]
async fn cancel(
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
    let answer = match app.first_answer(actor, context).await? {
        Some(answer) => answer,
        None => {
            let reading = app.read(ProjectionId::Mailings, 0).await?;
            let row = existing(&reading.database, mailing).await?;
            let command = verb_command(verb, &row, Some(notifier.user_id), context.at);
            app.ask(actor, context, Command::Mailing(row.mailing_id, command)).await?
        }
    };
    Ok(done(&answer))
}

fn done(answer: &Answer) -> Response {
    written(StatusCode::OK, answer, Done { position: answer.position })
}

pub(crate) fn parse(mailing: &str) -> Result<MailingId, Error> {
    id::parse_uuid(mailing).map(MailingId).ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::new(Code::MailingNotFound, Refusal::NotFound)
}

async fn existing(db: &Database, mailing: &str) -> Result<mailings::Mailing, Error> {
    mailings::by_id(db, parse(mailing)?).await?.ok_or_else(not_found)
}

/// A mailing as it is shown.
pub(crate) async fn shown(app: &App, mailing: &str, now: Timestamp) -> Result<Mailing, Error> {
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let row = existing(&reading.database, mailing).await?;
    let named = mailings::named(&reading.database, row.mailing_id).await?;
    mailing_shown(app, &reading.database, row, &named, now).await
}

pub(crate) async fn mailing_shown(
    app: &App,
    db: &Database,
    row: mailings::Mailing,
    named: &[UserId],
    now: Timestamp,
) -> Result<Mailing, Error> {
    let last = mailings::runs(db, row.mailing_id, None, 1).await?.pop();
    let (recipients, counts) = match last {
        None => (0, BTreeMap::new()),
        Some(run) => (run.recipients, rows::counts(app, &run).await?),
    };
    let goes_on = matches!(row.status, Status::Scheduled | Status::Running);
    let next_runs =
        row.plan.schedule.as_ref().filter(|_| goes_on).map_or_else(Vec::new, |one| outgoing::next_runs(one, now));
    let wanted = MailingRequest::of(&row, named);
    Ok(Mailing {
        mailing_id: row.mailing_id,
        state: row.status.name(),
        name: wanted.name,
        template: wanted.template,
        content: wanted.content,
        category: wanted.category,
        audience: wanted.audience,
        channels: wanted.channels,
        variables: wanted.variables,
        variables_url: wanted.variables_url,
        send_at: wanted.send_at,
        schedule: wanted.schedule,
        per_second_max: wanted.per_second_max,
        expires_in: wanted.expires_in,
        author_id: row.author,
        recipients,
        counts,
        tries: (row.tries > 0).then_some(row.tries),
        reason: row.reason,
        due_at: row.due_at,
        next_runs,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
