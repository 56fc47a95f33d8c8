//! A notification: what somebody wants others to be told, once or again and again, and how far its recipients are
//! named. Each recipient's part is a delivery of its own.
//!
//! Recipients are named in chunks: the facts of a chunk's deliveries and the fact that the chunk is done are one
//! decision, so that a crash between two chunks skips nobody and names nobody twice.

use super::category::{CategoryKey, Channel, Kind, Semantics};
use super::delivery::{self, Content, Details};
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::{
    ChatId, Decision, DeliveryId, NotificationId, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, user,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most recipients that a request can name one by one.
pub const NAMED_MAX: usize = 10_000;
/// Most of them in one fact, which must fit into an event.
pub(super) const NAMED_IN_ONE_FACT_MAX: usize = 1_000;
/// Most deliveries of one chunk: one decision.
pub const CHUNK_MAX: usize = 500;

/// What is known of a notification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was requested.
    Known(Box<Notification>),
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Who wants it.
    pub by: UserId,
    /// The run whose recipients are named next, or now: from 1 on.
    pub run: u32,
    /// The chunk of that run that is named next: from 0 on.
    pub chunk: u32,
    /// When that run is due; none when there is none any more.
    pub due_at: Option<Timestamp>,
    pub cancelled: bool,
}

/// To whom a notification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Audience {
    /// Those that the request names.
    Users,
    /// Everybody of a role.
    Role { role: user::Role },
    /// The members of a chat.
    Chat { chat_id: ChatId },
    /// Everybody.
    All,
}

/// When a notification is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five or six fields.
    pub cron: String,
    /// Where its times are meant: a name of the IANA database.
    pub time_zone: String,
}

/// What may be wanted of a notification.
#[derive(Clone, Debug)]
pub enum Command {
    /// Have people told.
    Request(Box<Request>),
    /// Name the next recipients.
    Expand(Expand),
    /// Call off what is not sent yet.
    Cancel(Cancel),
}

/// Have people told.
#[derive(Clone, Debug)]
pub struct Request {
    pub by: UserId,
    pub category: CategoryKey,
    pub kind: Kind,
    pub semantics: Semantics,
    /// At least one.
    pub channels: Vec<Channel>,
    pub content: Content,
    pub details: Details,
    pub audience: Audience,
    /// Those of [`Audience::Users`], each once, at most [`NAMED_MAX`].
    pub user_ids: Vec<UserId>,
    /// How many people the audience has now, for the answer; who is in it is seen when it is due.
    pub recipients: u64,
    /// When the first run is due.
    pub due_at: Timestamp,
    /// After how many seconds from then on it is not sent any more.
    pub expires_in: u32,
    /// None when it is sent once.
    pub schedule: Option<Schedule>,
}

/// Name the next recipients.
#[derive(Clone, Debug)]
pub struct Expand {
    /// Which run and which chunk this is: a repeat of one that is named does nothing.
    pub run: u32,
    pub chunk: u32,
    /// How many people are in it.
    pub recipients: u32,
    /// Their deliveries, at most [`CHUNK_MAX`], with ids that no other run or recipient has.
    pub deliveries: Vec<(DeliveryId, delivery::Request)>,
    /// The last person of it, behind whom the next chunk begins.
    pub after: Option<UserId>,
    /// Set with the last chunk of a run.
    pub end: Option<RunEnd>,
}

/// What follows the last chunk of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    /// When the next run is due; none when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due_at: Option<Timestamp>,
}

/// Call off what is not sent yet.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// None for an operator at the command line.
    pub by: Option<UserId>,
}

impl Command {
    /// What the rules look at beside the notification: whether the recipients of a chunk are still there.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Request(_) | Command::Cancel(_) => Reads::default(),
            Command::Expand(expand) => {
                let people = expand.deliveries.iter().map(|(_, request)| request.user_id).collect();
                Reads { people, ..Reads::default() }
            }
        }
    }

    /// In whose name it is.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Request(request) => Some(request.by),
            Command::Expand(_) | Command::Cancel(_) => None,
        }
    }
}

/// What happens to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// People are to be told.
    Requested(Box<Requested>),
    /// Some of those who are named.
    RecipientsNamed(RecipientsNamed),
    /// The deliveries of a chunk were requested.
    Expanded(Expanded),
    /// What is not sent yet was called off.
    Cancelled(Cancelled),
}

/// `notification.requested.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub at: Timestamp,
    pub by: UserId,
    pub category: CategoryKey,
    pub kind: Kind,
    pub semantics: Semantics,
    pub channels: Vec<Channel>,
    pub content: Content,
    pub audience: Audience,
    pub due_at: Timestamp,
    /// In seconds.
    pub expires_in: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What each delivery says.
    #[serde(skip)]
    pub details: Personal<Details>,
}

