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

/// Which end of a chat a list begins at.
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
    /// How they want to be called everywhere.
    #[schema(example = "Anna K.")]
    display_name: String,
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
/// In the order of the log; for members. Of `from`, `after` and `around` give one at most.
///
/// To follow a chat, show a page and then ask again and again with `after` and the `newer.iterator` of the last answer: it
/// answers what was posted since, or nothing yet.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/messages", operation_id = "listMessages", tag = "messages", params(
    ("order" = inline(Option<Order>), Query, description = "Which end to begin at."),
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
    let page = match begin {
        Begin::Behind(from) => page(&reading.database, chat_id, order, from, limit).await?,
        Begin::Around(message_id) => around(&reading.database, chat_id, order, message_id, limit).await?,
    };
    let iterator =
        |order, position| Next { iterator: cursor::write_position(&app.keys, &list_of(chat_id, order), position) };
    let next = page.rows.last().filter(|_| page.more).map(|last| iterator(order, last.position));
    let previous =
        page.rows.first().filter(|_| page.more_before).map(|first| iterator(order.reversed(), first.position));
    let newer = iterator(messages::Order::OldestFirst, newest(&page, order, &begin));
    let messages = page.rows.into_iter().map(shown).collect();
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
            Err(Error::bad_parameter("from", "stands alone: give one of from, after and around"))
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
    let shown = page.rows.iter().map(|row| row.position).max();
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

/// Some messages in their order.
struct Page {
    rows: Vec<messages::Message>,
    /// Whether there are more behind the last one.
    more: bool,
    /// Whether there are more before the first one; not looked for unless the page is around a message.
    more_before: bool,
}

/// The page that has a message in its middle, as far as there are as many on both sides of it.
async fn around(
    database: &Database,
    chat_id: ChatId,
    order: messages::Order,
    message_id: MessageId,
    limit: u32,
) -> Result<Page, Error> {
    let middle = messages::one(database, chat_id, message_id).await?;
    let middle = middle.ok_or_else(|| Error::new(Code::MessageNotFound, "there is no such message in this chat"))?;
    let before = page(database, chat_id, order.reversed(), Some(middle.position), (limit - 1) / 2).await?;
    // The message itself is the first of those behind.
    let from = match order {
        messages::Order::OldestFirst => middle.position - 1,
        messages::Order::NewestFirst => middle.position + 1,
    };
    let behind = page(database, chat_id, order, Some(from), limit - before.rows.len() as u32).await?;
    let rows = before.rows.into_iter().rev().chain(behind.rows).collect();
    Ok(Page { rows, more: behind.more, more_before: before.more })
}

/// A page behind a position in its order. It ends early when it has become large.
async fn page(
    database: &Database,
    chat_id: ChatId,
    order: messages::Order,
    mut from: Option<u64>,
    limit: u32,
) -> Result<Page, Error> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let wanted = (limit + 1).saturating_sub(rows.len() as u32).min(STEP_ROWS_MAX);
        let step = messages::page(database, chat_id, order, from, wanted).await?;
        let is_last = step.len() < wanted as usize;
        for row in step {
            if rows.len() >= limit as usize || bytes > PAGE_BYTES_MAX {
                return Ok(Page { rows, more: true, more_before: false });
            }
            bytes += json_bytes(&row.text);
            from = Some(row.position);
            rows.push(row);
        }
        if is_last {
            return Ok(Page { rows, more: false, more_before: false });
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
        display_name: message.display_name.unwrap_or_default(),
        text: message.text,
        sent_at: message.sent_at,
        edited_at: message.edited_at,
        reply_to: message.reply_to,
    }
}
