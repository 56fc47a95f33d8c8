//! What people answer to a message with one emoji. A stream beside that of the message, which must stay short: whoever
//! names a message has its stream read, and thousands may react to one (`docs/decisions/0027`).

use super::emoji::Emoji;
use super::{Role, message};
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{ChatId, Decision, MessageId, Outcome, ReactionsId, Reads, RefusalKind, UserId, chat};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most kinds of emoji on one message.
pub const KINDS_MAX: usize = 20;
/// How often one person may react to one message and take it back, all in all. It bounds the stream by the number of
/// members.
pub const CHANGES_MAX: u32 = 200;

/// Who reacts with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// In the order of their first use; none of them without anybody.
    pub kinds: Vec<Kind>,
    /// How often each person has changed something.
    pub changes: BTreeMap<UserId, u32>,
}

/// One emoji on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub emoji: Emoji,
    pub by: BTreeSet<UserId>,
}

/// One emoji on a message, as one person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    pub emoji: Emoji,
    /// How many people reacted with it; at least one.
    pub count: u64,
    /// Whether the person who asks is one of them.
    pub mine: bool,
}

/// What somebody may want of a message's reactions.
#[derive(Clone, Debug)]
pub enum Command {
    /// React with an emoji.
    Add(React),
    /// Take that back.
    Remove(React),
    /// Take back all that somebody reacted with: they are about to be erased.
    Withdraw(Withdraw),
}

/// An emoji of somebody.
#[derive(Clone, Debug)]
pub struct React {
    /// The chat that the message is looked for in.
    pub chat_id: ChatId,
    pub by: UserId,
    pub emoji: Emoji,
}

/// Somebody is about to be erased.
#[derive(Clone, Debug)]
pub struct Withdraw {
    pub chat_id: ChatId,
    pub user_id: UserId,
}

impl Command {
    /// What the rules look at beside: the message and its chat.
    pub fn reads(&self, id: ReactionsId) -> Reads {
        match self {
            Command::Add(React { chat_id, .. }) | Command::Remove(React { chat_id, .. }) => {
                Reads { chat: Some(*chat_id), message: Some(id.into()), ..Reads::default() }
            }
            Command::Withdraw(_) => Reads::default(),
        }
    }

    /// Who does something by it.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Add(React { by, .. }) | Command::Remove(React { by, .. }) => Some(*by),
            Command::Withdraw(_) => None,
        }
    }

    pub(crate) fn needs_living_actor(&self) -> bool {
        !matches!(self, Command::Withdraw(_))
    }
}

/// What happens to a message's reactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody reacted with an emoji.
    Added(Reacted),
    /// Somebody took that back.
    Removed(Reacted),
}

/// `reactions.added.v1`, `reactions.removed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reacted {
    /// In which chat the message is.
    pub chat_id: ChatId,
    pub user_id: UserId,
    pub emoji: Emoji,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of messages: who may not post may not react.
    #[error(transparent)]
    Message(#[from] message::Refusal),
    /// It has [`KINDS_MAX`] kinds.
    #[error("this message has 20 kinds of reactions; use one of them")]
    TooMany,
    /// This person has changed [`CHANGES_MAX`] times what they react with.
    #[error("you have changed your reactions to this message 200 times; leave them as they are")]
    ChangedTooOften,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Message(refusal) => refusal.kind(),
            Refusal::TooMany => RefusalKind::TooManyReactions,
            Refusal::ChangedTooOften => RefusalKind::EditedTooOften,
        }
    }
}

/// Decides on the reactions to one message, with the states of that message and of the chat that the command names.
pub fn decide(
    id: ReactionsId,
    state: &State,
    message: &message::State,
    chat: &chat::State,
    command: &Command,
) -> Result<Decision, Refusal> {
    let (event, by) = match command {
        Command::Add(React { chat_id, by, emoji }) => {
            admit(message, chat, *chat_id, *by)?;
            (add(state, *chat_id, *by, emoji)?.into_iter().collect(), *by)
        }
        Command::Remove(React { chat_id, by, emoji }) => {
            admit(message, chat, *chat_id, *by)?;
            (remove(state, *chat_id, *by, emoji).into_iter().collect(), *by)
        }
        Command::Withdraw(Withdraw { chat_id, user_id }) => (withdraw(state, *chat_id, *user_id), *user_id),
    };
    let events: Vec<Event> = event;
    let mut now = state.clone();
    events.iter().for_each(|event| evolve(&mut now, event));
    let facts = events.into_iter().map(|event| crate::Event::Reactions(id, event)).collect();
    Ok(Decision::of(facts, Outcome::Reactions(now.shown_to(by))))
}

