//! Whether it lives, and whether it is ready.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::operator::Operator;
use crate::error::{Code, Error};
use crate::http::metrics;
use crate::patience::PING_MAX;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use node::Role;
use projections::{Progress, ProjectionId, State as ProjectionState, Status};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{Array, Ref};
use utoipa_axum::routes;

/// A read model that is further behind than this makes the node not ready.
const LAG_EVENTS_MAX: u64 = 10_000;
/// And one whose oldest missing event is older than this.
const LAG_SECONDS_MAX: u64 = 60;

/// What keeps strangers from figures.
const FIGURES: &[Code] = &[
    Code::AuthFailed,
    Code::InvalidSession,
    Code::SessionExpired,
    Code::ScopeMissing,
    Code::NotAllowed,
    Code::NotFound,
    Code::ProjectionBehind,
];

pub(crate) fn routes() -> Routes {
    of_every_node().add(routes!(ping_db), Spec::anyone())
}

/// What a node answers that does not answer the API.
pub(crate) fn of_every_node() -> Routes {
    Routes::default()
        .add(routes!(ping), Spec::anyone().probe())
        .add(routes!(livez), Spec::anyone().probe())
        .add(routes!(readyz), Spec::anyone().probe())
        .add(routes!(metrics_text), Spec::anyone().probe().fails(FIGURES))
}

/// Whether the node is ready, and what keeps it from it.
#[derive(Serialize, ToSchema)]
#[schema(as = Readiness)]
pub(crate) struct Ready {
    pub(crate) ready: bool,
    /// Read models are built from the log before it serves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) starting: bool,
    /// What this node does of the work: `api`, `projections`, `couriers`.
    #[schema(schema_with = node_roles)]
    pub(crate) roles: Vec<&'static str>,
    /// The log's last position; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<u64>,
    /// What keeps the log from being written; left out when it can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) writer: Option<String>,
    pub(crate) projections: Vec<Following>,
    /// Files that were found damaged, which the next start makes again; for operators.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<String>,
}

impl Ready {
    /// What a stranger may know of it: the state of each part, and nothing that depends on what others do.
    pub(crate) fn without_figures(self) -> Ready {
        let writer = self.writer.map(|_| "the log cannot be written".to_owned());
        let projections = self.projections.into_iter().map(Following::without_figures).collect();
        Ready { head: None, writer, projections, damaged: Vec::new(), ..self }
    }
}

/// How far one read model is.
#[derive(Serialize, ToSchema)]
#[schema(as = ProjectionStatus)]
pub(crate) struct Following {
    #[schema(example = "messages")]
    name: &'static str,
    #[schema(schema_with = projection_state)]
    state: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

/// What operators are told of a read model.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = ProjectionFigures)]
struct Figures {
    /// The last event that it holds; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// Events of the log that it does not hold yet; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_events: Option<u64>,
    /// How long ago the first of those was written; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<u64>,
    /// What stopped it; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn node_roles() -> Array {
    Array::new(Ref::from_schema_name("NodeRole"))
}

fn projection_state() -> Ref {
    Ref::from_schema_name("ProjectionState")
}

impl Following {
    /// Of a read model that is built before the node serves.
    pub(crate) fn of_build(name: ProjectionId, at: Progress) -> Following {
        let lag_events = Some(at.head.saturating_sub(at.position));
        let figures = Figures { position: Some(at.position), lag_events, lag_seconds: Some(0), error: None };
        Following { name: name.as_str(), state: "building", figures }
    }

    fn of(status: Status) -> Following {
        let figures = Figures {
            position: Some(status.position),
            lag_events: Some(status.lag_events),
            lag_seconds: Some(status.lag_seconds),
            error: status.error,
        };
        Following { name: status.name.as_str(), state: status.state.as_str(), figures }
    }

