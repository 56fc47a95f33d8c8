//! Signing in, and out.

use super::Pages;
use super::frame::{Frame, html};
use super::visitor::Visitor;
use crate::app::App;
use crate::auth::credentials::set_cookie;
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use commands::Actor;
use domain::{Command, session};

/// The form for strangers.
pub(super) fn sign_in() -> Router<App> {
    Router::new().route("/console/sign-in", get(sign_in_form))
}

pub(super) fn pages() -> Pages {
    Pages::default()
        .moderator("/console/", get(async || Redirect::permanent(super::ROOT)))
        .moderator("/console/sign-out", post(sign_out))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
}

async fn sign_in_form(AcceptedLanguage(language): AcceptedLanguage) -> Result<Response, Error> {
    html(StatusCode::OK, &SignIn { frame: Frame::new(None, language, None) })
}

async fn sign_out(State(app): State<App>, visitor: Visitor, context: CommandContext) -> Result<Response, Error> {
    let end = session::Command::End(session::End { by: visitor.user_id });
    app.ask(Actor::User(visitor.user_id), &context, Command::Session(visitor.session_id, end)).await?;
    let mut response = Redirect::to(super::ROOT).into_response();
    response.headers_mut().insert(SET_COOKIE, set_cookie("", 0));
    Ok(response)
}
