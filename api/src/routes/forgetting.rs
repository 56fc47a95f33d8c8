//! What is known of me, and forgetting it.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::auth::credentials::set_cookie;
use crate::auth::fresh::FreshPerson;
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, written};
use crate::routes::export;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use commands::Actor;
use domain::{Command, user};
use node::operations::erase;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(erase), Spec::person().fresh().fails(&[Code::BadCredentials]))
        .add(routes!(everything), Spec::person().fresh())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Erasure, example = json!({"password": "correct horse battery"}))]
pub(super) struct Erase {
    /// Your password. Leave it out if your account has none and you signed in within the last ten minutes.
    password: Option<String>,
}

/// Erase my account
///
/// Erases the account, its sessions and its messages. The user name stays taken. This cannot be undone.
#[utoipa::path(delete, path = "/v1/me", operation_id = "eraseMyAccount", tag = "accounts", request_body = Erase,
    responses((status = 200, body = Done, description = "The account is erased.",
        headers(("Set-Cookie" = String, description = "Clears the session cookie.")))))]
async fn erase(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<Erase>,
) -> Result<Response, Error> {
    app.want_password(&person, &context, from, ("password", body.password)).await?;
    let command = Command::User(person.user_id, user::Command::Erase);
    let request = app.request(Actor::User(person.user_id), &context, command);
    // On a task of its own: who hangs up now has asked all the same.
    let erasing = tokio::spawn({
        let app = app.clone();
        async move { erase::erase(&app.writer, &app.projections, &app.state, &app.log, person.user_id, request).await }
    });
    let answer = erasing.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let mut response = written(StatusCode::OK, &answer, Done { position: answer.position });
    response.headers_mut().insert(SET_COOKIE, set_cookie("", 0));
    Ok(response)
}

/// Export my data
///
/// Needs a sign-in within the last ten minutes. All your data, one JSON object a line. `kind` is `profile`, `session`,
/// `token`, `second-factor`, `sign-in`, `chat`, `event` (what you did and what was done to you, in the order of the
/// log, with every text that you wrote), and in the last line `end`: without it the export is incomplete.
#[utoipa::path(get, path = "/v1/me/export", operation_id = "exportMyData", tag = "accounts", responses(
    (status = 200, body = String, content_type = "application/x-ndjson", description = "Lines of JSON."),
))]
async fn everything(
    State(app): State<App>,
    person: FreshPerson,
    address: ClientAddress,
    params: Params,
) -> Result<Response, Error> {
    export::of(app, person.user_id, address, params.min_position).await
}
