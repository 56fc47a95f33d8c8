//! Where a browser may be led after another service has said who uses it: to this server, or to an origin that is allowed.

use crate::app::App;
use crate::error::{Code, Error};
use url::Url;

/// Longest address.
const BYTES_MAX: usize = 2_048;

/// An address of ours, or of an origin that is allowed, as a browser reads it.
///
/// # Errors
/// `bad-return-to`.
pub(crate) fn return_to(app: &App, base: &Url, text: &str) -> Result<Url, Error> {
    allowed(&app.settings.allowed_origins, base, text).map_err(|detail| {
        let error = Error::bad_parameter("return_to", detail);
        Error { code: Code::BadReturnTo, ..error }
    })
}

/// What is read as a path of ours begins with one slash: two of them, or a backslash that browsers read as a slash, name a
/// host. Whatever is read, its origin decides.
fn allowed(origins: &[String], base: &Url, text: &str) -> Result<Url, &'static str> {
    if text.len() > BYTES_MAX {
        return Err("must have at most 2048 bytes");
    }
    if text.chars().any(|letter| letter.is_control() || letter.is_whitespace() || letter == '\\') {
        return Err("must not hold spaces, control characters or backslashes");
    }
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let url = if is_path { base.join(text) } else { Url::parse(text) };
    let url =
        url.map_err(|_| "must be an address like https://chat.example.org/signed-in, or a path of this server")?;
    if !is_path && !text.split_once("://").is_some_and(|(scheme, _)| matches!(scheme, "https" | "http")) {
        return Err("must begin with https:// or http://, or be a path of this server");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a name or a password");
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment: what follows # is ours");
    }
    let origin = url.origin();
    let is_allowed = origins.iter().any(|allowed| *allowed == origin.ascii_serialization());
    if !origin.is_tuple() || !(origin == base.origin() || is_allowed) {
        return Err("must lead to this server or to an origin that is allowed (LETOPIS_ALLOWED_ORIGINS)");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, &'static str> {
        let origins = ["https://app.example".to_owned(), "http://localhost:5173".to_owned()];
        let base = Url::parse("https://chat.example").unwrap();
        allowed(&origins, &base, text).map(String::from)
    }

    #[test]
    fn it_leads_to_us_and_to_whom_we_allow() {
        for (text, leads_to) in [
            ("https://chat.example/done?x=1", "https://chat.example/done?x=1"),
            ("https://chat.example:443/", "https://chat.example/"),
            ("https://CHAT.example", "https://chat.example/"),
            ("https://app.example/done", "https://app.example/done"),
            ("http://localhost:5173/", "http://localhost:5173/"),
            ("/console?page=2", "https://chat.example/console?page=2"),
            ("/", "https://chat.example/"),
            ("/a/../b", "https://chat.example/b"),
        ] {
            assert_eq!(check(text).as_deref(), Ok(leads_to), "{text}");
        }
    }

    #[test]
    fn no_trick_leads_elsewhere() {
        let long = format!("https://app.example/{}", "x".repeat(BYTES_MAX));
        for text in [
            "",
            "done",
            "//evil.example",
            "///evil.example",
            "////evil.example/x",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "https:\\\\evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https:app.example",
            "https:///app.example@evil.example",
            "https://evil.example",
            "https://app.example.evil.example",
            "https://evilapp.example",
            "https://x.app.example",
            "https://app.example:8443",
            "https://app.example:80",
            "http://app.example",
            "http://localhost",
            "http://localhost:51730",
            "http://localhost:5173@evil.example",
            "https://app.example@evil.example",
            "https://app.example:x@evil.example/",
            "https://user@app.example/",
            "https://app.example%2F@evil.example",
            "https://app.example%00.evil.example",
            "https://app.example%2eevil.example",
            "https://app.example\u{3002}evil.example",
            "https://app\u{ff0e}example.evil.example",
            "https://evil.example/https://app.example",
            "https://evil.example?https://app.example",
            "https://evil.example#https://app.example",
            "https://app.example/#code=1",
            "/#x",
            "https%3A%2F%2Fapp.example",
            "%2F%2Fevil.example",
            "javascript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "blob:https://app.example/x",
            "file:///etc/passwd",
            "ftp://app.example",
            "ws://app.example",
            "https://",
            "https://[::1",
            " https://app.example",
            "https://app.example ",
            "https://app.example\t",
            "https://app.example\r\nSet-Cookie: x=1",
            "ht\ntps://evil.example",
            "https://app.example\u{0}",
            &long,
        ] {
            assert!(check(text).is_err(), "{text:?} leads to {:?}", check(text));
        }
    }
}
