//! The outermost layer, which every response goes through: its id, its headers, the body of a failure.

use crate::error::{Code, Error};
use crate::http::context::RequestId;
use crate::http::cors;
use crate::http::metrics::count;
use crate::http::request_log::{Line, Notes};
use crate::http::request_size::too_large;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer: gives the request its id, turns every failure into a problem, counts and logs.
pub(crate) async fn finish(mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let notes = Notes::default();
    let line = Line::begin(&method, route.clone(), &id, request.headers(), notes.clone());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(notes);
    let mut response = explained(next.run(request).await, &id);
    let id = HeaderValue::from_str(&id).expect("a request id is made of letters, digits, dot, dash and underscore");
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    secure(headers);
    count(&method, route.as_ref().map(MatchedPath::as_str), response.status(), began);
    line.answered(&response);
    response
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
        None if (status.is_client_error() || status.is_server_error()) && !is_own(&response) => by_status(status),
        None => return response,
    };
    let problem = Problem::of(&error, request_id);
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
    if let Some(seconds) = error.retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    explained.extensions_mut().insert(error);
    explained
}

/// A whole answer to a request that could not be read, as it goes over the wire before the connection is closed;
/// `head` is what came of it.
pub(crate) fn alone(error: &Error, origins: &[String], head: &[u8]) -> String {
    let request_id = uuid::Uuid::now_v7().to_string();
    let body = serde_json::to_string(&Problem::of(error, &request_id)).expect("a problem is made of text and numbers");
    let status = error.code.status();
    let retry_after = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nx-request-id: {request_id}\r\n\
         cache-control: no-store\r\n{retry_after}{}connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        cors::lines(origins, head),
        body.len()
    )
}

/// Whether a handler has said on its own what is wrong: in JSON (`/readyz`), or on a page.
fn is_own(response: &Response) -> bool {
    let own = ["application/json", "text/html; charset=utf-8"];
    response.headers().get(CONTENT_TYPE).is_some_and(|kind| own.iter().any(|own| kind == own))
}

/// A failure that axum or a layer made without us.
fn by_status(status: StatusCode) -> Error {
    match status {
        StatusCode::NOT_FOUND => Error::new(Code::NotFound, "there is nothing at this address; see /docs"),
        StatusCode::METHOD_NOT_ALLOWED => Error::new(Code::MethodNotAllowed, "see the Allow header, or /docs"),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        StatusCode::SERVICE_UNAVAILABLE => Error::new(Code::Unavailable, "the server cannot answer now; try again"),
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
    fn a_refusal_without_a_word_keeps_its_status() {
        for status in [StatusCode::NOT_FOUND, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::SERVICE_UNAVAILABLE] {
            let explained = explained(status.into_response(), "id");
            assert_eq!(explained.status(), status);
            assert_eq!(explained.headers()[CONTENT_TYPE], "application/problem+json");
        }
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
