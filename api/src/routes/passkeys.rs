//! Passkeys: what people sign in by instead of a password. What passkeys sign is checked in `auth/webauthn.rs`.

use super::links::base;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::auth::fresh::FreshPerson;
use crate::auth::sign_in::{Entrant, LoggedIn};
use crate::auth::webauthn::{Assertion, RelyingParty, bad_passkey, challenge_of, ends_at};
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use crate::http::request_log::Notes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use commands::{Actor, Answer};
use domain::passkeys::{self, Add, Parts, Remove};
use domain::session::{self, Shown};
use domain::text::PasskeyName;
use domain::user::Origin;
use domain::{Command, Outcome, PasskeyId, SessionId, Timestamp, device, id};
use projections::{ProjectionId, passkeys as model, users};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use state::{ChallengeHash, ChallengeKind};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;
use webauthn_rs_core::proto::{AuthenticationState, RegistrationState};

/// Most bytes of the answer of a device that signs in.
const SIGN_IN_BYTES_MAX: usize = 4 * 1024;
/// Most bytes of the answer of a device that has made a key: with certificates of its maker that nobody asked for.
const NEW_KEY_BYTES_MAX: usize = 32 * 1024;

pub(crate) fn routes() -> Routes {
    // One is a second factor by itself.
    let person = Spec::person().without_second_factor();
    Routes::default()
        .add(routes!(list), person)
        .add(routes!(begin_new), person.fresh().without_key().fails(&[Code::TooManyPasskeys]))
        .add(
            routes!(finish_new),
            person.body_bytes_max(NEW_KEY_BYTES_MAX).fails(&[Code::BadPasskey, Code::TooManyPasskeys]),
        )
        .add(routes!(remove), person.fresh().fails(&[Code::PasskeyNotFound, Code::LastWayIn]))
        .add(routes!(begin), Spec::anyone().sign_in().body_bytes_max(SIGN_IN_BYTES_MAX).without_key())
        // CONTRACT 1.1: a session's token is told once.
        .add(
            routes!(finish),
            Spec::anyone()
                .sign_in()
                .body_bytes_max(SIGN_IN_BYTES_MAX)
                .without_key()
                .fails(&[Code::BadPasskey, Code::Suspended]),
        )
}

#[derive(Serialize, ToSchema)]
struct Passkeys {
    passkeys: Vec<Passkey>,
}

#[derive(Serialize, ToSchema)]
struct Passkey {
    #[schema(value_type = Uuid)]
    id: PasskeyId,
    /// What you call it.
    #[schema(example = "my phone")]
    name: String,
    /// Whether it has a copy elsewhere, as its device said last.
    backed_up: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Absent when it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPasskey, example = json!({"name": "my phone"}))]
pub(super) struct BeginNew {
    /// 1 to 64 characters; by default what your browser is called.
    #[schema(min_length = 1, max_length = 64)]
    name: Option<String>,
}

/// What a browser is asked to do.
#[derive(Serialize, ToSchema)]
struct Ceremony {
    /// For `navigator.credentials`, by way of `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
    #[serde(rename = "publicKey")]
    #[schema(value_type = Object)]
    public_key: Value,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MadePasskey)]
pub(super) struct FinishNew {
    /// What `credential.toJSON()` gives.
    #[schema(value_type = Object)]
    credential: Value,
}

#[derive(Serialize, ToSchema)]
struct PasskeyAdded {
    #[schema(value_type = Uuid)]
    id: PasskeyId,
    #[schema(example = "my phone")]
    name: String,
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyLogin)]
pub(super) struct Finish {
    /// What `credential.toJSON()` gives.
    #[schema(value_type = Object)]
    credential: Value,
    /// Puts the token into a cookie and not into the body: for pages in a browser.
    #[serde(default)]
    cookie: bool,
}

/// What must be known again of a key that is being made.
#[derive(Serialize, Deserialize)]
struct KeyInTheMaking {
    session_id: SessionId,
    name: PasskeyName,
    state: RegistrationState,
}

/// List my passkeys
#[utoipa::path(get, path = "/v1/me/passkeys", operation_id = "listMyPasskeys", tag = "accounts",
    responses((status = 200, body = Passkeys, description = "The passkeys, in the order in which they were added.")))]
