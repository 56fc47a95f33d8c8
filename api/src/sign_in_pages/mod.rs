//! `/sign-in` and `/sign-in/second`: for products that have no such pages of their own, and for the console. What they do is what
//! any page may do by the calls under `/v1/auth`: their script calls these, with the session in the cookie, and then leads to
//! `return_to`.

mod assets;
mod words;

use crate::app::App;
use crate::error::{Code, Error};
use crate::external::return_to::return_to;
use crate::http::language::AcceptedLanguage;
use crate::http::params::Params;
use crate::routes::links::base;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::notify::Language;
use words::Words;

/// Everything comes from here, nothing runs that stands in a page, and nobody frames one.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Both pages; nothing where they are switched off, and no console needs them.
pub(crate) fn pages(app: &App) -> Router<App> {
    if !app.settings.has_sign_in_pages && !app.settings.has_console {
        return Router::new();
    }
    Router::new().route("/sign-in", get(first)).route("/sign-in/second", get(second)).merge(assets::ASSETS.files())
}

/// What both pages know.
struct Frame {
    words: &'static Words,
    language: &'static str,
    css: &'static str,
    js: &'static str,
    /// Where the browser is led then; empty where nobody said.
    return_to: String,
    /// The same as it stands in an address.
    return_to_query: String,
}

#[derive(Template)]
#[template(path = "sign_in_page.html")]
struct First {
    frame: Frame,
    providers: Vec<Provider>,
}

/// A service to sign in by.
struct Provider {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "second.html")]
struct Second {
    frame: Frame,
}

async fn first(
    State(app): State<App>,
    AcceptedLanguage(language): AcceptedLanguage,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    let frame = frame(&app, language, &headers, &params)?;
    let known = |client: &oidc::Client| {
        let provider = client.provider();
        Provider { id: provider.id.to_string(), name: provider.name.clone() }
    };
    let providers = app.providers.iter().map(known).collect();
    html(&First { frame, providers })
}

async fn second(
    State(app): State<App>,
    AcceptedLanguage(language): AcceptedLanguage,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Error> {
    html(&Second { frame: frame(&app, language, &headers, &params)? })
}

/// # Errors
/// `bad-return-to`: nobody is led to where they could be deceived.
fn frame(app: &App, language: Language, headers: &HeaderMap, params: &Params) -> Result<Frame, Error> {
    let url = params.get("return_to").map(|text| return_to(app, &base(app, headers)?, text)).transpose()?;
    let return_to = url.map(String::from).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !return_to.is_empty() {
        query.append_pair("return_to", &return_to);
    }
    Ok(Frame {
        words: Words::in_language(language),
        language: language.tag(),
        css: assets::ASSETS.css(),
        js: assets::ASSETS.js(),
        return_to_query: query.finish(),
        return_to,
    })
}

fn html(page: &impl Template) -> Result<Response, Error> {
    let text = page.render().map_err(|error| Error::ours(&error, Code::Internal))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (VARY, HeaderValue::from_static("Accept-Language")),
    ];
    Ok((headers, text).into_response())
}
