use super::*;
use crate::auth::session_token::new_token;
use ::fuzz::Verdict;
use axum::http::{HeaderName, HeaderValue};

/// A request's headers with this one among them; none when no request can carry it.
fn with(name: HeaderName, value: &[u8]) -> Option<HeaderMap> {
    let value = HeaderValue::from_bytes(value).ok()?;
    Some(HeaderMap::from_iter([(name, value)]))
}

fn verdict(read: Option<&String>) -> Verdict {
    if read.is_some() { Verdict::Accepted } else { Verdict::Refused }
}

#[test]
fn what_is_authorized_is_one_word_behind_a_known_scheme() {
    let token = new_token();
    let seeds = [format!("Bearer {token}"), format!("session_id {token}"), format!("bEaReR   {token}  ")];
    let seeds = seeds.each_ref().map(|seed| seed.as_bytes());
    ::fuzz::bytes(&seeds, |input| {
        let Some(headers) = with(AUTHORIZATION, input) else { return Verdict::Refused };
        let read = of_header(&headers);
        if let Some(token) = read.first() {
            assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()), "{token:?}");
            let text = String::from_utf8_lossy(input).to_ascii_lowercase();
            let scheme = text.trim_end().strip_suffix(&token.to_ascii_lowercase()).map(str::trim);
            assert!(matches!(scheme, Some("bearer" | "session_id")), "{scheme:?}");
        }
        verdict(read.first())
    });
}

#[test]
fn a_cookie_is_ours_or_none() {
    let token = new_token();
    let ours = format!("{COOKIE_NAME}={token}");
    let seeds = [ours.clone(), format!("theme=dark; {ours}; lang=ru"), format!("a=b;{COOKIE_NAME}={token};{ours}")];
    let seeds = seeds.each_ref().map(|seed| seed.as_bytes());
    ::fuzz::bytes(&seeds, |input| {
        let Some(headers) = with(COOKIE, input) else { return Verdict::Refused };
        let read = of_cookie(&headers);
        if let Some(value) = read.first() {
            assert!(!value.contains(';') && value.bytes().all(|byte| byte.is_ascii_graphic()), "{value:?}");
            let alone = with(COOKIE, format!("{COOKIE_NAME}=\"{value}\"").as_bytes()).expect("it came in a header");
            assert_eq!(of_cookie(&alone).first(), Some(value));
            assert!(String::from_utf8_lossy(input).contains(value.as_str()));
        }
        verdict(read.first())
    });
}
