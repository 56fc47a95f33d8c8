//! What happens to a mailing, and how it is written down.

use crate::notify::category::{CategoryKey, Channel, Kind};
use crate::notify::delivery::{Content, Details};
use crate::notify::notification::Schedule;
use crate::stored::{StoredParts, Unreadable, Written, json, sealed};
use crate::text::{Locale, MailingName};
use crate::{ChatId, NotificationId, Personal, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What happens to a mailing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was drafted. Those whom it names follow.
    Created(Box<Drafted>),
    /// Another draft took its place. Those whom it names follow.
    Changed(Box<Drafted>),
    /// Some of those whom the draft names.
    RecipientsNamed(RecipientsNamed),
    /// The draft was deleted.
    Deleted(Deleted),
    /// It is to be sent.
    Started(Started),
    /// A run began.
    RunBegun(RunBegun),
    /// A run that was due could not begin.
    RunPostponed(RunPostponed),
    /// Some of the audience of a run; their deliveries were requested.
    AudienceFrozen(AudienceFrozen),
    /// Every delivery of a run is final.
    RunFinished(RunFinished),
    /// Nothing more is sent until it is resumed.
    Paused(Stopped),
    /// It goes on.
    Resumed(Resumed),
    /// What was not sent yet was called off.
    Cancelled(Stopped),
}

/// `mailing.created.v1`, `mailing.changed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    pub at: Timestamp,
    pub by: UserId,
    pub name: MailingName,
    pub plan: Plan,
    #[serde(skip)]
    pub texts: Personal<Texts>,
}

/// Who is told, over what, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub category: CategoryKey,
    /// Of the category at that moment.
    pub kind: Kind,
    pub channels: Vec<Channel>,
    pub saying: Saying,
    pub audience: Audience,
    /// When it is sent; none: when it is started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// None when it is sent once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// At most so many deliveries a second over each channel; none: as many as go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second_max: Option<u32>,
    /// After how many seconds from when a run is due it is not sent any more.
    pub expires_in: u32,
}

/// What a mailing says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Saying {
    /// A template: that version, or the one that is the newest when a run begins.
    Template {
        template_id: Uuid,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
    },
    /// The text itself, in [`Details::plain`].
    Plain,
}

/// Whom a mailing is for: people to whom all of it applies. One that says nothing at all is for everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// Only those whom it names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub named: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<user::Role>,
    /// Only members of that chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// Only who has an account since then, or a shorter time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_up_after: Option<Timestamp>,
    /// Only who signed in at that time, or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_since: Option<Timestamp>,
    /// Only who reads that language, or that variant of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
}

/// What may be personal in a mailing: sealed under the key of who wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    /// What each delivery says.
    pub details: Details,
    /// Where the variables of a run are fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables_url: Option<String>,
}

/// `mailing.recipients_named.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientsNamed {
    pub user_ids: Vec<UserId>,
}

/// `mailing.deleted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

/// `mailing.started.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub at: Timestamp,
    /// None for an operator at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When its first run is due.
    pub due_at: Timestamp,
}

/// `mailing.run_begun.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunBegun {
    pub at: Timestamp,
    /// From 1 on.
    pub run: u32,
    /// What its deliveries are parts of.
    pub notification_id: NotificationId,
    pub due_at: Timestamp,
    pub category: CategoryKey,
    pub content: Content,
    /// Under whose key the variables are sealed.
    pub author: UserId,
    /// What was fetched for this run.
    #[serde(skip)]
    pub fetched: Personal<Fetched>,
}

/// What was fetched for a run: sealed under the key of who wrote what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    pub variables: Map<String, Value>,
}

/// `mailing.run_postponed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPostponed {
    pub at: Timestamp,
    pub run: u32,
    /// How often it could not begin, this time included.
    pub tries: u32,
    pub reason: String,
    pub until: Timestamp,
}

/// `mailing.audience_frozen.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceFrozen {
    pub at: Timestamp,
    pub run: u32,
    /// From 0 on.
    pub chunk: u32,
    pub notification_id: NotificationId,
    pub recipients: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<UserId>,
    /// Whether it is the last chunk.
    pub last: bool,
}

/// `mailing.run_finished.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFinished {
    pub at: Timestamp,
    pub run: u32,
    /// None: it was the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due_at: Option<Timestamp>,
}

/// `mailing.paused.v1`, `mailing.cancelled.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub at: Timestamp,
    /// None for an operator at the command line, and where it happened by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// Why, where it happened by itself; without personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `mailing.resumed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    pub at: Timestamp,
    /// None for an operator at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// When the run that is under way was due, or else the next one is.
    pub due_at: Timestamp,
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "mailing.created.v1",
            Event::Changed(_) => "mailing.changed.v1",
            Event::RecipientsNamed(_) => "mailing.recipients_named.v1",
            Event::Deleted(_) => "mailing.deleted.v1",
            Event::Started(_) => "mailing.started.v1",
            Event::RunBegun(_) => "mailing.run_begun.v1",
            Event::RunPostponed(_) => "mailing.run_postponed.v1",
            Event::AudienceFrozen(_) => "mailing.audience_frozen.v1",
            Event::RunFinished(_) => "mailing.run_finished.v1",
            Event::Paused(_) => "mailing.paused.v1",
            Event::Resumed(_) => "mailing.resumed.v1",
            Event::Cancelled(_) => "mailing.cancelled.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        let payload = match self {
            Event::Created(event) | Event::Changed(event) => return (json(event), sealed(event.by, &event.texts)),
            Event::RunBegun(event) => return (json(event), sealed(event.author, &event.fetched)),
            Event::RecipientsNamed(event) => json(event),
            Event::Deleted(event) => json(event),
            Event::Started(event) => json(event),
            Event::RunPostponed(event) => json(event),
            Event::AudienceFrozen(event) => json(event),
            Event::RunFinished(event) => json(event),
            Event::Paused(event) | Event::Cancelled(event) => json(event),
            Event::Resumed(event) => json(event),
        };
        (payload, None)
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        let drafted = || Ok(Box::new(Drafted { texts: parts.personal()?, ..parts.payload()? }));
        Ok(match parts.name {
            "mailing.created.v1" => Event::Created(drafted()?),
            "mailing.changed.v1" => Event::Changed(drafted()?),
            "mailing.recipients_named.v1" => Event::RecipientsNamed(parts.payload()?),
            "mailing.deleted.v1" => Event::Deleted(parts.payload()?),
            "mailing.started.v1" => Event::Started(parts.payload()?),
            "mailing.run_begun.v1" => Event::RunBegun(RunBegun { fetched: parts.personal()?, ..parts.payload()? }),
            "mailing.run_postponed.v1" => Event::RunPostponed(parts.payload()?),
            "mailing.audience_frozen.v1" => Event::AudienceFrozen(parts.payload()?),
            "mailing.run_finished.v1" => Event::RunFinished(parts.payload()?),
            "mailing.paused.v1" => Event::Paused(parts.payload()?),
            "mailing.resumed.v1" => Event::Resumed(parts.payload()?),
            "mailing.cancelled.v1" => Event::Cancelled(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
