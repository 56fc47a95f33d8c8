//! What a request carries of ours: tokens in `Authorization` and in the session cookie.
//!
//! Both headers belong to others as well: to a proxy's own sign-in, to other programs on this host. They are compared
//! as bytes, and whatever is not ours is passed over, so that it can neither hide nor drop what is.

use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::{HeaderMap, HeaderValue};

/// The session cookie: only over TLS or to this machine, only for this host, not for scripts.
pub(crate) const COOKIE_NAME: &str = "__Host-letopis";
/// Most tokens of one request that are looked at: no browser and no client of ours sends more than one of each kind.
const TOKENS_MAX: usize = 8;

/// The tokens of `Authorization`, in the order of its lines: one word of visible ASCII behind `Bearer` or `session_id`.
pub(crate) fn of_header(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(AUTHORIZATION).iter();
    distinct(lines.filter_map(|line| authorized(line.as_bytes())))
}

/// The values of the session cookie, in the order of their lines. Those that cannot be a token are left out.
pub(crate) fn of_cookie(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter();
    distinct(lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(ours))
}

/// The line that puts a token into the session cookie for so many seconds; with none, takes it out.
pub(crate) fn set_cookie(token: &str, seconds: u64) -> HeaderValue {
    let text = format!("{COOKIE_NAME}={token}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).expect("a token is base64url and fits a header")
}

fn authorized(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii();
    let (scheme, rest) = line.split_at(line.iter().position(u8::is_ascii_whitespace)?);
    let known = scheme.eq_ignore_ascii_case(b"bearer") || scheme.eq_ignore_ascii_case(b"session_id");
    known.then(|| word(rest.trim_ascii()))?
}

fn ours(pair: &[u8]) -> Option<String> {
    let value = pair.trim_ascii().strip_prefix(COOKIE_NAME.as_bytes())?.strip_prefix(b"=")?;
    // RFC 6265, 4.1.1: a value may stand in quotes, and some clients put it there.
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    word(value)
}

/// Bytes that can be a token: some, all of them visible ASCII.
fn word(bytes: &[u8]) -> Option<String> {
    let visible = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_graphic);
    visible.then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn distinct(tokens: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for token in tokens {
        if distinct.len() < TOKENS_MAX && !distinct.contains(&token) {
            distinct.push(token);
        }
    }
    distinct
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(name: &HeaderName, lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn what_is_not_ours_in_authorization_is_passed_over() {
        let cases: [(&[&[u8]], &[&str]); 9] = [
            (&[b"Bearer T"], &["T"]),
            (&[b"Basic eDp5", b"Bearer T"], &["T"]),
            (&[b"Bearer T", b"Basic eDp5", b"session_id S"], &["T", "S"]),
            (&[b"Bearer", b"Bearer ", b"session_id\t", b"bearer \t T \t"], &["T"]),
            (&["Bearer Zürich".as_bytes(), b"Bearer T"], &["T"]),
            (&[b"Bearer a b", b"Negotiate", b"Digest username=\"Bearer T\"", b""], &[]),
            (&[b"Z\xfcrich T", b"\xff", b"=", b"BearerT"], &[]),
            (&[b"Bearer T", b"BEARER T"], &["T"]),
            (&[], &[]),
        ];
        for (lines, tokens) in cases {
            assert_eq!(of_header(&headers(&AUTHORIZATION, lines)), tokens, "{lines:?}");
        }
        let crowd = (0..100).map(|number| format!("Bearer {number}")).collect::<Vec<_>>();
        let crowd = crowd.iter().map(|line| line.as_bytes()).collect::<Vec<_>>();
        assert_eq!(of_header(&headers(&AUTHORIZATION, &crowd)).len(), TOKENS_MAX);
    }

    #[test]
    fn what_is_not_ours_among_cookies_is_passed_over() {
        let cases: [(&[&[u8]], &[&str]); 8] = [
            (&["city=Zürich; __Host-letopis=T".as_bytes()], &["T"]),
            (&[b"city=Z\xfcrich", b"__Host-letopis=T"], &["T"]),
            (&[b"__Host-letopis=T;\xff"], &["T"]),
            (&[b"__Host-letopis=; __Host-letopis; __Host-letopis=T"], &["T"]),
            (&[b"__Host-letopis=\"T\";a"], &["T"]),
            (&[b"__Host-letopis=Z\xfc; __Host-letopis=T; __Host-letopis=S"], &["T", "S"]),
            (&[b"x__Host-letopis=T; __Host-letopisx=T; __host-letopis=T"], &[]),
            (&[], &[]),
        ];
        for (lines, tokens) in cases {
            assert_eq!(of_cookie(&headers(&COOKIE, lines)), tokens, "{lines:?}");
        }
    }
}
