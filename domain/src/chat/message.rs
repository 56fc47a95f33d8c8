//! A message: what somebody said in a chat, until it is edited or deleted.

use crate::stored::{self, StoredParts, Unreadable, Written, sealed_text};
use crate::text::MessageText;
use crate::{ChatId, Decision, MessageId, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, chat, pins};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is known of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It can be read.
    Posted(Message),
    /// It was deleted.
    Deleted(Message),
}

/// Which chat a message is in, who wrote it and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The chat that it is in.
    pub chat_id: ChatId,
    /// Who wrote it.
    pub author: UserId,
    /// What it says.
    pub text: Personal<MessageText>,
    /// How often it was edited.
    pub edits: u32,
    pub sent_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// Only those who may resolve what was reported of it see what it says.
    pub hidden: bool,
}

/// Most edits of one message. Whoever names it has its stream read, so that must stay short.
pub const EDITS_MAX: u32 = 200;

/// What somebody may want of a message.
#[derive(Clone, Debug)]
pub enum Command {
    /// Say it.
    Post(Post),
    /// Have said it.
    BringIn(BringIn),
    /// Say something else.
    Edit(Edit),
    /// Take it back.
    Delete(Delete),
}

/// Say it.
#[derive(Clone, Debug)]
pub struct Post {
    /// The chat that it is said in.
    pub chat_id: ChatId,
    /// Who says it.
    pub author: UserId,
    /// What they say.
    pub text: MessageText,
    /// The message of the same chat that it answers to.
    pub reply_to: Option<MessageId>,
    /// When it was said: now, or in an imported log's own time.
    pub sent_at: Timestamp,
}

/// Have said it: a line of an imported history. What has become of its author and of the chat since (muted, gone,
/// archived) does not undo that it was said.
#[derive(Clone, Debug)]
pub struct BringIn {
    /// The chat that it was said in.
    pub chat_id: ChatId,
    /// Who said it.
    pub author: UserId,
    /// What they said.
    pub text: MessageText,
    /// When they said it.
    pub sent_at: Timestamp,
}

/// Say something else.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The chat that the message is looked for in.
    pub chat_id: ChatId,
    /// Who edits it.
    pub by: UserId,
    /// What it is to say.
    pub text: MessageText,
}

/// Take it back.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The chat that the message is looked for in.
    pub chat_id: ChatId,
    /// Who deletes it.
    pub by: UserId,
}

impl Command {
    /// What the rules look at beside the message: its chat, the message that it answers to, and the pins of the chat where
    /// it may be among them.
    pub fn reads(&self) -> Reads {
        let (chat_id, answered) = match self {
            Command::Post(Post { chat_id, reply_to, .. }) => (*chat_id, *reply_to),
            Command::BringIn(BringIn { chat_id, .. })
            | Command::Edit(Edit { chat_id, .. })
            | Command::Delete(Delete { chat_id, .. }) => (*chat_id, None),
        };
        let pins = matches!(self, Command::Delete(_)).then(|| chat_id.into());
        Reads { chat: Some(chat_id), answered, pins, ..Reads::default() }
    }

