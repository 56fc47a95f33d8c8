//! How large a request may be, by what it says itself.

use crate::error::{Code, Error};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Arc;

/// Most bytes of a request's address and headers, names and values together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a request's body, where the address says nothing else.
pub(crate) const BODY_BYTES_MAX: usize = 128 * 1024;

/// The addresses that take longer bodies, and how long ones.
pub(crate) type LongerBodies = Arc<HashMap<String, usize>>;

/// Most bytes of the body of a request, by its address. Some addresses take less, which they see to themselves.
#[derive(Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// The addresses that take longer bodies than others, by what they are.
pub(crate) fn longer<'a>(limits: impl Iterator<Item = (&'a str, usize)>) -> LongerBodies {
    let mut longer = HashMap::<String, usize>::new();
    for (path, bytes_max) in limits.filter(|(_, bytes_max)| *bytes_max > BODY_BYTES_MAX) {
        let limit = longer.entry(path.to_owned()).or_default();
        *limit = bytes_max.max(*limit);
    }
    Arc::new(longer)
}

/// Refuses what is larger than its address takes.
pub(crate) async fn sized(State(longer): State<LongerBodies>, mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<MatchedPath>();
    let limit = address.and_then(|address| longer.get(address.as_str()).copied()).unwrap_or(BODY_BYTES_MAX);
    match oversized(&request, limit) {
        Some(error) => error.into_response(),
        None => {
            request.extensions_mut().insert(BodyLimit(limit));
            next.run(request).await
        }
    }
}

/// Whether a request is larger than its address takes, by what it says itself: then nothing of its body is read.
fn oversized(request: &Request, limit: usize) -> Option<Error> {
    let headers = request.headers();
    let header_bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let address_bytes = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if header_bytes + address_bytes > HEADERS_BYTES_MAX {
        return Some(Error::new(Code::HeadersTooLarge, "the headers are larger than 16 KiB"));
    }
    let body_bytes = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let writes = !request.method().is_safe();
    (writes && body_bytes.is_some_and(|bytes| bytes > limit)).then(too_large)
}

pub(crate) fn too_large() -> Error {
    Error::new(Code::TooLarge, "the body is larger than this address accepts")
}
