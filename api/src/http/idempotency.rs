//! Requests that may be sent twice: their `Idempotency-Key`, and what tells a repeat from another request.

use crate::error::{Code, Error};
use crate::http::admission::unread;
use crate::http::request_size::{BODY_BYTES_MAX, BodyLimit};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use store::Keys;

/// Longest `Idempotency-Key` in characters.
pub(crate) const KEY_MAX: usize = 255;

/// The keyed hash of the whole request, where it has an `Idempotency-Key`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fingerprint(pub(crate) [u8; 32]);

/// The `Idempotency-Key` of a write, if it has one. Reads have no use for it.
pub(crate) fn idempotency_key(parts: &Parts) -> Result<Option<String>, Error> {
    if parts.method.is_safe() {
        return Ok(None);
    }
    let Some(value) = parts.headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => {
            Err(Error::new(Code::BadParameters, "Idempotency-Key must have 1 to 255 visible ASCII characters"))
        }
    }
}

/// Hashes requests that carry an `Idempotency-Key`, so that a repeat with another content is known.
pub(crate) async fn fingerprint(State(keys): State<Arc<Keys>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match idempotency_key(&parts) {
        Ok(None) => return next.run(Request::from_parts(parts, body)).await,
        Ok(Some(_)) => {}
        Err(error) => return error.into_response(),
    }
    let limit = parts.extensions.get::<BodyLimit>().map_or(BODY_BYTES_MAX, |limit| limit.0);
    let whole =
        Bytes::from_request(Request::new(axum::body::Body::new(http_body_util::Limited::new(body, limit))), &()).await;
    let bytes = match whole {
        Ok(bytes) => bytes,
        Err(rejection) => return unread(&rejection).into_response(),
    };
    let method = parts.method.as_str().as_bytes();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).as_bytes();
    let hash = keys.keyed_hash("request", &[method, path, &bytes]);
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(Fingerprint(hash));
    next.run(request).await
}

/// Takes the fingerprint away again, where a repeat is another request: its commands then carry no key.
pub(crate) async fn ignore(mut request: Request, next: Next) -> Response {
    request.extensions_mut().remove::<Fingerprint>();
    next.run(request).await
}

#[cfg(test)]
mod fuzz;
