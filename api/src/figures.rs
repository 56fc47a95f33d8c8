//! A listener for Prometheus alone: whoever reaches it sees every figure, and nobody sees them elsewhere.

use crate::Settings;
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::listener::{self, Doors};
use crate::http::{envelope, metrics};
use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use node::Node;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;

/// The node whose figures are told, once there is one.
#[derive(Clone, Default)]
pub struct Figures(Arc<OnceLock<App>>);

impl Figures {
    /// From here on they are those of this node. It is held until the last of these is dropped.
    pub fn of(&self, node: &Node, settings: Settings) {
        let _ = self.0.set(App::new(node, settings));
    }
}

/// Tells figures until `stop` resolves.
pub async fn serve_metrics(
    listener: TcpListener,
    figures: Figures,
    settings: Settings,
    stop: impl Future<Output = ()>,
) {
    metrics::recorder();
    let router = Router::new()
        .route("/metrics", get(tell))
        .fallback(async || Error::new(Code::NotFound, "there is nothing here but /metrics"))
        .layer(from_fn(envelope::finish))
        .with_state(figures);
    listener::open(listener, router, Doors::of(&settings), stop).await;
}

async fn tell(State(figures): State<Figures>) -> Response {
    match figures.0.get() {
        Some(app) => metrics::of_node(app).await,
        None => metrics::of_process(),
    }
}
