//! The pages that the link leads to: without scripts, without anything from elsewhere.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use domain::notify::Language;

/// Nothing is loaded, nothing runs, and the form goes to us.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = ":root{color-scheme:light dark}\
    body{font:1rem/1.5 system-ui,sans-serif;max-width:30rem;margin:15vh auto;padding:0 1rem}\
    button{font:inherit;padding:.5rem 1rem;cursor:pointer}";

/// One page.
pub(super) enum Page<'a> {
    /// Asks whether no more mail of a category is wanted; without one for a link that is none of ours.
    Unsubscribe {
        title: Option<&'a str>,
    },
    Unsubscribed,
}

/// It in one language.
pub(super) fn of(language: Language, page: Page<'_>) -> Response {
    let (title, content) = content(language, page);
    let tag = language.tag();
    let html = format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <main>\n<h1>{title}</h1>\n{content}</main>\n</body>\n</html>\n"
    );
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (VARY, HeaderValue::from_static("Accept-Language")),
    ];
    (headers, html).into_response()
}

fn content(language: Language, page: Page<'_>) -> (&'static str, String) {
    match (page, language) {
        (Page::Unsubscribe { title }, Language::En) => {
            ("Unsubscribe", asking("Do you want no more mails of this kind?", title, "Yes, no more of them"))
        }
        (Page::Unsubscribe { title }, Language::Ru) => {
            ("Отписаться", asking("Больше не присылать такие письма?", title, "Да, больше не присылать"))
        }
        (Page::Unsubscribed, Language::En) => (
            "You are unsubscribed",
            "<p>You get no more mails of this kind. You can change your mind in your preferences.</p>\n".to_owned(),
        ),
        (Page::Unsubscribed, Language::Ru) => (
            "Вы отписались",
            "<p>Такие письма больше не будут приходить. Передумать можно в настройках уведомлений.</p>\n".to_owned(),
        ),
    }
}

/// A question with a button: the form goes to the page's own address. Settings name categories: their titles are escaped.
fn asking(text: &str, title: Option<&str>, button: &str) -> String {
    let title = title.map(|title| format!("<p><strong>{}</strong></p>\n", escaped(title))).unwrap_or_default();
    format!("<p>{text}</p>\n{title}<form method=\"post\"><button>{button}</button></form>\n")
}

/// Text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_text() {
        for language in Language::ALL {
            let page = content(language, Page::Unsubscribe { title: Some("<b>&\"'") }).1;
            assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;") && !page.contains("<b>"), "{page}");
        }
    }
}
