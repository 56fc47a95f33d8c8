//! Keeping somebody from using their account.

use super::ids::user_id;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Moderator;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::reply::{Done, changed, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use domain::text::Note;
use domain::{Command, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(suspend), Spec::moderator().fails(&[Code::UserNotFound]))
        .add(routes!(unsuspend), Spec::moderator().fails(&[Code::UserNotFound]))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSuspension, example = json!({"reason": "threatens others"}))]
pub(super) struct SuspendUser {
    /// The reason, which the account's owner sees. 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
    /// When it ends by itself; without it a moderator has to lift it.
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    until: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Suspension)]
struct SuspensionWritten {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(example = "threatens others")]
    reason: String,
    /// Absent when it does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, required = false)]
    until: Option<Timestamp>,
    position: u64,
}

/// Suspend an account
///
/// Ends its sessions at once. While it lasts nobody can sign in to the account, and its service tokens do not work. For
/// moderators and admins; nobody can suspend themselves, and moderators cannot suspend admins.
#[utoipa::path(put, path = "/v1/users/{user_id}/suspension", operation_id = "suspendUser", tag = "moderation",
    request_body = SuspendUser,
    responses((status = 200, body = SuspensionWritten, description = "The account is suspended.")))]
async fn suspend(
    State(app): State<App>,
    moderator: Moderator,
    Path(user): Path<String>,
    context: CommandContext,
    Body(body): Body<SuspendUser>,
) -> Result<Response, Error> {
    let user_id = user_id(&user)?;
    let reason = Note::parse(&body.reason).map_err(|unfit| Error::bad("reason", unfit))?;
    let until = body.until.as_deref().map(|text| instant(text, context.at)).transpose()?;
    let suspend = user::Suspend { by: moderator.user_id, reason, until };
    let command = Command::User(user_id, user::Command::Suspend(suspend));
    let answer = app.ask(Actor::User(moderator.user_id), &context, command).await?;
    let body = SuspensionWritten { user_id, reason: body.reason, until, position: answer.position };
    Ok(changed(&answer, body))
}

fn instant(text: &str, at: Timestamp) -> Result<Timestamp, Error> {
    let until =
        Timestamp::parse(text).ok_or_else(|| Error::bad("until", "must be a time like 2030-01-31T12:00:00Z"))?;
    if until > at { Ok(until) } else { Err(Error::bad("until", "must be in the future")) }
}

/// Lift a suspension
///
/// The account can be used again; its sessions stay ended.
#[utoipa::path(delete, path = "/v1/users/{user_id}/suspension", operation_id = "unsuspendUser", tag = "moderation",
    responses((status = 200, body = Done, description = "The account is not suspended.")))]
async fn unsuspend(
    State(app): State<App>,
    moderator: Moderator,
    Path(user): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let unsuspend = user::Unsuspend { by: moderator.user_id };
    let command = Command::User(user_id(&user)?, user::Command::Unsuspend(unsuspend));
    let answer = app.ask(Actor::User(moderator.user_id), &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}
