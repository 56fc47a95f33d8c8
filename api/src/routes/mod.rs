//! One file for each noun: its addresses, its bodies, its handlers. A handler parses, asks, renders.

mod auth;
mod chats;
pub(crate) mod export;
mod forgetting;
#[cfg(test)]
mod fuzz;
pub(crate) mod health;
mod me;
mod members;
mod messages;
pub(crate) mod search;
pub(crate) mod search_tasks;
mod sessions;
mod tokens;
mod users;

use crate::app::App;
use crate::error::{Code, Error};
use axum::extract::DefaultBodyLimit;
use domain::{ChatId, MessageId, UserId, id};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

/// Most bytes of a body that holds credentials.
const AUTH_BODY_BYTES_MAX: usize = 4 * 1024;

/// Every address under `/v1`.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(me::routes())
        .merge(forgetting::routes())
        .merge(sessions::routes())
        .merge(tokens::routes())
        .merge(users::routes())
        .merge(chats::routes())
        .merge(members::routes())
        .merge(messages::routes())
        .merge(search::routes())
        .merge(search_tasks::routes())
        .layer(DefaultBodyLimit::max(crate::http::request_size::BODY_BYTES_MAX))
        .merge(auth::routes().layer(DefaultBodyLimit::max(AUTH_BODY_BYTES_MAX)))
}

/// Where the next page begins.
#[derive(Serialize, ToSchema)]
pub(crate) struct Next {
    /// Send it as `from`.
    iterator: String,
}

/// Something was written, and there is no more to say.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    /// The log position of the last event written.
    position: u64,
}

/// Cuts a page that was read with one row more than asked for, and says where the next one begins.
fn cut<T>(rows: &mut Vec<T>, limit: u32, iterator: impl FnOnce(&T) -> String) -> Option<Next> {
    let limit = limit as usize;
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(|last| Next { iterator: iterator(last) })
}

/// An id in a path that is no id names nothing.
fn chat_id(text: &str) -> Result<ChatId, Error> {
    id::parse_uuid(text).map(ChatId).ok_or_else(|| Error::new(Code::ChatNotFound, "there is no such chat"))
}

fn user_id(text: &str) -> Result<UserId, Error> {
    id::parse_uuid(text).map(UserId).ok_or_else(|| Error::new(Code::UserNotFound, "there is no such user"))
}

fn message_id(text: &str) -> Result<MessageId, Error> {
    let unknown = || Error::new(Code::MessageNotFound, "there is no such message in this chat");
    id::parse_uuid(text).map(MessageId).ok_or_else(unknown)
}
