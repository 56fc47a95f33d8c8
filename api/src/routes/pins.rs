//! What is pinned in a chat.

use super::ids::{chat_id, message_id};
use super::message_pages::admit;
use super::message_shown::Message;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::pins::{self, OnePin};
use domain::{Command, MessageId, Timestamp, UserId};
use projections::{ProjectionId, messages};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    const UNPINNING: &[Code] =
        &[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound, Code::MessageNotFound, Code::Archived];
    const PINNING: &[Code] = &[
        Code::NotAMember,
        Code::NotAllowed,
        Code::ChatNotFound,
        Code::MessageNotFound,
        Code::Archived,
        Code::TooManyPins,
    ];
    Routes::default()
        .add(routes!(list), Spec::caller().fails(&[Code::NotAMember, Code::ChatNotFound]))
        .add(routes!(pin), Spec::caller().fails(PINNING))
        .add(routes!(unpin), Spec::caller().fails(UNPINNING))
}

#[derive(Serialize, ToSchema)]
struct Pins {
    /// At most 50, the newest pin first.
    pins: Vec<Pin>,
}

/// A message that is pinned.
#[derive(Serialize, ToSchema)]
struct Pin {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// Who pinned it.
    #[schema(value_type = Uuid)]
    pinned_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    pinned_at: Timestamp,
    message: Message,
}

/// List pinned messages
///
/// The newest pin first; for members.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/pins", operation_id = "listPins", tag = "messages",
    responses((status = 200, body = Pins, description = "The pinned messages.")))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    admit(&reading.database, chat_id, caller.user_id).await?;
    let _place = app.budget.page().await?;
    let pinned = messages::pins(&reading.database, chat_id).await?;
    let mut reactions = messages::reactions_to_pinned(&reading.database, chat_id, caller.user_id).await?;
    let pins = pinned.into_iter().map(|messages::Pin { message, pinned_by, pinned_at }| {
        let message_id = message.message_id;
        let reactions = reactions.remove(&message_id).unwrap_or_default();
        Pin { message_id, pinned_by, pinned_at, message: Message::of(message, reactions) }
    });
    Ok(read(reading.position, Pins { pins: pins.collect() }))
}

/// Pin a message
///
/// For the chat's owner and admins; a chat has at most 50 pinned messages. Pinning a message again changes nothing.
#[utoipa::path(put, path = "/v1/chats/{chat_id}/pins/{message_id}", operation_id = "pinMessage", tag = "messages",
    responses((status = 200, body = Done, description = "The message is pinned.")))]
async fn pin(
    State(app): State<App>,
    caller: Caller,
    Path(address): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let answer = app.send(&caller, &context, command(&caller, &address, pins::Command::Pin)?).await?;
    Ok(changed(&answer, Done { position: answer.position }))
}

/// Unpin a message
///
/// For the chat's owner and admins. Unpinning a message that is not pinned changes nothing.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/pins/{message_id}", operation_id = "unpinMessage", tag = "messages",
    responses((status = 200, body = Done, description = "The message is not pinned.")))]
async fn unpin(
    State(app): State<App>,
    caller: Caller,
    Path(address): Path<(String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let answer = app.send(&caller, &context, command(&caller, &address, pins::Command::Unpin)?).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

fn command(
    caller: &Caller,
    (chat, message): &(String, String),
    wish: fn(OnePin) -> pins::Command,
) -> Result<Command, Error> {
    let (chat_id, message_id) = (chat_id(chat)?, message_id(message)?);
    Ok(Command::Pins(chat_id.into(), wish(OnePin { message_id, by: caller.user_id })))
}
