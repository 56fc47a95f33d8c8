//! The last facts that were appended, kept in memory: whoever follows the log closely in the same process need not
//! read back, open and decode what was encoded and sealed a moment ago.

use crate::{Fact, Head, Mark};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Facts that are kept; whoever is further behind reads the log. A fact holds 64 KiB at the most, and rarely 1 KiB.
const FACTS_MAX: usize = 2_048;

/// The last facts, without holes, the newest of them at the log's head.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    /// The event right before the first of them.
    before: Mark,
    facts: VecDeque<Arc<Fact>>,
}

impl Window {
    /// The newest.
    fn end(&self) -> Mark {
        self.facts.back().map_or(self.before, |fact| fact.mark())
    }

    /// The event at that position, when it is known.
    fn at(&self, position: u64) -> Option<Mark> {
        match usize::try_from(position.checked_sub(self.before.position)?).ok()?.checked_sub(1) {
            None => Some(self.before),
            Some(index) => Some(self.facts.get(index)?.mark()),
        }
    }
}

impl Recent {
    /// Takes facts that were committed, in order, right behind `before`.
    pub(crate) fn add(&self, before: Mark, new: impl Iterator<Item = Fact>) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.end() != before {
            *window = Window { before, facts: VecDeque::new() };
        }
        window.facts.extend(new.map(Arc::new));
        let over = window.facts.len().saturating_sub(FACTS_MAX);
        let gone = window.facts.drain(..over).next_back();
        if let Some(last) = gone {
            window.before = last.mark();
        }
    }

    /// Lets go of all of them: something was forgotten in the log, and must not be told from here.
    pub(crate) fn clear(&self) {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner) = Window::default();
    }

    /// At most `limit` facts behind `after`; `None` when the next one is not among them, and when nobody can tell
    /// whether they are in the log: `head` is where it ended a moment ago, and it may have come back with another
    /// history. What is kept is one chain: when the log holds an event of it, it holds all that is before.
    pub(crate) fn behind(&self, after: Mark, head: Head, limit: usize) -> Option<Vec<Fact>> {
        let found = {
            let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
            if window.at(after.position)? != after || window.at(head.position)? != head.into() {
                return None;
            }
            let skip = usize::try_from(after.position - window.before.position).ok()?;
            let known = usize::try_from(head.position.checked_sub(after.position)?).ok()?;
            let facts = window.facts.iter().skip(skip).take(limit.min(known)).cloned().collect::<Vec<_>>();
            Some(facts).filter(|facts| !facts.is_empty())?
        };
        // Copied outside of the lock, which the appender waits for.
        Some(found.into_iter().map(|fact| Fact::clone(&fact)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Event, Timestamp, UserId, user};
    use uuid::Uuid;

    fn fact(position: u64) -> Fact {
        Fact {
            position,
            version: position,
            id: Uuid::from_u128(u128::from(position)),
            recorded_at: Timestamp(1),
            event: Event::User(UserId(Uuid::from_u128(1)), user::Event::Erased),
            hash: [position as u8; 32],
        }
    }

    fn mark(position: u64) -> Mark {
        Mark { position, hash: [position as u8; 32] }
    }

    fn head(position: u64) -> Head {
        Head { position, hash: mark(position).hash, recorded_at: Timestamp(1) }
    }

    /// What is told to who is at `after`, of a log that ends at `end`.
    fn positions(recent: &Recent, after: u64, end: u64, limit: usize) -> Option<Vec<u64>> {
        let facts = recent.behind(mark(after), head(end), limit)?;
        Some(facts.iter().map(|fact| fact.position).collect())
    }

    #[test]
    fn what_is_kept_is_told_and_what_is_not_is_not() {
        let recent = Recent::default();
        assert_eq!(positions(&recent, 0, 9, 9), None);
        recent.add(mark(4), (5..9).map(fact));
        assert_eq!(positions(&recent, 4, 8, 2), Some(vec![5, 6]));
        assert_eq!(positions(&recent, 6, 8, 9), Some(vec![7, 8]));
        assert_eq!(positions(&recent, 5, 7, 9), Some(vec![6, 7]), "the log was not further a moment ago");
        assert_eq!(positions(&recent, 3, 8, 9), None, "4 is not here");
        assert_eq!(positions(&recent, 8, 8, 9), None, "9 is not there yet");
        assert_eq!(positions(&recent, 4, 9, 9), None, "somebody else has appended 9");
        recent.clear();
        assert_eq!(positions(&recent, 4, 8, 9), None);
    }

    #[test]
    fn what_the_log_does_not_hold_is_not_told() {
        let recent = Recent::default();
        recent.add(mark(4), (5..9).map(fact));
        let other = Head { hash: [77; 32], ..head(8) };
        assert_eq!(recent.behind(mark(5), other, 9), None, "another history at the end");
        assert_eq!(recent.behind(mark(5), Head { hash: [77; 32], ..head(6) }, 9), None, "set back, and another one");
        assert_eq!(recent.behind(mark(5), head(4), 9), None, "set back");
        assert_eq!(recent.behind(Mark { hash: [77; 32], ..mark(5) }, head(8), 9), None, "of another history");
    }

    #[test]
    fn it_is_bounded_and_has_no_holes() {
        let (recent, end) = (Recent::default(), FACTS_MAX as u64 + 10);
        recent.add(mark(0), (1..=end).map(fact));
        assert_eq!(positions(&recent, 9, end, 9), None);
        assert_eq!(positions(&recent, 10, end, 1), Some(vec![11]));
        recent.add(mark(89_999), std::iter::once(fact(90_000)));
        assert_eq!(positions(&recent, 10, end, 1), None);
        assert_eq!(positions(&recent, 89_999, 90_000, 1), Some(vec![90_000]));
        let other = Mark { hash: [77; 32], ..mark(90_000) };
        recent.add(other, std::iter::once(fact(90_001)));
        assert_eq!(positions(&recent, 89_999, 90_001, 1), None, "what was kept was of another history");
    }
}
