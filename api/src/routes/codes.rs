//! Signing in without a password: by a code or a link that is mailed.

use super::pages::{Page, Reader, Wants};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::refuse_foreign_form;
use crate::auth::new_name::{NAMES_MAX, new_name};
use crate::auth::sign_in::{Entrant, LoggedIn};
use crate::error::{Code, Error, WantedProof};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use crate::http::reply::{Done, written};
use crate::http::request_log::Notes;
use crate::mailed::link_expired;
use crate::rate_limits::NameCount;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::proof::{Proof, Purpose, SignIn, Wish};
use domain::session::Shown;
use domain::text::Email;
use domain::user::Origin;
use domain::{Command, ProofId, UserId, proof};
use node::claims::{claim, email_claim};
use serde::Deserialize;
use store::MailedPurpose;
use url::form_urlencoded;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most bytes of a body that holds a code.
const BODY_BYTES_MAX: usize = 4 * 1024;
pub(crate) fn routes() -> Routes {
    let open = Spec::anyone().body_bytes_max(BODY_BYTES_MAX);
    Routes::default()
        .add(routes!(ask), open.sign_in())
        // CONTRACT 1.1: a session's token is told once.
        .add(
            routes!(verify),
            open.sign_in().without_key().fails(&[Code::WrongDigits, Code::Suspended, Code::SecondFactorNeeded]),
        )
        .add(routes!(show_sign_in), open.fails(&[Code::LinkExpired, Code::BadParameters]))
        .add(
            routes!(sign_in),
            open.sign_in().without_key().fails(&[
                Code::LinkExpired,
                Code::CrossSite,
                Code::BadParameters,
                Code::SecondFactorNeeded,
                Code::WrongDigits,
            ]),
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CodeWanted, example = json!({"email": "anna@example.org"}))]
pub(super) struct Ask {
    email: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailedCode, example = json!({"email": "anna@example.org", "code": "123456"}))]
pub(super) struct Verify {
    email: String,
    /// Six digits.
    code: String,
    /// Puts the token into a cookie and not into the body: for pages in a browser.
    #[serde(default)]
    cookie: bool,
}

/// Ask for a code
///
/// Mails a code and a link for signing in, valid for 15 minutes. The answer is the same, after the same time, for an
/// address that no account has (`position` is always 0). An address gets at most one mail a minute; only the last one is valid.
#[utoipa::path(post, path = "/v1/auth/code", operation_id = "askForCode", tag = "accounts", request_body = Ask,
    responses((status = 202, body = Done, description = "If an account has that address, a code is on its way.")))]
async fn ask(
    State(app): State<App>,
    context: CommandContext,
    language: AcceptedLanguage,
    names: NameCount,
    Body(body): Body<Ask>,
) -> Result<Response, Error> {
    let email = Email::parse(&body.email).map_err(|unfit| Error::bad("email", unfit))?;
    names.count(&app, email.as_str()).await?;
    let new = app.settings.signs_up_by_mail().then(|| UserId(Uuid::now_v7()));
    let answer = app.mail_proof(context, email, Wish::SignIn(new), language.locale()).await?;
    Ok(written(StatusCode::ACCEPTED, &answer, Done { position: answer.position }))
}

/// Sign in with a code
///
/// With the code of the last mail. After five wrong codes it is void.
#[utoipa::path(post, path = "/v1/auth/code/verify", operation_id = "signInByCode", tag = "accounts",
    request_body = Verify, responses(
        (status = 200, body = LoggedIn, description = "The session is open.",
            headers(("Set-Cookie" = Option<String>, description = "The session cookie, where the body asks for it."))),
    ))]
async fn verify(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    notes: Notes,
    names: NameCount,
    Body(body): Body<Verify>,
) -> Result<Response, Error> {
    let email = Email::parse(&body.email).map_err(|unfit| Error::bad("email", unfit))?;
    names.count(&app, email.as_str()).await?;
    let refused = || Error::new(Code::WrongDigits, proof::Refusal::BadCode);
    let known = app.address(email_claim(&app.keys, &email)).await?.code;
    let (id, _) = known.ok_or_else(refused)?;
    let proof::State::Open(proof) = app.proof(id).await? else { return Err(refused()) };
    let is_right = app.keys.is_mailed_code(MailedPurpose::SignIn, id.0, body.code.trim());
    if !is_right || proof.user_id.is_none() {
        app.ask(Actor::Anonymous, &context, Command::Proof(id, proof::Command::CountWrongCode)).await?;
        return Err(refused());
    }
    let opening = open(&app, &context, &notes, (id, &proof), origin, body.cookie).await;
    opening.map_err(|error| if error.code == Code::LinkExpired { refused() } else { error })
}

