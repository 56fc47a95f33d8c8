//! An address that gets nothing any more, whatever is sent and whoever has it. A stream for each address, named by its
//! keyed hash: the log can be searched by an address without holding it.
//!
//! The address itself is sealed under a subject of the suppression's own, because it may belong to nobody here, or to
//! somebody who comes later. It is forgotten with the suppression, and when a person is erased whose address it was:
//! then the hash stays suppressed, and nobody can read of which address it is.

use super::category::named;
use crate::id::SuppressionId;
use crate::stored::{self, Empty, StoredParts, Unreadable, Written, sealed};
use crate::text::{Email, Note};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whether it gets anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It does.
    #[default]
    Free,
    /// It does not.
    Suppressed {
        reason: Reason,
        /// Erased when it must not be known any more.
        address: Personal<Address>,
    },
}

named! {
    /// Why it gets nothing any more.
    Reason {
        /// Its server said that there is no such address.
        HardBounce = "hard-bounce",
        /// Its server kept saying that it takes nothing for the moment.
        SoftBounces = "repeated-soft-bounces",
        /// Its owner said that our mail is spam.
        Complaint = "complaint",
        /// Somebody who may has said so.
        Manual = "manual",
    }
}

/// What is personal in a suppression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub email: Email,
    /// Why, in somebody's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
}

#[derive(Clone, Debug)]
pub enum Command {
    Suppress(Suppress),
    /// Let it get what is sent to it again.
    Unsuppress,
    /// Forget which address it is, and leave it suppressed: a person is erased whose address it is.
    ForgetAddress,
}

/// Send nothing to it any more.
#[derive(Clone, Debug)]
pub struct Suppress {
    pub address: Address,
    pub reason: Reason,
    /// Whose delivery showed it. Of somebody who is erased the address is not kept.
    pub recipient: Option<UserId>,
}

impl Command {
    /// What the rules look at beside the suppression.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Suppress(Suppress { recipient, .. }) => Reads { user: *recipient, ..Reads::default() },
            Command::Unsuppress | Command::ForgetAddress => Reads::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It gets nothing any more.
    Suppressed(Suppressed),
    /// It gets what is sent to it again.
    Unsuppressed(Unsuppressed),
    /// Nobody knows any more which address it is.
    AddressForgotten,
}

/// `suppression.suppressed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppressed {
    pub at: Timestamp,
    pub reason: Reason,
    #[serde(skip)]
    pub address: Personal<Address>,
}

/// `suppression.unsuppressed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsuppressed {
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not suppressed.
    #[error("this address is not suppressed")]
    NotFound,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::SuppressionNotFound,
        }
    }
}

/// Decides on one address. `recipient` is the state of the account whose delivery showed it, if one did.
pub fn decide(
    id: SuppressionId,
    state: &State,
    recipient: &user::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let event = match (state, command) {
        (_, Command::Suppress(command)) => suppress(state, recipient, command, at),
        (State::Suppressed { .. }, Command::Unsuppress) => Some(Event::Unsuppressed(Unsuppressed { at })),
        (State::Free, Command::Unsuppress) => return Err(Refusal::NotFound),
        (State::Suppressed { address: Personal::Known(_), .. }, Command::ForgetAddress) => {
            Some(Event::AddressForgotten)
        }
        (State::Free | State::Suppressed { address: Personal::Erased, .. }, Command::ForgetAddress) => None,
    };
    let facts = event.into_iter().map(|event| crate::Event::Suppression(id, event)).collect();
    Ok(Decision::of(facts, Outcome::Done))
}

fn suppress(state: &State, recipient: &user::State, command: &Suppress, at: Timestamp) -> Option<Event> {
    let address = match recipient {
        user::State::Erased => Personal::Erased,
        user::State::Absent | user::State::Open(_) => Personal::Known(command.address.clone()),
    };
    let is_so = match (state, &address) {
        (State::Free, _) => false,
        // However it is spelled: its stream is that of one address.
        (State::Suppressed { reason, address: Personal::Known(known) }, Personal::Known(wanted)) => {
            *reason == command.reason && known.note == wanted.note
        }
        (State::Suppressed { reason, address: Personal::Erased }, Personal::Erased) => *reason == command.reason,
        (State::Suppressed { .. }, _) => false,
    };
    (!is_so).then_some(Event::Suppressed(Suppressed { at, reason: command.reason, address }))
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match (&mut *state, event) {
        (_, Event::Suppressed(Suppressed { reason, address, .. })) => {
            *state = State::Suppressed { reason: *reason, address: address.clone() };
        }
        (_, Event::Unsuppressed(_)) => *state = State::Free,
        (State::Suppressed { address, .. }, Event::AddressForgotten) => *address = Personal::Erased,
        (State::Free, Event::AddressForgotten) => {}
    }
}

impl State {
    /// It as JSON; what is personal in it only on request.
    pub(crate) fn to_json(&self, personal: bool) -> Value {
        match self {
            State::Free => json!({"is": "free"}),
            State::Suppressed { reason, address } if personal => {
                json!({"is": "suppressed", "reason": reason, "address": address.known()})
            }
            State::Suppressed { reason, .. } => json!({"is": "suppressed", "reason": reason}),
        }
    }
}

const SUPPRESSED: &str = "suppression.suppressed.v1";

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Suppressed(_) => SUPPRESSED,
            Event::Unsuppressed(_) => "suppression.unsuppressed.v1",
            Event::AddressForgotten => "suppression.address_forgotten.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self, id: SuppressionId) -> Written {
        match self {
            Event::Suppressed(event) => (stored::json(event), sealed(id.subject(), &event.address)),
            Event::Unsuppressed(event) => (stored::json(event), None),
            Event::AddressForgotten => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            SUPPRESSED => Event::Suppressed(Suppressed { address: parts.personal()?, ..parts.payload()? }),
            "suppression.unsuppressed.v1" => Event::Unsuppressed(parts.payload()?),
            "suppression.address_forgotten.v1" => {
                let Empty {} = parts.payload()?;
                Event::AddressForgotten
            }
            _ => return Err(parts.unknown()),
        })
    }

    /// The stored names of the facts in the same stream whose sealed parts are forgotten as soon as this is appended: the
    /// address stands in the last fact that needs it, and nowhere else.
    pub(crate) fn supersedes(&self) -> &'static [&'static str] {
        match self {
            Event::Suppressed(_) | Event::Unsuppressed(_) | Event::AddressForgotten => &[SUPPRESSED],
        }
    }
}

#[cfg(test)]
mod tests;
