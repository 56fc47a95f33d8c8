//! What handlers answer with, and the headers that tell of it.

use crate::http::conditional;
use axum::Json;
use axum::http::header::ETAG;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use commands::Answer;
use serde::Serialize;
use utoipa::ToSchema;

/// The log position of what was written or read.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("letopis-position");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Something was written, and there is no more to say.
#[derive(Serialize, ToSchema)]
#[schema(as = Written)]
pub(crate) struct Done {
    /// The log position of the last event written.
    #[schema(example = 42)]
    pub(crate) position: u64,
}

/// The answer to a write.
pub(crate) fn written(status: StatusCode, answer: &Answer, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(POSITION, answer.position.into());
    if answer.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The answer to a write that changed one thing (PATCH, PUT), with the tag that it has now.
pub(crate) fn changed(answer: &Answer, body: impl Serialize) -> Response {
    let mut response = written(StatusCode::OK, answer, body);
    if answer.version > 0 {
        response.headers_mut().insert(ETAG, conditional::tag(answer.version));
    }
    response
}

/// The answer to a read.
pub(crate) fn read(position: u64, body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(POSITION, position.into());
    response
}

/// The answer to a read of one thing, with the tag that `If-Match` and `If-None-Match` may ask for.
pub(crate) fn read_one(position: u64, tag: HeaderValue, body: impl Serialize) -> Response {
    let mut response = read(position, body);
    response.headers_mut().insert(ETAG, tag);
    response
}
