//! Which pages of other origins may call and read the answers: those of the origins that an operator named.

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may keep what it was told about a call.
const KEPT_MAX: Duration = Duration::from_secs(3600);
/// Most bytes that are read of a request that is not answered by a handler, to find its `Origin`.
pub(super) const ORIGIN_BYTES_MAX: usize = 8 * 1024;
const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// What a page may send.
const SENT: [HeaderName; 7] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("letopis-min-position"),
    HeaderName::from_static("x-request-id"),
];
/// What a page may read.
const SHOWN: [HeaderName; 6] = [
    ETAG,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    HeaderName::from_static("letopis-position"),
    HeaderName::from_static("idempotency-replayed"),
    HeaderName::from_static("x-request-id"),
];

/// For requests that could be read.
pub(crate) fn layer(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods(METHODS)
        .allow_headers(SENT)
        .expose_headers(SHOWN)
        .max_age(KEPT_MAX)
}

/// For a request that could not be read: the lines of the answer's header, by what came of the request's.
pub(crate) fn lines(origins: &[String], head: &[u8]) -> String {
    let allowed = sent_origin(head).and_then(|sent| origins.iter().find(|origin| origin.as_bytes() == sent));
    let Some(origin) = allowed else { return String::new() };
    let shown = SHOWN.each_ref().map(HeaderName::as_str).join(",");
    format!(
        "access-control-allow-origin: {origin}\r\naccess-control-allow-credentials: true\r\n\
         access-control-expose-headers: {shown}\r\nvary: origin\r\n"
    )
}

/// The value of a whole line `Origin` in what came of a request's header.
fn sent_origin(head: &[u8]) -> Option<&[u8]> {
    // The last line may be cut off.
    let whole = &head[..=head.iter().rposition(|byte| *byte == b'\n')?];
    whole.split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"origin:".len())?;
        name.eq_ignore_ascii_case(b"origin:").then(|| value.trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_told_only_where_it_was_allowed_and_whole() {
        let origins = ["https://a.example".to_owned(), "https://b.example".to_owned()];
        for head in ["GET / HTTP/1.1\r\nOrigin: https://b.example\r\nx", "?\nORIGIN:https://b.example \n"] {
            let lines = lines(&origins, head.as_bytes());
            assert!(lines.starts_with("access-control-allow-origin: https://b.example\r\n"), "{lines}");
            assert!(lines.ends_with("\r\nvary: origin\r\n") && lines.contains("x-request-id"), "{lines}");
        }
        let refused = [
            "",
            "Origin: https://a.example",
            "Origin: https://a.example.evil\r\n",
            "Origin: https://a.examp",
            "x-origin: https://a.example\r\n",
            "Origin: https://c.example\r\n\r\n",
        ];
        for head in refused {
            assert_eq!(lines(&origins, head.as_bytes()), "", "{head}");
        }
    }
}
