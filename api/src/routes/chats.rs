//! Chats: creating, finding, renaming, archiving, deleting them.

use super::ids::chat_id;
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::conditional::{tag, tag_beside};
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, read_one, written};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use domain::text::{ChatName, canonical_name};
use domain::{ChatId, Command, MessageId, Timestamp, UserId, chat};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use store::sql::Database;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa_axum::routes;
use uuid::Uuid;

/// What can stand in the way of leading a chat.
const LED: &[Code] = &[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound];

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged())
        .add(routes!(create), Spec::caller())
        .add(routes!(one), Spec::caller().tagged().fails(&[Code::NotAMember, Code::ChatNotFound]))
        .add(routes!(change), Spec::caller().fails(LED))
        .add(routes!(delete), Spec::caller().fails(LED))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChat, example = json!({"chat_name": "Garden"}))]
pub(super) struct CreateChat {
    /// 1 to 255 characters; names are not unique.
    #[schema(min_length = 1, max_length = 255)]
    chat_name: String,
    /// Whether only those who are added may be in it.
    #[serde(default)]
    private: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChatWritten {
    #[schema(value_type = Uuid)]
    pub(super) chat_id: ChatId,
    pub(super) position: u64,
}

/// What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatChange, example = json!({"chat_name": "Garden and yard"}))]
pub(super) struct ChangeChat {
    #[schema(min_length = 1, max_length = 255)]
    chat_name: Option<String>,
    /// An archived chat takes neither messages nor members.
    archived: Option<bool>,
}

/// Which chats are listed.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Scope {
    #[default]
    Mine,
    Public,
}

impl Scope {
    /// Its name in cursors.
    fn name(self) -> &'static str {
        match self {
            Scope::Mine => "mine",
            Scope::Public => "public",
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Chats {
    chats: Vec<Chat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct Chat {
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    /// Of a direct chat: how the other wants to be called everywhere; empty when they are erased.
    #[schema(example = "Garden")]
    chat_name: String,
    /// Whether it is the one chat of two people.
    direct: bool,
    /// The other user of a direct chat of mine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, required = false)]
    user_id: Option<UserId>,
    private: bool,
    archived: bool,
    /// My role in it, where I am a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = role, required = false)]
    role: Option<chat::Role>,
    /// How many are in it.
    members: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// How many messages of others are newer than the last one that I have read, if I am a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u64>,
    /// Its newest message, where I am a member and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_message: Option<LastMessage>,
}

/// The role of a member.
pub(super) fn role() -> Ref {
    Ref::from_schema_name("ChatRole")
}

#[derive(Serialize, ToSchema)]
struct LastMessage {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[schema(example = "anna")]
    user_name: String,
    /// How they want to be called everywhere.
    #[schema(example = "Anna K.")]
    display_name: String,
    /// Its first 256 characters.
    #[schema(example = "The tomatoes are ripe.")]
    text: String,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
}

/// Create a chat
///
/// The caller becomes its owner and first member.
#[utoipa::path(post, path = "/v1/chats", operation_id = "createChat", tag = "chats", request_body = CreateChat,
    responses((status = 201, body = ChatWritten, description = "The chat exists.")))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    Body(body): Body<CreateChat>,
) -> Result<Response, Error> {
    let chat_name = ChatName::parse(&body.chat_name).map_err(|unfit| Error::bad("chat_name", unfit))?;
    let command =
        chat::Command::Create(chat::Create { by: caller.user_id, chat_name, private: body.private, nickname: None });
    let answer = app.send(&caller, &context, Command::Chat(ChatId(Uuid::now_v7()), command)).await?;
    let domain::Outcome::ChatCreated { chat_id } = answer.outcome else {
        return Err(Error::other_answer());
    };
    Ok(written(StatusCode::CREATED, &answer, ChatWritten { chat_id, position: answer.position }))
}

/// List chats
///
/// The caller's own, by last activity (a message, or joining), the latest first. Or the chats that anyone may join, the
/// newest first.
#[utoipa::path(get, path = "/v1/chats", operation_id = "listChats", tag = "chats", params(
    ("scope" = inline(Option<Scope>), Query, description = "`mine`, or `public`: those that anyone may join."),
    ("name" = Option<String>, Query, description = "How the name begins; case does not matter."),
), responses((status = 200, body = Chats, description = "A page of chats.")))]
async fn list(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let scope = params.word::<Scope>("scope")?;
    let prefix = params.get("name").unwrap_or_default();
    let prefix = canonical_name(prefix).unwrap_or_else(|| prefix.to_lowercase());
    let user = caller.user_id.to_string();
    let list = ["chats", scope.name(), &prefix, &user];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Chats, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = match scope {
        Scope::Mine => chats::mine(&reading.database, caller.user_id, &prefix, before, limit + 1).await?,
        Scope::Public => chats::open_to_all(&reading.database, caller.user_id, &prefix, before, limit + 1).await?,
    };
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let chats = rows.into_iter().map(|row| shown(row.chat, row.direct, row.role, row.last_message, row.unread));
    Ok(read(reading.position, Chats { chats: chats.collect(), next }))
}

