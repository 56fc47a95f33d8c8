//! My second factor: codes of a device, and the recovery codes for when I lose it.

use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Person;
use crate::auth::second_factor::{address, bad_code, new_recovery_codes, new_secret};
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::context::CommandContext;
use crate::http::reply::{Done, read, written};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::totp::{self, Confirm, MakeRecoveryCodes, Second};
use domain::{Command, Timestamp, UserId};
use projections::{ProjectionId, users};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Most bytes of a body that holds a password or a code.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) fn routes() -> Routes {
    let person = Spec::person().body_bytes_max(BODY_BYTES_MAX).without_second_factor();
    // A secret and recovery codes are told once: a repeat makes others.
    let telling = person.without_key();
    Routes::default()
        .add(routes!(show), person)
        .add(routes!(begin), telling.fresh().fails(&[Code::BadCredentials, Code::FactorExists]))
        .add(routes!(confirm), telling.fails(&[Code::WrongDigits, Code::FactorExists, Code::FactorNotFound]))
        .add(routes!(remove), person.fresh().fails(&[Code::BadCredentials, Code::WrongDigits, Code::FactorNotFound]))
        .add(
            routes!(make_recovery_codes),
            telling.fresh().fails(&[Code::BadCredentials, Code::WrongDigits, Code::FactorNotFound]),
        )
}

#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactor)]
struct Shown {
    /// Whether signing in asks for a code.
    on: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// How many recovery codes have not been used.
    recovery_codes_left: usize,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSecondFactor, example = json!({"password": "correct horse battery"}))]
pub(super) struct Begin {
    /// Your password. Leave it out if your account has none and you signed in within the last ten minutes.
    password: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorBegun)]
struct Begun {
    /// For a device that cannot read the address, in base32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    secret: String,
    /// For a device to read, as text or as a QR code.
    #[schema(
        example = "otpauth://totp/letopis.example:anna?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=letopis.example"
    )]
    uri: String,
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FirstCode, example = json!({"code": "123456"}))]
pub(super) struct ConfirmBody {
    /// Six digits.
    code: String,
}

#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// Ten of them, shown this once. Each signs in once in place of a code of the device.
    #[schema(min_items = 10, max_items = 10, example = json!(["7k2f-9qmd-x4th-c0zv"]))]
    recovery_codes: [String; totp::RECOVERY_CODES],
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SecondFactorProof, example = json!({"password": "correct horse battery", "code": "123456"}))]
pub(super) struct Prove {
    /// Your password. Leave it out if your account has none and you signed in within the last ten minutes.
    password: Option<String>,
    /// A code of the device, or a recovery code.
    code: String,
}

/// Show my second factor
#[utoipa::path(get, path = "/v1/me/totp", operation_id = "readMySecondFactor", tag = "accounts",
    responses((status = 200, body = Shown, description = "Whether a second factor is set up.")))]
async fn show(State(app): State<App>, person: Person) -> Result<Response, Error> {
    let state = app.totp(person.user_id).await?;
    let shown = Shown {
        on: state.factor.is_some(),
        since: state.factor.as_ref().map(|factor| factor.since),
        recovery_codes_left: state.factor.as_ref().map_or(0, |factor| factor.codes.len()),
    };
    Ok(read(app.log.head()?.position, shown))
}

/// Begin a second factor
///
/// Shares a secret with your device, which makes codes from it (RFC 6238: SHA-1, 30 seconds, six digits). It counts
/// once you confirm it with a first code, within an hour; an earlier secret that you did not confirm is void.
#[utoipa::path(post, path = "/v1/me/totp", operation_id = "beginSecondFactor", tag = "accounts", request_body = Begin,
    responses((status = 201, body = Begun, description = "The secret, shown this once.")))]
