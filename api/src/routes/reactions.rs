//! Reactions: answering a message with one emoji, and taking that back.

use super::ids::{chat_id, message_id};
use super::message_shown::ShownReaction;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::reply::{changed, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Answer;
use domain::reactions::{self, React};
use domain::{Command, Emoji, Outcome};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

const FAILS: &[Code] = &[Code::NotAMember, Code::Muted, Code::ChatNotFound, Code::MessageNotFound, Code::Archived];

pub(crate) fn routes() -> Routes {
    const ADDING: &[Code] = &[
        Code::NotAMember,
        Code::Muted,
        Code::ChatNotFound,
        Code::MessageNotFound,
        Code::Archived,
        Code::TooManyReactions,
        Code::EditedTooOften,
    ];
    Routes::default().add(routes!(add), Spec::caller().fails(ADDING)).add(routes!(remove), Spec::caller().fails(FAILS))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReactionsWritten)]
struct Reactions {
    /// All reactions to the message as they are now, in the order of their first use.
    reactions: Vec<ShownReaction>,
    position: u64,
}

/// React to a message
///
/// For members who can post. A message takes 20 different emoji. Reacting with the same emoji again changes nothing.
#[utoipa::path(put, path = "/v1/chats/{chat_id}/messages/{message_id}/reactions/{emoji}", operation_id = "addReaction",
    tag = "messages",
    params(("emoji" = String, Path, description = "One emoji, percent-encoded; a sequence that Unicode lists is one.",
        example = "👍")),
    responses((status = 200, body = Reactions, description = "You have reacted with it.")))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(address): Path<(String, String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let answer = app.send(&caller, &context, command(&caller, &address, reactions::Command::Add)?).await?;
    Ok(changed(&answer, shown(&answer)?))
}

/// Remove a reaction
///
/// Your own. Removing a reaction that does not exist changes nothing.
#[utoipa::path(delete, path = "/v1/chats/{chat_id}/messages/{message_id}/reactions/{emoji}",
    operation_id = "removeReaction", tag = "messages",
    params(("emoji" = String, Path, description = "The emoji, percent-encoded.", example = "👍")),
    responses((status = 200, body = Reactions, description = "You do not react with it.")))]
async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(address): Path<(String, String, String)>,
    context: CommandContext,
) -> Result<Response, Error> {
    let answer = app.send(&caller, &context, command(&caller, &address, reactions::Command::Remove)?).await?;
    Ok(written(StatusCode::OK, &answer, shown(&answer)?))
}

fn command(
    caller: &Caller,
    (chat, message, emoji): &(String, String, String),
    wish: fn(React) -> reactions::Command,
) -> Result<Command, Error> {
    let (chat_id, message_id) = (chat_id(chat)?, message_id(message)?);
    let emoji =
        Emoji::parse(emoji).map_err(|unfit| Error::new(Code::BadParameters, format!("the reaction {unfit}")))?;
    Ok(Command::Reactions(message_id.into(), wish(React { chat_id, by: caller.user_id, emoji })))
}

fn shown(answer: &Answer) -> Result<Reactions, Error> {
    let Outcome::Reactions(reactions) = &answer.outcome else { return Err(Error::other_answer()) };
    let reactions = reactions.iter().cloned().map(ShownReaction::of).collect();
    Ok(Reactions { reactions, position: answer.position })
}
