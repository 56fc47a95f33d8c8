//! A forgotten password: asking for the link, and setting another by it, as a program or on a page.

use super::pages::{Page, Reader};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use crate::http::reply::{Done, written};
use crate::mailed::link_expired;
use crate::rate_limits::NameCount;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use commands::{Actor, Answer};
use domain::proof::{ResetPassword, Wish};
use domain::text::{Email, UserName};
use domain::{Command, proof};
use projections::{ProjectionId, users};
use serde::Deserialize;
use std::net::IpAddr;
use store::MailedPurpose;
use url::form_urlencoded;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Most bytes of a body that holds a password.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    let open = Spec::anyone().body_bytes_max(BODY_BYTES_MAX);
    Routes::default()
        .add(routes!(forgot), open.sign_in())
        .add(routes!(reset), open.fails(&[Code::WeakPassword, Code::LinkExpired]))
        .add(routes!(show_reset), open.fails(&[Code::LinkExpired, Code::BadParameters]))
}

/// Where the page's form goes; programs use `/v1/auth/password/reset`.
pub(crate) fn form() -> Router<App> {
    Router::new().route("/r/{token}", post(reset_by_form).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ForgottenPassword, example = json!({"email": "anna@example.org"}))]
pub(super) struct Forgot {
    email: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordReset, example = json!({"token": "as it was mailed", "new_password": "correct horse battery"}))]
pub(super) struct Reset {
    token: String,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

/// Ask for a new password
///
/// Mails a link to the address if an account has confirmed it. If none has, the answer is the same, after the same
/// time (`position` is always 0).
#[utoipa::path(post, path = "/v1/auth/password/forgot", operation_id = "forgotPassword", tag = "accounts",
    request_body = Forgot,
    responses((status = 202, body = Done, description = "If an account has that address, a link is on its way.")))]
async fn forgot(
    State(app): State<App>,
    context: CommandContext,
    language: AcceptedLanguage,
    names: NameCount,
    Body(body): Body<Forgot>,
) -> Result<Response, Error> {
    let email = Email::parse(&body.email).map_err(|unfit| Error::bad("email", unfit))?;
    names.count(&app, email.as_str()).await?;
    let answer = app.mail_proof(context, email, Wish::NewPassword, language.locale()).await?;
    Ok(written(StatusCode::ACCEPTED, &answer, Done { position: answer.position }))
}

/// Set a new password
///
/// With the token of the mailed link, once, within an hour. Ends every session.
#[utoipa::path(post, path = "/v1/auth/password/reset", operation_id = "resetPassword", tag = "accounts",
    request_body = Reset,
    responses((status = 200, body = Done, description = "The new password counts from now on.")))]
async fn reset(
    State(app): State<App>,
    context: CommandContext,
    ClientAddress(address): ClientAddress,
    Body(body): Body<Reset>,
) -> Result<Response, Error> {
    let answer = set_password(&app, context, address, &body.token, body.new_password).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// Show the password page
///
/// A page with a form. It changes nothing, because programs that scan mail follow its links.
#[utoipa::path(get, path = "/r/{token}", operation_id = "showReset", tag = "mail",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn show_reset(State(app): State<App>, reader: Reader, Path(token): Path<String>) -> Response {
    let found = app.proof_of_link(MailedPurpose::Reset, &token, reader.at).await;
    let reader = reader.of(&app, found.as_ref().ok().and_then(|(_, proof)| proof.user_id)).await;
    match found {
        Ok(_) => reader.page(Page::Reset { lengths: app.passwords.lengths(), fault: None }),
        Err(error) => reader.failed(error),
    }
}

async fn reset_by_form(
    State(app): State<App>,
    context: CommandContext,
    ClientAddress(address): ClientAddress,
    reader: Reader,
    Path(token): Path<String>,
    form: Bytes,
) -> Response {
    let found = app.proof_of_link(MailedPurpose::Reset, &token, reader.at).await;
    let reader = reader.of(&app, found.ok().and_then(|(_, proof)| proof.user_id)).await;
    let typed =
        |name: &str| form_urlencoded::parse(&form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let (first, again) = (typed("new_password").unwrap_or_default(), typed("repeated").unwrap_or_default());
    let lengths = app.passwords.lengths();
    if first != again {
        let fault = Some(reader.words().passwords_differ.to_owned());
        return reader.refused(Code::WeakPassword, Page::Reset { lengths, fault });
    }
    match set_password(&app, context, address, &token, first).await {
        Ok(answer) => {
            reader.answered(Page::PasswordSet, written(StatusCode::OK, &answer, Done { position: answer.position }))
        }
        Err(error) if error.code == Code::WeakPassword => {
            let fault = Some(reader.words().weak_password.to_owned());
            reader.refused(Code::WeakPassword, Page::Reset { lengths, fault })
        }
        Err(error) => reader.failed(error),
    }
}

async fn set_password(
    app: &App,
    mut context: CommandContext,
    address: Option<IpAddr>,
    token: &str,
    new_password: String,
) -> Result<Answer, Error> {
    context.if_match = None;
    // Keys are per user, and here nobody is: the link stands for them.
    if let Some((key, _)) = &mut context.key {
        *key = format!("{key}\n{token}");
    }
    if let Some(answer) = app.first_answer(Actor::Anonymous, &context).await? {
        return Ok(answer);
    }
    // Before anything is hashed: who has no link must not make work.
    let (id, proof) = app.proof_of_link(MailedPurpose::Reset, token, context.at).await?;
    let user_id = proof.user_id.ok_or_else(link_expired)?;
    let reading = app.read(ProjectionId::Users, 0).await?;
    let account = users::by_id(&reading.database, user_id).await?.ok_or_else(link_expired)?;
    let user_name = UserName::parse(&account.user_name).map_err(|unfit| Error::bad("user_name", unfit))?;
    app.passwords
        .check(&new_password, &user_name)
        .map_err(|weak| Error::field(Code::WeakPassword, "new_password", weak))?;
    let verifier = app.passwords_of(address).hash(new_password).await?;
    let reset = proof::Command::ResetPassword(ResetPassword { user_id, verifier });
    app.ask(Actor::Anonymous, &context, Command::Proof(id, reset)).await
}
