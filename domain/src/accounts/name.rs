//! The claim on a name: who took it first. A stream for each name, so that two accounts cannot share one, decided
//! together with the account. The claim of an erased person stays taken.

use crate::UserId;
use crate::stored::{self, StoredParts, Unreadable, Written};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whose name it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Nobody's until it is claimed.
    pub owner: Option<UserId>,
}

/// What happens to the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody took the name.
    Claimed(Claimed),
}

/// `name.claimed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Who took it.
    pub user_id: UserId,
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Claimed(Claimed { user_id }) => state.owner = Some(*user_id),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({"owner": self.owner})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Claimed(_) => "name.claimed.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Claimed(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "name.claimed.v1" => Event::Claimed(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
