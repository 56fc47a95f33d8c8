//! The messages that a chat's owner and admins have pinned. A stream beside that of the chat, which must stay short.

use super::message;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{ChatId, Decision, MessageId, Outcome, PinsId, Reads, RefusalKind, UserId, chat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most messages that are pinned in one chat.
pub const PINS_MAX: usize = 50;

/// What is pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// In the order in which they were pinned.
    pub pinned: Vec<MessageId>,
}

/// What somebody may want of a chat's pins.
#[derive(Clone, Debug)]
pub enum Command {
    /// Pin a message.
    Pin(OnePin),
    /// Take a pin away.
    Unpin(OnePin),
    /// The same because the message's author is about to be erased.
    Withdraw(Withdraw),
}

/// A message, and who wants it pinned or no longer.
#[derive(Clone, Copy, Debug)]
pub struct OnePin {
    pub message_id: MessageId,
    pub by: UserId,
}

/// The author of a message is about to be erased.
#[derive(Clone, Copy, Debug)]
pub struct Withdraw {
    pub message_id: MessageId,
    pub author: UserId,
}

impl Command {
    /// What the rules look at beside: the chat and the message.
    pub fn reads(&self, id: PinsId) -> Reads {
        match self {
            Command::Pin(OnePin { message_id, .. }) | Command::Unpin(OnePin { message_id, .. }) => {
                Reads { chat: Some(id.into()), message: Some(*message_id), ..Reads::default() }
            }
            Command::Withdraw(_) => Reads::default(),
        }
    }

    /// Who does something by it.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Pin(OnePin { by, .. }) | Command::Unpin(OnePin { by, .. }) => Some(*by),
            Command::Withdraw(_) => None,
        }
    }

    pub(crate) fn needs_living_actor(&self) -> bool {
        !matches!(self, Command::Withdraw(_))
    }
}

/// What happens to a chat's pins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message was pinned.
    Added(Pin),
    /// It is pinned no more.
    Removed(Pin),
}

/// `pins.added.v1`, `pins.removed.v1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub message_id: MessageId,
    /// Who did it.
    pub by: UserId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of messages.
    #[error(transparent)]
    Message(#[from] message::Refusal),
    /// The member's role does not allow it.
    #[error("only the owner and admins of this chat can pin messages")]
    NotAllowed,
    /// There are [`PINS_MAX`] already.
    #[error("50 messages are pinned in this chat; unpin one first")]
    TooMany,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Message(refusal) => refusal.kind(),
            Refusal::NotAllowed => RefusalKind::NotAllowed,
            Refusal::TooMany => RefusalKind::TooManyPins,
        }
    }
}

/// Decides on the pins of one chat, with the states of that chat and of the message that the command names.
pub fn decide(
    id: PinsId,
    state: &State,
    message: &message::State,
    chat: &chat::State,
    command: &Command,
) -> Result<Decision, Refusal> {
    let event = match command {
        Command::Pin(OnePin { message_id, by }) => {
            lead(chat, *by)?;
            message.shown_in(id.into())?;
            match state.pinned.len() {
                _ if state.pinned.contains(message_id) => None,
                PINS_MAX.. => return Err(Refusal::TooMany),
                _ => Some(Event::Added(Pin { message_id: *message_id, by: *by })),
            }
        }
        Command::Unpin(OnePin { message_id, by }) => {
            lead(chat, *by)?;
            let event = removed(state, *message_id, *by);
            if event.is_none() {
                message.shown_in(id.into())?;
            }
            event
        }
        Command::Withdraw(Withdraw { message_id, author }) => removed(state, *message_id, *author),
    };
    Ok(Decision::of(event.map(|event| crate::Event::Pins(id, event)).into_iter().collect(), Outcome::Done))
}

/// The fact that a message is pinned no more, where it is pinned.
pub(super) fn removed(state: &State, message_id: MessageId, by: UserId) -> Option<Event> {
    state.pinned.contains(&message_id).then_some(Event::Removed(Pin { message_id, by }))
}

/// Lets the owner and admins in, while the chat is not archived.
fn lead(chat: &chat::State, by: UserId) -> Result<(), Refusal> {
    let chat::State::Open(room) = chat else { return Err(message::Refusal::ChatNotFound.into()) };
    if !room.members.get(&by).ok_or(message::Refusal::NotAMember)?.leads() {
        return Err(Refusal::NotAllowed);
    }
    if room.archived { Err(message::Refusal::Archived.into()) } else { Ok(()) }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Added(pin) => state.pinned.push(pin.message_id),
        Event::Removed(pin) => state.pinned.retain(|pinned| *pinned != pin.message_id),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"pinned": self.pinned})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Added(_) => "pins.added.v1",
            Event::Removed(_) => "pins.removed.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Added(event) | Event::Removed(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "pins.added.v1" => Event::Added(parts.payload()?),
            "pins.removed.v1" => Event::Removed(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

impl From<ChatId> for PinsId {
    fn from(ChatId(id): ChatId) -> PinsId {
        PinsId(id)
    }
}

impl From<PinsId> for ChatId {
    fn from(PinsId(id): PinsId) -> ChatId {
        ChatId(id)
    }
}

#[cfg(test)]
mod tests;
