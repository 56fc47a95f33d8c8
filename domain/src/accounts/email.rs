//! An address of e-mail: which account has confirmed it, and what was lately mailed to it. A stream for each address, so
//! that two accounts cannot share one and that mail to it can be held back on whichever node it is asked for.
//!
//! An address is its account's as long as that account is open and has no other: erasing the account or confirming
//! another address frees it without a fact of its own (`Seen::holder`).

use crate::id::{EmailClaim, ProofId};
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// Between two mails of one kind to one address that anybody can ask for.
pub const PAUSE: Duration = Duration::from_secs(60);

/// What is known of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The account that confirmed it last.
    pub owner: Option<UserId>,
    /// The proof whose code counts, and when it was asked for.
    pub code: Option<(ProofId, Timestamp)>,
    /// When its owner was last told that somebody else wants it.
    pub told_at: Option<Timestamp>,
}

/// What happens to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An account confirmed it.
    Claimed(Claimed),
    /// Somebody asked for a code to sign in by; codes of before count no more.
    CodeAsked(CodeAsked),
    /// Somebody else gave it as theirs.
    Wanted(Wanted),
}

/// `email.claimed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub user_id: UserId,
}

/// `email.code_asked.v1`: also of an address that no account has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeAsked {
    pub proof_id: ProofId,
    pub at: Timestamp,
}

/// `email.wanted.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whose it is, and who is told.
    pub user_id: UserId,
    pub at: Timestamp,
}

/// What rules look at of an address.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub state: State,
    /// The account that the command names as the address's owner.
    pub owner: &'a user::State,
}

impl Seen<'_> {
    /// Whose the address is, if anybody's. `named` is the owner that the command names; none where that is another by now,
    /// so that the command has to be sent again.
    pub(crate) fn holder(&self, claim: EmailClaim, named: Option<UserId>) -> Option<Option<UserId>> {
        (self.state.owner == named).then(|| match self.owner {
            user::State::Open(account) if account.address == Some(claim) => named,
            user::State::Open(_) | user::State::Absent | user::State::Erased => None,
        })
    }

    /// Whether its owner may be told once more that somebody wants it.
    pub(crate) fn may_be_told(&self, at: Timestamp) -> bool {
        self.state.told_at.is_none_or(|told_at| told_at.plus(PAUSE) <= at)
    }

    /// Whether another code may be mailed to it.
    pub(crate) fn may_be_asked(&self, at: Timestamp) -> bool {
        self.state.code.is_none_or(|(_, asked_at)| asked_at.plus(PAUSE) <= at)
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Claimed(Claimed { user_id }) => state.owner = Some(*user_id),
        Event::CodeAsked(CodeAsked { proof_id, at }) => state.code = Some((*proof_id, *at)),
        Event::Wanted(Wanted { at, .. }) => state.told_at = Some(*at),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        let code = self.code.map(|(proof_id, at)| json!({"proof_id": proof_id, "asked_at": at}));
        json!({"owner": self.owner, "code": code, "told_at": self.told_at})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Claimed(_) => "email.claimed.v1",
            Event::CodeAsked(_) => "email.code_asked.v1",
            Event::Wanted(_) => "email.wanted.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Claimed(event) => (stored::json(event), None),
            Event::CodeAsked(event) => (stored::json(event), None),
            Event::Wanted(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "email.claimed.v1" => Event::Claimed(parts.payload()?),
            "email.code_asked.v1" => Event::CodeAsked(parts.payload()?),
            "email.wanted.v1" => Event::Wanted(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