/// Lets in who may post, where the message can be read.
fn admit(message: &message::State, chat: &chat::State, chat_id: ChatId, by: UserId) -> Result<(), message::Refusal> {
    let chat::State::Open(room) = chat else { return Err(message::Refusal::ChatNotFound) };
    // Membership first: who is not in the chat does not learn which messages are.
    let role = *room.members.get(&by).ok_or(message::Refusal::NotAMember)?;
    message.shown_in(chat_id)?;
    if role == Role::Muted {
        return Err(message::Refusal::Muted);
    }
    if room.archived { Err(message::Refusal::Archived) } else { Ok(()) }
}

fn add(state: &State, chat_id: ChatId, by: UserId, emoji: &Emoji) -> Result<Option<Event>, Refusal> {
    match state.kinds.iter().find(|kind| kind.emoji == *emoji) {
        Some(kind) if kind.by.contains(&by) => return Ok(None),
        None if state.kinds.len() >= KINDS_MAX => return Err(Refusal::TooMany),
        Some(_) | None => {}
    }
    // What somebody has changed often they may still take back.
    if state.changes.get(&by).is_some_and(|changes| *changes >= CHANGES_MAX) {
        return Err(Refusal::ChangedTooOften);
    }
    Ok(Some(Event::Added(Reacted { chat_id, user_id: by, emoji: emoji.clone() })))
}

fn remove(state: &State, chat_id: ChatId, by: UserId, emoji: &Emoji) -> Option<Event> {
    let kind = state.kinds.iter().find(|kind| kind.emoji == *emoji)?;
    kind.by.contains(&by).then(|| Event::Removed(Reacted { chat_id, user_id: by, emoji: emoji.clone() }))
}

fn withdraw(state: &State, chat_id: ChatId, user_id: UserId) -> Vec<Event> {
    let theirs = state.kinds.iter().filter(|kind| kind.by.contains(&user_id));
    theirs.map(|kind| Event::Removed(Reacted { chat_id, user_id, emoji: kind.emoji.clone() })).collect()
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Added(Reacted { user_id, emoji, .. }) => {
            *state.changes.entry(*user_id).or_default() += 1;
            match state.kinds.iter_mut().find(|kind| kind.emoji == *emoji) {
                Some(kind) => drop(kind.by.insert(*user_id)),
                None => state.kinds.push(Kind { emoji: emoji.clone(), by: BTreeSet::from([*user_id]) }),
            }
        }
        Event::Removed(Reacted { user_id, emoji, .. }) => {
            *state.changes.entry(*user_id).or_default() += 1;
            if let Some(kind) = state.kinds.iter_mut().find(|kind| kind.emoji == *emoji) {
                kind.by.remove(user_id);
            }
            state.kinds.retain(|kind| !kind.by.is_empty());
        }
    }
}

impl State {
    /// They as one person sees them.
    fn shown_to(&self, user_id: UserId) -> Vec<Reaction> {
        let shown = |kind: &Kind| Reaction {
            emoji: kind.emoji.clone(),
            count: kind.by.len() as u64,
            mine: kind.by.contains(&user_id),
        };
        self.kinds.iter().map(shown).collect()
    }

    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let kinds = self.kinds.iter().map(|kind| json!({"emoji": kind.emoji, "by": kind.by}));
        json!({"kinds": kinds.collect::<Vec<_>>()})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Added(_) => "reactions.added.v1",
            Event::Removed(_) => "reactions.removed.v1",
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
            "reactions.added.v1" => Event::Added(parts.payload()?),
            "reactions.removed.v1" => Event::Removed(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

impl From<MessageId> for ReactionsId {
    fn from(MessageId(id): MessageId) -> ReactionsId {
        ReactionsId(id)
    }
}

impl From<ReactionsId> for MessageId {
    fn from(ReactionsId(id): ReactionsId) -> MessageId {
        MessageId(id)
    }
}

#[cfg(test)]
mod tests;