    fn without_figures(self) -> Following {
        Following { figures: Figures::default(), ..self }
    }
}

/// Whether a read model does what it should, and is near enough to the log's head.
fn is_near(status: &Status) -> bool {
    status.error.is_none()
        && status.state != ProjectionState::Paused
        && status.lag_events <= LAG_EVENTS_MAX
        && status.lag_seconds <= LAG_SECONDS_MAX
}

/// Ping the server
///
/// Answers without touching storage.
#[utoipa::path(get, path = "/ping", operation_id = "ping", tag = "health", responses((status = 200, description = "It answers.")))]
async fn ping() -> StatusCode {
    StatusCode::OK
}

/// Ping the log
///
/// Reads the position of the last event.
#[utoipa::path(get, path = "/ping_db", operation_id = "pingLog", tag = "health", responses((status = 200, description = "The log can be read.")))]
async fn ping_db(State(app): State<App>) -> Result<StatusCode, Error> {
    let log = app.log.clone();
    app.ask_log(PING_MAX, move || log.head()).await??;
    Ok(StatusCode::OK)
}

/// Check liveness
///
/// Whether the process should go on running: its writer answers, or has not been silent for long.
#[utoipa::path(get, path = "/livez", operation_id = "checkLiveness", tag = "health", responses(
    (status = 200, description = "The process should go on."),
    (status = 503, body = Problem, content_type = "application/problem+json",
     description = "The writer no longer answers: restart the process."),
))]
async fn livez(State(app): State<App>) -> Result<StatusCode, Error> {
    if app.probe.is_alive().await {
        return Ok(StatusCode::OK);
    }
    Err(Error::new(Code::Unavailable, "the writer no longer answers; restart the process"))
}

/// Check readiness
///
/// Whether the node should get traffic: the log can be read and written, and the read models are near its end,
/// whichever node feeds them. A node that only runs couriers does not wait for them. Only operators see positions, lags
/// and errors: callers on the server's machine, and admins by session or service token.
#[utoipa::path(get, path = "/readyz", operation_id = "checkReadiness", tag = "health",
    security((), ("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = Ready, description = "The node is ready."),
    (status = 503, body = Ready, description = "The node is not ready, and this is why."),
))]
async fn readyz(State(app): State<App>, operator: Operator) -> Result<Response, Error> {
    let writer = app.probe.look().await.err().map(|why| why.to_string());
    let (log, projections) = (app.log.clone(), app.projections.clone());
    let asked = app.ask_log(app.settings.storage_wait, move || (log.head(), projections.status())).await?;
    let (head, status) = (asked.0?.position, asked.1?);
    // Who only tells others what happens reads the log itself.
    let reads_models = app.roles.has(Role::Api) || app.roles.has(Role::Projections);
    // Who answers no question is asked nothing of the index.
    let is_asked = |one: &&Status| app.roles.has(Role::Api) || one.name != ProjectionId::Search;
    let follows = !reads_models || status.iter().filter(is_asked).all(is_near);
    let mut damaged = app.projections.damaged();
    damaged.extend(app.state.damaged());
    let ready = follows && writer.is_none() && damaged.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let projections = status.into_iter().map(Following::of).collect();
    let (head, roles) = (Some(head), app.roles.names());
    let ready = Ready { ready, starting: false, roles, head, writer, projections, damaged };
    let shown = if operator.is_one() { ready } else { ready.without_figures() };
    Ok((code, Json(shown)).into_response())
}

/// Read metrics
///
/// For operators only: callers on the server's machine, and admins by session or service token.
#[utoipa::path(get, path = "/metrics", operation_id = "readMetrics", tag = "health",
    security((), ("bearer" = []), ("cookie" = [])), responses(
    (status = 200, body = String, content_type = "text/plain", description = "Figures in the text format of Prometheus."),
))]
async fn metrics_text(State(app): State<App>, operator: Operator) -> Result<Response, Error> {
    if app.settings.has_metrics_listener {
        let advice = "figures have a listener of their own here (LETOPIS_METRICS_LISTEN)";
        return Err(Error::new(Code::NotFound, advice));
    }
    operator.required()?;
    Ok(metrics::of_node(&app).await)
}