/// `notification.recipients_named.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientsNamed {
    pub user_ids: Vec<UserId>,
}

/// `notification.expanded.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expanded {
    pub at: Timestamp,
    pub run: u32,
    pub chunk: u32,
    pub recipients: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<RunEnd>,
}

/// `notification.cancelled.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such notification.
    #[error("there is no such notification")]
    NotFound,
    /// Its id is taken.
    #[error("this notification exists already")]
    AlreadyExists,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::NotificationNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// Decides on one notification. `is_gone` says which recipients of a chunk were erased, or never signed up.
pub fn decide(
    id: NotificationId,
    state: &State,
    is_gone: impl Fn(UserId) -> bool,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let own = |event| crate::Event::Notification(id, event);
    match (state, command) {
        (State::Absent, Command::Request(command)) => {
            let facts = request(command, at).into_iter().map(own).collect();
            Ok(Decision::of(
                facts,
                Outcome::NotificationRequested { notification_id: id, recipients: command.recipients },
            ))
        }
        (State::Known(_), Command::Request(_)) => Err(Refusal::AlreadyExists),
        (State::Absent, Command::Expand(_) | Command::Cancel(_)) => Err(Refusal::NotFound),
        (State::Known(known), Command::Expand(command)) => {
            let is_next = (known.run, known.chunk) == (command.run, command.chunk);
            if known.cancelled || known.due_at.is_none() || !is_next {
                return Ok(Decision::nothing(Outcome::Done));
            }
            let mut facts = delivery::all_requested(&command.deliveries, is_gone, at);
            facts.push(own(Event::Expanded(expanded(command, at))));
            Ok(Decision::of(facts, Outcome::Done))
        }
        (State::Known(known), Command::Cancel(_)) if known.cancelled => Ok(Decision::nothing(Outcome::Done)),
        (State::Known(_), Command::Cancel(Cancel { by })) => {
            Ok(Decision::of(vec![own(Event::Cancelled(Cancelled { at, by: *by }))], Outcome::Done))
        }
    }
}

fn request(command: &Request, at: Timestamp) -> Vec<Event> {
    let requested = Event::Requested(Box::new(Requested {
        at,
        by: command.by,
        category: command.category.clone(),
        kind: command.kind,
        semantics: command.semantics,
        channels: command.channels.clone(),
        content: command.content.clone(),
        audience: command.audience,
        due_at: command.due_at,
        expires_in: command.expires_in,
        schedule: command.schedule.clone(),
        details: Personal::Known(command.details.clone()),
    }));
    let named = command.user_ids.chunks(NAMED_IN_ONE_FACT_MAX);
    let named = named.map(|some| Event::RecipientsNamed(RecipientsNamed { user_ids: some.to_vec() }));
    std::iter::once(requested).chain(named).collect()
}

fn expanded(command: &Expand, at: Timestamp) -> Expanded {
    let Expand { run, chunk, recipients, after, end, .. } = *command;
    Expanded { at, run, chunk, recipients, after, end }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    if let Event::Requested(requested) = event {
        let Requested { by, due_at, .. } = **requested;
        *state = State::Known(Box::new(Notification { by, run: 1, chunk: 0, due_at: Some(due_at), cancelled: false }));
        return;
    }
    let State::Known(known) = state else { return };
    match event {
        Event::Requested(_) | Event::RecipientsNamed(_) => {}
        Event::Expanded(expanded) => match expanded.end {
            None => known.chunk = expanded.chunk + 1,
            Some(RunEnd { next_due_at }) => {
                (known.run, known.chunk, known.due_at) = (expanded.run + 1, 0, next_due_at);
            }
        },
        Event::Cancelled(_) => known.cancelled = true,
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Known(known) => json!({
                "is": if known.cancelled { "cancelled" } else { "requested" },
                "by": known.by, "run": known.run, "chunk": known.chunk, "due_at": known.due_at,
            }),
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Requested(_) => "notification.requested.v1",
            Event::RecipientsNamed(_) => "notification.recipients_named.v1",
            Event::Expanded(_) => "notification.expanded.v1",
            Event::Cancelled(_) => "notification.cancelled.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Requested(event) => (stored::json(event), sealed(event.by, &event.details)),
            Event::RecipientsNamed(event) => (stored::json(event), None),
            Event::Expanded(event) => (stored::json(event), None),
            Event::Cancelled(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "notification.requested.v1" => {
                Event::Requested(Box::new(Requested { details: parts.personal()?, ..parts.payload()? }))
            }
            "notification.recipients_named.v1" => Event::RecipientsNamed(parts.payload()?),
            "notification.expanded.v1" => Event::Expanded(parts.payload()?),
            "notification.cancelled.v1" => Event::Cancelled(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
