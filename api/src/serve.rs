//! The whole of the doors put together, and served.

use crate::app::App;
use crate::conditional;
use crate::door::{self, Doors, gate};
use crate::error::{Code, Error};
use crate::passwords::PasswordError;
use crate::routes::search_tasks;
use crate::{Node, Role, Roles, Settings, address, budget, cors, health, openapi, respond};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::any::Any;
use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// How often the figures are condensed.
const CONDENSE_EVERY: Duration = Duration::from_secs(5);

/// Every address, with every layer.
///
/// # Errors
/// When the cost of passwords in the settings is outside argon2's limits.
pub fn router(node: &Node, settings: Settings) -> Result<Router, PasswordError> {
    Ok(addresses(&App::new(node, settings)?))
}

fn addresses(app: &App) -> Router {
    recorder();
    routes(app.roles)
        .layer(from_fn(conditional::not_modified))
        .layer(from_fn_with_state(app.clone(), respond::fingerprint))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| {
            let said = panic.downcast_ref::<&str>().copied().unwrap_or("no message");
            tracing::error!(panic = said, "a handler panicked");
            Error::new(Code::Internal, "an internal error; the server's log says why").into_response()
        }))
        .layer(from_fn_with_state(app.clone(), gate::pass))
        .layer(from_fn_with_state(app.clone(), budget::charge))
        .layer(from_fn_with_state(app.clone(), address::find))
        .layer(from_fn(respond::sized))
        .layer(cors::layer(&app.settings.allowed_origins))
        .layer(from_fn(respond::finish))
        .with_state(app.clone())
}

/// The addresses that a node of these roles answers.
fn routes(roles: Roles) -> Router<App> {
    if roles.has(Role::Api) {
        let (routes, document) = openapi::routes().split_for_parts();
        return routes.merge(openapi::pages(document));
    }
    let (routes, _) = health::of_every_node().split_for_parts();
    let advice = "this node does not answer the API: its roles leave `api` out; ask another node";
    routes.fallback(async move || Error::new(Code::NotFound, advice))
}

/// Serves until `stop` resolves, then lets requests under way finish, for at most ten seconds.
///
/// # Errors
/// When the settings are unusable.
pub async fn serve(
    listener: TcpListener,
    node: &Node,
    settings: Settings,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let doors = Doors::of(&settings);
    let app = App::new(node, settings).map_err(std::io::Error::other)?;
    tokio::select! {
        () = door::open(listener, addresses(&app), doors, stop) => Ok(()),
        () = condense() => Ok(()),
        () = search_tasks::work(&app), if app.roles.has(Role::Api) => Ok(()),
    }
}

/// Condenses the figures now and then: samples that nobody scrapes must not gather for ever.
async fn condense() {
    let mut beat = tokio::time::interval(CONDENSE_EVERY);
    loop {
        beat.tick().await;
        recorder().run_upkeep();
    }
}

/// The process's one collector of figures.
pub(crate) fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Somebody else's collector is in place only in a process that is not ours: then ours stays empty.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
