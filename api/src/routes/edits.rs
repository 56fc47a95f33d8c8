//! What a message said before it was edited.

use super::ids::{chat_id, message_id};
use super::message_pages::{PAGE_BYTES_MAX, admit};
use super::page::Next;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::read;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::json::json_bytes;
use domain::{MessageId, Timestamp};
use projections::{ProjectionId, messages};
use serde::Serialize;
use store::sql::Database;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Texts that are read at once.
const STEP_ROWS_MAX: u32 = 20;

pub(crate) fn routes() -> Routes {
    const FAILS: &[Code] = &[Code::NotAMember, Code::ChatNotFound, Code::MessageNotFound, Code::MessageHidden];
    Routes::default().add(routes!(list), Spec::caller().paged().fails(FAILS))
}

#[derive(Serialize, ToSchema)]
struct Edits {
    edits: Vec<Edit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// One text of a message.
#[derive(Serialize, ToSchema)]
struct Edit {
    #[schema(example = "The tomatoes are ripe.")]
    text: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// List a message's texts
///
/// The first text and every edit, the oldest first; for members.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/messages/{message_id}/edits", operation_id = "listEdits", tag = "messages",
    responses((status = 200, body = Edits, description = "A page of texts.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let limit = params.limit()?;
    let list = ["edits".to_owned(), chat_id.to_string(), message.clone()];
    let after = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    admit(&reading.database, chat_id, caller.user_id).await?;
    let message_id = message_id(&message)?;
    let _place = app.budget.page().await?;
    // Not which messages of other chats there are.
    let message = messages::one(&reading.database, chat_id, message_id).await?;
    let message = message.ok_or_else(|| Error::new(Code::MessageNotFound, "there is no such message in this chat"))?;
    if message.hidden && !app.resolves(chat_id, caller.user_id).await? {
        return Err(Error::new(Code::MessageHidden, "this message is hidden because of what was reported of it"));
    }
    let (rows, more) = page(&reading.database, message_id, after.unwrap_or(0), limit).await?;
    let next = rows.last().filter(|_| more);
    let next = next.map(|last| Next { iterator: cursor::write_position(&app.keys, &list, last.position) });
    let edits = rows.into_iter().map(|row| Edit { text: row.text, at: row.at }).collect();
    Ok(read(reading.position, Edits { edits, next }))
}

/// A page, and whether there is more. It ends early when it has become large.
async fn page(
    database: &Database,
    message_id: MessageId,
    mut after: u64,
    limit: u32,
) -> Result<(Vec<messages::Edit>, bool), Error> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let wanted = (limit + 1).saturating_sub(rows.len() as u32).min(STEP_ROWS_MAX);
        let step = messages::edits(database, message_id, after, wanted).await?;
        let is_last = step.len() < wanted as usize;
        for row in step {
            if rows.len() >= limit as usize || bytes > PAGE_BYTES_MAX {
                return Ok((rows, true));
            }
            bytes += json_bytes(&row.text);
            after = row.position;
            rows.push(row);
        }
        if is_last {
            return Ok((rows, false));
        }
    }
}
