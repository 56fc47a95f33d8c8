//! The pages that mailed links lead to: without scripts, without anything from elsewhere, in the reader's language.

mod words;

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::language::AcceptedLanguage;
use crate::http::request_log::Notes;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::notify::Language;
use domain::password::Lengths;
use domain::text::Email;
use domain::{Timestamp, UserId};
use projections::{ProjectionId, users};
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::sync::LazyLock;
use store::now;
pub(super) use words::Words;

const STYLE: &str = include_str!("pages/pages.css");

/// Nothing is loaded, nothing runs, the form goes to us, and the one style is ours.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("a policy is made of visible characters")
});

/// One page.
pub(super) enum Page<'a> {
    /// Asks whether the address is to be confirmed.
    Confirm {
        email: Option<&'a Email>,
    },
    Confirmed,
    /// Asks for a new password, again where something was wrong with the last one.
    Reset {
        lengths: Lengths,
        fault: Option<String>,
    },
    PasswordSet,
    /// Asks whether to sign in.
    SignIn {
        email: Option<&'a Email>,
    },
    SignedIn,
    /// Asks for a code of the second factor, again where the last one was wrong.
    SecondFactor {
        challenge: &'a str,
        fault: bool,
    },
    /// Asks whether no more mail of a category is wanted; without its title for a link that is none of ours.
    Unsubscribe {
        title: Option<&'a domain::notify::Words>,
    },
    Unsubscribed,
    /// Into which chat a code leads, and how to use it.
    Invitation {
        chat_name: &'a str,
        code: &'a str,
    },
    Failed(Code),
}

/// What somebody who follows a link wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// A page: their `Accept` names HTML, as browsers do.
    Page,
    Json,
}

/// Somebody who follows a link.
#[derive(Clone)]
pub(super) struct Reader {
    /// The request's one reading of the clock.
    pub(super) at: Timestamp,
    pub(super) wants: Wants,
    pub(super) notes: Notes,
    language: Language,
}

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Reader, Infallible> {
        let AcceptedLanguage(language) = AcceptedLanguage::from_request_parts(parts, state).await?;
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let wants = if accept.to_ascii_lowercase().contains("text/html") { Wants::Page } else { Wants::Json };
        Ok(Reader { at: now(), wants, language, notes: Notes::of(&parts.extensions) })
    }
}

impl Reader {
    /// In the language of the account that the link is about, where it is one that pages are written in.
    pub(super) async fn of(self, app: &App, user_id: Option<UserId>) -> Reader {
        let Some(user_id) = user_id else { return self };
        // A page in another language is better than none.
        let account = async {
            let reading = app.read(ProjectionId::Users, 0).await.ok()?;
            users::by_id(&reading.database, user_id).await.ok()?
        };
        let locale = account.await.map(|account| account.locale);
        let language = locale.as_deref().and_then(Language::of_tag).unwrap_or(self.language);
        Reader { language, ..self }
    }

    pub(super) fn words(&self) -> &'static Words {
        Words::in_language(self.language)
    }

    /// A page, whatever the reader's `Accept` says: there is nothing else to show.
    pub(super) fn page(&self, page: Page<'_>) -> Response {
        self.html(StatusCode::OK, page)
    }

    /// The form once more, with what was wrong.
    pub(super) fn refused(&self, code: Code, page: Page<'_>) -> Response {
        self.html(code.status(), page)
    }

    /// It was done: a page for who wants one, with the headers of the answer that others get.
    pub(super) fn answered(&self, page: Page<'_>, answer: Response) -> Response {
        match self.wants {
            Wants::Json => answer,
            Wants::Page => {
                let mut response = self.page(page);
                for (name, value) in answer.headers() {
                    if !response.headers().contains_key(name) && name != axum::http::header::CONTENT_LENGTH {
                        response.headers_mut().append(name.clone(), value.clone());
                    }
                }
                response
            }
        }
    }

    /// It was not done.
    pub(super) fn failed(&self, error: Error) -> Response {
        match self.wants {
            Wants::Json => error.into_response(),
            Wants::Page => {
                self.notes.reason(error.code.text());
                self.html(error.code.status(), Page::Failed(error.code))
            }
        }
    }

    fn html(&self, status: StatusCode, page: Page<'_>) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CONTENT_SECURITY_POLICY, POLICY.clone()),
            (VARY, HeaderValue::from_static("Accept, Accept-Language")),
        ];
        (status, headers, self.whole(page)).into_response()
    }

    fn whole(&self, page: Page<'_>) -> String {
        let (title, content) = content(self.language, page);
        let language = self.language.tag();
        format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}</main>\n\
             </body>\n</html>\n"
        )
    }
}