/// Read a chat
///
/// A private chat is for its members only.
#[utoipa::path(get, path = "/v1/chats/{chat_id}", operation_id = "readChat", tag = "chats",
    responses((status = 200, body = Chat, description = "The chat.")))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let reading = app.read(ProjectionId::Chats, params.min_position).await?;
    let chat = chats::by_id(&reading.database, chat_id).await?;
    let chat = chat.ok_or_else(|| Error::new(Code::ChatNotFound, "there is no such chat"))?;
    let member = chats::member(&reading.database, chat_id, caller.user_id).await?;
    let (position, version) = (reading.position, chat.version);
    let Some(member) = member else {
        if chat.private {
            return Err(Error::new(Code::NotAMember, "this chat is private; ask its owner or an admin to add you"));
        }
        return Ok(read_one(position, tag(version), shown(chat, None, None, None, None)));
    };
    let direct = chats::direct(&reading.database, chat_id, caller.user_id).await?;
    let last = chats::last_message(&reading.database, chat_id).await?;
    let unread = chats::unread(&reading.database, chat_id, caller.user_id).await?;
    let tag = tag_of(version, direct.as_ref(), last.as_ref(), unread);
    Ok(read_one(position, tag, shown(chat, direct, Some(member.role), last, unread)))
}

/// What was said last and read, and what the other of two is called, are no parts of the chat's own stream.
fn tag_of(
    version: u64,
    direct: Option<&chats::Direct>,
    last: Option<&chats::LastMessage>,
    unread: Option<u64>,
) -> HeaderValue {
    let name = |name: &Option<String>| name.as_deref().unwrap_or_default().as_bytes().to_vec();
    let mut beside = Vec::new();
    if let Some(direct) = direct {
        beside.push(name(&direct.display_name));
    }
    if let Some(last) = last {
        beside.extend([last.message_id.0.as_bytes().to_vec(), last.version.to_be_bytes().to_vec()]);
        beside.extend([name(&last.user_name), name(&last.display_name)]);
    }
    beside.extend(unread.filter(|unread| *unread > 0).map(|unread| unread.to_be_bytes().to_vec()));
    match beside.is_empty() {
        true => tag(version),
        false => tag_beside(version, &beside.iter().map(Vec::as_slice).collect::<Vec<_>>()),
    }
}

/// Change a chat
///
/// Renames, archives or reopens it; for its owner and admins.
#[utoipa::path(patch, path = "/v1/chats/{chat_id}", operation_id = "changeChat", tag = "chats",
    request_body = ChangeChat, responses((status = 200, body = ChatWritten, description = "The chat is changed.")))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    context: CommandContext,
    Body(body): Body<ChangeChat>,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let chat_name = body.chat_name.as_deref().map(ChatName::parse).transpose();
    let chat_name = chat_name.map_err(|unfit| Error::bad("chat_name", unfit))?;
    let command = chat::Command::Change(chat::Change { by: caller.user_id, chat_name, archived: body.archived });
    let answer = app.send(&caller, &context, Command::Chat(chat_id, command)).await?;
    Ok(changed(&answer, ChatWritten { chat_id, position: answer.position }))
}

/// Delete a chat
///
/// With everything in it; for its owner.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}", operation_id = "deleteChat", tag = "chats",
    responses((status = 200, body = Done, description = "The chat is deleted.")))]
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let command = chat::Command::Delete(chat::Delete { by: caller.user_id });
    let answer = app.send(&caller, &context, Command::Chat(chat_id(&chat)?, command)).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

/// What only the owner and the admins see.
pub(super) async fn refuse_who_does_not_lead(db: &Database, chat_id: ChatId, caller: &Caller) -> Result<(), Error> {
    if chats::by_id(db, chat_id).await?.is_none() {
        return Err(Error::new(Code::ChatNotFound, chat::Refusal::NotFound));
    }
    let member = chats::member(db, chat_id, caller.user_id).await?;
    let member = member.ok_or_else(|| Error::new(Code::NotAMember, chat::Refusal::NotAMember))?;
    if member.role.leads() { Ok(()) } else { Err(Error::new(Code::NotAllowed, chat::Refusal::NotAllowed)) }
}

fn shown(
    chat: chats::Chat,
    direct: Option<chats::Direct>,
    role: Option<chat::Role>,
    last: Option<chats::LastMessage>,
    unread: Option<u64>,
) -> Chat {
    let user_id = direct.as_ref().map(|with| with.user_id);
    Chat {
        chat_id: chat.chat_id,
        direct: chat.direct,
        user_id,
        chat_name: direct.map_or(chat.chat_name, |with| with.display_name.unwrap_or_default()),
        private: chat.private,
        archived: chat.archived,
        role,
        members: chat.members,
        created_at: chat.created_at,
        unread,
        last_message: last.map(|message| LastMessage {
            message_id: message.message_id,
            user_id: message.user_id,
            user_name: message.user_name.unwrap_or_default(),
            display_name: message.display_name.unwrap_or_default(),
            text: message.text,
            sent_at: message.sent_at,
        }),
    }
}
