//! A delivery as it is, and how each fact changes it.

use super::event::{Event, Requested};
use crate::notify::category::{CategoryKey, Channel, Kind, Semantics};
use crate::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is known of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was requested.
    Known(Box<Delivery>),
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who is told.
    pub user_id: UserId,
    /// Over which channel.
    pub channel: Channel,
    pub category: CategoryKey,
    /// Of which kind its category is.
    pub kind: Kind,
    /// What follows an attempt of which nobody knows how it ended.
    pub semantics: Semantics,
    pub status: Status,
    /// When it may be sent.
    pub due_at: Timestamp,
    /// From when on it is not sent any more.
    pub expires_at: Timestamp,
    /// How many attempts there were.
    pub attempts: u32,
    /// Of the dispatcher that made the last one.
    pub epoch: u64,
    /// The last attempt of which nobody knows how it ended.
    pub unknown_attempt: Option<u32>,
    /// How many there were of those.
    pub unknowns: u32,
    /// What became of it in the inbox; none when it is not in one.
    pub in_inbox: Option<InInbox>,
}

/// What became of an item of the inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InInbox {
    pub read_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
}

/// How far a delivery is (CONTRACT 1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is to be sent at once.
    Requested,
    /// It is to be sent at a time.
    Scheduled,
    /// It waits: for the end of quiet hours, for a provider, for its next attempt.
    Deferred,
    /// An attempt goes on.
    Sending,
    /// A provider has it.
    Accepted,
    /// It is where the person reads.
    Delivered,
    /// It came back.
    Bounced,
    /// The person calls it spam.
    Complained,
    /// A provider does not have it; what follows is written with it.
    Refused,
    /// A provider does not take it.
    Failed,
    /// Nobody knows whether a provider has it.
    Unknown,
    /// Its attempts or its time are spent.
    DeadLettered,
    /// It was not sent before its deadline.
    Expired,
    /// It must not be sent.
    Suppressed,
    /// It was called off.
    Cancelled,
}

impl Status {
    /// Every one.
    pub const ALL: [Status; 15] = [
        Status::Requested,
        Status::Scheduled,
        Status::Deferred,
        Status::Sending,
        Status::Accepted,
        Status::Delivered,
        Status::Bounced,
        Status::Complained,
        Status::Refused,
        Status::Failed,
        Status::Unknown,
        Status::DeadLettered,
        Status::Expired,
        Status::Suppressed,
        Status::Cancelled,
    ];

    /// Its name in JSON and tables.
    pub fn name(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Scheduled => "scheduled",
            Status::Deferred => "deferred",
            Status::Sending => "sending",
            Status::Accepted => "accepted",
            Status::Delivered => "delivered",
            Status::Bounced => "bounced",
            Status::Complained => "complained",
            Status::Refused => "refused",
            Status::Failed => "failed",
            Status::Unknown => "unknown",
            Status::DeadLettered => "dead-lettered",
            Status::Expired => "expired",
            Status::Suppressed => "suppressed",
            Status::Cancelled => "cancelled",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == text)
    }

    /// Whether it is yet to be sent.
    pub fn waits(self) -> bool {
        match self {
            Status::Requested | Status::Scheduled | Status::Deferred => true,
            Status::Sending | Status::Accepted | Status::Delivered | Status::Bounced | Status::Complained => false,
            Status::Refused | Status::Failed | Status::Unknown | Status::DeadLettered => false,
            Status::Expired | Status::Suppressed | Status::Cancelled => false,
        }
    }

    /// Whether nothing happens to it any more by itself.
    pub fn is_final(self) -> bool {
        !self.waits() && self != Status::Sending && self != Status::Refused
    }

    /// Whether an operator may have it sent again.
    pub fn can_be_retried(self) -> bool {
        match self {
            Status::Failed | Status::Unknown | Status::DeadLettered => true,
            Status::Requested | Status::Scheduled | Status::Deferred | Status::Sending | Status::Refused => false,
            Status::Accepted | Status::Delivered | Status::Bounced | Status::Complained => false,
            Status::Expired | Status::Suppressed | Status::Cancelled => false,
        }
    }

    /// Whether a provider may have it without having said that the person does.
    pub(super) fn may_be_delivered(self) -> bool {
        match self {
            Status::Accepted | Status::Unknown | Status::Sending => true,
            Status::Requested | Status::Scheduled | Status::Deferred | Status::Delivered | Status::Bounced => false,
            Status::Complained | Status::Refused | Status::Failed | Status::DeadLettered => false,
            Status::Expired | Status::Suppressed | Status::Cancelled => false,
        }
    }

    pub(super) fn was_sent(self) -> bool {
        self.may_be_delivered() || matches!(self, Status::Delivered | Status::Bounced | Status::Complained)
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    if let Event::Requested(requested) = event {
        *state = State::Known(Box::new(Delivery::of(requested)));
        return;
    }
    let State::Known(delivery) = state else { return };
    match event {
        Event::Requested(_) => {}
        Event::Attempted(attempted) => {
            delivery.status = Status::Sending;
            delivery.attempts = attempted.number;
            delivery.epoch = attempted.epoch;
        }
        Event::Accepted(_) => delivery.status = Status::Accepted,
        Event::Refused(_) => delivery.status = Status::Refused,
        Event::AttemptUnknown(unknown) => {
            delivery.status = Status::Unknown;
            delivery.unknown_attempt = Some(unknown.number);
            delivery.unknowns += 1;
        }
        Event::Deferred(deferred) => {
            delivery.status = Status::Deferred;
            delivery.due_at = deferred.until;
        }
        Event::Reported(reported) => delivery.status = reported.reported.status(),
        Event::Failed { .. } => delivery.status = Status::Failed,
        Event::DeadLettered { .. } => delivery.status = Status::DeadLettered,
        Event::Expired(_) => delivery.status = Status::Expired,
        Event::Suppressed(_) => delivery.status = Status::Suppressed,
        Event::Cancelled(_) => delivery.status = Status::Cancelled,
        Event::Retried(retried) => {
            delivery.status = Status::Scheduled;
            delivery.due_at = retried.at;
            delivery.expires_at = retried.expires_at;
        }
        Event::AddedToInbox(_) => {
            delivery.status = Status::Delivered;
            delivery.in_inbox = Some(InInbox::default());
        }
        Event::Read { at } => {
            delivery.in_inbox = delivery.in_inbox.map(|item| InInbox { read_at: Some(*at), ..item });
        }
        Event::Archived { at } => {
            delivery.in_inbox = delivery.in_inbox.map(|item| InInbox { archived_at: Some(*at), ..item });
        }
    }
}

impl Delivery {
    fn of(requested: &Requested) -> Delivery {
        Delivery {
            user_id: requested.user_id,
            channel: requested.channel,
            category: requested.category.clone(),
            kind: requested.kind,
            semantics: requested.semantics,
            status: requested.status(),
            due_at: requested.due_at,
            expires_at: requested.expires_at,
            attempts: 0,
            epoch: 0,
            unknown_attempt: None,
            unknowns: 0,
            in_inbox: None,
        }
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Known(delivery) => json!({
                "is": delivery.status, "user_id": delivery.user_id, "channel": delivery.channel,
                "due_at": delivery.due_at, "expires_at": delivery.expires_at, "attempts": delivery.attempts,
            }),
        }
    }
}
