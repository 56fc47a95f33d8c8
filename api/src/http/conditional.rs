//! Conditional requests (RFC 9110, 13): `ETag`, `If-Match`, `If-None-Match`.
//!
//! A tag of ours is the version of a resource's stream; behind a dot may stand a mark of what else an answer shows.
//! Proxies that compress rewrite tags, so tags are compared without what those add.

use crate::error::{Code, Error};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// What proxies put behind a tag, after `-`, `;` or `+`: the encoding that they sent it in.
const ENCODINGS: [&str; 6] = ["gzip", "br", "zstd", "deflate", "x-gzip", "compress"];

/// The tag of a resource at a version of its stream.
pub(crate) fn tag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits in quotes are a header value")
}

/// The same for an answer that shows more than the stream holds: `beside` is all of that.
pub(crate) fn tag_beside(version: u64, beside: &[&[u8]]) -> HeaderValue {
    let mut hash = blake3::Hasher::new();
    for part in beside {
        hash.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    let mark = hash.finalize().to_hex();
    let text = format!("\"{version}.{}\"", &mark[..16]);
    HeaderValue::from_str(&text).expect("digits in quotes are a header value")
}

/// The versions of which a resource must have one, by `If-Match`; none where any will do. A tag that was never given
/// out names no version.
///
/// # Errors
/// `bad-parameters` when it is no list of tags.
pub(crate) fn if_match(parts: &Parts) -> Result<Option<Vec<u64>>, Error> {
    if !parts.headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    match tags(&parts.headers, &IF_MATCH) {
        Some(Tags::Any) => Ok(None),
        Some(Tags::Listed(tags)) => Ok(Some(tags.iter().filter_map(|tag| version(tag)).collect())),
        None => {
            let advice = "If-Match must be *, or one or more ETags in quotes with commas between them";
            Err(Error::new(Code::BadParameters, advice))
        }
    }
}

/// Answers 304 when the caller has what a read would answer.
pub(crate) async fn not_modified(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // A header that is no list of tags matches nothing, and costs no more than the answer.
    let known = if reads { tags(request.headers(), &IF_NONE_MATCH) } else { None };
    let response = next.run(request).await;
    let (Some(known), StatusCode::OK) = (known, response.status()) else { return response };
    let tag = response.headers().get(ETAG).map(HeaderValue::as_bytes);
    let Some(tag) = tag.map(|tag| unquoted(tag).to_vec()) else { return response };
    let is_known = match known {
        Tags::Any => true,
        Tags::Listed(tags) => tags.contains(&tag),
    };
    if !is_known {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    Response::from_parts(parts, Body::empty())
}

/// What a condition names.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// What stands in the quotes of each tag, without what proxies add.
    Listed(Vec<Vec<u8>>),
}

/// Reads all lines of a condition as one list; none when it is not well formed.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<Tags> {
    let mut listed = Vec::new();
    for line in headers.get_all(name) {
        let mut rest = line.as_bytes().trim_ascii();
        if rest == b"*" {
            return Some(Tags::Any);
        }
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix(b",") {
                // RFC 9110, 5.6.1: empty elements are passed over.
                rest = behind.trim_ascii_start();
                continue;
            }
            let tag = rest.strip_prefix(b"W/").unwrap_or(rest).strip_prefix(b"\"")?;
            let end = tag.iter().position(|byte| *byte == b'"')?;
            listed.push(plain(&tag[..end]).to_vec());
            rest = tag[end + 1..].trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return None;
            }
        }
    }
    (!listed.is_empty()).then_some(Tags::Listed(listed))
}

/// What stands in the quotes of one tag of ours.
fn unquoted(tag: &[u8]) -> &[u8] {
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\"")).unwrap_or(tag)
}

/// A tag without the encodings that proxies wrote behind it; some write one more each time that they see it.
fn plain(mut tag: &[u8]) -> &[u8] {
    'again: loop {
        for encoding in ENCODINGS {
            if let Some(before) = tag.strip_suffix(encoding.as_bytes())
                && let Some(bare) = [&b"--"[..], b"-", b";", b"+"].iter().find_map(|by| before.strip_suffix(*by))
            {
                tag = bare;
                continue 'again;
            }
        }
        return tag;
    }
}

/// The version that a tag names, written as we write it: "+1" and "01" were never given out.
fn version(tag: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(tag).ok()?;
    let number = text.split_once('.').map_or(text, |(number, _)| number);
    number.parse::<u64>().ok().filter(|version| version.to_string() == number)
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(lines: &[&[u8]]) -> Result<Option<Vec<u64>>, Code> {
        let mut request = axum::http::Request::patch("/");
        for line in lines {
            request = request.header(IF_MATCH, HeaderValue::from_bytes(line).unwrap());
        }
        if_match(&request.body(()).unwrap().into_parts().0).map_err(|error| error.code)
    }

    #[test]
    fn a_condition_is_a_star_or_tags_as_proxies_rewrite_them() {
        let two: [&[u8]; 13] = [
            b"\"2\"",
            b"W/\"2\"",
            b" \"2\" ",
            b"\"2-gzip\"",
            b"\"2--gzip\"",
            b"\"2-br\"",
            b"\"2;gzip\"",
            b"\"2;br\"",
            b"W/\"2-zstd\"",
            b"\"2-gzip-gzip\"",
            b"\"2+deflate\"",
            b"\"2.0123456789abcdef\"",
            b"\"2.0123456789abcdef-gzip\"",
        ];
        for line in two {
            assert_eq!(asked(&[line]), Ok(Some(vec![2])), "{:?}", String::from_utf8_lossy(line));
        }
        assert_eq!(asked(&[b"\"1\", W/\"2\" ,, \"3-gzip\","]), Ok(Some(vec![1, 2, 3])));
        assert_eq!(asked(&[b"\"1\"", b"\"2\",\"3\""]), Ok(Some(vec![1, 2, 3])));
        assert_eq!(asked(&[b"*"]), Ok(None));
        assert_eq!(asked(&[]), Ok(None));
        for strange in [&b"\"\""[..], b"\"abc\"", b"\"+2\"", b"\"02\"", b"\"2x\"", b"\"Z\xfcrich\"", b"\"2-other\""] {
            assert_eq!(asked(&[strange]), Ok(Some(vec![])), "{:?}", String::from_utf8_lossy(strange));
        }
        for malformed in
            [&b""[..], b",", b"2", b"\"2", b"2\"", b"W/2", b"w/\"2\"", b"\"1\" \"2\"", b"\"1\", *", b"\xff"]
        {
            assert_eq!(asked(&[malformed]), Err(Code::BadParameters), "{:?}", String::from_utf8_lossy(malformed));
        }
    }

    #[test]
    fn a_tag_of_what_else_is_shown_names_the_same_version() {
        let (one, other) = (tag_beside(7, &[b"a", b"b"]), tag_beside(7, &[b"ab"]));
        assert_ne!(one, other);
        assert_eq!(asked(&[one.as_bytes()]), Ok(Some(vec![7])));
        assert_eq!(tag(7), "\"7\"");
    }
}
