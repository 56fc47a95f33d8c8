//! How far somebody has read in one chat. Each stream takes the marks on messages of [`SPAN`] positions of the log, so
//! that none grows without end: within it a mark never goes back. That it does not go back to an earlier span either is
//! seen by the command's sender, and by whoever folds these facts: the furthest mark counts.

use super::message;
use crate::id::ReadMarkId;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{ChatId, Decision, MessageId, Outcome, Reads, RefusalKind, Timestamp, UserId, chat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// So many positions of the log have their marks in one stream: it has at most as many facts.
pub const SPAN: u64 = 1024;

/// How far they have read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The position of the message that was marked last; zero before the first one.
    pub up_to: u64,
}

/// What its owner may want of it.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Have read up to a message.
    Move(Move),
}

/// Have read up to a message.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    pub message_id: MessageId,
    /// The position at which it was posted.
    pub up_to: u64,
    /// How far they have read already, in whichever stream that is.
    pub before: u64,
    /// So many messages of others are behind the further of both.
    pub unread: u64,
}

impl Command {
    /// What the rules look at beside: the chat and the message.
    pub fn reads(&self, id: ReadMarkId) -> Reads {
        let Command::Move(Move { message_id, .. }) = self;
        Reads { chat: Some(id.chat_id), message: Some(*message_id), ..Reads::default() }
    }
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// They have read further.
    Moved(Moved),
}

/// `read_mark.moved.v1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Up to which message.
    pub message_id: MessageId,
    /// The position at which that was posted.
    pub up_to: u64,
    /// So many messages of others were behind it then.
    pub unread: u64,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of messages.
    #[error(transparent)]
    Message(#[from] message::Refusal),
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Message(refusal) => refusal.kind(),
        }
    }
}

/// Decides on one mark, with the states of its chat and of the message that the command names. Muted members read, and
/// an archived chat is read as well.
pub fn decide(
    id: ReadMarkId,
    state: &State,
    message: &message::State,
    chat: &chat::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let Command::Move(Move { message_id, up_to, before, unread }) = *command;
    let chat::State::Open(room) = chat else { return Err(message::Refusal::ChatNotFound.into()) };
    if !room.members.contains_key(&id.user_id) {
        return Err(message::Refusal::NotAMember.into());
    }
    message.shown_in(id.chat_id)?;
    let outcome = Outcome::ReadUpTo { unread };
    if before.max(state.up_to) >= up_to {
        return Ok(Decision::nothing(outcome));
    }
    let moved = Event::Moved(Moved { message_id, up_to, unread, at });
    Ok(Decision::of(vec![crate::Event::ReadMark(id, moved)], outcome))
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Moved(moved) => state.up_to = state.up_to.max(moved.up_to),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({"up_to": self.up_to})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Moved(_) => "read_mark.moved.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Moved(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        match parts.name {
            "read_mark.moved.v1" => Ok(Event::Moved(parts.payload()?)),
            _ => Err(parts.unknown()),
        }
    }
}

impl ReadMarkId {
    /// Where the mark on a message is stored that was posted at that position.
    pub fn of(user_id: UserId, chat_id: ChatId, position: u64) -> ReadMarkId {
        ReadMarkId { user_id, chat_id, span: position / SPAN }
    }
}

#[cfg(test)]
mod tests;