    /// Who says or does something by it.
    pub(crate) fn by(&self) -> UserId {
        match self {
            Command::Post(Post { author: by, .. })
            | Command::BringIn(BringIn { author: by, .. })
            | Command::Edit(Edit { by, .. })
            | Command::Delete(Delete { by, .. }) => *by,
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
    /// Only those who may resolve what was reported of it see what it says.
    Hidden(Hidden),
    /// Everybody sees it again.
    Shown(Shown),
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

/// `message.hidden.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// In which chat.
    pub chat_id: ChatId,
}

/// `message.shown.v1`: the whole message as it reads now, for who has let go of it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// In which chat.
    pub chat_id: ChatId,
    pub author: UserId,
    pub sent_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    #[serde(skip)]
    pub text: Personal<MessageText>,
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
    #[error("the message that this replies to is not in this chat")]
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

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::ChatNotFound => RefusalKind::ChatNotFound,
            Refusal::NotAMember => RefusalKind::NotAMember,
            Refusal::Muted => RefusalKind::Muted,
            Refusal::Archived => RefusalKind::ChatArchived,
            Refusal::NotFound | Refusal::ReplyNotFound => RefusalKind::MessageNotFound,
            Refusal::NotAllowed => RefusalKind::NotAllowed,
            Refusal::EditedTooOften => RefusalKind::EditedTooOften,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// What a message is decided on beside its own state.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The chat that the command names.
    pub chat: &'a chat::State,
    /// The message that a post answers to; absent when it answers to none.
    pub answered: &'a State,
    /// The pins of the chat that a message is deleted from.
    pub pins: &'a pins::State,
}

/// Decides on one message. One that is deleted is pinned no more.
pub fn decide(
    id: MessageId,
    state: &State,
    Beside { chat, answered, pins }: Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    if let (State::Posted(_) | State::Deleted(_), Command::Post(_) | Command::BringIn(_)) = (state, command) {
        return Err(Refusal::AlreadyExists);
    }
    let chat::State::Open(room) = chat else {
        return Err(Refusal::ChatNotFound);
    };
    let posted = |sent_at| Outcome::Posted { message_id: id, sent_at };
    let (event, outcome) = match command {
        Command::Post(command) => (Some(post(room, answered, command)?), posted(Some(command.sent_at))),
        Command::BringIn(command) => (Some(bring_in(command)), posted(Some(command.sent_at))),
        Command::Edit(command) => (edit(room, state, command, at)?, posted(None)),
        Command::Delete(command) => (delete(room, state, command)?, Outcome::Done),
    };
    let mut facts = Vec::from_iter(event.map(|event| crate::Event::Message(id, event)));
    if let Command::Delete(Delete { chat_id, by }) = *command
        && let Some(unpinned) = pins::removed(pins, id, by)
    {
        facts.push(crate::Event::Pins(chat_id.into(), unpinned));
    }
    Ok(Decision::of(facts, outcome))
}

fn post(room: &chat::Room, reply_to: &State, command: &Post) -> Result<Event, Refusal> {
    if writer(room, command.author)? == chat::Role::Muted {
        return Err(Refusal::Muted);
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    if command.reply_to.is_some() {
        readable(reply_to, command.chat_id).map_err(|_| Refusal::ReplyNotFound)?;
    }
    Ok(Event::Posted(Posted {
        chat_id: command.chat_id,
        author: command.author,
        sent_at: command.sent_at,
        reply_to: command.reply_to,
        text: Personal::Known(command.text.clone()),
    }))
}

fn bring_in(command: &BringIn) -> Event {
    Event::Posted(Posted {
        chat_id: command.chat_id,
        author: command.author,
        sent_at: command.sent_at,
        reply_to: None,
        text: Personal::Known(command.text.clone()),
    })
}

fn edit(room: &chat::Room, state: &State, command: &Edit, at: Timestamp) -> Result<Option<Event>, Refusal> {
    let Edit { chat_id, by, text } = command;
    // Membership first: who is not in the chat does not learn which messages are.
    let role = writer(room, *by)?;
    let message = readable(state, *chat_id)?;
    if message.author != *by {
        return Err(Refusal::NotAllowed);
    }
    if role == chat::Role::Muted {
        return Err(Refusal::Muted);
    }
    if room.archived {
        return Err(Refusal::Archived);
    }
    if message.text.known() == Some(text) {
        return Ok(None);
    }
    if message.edits >= EDITS_MAX {
        return Err(Refusal::EditedTooOften);
    }
    let text = Personal::Known(text.clone());
    Ok(Some(Event::Edited(Edited { chat_id: *chat_id, author: *by, at, text })))
}

fn delete(room: &chat::Room, state: &State, command: &Delete) -> Result<Option<Event>, Refusal> {
    let Delete { chat_id, by } = *command;
    if let State::Deleted(message) = state
        && message.chat_id == chat_id
        && message.author == by
    {
        return Ok(None);
    }
    // Membership first: who is not in the chat does not learn which messages are.
    let role = writer(room, by)?;
    let message = readable(state, chat_id)?;
    if message.author != by && !role.leads() {
        return Err(Refusal::NotAllowed);
    }
    Ok(Some(Event::Deleted(Deleted { chat_id, by })))
}

pub(super) fn readable(state: &State, chat_id: ChatId) -> Result<&Message, Refusal> {
    match state {
        State::Posted(message) if message.chat_id == chat_id => Ok(message),
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
            *state = State::Posted(Message {
                chat_id: posted.chat_id,
                author: posted.author,
                text: posted.text.clone(),
                edits: 0,
                sent_at: posted.sent_at,
                edited_at: None,
                hidden: false,
            });
        }
        Event::Edited(edited) => {
            if let State::Posted(message) = state {
                message.text = edited.text.clone();
                message.edits += 1;
                message.edited_at = Some(edited.at);
            }
        }
        Event::Hidden(_) | Event::Shown(_) => {
            if let State::Posted(message) = state {
                message.hidden = matches!(event, Event::Hidden(_));
            }
        }
        Event::Deleted(_) => {
            if let State::Posted(message) | State::Deleted(message) = std::mem::take(state) {
                *state = State::Deleted(Message { text: Personal::Erased, ..message });
            }
        }
    }
}

impl State {
    /// Lets nobody at a message that is not shown in that chat: it is elsewhere, deleted, or its author is erased.
    pub(super) fn shown_in(&self, chat_id: ChatId) -> Result<(), Refusal> {
        let message = readable(self, chat_id)?;
        message.text.known().map(|_| ()).ok_or(Refusal::NotFound)
    }

    /// It as JSON; what is personal in it only on request.
    pub(crate) fn to_json(&self, personal: bool) -> Value {
        let (is, message) = match self {
            State::Absent => return json!({"is": "absent"}),
            State::Posted(message) => ("posted", message),
            State::Deleted(message) => ("deleted", message),
        };
        let mut shown = json!({"is": is, "chat_id": message.chat_id, "author": message.author});
        if personal {
            shown["text"] = json!(message.text.known());
        }
        shown
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Posted(_) => "message.posted.v1",
            Event::Edited(_) => "message.edited.v1",
            Event::Deleted(_) => "message.deleted.v1",
            Event::Hidden(_) => "message.hidden.v1",
            Event::Shown(_) => "message.shown.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Posted(event) => (stored::json(event), sealed_text(event.author, &event.text)),
            Event::Edited(event) => (stored::json(event), sealed_text(event.author, &event.text)),
            Event::Deleted(event) => (stored::json(event), None),
            Event::Hidden(event) => (stored::json(event), None),
            Event::Shown(event) => (stored::json(event), sealed_text(event.author, &event.text)),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "message.posted.v1" => Event::Posted(Posted { text: parts.text()?, ..parts.payload()? }),
            "message.edited.v1" => Event::Edited(Edited { text: parts.text()?, ..parts.payload()? }),
            "message.deleted.v1" => Event::Deleted(parts.payload()?),
            "message.hidden.v1" => Event::Hidden(parts.payload()?),
            "message.shown.v1" => Event::Shown(Shown { text: parts.text()?, ..parts.payload()? }),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
