//! How fast each mailing goes: at most so many deliveries a second.

use domain::MailingId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How much of what was not used may be made up for: the dispatcher looks a few times a second.
const SAVED_MAX: Duration = Duration::from_millis(500);

/// How long it is known how fast one went: the time of one delivery at the lowest rate, and some more.
const IDLE_MAX: Duration = Duration::from_secs(2);

/// How fast the mailings of one channel go.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Since when what each may send has not been used.
    since: HashMap<MailingId, Instant>,
}

impl Pace {
    /// How many deliveries of a mailing may begin now, at most `most`.
    pub(crate) fn allowed(&mut self, id: MailingId, per_second_max: Option<u32>, most: usize, now: Instant) -> usize {
        let Some(rate) = per_second_max else { return most };
        let each = interval(rate);
        let since = self.since.entry(id).or_insert(now.checked_sub(each).unwrap_or(now));
        let saved = now.saturating_duration_since(*since).min(SAVED_MAX.max(each));
        *since = now.checked_sub(saved).unwrap_or(now);
        let begun = saved.as_nanos() / each.as_nanos();
        usize::try_from(begun).unwrap_or(usize::MAX).min(most)
    }

    /// So many have begun.
    pub(crate) fn spend(&mut self, id: MailingId, per_second_max: Option<u32>, begun: usize) {
        let begun = u32::try_from(begun).unwrap_or(u32::MAX);
        if let (Some(rate), Some(since)) = (per_second_max, self.since.get_mut(&id)) {
            *since += interval(rate) * begun;
        }
    }

    /// Forgets those of which nothing is to be made up for: they are over, or begin again with one.
    pub(crate) fn forget_idle(&mut self, now: Instant) {
        self.since.retain(|_, since| now.saturating_duration_since(*since) <= IDLE_MAX);
    }
}

fn interval(per_second: u32) -> Duration {
    (Duration::from_secs(1) / per_second.max(1)).max(Duration::from_nanos(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NEWS: MailingId = MailingId(Uuid::from_u128(1));

    /// How many begin when it is looked every so often for that long.
    fn begun(rate: u32, every: Duration, long: Duration) -> usize {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        let (mut at, mut all) = (Duration::ZERO, 0);
        while at < long {
            let some = pace.allowed(NEWS, Some(rate), 1_000, begin + at);
            pace.spend(NEWS, Some(rate), some);
            all += some;
            at += every;
        }
        all
    }

    #[test]
    fn no_second_has_more_than_its_share() {
        let (often, seldom, minute) = (Duration::from_millis(7), Duration::from_millis(250), Duration::from_secs(60));
        for rate in [1, 3, 10, 50, 999] {
            for every in [often, seldom] {
                let begun = begun(rate, every, minute);
                let wanted = rate as usize * 60;
                assert!(begun <= wanted + 1, "{begun} at {rate} a second");
                assert!(begun + rate as usize >= wanted, "{begun} at {rate} a second");
            }
        }
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        assert_eq!(pace.allowed(NEWS, Some(10), 100, begin), 1);
        pace.spend(NEWS, Some(10), 1);
        assert_eq!(pace.allowed(NEWS, Some(10), 100, begin + Duration::from_secs(3_600)), 5);
        assert_eq!(pace.allowed(NEWS, None, 100, begin), 100, "without a limit as many as there are places");
        let last = begin + Duration::from_secs(3_600);
        pace.forget_idle(last);
        assert_eq!(pace.since.len(), 1, "its rate is kept while it goes on");
        pace.forget_idle(last + Duration::from_secs(3));
        assert!(pace.since.is_empty());
    }
}
