//! What members reported about one message, until somebody who may has resolved it. A stream beside that of the message,
//! which must stay short; a report has the id of its message.

use super::{bans, message, pins};
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::text::{Note, ReportText};
use crate::{
    ChatId, Decision, MessageId, Outcome, Personal, Reads, RefusalKind, ReportId, Timestamp, UserId, chat, user,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// So many open reports hide a message until they are resolved.
pub const HIDES_AT: u32 = 10;
/// Most people who report one message.
pub const REPORTERS_MAX: usize = 1_000;

/// What was reported about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The chat that the message is in; none before the first report.
    pub chat_id: Option<ChatId>,
    /// Everybody who ever reported it.
    pub reporters: BTreeSet<UserId>,
    /// How many have since it was resolved last.
    pub open: u32,
    /// How it was resolved last.
    pub last: Option<Action>,
}

/// What somebody may want of it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Report the message.
    Report(Report),
    /// Resolve what was reported.
    Resolve(Resolve),
}

/// Report the message.
#[derive(Clone, Debug)]
pub struct Report {
    pub chat_id: ChatId,
    pub by: UserId,
    pub words: Words,
}

/// Why somebody reports a message: it is sealed under their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub reason: Note,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<ReportText>,
}

/// Resolve what was reported.
#[derive(Clone, Copy, Debug)]
pub struct Resolve {
    /// As the caller has read it; it is compared.
    pub chat_id: ChatId,
    /// Who leads the chat, a moderator, an admin, or [`UserId::OPERATOR`].
    pub by: UserId,
    pub action: Action,
}

/// How a report is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// There is nothing wrong with the message: everybody sees it.
    Dismiss,
    /// Nobody sees it but those who may resolve.
    Hide,
    /// It is deleted.
    Delete,
    /// It is hidden, and its author banned from the chat.
    Ban,
}

impl Action {
    /// Every one.
    pub const ALL: [Action; 4] = [Action::Dismiss, Action::Hide, Action::Delete, Action::Ban];

    /// Its name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Action::Dismiss => "dismiss",
            Action::Hide => "hide",
            Action::Delete => "delete",
            Action::Ban => "ban",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == text)
    }
}

impl Command {
    /// What the rules look at beside: the chat, its pins, the message, and the account of who resolves.
    pub fn reads(&self, id: ReportId) -> Reads {
        let message = Some(MessageId::from(id));
        match self {
            Command::Report(Report { chat_id, .. }) => Reads { chat: Some(*chat_id), message, ..Reads::default() },
            Command::Resolve(Resolve { chat_id, by, .. }) => {
                let user = Some(*by).filter(|by| *by != UserId::OPERATOR);
                Reads { user, chat: Some(*chat_id), pins: Some((*chat_id).into()), message, ..Reads::default() }
            }
        }
    }

    /// Who does something by it.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Report(Report { by, .. }) => Some(*by),
            Command::Resolve(Resolve { by, .. }) => Some(*by).filter(|by| *by != UserId::OPERATOR),
        }
    }
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody reported the message.
    Made(Made),
    /// Somebody who may resolved what was reported.
    Resolved(Resolved),
}

/// `report.made.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub chat_id: ChatId,
    pub by: UserId,
    #[serde(skip)]
    pub words: Personal<Words>,
}

/// `report.resolved.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    pub chat_id: ChatId,
    /// Whose the message is; none where it was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    pub by: UserId,
    pub action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of messages.
    #[error(transparent)]
    Message(#[from] message::Refusal),
    /// By the rules of chats.
    #[error(transparent)]
    Chat(#[from] chat::Refusal),
    /// Nobody reported that.
    #[error("there is no such report")]
    NotFound,
    /// One's own message.
    #[error("this message is yours; delete it")]
    OwnMessage,
    /// Who asks neither leads the chat nor moderates.
    #[error("only the owner and admins of the chat and moderators can resolve reports")]
    NotAllowed,
    /// It was resolved in another way.
    #[error("this report is resolved already")]
    Resolved,
    /// [`REPORTERS_MAX`] people reported it.
    #[error("this message was reported 1000 times; that is enough")]
    TooMany,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Message(refusal) => refusal.kind(),
            Refusal::Chat(refusal) => refusal.kind(),
            Refusal::NotFound => RefusalKind::ReportNotFound,
            Refusal::OwnMessage | Refusal::NotAllowed => RefusalKind::NotAllowed,
            Refusal::Resolved | Refusal::TooMany => RefusalKind::WrongState,
        }
    }
}

/// What the rules look at beside it.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    pub chat: &'a chat::State,
    pub message: &'a message::State,
    /// Of the chat: a message that is deleted is pinned no more.
    pub pins: &'a pins::State,
    /// The account of who resolves.
    pub user: &'a user::State,
}

/// Decides on the reports of one message.
pub fn decide(
    id: ReportId,
    state: &State,
    beside: Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match command {
        Command::Report(command) => report(id, state, beside, command),
        Command::Resolve(command) => resolve(id, state, beside, *command, at),
    }
}

