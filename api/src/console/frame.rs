//! What every page has around it, and the headers that it is sent with.

use super::assets;
use super::tab::Tab;
use super::visitor::Visitor;
use super::words::Words;
use crate::error::{Code, Error};
use askama::Template;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::notify::Language;

/// Everything comes from here, nothing runs that stands in a page, and nobody frames one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// What every page has around it.
pub(super) struct Frame {
    pub(super) words: &'static Words,
    pub(super) language: &'static str,
    pub(super) menu: Vec<MenuEntry>,
    /// Who looks; none on a page for strangers.
    pub(super) user_name: Option<String>,
    pub(super) css: &'static str,
    pub(super) js: &'static str,
    /// Whether a form was carried out just now.
    pub(super) is_done: bool,
}

/// An entry of the menu.
pub(super) struct MenuEntry {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
    pub(super) is_here: bool,
}

impl Frame {
    pub(super) fn new(visitor: Option<&Visitor>, language: Language, here: Option<Tab>) -> Frame {
        let words = Words::in_language(language);
        let seen = Tab::ALL.iter().filter(|tab| visitor.is_some_and(|visitor| visitor.sees(**tab)));
        let entry = |tab: &Tab| MenuEntry { path: tab.path(), title: tab.title(words), is_here: here == Some(*tab) };
        Frame {
            words,
            language: language.tag(),
            menu: seen.map(entry).collect(),
            user_name: visitor.map(|visitor| visitor.user_name.clone()),
            css: assets::ASSETS.css(),
            js: assets::ASSETS.js(),
            is_done: false,
        }
    }

    pub(super) fn telling(self, is_done: bool) -> Frame {
        Frame { is_done, ..self }
    }
}

impl Visitor {
    /// What every page has around it.
    pub(super) fn frame(&self, tab: Tab) -> Frame {
        Frame::new(Some(self), self.language, Some(tab)).telling(self.is_done)
    }

    /// A page.
    ///
    /// # Errors
    /// None in practice: templates write into memory.
    pub(super) fn page(&self, page: &impl Template) -> Result<Response, Error> {
        html(StatusCode::OK, page)
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure<'a> {
    frame: Frame,
    title: &'a str,
    detail: &'a str,
    code: &'static str,
    /// Where one signs in again, where that is what is missing.
    sign_in: Option<&'static str>,
}

/// What failed, as a page.
pub(super) fn failure(visitor: Option<&Visitor>, language: Language, error: &Error) -> Response {
    let words = Words::in_language(language);
    let title = if matches!(error.code, Code::NotAllowed | Code::SessionRequired) {
        words.not_for_you
    } else if error.code == Code::FreshSignInNeeded {
        words.fresh_sign_in_needed
    } else if error.code == Code::SecondFactorRequired {
        words.second_factor_required
    } else if error.code == Code::NotFound {
        words.nothing_here
    } else {
        words.failed
    };
    let page = Failure {
        frame: Frame::new(visitor, language, None),
        title,
        detail: &error.detail,
        code: error.code.text(),
        sign_in: matches!(error.code, Code::FreshSignInNeeded | Code::SecondFactorRequired)
            .then_some("/sign-in?return_to=%2Fconsole"),
    };
    html(error.code.status(), &page).unwrap_or_else(IntoResponse::into_response)
}

/// A page with its headers.
///
/// # Errors
/// When the template fails, which is ours.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    let text = page.render().map_err(|error| Error::ours(&error, Code::Internal))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // Without it browsers leave the origin out of our own forms, and it is by the origin that they are known as ours.
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (VARY, HeaderValue::from_static("Accept-Language, Cookie")),
    ];
    Ok((status, headers, text).into_response())
}
