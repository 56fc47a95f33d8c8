//! What leaves: answers with their headers, and the outermost layer that every response goes through.

use crate::app::App;
use crate::conditional;
use crate::cors;
use crate::door::gate::unread;
use crate::error::{Code, Error};
use crate::extract::{Fingerprint, RequestId, idempotency_key};
use crate::problem::Problem;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use commands::Answer;
use serde::Serialize;
use std::time::Instant;

/// The log position of what was written or read.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("letopis-position");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Most bytes of a request's address and headers, names and values together.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of a request's body.
pub(crate) const BODY_BYTES_MAX: usize = 128 * 1024;

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

/// The outermost layer: gives the request its id, turns every failure into a problem, counts.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = explained(next.run(request).await, &id);
    let id = HeaderValue::from_str(&id).expect("a request id is made of letters, digits, dot, dash and underscore");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    secure(headers);
    count(&method, route.as_deref(), response.status(), began);
    response
}

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

/// Hashes requests that carry an `Idempotency-Key`, so that a repeat with another content is known.
pub(crate) async fn fingerprint(State(app): State<App>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match idempotency_key(&parts) {
        Ok(None) => return next.run(Request::from_parts(parts, body)).await,
        Ok(Some(_)) => {}
        Err(error) => return error.into_response(),
    }
    let whole = Bytes::from_request(
        Request::new(axum::body::Body::new(http_body_util::Limited::new(body, BODY_BYTES_MAX))),
        &(),
    )
    .await;
    let bytes = match whole {
        Ok(bytes) => bytes,
        Err(rejection) => return unread(&rejection).into_response(),
    };
    let method = parts.method.as_str().as_bytes();
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).as_bytes();
    let hash = app.keys.keyed_hash("request", &[method, path, &bytes]);
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(Fingerprint(hash));
    next.run(request).await
}

fn request_id(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        let letters = id.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"._-".contains(&letter));
        letters && (1..=64).contains(&id.len())
    };
    let sent = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(fits);
    sent.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// Writes the body of a failure: ours, or one that a layer below made. Its headers stay: `Allow`, those of CORS.
fn explained(response: Response, request_id: &str) -> Response {
    let status = response.status();
    let error = match response.extensions().get::<Error>() {
        Some(error) => error.clone(),
        None if (status.is_client_error() || status.is_server_error()) && !is_json(&response) => by_status(status),
        None => return response,
    };
    let problem = problem(&error, request_id);
    let (parts, _) = response.into_parts();
    let mut explained = (error.code.status(), Json(problem)).into_response();
    let headers = explained.headers_mut();
    *headers = parts.headers;
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if error.code.status() == StatusCode::UNAUTHORIZED {
        // Only a token that was sent can be an invalid one (RFC 6750, 3.1).
        let challenge = if matches!(error.code, Code::InvalidSession | Code::SessionExpired) {
            "Bearer realm=\"letopis\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"letopis\""
        };
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(scope) = error.scope {
        // RFC 6750, 3.1.
        let scope = scope.name();
        let challenge = format!("Bearer realm=\"letopis\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let challenge = HeaderValue::from_str(&challenge).expect("a scope's name is lower-case letters");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if error.code == Code::TooSlow {
        // The rest of the body may still come.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if error.code.status() == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    explained
}

fn problem(error: &Error, request_id: &str) -> Problem {
    Problem {
        r#type: format!("urn:letopis:problem:{}", error.code.text()),
        title: error.code.title(),
        status: error.code.status().as_u16(),
        detail: error.detail.clone(),
        code: error.code.text(),
        request_id: request_id.to_owned(),
        errors: error.errors.clone(),
    }
}

/// A whole answer to a request that could not be read, as it goes over the wire before the connection is closed;
/// `head` is what came of it.
pub(crate) fn alone(error: &Error, origins: &[String], head: &[u8]) -> String {
    let request_id = uuid::Uuid::now_v7().to_string();
    let body = serde_json::to_string(&problem(error, &request_id)).expect("a problem is made of text and numbers");
    let status = error.code.status();
    let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nx-request-id: {request_id}\r\n\
         cache-control: no-store\r\n{retry_after}{}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        cors::lines(origins, head),
        body.len()
    )
}

/// Whether a handler has said in JSON of its own what is wrong (`/readyz`).
fn is_json(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

/// A failure that axum or a layer made without us.
fn by_status(status: StatusCode) -> Error {
    match status {
        StatusCode::NOT_FOUND => Error::new(Code::NotFound, "there is nothing at this address; see /docs"),
        StatusCode::METHOD_NOT_ALLOWED => Error::new(Code::MethodNotAllowed, "see the Allow header, or /docs"),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status if status.is_client_error() => Error::new(Code::BadParameters, "the request is not well formed"),
        _ => Error::new(Code::Internal, "an internal error; the server's log says why"),
    }
}

/// Headers that keep browsers from doing what nobody asked for. A page that needs more says so itself.
fn secure(headers: &mut HeaderMap) {
    let defaults = [
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("content-security-policy"), "default-src 'none'; frame-ancestors 'none'"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

fn count(method: &Method, route: Option<&str>, status: StatusCode, began: Instant) {
    // A client can make up methods, and a series of figures is never forgotten.
    let method = match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    };
    let labels = [
        ("method", method.to_owned()),
        ("route", route.unwrap_or("none").to_owned()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("letopis_http_requests_total", &labels).increment(1);
    metrics::histogram!("letopis_http_seconds").record(began.elapsed().as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ready_says_so_in_its_own_words() {
        let own = (StatusCode::SERVICE_UNAVAILABLE, Json("behind")).into_response();
        let explained = explained(own, "id");
        assert_eq!(explained.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(explained.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn a_failure_of_a_layer_becomes_a_problem_and_keeps_its_headers() {
        let theirs = (StatusCode::METHOD_NOT_ALLOWED, [("allow", "GET")], "No!").into_response();
        let explained = explained(theirs, "id");
        assert_eq!(explained.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(explained.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(explained.headers()["allow"], "GET");
    }
}