fn report(id: ReportId, state: &State, beside: Beside<'_>, command: &Report) -> Result<Decision, Refusal> {
    let Report { chat_id, by, words } = command;
    let chat::State::Open(room) = beside.chat else { return Err(message::Refusal::ChatNotFound.into()) };
    if !room.members.contains_key(by) {
        return Err(message::Refusal::NotAMember.into());
    }
    let message = message::readable(beside.message, *chat_id)?;
    if message.author == *by {
        return Err(Refusal::OwnMessage);
    }
    let reported = |first| Outcome::Reported { report_id: id, first };
    if state.reporters.contains(by) {
        return Ok(Decision::nothing(reported(false)));
    }
    if state.reporters.len() >= REPORTERS_MAX {
        return Err(Refusal::TooMany);
    }
    let made = Made { chat_id: *chat_id, by: *by, words: Personal::Known(words.clone()) };
    let mut facts = vec![crate::Event::Report(id, Event::Made(made))];
    if state.open + 1 >= HIDES_AT {
        facts.extend(hidden(id, *chat_id, message));
    }
    Ok(Decision::of(facts, reported(true)))
}

fn resolve(
    id: ReportId,
    state: &State,
    beside: Beside<'_>,
    command: Resolve,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let Resolve { chat_id, by, action } = command;
    if state.chat_id != Some(chat_id) {
        return Err(Refusal::NotFound);
    }
    let role = match beside.chat {
        chat::State::Open(room) => room.members.get(&by).copied(),
        chat::State::Absent | chat::State::Deleted => None,
    };
    let moderates = match beside.user {
        user::State::Open(account) => account.profile.role.moderates() && account.suspended_at(at).is_none(),
        user::State::Absent | user::State::Erased => by == UserId::OPERATOR,
    };
    if !moderates && !role.is_some_and(chat::Role::leads) {
        return Err(Refusal::NotAllowed);
    }
    if state.open == 0 {
        let is_so = state.last == Some(action);
        return if is_so { Ok(Decision::nothing(Outcome::Done)) } else { Err(Refusal::Resolved) };
    }
    // Its author may have deleted it meanwhile, or its chat is gone.
    let message = message::readable(beside.message, chat_id).ok();
    let resolved = Resolved { chat_id, author: message.map(|message| message.author), by, action };
    let mut facts = vec![crate::Event::Report(id, Event::Resolved(resolved))];
    if let Some(message) = message {
        match action {
            Action::Dismiss => facts.extend(shown(id, chat_id, message)),
            Action::Hide => facts.extend(hidden(id, chat_id, message)),
            Action::Delete => {
                let deleted = message::Event::Deleted(message::Deleted { chat_id, by });
                facts.push(crate::Event::Message(id.into(), deleted));
                let unpinned = pins::removed(beside.pins, id.into(), by);
                facts.extend(unpinned.map(|event| crate::Event::Pins(chat_id.into(), event)));
            }
            Action::Ban => facts.extend(hidden(id, chat_id, message)),
        }
        if let (Action::Ban, chat::State::Open(room)) = (action, beside.chat) {
            let as_role = if moderates { chat::Role::Owner } else { role.unwrap_or(chat::Role::Muted) };
            let banned = bans::ban_as(room, as_role, by, message.author, Personal::Erased)?;
            facts.extend(banned.into_iter().map(|event| crate::Event::Chat(chat_id, event)));
        }
    }
    Ok(Decision::of(facts, Outcome::Done))
}

fn hidden(id: ReportId, chat_id: ChatId, message: &message::Message) -> Option<crate::Event> {
    let event = message::Event::Hidden(message::Hidden { chat_id });
    (!message.hidden).then_some(crate::Event::Message(id.into(), event))
}

/// What reads the log alone has to know what the message says again.
fn shown(id: ReportId, chat_id: ChatId, message: &message::Message) -> Option<crate::Event> {
    let event = message::Event::Shown(message::Shown {
        chat_id,
        author: message.author,
        sent_at: message.sent_at,
        edited_at: message.edited_at,
        text: message.text.clone(),
    });
    message.hidden.then_some(crate::Event::Message(id.into(), event))
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Made(made) => {
            state.chat_id = Some(made.chat_id);
            state.reporters.insert(made.by);
            state.open += 1;
        }
        Event::Resolved(resolved) => {
            state.open = 0;
            state.last = Some(resolved.action);
        }
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"chat_id": self.chat_id, "reporters": self.reporters, "open": self.open, "last": self.last})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Made(_) => "report.made.v1",
            Event::Resolved(_) => "report.resolved.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Made(event) => (stored::json(event), sealed(event.by, &event.words)),
            Event::Resolved(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "report.made.v1" => Event::Made(Made { words: parts.personal()?, ..parts.payload()? }),
            "report.resolved.v1" => Event::Resolved(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

impl From<MessageId> for ReportId {
    fn from(MessageId(id): MessageId) -> ReportId {
        ReportId(id)
    }
}

impl From<ReportId> for MessageId {
    fn from(ReportId(id): ReportId) -> MessageId {
        MessageId(id)
    }
}

#[cfg(test)]
mod tests;
