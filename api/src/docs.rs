//! `/openapi.json`, and the pages that show it without internet.

use crate::app::App;
use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Redirect;
use axum::routing::get;
use serde_json::Value;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// `/openapi.json` and `/docs`.
pub(crate) fn pages(document: Value) -> Router<App> {
    let config = Config::new(["/openapi.json"]).try_it_out_enabled(true);
    let ui = SwaggerUi::new("/docs").external_url_unchecked("/openapi.json", document).config(config);
    Router::from(ui).route("/", get(|| async { Redirect::temporary("/docs/") })).layer(from_fn(
        async |request: Request<axum::body::Body>, next: Next| {
            let mut response = next.run(request).await;
            // The page brings its own scripts and styles, and asks this server only.
            let policy =
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            response
        },
    ))
}
