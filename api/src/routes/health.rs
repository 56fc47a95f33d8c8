//! Whether it lives, and whether it is ready.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::error::Error;
use crate::patience::PING_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use node::Role;
use projections::{Progress, ProjectionId, State as ProjectionState};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// A read model that is further behind than this makes the node not ready.
const LAG_EVENTS_MAX: u64 = 10_000;
/// And one whose oldest missing event is older than this.
const LAG_SECONDS_MAX: u64 = 60;

pub(crate) fn routes() -> Routes {
    of_every_node().add(routes!(ping_db), Spec::anyone())
}

/// What a node answers that does not answer the API.
pub(crate) fn of_every_node() -> Routes {
    Routes::default()
        .add(routes!(ping), Spec::anyone().probe())
        .add(routes!(livez), Spec::anyone().probe())
        .add(routes!(readyz), Spec::anyone().probe())
        .add(routes!(metrics_text), Spec::anyone().probe())
}

/// Whether the node is ready, and what keeps it from it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    pub(crate) ready: bool,
    /// Read models are built from the log before it serves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) starting: bool,
    /// What this node does of the work: `api`, `projections`, `couriers`.
    pub(crate) roles: Vec<&'static str>,
    /// The log's last position.
    pub(crate) head: u64,
    /// What keeps the log from being written; left out when it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) writer: Option<String>,
    pub(crate) projections: Vec<Following>,
    /// Files that were found damaged; the next start builds them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<String>,
}

/// How far one read model is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Following {
    name: &'static str,
    position: u64,
    lag_events: u64,
    lag_seconds: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Following {
    /// Of a read model that is built before the node serves.
    pub(crate) fn of_build(name: ProjectionId, at: Progress) -> Following {
        let (position, lag_events) = (at.position, at.head.saturating_sub(at.position));
        Following { name: name.as_str(), position, lag_events, lag_seconds: 0, state: "building", error: None }
    }
}

/// Answers without touching anything.
#[utoipa::path(get, path = "/ping", tag = "health", responses((status = 200, description = "It answers.")))]
async fn ping() -> StatusCode {
    StatusCode::OK
}

/// Reads the log's head.
#[utoipa::path(get, path = "/ping_db", tag = "health", responses((status = 200, description = "The log can be read.")))]
async fn ping_db(State(app): State<App>) -> Result<StatusCode, Error> {
    let log = app.log.clone();
    app.ask_log(PING_MAX, move || log.head()).await??;
    Ok(StatusCode::OK)
}

/// Whether the process should live on: its writer answers, or has not been silent for long.
#[utoipa::path(get, path = "/livez", tag = "health", responses(
    (status = 200, description = "It lives."),
    (status = 503, description = "Its writer does not answer any more: it should be started again."),
))]
async fn livez(State(app): State<App>) -> StatusCode {
    if app.probe.is_alive().await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// Whether the node should get traffic: the log can be read and written, and the read models are near its head, whichever node feeds
/// them. A node that only runs couriers does not wait for them.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, body = Ready, description = "It is ready."),
    (status = 503, body = Ready, description = "It is not, and this is why."),
))]
async fn readyz(State(app): State<App>) -> Result<Response, Error> {
    let writer = app.probe.look().await.err().map(|why| why.to_string());
    let (log, projections) = (app.log.clone(), app.projections.clone());
    let asked = app.ask_log(app.settings.storage_wait, move || (log.head(), projections.status())).await?;
    let (head, status) = (asked.0?.position, asked.1?);
    let following = status.into_iter().map(|status| Following {
        name: status.name.as_str(),
        position: status.position,
        lag_events: status.lag_events,
        lag_seconds: status.lag_seconds,
        state: status.state.as_str(),
        error: status.error,
    });
    let projections = following.collect::<Vec<_>>();
    // Who only tells others what happens reads the log itself.
    let reads_models = app.roles.has(Role::Api) || app.roles.has(Role::Projections);
    let is_near = |one: &Following| {
        one.error.is_none()
            && one.state != ProjectionState::Paused.as_str()
            && one.lag_events <= LAG_EVENTS_MAX
            && one.lag_seconds <= LAG_SECONDS_MAX
    };
    // Who answers no question is asked nothing of the index.
    let is_asked = |one: &&Following| app.roles.has(Role::Api) || one.name != ProjectionId::Search.as_str();
    let follows = !reads_models || projections.iter().filter(is_asked).all(is_near);
    let damaged = app.projections.damaged();
    let ready = follows && writer.is_none() && damaged.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = Ready { ready, starting: false, roles: app.roles.names(), head, writer, projections, damaged };
    Ok((status, Json(ready)).into_response())
}

/// Figures for Prometheus, in its text format.
#[utoipa::path(get, path = "/metrics", tag = "health", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics_text(State(app): State<App>) -> Response {
    let info = [("version", env!("CARGO_PKG_VERSION").to_owned()), ("roles", app.roles.to_string())];
    metrics::gauge!("letopis_node_info", &info).set(1.0);
    metrics::gauge!("letopis_writer_queue").set(app.writer.waiting() as f64);
    // Without a log to read there are figures of the process all the same.
    let projections = app.projections.clone();
    let status = app.ask_log(app.settings.storage_wait, move || projections.status()).await;
    for status in status.into_iter().flatten().flatten() {
        let name = status.name.as_str();
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        let paused = status.state == ProjectionState::Paused;
        metrics::gauge!("letopis_projection_stopped", "projection" => name).set(flag(status.failed_position.is_some()));
        metrics::gauge!("letopis_projection_paused", "projection" => name).set(flag(paused));
        metrics::gauge!("letopis_projection_lag_seconds", "projection" => name).set(status.lag_seconds as f64);
        if let Some(size) = status.size {
            metrics::gauge!("letopis_search_index_bytes").set(size.bytes as f64);
            metrics::gauge!("letopis_search_segments").set(size.segments as f64);
            metrics::gauge!("letopis_search_documents").set(size.documents as f64);
        }
    }
    let text = crate::http::metrics::recorder().render();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
