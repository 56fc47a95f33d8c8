//! My address, and the link that confirms it.

use super::pages::{Page, Reader};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use crate::http::reply::{Done, written};
use crate::mailed::link_expired;
use crate::rate_limits::NameCount;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::proof::{ConfirmEmail, To};
use domain::text::Email;
use domain::{Command, ProofId, proof, user};
use node::claims::email_claim;
use serde::Deserialize;
use store::MailedPurpose;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most bytes of a body that holds an address.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(change),
            Spec::person().sign_in().fresh().body_bytes_max(BODY_BYTES_MAX).fails(&[Code::BadCredentials]),
        )
        .add(routes!(show_confirmation), Spec::anyone().fails(&[Code::LinkExpired, Code::BadParameters]))
        .add(
            routes!(confirm),
            Spec::anyone().body_bytes_max(BODY_BYTES_MAX).fails(&[
                Code::LinkExpired,
                Code::AddressTaken,
                Code::BadParameters,
            ]),
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailChange, example = json!({"email": "anna@example.org"}))]
pub(super) struct ChangeEmail {
    email: String,
    /// Your password, in place of a sign-in within the last ten minutes.
    password: Option<String>,
}

/// Change my address
///
/// Needs a sign-in within the last ten minutes, or your password. A link goes to the new address. Your address stays as
/// it is until you use the link, within 24 hours.
#[utoipa::path(put, path = "/v1/me/email", operation_id = "changeMyEmail", tag = "accounts", request_body = ChangeEmail,
    responses((status = 202, body = Done, description = "The link is on its way.")))]
async fn change(
    State(app): State<App>,
    (person, from): (Person, ClientOrigin),
    context: CommandContext,
    language: AcceptedLanguage,
    names: NameCount,
    Body(body): Body<ChangeEmail>,
) -> Result<Response, Error> {
    let email = Email::parse(&body.email).map_err(|unfit| Error::bad("email", unfit))?;
    names.count(&app, email.as_str()).await?;
    if let Some(answer) = app.first_answer(Actor::User(person.user_id), &context).await? {
        return Ok(written(StatusCode::ACCEPTED, &answer, Done { position: answer.position }));
    }
    app.want_fresh_or(&person, &context, from, body.password).await?;
    let claim = email_claim(&app.keys, &email);
    let proof_id = ProofId(Uuid::now_v7());
    let change = |To { claim, owner }| {
        let (email, language) = (email.clone(), language.locale());
        let wanted = user::NewAddress { email, claim, owner, proof_id, language };
        Command::User(person.user_id, user::Command::ChangeEmail(wanted))
    };
    let answer = app.ask_about(Actor::User(person.user_id), &context, claim, change).await?;
    Ok(written(StatusCode::ACCEPTED, &answer, Done { position: answer.position }))
}

/// Show the confirmation page
///
/// A page with a button. It changes nothing, because programs that scan mail follow its links.
#[utoipa::path(get, path = "/c/{token}", operation_id = "showConfirmation", tag = "mail",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn show_confirmation(State(app): State<App>, reader: Reader, Path(token): Path<String>) -> Response {
    let found = app.proof_of_link(MailedPurpose::Confirm, &token, reader.at).await;
    let reader = reader.of(&app, found.as_ref().ok().and_then(|(_, proof)| proof.user_id)).await;
    match found {
        Ok((_, proof)) => reader.page(Page::Confirm { email: proof.email.known() }),
        Err(error) => reader.failed(error),
    }
}

/// Confirm an address
///
/// With the link that was mailed to it, once. A browser gets a page.
#[utoipa::path(post, path = "/c/{token}", operation_id = "confirmEmail", tag = "mail",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = Done, description = "The address is confirmed.")))]
async fn confirm(
    State(app): State<App>,
    context: CommandContext,
    reader: Reader,
    Path(token): Path<String>,
) -> Response {
    let user_id = app.proof_of_link(MailedPurpose::Confirm, &token, reader.at).await;
    let reader = reader.of(&app, user_id.as_ref().ok().and_then(|(_, proof)| proof.user_id)).await;
    match confirmed(&app, context, &token).await {
        Ok(answer) => {
            let body = Done { position: answer.position };
            reader.answered(Page::Confirmed, written(StatusCode::OK, &answer, body))
        }
        Err(error) => reader.failed(error),
    }
}

async fn confirmed(app: &App, mut context: CommandContext, token: &str) -> Result<Answer, Error> {
    context.if_match = None;
    // Keys are per user, and here nobody is: the link stands for them.
    if let Some((key, _)) = &mut context.key {
        *key = format!("{key}\n{token}");
    }
    if let Some(answer) = app.first_answer(Actor::Anonymous, &context).await? {
        return Ok(answer);
    }
    let (id, proof) = app.proof_of_link(MailedPurpose::Confirm, token, context.at).await?;
    let user_id = proof.user_id.ok_or_else(link_expired)?;
    let confirm = |to| Command::Proof(id, proof::Command::ConfirmEmail(ConfirmEmail { user_id, to }));
    app.ask_about(Actor::Anonymous, &context, proof.claim, confirm).await
}
