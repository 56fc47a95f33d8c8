//! What happens to a delivery, and how it is written down.

use super::status::Status;
use crate::notify::category::{CategoryKey, Channel, Kind, Semantics};
use crate::stored::{StoredParts, Unreadable, Written, json, sealed};
use crate::{NotificationId, Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What happens to a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody is to be told something.
    Requested(Requested),
    /// The intent: from here on a provider may have it.
    Attempted(Attempted),
    /// A provider has it.
    Accepted(Accepted),
    /// A provider does not have it.
    Refused(Refused),
    /// Nobody knows whether a provider has it.
    AttemptUnknown(Unknown),
    /// It waits.
    Deferred(Deferred),
    /// A provider said later what became of it.
    Reported(Reported),
    /// No provider takes it.
    Failed { at: Timestamp },
    /// Its attempts or its time are spent.
    DeadLettered { at: Timestamp },
    /// It was not sent before its deadline.
    Expired(Expired),
    /// It must not be sent.
    Suppressed(Suppressed),
    /// It was called off.
    Cancelled(Cancelled),
    /// It is to be sent again although it had come to an end.
    Retried(Retried),
    /// It is in the inbox of its recipient.
    AddedToInbox(AddedToInbox),
    /// They read it there.
    Read { at: Timestamp },
    /// They put it away.
    Archived { at: Timestamp },
}

/// What a delivery says, by name: the text is made when it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Content {
    /// A template that comes with this program.
    BuiltIn {
        /// `account.welcome`
        template: String,
    },
    /// A version of a template that does not change.
    Template { template_id: Uuid, version: u32 },
    /// The text itself, in [`Details::plain`].
    Plain,
}

/// `delivery.requested.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    pub at: Timestamp,
    pub user_id: UserId,
    pub channel: Channel,
    pub category: CategoryKey,
    /// Of the category at that moment.
    pub kind: Kind,
    /// Of the category at that moment.
    pub semantics: Semantics,
    pub content: Content,
    /// When it may be sent.
    pub due_at: Timestamp,
    /// From when on it is not sent any more.
    pub expires_at: Timestamp,
    /// The notification that it is a part of; what a fact of ours asks for is one as well.
    pub notification_id: NotificationId,
    /// The fact that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Uuid>,
    #[serde(skip)]
    pub details: Personal<Details>,
}

impl Requested {
    /// How far it is with that.
    pub fn status(&self) -> Status {
        if self.due_at > self.at { Status::Scheduled } else { Status::Requested }
    }
}

/// What is personal in a delivery: sealed under the key of its recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Where it goes, when that is not the address of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The language, when that is not the one of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// What the template says of them. A secret of a link or a code is not here: the name of its proof is.
    pub variables: Map<String, Value>,
    /// The text, where no template makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<Plain>,
}

/// A text that no template makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain {
    pub subject: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// `delivery.attempted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    pub at: Timestamp,
    /// From 1 on.
    pub number: u32,
    /// Whom it is given to: a host, never with a password.
    pub provider: String,
    /// Which node sends it.
    pub node: String,
    /// Of the lease under which that node sends.
    pub epoch: u64,
}

/// `delivery.accepted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub at: Timestamp,
    pub number: u32,
    /// What the provider calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// What the provider said.
    pub detail: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The step that failed.
    pub phase: String,
    /// The provider's number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// In words.
    pub detail: String,
}

impl Fault {
    pub(crate) fn of(phase: &str, detail: &str) -> Fault {
        Fault { phase: phase.to_owned(), code: None, detail: detail.to_owned() }
    }
}

/// `delivery.refused.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub at: Timestamp,
    pub number: u32,
    /// Whether another attempt there is of no use.
    pub permanent: bool,
    pub fault: Fault,
}

/// `delivery.attempt_unknown.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    pub at: Timestamp,
    pub number: u32,
    pub fault: Fault,
}

/// `delivery.deferred.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    pub at: Timestamp,
    pub until: Timestamp,
    /// `retry`, `unknown`, `quiet-hours`, `no-provider`, `next-provider` …
    pub reason: String,
}

/// What a provider says of what it has accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReportKind {
    /// The recipient's server has it.
    Delivered,
    /// It came back.
    Bounced,
    /// The recipient calls it spam.
    Complained,
}

impl ReportKind {
    /// How far the delivery is then.
    pub fn status(self) -> Status {
        match self {
            ReportKind::Delivered => Status::Delivered,
            ReportKind::Bounced => Status::Bounced,
            ReportKind::Complained => Status::Complained,
        }
    }
}

