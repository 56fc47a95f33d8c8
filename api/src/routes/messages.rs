//! Messages: posting, reading, editing, deleting them.

use super::ids::{chat_id, message_id};
use super::page::Next;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, read_one, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Answer;
use domain::json::json_bytes;
use domain::text::MessageText;
use domain::{ChatId, Command, MessageId, Outcome, Timestamp, UserId, id, message};
use projections::{ProjectionId, messages};
use serde::{Deserialize, Serialize};
use store::sql::Database;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Bytes of JSON after which a page takes no more messages: 1,000 of the longest would be 94 MiB.
pub(super) const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Most rows that are read at a time.
const STEP_ROWS_MAX: u32 = 100;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged().fails(&[Code::NotAMember, Code::ChatNotFound]))
        .add(
            routes!(post),
            Spec::caller().fails(&[
                Code::NotYou,
                Code::NotAMember,
                Code::Muted,
                Code::ChatNotFound,
                Code::MessageNotFound,
                Code::Archived,
            ]),
        )
        .add(
            routes!(one),
            Spec::caller().tagged().fails(&[Code::NotAMember, Code::ChatNotFound, Code::MessageNotFound]),
        )
        .add(
            routes!(edit),
            Spec::caller().fails(&[
                Code::NotAMember,
                Code::NotAllowed,
                Code::Muted,
                Code::ChatNotFound,
                Code::MessageNotFound,
                Code::Archived,
                Code::EditedTooOften,
            ]),
        )
        .add(
            routes!(delete),
            Spec::caller().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound, Code::MessageNotFound]),
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMessage, example = json!({"message": "The tomatoes are ripe."}))]
pub(super) struct Post {
    /// 1 to 16,384 characters and at most 32 KiB of UTF-8, anything but NUL; kept untrimmed.
    #[schema(min_length = 1, max_length = 16384)]
    message: String,
    /// The message of this chat that it answers.
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageEdit, example = json!({"message": "The tomatoes are ripe!"}))]
pub(super) struct Edit {
    /// The new text, within the same limits.
    #[schema(min_length = 1, max_length = 16384)]
    message: String,
}

/// Which end of a chat a list begins at.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    OldestFirst,
    NewestFirst,
}

#[derive(Serialize, ToSchema)]
struct MessageWritten {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Messages {
    messages: Vec<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct Message {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// Its author.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Their nickname in this chat.
    #[schema(example = "anna")]
    user_name: String,
    #[schema(example = "The tomatoes are ripe.")]
    text: String,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    edited_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    reply_to: Option<MessageId>,
}

/// Post a message
///
/// The author is the caller.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/messages", operation_id = "postMessage", tag = "messages", params(
    ("user_id" = Option<Uuid>, Query, description = "Must be the caller's own id, where it is given."),
), request_body = Post, responses((status = 201, body = MessageWritten, description = "The message is posted.")))]
async fn post(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
    context: CommandContext,
    Body(body): Body<Post>,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    if params.get("user_id").is_some_and(|user| id::parse_uuid(user) != Some(caller.user_id.0)) {
        return Err(Error::new(Code::NotYou, "user_id is not yours: the author is always the session's user"));
    }
    let text = MessageText::parse(&body.message).map_err(|unfit| Error::bad("message", unfit))?;
    let reply_to = match body.reply_to.as_deref() {
        None => None,
        Some(text) => Some(id::parse_uuid(text).ok_or_else(|| Error::bad("reply_to", "must be a UUID"))?),
    };
    let command = message::Command::Post(message::Post {
        chat_id,
        author: caller.user_id,
        text,
        reply_to: reply_to.map(MessageId),
        sent_at: context.at,
    });
    let answer = app.send(&caller, &context, Command::Message(MessageId(Uuid::now_v7()), command)).await?;
    Ok(written(StatusCode::CREATED, &answer, posted(&answer)?))
}

fn posted(answer: &Answer) -> Result<MessageWritten, Error> {
    let Outcome::Posted { message_id } = answer.outcome else {
        return Err(Error::other_answer());
    };
    Ok(MessageWritten { message_id, position: answer.position })
}

