//! Other people: finding somebody by their name.

use super::ids::user_id;
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::conditional::tag_beside;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{read, read_one};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::UserId;
use domain::text::canonical_name;
use projections::{ProjectionId, users};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged())
        .add(routes!(one), Spec::caller().tagged().fails(&[Code::UserNotFound]))
}

#[derive(Serialize, ToSchema)]
struct Users {
    users: Vec<User>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// What every user may know of another.
#[derive(Serialize, ToSchema)]
struct User {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(example = "anna")]
    user_name: String,
    #[schema(example = "Anna K.")]
    display_name: String,
}

/// Find users
///
/// By name.
#[utoipa::path(get, path = "/v1/users", operation_id = "findUsers", tag = "accounts", params(
    ("name" = Option<String>, Query, description = "How the name begins; case does not matter."),
), responses((status = 200, body = Users, description = "A page of users.")))]
async fn list(State(app): State<App>, _caller: Caller, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let prefix = params.get("name").unwrap_or_default();
    let prefix = canonical_name(prefix).unwrap_or_else(|| prefix.to_lowercase());
    let list = ["users", &prefix];
    let after = params.get("from").map(|from| cursor::read(&app.keys, &list, from)).transpose()?;
    let after = after.map(|key| String::from_utf8_lossy(&key).into_owned());
    let reading = app.read(ProjectionId::Users, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = users::list(&reading.database, &prefix, after.as_deref(), limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write(&app.keys, &list, last.name_key.as_bytes()));
    Ok(read(reading.position, Users { users: rows.into_iter().map(shown).collect(), next }))
}

/// Read a user
///
/// What every user may know about another.
#[utoipa::path(get, path = "/v1/users/{user_id}", operation_id = "readUser", tag = "accounts",
    responses((status = 200, body = User, description = "The user.")))]
async fn one(
    State(app): State<App>,
    _caller: Caller,
    Path(user): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let user_id = user_id(&user)?;
    let reading = app.read(ProjectionId::Users, params.min_position).await?;
    let account = users::by_id(&reading.database, user_id).await?;
    let user = account.map(shown).ok_or_else(|| Error::new(Code::UserNotFound, "there is no such user"))?;
    // Not of the version: how often somebody changes their password, or fails to sign in, is nobody else's business.
    let tag = tag_beside(0, &[user.user_name.as_bytes(), user.display_name.as_bytes()]);
    Ok(read_one(reading.position, tag, user))
}

fn shown(account: users::Account) -> User {
    User { user_id: account.user_id, user_name: account.user_name, display_name: account.display_name }
}
