//! All messages of a chat, as lines of JSON.

use super::ids::chat_id;
use super::message_pages::{ListOf, Row};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::ndjson::{self, EndedEarly, Lines};
use crate::http::params::Params;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::chat::Role;
use projections::messages::Order;
use projections::{ProjectionId, chats};
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::routes;

/// Messages that are read at once: each has at most 32 KiB of text, and six times that as JSON.
const PAGE: u32 = 20;
/// What an export counts of the bytes of answers, from its beginning to its end: a page of messages, and the parts.
const BYTES_HELD: usize = 8 * 1024 * 1024;
/// So many at a time; one more is refused as overloaded.
static PLACES: Semaphore = Semaphore::const_new(4);

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(export), Spec::caller().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound]))
}

/// Export a chat
///
/// One message a line, the oldest first; for the chat's owner. Messages posted during the export are not in it.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/export", operation_id = "exportChat", tag = "chats",
    responses((status = 200, body = String, content_type = "application/x-ndjson", description = "The messages.")))]
async fn export(
    State(app): State<App>,
    caller: Caller,
    address: ClientAddress,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let chats = app.read(ProjectionId::Chats, params.min_position).await?.database;
    if chats::by_id(&chats, chat_id).await?.is_none() {
        return Err(Error::new(Code::ChatNotFound, "there is no such chat"));
    }
    match chats::member(&chats, chat_id, caller.user_id).await?.map(|member| member.role) {
        Some(Role::Owner) => {}
        Some(Role::Admin | Role::Member | Role::Muted) => {
            return Err(Error::new(Code::NotAllowed, "only the owner of a chat exports it"));
        }
        None => return Err(Error::new(Code::NotAMember, "you are not a member of this chat")),
    }
    let place = PLACES.try_acquire();
    let place =
        place.map_err(|_| Error::new(Code::Overloaded, "too many exports are running; try again in a moment"))?;
    let held = app.budget.take(address.0, BYTES_HELD, Some(place))?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    let (mut lines, body) = ndjson::channel();
    let up_to = reading.position;
    // Until both the last part is taken and nothing more is read.
    let until_read = Arc::clone(&held);
    tokio::spawn(async move {
        let _held = until_read;
        let list = ListOf { database: &reading.database, chat_id, viewer: caller.user_id };
        let written = write(list, up_to, &mut lines).await;
        lines.end(written);
    });
    Ok(ndjson::answer(body, "chat.ndjson", up_to, held))
}

/// Every message up to that position of the log.
async fn write(list: ListOf<'_>, up_to: u64, out: &mut Lines) -> Result<(), EndedEarly> {
    let mut from = None;
    loop {
        let rows = list.step(Order::OldestFirst, from, PAGE).await?;
        let is_last = rows.len() < PAGE as usize;
        from = rows.last().map(Row::position);
        out.say(rows.into_iter().filter(|row| row.position() <= up_to).map(Row::revealed)).await?;
        if is_last || from.is_some_and(|from| from >= up_to) {
            return Ok(());
        }
    }
}
