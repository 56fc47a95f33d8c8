//! How much one provider gets: nothing while it is down, and at most what it may.

use super::asks_for_less;
use crate::channel::{AttemptEnd, Fault};
use std::time::{Duration, Instant};

/// Failures of the connection in a row after which a provider is left alone.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone first; each time that it fails again, twice as long.
const OPEN_FIRST: Duration = Duration::from_secs(10);
/// At most.
const OPEN_MAX: Duration = Duration::from_secs(300);
/// Each time that it asks for less, it gets half as much, so many times at most.
const HALVINGS_MAX: u32 = 6;
/// Mails that it takes until it gets twice as much again.
const DOUBLED_AFTER: u32 = 10;
/// The part of a second's mails that may go at once.
const BURST_PART: u32 = 20;
/// Phases in which a failure is that of the provider, whatever it says.
const OF_THE_CONNECTION: [&str; 5] = ["connect", "greeting", "ehlo", "tls", "auth"];

/// A breaker and a rate.
pub(super) struct Gate {
    /// Between two mails, as it is set.
    interval: Duration,
    /// How far the next mail may be ahead of its time.
    ahead_max: Duration,
    /// When the next mail would be due, one after the other.
    next: Instant,
    halvings: u32,
    accepted: u32,
    failures: u32,
    open: Option<Open>,
}

/// It is left alone, but for one mail after each pause.
struct Open {
    until: Instant,
    pause: Duration,
    /// That one mail is on its way.
    is_tried: bool,
}

/// Why nothing may go now, and until when.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub until: Instant,
    pub is_open: bool,
}

impl Gate {
    /// Lets so many through in any second: a few at once, the rest one after the other.
    pub(super) fn new(per_second_max: u32, now: Instant) -> Gate {
        let burst = (per_second_max / BURST_PART).max(1);
        let steady = per_second_max.max(1) - (burst - 1);
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(steady.into()));
        let ahead_max = interval * (burst - 1);
        Gate { interval, ahead_max, next: now, halvings: 0, accepted: 0, failures: 0, open: None }
    }

    /// Lets one mail through, or says until when it does not.
    pub(super) fn pass(&mut self, now: Instant) -> Result<(), Wait> {
        if let Some(open) = &self.open
            && now < open.until
        {
            return Err(Wait { until: open.until, is_open: true });
        }
        let due = self.next.max(now);
        let slowed = self.halvings > 0;
        let ahead_max = if slowed { Duration::ZERO } else { self.ahead_max };
        if due.saturating_duration_since(now) > ahead_max {
            return Err(Wait { until: due - ahead_max, is_open: false });
        }
        self.next = due + self.interval_now();
        if let Some(open) = &mut self.open {
            // This mail is the trial. Should nobody ever hear of its end, there is another one after the same pause.
            (open.until, open.is_tried) = (now + open.pause, true);
        }
        Ok(())
    }

    /// What an attempt teaches.
    pub(super) fn learn(&mut self, end: &AttemptEnd, now: Instant) {
        if asks_for_less(end) {
            self.halvings = (self.halvings + 1).min(HALVINGS_MAX);
            self.accepted = 0;
            self.next = self.next.max(now + self.interval_now());
        }
        match end {
            AttemptEnd::Accepted { .. } => {
                self.heal();
                self.accepted += 1;
                if self.accepted >= DOUBLED_AFTER {
                    (self.accepted, self.halvings) = (0, self.halvings.saturating_sub(1));
                }
            }
            AttemptEnd::Unknown(_) => self.fail(now),
            AttemptEnd::Postponed(fault) if fault.phase == "lease" => {}
            AttemptEnd::Postponed(fault) if is_of_the_connection(fault) => self.fail(now),
            // Refusing a mail is being well. What never got there says nothing.
            AttemptEnd::Postponed(_) => self.heal(),
            AttemptEnd::Rejected { fault, .. } if fault.code.is_some() => self.heal(),
            AttemptEnd::Rejected { .. } => {}
        }
    }

    pub(super) fn open_until(&self) -> Option<Instant> {
        self.open.as_ref().map(|open| open.until)
    }

    pub(super) fn slowed(&self) -> u32 {
        1 << self.halvings
    }

    fn interval_now(&self) -> Duration {
        self.interval * self.slowed()
    }

    fn heal(&mut self) {
        (self.failures, self.open) = (0, None);
    }

    fn fail(&mut self, now: Instant) {
        self.failures += 1;
        let pause = match &self.open {
            Some(open) if open.is_tried => (open.pause * 2).min(OPEN_MAX),
            None if self.failures >= FAILURES_MAX => OPEN_FIRST,
            // A mail that was on its way when it opened teaches nothing new.
            Some(_) | None => return,
        };
        self.open = Some(Open { until: now + pause, pause, is_tried: false });
    }
}

fn is_of_the_connection(fault: &Fault) -> bool {
    fault.code.is_none() || OF_THE_CONNECTION.contains(&fault.phase)
}

#[cfg(test)]
mod tests;
