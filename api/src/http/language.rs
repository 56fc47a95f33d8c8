//! The language of who asks.

use axum::extract::FromRequestParts;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use domain::notify::Language;
use domain::text::Locale;
use std::convert::Infallible;

/// The language that their browser asks for, among those that we write in.
#[derive(Clone, Copy)]
pub(crate) struct AcceptedLanguage(pub(crate) Language);

impl AcceptedLanguage {
    /// As an account has it.
    pub(crate) fn locale(self) -> Locale {
        Locale::parse(self.0.tag()).unwrap_or_default()
    }
}

impl<S: Sync> FromRequestParts<S> for AcceptedLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<AcceptedLanguage, Infallible> {
        let text = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(AcceptedLanguage(Language::of_accept_language(text).unwrap_or_default()))
    }
}
