//! A chat's members: joining, adding, leaving, removing, roles.

use super::chats::role;
use super::ids::{chat_id, user_id};
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Answer;
use domain::text::Nickname;
use domain::{ChatId, Command, Outcome, Timestamp, UserId, chat, id};
use node::claims::claim_on;
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged().fails(&[Code::NotAMember, Code::ChatNotFound]))
        .add(
            routes!(enter),
            Spec::caller().fails(&[
                Code::NotInvited,
                Code::Banned,
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::NameTaken,
                Code::Archived,
            ]),
        )
        .add(
            routes!(change),
            Spec::caller().fails(&[
                Code::NotYou,
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::MemberNotFound,
                Code::NameTaken,
            ]),
        )
        .add(
            routes!(leave),
            Spec::caller().fails(&[
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::MemberNotFound,
                Code::OwnerMustHandOver,
            ]),
        )
}

/// `user_name` joins the caller under that nickname, or gives a member that nickname; `user_id` adds another user;
/// neither joins the caller under the name of the account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMember, example = json!({}))]
pub(super) struct Enter {
    #[schema(min_length = 1, max_length = 64)]
    user_name: Option<String>,
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MemberWritten)]
pub(super) struct Entered {
    /// Into which chat an invitation led.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, required = false)]
    chat_id: Option<ChatId>,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberChange, example = json!({"user_name": "Gardener"}))]
pub(super) struct ChangeMember {
    /// The role to give. Making another member the owner makes the former owner an admin.
    #[schema(schema_with = role, required = false)]
    role: Option<String>,
    /// Your own nickname in this chat from now on. Send either this or `role`.
    #[schema(min_length = 1, max_length = 64)]
    user_name: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Members {
    users: Vec<Member>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct Member {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// The nickname in this chat.
    #[schema(example = "anna")]
    user_name: String,
    /// How they want to be called everywhere.
    #[schema(example = "Anna K.")]
    display_name: String,
    #[schema(schema_with = role)]
    role: chat::Role,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
}

/// Join or add
///
/// Joins the caller, or adds another user, which the owner and admins can do.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/users", operation_id = "addMember", tag = "members",
    request_body = Enter, responses(
        (status = 201, body = Entered, description = "The user is a member from now on."),
        (status = 200, body = Entered, description = "The user was a member already."),
    ))]
async fn enter(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    context: CommandContext,
    Body(body): Body<Enter>,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let nickname = body.user_name.as_deref().map(|text| chosen(&app, text)).transpose()?;
    let other = match body.user_id.as_deref() {
        None => None,
        Some(text) => Some(id::parse_uuid(text).map(UserId).ok_or_else(|| Error::bad("user_id", "must be a UUID"))?),
    };
    let command = match other {
        Some(other) if other != caller.user_id => {
            if nickname.is_some() {
                return Err(Error::bad("user_name", "is chosen by the members themselves; leave it out with user_id"));
            }
            chat::Command::Add(chat::Add { by: caller.user_id, user_id: other })
        }
        Some(_) | None => chat::Command::Join(chat::Join { user_id: caller.user_id, nickname }),
    };
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    entered(&answer, None)
}

/// Somebody is a member, from now on or already.
pub(super) fn entered(answer: &Answer, chat_id: Option<ChatId>) -> Result<Response, Error> {
    let Outcome::Member { user_id, joined } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let status = if joined { StatusCode::CREATED } else { StatusCode::OK };
    Ok(written(status, answer, Entered { chat_id, user_id, position: answer.position }))
}

/// A name that is chosen for one chat.
pub(super) fn chosen(app: &App, text: &str) -> Result<chat::Chosen, Error> {
    let nickname = Nickname::parse(text).map_err(|unfit| Error::bad("user_name", unfit))?;
    let claim = claim_on(&app.keys, &nickname);
    Ok(chat::Chosen { nickname, claim })
}

/// List members
///
/// In the order in which they joined; for members.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/users", operation_id = "listMembers", tag = "members",
    responses((status = 200, body = Members, description = "A page of members.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let list = ["members", &chat_id.to_string()];
    let after = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Chats, params.min_position).await?;
    if chats::by_id(&reading.database, chat_id).await?.is_none() {
        return Err(Error::new(Code::ChatNotFound, "there is no such chat"));
    }
    if chats::member(&reading.database, chat_id, caller.user_id).await?.is_none() {
        return Err(Error::new(Code::NotAMember, "you are not a member of this chat; join it first"));
    }
    let _place = app.budget.page().await?;
    let mut rows = chats::members(&reading.database, chat_id, after, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let users = rows.into_iter().map(|row| Member {
        user_id: row.user_id,
        user_name: row.user_name.unwrap_or_default(),
        display_name: row.display_name.unwrap_or_default(),
        role: row.role,
        joined_at: row.joined_at,
    });
    Ok(read(reading.position, Members { users: users.collect(), next }))
}

/// Change a member
///
/// Sets a member's role (the owner any, admins `member` and `muted`), or the caller's own nickname.
#[utoipa::path(patch, path = "/v1/chats/{chat_id}/users/{user_id}", operation_id = "changeMember", tag = "members",
    request_body = ChangeMember, responses((status = 200, body = Entered, description = "The member is changed.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path((chat, user)): Path<(String, String)>,
    context: CommandContext,
    Body(body): Body<ChangeMember>,
) -> Result<Response, Error> {
    let (chat_id, user_id) = (chat_id(&chat)?, user_id(&user)?);
    let command = match (body.role.as_deref(), body.user_name.as_deref()) {
        (None, None) => return Err(Error::bad("role", "is required, or user_name")),
        (Some(_), Some(_)) => return Err(Error::bad("user_name", "is changed by a request of its own, without role")),
        (Some(role), None) => {
            let role = chat::Role::parse(role);
            let role = role.ok_or_else(|| Error::bad("role", "must be owner, admin, member or muted"))?;
            chat::Command::SetRole(chat::SetRole { by: caller.user_id, user_id, role })
        }
        (None, Some(_)) if user_id != caller.user_id => {
            return Err(Error::new(Code::NotYou, "a nickname is chosen by the member themselves"));
        }
        (None, Some(text)) => chat::Command::SetNickname(chat::SetNickname { user_id, nickname: chosen(&app, text)? }),
    };
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    Ok(changed(&answer, Entered { chat_id: None, user_id, position: answer.position }))
}

/// Leave or remove
///
/// Removes the caller, or another member, which the owner and admins can do. The owner must make another member the
/// owner first, unless nobody else is left: then the chat is deleted.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/users/{user_id}", operation_id = "removeMember", tag = "members",
    responses((status = 200, body = Done, description = "The user is no longer a member.")))]
async fn leave(
    State(app): State<App>,
    caller: Caller,
    Path((chat, user)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let (chat_id, user_id) = (chat_id(&chat)?, user_id(&user)?);
    let command = if user_id == caller.user_id {
        chat::Command::Leave(chat::Leave { user_id })
    } else {
        chat::Command::Remove(chat::Remove { by: caller.user_id, user_id })
    };
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}
