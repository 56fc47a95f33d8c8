//! A user's passkeys: keys of theirs that sign in without anything else (WebAuthn level 3). A stream beside that of the account.
//! Whether a key has signed what it was asked to sign is checked before the command; what it is good for is decided here.

use crate::id::{PasskeyId, PasskeysId};
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::text::PasskeyName;
use crate::ways_in::{self, Beside};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most passkeys of one account.
pub const PASSKEYS_MAX: usize = 20;

/// The passkeys of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub passkeys: BTreeMap<PasskeyId, Uses>,
}

/// What a key said when it was used last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses {
    /// How often it has signed; zero for ever with keys that do not count.
    pub counter: u32,
    /// Whether it has a copy elsewhere.
    pub backed_up: bool,
}

/// What somebody may want of their passkeys.
#[derive(Clone, Debug)]
pub enum Command {
    /// Add one.
    Add(Box<Add>),
    /// Remove one.
    Remove(Remove),
    /// Remove one, by an operator, and end every session; be it the last way in, an operator opens another.
    TakeAway(Remove),
}

/// Add a key that has just been made.
#[derive(Clone, Debug)]
pub struct Add {
    pub passkey_id: PasskeyId,
    pub uses: Uses,
    pub parts: Parts,
}

/// Remove a key.
#[derive(Clone, Copy, Debug)]
pub struct Remove {
    pub passkey_id: PasskeyId,
}

impl Command {
    /// What the rules look at beside: the account, and for a removal what else signs in.
    pub fn reads(&self, id: PasskeysId) -> Reads {
        let user_id = UserId::from(id);
        match self {
            Command::Add(_) | Command::TakeAway(_) => Reads { user: Some(user_id), ..Reads::default() },
            Command::Remove(_) => ways_in::reads(user_id),
        }
    }
}

/// What happens to a user's passkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One was added.
    Added(Added),
    /// Somebody signed in by one.
    Used(Used),
    /// One was removed.
    Removed(Removed),
}

/// `passkeys.added.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    pub user_id: UserId,
    pub passkey_id: PasskeyId,
    pub at: Timestamp,
    #[serde(flatten)]
    pub uses: Uses,
    #[serde(skip)]
    pub parts: Personal<Parts>,
}

/// What is personal of a passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// What its owner calls it.
    pub name: PasskeyName,
    /// The public key with what belongs to it, as JSON that only the verifier reads.
    pub credential: String,
}

/// `passkeys.used.v1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub passkey_id: PasskeyId,
    pub at: Timestamp,
    #[serde(flatten)]
    pub uses: Uses,
}

/// `passkeys.removed.v1`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub passkey_id: PasskeyId,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such passkey.
    #[error("there is no such passkey")]
    NotFound,
    /// There are [`PASSKEYS_MAX`] already.
    #[error("you have 20 passkeys already; remove one of them first")]
    TooMany,
    /// Nobody could sign in to this account any more.
    #[error(transparent)]
    LastWayIn(#[from] ways_in::LastWayIn),
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::NotFound => RefusalKind::PasskeyNotFound,
            Refusal::TooMany => RefusalKind::TooManyPasskeys,
            Refusal::LastWayIn(refusal) => refusal.kind(),
        }
    }
}

/// Decides on the passkeys of one account.
pub fn decide(
    id: PasskeysId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let user::State::Open(account) = beside.user else { return Err(Refusal::UserNotFound) };
    let event = match command {
        Command::Add(_) if state.passkeys.len() >= PASSKEYS_MAX => return Err(Refusal::TooMany),
        Command::Add(command) => {
            let Add { passkey_id, uses, parts } = &**command;
            let (passkey_id, uses, name) = (*passkey_id, *uses, parts.name.clone());
            let parts = Personal::Known(parts.clone());
            let added = Event::Added(Added { user_id: id.into(), passkey_id, at, uses, parts });
            let outcome = Outcome::PasskeyAdded { passkey_id, name };
            return Ok(Decision::of(vec![crate::Event::Passkeys(id, added)], outcome));
        }
        Command::Remove(Remove { passkey_id }) if state.passkeys.contains_key(passkey_id) => {
            beside.one_less(account)?;
            Event::Removed(Removed { passkey_id: *passkey_id, at })
        }
        Command::TakeAway(Remove { passkey_id }) if state.passkeys.contains_key(passkey_id) => {
            let removed = Event::Removed(Removed { passkey_id: *passkey_id, at });
            let ended = user::Event::SessionsEnded(user::SessionsEnded { keep: None });
            let facts = vec![crate::Event::Passkeys(id, removed), crate::Event::User(id.into(), ended)];
            return Ok(Decision::of(facts, Outcome::Done));
        }
        Command::Remove(_) | Command::TakeAway(_) => return Err(Refusal::NotFound),
    };
    Ok(Decision::of(vec![crate::Event::Passkeys(id, event)], Outcome::Done))
}

impl State {
    /// The fact that a key was used; none where it is not the account's any more, or has signed something later already: then
    /// there are two of it, and neither is to be trusted (WebAuthn level 3, 7.2, step 22).
    pub(crate) fn used(
        &self,
        id: PasskeysId,
        passkey_id: PasskeyId,
        uses: Uses,
        at: Timestamp,
    ) -> Option<crate::Event> {
        let before = self.passkeys.get(&passkey_id)?;
        let does_not_count = uses.counter == 0 && before.counter == 0;
        let is_good = does_not_count || uses.counter > before.counter;
        is_good.then_some(crate::Event::Passkeys(id, Event::Used(Used { passkey_id, at, uses })))
    }

    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let passkeys = self
            .passkeys
            .iter()
            .map(|(id, uses)| json!({"passkey_id": id, "counter": uses.counter, "backed_up": uses.backed_up}));
        json!({"passkeys": passkeys.collect::<Vec<_>>()})
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Added(Added { passkey_id, uses, .. }) | Event::Used(Used { passkey_id, uses, .. }) => {
            state.passkeys.insert(*passkey_id, *uses);
        }
        Event::Removed(removed) => {
            state.passkeys.remove(&removed.passkey_id);
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Added(_) => "passkeys.added.v1",
            Event::Used(_) => "passkeys.used.v1",
            Event::Removed(_) => "passkeys.removed.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Added(event) => (stored::json(event), sealed(event.user_id, &event.parts)),
            Event::Used(event) => (stored::json(event), None),
            Event::Removed(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "passkeys.added.v1" => Event::Added(Added { parts: parts.personal()?, ..parts.payload()? }),
            "passkeys.used.v1" => Event::Used(parts.payload()?),
            "passkeys.removed.v1" => Event::Removed(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

impl From<UserId> for PasskeysId {
    fn from(UserId(id): UserId) -> PasskeysId {
        PasskeysId(id)
    }
}

impl From<PasskeysId> for UserId {
    fn from(PasskeysId(id): PasskeysId) -> UserId {
        UserId(id)
    }
}

#[cfg(test)]
mod tests;
