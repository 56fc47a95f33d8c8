//! How far I have read.

use super::ids::chat_id;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::reply::written;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::Response;
use commands::Actor;
use domain::id::ReadMarkId;
use domain::read_mark::{self, Move};
use domain::{ChatId, Command, MessageId, Outcome, UserId, id};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    const FAILS: &[Code] = &[Code::NotAMember, Code::ChatNotFound, Code::MessageNotFound];
    Routes::default().add(routes!(mark), Spec::caller().fails(FAILS))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReadMark, example = json!({"message_id": "0197c1a2-7d3e-7b6a-9c55-2f8e4c1d0a77"}))]
pub(super) struct Mark {
    /// The last message that you have read.
    #[schema(value_type = Uuid)]
    message_id: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReadMarkWritten)]
struct Marked {
    /// How many messages of others are newer than the last one that you have read.
    unread: u64,
    position: u64,
}

/// Mark as read
///
/// Up to a message. A mark never goes back: what was read stays read.
#[utoipa::path(put, path = "/v1/chats/{chat_id}/read", operation_id = "markRead", tag = "messages", request_body = Mark,
    responses((status = 200, body = Marked, description = "Everything up to this message is read.")))]
async fn mark(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    context: CommandContext,
    Body(body): Body<Mark>,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let message_id = id::parse_uuid(&body.message_id).map(MessageId);
    let message_id = message_id.ok_or_else(|| Error::bad("message_id", "must be a UUID"))?;
    let actor = Actor::User(caller.user_id);
    let answer = match app.first_answer(actor, &context).await? {
        // What was posted or deleted meanwhile makes no other request of it.
        Some(answer) => answer,
        None => app.send(&caller, &context, command(&app, chat_id, message_id, caller.user_id).await?).await?,
    };
    let Outcome::ReadUpTo { unread } = answer.outcome else { return Err(Error::other_answer()) };
    let mut response = written(StatusCode::OK, &answer, Marked { unread, position: answer.position });
    // A mark that is further in another stream leaves the one of this message empty.
    response.headers_mut().insert(ETAG, tag(answer.version));
    Ok(response)
}

/// With what the read model knows of it: where in the log the message is, how far they are, and what is behind that.
async fn command(app: &App, chat_id: ChatId, message_id: MessageId, user_id: UserId) -> Result<Command, Error> {
    let db = app.read(ProjectionId::Chats, 0).await?.database;
    if chats::by_id(&db, chat_id).await?.is_none() {
        return Err(Error::new(Code::ChatNotFound, "there is no such chat"));
    }
    let before = chats::read_up_to(&db, chat_id, user_id).await?;
    let before =
        before.ok_or_else(|| Error::new(Code::NotAMember, "you are not a member of this chat; join it first"))?;
    let up_to = chats::posted_at(&db, chat_id, message_id).await?;
    let up_to = up_to.ok_or_else(|| Error::new(Code::MessageNotFound, "there is no such message in this chat"))?;
    let unread = chats::unread_behind(&db, chat_id, user_id, before.max(up_to)).await?;
    let wish = read_mark::Command::Move(Move { message_id, up_to, before, unread });
    Ok(Command::ReadMark(ReadMarkId::of(user_id, chat_id, up_to), wish))
}
