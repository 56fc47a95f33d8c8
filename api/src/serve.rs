//! The whole of the doors put together, and served.

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::address::{self, Finding};
use crate::http::admission::{self, Admission};
use crate::http::listener::{self, Doors};
use crate::http::metrics::{condense, recorder};
use crate::http::{budget, conditional, cors, envelope, idempotency, request_size};
use crate::live::follow::follow;
use crate::live::signals;
use crate::routes::spec::{Operation, RateClass};
use crate::routes::{health, reset};
use crate::{Network, Settings, console, docs, mailbox, modules, openapi, rate_limits, sign_in_pages};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use node::{Node, Role};
use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// Every address, with every layer.
pub fn router(node: &Node, settings: Settings) -> Router {
    addresses(&App::new(node, settings))
}

fn addresses(app: &App) -> Router {
    recorder();
    let trusted = Arc::<[Network]>::from(app.settings.trusted_proxies.as_slice());
    let finding = Finding { trusted, is_logged: app.settings.log_addresses };
    let (routes, operations) = routes(app);
    let limits = operations.iter().map(|operation| (operation.path.as_str(), operation.spec.body_bytes_max));
    let longer = request_size::longer(limits);
    let classes = rate_limits::classes(&operations);
    let probes = operations.into_iter().filter(|operation| operation.spec.class == RateClass::Probe);
    let admission = Admission::new(&app.settings.limits, probes.map(|probe| probe.path).collect());
    routes
        .layer(from_fn(conditional::not_modified))
        .layer(from_fn_with_state(Arc::clone(&app.keys), idempotency::fingerprint))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn Any + Send>| {
            let said = panic.downcast_ref::<&str>().copied().unwrap_or("no message");
            tracing::error!(panic = said, "a handler panicked");
            Error::new(Code::Internal, "an internal error; the server's log says why").into_response()
        }))
        .layer(from_fn_with_state(Arc::new(admission), admission::pass))
        .layer(from_fn_with_state(Arc::clone(&app.budget), budget::charge))
        .layer(from_fn_with_state(longer, request_size::sized))
        .layer(from_fn_with_state((app.clone(), classes), rate_limits::limit))
        .layer(from_fn_with_state(finding, address::find))
        .layer(cors::layer(&app.settings.allowed_origins))
        .layer(from_fn(envelope::finish))
        .with_state(app.clone())
}

/// The routes that this node answers by its roles, and what each of them is.
fn routes(app: &App) -> (Router<App>, Vec<Operation>) {
    if app.roles.has(Role::Api) {
        let (routes, document, operations) = openapi::routes().into_parts();
        let (routes, document, operations) = modules::left_out(app.modules, routes, document, operations);
        let mut document = openapi::complete(document, &operations, app.settings.public_url.as_deref());
        openapi::bound_passwords(&mut document, app.passwords.lengths());
        let pages = docs::pages(&document).merge(mailbox::pages()).merge(reset::form()).merge(console::pages(app));
        let pages = pages.merge(sign_in_pages::pages(app));
        return (routes.merge(pages), operations);
    }
    let (routes, _, operations) = health::of_every_node().into_parts();
    let advice = "this node does not answer the API: its roles leave `api` out; ask another node";
    (routes.fallback(async move || Error::new(Code::NotFound, advice)), operations)
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
    let app = App::new(node, settings);
    tokio::select! {
        () = listener::open(listener, addresses(&app), doors, stop) => Ok(()),
        () = condense() => Ok(()),
        () = follow(app.clone(), node.hint.clone()) => Ok(()),
        () = signals::pass_on(app.clone()) => Ok(()),
    }
}
