//! Messages: posting, reading, editing, deleting them.

use super::ids::{chat_id, message_id};
use super::message_pages::{ListOf, Page, Row, admit};
use super::message_shown::Message;
use super::page::Next;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, read_one, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::text::MessageText;
use domain::{ChatId, Command, MessageId, Outcome, Timestamp, id, message};
use projections::{ProjectionId, messages};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(list),
            Spec::caller().paged().fails(&[Code::NotAMember, Code::ChatNotFound, Code::MessageNotFound]),
        )
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

/// The end of the chat that the list begins at.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Order {
    #[default]
    OldestFirst,
    NewestFirst,
}

impl Order {
    fn of_model(self) -> messages::Order {
        match self {
            Order::OldestFirst => messages::Order::OldestFirst,
            Order::NewestFirst => messages::Order::NewestFirst,
        }
    }
}

#[derive(Serialize, ToSchema)]
struct MessagePosted {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    position: u64,
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
    /// Only with `around`: what comes before this page. Send it as `from` with the other `order`. Left out where there
    /// is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Next>,
    /// Send it as `after` to get what is newer than this page, now or later.
    newer: Next,
}

/// Post a message
///
/// The author is the caller.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/messages", operation_id = "postMessage", tag = "messages", params(
    ("user_id" = Option<Uuid>, Query, description = "If given, it must be the caller's own id."),
), request_body = Post, responses((status = 201, body = MessagePosted, description = "The message is posted.")))]
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
    let Outcome::Posted { message_id, sent_at } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let sent_at = sent_at.unwrap_or_else(|| made_at(message_id));
    let position = answer.position;
    Ok(written(StatusCode::CREATED, &answer, MessagePosted { message_id, sent_at, position }))
}

/// When the id of a message was made: to the millisecond when it was posted. For the first answers that an earlier
/// version has kept, which do not say.
fn made_at(MessageId(id): MessageId) -> Timestamp {
    let (seconds, nanoseconds) = id.get_timestamp().map_or((0, 0), |made| made.to_unix());
    Timestamp(seconds.cast_signed() * 1_000_000 + i64::from(nanoseconds / 1_000))
}

/// List messages
///
/// In the order of the log; for members. Send at most one of `from`, `after` and `around`.
///
/// To follow a chat, show a page, then repeat the request with `after` and the `newer.iterator` of the last answer: it
/// gets the messages posted since, or none yet.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/messages", operation_id = "listMessages", tag = "messages", params(
    ("order" = inline(Option<Order>), Query, description = "The order: which end to begin at."),
    ("after" = Option<String>, Query, description = "`newer.iterator` of any page: what is newer, the oldest first."),
    ("around" = Option<Uuid>, Query, description = "A message of this chat: the page that has it in its middle."),
), responses((status = 200, body = Messages, description = "A page of messages.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let order = params.word::<Order>("order")?.of_model();
    let begin = begin(&app, chat_id, order, &params)?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    admit(&reading.database, chat_id, caller.user_id).await?;
    let _place = app.budget.page().await?;
    let list = ListOf { database: &reading.database, chat_id, viewer: caller.user_id };
    let page = match begin {
        Begin::Behind(from) => list.page(order, from, limit).await?,
        Begin::Around(message_id) => list.around(order, message_id, limit).await?,
    };
    let iterator =
        |order, position| Next { iterator: cursor::write_position(&app.keys, &list_of(chat_id, order), position) };
    let next = page.rows.last().filter(|_| page.more).map(|last| iterator(order, last.position()));
    let previous =
        page.rows.first().filter(|_| page.more_before).map(|first| iterator(order.reversed(), first.position()));
    let newer = iterator(messages::Order::OldestFirst, newest(&page, order, &begin));
    let reveals = page.rows.iter().any(Row::is_hidden) && app.resolves(chat_id, caller.user_id).await?;
    let messages = page.rows.into_iter().map(if reveals { Row::revealed } else { Row::shown }).collect();
    Ok(read(reading.position, Messages { messages, next, previous, newer }))
}

/// Where a page begins.
enum Begin {
    /// Behind that position in its order, or at its end.
    Behind(Option<u64>),
    Around(MessageId),
}

fn begin(app: &App, chat_id: ChatId, order: messages::Order, params: &Params) -> Result<Begin, Error> {
    let position = |text: &str| cursor::read_position(&app.keys, &list_of(chat_id, order), text);
    match (params.get("from"), params.get("after"), params.get("around")) {
        (from, None, None) => Ok(Begin::Behind(from.map(position).transpose()?)),
        (None, Some(_), None) if order != messages::Order::OldestFirst => {
            Err(Error::bad_parameter("order", "is always oldest-first with after"))
        }
        (None, Some(after), None) => Ok(Begin::Behind(Some(position(after)?))),
        (None, None, Some(around)) => {
            let around = id::parse_uuid(around).map(MessageId);
            Ok(Begin::Around(around.ok_or_else(|| Error::bad_parameter("around", "must be a UUID"))?))
        }
        (Some(_), ..) | (None, Some(_), Some(_)) => {
            Err(Error::bad_parameter("from", "must be the only one: send one of from, after and around"))
        }
    }
}

/// What the cursors of a chat's messages in one order belong to.
fn list_of(chat_id: ChatId, order: messages::Order) -> [String; 3] {
    let order = match order {
        messages::Order::OldestFirst => "oldest-first",
        messages::Order::NewestFirst => "newest-first",
    };
    ["messages".to_owned(), chat_id.to_string(), order.to_owned()]
}

/// The position behind which everything is newer than a page.
fn newest(page: &Page, order: messages::Order, begin: &Begin) -> u64 {
    let shown = page.rows.iter().map(Row::position).max();
    let behind = match (begin, order) {
        (Begin::Behind(Some(from)), messages::Order::OldestFirst) => *from,
        (Begin::Behind(Some(from)), messages::Order::NewestFirst) => from.saturating_sub(1),
        (Begin::Behind(None) | Begin::Around(_), _) => 0,
    };
    shown.unwrap_or(behind)
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
    let list = ListOf { database: &reading.database, chat_id, viewer: caller.user_id };
    let row = list.one(message_id(&message)?).await?;
    let reveals = row.is_hidden() && app.resolves(chat_id, caller.user_id).await?;
    Ok(read_one(reading.position, row.tag(), if reveals { row.revealed() } else { row.shown() }))
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
    Ok(changed(&answer, MessageWritten { message_id, position: answer.position }))
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
