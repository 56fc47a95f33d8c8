//! A person's inbox as a whole. Each item is a delivery, which knows whether it was read by itself.

use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{Decision, InboxId, Outcome, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Up to when everything in it counts as read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// None before the first time.
    pub read_up_to: Option<Timestamp>,
}

/// What its owner may want of it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Count everything that is in it as read.
    ReadAll,
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Everything in it counts as read.
    AllRead(AllRead),
}

/// `inbox.all_read.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllRead {
    pub at: Timestamp,
}

/// Decides on one inbox. Nothing is refused: nobody but its owner is asked for.
pub fn decide(id: InboxId, state: &State, command: &Command, at: Timestamp) -> Decision {
    match command {
        Command::ReadAll if state.read_up_to.is_some_and(|before| before >= at) => Decision::nothing(Outcome::Done),
        Command::ReadAll => Decision::of(vec![crate::Event::Inbox(id, Event::AllRead(AllRead { at }))], Outcome::Done),
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::AllRead(read) => state.read_up_to = Some(read.at),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({"read_up_to": self.read_up_to})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::AllRead(_) => "inbox.all_read.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::AllRead(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        match parts.name {
            "inbox.all_read.v1" => Ok(Event::AllRead(parts.payload()?)),
            _ => Err(parts.unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn everything_is_read_once() {
        let (id, noon) = (InboxId(Uuid::from_u128(1)), Timestamp(1_800_000_000_000_000));
        let mut state = State::default();
        let decision = decide(id, &state, &Command::ReadAll, noon);
        assert_eq!(decision.facts, [crate::Event::Inbox(id, Event::AllRead(AllRead { at: noon }))]);
        evolve(&mut state, &Event::AllRead(AllRead { at: noon }));
        assert!(decide(id, &state, &Command::ReadAll, noon).facts.is_empty());
        assert_eq!(decide(id, &state, &Command::ReadAll, noon.plus_seconds(1)).facts.len(), 1);
    }
}
