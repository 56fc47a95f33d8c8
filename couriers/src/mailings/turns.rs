//! Mailings take turns, so that none holds up the others: of one that goes wrong the next look comes later.

use crate::error::{Result, told};
use domain::MailingId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a mailing rests that went wrong; each time twice as long.
const REST_FIRST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(60);

/// Mailings that went wrong, and rest.
#[derive(Debug, Default)]
pub(super) struct Resting {
    of: HashMap<MailingId, Rest>,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// How long it is.
    long: Duration,
}

impl Resting {
    /// Whether it is not that one's turn yet.
    pub(super) fn has(&self, id: MailingId, now: Instant) -> bool {
        self.of.get(&id).is_some_and(|rest| rest.until > now)
    }

    /// Heeds how it went with one. What went wrong is logged here.
    pub(super) fn heed<T: Default>(&mut self, id: MailingId, done: Result<T>, trouble: &str, now: Instant) -> T {
        match done {
            Ok(done) => {
                self.of.remove(&id);
                done
            }
            Err(error) => {
                tracing::error!(mailing_id = %id, error = told(&error), "{trouble}");
                // Of one that is over nobody asks any more.
                self.of.retain(|_, rest| rest.until + REST_MAX > now);
                let long = self.of.get(&id).map_or(REST_FIRST, |rest| (rest.long * 2).min(REST_MAX));
                self.of.insert(id, Rest { until: now + long, long });
                T::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use projections::ProjectionId;
    use uuid::Uuid;

    const NEWS: MailingId = MailingId(Uuid::from_u128(1));
    const OFFER: MailingId = MailingId(Uuid::from_u128(2));

    #[test]
    fn one_that_goes_wrong_rests_longer_each_time_and_the_others_do_not() {
        let mut resting = Resting::default();
        let mut now = Instant::now();
        let mut waited = Vec::new();
        for _ in 0..8 {
            assert!(!resting.has(NEWS, now));
            let begun = now;
            resting.heed::<()>(NEWS, Err(Error::Behind(ProjectionId::Mailings)), "", now);
            resting.heed(OFFER, Ok(()), "", now);
            assert!(resting.has(NEWS, now) && !resting.has(OFFER, now));
            while resting.has(NEWS, now) {
                now += Duration::from_millis(500);
            }
            waited.push((now - begun).as_secs());
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 60, 60]);
        resting.heed(NEWS, Ok(()), "", now);
        resting.heed::<()>(NEWS, Err(Error::Behind(ProjectionId::Mailings)), "", now);
        assert!(!resting.has(NEWS, now + REST_FIRST), "what went well is forgiven");
        resting.heed::<()>(OFFER, Err(Error::Behind(ProjectionId::Mailings)), "", now + REST_MAX * 3);
        assert_eq!(resting.of.len(), 1, "nothing is kept for ever");
    }
}
