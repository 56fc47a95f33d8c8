//! Counting sign-ins that failed: by user and minute, so that an attack writes a few facts a minute and not
//! thousands.

use domain::{Timestamp, UserId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Users counted at once; when more fail within a minute, counting starts again.
const USERS_MAX: usize = 10_000;
/// Failures of a minute that are recorded one by one; from there on, each time their number has doubled.
const RECORDED_SINGLY: u32 = 8;

/// The failures of the running minute.
#[derive(Default)]
pub(crate) struct Failures {
    counts: Mutex<HashMap<UserId, (Timestamp, u32)>>,
}

impl Failures {
    /// Counts one. Answers the minute and its number when it is one to record.
    pub(crate) fn count(&self, user: UserId, at: Timestamp) -> Option<(Timestamp, u32)> {
        let minute = at.minute();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= USERS_MAX {
            counts.retain(|_, (counted, _)| *counted == minute);
            if counts.len() >= USERS_MAX {
                counts.clear();
            }
        }
        let entry = counts.entry(user).or_insert((minute, 0));
        if entry.0 != minute {
            *entry = (minute, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        (entry.1 <= RECORDED_SINGLY || entry.1.is_power_of_two()).then_some(*entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failures_in_a_minute_are_a_dozen_facts() {
        let failures = Failures::default();
        let anna = UserId(uuid::Uuid::from_u128(1));
        let recorded = (0..1_000).filter_map(|_| failures.count(anna, Timestamp(5))).collect::<Vec<_>>();
        assert_eq!(recorded.iter().map(|(_, count)| *count).max(), Some(512));
        assert_eq!(recorded.len(), 8 + 6);
        assert_eq!(failures.count(anna, Timestamp(61_000_000)), Some((Timestamp(60_000_000), 1)));
    }

    #[test]
    fn the_number_of_users_is_bounded() {
        let failures = Failures::default();
        for user in 0..(USERS_MAX as u128 * 2) {
            failures.count(UserId(uuid::Uuid::from_u128(user)), Timestamp(5));
        }
        assert!(failures.counts.lock().unwrap().len() <= USERS_MAX);
    }
}
