//! People, for admins: who there is, their sessions and sign-ins, and what can be done about an account. Suspending is for
//! moderators as well: `routes/suspension.rs`.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, read};
use crate::routes::admin::wrote;
use crate::routes::page::{Next, cut};
use crate::routes::spec::{Routes, Spec};
use ::projections::{ProjectionId, sessions, sign_ins, users};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::text::canonical_name;
use domain::user::Role;
use domain::{Command, SessionId, Timestamp, UserId, session};
use node::NodeHandle;
use node::operations::users as operations;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Sign-ins that are told at once.
const SIGN_INS_SHOWN: u32 = 100;

pub(crate) fn routes() -> Routes {
    const FAILS: &[Code] = &[Code::UserNotFound];
    Routes::default()
        .add(routes!(list), Spec::admin().paged())
        .add(routes!(one), Spec::admin().fails(FAILS))
        .add(routes!(list_sessions), Spec::admin().fails(FAILS))
        .add(routes!(list_sign_ins), Spec::admin().fails(FAILS))
        .add(routes!(set_role), Spec::admin().without_key().fails(FAILS))
        .add(routes!(end_sessions), Spec::admin().without_key().fails(FAILS))
        .add(routes!(end_session), Spec::admin().without_key().fails(&[Code::UserNotFound, Code::SessionNotFound]))
        .add(routes!(erase), Spec::admin().without_key().fails(&[Code::UserNotFound, Code::OwnerMustHandOver]))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminUsers)]
