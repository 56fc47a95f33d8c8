//! Read models, for operators: how far each is, building one again, comparing it with the log, pausing it, letting it go on,
//! stepping over the event that stops it.

use super::tasks::{Shown as TaskShown, accepted};
use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::{Code, Error};
use crate::http::body::{Body, OptionalBody};
use crate::http::context::CommandContext;
use crate::http::reply::read;
use crate::routes::spec::{Routes, Spec};
use crate::tasks::{Kind, Task};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use node::NodeHandle;
use node::operations::projections as operations;
use node::operations::projections::ProjectionStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    const FAILS: &[Code] = &[Code::ProjectionNotFound, Code::WrongState, Code::Unavailable];
    let write = || Spec::admin().without_key().fails(FAILS);
    Routes::default()
        .add(routes!(list), Spec::admin())
        .add(routes!(rebuild), write())
        .add(routes!(verify), write())
        .add(routes!(pause), write())
        .add(routes!(resume), write())
        .add(routes!(skip), write())
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminProjections)]
struct Listed {
    projections: Vec<Shown>,
}

/// How far a read model is.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = AdminProjection)]
pub(crate) struct Shown {
    #[schema(example = "messages")]
    pub(crate) name: &'static str,
    /// Of its tables and its fold.
    pub(crate) version: u32,
    /// Which build of it is in use.
    pub(crate) generation: u64,
    /// The last event that it holds.
    pub(crate) position: u64,
    /// The last event of the log.
    pub(crate) head: u64,
    /// Events of the log that it does not hold yet.
    pub(crate) lag_events: u64,
    /// How long ago the first of those was written.
    pub(crate) lag_seconds: u64,
    /// `running`, `stopped`, `paused` or `rebuilding`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// Why it is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The event that stops it; 0 where no event is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed_position: Option<u64>,
    /// Size of an index on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index_bytes: Option<u64>,
}

impl From<ProjectionStatus> for Shown {
    fn from(status: ProjectionStatus) -> Shown {
        let (error, failed_position) =
            status.failure.map_or((None, None), |failure| (Some(failure.error), failure.failed_position));
        Shown {
            name: status.name,
            version: status.version,
            generation: status.generation,
            position: status.position,
            head: status.head,
            lag_events: status.lag_events,
            lag_seconds: status.lag_seconds,
            state: status.state,
            error,
            failed_position,
            index_bytes: status.index.map(|index| index.index_bytes),
        }
    }
}

/// How far each is.
///
/// # Errors
/// When the log or a read model cannot be read.
pub(crate) async fn status(app: &App) -> Result<Vec<Shown>, Error> {
    let projections = app.projections.clone();
    let status = app.ask_log(app.settings.storage_wait, move || operations::status(&projections)).await??;
    Ok(status.into_iter().map(Shown::from).collect())
}

/// What an operator does to a read model, and why.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectionChangeReason, example = json!({"reason": "the disk is being replaced"}))]
pub(super) struct WithReason {
    /// For the server's log.
    reason: Option<String>,
}

/// Why nothing is lost by stepping over an event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProjectionSkip, example = json!({"reason": "the event is of a version that was taken back"}))]
pub(super) struct Skip {
    /// It is recorded in the log: 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProjectionChanged)]
struct Changed {
    name: String,
    /// The read model as the list shows it.
    state: String,
    /// The last event that it holds.
    position: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProjectionSkipped)]
struct Skipped {
    name: String,
    /// The event that it steps over.
    skipped: u64,
    reason: String,
    /// The log position of the fact that records it.
    position: u64,
}

/// List read models
#[utoipa::path(get, path = "/v1/admin/projections", operation_id = "listProjections", tag = "operators",
    responses((status = 200, body = Listed, description = "How far each is.")))]
async fn list(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    let projections = status(&app).await?;
    let position = projections.iter().map(|one| one.position).min().unwrap_or_default();
    Ok(read(position, Listed { projections }))
}

/// Rebuild a read model
///
/// Builds it beside the one in use, then switches in one step. Answers at once with a task: `GET
/// /v1/admin/tasks/{task_id}`.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/rebuild", operation_id = "rebuildProjection", tag = "operators",
    params(("name" = String, Path, description = "A read model, or `all` for every one in one reading of the log.")),
    responses((status = 202, body = TaskShown, description = "It has begun.")))]