async fn list(State(app): State<App>, person: Person, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Passkeys, params.min_position).await?;
    let shown = |row: model::Passkey| Passkey {
        id: row.passkey_id,
        name: row.name,
        backed_up: row.uses.backed_up,
        created_at: row.created_at,
        last_used_at: row.last_used_at,
    };
    let passkeys = model::of_user(&reading.database, person.user_id).await?.into_iter().map(shown).collect();
    Ok(read(reading.position, Passkeys { passkeys }))
}

/// Begin to make a passkey
///
/// Send the device's answer to `POST /v1/me/passkeys/finish` within five minutes.
#[utoipa::path(post, path = "/v1/me/passkeys/begin", operation_id = "beginMyPasskey", tag = "accounts",
    request_body = BeginNew, responses((status = 200, body = Ceremony, description = "What to ask the browser for.")))]
async fn begin_new(
    State(app): State<App>,
    person: FreshPerson,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    headers: HeaderMap,
    Body(body): Body<BeginNew>,
) -> Result<Response, Error> {
    let name = named(body.name, &origin)?;
    let existing = app.read(ProjectionId::Passkeys, 0).await?;
    let existing = model::of_user(&existing.database, person.user_id).await?;
    if existing.len() >= passkeys::PASSKEYS_MAX {
        return Err(Error::new(Code::TooManyPasskeys, passkeys::Refusal::TooMany));
    }
    let existing = existing.into_iter().map(|row| row.credential).collect::<Vec<_>>();
    let reading = app.read(ProjectionId::Users, 0).await?;
    let account = users::by_id(&reading.database, person.user_id).await?;
    let account = account.ok_or_else(|| Error::new(Code::UserNotFound, "there is no such user"))?;
    let names = (account.user_name.as_str(), account.display_name.as_str());
    let begun = app.relying_party(&headers)?.begin_new(person.user_id, names, &existing)?;
    let user_id = person.user_id;
    let making = KeyInTheMaking { session_id: person.session_id, name, state: begun.state };
    let id_hash = known_by(&begun.challenge);
    app.keep_challenge(ChallengeKind::NewPasskey, id_hash, Some(user_id), &making, ends_at(context.at)).await?;
    Ok(read(reading.position, Ceremony { public_key: begun.public_key }))
}

/// Add a new passkey
#[utoipa::path(post, path = "/v1/me/passkeys/finish", operation_id = "finishMyPasskey", tag = "accounts",
    request_body = FinishNew, responses((status = 201, body = PasskeyAdded, description = "It signs in from now on.")))]
async fn finish_new(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    headers: HeaderMap,
    Body(body): Body<FinishNew>,
) -> Result<Response, Error> {
    let actor = Actor::User(person.user_id);
    if let Some(answer) = app.first_answer(actor, &context).await? {
        return added(&answer);
    }
    let id_hash = known_by(&challenge_of(&body.credential)?);
    let making = app.take_challenge::<KeyInTheMaking>(ChallengeKind::NewPasskey, id_hash, context.at).await?;
    // Fresh is the session that began, and no other one.
    let making = making.filter(|making| making.session_id == person.session_id);
    let KeyInTheMaking { name, state, .. } = making.ok_or_else(unknown_ceremony)?;
    let key = app.relying_party(&headers)?.finish_new(&body.credential, &state)?;
    let passkey_id = PasskeyId(Uuid::now_v7());
    let parts = Parts { name, credential: key.credential };
    let add = passkeys::Command::Add(Box::new(Add { passkey_id, uses: key.uses, parts }));
    let command = Command::Passkeys(person.user_id.into(), add);
    added(&app.ask(actor, &context, command).await?)
}

fn added(answer: &Answer) -> Result<Response, Error> {
    let Outcome::PasskeyAdded { passkey_id, name } = &answer.outcome else { return Err(Error::other_answer()) };
    let added = PasskeyAdded { id: *passkey_id, name: name.as_str().to_owned(), position: answer.position };
    Ok(written(StatusCode::CREATED, answer, added))
}

/// Remove a passkey
///
/// It can no longer sign in. The last way to sign in to an account cannot be removed.
#[utoipa::path(delete, path = "/v1/me/passkeys/{id}", operation_id = "removeMyPasskey", tag = "accounts",
    params(("id" = Uuid, Path, description = "A passkey from the list.")),
    responses((status = 200, body = Done, description = "The passkey is removed.")))]