struct Users {
    users: Vec<Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// An account as admins see it.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub(crate) struct Person {
    #[schema(value_type = Uuid)]
    pub(crate) user_id: UserId,
    #[schema(example = "anna")]
    pub(crate) user_name: String,
    pub(crate) display_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    pub(crate) email_confirmed: bool,
    pub(crate) time_zone: String,
    pub(crate) locale: String,
    /// `user`, `notifier`, `moderator` or `admin`.
    #[schema(value_type = String)]
    pub(crate) role: Role,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

impl From<users::Account> for Person {
    fn from(account: users::Account) -> Person {
        Person {
            user_id: account.user_id,
            user_name: account.user_name,
            display_name: account.display_name,
            email: account.email,
            email_confirmed: account.email_confirmed,
            time_zone: account.time_zone,
            locale: account.locale,
            role: account.role,
            created_at: account.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminSessions)]
struct Sessions {
    sessions: Vec<Session>,
}

/// A session of a user.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = AdminSession)]
pub(crate) struct Session {
    #[schema(value_type = Uuid)]
    pub(crate) id: SessionId,
    /// The program that signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// Where from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen_at: Timestamp,
    /// When it ends as things stand.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminSignIns)]
struct SignIns {
    sign_ins: Vec<SignIn>,
}

/// A sign-in, or a minute of failed ones.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = AdminSignIn)]
pub(crate) struct SignIn {
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    pub(crate) succeeded: bool,
    /// How many failed in that minute.
    pub(crate) count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRole, example = json!({"role": "moderator"}))]
pub(super) struct SetRole {
    /// `user`, `notifier`, `moderator` or `admin`.
    role: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserErasure, example = json!({"user_name": "anna"}))]
pub(super) struct Erase {
    /// The account's name, so that nobody is erased by mistake: it cannot be undone.
    user_name: String,
}

/// Accounts whose names begin so, in the order of their names.
///
/// # Errors
/// When the read model cannot be read.
pub(crate) async fn people(
    app: &App,
    name: &str,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<users::Account>, Error> {
    let prefix = canonical_name(name).unwrap_or_else(|| name.to_lowercase());
    let reading = app.read(ProjectionId::Users, 0).await?;
    Ok(users::list(&reading.database, &prefix, after, limit).await?)
}

/// The account of that name or id.
///
/// # Errors
/// `user-not-found`.
pub(crate) async fn person(app: &App, user: &str) -> Result<Person, Error> {
    let reading = app.read(ProjectionId::Users, 0).await?;
    Ok(operations::account(&reading.database, user).await?.into())
}

/// The sessions of somebody that go on, the newest first: a thousand at most.
///
/// # Errors
/// When the read model cannot be read.
pub(crate) async fn sessions_of(app: &App, user_id: UserId, at: Timestamp) -> Result<Vec<Session>, Error> {
    let reading = app.read(ProjectionId::Sessions, 0).await?;
    let rows = sessions::of_user(&reading.database, user_id, at, None).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let open = row.open();
        let expires_at = app.expiry(&open, at).await?;
        if expires_at <= at {
            continue;
        }
        let last_seen_at = app.last_seen(&open, at).await?;
        let sessions::Session { session_id: id, device, address, created_at, .. } = row;
        shown.push(Session { id, device, address, created_at, last_seen_at, expires_at });
    }
    Ok(shown)
}

/// The last sign-ins of somebody, the failed ones as well.
///
/// # Errors
/// When the read model cannot be read.
pub(crate) async fn sign_ins_of(app: &App, user_id: UserId) -> Result<Vec<SignIn>, Error> {
    let reading = app.read(ProjectionId::SignIns, 0).await?;
    let rows = sign_ins::of_user(&reading.database, user_id, None, SIGN_INS_SHOWN).await?;
    let shown = |row: sign_ins::SignIn| {
        let sign_ins::SignIn { at, succeeded, count, device, address, .. } = row;
        SignIn { at, succeeded, count, device, address }
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Gives an account a role.
///
/// # Errors
/// `user-not-found`; a role that there is not.
pub(crate) async fn give_role(node: &NodeHandle, user: &str, role: &str) -> Result<u64, Error> {
    let role = Role::parse(role).ok_or_else(|| Error::bad("role", "must be user, notifier, moderator or admin"))?;
    Ok(operations::set_role(node, user, role).await?.position)
}

/// Ends one session of somebody.
///
/// # Errors
/// `session-not-found`.
pub(crate) async fn end_one(
    app: &App,
    by: UserId,
    context: &CommandContext,
    (user_id, session): (UserId, &str),
) -> Result<u64, Error> {
    let nothing = || Error::new(Code::SessionNotFound, "this user has no such session");
    let session_id = domain::id::parse_uuid(session).map(SessionId).ok_or_else(nothing)?;
    let reading = app.read(ProjectionId::Sessions, 0).await?;
    let found = sessions::by_id(&reading.database, session_id).await?;
    found.filter(|found| found.user_id == user_id).ok_or_else(nothing)?;
    let end = session::Command::End(session::End { by: user_id });
    Ok(app.ask(commands::Actor::User(by), context, Command::Session(session_id, end)).await?.position)
}

/// Forgets a person whose name was typed.
///
/// # Errors
/// `user-not-found`; another name than theirs.
pub(crate) async fn erase_named(app: &App, node: &NodeHandle, user: &str, typed: &str) -> Result<u64, Error> {
    let person = person(app, user).await?;
    if person.user_name != typed {
        return Err(Error::bad("user_name", "must be the name of the account to erase"));
    }
    Ok(operations::erase(node, &person.user_id.to_string()).await?.position)
}

/// List accounts
///
/// By name.
#[utoipa::path(get, path = "/v1/admin/users", operation_id = "listUsers", tag = "operators", params(
    ("name" = Option<String>, Query, description = "How the name begins; case does not matter."),
), responses((status = 200, body = Users, description = "A page of accounts.")))]
async fn list(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let name = params.get("name").unwrap_or_default();
    let list = ["admin users", name];
    let after = params.get("from").map(|from| cursor::read(&app.keys, &list, from)).transpose()?;
    let after = after.map(|key| String::from_utf8_lossy(&key).into_owned());
    let _place = app.budget.page().await?;
    let position = app.read(ProjectionId::Users, params.min_position).await?.position;
    let mut rows = people(&app, name, after.as_deref(), limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write(&app.keys, &list, last.name_key.as_bytes()));
    Ok(read(position, Users { users: rows.into_iter().map(Person::from).collect(), next }))
}