async fn rebuild(
    State(app): State<App>,
    admin: Admin,
    Path(name): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    accepted(&app, begin_rebuild(&app, node, &name)?).await
}

/// Begins to build one again, or `all`.
///
/// # Errors
/// When there is none of that name, or it is being built.
pub(crate) fn begin_rebuild(app: &App, node: NodeHandle, name: &str) -> Result<Task, Error> {
    let one = (name != "all").then(|| name.to_owned());
    operations::names(one.as_deref(), node.projections.names())?;
    let asker = node.asker();
    app.tasks.begin((Kind::Rebuild, name, asker), |progress| async move {
        let report = operations::rebuild(&node, one.as_deref(), &progress).await?;
        Ok(serde_json::to_value(report).unwrap_or_default())
    })
}

/// Verify a read model
///
/// Folds the log again in scratch space and compares row by row. Answers at once with a task: `GET
/// /v1/admin/tasks/{task_id}`; its report says whether the read model is `verified`, and which rows differ.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/verify", operation_id = "verifyProjection", tag = "operators",
    params(("name" = String, Path, description = "A read model.")),
    responses((status = 202, body = TaskShown, description = "It has begun.")))]
async fn verify(
    State(app): State<App>,
    admin: Admin,
    Path(name): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    accepted(&app, begin_verify(&app, node, &name)?).await
}

/// Begins to compare one with the log.
///
/// # Errors
/// When there is none of that name, or it is being compared.
pub(crate) fn begin_verify(app: &App, node: NodeHandle, name: &str) -> Result<Task, Error> {
    let id = operations::names(Some(name), node.projections.names())?[0];
    let asker = node.asker();
    app.tasks.begin((Kind::Verify, name, asker), |progress| async move {
        let work = tokio::task::spawn_blocking(move || {
            operations::verify(&node.projections, id, &mut |at| {
                progress.send_replace(Some(at.clone()));
            })
        });
        let report =
            work.await.map_err(|source| node::operations::Error::Panicked { what: "verification", source })??;
        Ok(serde_json::to_value(report).unwrap_or_default())
    })
}

/// Pause a read model
///
/// It stops following the log until it is resumed, even over a restart. Until then it answers with old data.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/pause", operation_id = "pauseProjection", tag = "operators",
    params(("name" = String, Path, description = "A read model.")), request_body = WithReason,
    responses((status = 200, body = Changed, description = "It is paused.")))]
async fn pause(
    State(app): State<App>,
    admin: Admin,
    Path(name): Path<String>,
    context: CommandContext,
    OptionalBody(body): OptionalBody<WithReason>,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    changed(operations::pause(&node, &name, body.reason.as_deref()).await?)
}

/// Resume a read model
///
/// It goes on, or tries the event that stopped it again.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/resume", operation_id = "resumeProjection", tag = "operators",
    params(("name" = String, Path, description = "A read model.")), request_body = WithReason,
    responses((status = 200, body = Changed, description = "It goes on.")))]
async fn resume(
    State(app): State<App>,
    admin: Admin,
    Path(name): Path<String>,
    context: CommandContext,
    OptionalBody(body): OptionalBody<WithReason>,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    changed(operations::resume(&node, &name, body.reason.as_deref()).await?)
}

fn changed(change: operations::ProjectionChange) -> Result<Response, Error> {
    let operations::ProjectionChange { name, state, position } = change;
    Ok(read(position, Changed { name, state, position }))
}

/// Skip an event
///
/// Lets a read model step over the event that stops it, for ever: every later fold skips it too. The log records it.
#[utoipa::path(post, path = "/v1/admin/projections/{name}/skip", operation_id = "skipEvent", tag = "operators",
    params(("name" = String, Path, description = "A read model.")), request_body = Skip,
    responses((status = 200, body = Skipped, description = "The read model skips the event.")))]
async fn skip(
    State(app): State<App>,
    admin: Admin,
    Path(name): Path<String>,
    context: CommandContext,
    Body(body): Body<Skip>,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    let operations::SkipReport { name, skipped, reason, position } =
        operations::skip(&node, &name, &body.reason).await?;
    let mut response = Json(Skipped { name, skipped, reason, position }).into_response();
    response.headers_mut().insert(crate::http::reply::POSITION, position.into());
    Ok(response)
}