/// List messages
///
/// In the order of the log; for members.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/messages", operation_id = "listMessages", tag = "messages", params(
    ("order" = inline(Option<Order>), Query, description = "Which end to begin at."),
), responses((status = 200, body = Messages, description = "A page of messages.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let (order, order_name) = match params.word("order")? {
        Order::OldestFirst => (messages::Order::OldestFirst, "oldest-first"),
        Order::NewestFirst => (messages::Order::NewestFirst, "newest-first"),
    };
    let list = ["messages", &chat_id.to_string(), order_name];
    let from = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    admit(&reading.database, chat_id, caller.user_id).await?;
    let _place = app.budget.page().await?;
    let (rows, more) = page(&reading.database, chat_id, order, from, limit).await?;
    let next = rows.last().filter(|_| more);
    let next = next.map(|last| Next { iterator: cursor::write_position(&app.keys, &list, last.position) });
    Ok(read(reading.position, Messages { messages: rows.into_iter().map(shown).collect(), next }))
}

/// Read a message
///
/// For members.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/messages/{message_id}", operation_id = "readMessage", tag = "messages",
    responses((status = 200, body = Message, description = "The message.")))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    admit(&reading.database, chat_id, caller.user_id).await?;
    let message = messages::one(&reading.database, chat_id, message_id(&message)?).await?;
    let message = message.ok_or_else(|| Error::new(Code::MessageNotFound, "there is no such message in this chat"))?;
    Ok(read_one(reading.position, tag(message.version), shown(message)))
}

/// Edit a message
///
/// For its author.
#[utoipa::path(patch, path = "/v1/chats/{chat_id}/messages/{message_id}", operation_id = "editMessage", tag = "messages",
    request_body = Edit, responses((status = 200, body = MessageWritten, description = "The message has the new text.")))]
async fn edit(
    State(app): State<App>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    context: CommandContext,
    Body(body): Body<Edit>,
) -> Result<Response, Error> {
    let (chat_id, message_id) = (chat_id(&chat)?, message_id(&message)?);
    let text = MessageText::parse(&body.message).map_err(|unfit| Error::bad("message", unfit))?;
    let command = message::Command::Edit(message::Edit { chat_id, by: caller.user_id, text });
    let answer = app.send(&caller, &context, Command::Message(message_id, command)).await?;
    Ok(changed(&answer, posted(&answer)?))
}

/// Delete a message
///
/// For its author, and for the chat's owner and admins.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/messages/{message_id}", operation_id = "deleteMessage",
    tag = "messages", responses((status = 200, body = Done, description = "The message is deleted.")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let (chat_id, message_id) = (chat_id(&chat)?, message_id(&message)?);
    let command = message::Command::Delete(message::Delete { chat_id, by: caller.user_id });
    let answer = app.send(&caller, &context, Command::Message(message_id, command)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// A page, and whether there is more behind it. It ends early when it has become large.
async fn page(
    database: &Database,
    chat_id: ChatId,
    order: messages::Order,
    mut from: Option<u64>,
    limit: u32,
) -> Result<(Vec<messages::Message>, bool), Error> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let wanted = (limit + 1).saturating_sub(rows.len() as u32).min(STEP_ROWS_MAX);
        let step = messages::page(database, chat_id, order, from, wanted).await?;
        let is_last = step.len() < wanted as usize;
        for row in step {
            if rows.len() >= limit as usize || bytes > PAGE_BYTES_MAX {
                return Ok((rows, true));
            }
            bytes += json_bytes(&row.text);
            from = Some(row.position);
            rows.push(row);
        }
        if is_last {
            return Ok((rows, false));
        }
    }
}

/// A message as it reads now; none when it is gone, or `user_id` is not in its chat now.
pub(super) async fn readable(
    database: &Database,
    chat_id: ChatId,
    message_id: MessageId,
    user_id: UserId,
) -> Result<Option<messages::Message>, Error> {
    match messages::access(database, chat_id, user_id).await? {
        messages::Access::Member => Ok(messages::one(database, chat_id, message_id).await?),
        messages::Access::NotAMember | messages::Access::NoChat => Ok(None),
    }
}

/// Lets members in.
async fn admit(database: &Database, chat_id: ChatId, user_id: UserId) -> Result<(), Error> {
    match messages::access(database, chat_id, user_id).await? {
        messages::Access::Member => Ok(()),
        messages::Access::NotAMember => {
            Err(Error::new(Code::NotAMember, "you are not a member of this chat; join it first"))
        }
        messages::Access::NoChat => Err(Error::new(Code::ChatNotFound, "there is no such chat")),
    }
}

fn shown(message: messages::Message) -> Message {
    Message {
        message_id: message.message_id,
        user_id: message.user_id,
        user_name: message.user_name.unwrap_or_default(),
        text: message.text,
        sent_at: message.sent_at,
        edited_at: message.edited_at,
        reply_to: message.reply_to,
    }
}
