//! The claim on an identity: which account somebody signs in to whom an issuer knows by a subject. A stream for each
//! identity, so that two accounts cannot share one, decided together with the list of the account's identities.
//!
//! An identity is its account's as long as that account is open and has not taken it off its list: erasing the account
//! frees it without a fact of its own (`Seen::holder`).

use crate::id::IdentityClaim;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whose it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The account that claimed it last and has not released it.
    pub owner: Option<UserId>,
}

/// What happens to the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account signs in by it from now on.
    Claimed(Claimed),
    /// The account does not any more.
    Released(Released),
}

/// `identity.claimed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub user_id: UserId,
}

/// `identity.released.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub user_id: UserId,
}

/// What rules look at of an identity.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub state: State,
    /// The account that the command names as its owner.
    pub owner: &'a user::State,
}

impl Seen<'_> {
    /// Whose it is, if anybody's. `named` is the owner that the command names; none where that is another by now, so that
    /// the command has to be sent again.
    pub(crate) fn holder(&self, named: Option<UserId>) -> Option<Option<UserId>> {
        (self.state.owner == named).then_some(match self.owner {
            user::State::Open(_) => named,
            user::State::Absent | user::State::Erased => None,
        })
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    state.owner = match event {
        Event::Claimed(Claimed { user_id }) => Some(*user_id),
        Event::Released(Released { .. }) => None,
    };
}

/// It is the account's from now on.
pub(crate) fn claimed(claim: IdentityClaim, user_id: UserId) -> crate::Event {
    crate::Event::Identity(claim, Event::Claimed(Claimed { user_id }))
}

/// It is nobody's from now on.
pub(crate) fn released(claim: IdentityClaim, user_id: UserId) -> crate::Event {
    crate::Event::Identity(claim, Event::Released(Released { user_id }))
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
            Event::Claimed(_) => "identity.claimed.v1",
            Event::Released(_) => "identity.released.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Claimed(event) => (stored::json(event), None),
            Event::Released(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "identity.claimed.v1" => Event::Claimed(parts.payload()?),
            "identity.released.v1" => Event::Released(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
