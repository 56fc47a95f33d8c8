//! What goes on after its request was answered.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::{Code, Error};
use crate::http::reply::POSITION;
use crate::routes::spec::{Routes, Spec};
use crate::tasks::{Outcome, Task};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, UserId, id};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(list), Spec::admin()).add(routes!(one), Spec::admin().fails(&[Code::TaskNotFound]))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminTasks)]
struct Listed {
    tasks: Vec<Shown>,
}

/// Something that goes on after its request was answered.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminTask)]
pub(crate) struct Shown {
    task_id: Uuid,
    /// `rebuild` or `verify`.
    #[schema(value_type = String)]
    kind: &'static str,
    /// What it works on.
    #[schema(example = "messages")]
    subject: String,
    #[schema(value_type = Uuid)]
    by: UserId,
    /// `running`, `done` or `failed`.
    #[schema(value_type = String)]
    state: &'static str,
    /// How much of it is done, from 0 to 1.
    part: f64,
    /// How far it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "41000 events into messages")]
    progress: Option<String>,
    /// What it reports, where it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, required = false)]
    report: Option<Value>,
    /// Why it failed, where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    ended_at: Option<Timestamp>,
}

impl From<Task> for Shown {
    fn from(task: Task) -> Shown {
        let (state, report, error) = match task.outcome {
            Outcome::Running => ("running", None, None),
            Outcome::Done(report) => ("done", Some(serde_json::json!({"report": report})), None),
            Outcome::Failed(error) => ("failed", None, Some(error)),
        };
        let part = if state == "done" { 1.0 } else { task.progress.as_ref().map_or(0.0, |progress| progress.part) };
        Shown {
            task_id: task.id,
            kind: task.kind.name(),
            subject: task.subject,
            by: task.by,
            state,
            part,
            progress: task.progress.map(|progress| format!("{} {}", progress.done, progress.unit)),
            report,
            error,
            began_at: task.began_at,
            ended_at: task.ended_at,
        }
    }
}

/// The answer to what began one.
pub(super) async fn accepted(app: &App, task: Task) -> Result<Response, Error> {
    let address = format!("/v1/admin/tasks/{}", task.id);
    let position = [(POSITION, app.log_head().await?)];
    Ok((StatusCode::ACCEPTED, [(LOCATION, address)], position, Json(Shown::from(task))).into_response())
}

/// List tasks
///
/// Of this node since its start: the last 64, the newest first.
#[utoipa::path(get, path = "/v1/admin/tasks", operation_id = "listAdminTasks", tag = "operators",
    responses((status = 200, body = Listed, description = "The tasks.")))]
async fn list(State(app): State<App>, _admin: Admin) -> Result<Response, Error> {
    let tasks = app.tasks.all().into_iter().map(Shown::from).collect();
    Ok(([(POSITION, app.log_head().await?)], Json(Listed { tasks })).into_response())
}

/// Read a task
#[utoipa::path(get, path = "/v1/admin/tasks/{task_id}", operation_id = "readAdminTask", tag = "operators",
    params(("task_id" = Uuid, Path, description = "The task's id, from the call that began it.")),
    responses((status = 200, body = Shown, description = "The task, with its progress or its result.")))]
async fn one(State(app): State<App>, _admin: Admin, Path(task): Path<String>) -> Result<Response, Error> {
    let found = id::parse_uuid(&task).and_then(|id| app.tasks.one(id));
    let task = found.ok_or_else(|| Error::new(Code::TaskNotFound, "this node has no such task, or no longer"))?;
    Ok(([(POSITION, app.log_head().await?)], Json(Shown::from(task))).into_response())
}
