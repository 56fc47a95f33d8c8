//! Signing out.

use super::Pages;
use super::visitor::Visitor;
use crate::app::App;
use crate::auth::credentials::set_cookie;
use crate::error::Error;
use crate::http::context::CommandContext;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use commands::Actor;
use domain::{Command, session};

pub(super) fn pages() -> Pages {
    Pages::default()
        .moderator("/console/", get(async || Redirect::permanent(super::ROOT)))
        .moderator("/console/sign-out", post(sign_out))
}

async fn sign_out(State(app): State<App>, visitor: Visitor, context: CommandContext) -> Result<Response, Error> {
    let end = session::Command::End(session::End { by: visitor.user_id });
    app.ask(Actor::User(visitor.user_id), &context, Command::Session(visitor.session_id, end)).await?;
    let mut response = Redirect::to(super::ROOT).into_response();
    response.headers_mut().insert(SET_COOKIE, set_cookie("", 0));
    Ok(response)
}