async fn begin(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<Begin>,
) -> Result<Response, Error> {
    app.want_password(&person, &context, from, ("password", body.password)).await?;
    let reading = app.read(ProjectionId::Users, 0).await?;
    let account = users::by_id(&reading.database, person.user_id).await?.ok_or_else(Error::gone)?;
    let secret = new_secret();
    let uri = address(&secret, &app.settings.host_name(), &account.user_name)?;
    let answer = ask(&app, &context, person.user_id, totp::Command::Begin(secret.clone())).await?;
    Ok(written(StatusCode::CREATED, &answer, Begun { secret: secret.0, uri, position: answer.position }))
}

/// Confirm my second factor
///
/// With its first code. From now on every sign-in asks for a code, except with a passkey.
#[utoipa::path(post, path = "/v1/me/totp/confirm", operation_id = "confirmSecondFactor", tag = "accounts",
    request_body = ConfirmBody,
    responses((status = 200, body = RecoveryCodes, description = "It is on. These codes are for when you lose the device.")))]
async fn confirm(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    Body(body): Body<ConfirmBody>,
) -> Result<Response, Error> {
    let state = app.totp(person.user_id).await?;
    let secret = state.waiting(context.at).map_err(domain::Refusal::from)?;
    let secret = secret.known().ok_or_else(bad_code)?;
    let step = app.first_step(person.user_id, secret, &body.code, context.at).await?;
    let recovery_codes = new_recovery_codes();
    let codes = app.recovery_hashes(person.user_id, &recovery_codes);
    let confirm = totp::Command::Confirm(Confirm { secrets: state.secrets, step, codes });
    let answer = ask(&app, &context, person.user_id, confirm).await?;
    Ok(written(StatusCode::OK, &answer, RecoveryCodes { recovery_codes, position: answer.position }))
}

/// Remove my second factor
///
/// With your password, and a code of the device or a recovery code.
#[utoipa::path(delete, path = "/v1/me/totp", operation_id = "removeSecondFactor", tag = "accounts", request_body = Prove,
    responses((status = 200, body = Done, description = "Signing in no longer asks for a code.")))]
async fn remove(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<Prove>,
) -> Result<Response, Error> {
    if let Some(answer) = app.first_answer(Actor::User(person.user_id), &context).await? {
        return Ok(written(StatusCode::OK, &answer, Done { position: answer.position }));
    }
    let second = proved(&app, &person, &context, from, body).await?;
    let answer = ask(&app, &context, person.user_id, totp::Command::Remove(second)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// Make new recovery codes
///
/// The earlier ones are void.
#[utoipa::path(post, path = "/v1/me/totp/recovery-codes", operation_id = "makeRecoveryCodes", tag = "accounts",
    request_body = Prove,
    responses((status = 200, body = RecoveryCodes, description = "The new codes.")))]
async fn make_recovery_codes(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<Prove>,
) -> Result<Response, Error> {
    let shown = proved(&app, &person, &context, from, body).await?;
    let recovery_codes = new_recovery_codes();
    let codes = app.recovery_hashes(person.user_id, &recovery_codes);
    let make = totp::Command::MakeRecoveryCodes(MakeRecoveryCodes { shown, codes });
    let answer = ask(&app, &context, person.user_id, make).await?;
    Ok(written(StatusCode::OK, &answer, RecoveryCodes { recovery_codes, position: answer.position }))
}

/// Checks password and code.
async fn proved(
    app: &App,
    person: &Person,
    context: &CommandContext,
    from: ClientOrigin,
    body: Prove,
) -> Result<Second, Error> {
    app.want_password(person, context, from, ("password", body.password)).await?;
    let state = app.totp(person.user_id).await?;
    if state.factor.is_none() {
        return Err(Error::new(Code::FactorNotFound, totp::Refusal::NotFound));
    }
    app.check_second(person.user_id, &state, &body.code, context.at).await
}

async fn ask(app: &App, context: &CommandContext, user_id: UserId, command: totp::Command) -> Result<Answer, Error> {
    app.ask(Actor::User(user_id), context, Command::Totp(user_id.into(), command)).await
}
