//! The browser that begins a sign-in, known by a cookie of its own: what another service answers is taken from no other.

use crate::auth::session_token::{hash, new_token};
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use state::ChallengeHash;

/// Only over TLS or to this machine, only for this host, not for scripts, and not in what other sites send by themselves.
const COOKIE_NAME: &str = "__Host-letopis-external";
/// How long a sign-in may take, in seconds.
pub(crate) const LASTS_SECONDS: u32 = 600;
/// Characters of 256 bits in base64url.
const CHARACTERS: usize = 43;

/// A secret that only one browser has.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Browser(String);

impl Browser {
    /// The one that asks, if it is known; whoever signs in in two windows at once is one browser.
    pub(crate) fn known(headers: &HeaderMap) -> Option<Browser> {
        let lines = headers.get_all(COOKIE).iter();
        let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
        pairs.find_map(|pair| {
            let text = std::str::from_utf8(pair).ok()?.trim();
            let value = text.strip_prefix(COOKIE_NAME)?.strip_prefix('=')?;
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (value.len() == CHARACTERS && value.bytes().all(fits)).then(|| Browser(value.to_owned()))
        })
    }

    /// One that was not known before.
    pub(crate) fn new() -> Browser {
        Browser(new_token())
    }

    pub(crate) fn secret(&self) -> &str {
        &self.0
    }

    /// What it is recognised by where its secret is not kept.
    pub(crate) fn hash(&self) -> ChallengeHash {
        hash(&self.0).0
    }

    /// The line that makes it known for as long as a sign-in may take.
    pub(crate) fn cookie(&self) -> HeaderValue {
        let text = format!("{COOKIE_NAME}={}; Max-Age={LASTS_SECONDS}; Path=/; Secure; HttpOnly; SameSite=Lax", self.0);
        HeaderValue::from_str(&text).expect("the secret is base64url and fits a header")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_by_its_cookie_among_others() {
        let browser = Browser::new();
        let line = browser.cookie();
        let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
        let known = |cookie: &str| {
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookie).unwrap())]);
            Browser::known(&headers).map(|known| known == browser)
        };
        assert_eq!(known(&format!("a=b; {pair}; c=d")), Some(true));
        for other in ["", "a=b", "__Host-letopis-external=short", "__Host-letopis=x"] {
            assert_eq!(known(other), None, "{other}");
        }
        assert!(line.to_str().unwrap().contains("Secure; HttpOnly; SameSite=Lax"));
    }
}