async fn remove(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Path(passkey): Path<String>,
) -> Result<Response, Error> {
    let actor = Actor::User(person.user_id);
    if let Some(answer) = app.first_answer(actor, &context).await? {
        return Ok(written(StatusCode::OK, &answer, Done { position: answer.position }));
    }
    app.want_fresh(&person, context.at).await?;
    let passkey_id = id::parse_uuid(&passkey).map(PasskeyId);
    let passkey_id = passkey_id.ok_or_else(|| Error::new(Code::PasskeyNotFound, "there is no such passkey"))?;
    let remove = passkeys::Command::Remove(Remove { passkey_id });
    let command = Command::Passkeys(person.user_id.into(), remove);
    let answer = app.ask(actor, &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// Begin signing in with passkey
///
/// Send the device's answer to `POST /v1/auth/passkey/finish` within five minutes. The device says who signs in.
#[utoipa::path(post, path = "/v1/auth/passkey/begin", operation_id = "beginPasskeyLogin", tag = "accounts",
    responses((status = 200, body = Ceremony, description = "What to ask the browser for.")))]
async fn begin(State(app): State<App>, context: CommandContext, headers: HeaderMap) -> Result<Response, Error> {
    let begun = app.relying_party(&headers)?.begin()?;
    let id_hash = known_by(&begun.challenge);
    app.keep_challenge(ChallengeKind::Passkey, id_hash, None, &begun.state, ends_at(context.at)).await?;
    // It depends on nothing that was written.
    Ok(read(0, Ceremony { public_key: begun.public_key }))
}

/// Sign in with a passkey
///
/// A passkey counts as two factors: no code is needed with it.
#[utoipa::path(post, path = "/v1/auth/passkey/finish", operation_id = "finishPasskeyLogin", tag = "accounts",
    request_body = Finish, responses(
        (status = 200, body = LoggedIn, description = "The session is open.",
            headers(("Set-Cookie" = Option<String>, description = "The session cookie, where the body asks for it."))),
    ))]
async fn finish(
    State(app): State<App>,
    context: CommandContext,
    ClientOrigin(origin, _): ClientOrigin,
    notes: Notes,
    headers: HeaderMap,
    Body(body): Body<Finish>,
) -> Result<Response, Error> {
    let id_hash = known_by(&challenge_of(&body.credential)?);
    let state = app.take_challenge::<AuthenticationState>(ChallengeKind::Passkey, id_hash, context.at).await?;
    let state = state.ok_or_else(unknown_ceremony)?;
    let assertion = Assertion::parse(&body.credential)?;
    let user_id = assertion.user_id;
    let reading = app.read(ProjectionId::Passkeys, 0).await?;
    let known = model::of_user(&reading.database, user_id).await?;
    let key = known.into_iter().find(|row| assertion.is_by(&row.credential)).ok_or_else(bad_passkey)?;
    let party = app.relying_party(&headers)?;
    let uses = party.finish(&assertion.credential, &state, &key.credential, key.uses).inspect_err(|_| {
        app.remember_failure(&context, user_id, origin.clone());
    })?;
    let shown = Shown::Passkey { passkey_id: key.passkey_id, uses };
    let entrant = Entrant { user_id, from: origin, is_new: false, cookie: body.cookie };
    app.sign_in(&context, &notes, entrant, shown, async |session_id, opening| {
        let sign_in = session::SignIn { user_id, shown, shown_at: None, second: None, opening };
        let sign_in = session::Command::SignIn(sign_in);
        app.ask(Actor::User(user_id), &context, Command::Session(session_id, sign_in)).await
    })
    .await
}

impl App {
    fn relying_party(&self, headers: &HeaderMap) -> Result<RelyingParty, Error> {
        let settings = &self.settings;
        Ok(RelyingParty::new(&settings.product_name, &base(self, headers)?, &settings.allowed_origins))
    }
}

fn known_by(challenge: &[u8]) -> ChallengeHash {
    Sha256::digest(challenge).into()
}

/// What a passkey is called whose owner calls it nothing: the program that they made it in.
fn named(name: Option<String>, origin: &Origin) -> Result<PasskeyName, Error> {
    match name {
        Some(name) => PasskeyName::parse(&name).map_err(|unfit| Error::bad("name", unfit)),
        None => PasskeyName::parse(&device::family(&origin.device))
            .or_else(|_| PasskeyName::parse("passkey"))
            .map_err(|unfit| Error::bad("name", unfit)),
    }
}

fn unknown_ceremony() -> Error {
    Error::new(Code::BadPasskey, "this passkey was not requested, or too long ago; start again")
}
