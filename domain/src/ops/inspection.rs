//! That an operator looked at what is personal in an event: who, and at what. A stream for each look, which is a fact like any
//! other, so that the person whose it is can be told who has seen it.

use crate::id::InspectionId;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::text::Note;
use crate::{Decision, Outcome, Personal, RefusalKind, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// What was looked at, once it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub looked: Option<PersonalShown>,
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// See what is personal in an event.
    Show(Show),
}

/// See what is personal in an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Show {
    /// Who looks.
    pub by: UserId,
    /// Where the event stands in the log.
    pub position: u64,
    pub event_id: Uuid,
    /// Whose it is.
    pub user_id: UserId,
    pub reason: Option<Note>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody was shown what is personal in an event.
    PersonalShown(PersonalShown),
}

/// `inspection.personal_shown.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalShown {
    /// Who looked.
    pub by: UserId,
    /// Where the event stands in the log.
    pub position: u64,
    pub event_id: Uuid,
    /// Whose it is.
    pub user_id: UserId,
    /// Sealed under the key of whose it is.
    #[serde(skip)]
    pub why: Personal<Why>,
}

/// Why somebody looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Written also where there is none: what is not there was not written by this.
    #[serde(deserialize_with = "Option::deserialize")]
    pub reason: Option<Note>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another look has that id.
    #[error("another inspection has this id")]
    Taken,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::Taken => RefusalKind::AlreadyExists,
        }
    }
}

/// Judges a wish.
pub fn decide(id: InspectionId, state: &State, command: &Command) -> Result<Decision, Refusal> {
    let Command::Show(Show { by, position, event_id, user_id, reason }) = command;
    let why = Personal::Known(Why { reason: reason.clone() });
    let shown = PersonalShown { by: *by, position: *position, event_id: *event_id, user_id: *user_id, why };
    match &state.looked {
        Some(looked) if *looked == shown => Ok(Decision::nothing(Outcome::Done)),
        Some(_) => Err(Refusal::Taken),
        None => Ok(Decision::of(vec![crate::Event::Inspection(id, Event::PersonalShown(shown))], Outcome::Done)),
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::PersonalShown(shown) => state.looked = Some(shown.clone()),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"looked": self.looked})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::PersonalShown(_) => "inspection.personal_shown.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::PersonalShown(event) => (stored::json(event), stored::sealed(event.user_id, &event.why)),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "inspection.personal_shown.v1" => {
                Event::PersonalShown(PersonalShown { why: parts.personal()?, ..parts.payload()? })
            }
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_a_fact() {
        check(&[], show(7), Ok(&[shown(7)]));
    }

    #[test]
    fn the_same_look_twice_writes_nothing_the_second_time() {
        check(&[shown(7)], show(7), Ok(&[]));
        check(&[shown(7)], show(8), Err(Refusal::Taken));
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn show(position: u64) -> Command {
        let (event_id, reason) = (Uuid::from_u128(3), Note::parse("they asked").ok());
        Command::Show(Show { by: user(1), position, event_id, user_id: user(2), reason })
    }

    fn shown(position: u64) -> Event {
        let (event_id, reason) = (Uuid::from_u128(3), Note::parse("they asked").ok());
        let why = Personal::Known(Why { reason });
        Event::PersonalShown(PersonalShown { by: user(1), position, event_id, user_id: user(2), why })
    }

    #[track_caller]
    fn check(given: &[Event], when: Command, then: Result<&[Event], Refusal>) {
        let id = InspectionId(Uuid::from_u128(9));
        let mut state = State::default();
        given.iter().for_each(|event| evolve(&mut state, event));
        let decided = decide(id, &state, &when).map(|decision| decision.facts);
        let facts = then
            .map(|events| events.iter().map(|event| crate::Event::Inspection(id, event.clone())).collect::<Vec<_>>());
        assert_eq!(decided, facts);
    }
}
