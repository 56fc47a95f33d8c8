//! A message: what somebody said in a chat, until it is edited or deleted.

use crate::stored::{StoredParts, Unreadable, Written, json, sealed_text};
use crate::text::MessageText;
use crate::{ChatId, Decision, MessageId, Outcome, Personal, Timestamp, UserId, chat};
use serde::{Deserialize, Serialize};

/// What is known of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It can be read.
    Posted(Post),
    /// It was deleted.
    Deleted(Post),
}

/// Where a message stands, who wrote it and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// In which chat.
    pub chat_id: ChatId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: Personal<MessageText>,
    /// How often it was edited.
    pub edits: u32,
}

/// Most edits of one message. Whoever names it has its stream read, so that must stay short.
pub const EDITS_MAX: u32 = 200;

/// What somebody may want of a message.
#[derive(Clone, Debug)]
pub enum Command {
    /// Say it.
    Post {
        /// In which chat.
        chat_id: ChatId,
        author: UserId,
        text: MessageText,
        /// To which message of the same chat it answers.
        reply_to: Option<MessageId>,
        /// When it was said: now, or in an imported log's own time.
        sent_at: Timestamp,
    },
    /// Have said it: a line of an imported history. What has become of its author and of the chat since (muted, gone,
    /// archived) does not undo that it was said.
    BringIn {
        /// In which chat.
        chat_id: ChatId,
        author: UserId,
        text: MessageText,
        sent_at: Timestamp,
    },
    /// Say something else.
    Edit {
        /// In which chat it is looked for.
        chat_id: ChatId,
        by: UserId,
        text: MessageText,
    },
    /// Take it back.
    Delete {
        /// In which chat it is looked for.
        chat_id: ChatId,
        by: UserId,
    },
}

impl Command {
    /// The chat that decides with.
    pub fn chat_id(&self) -> ChatId {
        match self {
            Command::Post { chat_id, .. }
            | Command::BringIn { chat_id, .. }
            | Command::Edit { chat_id, .. }
            | Command::Delete { chat_id, .. } => *chat_id,
        }
    }

    /// The message that a post answers to.
    pub fn reply_to(&self) -> Option<MessageId> {
        match self {
            Command::Post { reply_to, .. } => *reply_to,
            Command::BringIn { .. } | Command::Edit { .. } | Command::Delete { .. } => None,
        }
    }
}

/// What happens to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was said.
    Posted(Posted),
    /// It says something else.
    Edited(Edited),
    /// It was taken back.
    Deleted(Deleted),
}

/// `message.posted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// In which chat.
    pub chat_id: ChatId,
    pub author: UserId,
    /// When it was said.
    pub sent_at: Timestamp,
    /// To which message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// What it says.
    #[serde(skip)]
    pub text: Personal<MessageText>,
}

/// `message.edited.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// In which chat.
    pub chat_id: ChatId,
    /// Who: always the author.
    pub author: UserId,
    pub at: Timestamp,
    /// What it says from now on.
    #[serde(skip)]
    pub text: Personal<MessageText>,
}

/// `message.deleted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// In which chat.
    pub chat_id: ChatId,
    pub by: UserId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such chat, or no more.
    #[error("there is no such chat")]
    ChatNotFound,
    /// Only members may.
    #[error("you are not a member of this chat; join it first")]
    NotAMember,
    /// The member may only read.
    #[error("you are muted in this chat")]
    Muted,
    /// The chat takes no messages.
    #[error("this chat is archived; an owner or admin can open it again")]
    Archived,
    /// There is no such message in this chat, or no more.
    #[error("there is no such message in this chat")]
    NotFound,
    /// The message that it answers to is not in this chat, or was deleted.
    #[error("the message that this answers to is not in this chat")]
    ReplyNotFound,
    /// Only its author may edit a message; its author, an admin or the owner delete it.
    #[error("this message is not yours")]
    NotAllowed,
    /// It was edited [`EDITS_MAX`] times.
    #[error("this message was edited 200 times; post a new one")]
    EditedTooOften,
    /// Its id is taken: it was posted before.
    #[error("this message exists already")]
    AlreadyExists,
}

