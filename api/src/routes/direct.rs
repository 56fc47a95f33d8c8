//! The one chat of two people.

use super::chats::ChatWritten;
use super::ids::user_id;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::reply::{changed, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::{Command, Outcome, chat};
use node::claims::direct_chat;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(open), Spec::caller().fails(&[Code::UserNotFound, Code::ChatNotFound]))
}

/// Open a direct chat
///
/// The one chat of the caller and that user, the same for both. Nobody else can join it, and neither can rename,
/// archive or delete it. A user who leaves it does not see it in their list until something is posted in it or they
/// open it again.
#[utoipa::path(put, path = "/v1/direct/{user_id}", operation_id = "openDirectChat", tag = "chats", responses(
    (status = 201, body = ChatWritten, description = "The chat is created."),
    (status = 200, body = ChatWritten, description = "It already existed."),
))]
async fn open(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let with = user_id(&user)?;
    let command = chat::Command::OpenDirect(chat::OpenDirect { by: caller.user_id, with });
    let command = Command::Chat(direct_chat(&app.keys, caller.user_id, with), command);
    let answer = app.send(&caller, &context, command).await?;
    let Outcome::DirectChat { chat_id, created } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let body = ChatWritten { chat_id, position: answer.position };
    Ok(if created { written(StatusCode::CREATED, &answer, body) } else { changed(&answer, body) })
}
