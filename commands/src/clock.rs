//! Whether this machine's clock can be believed. One that is ahead for a moment would leave times in the log that stay
//! in the future, because no event is recorded before the one that it follows.

use crate::Error;
use domain::Timestamp;
use store::{Folder, Reading};

/// A jump by more than this is worth a line in the log.
const TOLD_AHEAD_US: i64 = 60 * 1_000_000;
/// A jump by more than this is believed only by an operator. Receipts are kept for so long beyond what is promised, so
/// that smaller jumps don't cost any that must still be there.
pub(crate) const REFUSED_AHEAD_US: i64 = 24 * 3600 * 1_000_000;
/// How often a reading is left behind for the next start.
const KEPT_EVERY_US: i64 = 60 * 1_000_000;

/// Compares the clock with how long the machine has been running since it was last believed.
pub struct ClockGuard {
    /// The last reading that was believed.
    believed: Reading,
    /// Where readings are left behind, and the last one that was.
    kept: Option<(Folder, Reading)>,
    /// A jump was reported that is refused until now.
    is_reported: bool,
}

impl ClockGuard {
    /// Goes on from the reading that the folder holds, unless an operator says that the clock is right now.
    pub fn open(folder: &Folder, accept: bool) -> ClockGuard {
        let now = Reading::take();
        let believed = folder.clock_reading().filter(|_| !accept).unwrap_or(now);
        let mut guard = ClockGuard { believed, kept: Some((folder.clone(), believed)), is_reported: false };
        if believed == now {
            guard.keep();
        }
        guard
    }

    /// Believes the clock as it is now, and leaves nothing behind: for logs that are thrown away.
    pub fn unkept() -> ClockGuard {
        ClockGuard { believed: Reading::take(), kept: None, is_reported: false }
    }

    /// Looks at the clock before a batch gets its time from it, behind an event of that time.
    ///
    /// # Errors
    /// [`Error::ClockAhead`] when it has jumped ahead by more than a day. It is believed again when it has returned.
    pub fn check(&mut self, now: Reading, last_event: Timestamp) -> Result<(), Error> {
        // A machine that starts with a clock far behind, and learns the time later, is only where the log is already.
        let right = self.believed.expected_at(now).max(last_event);
        let ahead_us = now.at.0.saturating_sub(right.0);
        let ahead_seconds = ahead_us / 1_000_000;
        if ahead_us > REFUSED_AHEAD_US {
            if !std::mem::replace(&mut self.is_reported, true) {
                tracing::error!(
                    ahead_seconds,
                    "the clock has jumped ahead: nothing is written until it is set right, or until a start with --accept-clock"
                );
            }
            return Err(Error::ClockAhead { hours: ahead_seconds / 3600 });
        }
        if ahead_us > TOLD_AHEAD_US {
            tracing::warn!(ahead_seconds, "the clock has jumped ahead; if it is wrong, set it right");
        }
        self.is_reported = false;
        self.believed = now;
        if self.kept.as_ref().is_some_and(|(_, kept)| now.since_boot_us - kept.since_boot_us >= KEPT_EVERY_US) {
            self.keep();
        }
        Ok(())
    }

    /// The last reading that was believed.
    pub fn believed(&self) -> Reading {
        self.believed
    }

    /// Leaves the last reading behind. A failure only makes the next start less careful.
    pub fn keep(&mut self) {
        let Some((folder, kept)) = &mut self.kept else { return };
        *kept = self.believed;
        if let Err(error) = folder.keep_clock_reading(self.believed) {
            tracing::debug!(error = &error as &dyn std::error::Error, "the reading of the clock could not be kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const LONG_AGO: Timestamp = Timestamp(0);

    fn reading(at: i64, since_boot_us: i64) -> Reading {
        Reading { at: Timestamp(1_800_000_000_000_000 + at), since_boot_us }
    }

    fn guard() -> ClockGuard {
        ClockGuard { believed: reading(0, 0), kept: None, is_reported: false }
    }

    #[test]
    fn a_clock_that_moves_as_time_passes_is_believed_however_long_nothing_was_written() {
        let mut guard = guard();
        assert_eq!(guard.check(reading(HOUR, HOUR), LONG_AGO), Ok(()));
        assert_eq!(guard.check(reading(2_000 * HOUR, 2_000 * HOUR), LONG_AGO), Ok(()));
    }

    #[test]
    fn a_jump_of_more_than_a_day_is_refused_until_the_clock_returns() {
        let mut guard = guard();
        assert_eq!(guard.check(reading(74 * HOUR, HOUR), LONG_AGO), Err(Error::ClockAhead { hours: 73 }));
        assert_eq!(guard.check(reading(75 * HOUR, 2 * HOUR), LONG_AGO), Err(Error::ClockAhead { hours: 73 }));
        assert_eq!(guard.believed(), reading(0, 0), "what is not believed moves nothing");
        assert_eq!(guard.check(reading(3 * HOUR, 3 * HOUR), LONG_AGO), Ok(()));
    }

    #[test]
    fn a_clock_that_was_behind_may_catch_up_with_the_log() {
        let mut guard = guard();
        assert_eq!(guard.check(reading(74 * HOUR, HOUR), reading(60 * HOUR, 0).at), Ok(()));
    }

    #[test]
    fn smaller_jumps_and_a_clock_that_is_set_back_are_believed() {
        let mut guard = guard();
        assert_eq!(guard.check(reading(24 * HOUR, 0), LONG_AGO), Ok(()));
        assert_eq!(guard.check(reading(HOUR, HOUR), LONG_AGO), Ok(()), "set back");
        assert_eq!(guard.check(reading(26 * HOUR, 2 * HOUR), LONG_AGO), Ok(()));
    }

    #[test]
    fn the_next_start_goes_on_from_the_reading_that_was_left_behind() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let now = Reading::take();
        folder.keep_clock_reading(Reading { at: Timestamp(now.at.0 - 50 * HOUR), ..now }).unwrap();
        if folder.clock_reading().is_none() {
            eprintln!("left out: this system does not tell one start of the machine from another");
            return;
        }
        let mut careful = ClockGuard::open(&folder, false);
        assert!(matches!(careful.check(Reading::take(), LONG_AGO), Err(Error::ClockAhead { hours: 49 | 50 })));
        let mut told = ClockGuard::open(&folder, true);
        assert_eq!(told.check(Reading::take(), LONG_AGO), Ok(()));
        let mut next = ClockGuard::open(&folder, false);
        assert_eq!(next.check(Reading::take(), LONG_AGO), Ok(()), "it was accepted once and for all");
    }
}
