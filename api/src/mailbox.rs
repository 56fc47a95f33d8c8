//! The page of the dev mailbox, which works without internet: it shows what `routes/mailbox.rs` answers.

use crate::app::App;
use crate::auth::operator::MailboxVisitor;
use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// The page brings its own scripts and styles, asks this server only, and shows mails in frames that do nothing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/mailbox` and its files.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route(
            "/mailbox",
            get(async |_: MailboxVisitor| page("text/html; charset=utf-8", include_str!("mailbox/index.html"))),
        )
        .route("/mailbox/", get(async || Redirect::permanent("/mailbox")))
        .route(
            "/mailbox/mailbox.css",
            get(async || page("text/css; charset=utf-8", include_str!("mailbox/mailbox.css"))),
        )
        .route(
            "/mailbox/mailbox.js",
            get(async || page("text/javascript; charset=utf-8", include_str!("mailbox/mailbox.js"))),
        )
        .route("/mailbox/icon.svg", get(async || page("image/svg+xml", include_str!("docs/icon.svg"))))
}

fn page(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], content).into_response()
}
