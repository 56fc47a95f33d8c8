//! Registering, logging in, logging out.

use super::spec::{Routes, Spec};
use crate::SignUp;
use crate::app::App;
use crate::auth::back_off::Whose;
use crate::auth::caller::session_tokens;
use crate::auth::credentials::set_cookie;
use crate::auth::sign_in::{Entrant, LoggedIn};
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::language::AcceptedLanguage;
use crate::http::reply::{Done, read, written};
use crate::http::request_log::Notes;
use crate::rate_limits::NameCount;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use commands::{Actor, Answer};
use domain::proof::To;
use domain::session::Shown;
use domain::text::{Email, UserName, canonical_name};
use domain::{Command, Outcome, ProofId, UserId, session, user};
use node::claims::{claim, email_claim};
use node::passwords::{Fit, Passwords};
use projections::{ProjectionId, users};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most bytes of a body that holds credentials.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(register),
            Spec::anyone().sign_in().body_bytes_max(BODY_BYTES_MAX).fails(&[
                Code::WeakPassword,
                Code::UserExists,
                Code::SignUpClosed,
            ]),
        )
        // CONTRACT 1.1: a session's token is told once; a repeat opens another session.
        .add(
            routes!(login),
            Spec::anyone().sign_in().body_bytes_max(BODY_BYTES_MAX).without_key().fails(&[
                Code::Suspended,
                Code::BadCredentials,
                Code::SecondFactorNeeded,
            ]),
        )
        .add(
            routes!(login_second),
            Spec::anyone().sign_in().body_bytes_max(BODY_BYTES_MAX).without_key().fails(&[
                Code::Suspended,
                Code::BadCredentials,
                Code::WrongDigits,
            ]),
        )
        // The same key with another session's token is another request, and a second end changes nothing anyway.
        .add(routes!(logout), Spec::anyone().body_bytes_max(BODY_BYTES_MAX).without_key().fails(&[Code::CrossSite]))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration, example = json!({"user_name": "anna", "password": "correct horse battery"}))]
pub(super) struct Register {
    /// 1 to 64 visible characters, inner spaces allowed, no `@`; unique after NFKC and case folding.
    #[schema(min_length = 1, max_length = 64, pattern = "^[^@]*$")]
    user_name: String,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    /// An address for mail; it counts as yours once you use the link that is mailed to it.
    email: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = NewUser)]
struct Registered {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Credentials, example = json!({"user_name": "anna", "password": "correct horse battery"}))]
pub(super) struct Login {
    /// Or a confirmed address.
    user_name: String,
    password: String,
    /// Puts the token into a cookie and not into the body: for pages in a browser.
    #[serde(default)]
    cookie: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecondCredentials, example = json!({"challenge": "Qm9yaXMgYW5kIEFubmEgd2VyZSBoZXJlIGluIE1heQA", "code": "123456"}))]
pub(super) struct LoginSecond {
    /// As the first call answered it.
    challenge: String,
    /// A code of your device, or a recovery code.
    code: String,
}

/// Register an account
///
/// Sign in with it next.
#[utoipa::path(post, path = "/v1/auth/register", operation_id = "register", tag = "accounts", request_body = Register,
    responses((status = 201, body = Registered, description = "The account is open.")))]
async fn register(
    State(app): State<App>,
    mut context: CommandContext,
    ClientAddress(address): ClientAddress,
    language: AcceptedLanguage,
    names: NameCount,
    Body(body): Body<Register>,
) -> Result<Response, Error> {
    if app.settings.sign_up == SignUp::Closed {
        return Err(Error::new(Code::SignUpClosed, "accounts are opened by the operators of this server only"));
    }
    let user_name = UserName::parse(&body.user_name).map_err(|unfit| Error::bad("user_name", unfit))?;
    let email = body.email.as_deref().map(Email::parse).transpose().map_err(|unfit| Error::bad("email", unfit))?;
    app.passwords
        .check(&body.password, &user_name)
        .map_err(|weak| Error::field(Code::WeakPassword, "password", weak))?;
    names.count(&app, user_name.as_str()).await?;
    if let Some(email) = &email {
        names.count(&app, email.as_str()).await?;
    }
    // Keys are per user, and this one has no id yet: their name stands for it, so that two strangers may use one key.
    if let Some((key, _)) = &mut context.key {
        *key = format!("{key}\n{}", user_name.canonical());
    }
    if let Some(answer) = app.first_answer(Actor::Anonymous, &context).await? {
        return Ok(registered(&answer));
    }
    let verifier = Some(app.passwords_of(address).hash(body.password).await?);
    let user_id = UserId(Uuid::now_v7());
    let command = |email: Option<user::NewAddress>| {
        let claim = claim(&app.keys, &user_name);
        let (user_name, verifier) = (user_name.clone(), verifier.clone());
        Command::User(user_id, user::Command::SignUp(user::SignUp { claim, user_name, email, verifier }))
    };
    let Some(email) = email else {
        return Ok(registered(&app.ask(Actor::Anonymous, &context, command(None)).await?));
    };
    let (address, proof_id) = (email_claim(&app.keys, &email), ProofId(Uuid::now_v7()));
    let command = |To { claim, owner }| {
        let (email, language) = (email.clone(), language.locale());
        command(Some(user::NewAddress { email, claim, owner, proof_id, language }))
    };
    Ok(registered(&app.ask_about(Actor::Anonymous, &context, address, command).await?))
}

fn registered(answer: &Answer) -> Response {
    let Outcome::SignedUp { user_id } = answer.outcome else { return Error::other_answer().into_response() };
    written(StatusCode::CREATED, answer, Registered { user_id, position: answer.position })
}

