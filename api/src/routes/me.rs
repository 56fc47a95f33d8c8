//! My own account: profile, password, the history of my sign-ins.

use super::page::{Next, cut};
use super::proofs::{Proof, shown};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::{Caller, Person};
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::client_origin::ClientOrigin;
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{self, Done, read, read_one};
use axum::extract::State;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::text::{DisplayName, Locale, TimeZone, UserName};
use domain::{Command, Outcome, SessionId, Timestamp, UserId, user};
use node::claims::claim;
use projections::{ProjectionId, sign_ins, users};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(profile), Spec::caller().tagged().without_second_factor())
        .add(routes!(change_profile), Spec::caller().fails(&[Code::NameFixed, Code::UserExists]))
        .add(routes!(change_password), Spec::person().fresh().fails(&[Code::WeakPassword, Code::BadCredentials]))
        .add(routes!(history), Spec::person().paged())
}

/// An account as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Profile)]
struct Me {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(example = "anna")]
    user_name: String,
    #[schema(example = "Anna K.")]
    display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "anna@example.org")]
    email: Option<String>,
    email_confirmed: bool,
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    #[schema(example = "en-GB")]
    locale: String,
    #[schema(schema_with = user_role)]
    role: user::Role,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn user_role() -> Ref {
    Ref::from_schema_name("UserRole")
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProfileChange, example = json!({"display_name": "Anna K.", "time_zone": "Europe/Berlin", "locale": "en-GB"}))]
pub(super) struct ChangeProfile {
    /// Another name, once and only where the account was opened by mail, with a name that it was given.
    #[schema(min_length = 1, max_length = 64, pattern = "^[^@]*$")]
    user_name: Option<String>,
    display_name: Option<String>,
    /// An IANA name like `Europe/Berlin`.
    time_zone: Option<String>,
    /// A language tag like `pt-BR`.
    locale: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasswordChange, example = json!({"old_password": "correct horse battery", "new_password": "a longer horse battery"}))]
pub(super) struct ChangePassword {
    /// Left out where your account has none, and you have signed in within ten minutes.
    old_password: Option<String>,
    /// 8 to 256 characters.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

#[derive(Serialize, ToSchema)]
struct SignIns {
    sign_ins: Vec<SignIn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// A sign-in, or the failed ones of one minute.
#[derive(Serialize, ToSchema)]
struct SignIn {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    succeeded: bool,
    /// How many failed in that minute; 1 for one that succeeded.
    count: u32,
    #[schema(example = "Firefox on Linux")]
    device: String,
    #[schema(example = "192.0.2.7")]
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    session_id: Option<SessionId>,
    /// How they have shown who they are, the first one first; empty where it failed.
    proofs: Vec<Proof>,
}

/// Read my profile
#[utoipa::path(get, path = "/v1/me", operation_id = "readMyProfile", tag = "accounts",
    responses((status = 200, body = Me, description = "Your account.")))]
async fn profile(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Users, params.min_position).await?;
    let account = users::by_id(&reading.database, caller.user_id).await?.ok_or_else(Error::gone)?;
    let version = account.version;
    let me = Me {
        user_id: account.user_id,
        user_name: account.user_name,
        display_name: account.display_name,
        email: account.email,
        email_confirmed: account.email_confirmed,
        time_zone: account.time_zone,
        locale: account.locale,
        role: account.role,
        created_at: account.created_at,
    };
    Ok(read_one(reading.position, tag(version), me))
}

/// Change my profile
#[utoipa::path(patch, path = "/v1/me", operation_id = "changeMyProfile", tag = "accounts", request_body = ChangeProfile,
    responses((status = 200, body = Me, description = "Your account as it is now.")))]
