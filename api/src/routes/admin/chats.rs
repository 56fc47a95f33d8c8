//! Chats and their messages, for admins: which there are, who is in them, and searching all of them.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::error::{Code, Error};
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::read;
use crate::routes::page::{Next, cut};
use crate::routes::spec::{Routes, Spec};
use ::projections::{ProjectionId, chats};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::text::canonical_name;
use domain::{ChatId, MessageId, Timestamp, UserId};
use node::operations::chats as operations;
use node::operations::chats::{ChatDetails, ChatRow};
use search::{Order, ResultPage, SearchRequest, TimeZone, Who};
use serde::Serialize;
use std::time::{Duration, Instant};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// What was found by then is the answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long a place for the question is waited for.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::admin().paged())
        .add(routes!(one), Spec::admin().fails(&[Code::ChatNotFound]))
        .add(routes!(search_all), Spec::admin().fails(&[Code::Overloaded]))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminChats)]
struct Chats {
    chats: Vec<Chat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// A chat as admins see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminChat)]
struct Chat {
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    chat_name: String,
    /// `public`, `private`, or `direct`.
    #[schema(value_type = String)]
    kind: &'static str,
    archived: bool,
    /// How many are in it.
    members: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<ChatRow> for Chat {
    fn from(row: ChatRow) -> Chat {
        let ChatRow { chat_id, chat_name, kind, archived, members, created_at } = row;
        Chat { chat_id, chat_name, kind, archived, members, created_at }
    }
}

/// A chat with its members.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminChatDetails)]
struct Details {
    #[serde(flatten)]
    chat: Chat,
    /// In the order in which they came.
    people: Vec<Member>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminChatMember)]
struct Member {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// In the chat; absent where it was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    /// `owner`, `admin`, `member` or `muted`.
    #[schema(value_type = String)]
    role: domain::chat::Role,
    #[schema(value_type = String, format = DateTime)]
    joined_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminHits)]
struct Hits {
    hits: Vec<Hit>,
    /// How many there are, as far as they were counted.
    total: u64,
    /// What of the question was left out.
    notes: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminHit)]
struct Hit {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_name: Option<String>,
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    text: String,
    /// The parts of the text that match: from and to, in characters from 0.
    highlights: Vec<[usize; 2]>,
}

/// Chats whose names begin so, the newest first, with where each stands in the log.
///
/// # Errors
/// When the read model cannot be read.
pub(crate) async fn page(app: &App, name: &str, before: Option<u64>, limit: u32) -> Result<Vec<(u64, ChatRow)>, Error> {
    let prefix = canonical_name(name).unwrap_or_else(|| name.to_lowercase());
    let reading = app.read(ProjectionId::Chats, 0).await?;
    let rows = chats::all(&reading.database, &prefix, before, limit).await?;
    Ok(rows.into_iter().map(|(position, chat)| (position, chat.into())).collect())
}

/// A chat with everybody who is in it.
///
/// # Errors
/// `chat-not-found`.
pub(crate) async fn details(app: &App, chat: &str) -> Result<ChatDetails, Error> {
    app.read(ProjectionId::Chats, 0).await?;
    Ok(operations::details(&app.projections, chat).await?)
}

/// Looks for messages in all chats.
///
/// # Errors
/// When the question cannot be read, or too many are looked up.
pub(crate) async fn find(app: &App, text: &str, limit: usize) -> Result<ResultPage, Error> {
    let question = search::question(text).map_err(|broken| Error::bad_parameter("q", broken))?;
    app.reached(ProjectionId::Search, 0).await?;
    let busy = || Error::new(Code::Overloaded, "too many searches are running; try again in a second");
    let place = app.index.place(PLACE_WAIT_MAX).await.ok_or_else(busy)?;
    let deadline = Instant::now() + ANSWER_MAX;
    let found = app.index.look_up(place, move |snapshot| {
        let (question, zone) = (&question, &TimeZone::UTC);
        let (who, order) = (Who::Operator, Order::Newest);
        search::find(snapshot, &SearchRequest { question, who, zone, order, from: None, limit, deadline })
    });
    Ok(found.await?)
}

/// List all chats
///
/// The newest first.
#[utoipa::path(get, path = "/v1/admin/chats", operation_id = "listAllChats", tag = "operators", params(
    ("name" = Option<String>, Query, description = "How the name begins; case does not matter."),
), responses((status = 200, body = Chats, description = "A page of chats.")))]
async fn list(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let name = params.get("name").unwrap_or_default();
    let list = ["admin chats", name];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let _place = app.budget.page().await?;
    let position = app.read(ProjectionId::Chats, params.min_position).await?.position;
    let mut rows = page(&app, name, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.0));
    Ok(read(position, Chats { chats: rows.into_iter().map(|(_, row)| row.into()).collect(), next }))
}

/// Read any chat
///
/// With all its members.
#[utoipa::path(get, path = "/v1/admin/chats/{chat_id}", operation_id = "readAnyChat", tag = "operators",
    params(("chat_id" = String, Path, description = "A chat.")),
    responses((status = 200, body = Details, description = "The chat.")))]
async fn one(
    State(app): State<App>,
    _admin: Admin,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let position = app.read(ProjectionId::Chats, params.min_position).await?.position;
    let ChatDetails { chat, people } = details(&app, &chat).await?;
    let member = |row: operations::MemberRow| Member {
        user_id: row.user_id,
        user_name: row.user_name,
        role: row.role,
        joined_at: row.joined_at,
    };
    Ok(read(position, Details { chat: chat.into(), people: people.into_iter().map(member).collect() }))
}

/// Search all messages
///
/// In every chat, with the query language of `GET /v1/search`; the newest first, at most `limit`.
#[utoipa::path(get, path = "/v1/admin/search", operation_id = "searchAllMessages", tag = "operators", params(
    ("q" = String, Query, description = "The query.", example = "tomatoes"),
    ("limit" = Option<u32>, Query, description = "How many, 1 to 1000; by default 50."),
), responses((status = 200, body = Hits, description = "What was found.")))]
async fn search_all(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let text = params.get("q").ok_or_else(|| Error::bad_parameter("q", "must be given: the words to find"))?;
    let _place = app.budget.page().await?;
    let found = find(&app, text, params.limit()? as usize).await?;
    let hits = found.hits.into_iter().map(|hit| Hit {
        message_id: hit.message_id,
        chat_id: hit.chat_id,
        chat_name: hit.chat_name,
        user_id: hit.user_id,
        user_name: hit.user_name,
        sent_at: hit.sent_at,
        text: hit.text,
        highlights: hit.highlights.into_iter().map(|(from, to)| [from, to]).collect(),
    });
    let notes = found.notes.iter().map(ToString::to_string).collect();
    Ok(read(found.position, Hits { hits: hits.collect(), total: found.total, notes }))
}
