//! What a node answers while it starts: read models may have to be built from the log first, which takes as long as
//! reading it.

use crate::Settings;
use crate::error::{Code, Error};
use crate::http::listener::{self, Doors};
use crate::http::peer::is_local;
use crate::http::{cors, envelope, metrics};
use crate::routes::health::{Following, Ready};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use node::{Builds, Roles};
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

struct Starting {
    roles: Roles,
    builds: watch::Receiver<Builds>,
    has_metrics_listener: bool,
}

/// Answers until `started` resolves: it lives, it is not ready and how far it is, and everything else is to be asked again
/// in a moment.
pub async fn starting(
    listener: TcpListener,
    settings: Settings,
    roles: Roles,
    builds: watch::Receiver<Builds>,
    started: impl Future<Output = ()>,
) {
    // Figures are gathered from here on.
    metrics::recorder();
    let router = Router::new()
        .route("/ping", get(StatusCode::OK))
        .route("/livez", get(StatusCode::OK))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .fallback(async || still_starting())
        .layer(cors::layer(&settings.allowed_origins))
        .layer(from_fn(envelope::finish))
        .with_state(Arc::new(Starting { roles, builds, has_metrics_listener: settings.has_metrics_listener }));
    listener::open(listener, router, Doors::of(&settings), started).await;
}

fn still_starting() -> Error {
    Error::new(Code::Starting, "the server is starting; try again in a moment")
}

/// While it starts nobody's session can be looked up: operators are those on this machine.
async fn readyz(State(starting): State<Arc<Starting>>, request: Request) -> Response {
    let builds = starting.builds.borrow().clone();
    let ready = Ready {
        ready: false,
        starting: true,
        roles: starting.roles.names(),
        head: builds.iter().map(|(_, at)| at.head).max(),
        writer: None,
        projections: builds.iter().map(|(name, at)| Following::of_build(*name, *at)).collect(),
        damaged: Vec::new(),
    };
    let shown = if is_local(request.extensions(), request.headers()) { ready } else { ready.without_figures() };
    (StatusCode::SERVICE_UNAVAILABLE, Json(shown)).into_response()
}

async fn metrics(State(starting): State<Arc<Starting>>, request: Request) -> Response {
    if starting.has_metrics_listener || !is_local(request.extensions(), request.headers()) {
        return still_starting().into_response();
    }
    metrics::of_process()
}