async fn change_profile(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    Body(body): Body<ChangeProfile>,
) -> Result<Response, Error> {
    let user_name = body.user_name.as_deref().map(UserName::parse).transpose();
    let user_name = user_name.map_err(|unfit| Error::bad("user_name", unfit))?;
    let display_name = body.display_name.as_deref().map(DisplayName::parse).transpose();
    let time_zone = body.time_zone.as_deref().map(TimeZone::existing).transpose();
    let locale = body.locale.as_deref().map(Locale::parse).transpose();
    let change = user::Command::ChangeProfile(user::ChangeProfile {
        user_name: user_name.map(|name| (claim(&app.keys, &name), name)),
        display_name: display_name.map_err(|unfit| Error::bad("display_name", unfit))?,
        time_zone: time_zone.map_err(|unfit| Error::bad("time_zone", unfit))?,
        locale: locale.map_err(|unfit| Error::bad("locale", unfit))?,
    });
    let answer = app.send(&caller, &context, Command::User(caller.user_id, change)).await?;
    changed(&answer)
}

fn changed(answer: &Answer) -> Result<Response, Error> {
    let Outcome::Profile(profile) = answer.outcome.clone() else {
        return Err(Error::other_answer());
    };
    let me = Me {
        user_id: profile.user_id,
        user_name: profile.user_name.into_known().map_or_else(String::new, |name| name.as_str().to_owned()),
        display_name: profile.display_name.into_known().map_or_else(String::new, |name| name.as_str().to_owned()),
        email: profile.email.map(|email| email.as_str().to_owned()),
        email_confirmed: profile.email_confirmed,
        time_zone: profile.time_zone.as_str().to_owned(),
        locale: profile.locale.as_str().to_owned(),
        role: profile.role,
        created_at: profile.created_at,
    };
    Ok(reply::changed(answer, me))
}

/// Change my password
///
/// Ends every session except the one of this request.
#[utoipa::path(put, path = "/v1/me/password", operation_id = "changeMyPassword", tag = "accounts",
    request_body = ChangePassword,
    responses((status = 200, body = Done, description = "The new password counts from now on.")))]
async fn change_password(
    State(app): State<App>,
    person: Person,
    context: CommandContext,
    from: ClientOrigin,
    Body(body): Body<ChangePassword>,
) -> Result<Response, Error> {
    if let Some(answer) = app.first_answer(Actor::User(person.user_id), &context).await? {
        return Ok(done(&answer));
    }
    let passwords = app.passwords_of(from.1);
    let checked = app.want_password(&person, &context, from, ("old_password", body.old_password)).await?;
    let reading = app.read(ProjectionId::Users, 0).await?;
    let account = users::by_id(&reading.database, person.user_id).await?.ok_or_else(Error::gone)?;
    let name = UserName::parse(&account.user_name).map_err(|unfit| Error::bad("user_name", unfit))?;
    passwords
        .check(&body.new_password, &name)
        .map_err(|weak| Error::field(Code::WeakPassword, "new_password", weak))?;
    let verifier = passwords.hash(body.new_password).await?;
    let change = user::Command::ChangePassword(user::ChangePassword {
        verifier,
        checked: Some(checked),
        keep: Some(person.session_id),
    });
    Ok(done(&app.ask(Actor::User(person.user_id), &context, Command::User(person.user_id, change)).await?))
}

/// List my sign-ins
///
/// The newest first, failed ones included.
#[utoipa::path(get, path = "/v1/me/sign-ins", operation_id = "listMySignIns", tag = "accounts",
    responses((status = 200, body = SignIns, description = "A page of sign-ins.")))]
async fn history(State(app): State<App>, person: Person, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let list = ["sign-ins", &person.user_id.to_string()];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::SignIns, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = sign_ins::of_user(&reading.database, person.user_id, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let sign_ins = rows.into_iter().map(|row| SignIn {
        at: row.at,
        succeeded: row.succeeded,
        count: row.count,
        device: row.device.unwrap_or_default(),
        address: row.address.unwrap_or_default(),
        session_id: row.session_id,
        proofs: shown(row.proofs),
    });
    Ok(read(reading.position, SignIns { sign_ins: sign_ins.collect(), next }))
}

fn done(answer: &Answer) -> Response {
    reply::changed(answer, Done { position: answer.position })
}
