//! `/openapi.json`, and the page that shows it without internet: Swagger UI with a bar of ours to sign in.

use crate::app::App;
use crate::error::{Code, Error};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::Value;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// The page brings its own scripts and styles, and asks this server only.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
/// Our files of the page: name, type, content.
const OURS: [(&str, &str, &str); 3] = [
    ("docs.css", "text/css; charset=utf-8", include_str!("docs/docs.css")),
    ("docs.js", "text/javascript; charset=utf-8", include_str!("docs/docs.js")),
    ("icon.svg", "image/svg+xml", include_str!("docs/icon.svg")),
];
/// The files of Swagger UI that the page needs.
const THEIRS: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];
/// A browser may keep Swagger UI's files for an hour: they are large, and change with a release only.
const KEPT: &str = "public, max-age=3600";

/// `/openapi.json` and `/docs`.
pub(crate) fn pages(document: &Value) -> Router<App> {
    let text = Bytes::from(document.to_string());
    Router::new()
        .route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], text)))
        .route("/", get(async || Redirect::temporary("/docs/")))
        .route("/docs", get(async || Redirect::to("/docs/")))
        .route("/docs/", get(async || page(HTML, include_str!("docs/index.html"))))
        .route("/docs/{file}", get(file))
}

async fn file(Path(name): Path<String>) -> Response {
    if let Some((_, kind, content)) = OURS.into_iter().find(|(known, ..)| *known == name) {
        return page(kind, content);
    }
    let nothing = || Error::new(Code::NotFound, "there is nothing at this address; see /docs").into_response();
    if !THEIRS.contains(&name.as_str()) {
        return nothing();
    }
    match utoipa_swagger_ui::serve(&name, Arc::new(Config::default())) {
        Ok(Some(file)) => {
            ([(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, KEPT.to_owned())], file.bytes.into_owned())
                .into_response()
        }
        Ok(None) | Err(_) => nothing(),
    }
}

fn page(kind: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], content).into_response()
}