/// Decides on one message. `chat` is the state of the chat that the command names, `reply_to` the state of the
/// message that a post answers to (absent when it answers to none).
pub fn decide(
    id: MessageId,
    state: &State,
    chat: &chat::State,
    reply_to: &State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    if let (State::Posted(_) | State::Deleted(_), Command::Post { .. } | Command::BringIn { .. }) = (state, command) {
        return Err(Refusal::AlreadyExists);
    }
    let chat::State::Open(room) = chat else {
        return Err(Refusal::ChatNotFound);
    };
    match command {
        Command::Post { .. } => post(id, room, reply_to, command),
        Command::BringIn { chat_id, author, text, sent_at } => {
            let posted = Event::Posted(Posted {
                chat_id: *chat_id,
                author: *author,
                sent_at: *sent_at,
                reply_to: None,
                text: Personal::Known(text.clone()),
            });
            Ok(Decision::of(vec![crate::Event::Message(id, posted)], Outcome::Posted { message_id: id }))
        }
        Command::Edit { chat_id, by, text } => {
            // Membership first: who is not in the chat does not learn which messages are.
            let role = writer(room, *by)?;
            let post = readable(state, *chat_id)?;
            if post.author != *by {
                return Err(Refusal::NotAllowed);
            }
            if role == chat::Role::Muted {
                return Err(Refusal::Muted);
            }
            if room.archived {
                return Err(Refusal::Archived);
            }
            if post.text.known() == Some(text) {
                return Ok(Decision::nothing(Outcome::Posted { message_id: id }));
            }
            if post.edits >= EDITS_MAX {
                return Err(Refusal::EditedTooOften);
            }
            let text = Personal::Known(text.clone());
            let edited = Event::Edited(Edited { chat_id: *chat_id, author: *by, at, text });
            Ok(Decision::of(vec![crate::Event::Message(id, edited)], Outcome::Posted { message_id: id }))
        }
        Command::Delete { chat_id, by } => {
            if let State::Deleted(post) = state
                && post.chat_id == *chat_id
                && post.author == *by
            {
                return Ok(Decision::nothing(Outcome::Done));
            }
            // Membership first: who is not in the chat does not learn which messages are.
            let role = writer(room, *by)?;
            let post = readable(state, *chat_id)?;
            if post.author != *by && !role.leads() {
                return Err(Refusal::NotAllowed);
            }
            let deleted = Event::Deleted(Deleted { chat_id: *chat_id, by: *by });
            Ok(Decision::of(vec![crate::Event::Message(id, deleted)], Outcome::Done))
        }
    }
}

fn post(id: MessageId, room: &chat::Room, reply_to: &State, command: &Command) -> Result<Decision, Refusal> {
    let Command::Post { chat_id, author, text, reply_to: answers, sent_at } = command else {
        return Err(Refusal::NotFound);
    };
    if writer(room, *author)? == chat::Role::Muted {
        return Err(Refusal::Muted);
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    if answers.is_some() {
        readable(reply_to, *chat_id).map_err(|_| Refusal::ReplyNotFound)?;
    }
    let posted = Event::Posted(Posted {
        chat_id: *chat_id,
        author: *author,
        sent_at: *sent_at,
        reply_to: *answers,
        text: Personal::Known(text.clone()),
    });
    Ok(Decision::of(vec![crate::Event::Message(id, posted)], Outcome::Posted { message_id: id }))
}

fn readable(state: &State, chat_id: ChatId) -> Result<&Post, Refusal> {
    match state {
        State::Posted(post) if post.chat_id == chat_id => Ok(post),
        State::Posted(_) | State::Deleted(_) | State::Absent => Err(Refusal::NotFound),
    }
}

fn writer(room: &chat::Room, user_id: UserId) -> Result<chat::Role, Refusal> {
    room.members.get(&user_id).copied().ok_or(Refusal::NotAMember)
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Posted(posted) => {
            *state = State::Posted(Post {
                chat_id: posted.chat_id,
                author: posted.author,
                text: posted.text.clone(),
                edits: 0,
            });
        }
        Event::Edited(edited) => {
            if let State::Posted(post) = state {
                post.text = edited.text.clone();
                post.edits += 1;
            }
        }
        Event::Deleted(_) => {
            if let State::Posted(post) | State::Deleted(post) = std::mem::take(state) {
                *state = State::Deleted(Post { text: Personal::Erased, ..post });
            }
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Posted(_) => "message.posted.v1",
            Event::Edited(_) => "message.edited.v1",
            Event::Deleted(_) => "message.deleted.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Posted(event) => (json(event), sealed_text(event.author, &event.text)),
            Event::Edited(event) => (json(event), sealed_text(event.author, &event.text)),
            Event::Deleted(event) => (json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "message.posted.v1" => Event::Posted(Posted { text: parts.text()?, ..parts.payload()? }),
            "message.edited.v1" => Event::Edited(Edited { text: parts.text()?, ..parts.payload()? }),
            "message.deleted.v1" => Event::Deleted(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
