//! The last facts that were appended, kept in memory: whoever follows the log closely in the same process need not
//! read back, open and decode what was encoded and sealed a moment ago.

use crate::Fact;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Facts that are kept; whoever is further behind reads the log. A fact holds 64 KiB at the most, and rarely 1 KiB.
const FACTS_MAX: usize = 2_048;

/// The last facts, without holes, the newest of them at the log's head.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    facts: Mutex<VecDeque<Arc<Fact>>>,
}

impl Recent {
    /// Takes facts that were committed, in order.
    pub(crate) fn add(&self, new: impl Iterator<Item = Fact>) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        for fact in new {
            if facts.back().is_some_and(|last| last.position + 1 != fact.position) {
                facts.clear();
            }
            facts.push_back(Arc::new(fact));
        }
        let over = facts.len().saturating_sub(FACTS_MAX);
        facts.drain(..over);
    }

    /// Lets go of all of them: something was forgotten in the log, and must not be told from here.
    pub(crate) fn clear(&self) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// At most `limit` facts behind `after`; `None` when the next one is not among them.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Option<Vec<Fact>> {
        let found = {
            let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            let first = facts.front()?.position;
            let skip = usize::try_from((after + 1).checked_sub(first)?).ok()?;
            (skip < facts.len()).then(|| facts.iter().skip(skip).take(limit).cloned().collect::<Vec<_>>())?
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
            stream: UserId(Uuid::from_u128(1)).into(),
            version: position,
            id: Uuid::from_u128(u128::from(position)),
            recorded_at: Timestamp(1),
            event: Event::User(user::Event::Erased),
        }
    }

    fn positions(recent: &Recent, after: u64, limit: usize) -> Option<Vec<u64>> {
        Some(recent.after(after, limit)?.iter().map(|fact| fact.position).collect())
    }

    #[test]
    fn what_is_kept_is_told_and_what_is_not_is_not() {
        let recent = Recent::default();
        assert_eq!(positions(&recent, 0, 9), None);
        recent.add((5..9).map(fact));
        assert_eq!(positions(&recent, 4, 2), Some(vec![5, 6]));
        assert_eq!(positions(&recent, 6, 9), Some(vec![7, 8]));
        assert_eq!(positions(&recent, 3, 9), None, "4 is not here");
        assert_eq!(positions(&recent, 8, 9), None, "9 is not there yet");
        recent.clear();
        assert_eq!(positions(&recent, 4, 9), None);
    }

    #[test]
    fn it_is_bounded_and_has_no_holes() {
        let recent = Recent::default();
        recent.add((1..=FACTS_MAX as u64 + 10).map(fact));
        assert_eq!(positions(&recent, 9, 9), None);
        assert_eq!(positions(&recent, 10, 1), Some(vec![11]));
        recent.add(std::iter::once(fact(90_000)));
        assert_eq!(positions(&recent, 10, 1), None);
        assert_eq!(positions(&recent, 89_999, 1), Some(vec![90_000]));
    }
}
