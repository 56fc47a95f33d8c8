//! Who is kept out of a chat.

use super::chats::refuse_who_does_not_lead;
use super::ids::{chat_id, user_id};
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::OptionalBody;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::text::Note;
use domain::{Command, Timestamp, UserId, chat};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// What can stand in the way of leading a chat.
const LED: &[Code] = &[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound, Code::UserNotFound];

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound]))
        .add(
            routes!(ban),
            Spec::caller().fails(&[
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::UserNotFound,
                Code::TooManyBans,
            ]),
        )
        .add(routes!(unban), Spec::caller().fails(LED))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBan, example = json!({"reason": "advertises watches"}))]
pub(super) struct BanUser {
    /// Why, for the owner and the admins; 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Bans {
    bans: Vec<Ban>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct Ban {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// The nickname in this chat where they were in it.
    #[schema(example = "anna")]
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "advertises watches")]
    reason: Option<String>,
    /// Who did it.
    #[schema(value_type = Uuid)]
    by: UserId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Ban a user
///
/// Removes the user if they are a member, and keeps them out by every way in. For the owner and admins; an admin cannot
/// ban the owner or another admin. Users who are not members can be banned too.
#[utoipa::path(put, path = "/v1/chats/{chat_id}/bans/{user_id}", operation_id = "banUser", tag = "members",
    request_body = BanUser, responses((status = 200, body = Done, description = "The user is banned.")))]
async fn ban(
    State(app): State<App>,
    caller: Caller,
    Path((chat, user)): Path<(String, String)>,
    context: CommandContext,
    OptionalBody(body): OptionalBody<BanUser>,
) -> Result<Response, Error> {
    let (chat_id, user_id) = (chat_id(&chat)?, user_id(&user)?);
    let reason = body.reason.as_deref().map(Note::parse).transpose().map_err(|unfit| Error::bad("reason", unfit))?;
    let command = chat::Command::Ban(chat::Ban { by: caller.user_id, user_id, reason });
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    Ok(changed(&answer, Done { position: answer.position }))
}

/// Lift a ban
///
/// The user can join again like anyone else.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/bans/{user_id}", operation_id = "unbanUser", tag = "members",
    responses((status = 200, body = Done, description = "The user is not banned.")))]
async fn unban(
    State(app): State<App>,
    caller: Caller,
    Path((chat, user)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let (chat_id, user_id) = (chat_id(&chat)?, user_id(&user)?);
    let command = chat::Command::Unban(chat::Unban { by: caller.user_id, user_id });
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// List bans
///
/// The newest first; for the owner and admins.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/bans", operation_id = "listBans", tag = "members",
    responses((status = 200, body = Bans, description = "A page of bans.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let list = ["bans", &chat_id.to_string()];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Chats, params.min_position).await?;
    refuse_who_does_not_lead(&reading.database, chat_id, &caller).await?;
    let _place = app.budget.page().await?;
    let mut rows = chats::bans(&reading.database, chat_id, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let bans = rows.into_iter().map(|row| Ban {
        user_id: row.user_id,
        user_name: row.user_name.unwrap_or_default(),
        reason: row.reason,
        by: row.by,
        at: row.at,
    });
    Ok(read(reading.position, Bans { bans: bans.collect(), next }))
}