/// `delivery.reported.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    pub at: Timestamp,
    pub reported: ReportKind,
    /// In words, without personal data.
    pub detail: String,
}

/// `delivery.expired.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    pub at: Timestamp,
    /// `deadline`, `quiet-hours-beyond-deadline` …
    pub reason: String,
}

/// `delivery.suppressed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    pub at: Timestamp,
    /// `no-address`, `switched-off`, `suppressed-address`, `throttled`, `read` …
    pub reason: String,
}

/// `delivery.cancelled.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    pub at: Timestamp,
    /// None for an operator at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

/// `delivery.retried.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    pub at: Timestamp,
    /// None for an operator at the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// Its new deadline.
    pub expires_at: Timestamp,
}

/// `delivery.added_to_inbox.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedToInbox {
    pub at: Timestamp,
    pub user_id: UserId,
    pub category: CategoryKey,
    #[serde(skip)]
    pub item: Personal<InboxItem>,
}

/// What an item of the inbox says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxItem {
    pub title: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The payload of an event that says only when.
#[derive(Serialize, Deserialize)]
struct At {
    at: Timestamp,
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Requested(_) => "delivery.requested.v1",
            Event::Attempted(_) => "delivery.attempted.v1",
            Event::Accepted(_) => "delivery.accepted.v1",
            Event::Refused(_) => "delivery.refused.v1",
            Event::AttemptUnknown(_) => "delivery.attempt_unknown.v1",
            Event::Deferred(_) => "delivery.deferred.v1",
            Event::Reported(_) => "delivery.reported.v1",
            Event::Failed { .. } => "delivery.failed.v1",
            Event::DeadLettered { .. } => "delivery.dead_lettered.v1",
            Event::Expired(_) => "delivery.expired.v1",
            Event::Suppressed(_) => "delivery.suppressed.v1",
            Event::Cancelled(_) => "delivery.cancelled.v1",
            Event::Retried(_) => "delivery.retried.v1",
            Event::AddedToInbox(_) => "delivery.added_to_inbox.v1",
            Event::Read { .. } => "delivery.read.v1",
            Event::Archived { .. } => "delivery.archived.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        let payload = match self {
            Event::Requested(event) => return (json(event), sealed(event.user_id, &event.details)),
            Event::AddedToInbox(event) => return (json(event), sealed(event.user_id, &event.item)),
            Event::Attempted(event) => json(event),
            Event::Accepted(event) => json(event),
            Event::Refused(event) => json(event),
            Event::AttemptUnknown(event) => json(event),
            Event::Deferred(event) => json(event),
            Event::Reported(event) => json(event),
            Event::Expired(event) => json(event),
            Event::Suppressed(event) => json(event),
            Event::Cancelled(event) => json(event),
            Event::Retried(event) => json(event),
            Event::Failed { at } | Event::DeadLettered { at } | Event::Read { at } | Event::Archived { at } => {
                json(&At { at: *at })
            }
        };
        (payload, None)
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        let at = || parts.payload::<At>().map(|payload| payload.at);
        Ok(match parts.name {
            "delivery.requested.v1" => Event::Requested(Requested { details: parts.personal()?, ..parts.payload()? }),
            "delivery.attempted.v1" => Event::Attempted(parts.payload()?),
            "delivery.accepted.v1" => Event::Accepted(parts.payload()?),
            "delivery.refused.v1" => Event::Refused(parts.payload()?),
            "delivery.attempt_unknown.v1" => Event::AttemptUnknown(parts.payload()?),
            "delivery.deferred.v1" => Event::Deferred(parts.payload()?),
            "delivery.reported.v1" => Event::Reported(parts.payload()?),
            "delivery.failed.v1" => Event::Failed { at: at()? },
            "delivery.dead_lettered.v1" => Event::DeadLettered { at: at()? },
            "delivery.expired.v1" => Event::Expired(parts.payload()?),
            "delivery.suppressed.v1" => Event::Suppressed(parts.payload()?),
            "delivery.cancelled.v1" => Event::Cancelled(parts.payload()?),
            "delivery.retried.v1" => Event::Retried(parts.payload()?),
            "delivery.added_to_inbox.v1" => {
                Event::AddedToInbox(AddedToInbox { item: parts.personal()?, ..parts.payload()? })
            }
            "delivery.read.v1" => Event::Read { at: at()? },
            "delivery.archived.v1" => Event::Archived { at: at()? },
            _ => return Err(parts.unknown()),
        })
    }
}