/// Sign in
///
/// Opens a session, or answers `second-factor-needed` with a `challenge` for `POST /v1/auth/login/second`. An unknown
/// name gets the same answer as a wrong password, after the same time.
#[utoipa::path(post, path = "/v1/auth/login", operation_id = "login", tag = "accounts", request_body = Login, responses(
    (status = 200, body = LoggedIn, description = "The session is open.",
        headers(("Set-Cookie" = Option<String>, description = "The session cookie, where the body asks for it."))),
))]
async fn login(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, address): ClientOrigin,
    notes: Notes,
    names: NameCount,
    Body(body): Body<Login>,
) -> Result<Response, Error> {
    names.count(&app, &body.user_name).await?;
    let reading = app.read(ProjectionId::Users, 0).await?;
    // What a keyboard adds around a name is no part of it: no name begins or ends with a space.
    let known = match canonical_name(&body.user_name).as_deref().map(str::trim) {
        Some(email) if email.contains('@') => users::credentials_by_email(&reading.database, email).await?,
        Some(name) => users::credentials(&reading.database, name).await?,
        None => None,
    };
    let verifier = known.as_ref().and_then(|known| known.verifier.clone());
    let passwords = app.passwords_of(address);
    let whose = Whose::Named(&body.user_name);
    let fit = app.check_password(whose, &passwords, body.password.clone(), verifier).await?;
    let refused = |reason| {
        notes.reason(reason);
        Error::new(Code::BadCredentials, "user name or password is wrong")
    };
    let Some(known) = known else { return Err(refused("there is no such user")) };
    if !fit.is_right() {
        app.remember_failure(&context, known.user_id, origin);
        return Err(refused("the password is wrong"));
    }
    let entrant = Entrant { user_id: known.user_id, from: origin, is_new: false, cookie: body.cookie };
    let shown = Shown::Password { checked: known.passwords };
    let response = app.sign_in(&context, &notes, entrant, shown, async |session_id, opening| {
        let sign_in = session::SignIn { user_id: known.user_id, shown, shown_at: None, second: None, opening };
        let command = Command::Session(session_id, session::Command::SignIn(sign_in));
        app.ask(Actor::User(known.user_id), &context, command).await
    });
    let response = response.await;
    let was_right = response.as_ref().map_or_else(|error| error.code == Code::SecondFactorNeeded, |_| true);
    if fit == Fit::Outdated && was_right {
        replace_verifier(&app, &passwords, &context, &known, body.password).await;
    }
    response
}

/// Sign in, second step
///
/// Completes any sign-in that was answered with `second-factor-needed` and a `challenge`: once, within five minutes,
/// with at most five tries. The session comes in the form that the first call asked for.
#[utoipa::path(post, path = "/v1/auth/login/second", operation_id = "loginSecond", tag = "accounts",
    request_body = LoginSecond, responses(
        (status = 200, body = LoggedIn, description = "The session is open.",
            headers(("Set-Cookie" = Option<String>, description = "The session cookie, where the first call asked for it."))),
    ))]
async fn login_second(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    notes: Notes,
    Body(body): Body<LoginSecond>,
) -> Result<Response, Error> {
    app.sign_in_second(&context, &notes, origin, (&body.challenge, body.code.trim())).await
}

/// Replaces an outdated verifier, now that the password is at hand. A sign-in does not fail by it: the next one will do.
async fn replace_verifier(
    app: &App,
    passwords: &Passwords,
    context: &CommandContext,
    known: &users::Credentials,
    password: String,
) {
    let replaced = async {
        let verifier = passwords.hash(password).await?;
        let replace = user::Command::ReplaceVerifier(user::ReplaceVerifier { verifier, checked: known.passwords });
        app.ask(Actor::User(known.user_id), context, Command::User(known.user_id, replace)).await
    };
    if let Err(error) = replaced.await {
        tracing::warn!(user_id = %known.user_id, error = error.detail, "an outdated verifier could not be replaced; the next sign-in will try");
    }
}

/// Sign out
///
/// Ends the sessions that the request names in its header and its cookie. An unknown or ended session gets 200 too;
/// `position` is 0 when nothing ended.
#[utoipa::path(post, path = "/v1/auth/logout", operation_id = "logout", tag = "accounts",
    security(("bearer" = []), ("cookie" = []), ()), responses(
        (status = 200, body = Done, description = "The sessions in the request have ended.",
            headers(("Set-Cookie" = String, description = "Clears the session cookie."))),
    ))]
async fn logout(State(app): State<App>, mut context: CommandContext, request: Request) -> Result<Response, Error> {
    let (parts, _) = request.into_parts();
    context.if_match = None;
    let (mut position, mut failed) = (0, None);
    for token in session_tokens(&parts, &app)? {
        match end(&app, &context, &token).await {
            Ok(Some(ended)) => position = ended.max(position),
            Ok(None) => {}
            // The others are to end all the same.
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    // 0 where nothing has ended: the log's head would tell a stranger what others do.
    let mut response = read(position, Done { position });
    response.headers_mut().insert(SET_COOKIE, set_cookie("", 0));
    Ok(response)
}

/// Ends the session of that token, if there is one; at which position.
async fn end(app: &App, context: &CommandContext, token: &str) -> Result<Option<u64>, Error> {
    let Some(session) = app.session_of(token).await?.map(|found| found.open) else { return Ok(None) };
    let end = Command::Session(session.session_id, session::Command::End(session::End { by: session.user_id }));
    Ok(Some(app.ask(Actor::User(session.user_id), context, end).await?.position))
}
