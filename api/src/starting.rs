//! What a node answers while it starts: read models may have to be built from the log first, which takes as long as
//! reading it.

use crate::Settings;
use crate::error::{Code, Error};
use crate::http::listener::{self, Doors};
use crate::http::{cors, envelope, metrics};
use crate::routes::health::{Following, Ready};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
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
        .fallback(async || Error::new(Code::Starting, "the server is starting; ask again in a moment"))
        .layer(cors::layer(&settings.allowed_origins))
        .layer(from_fn(envelope::finish))
        .with_state(Arc::new(Starting { roles, builds }));
    listener::open(listener, router, Doors::of(&settings), started).await;
}

async fn readyz(State(starting): State<Arc<Starting>>) -> Response {
    let builds = starting.builds.borrow().clone();
    let ready = Ready {
        ready: false,
        starting: true,
        roles: starting.roles.names(),
        head: builds.iter().map(|(_, at)| at.head).max().unwrap_or_default(),
        writer: None,
        projections: builds.iter().map(|(name, at)| Following::of_build(*name, *at)).collect(),
        damaged: Vec::new(),
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(ready)).into_response()
}

async fn metrics() -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics::recorder().render()).into_response()
}