/// Read an account
#[utoipa::path(get, path = "/v1/admin/users/{user}", operation_id = "readAccount", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")),
    responses((status = 200, body = Person, description = "The account.")))]
async fn one(
    State(app): State<App>,
    _admin: Admin,
    Path(user): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.read(ProjectionId::Users, params.min_position).await?.position;
    Ok(read(position, person(&app, &user).await?))
}

/// List a user's sessions
///
/// Those that are open, the newest first.
#[utoipa::path(get, path = "/v1/admin/users/{user}/sessions", operation_id = "listUserSessions", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")),
    responses((status = 200, body = Sessions, description = "The sessions.")))]
async fn list_sessions(
    State(app): State<App>,
    _admin: Admin,
    Path(user): Path<String>,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let position = app.read(ProjectionId::Sessions, params.min_position).await?.position;
    let user_id = person(&app, &user).await?.user_id;
    Ok(read(position, Sessions { sessions: sessions_of(&app, user_id, context.at).await? }))
}

/// List a user's sign-ins
///
/// The last hundred, the newest first, failed ones included.
#[utoipa::path(get, path = "/v1/admin/users/{user}/sign-ins", operation_id = "listUserSignIns", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")),
    responses((status = 200, body = SignIns, description = "The sign-ins.")))]
async fn list_sign_ins(
    State(app): State<App>,
    _admin: Admin,
    Path(user): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.read(ProjectionId::SignIns, params.min_position).await?.position;
    let user_id = person(&app, &user).await?.user_id;
    Ok(read(position, SignIns { sign_ins: sign_ins_of(&app, user_id).await? }))
}

/// Set a user's role
#[utoipa::path(post, path = "/v1/admin/users/{user}/role", operation_id = "setRole", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")), request_body = SetRole,
    responses((status = 200, body = Done, description = "The user has the role.")))]
async fn set_role(
    State(app): State<App>,
    admin: Admin,
    Path(user): Path<String>,
    context: CommandContext,
    Body(body): Body<SetRole>,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    wrote(give_role(&node, &user, &body.role).await?)
}

/// End a user's sessions
///
/// Ends all of them, and revokes their service tokens.
#[utoipa::path(delete, path = "/v1/admin/users/{user}/sessions", operation_id = "endUserSessions", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")),
    responses((status = 200, body = Done, description = "The user is signed out everywhere.")))]
async fn end_sessions(
    State(app): State<App>,
    admin: Admin,
    Path(user): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    wrote(operations::end_sessions(&node, &user).await?.position)
}

/// End a user's session
#[utoipa::path(delete, path = "/v1/admin/users/{user}/sessions/{id}", operation_id = "endUserSession",
    tag = "operators", params(
        ("user" = String, Path, description = "A user's id or name."),
        ("id" = String, Path, description = "A session from the list."),
    ), responses((status = 200, body = Done, description = "It has ended.")))]
async fn end_session(
    State(app): State<App>,
    admin: Admin,
    Path((user, session)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let user_id = person(&app, &user).await?.user_id;
    wrote(end_one(&app, admin.user_id, &context, (user_id, &session)).await?)
}

/// Erase a user
///
/// Erases all personal data, for ever. The body repeats the name of the account.
#[utoipa::path(post, path = "/v1/admin/users/{user}/erase", operation_id = "eraseUser", tag = "operators",
    params(("user" = String, Path, description = "A user's id or name.")), request_body = Erase,
    responses((status = 200, body = Done, description = "The user is erased.")))]
async fn erase(
    State(app): State<App>,
    admin: Admin,
    Path(user): Path<String>,
    context: CommandContext,
    Body(body): Body<Erase>,
) -> Result<Response, Error> {
    let node = app.node.on_behalf_of(admin.user_id, context.request_id);
    wrote(erase_named(&app, &node, &user, &body.user_name).await?)
}
