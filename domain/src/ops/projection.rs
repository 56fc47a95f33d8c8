//! What an operator decided about a projection: the events that it steps over. A stream for each projection, so that
//! a skip is a fact like any other, and whoever folds the log again skips the same.

use crate::id::ProjectionName;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{Decision, Outcome, RefusalKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest reason.
const REASON_CHARACTERS_MAX: usize = 500;
/// More than so many skipped events are no exceptions any more: the fold is to be mended.
const SKIPPED_MAX: usize = 1_000;

/// What was decided so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The positions of the events that it steps over.
    pub skipped: BTreeSet<u64>,
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Step over the event that stops it.
    Skip(Skip),
}

/// Step over the event that stops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Where that event stands in the log.
    pub position: u64,
    /// Why nothing is lost by it, or why that is put up with.
    pub reason: String,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event is stepped over.
    EventSkipped(EventSkipped),
}

/// `projection.event_skipped.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventSkipped {
    /// Where it stands in the log.
    pub position: u64,
    /// Why, in the operator's words.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No reason, a long one, or one that is no text.
    #[error("a reason has 1 to {REASON_CHARACTERS_MAX} characters, none of them a control character")]
    BadReason,
    /// There are too many of them.
    #[error("{SKIPPED_MAX} events are skipped already; mend what the projection stops at, then build it again")]
    TooMany,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::BadReason => RefusalKind::Malformed,
            Refusal::TooMany => RefusalKind::SkippedTooOften,
        }
    }
}

/// Judges a wish.
pub fn decide(name: ProjectionName, state: &State, command: &Command) -> Result<Decision, Refusal> {
    let Command::Skip(Skip { position, reason }) = command;
    if state.skipped.contains(position) {
        return Ok(Decision::nothing(Outcome::Done));
    }
    if !is_reason(reason) {
        return Err(Refusal::BadReason);
    }
    if state.skipped.len() >= SKIPPED_MAX {
        return Err(Refusal::TooMany);
    }
    let skipped = EventSkipped { position: *position, reason: reason.clone() };
    Ok(Decision::of(vec![crate::Event::Projection(name, Event::EventSkipped(skipped))], Outcome::Done))
}

/// Whether an operator may give that as a reason.
pub fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= REASON_CHARACTERS_MAX && !text.chars().any(char::is_control)
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::EventSkipped(EventSkipped { position, .. }) => {
            state.skipped.insert(*position);
        }
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"skipped": self.skipped})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::EventSkipped(_) => "projection.event_skipped.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::EventSkipped(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "projection.event_skipped.v1" => Event::EventSkipped(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_a_fact() {
        check(&[], skip(7, "a broken import"), Ok(&[skipped(7, "a broken import")]));
        check(&[skipped(7, "one")], skip(9, "two"), Ok(&[skipped(9, "two")]));
    }

    #[test]
    fn the_same_skip_twice_writes_nothing_the_second_time() {
        check(&[skipped(7, "one")], skip(7, "another reason"), Ok(&[]));
    }

    #[test]
    fn a_skip_needs_a_reason() {
        for reason in ["", "  ", "a\nb", "a\0b", &"x".repeat(501)] {
            check(&[], skip(7, reason), Err(Refusal::BadReason));
        }
        let longest = "ж".repeat(500);
        check(&[], skip(7, &longest), Ok(&[skipped(7, &longest)]));
    }

    #[test]
    fn there_is_a_limit() {
        let many = (1..=1_000).map(|position| skipped(position, "one of many")).collect::<Vec<_>>();
        check(&many, skip(1_001, "one more"), Err(Refusal::TooMany));
        check(&many, skip(1_000, "known"), Ok(&[]));
    }

    fn skip(position: u64, reason: &str) -> Command {
        Command::Skip(Skip { position, reason: reason.to_owned() })
    }

    fn skipped(position: u64, reason: &str) -> Event {
        Event::EventSkipped(EventSkipped { position, reason: reason.to_owned() })
    }

    #[track_caller]
    fn check(given: &[Event], when: Command, then: Result<&[Event], Refusal>) {
        let name = ProjectionName::parse("messages").expect("it is the name of a projection");
        let mut state = State::default();
        given.iter().for_each(|event| evolve(&mut state, event));
        let decided = decide(name, &state, &when).map(|decision| decision.facts);
        let facts = then
            .map(|events| events.iter().map(|event| crate::Event::Projection(name, event.clone())).collect::<Vec<_>>());
        assert_eq!(decided, facts);
    }
}