/// Title and content of a page, as HTML.
fn content(language: Language, page: Page<'_>) -> (&'static str, String) {
    let words = Words::in_language(language);
    let said = |text: &str| format!("<p>{text}</p>\n");
    match page {
        Page::Confirm { email } => {
            (words.confirm_title, asking(words.confirm_text, email.map(Email::as_str), words.confirm_button))
        }
        Page::Confirmed => (words.confirmed_title, said(words.confirmed_text)),
        Page::SignIn { email } => {
            (words.sign_in_title, asking(words.sign_in_text, email.map(Email::as_str), words.sign_in_button))
        }
        Page::SignedIn => (words.signed_in_title, said(words.signed_in_text)),
        Page::SecondFactor { challenge, fault } => (words.second_title, code_form(words, challenge, fault)),
        Page::Reset { lengths, fault } => (words.reset_title, password_form(words, lengths, fault)),
        Page::PasswordSet => (words.password_set_title, said(words.password_set_text)),
        Page::Unsubscribe { title } => {
            let title = title.map(|title| title.in_language(language));
            (words.unsubscribe_title, asking(words.unsubscribe_text, title, words.unsubscribe_button))
        }
        Page::Unsubscribed => (words.unsubscribed_title, said(words.unsubscribed_text)),
        Page::Invitation { chat_name, code } => {
            let about = |text: &str| format!("<p class=\"about\">{}</p>\n", escaped(text));
            (words.invitation_title, [about(chat_name), said(words.invitation_text), about(code)].concat())
        }
        Page::Failed(Code::LinkExpired | Code::InvitationExpired) => (words.expired_title, said(words.expired_text)),
        Page::Failed(Code::AddressTaken) => (words.taken_title, said(words.taken_text)),
        Page::Failed(_) => (words.failed_title, said(words.failed_text)),
    }
}

/// A question about something, with a button: the form goes to the page's own address.
fn asking(text: &str, about: Option<&str>, button: &str) -> String {
    let about = about.map(|about| format!("<p class=\"about\">{}</p>\n", escaped(about))).unwrap_or_default();
    format!("<p>{text}</p>\n{about}<form method=\"post\"><button>{button}</button></form>\n")
}

/// The form goes to the page's own address, with what the sign-in goes on with.
fn code_form(words: &Words, challenge: &str, fault: bool) -> String {
    let fault =
        if fault { format!("<p class=\"fault\" role=\"alert\">{}</p>\n", words.second_fault) } else { String::new() };
    format!(
        "<p>{}</p>\n{fault}<form method=\"post\">\n<input type=\"hidden\" name=\"challenge\" value=\"{}\">\n\
         <label>{}<input name=\"code\" autocomplete=\"one-time-code\" autocapitalize=\"none\" spellcheck=\"false\" \
         required autofocus maxlength=\"64\"></label>\n<button>{}</button>\n</form>\n",
        words.second_text,
        escaped(challenge),
        words.second_code,
        words.sign_in_button
    )
}

fn password_form(words: &Words, lengths: Lengths, fault: Option<String>) -> String {
    let fault = fault.map(|fault| format!("<p class=\"fault\" role=\"alert\">{}</p>\n", escaped(&fault)));
    let field = |name: &str, label: &str| {
        format!(
            "<label>{label}<input type=\"password\" name=\"{name}\" autocomplete=\"new-password\" required \
             minlength=\"{}\" maxlength=\"{}\"></label>\n",
            lengths.min, lengths.max
        )
    };
    format!(
        "<p>{}</p>\n{}<form method=\"post\">\n{}{}<button>{}</button>\n</form>\n",
        words.reset_text,
        fault.unwrap_or_default(),
        field("new_password", words.new_password),
        field("repeated", words.repeat_password),
        words.reset_button
    )
}

/// Text as it stands in HTML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut html, letter| {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_wrote_stays_text() {
        let email = Email::parse("a<b>&\"'@example.org").unwrap();
        let words = domain::notify::Words { en: "<b>&\"'".into(), ru: "<b>&\"'".into() };
        for language in Language::ALL {
            let page = content(language, Page::Confirm { email: Some(&email) }).1;
            assert!(page.contains("a&lt;b&gt;&amp;&quot;&#39;@example.org") && !page.contains("<b>"), "{page}");
            let page = content(language, Page::Invitation { chat_name: "<b>&\"'", code: "<b>" }).1;
            assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;<") && !page.contains("<b>"), "{page}");
            let page = content(language, Page::SecondFactor { challenge: "<b>&\"'", fault: true }).1;
            assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;\"") && !page.contains("<b>"), "{page}");
            let page = content(language, Page::Unsubscribe { title: Some(&words) }).1;
            assert!(page.contains("&lt;b&gt;&amp;&quot;&#39;<") && !page.contains("<b>"), "{page}");
        }
    }

    #[test]
    fn the_policy_allows_the_one_style_and_nothing_from_elsewhere() {
        let policy = POLICY.to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains("</"));
    }
}