/// Show the sign-in page
///
/// A page with a button. It changes nothing, because programs that scan mail follow its links.
#[utoipa::path(get, path = "/m/{token}", operation_id = "showSignIn", tag = "mail",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn show_sign_in(State(app): State<App>, reader: Reader, Path(token): Path<String>) -> Response {
    let found = app.proof_of_link(MailedPurpose::SignIn, &token, reader.at).await;
    let reader = reader.of(&app, found.as_ref().ok().and_then(|(_, proof)| proof.user_id)).await;
    match found {
        Ok((_, proof)) => reader.page(Page::SignIn { email: proof.email.known() }),
        Err(error) => reader.failed(error),
    }
}

/// Sign in with a link
///
/// Once, within 15 minutes. A browser gets a page and the session as a cookie, with a form if a second factor is
/// needed; other clients get the session in the body.
#[utoipa::path(post, path = "/m/{token}", operation_id = "signInByLink", tag = "mail",
    params(("token" = String, Path, description = "The token from the mailed link.")), responses(
        (status = 200, body = LoggedIn, description = "The session is open.",
            headers(("Set-Cookie" = Option<String>, description = "The session cookie, for a browser."))),
    ))]
async fn sign_in(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    reader: Reader,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // A page of another site must not sign its visitors in as somebody else.
    if let Err(error) = refuse_foreign_form(&parts, &app) {
        return reader.failed(error);
    }
    if let Some(second) = second_of(body).await {
        return by_form(&app, &context, origin, reader, &token, &second).await;
    }
    let found = app.proof_of_link(MailedPurpose::SignIn, &token, reader.at).await;
    let reader = reader.of(&app, found.as_ref().ok().and_then(|(_, proof)| proof.user_id)).await;
    let opening = match found {
        Ok((id, proof)) => {
            let cookie = reader.wants == Wants::Page;
            open(&app, &context, &reader.notes, (id, &proof), origin, cookie).await
        }
        Err(error) => Err(error),
    };
    match opening {
        Ok(response) => reader.answered(Page::SignedIn, response),
        Err(error) => match error.wanted.as_deref() {
            Some(WantedProof::Second { challenge, .. }) if reader.wants == Wants::Page => {
                reader.page(Page::SecondFactor { challenge, fault: false })
            }
            Some(WantedProof::Second { .. } | WantedProof::Fresh { .. }) | None => reader.failed(error),
        },
    }
}

/// What the form for the second factor sends: the challenge and the code.
async fn second_of(body: axum::body::Body) -> Option<(String, String)> {
    let form = axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok()?;
    let typed =
        |name: &str| form_urlencoded::parse(&form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    Some((typed("challenge")?, typed("code")?))
}

/// Goes on with the form. The link is spent by then: it says whose page it is, and no more.
async fn by_form(
    app: &App,
    context: &CommandContext,
    origin: Origin,
    reader: Reader,
    token: &str,
    (challenge, code): &(String, String),
) -> Response {
    let reader = reader.of(app, app.user_of_link(MailedPurpose::SignIn, token).await).await;
    match app.sign_in_second(context, &reader.notes, origin, (challenge, code.trim())).await {
        Ok(response) => reader.answered(Page::SignedIn, response),
        Err(error) if error.code == Code::WrongDigits && reader.wants == Wants::Page => {
            reader.refused(Code::WrongDigits, Page::SecondFactor { challenge, fault: true })
        }
        Err(error) => reader.failed(error),
    }
}

/// Opens a session, and the account where it is a new one.
async fn open(
    app: &App,
    context: &CommandContext,
    notes: &Notes,
    (id, proof): (ProofId, &Proof),
    from: Origin,
    cookie: bool,
) -> Result<Response, Error> {
    let user_id = proof.user_id.ok_or_else(link_expired)?;
    let is_new = proof.purpose == Purpose::SignUp;
    if is_new && !app.settings.signs_up_by_mail() {
        return Err(link_expired());
    }
    let entrant = Entrant { user_id, from, is_new, cookie };
    let shown = Shown::Mail { claim: proof.claim };
    let opening = app.sign_in(context, notes, entrant, shown, async |session_id, opening| {
        for _ in 0..NAMES_MAX {
            let name = if is_new { Some(new_name()?) } else { None };
            let name = name.map(|name| (claim(&app.keys, &name), name));
            let command = |to| {
                let sign_in = SignIn { user_id, to, session_id, opening: opening.clone(), name: name.clone() };
                Command::Proof(id, proof::Command::SignIn(Box::new(sign_in)))
            };
            match app.ask_about(Actor::Anonymous, context, proof.claim, command).await {
                Err(error) if error.code == Code::UserExists => {}
                answer => return answer,
            }
        }
        Err(Error::new(Code::Unavailable, "no free name was found for the new account; try again"))
    });
    opening.await
}
