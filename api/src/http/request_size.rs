//! How large a request may be, by what it says itself.

use crate::error::{Code, Error};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Most bytes of a request's address and headers, names and values together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 128 * 1024;

/// Refuses what is larger than any address takes.
pub(crate) async fn sized(request: Request, next: Next) -> Response {
    match oversized(&request) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

/// Whether a request is larger than any address takes, by what it says itself: then nothing of its body is read.
fn oversized(request: &Request) -> Option<Error> {
    let headers = request.headers();
    let header_bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    let address_bytes = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    if header_bytes + address_bytes > HEADERS_BYTES_MAX {
        return Some(Error::new(Code::HeadersTooLarge, "the headers are larger than 16 KiB"));
    }
    let body_bytes = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let writes = !request.method().is_safe();
    (writes && body_bytes.is_some_and(|bytes| bytes > BODY_BYTES_MAX)).then(too_large)
}

pub(crate) fn too_large() -> Error {
    Error::new(Code::TooLarge, "the body is larger than this address takes")
}
