//! Recurring schedules: a cron text and a zone.

use super::{instant, of_jiff, to_domain, zone};
use croner::parser::{CronParser, Seconds, Year};
use domain::Timestamp;
use jiff::Zoned;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Most characters of a cron text.
const CHARACTERS_MAX: usize = 200;
/// Runs whose local times fall on one instant, where clocks are changed, that are passed over at most: a change is by less
/// than a day.
const MEETING_MAX: usize = 24 * 3_600;

/// A schedule: five fields (minute, hour, day of month, month, day of week), or six with seconds in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    parsed: croner::Cron,
    zone: TimeZone,
    /// Whether it runs every so often, and not at certain times of day.
    repeats: bool,
}

/// Why a schedule was not accepted, in words that complete "it …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronFault {
    #[error("must be a cron expression like 30 9 * * mon-fri: five fields, or six with seconds in front")]
    Malformed,
    #[error("must be the name of a time zone that IANA knows, like Europe/Berlin")]
    Zone,
    #[error("never runs")]
    Never,
}

impl Cron {
    /// Reads a schedule. `now` is when it is asked for: it must have a run behind that.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str, zone_name: &str, now: Timestamp) -> Result<Cron, CronFault> {
        let known = domain::text::TimeZone::existing(zone_name).map_err(|_| CronFault::Zone)?;
        let fields = text.split_whitespace().collect::<Vec<_>>();
        if text.chars().count() > CHARACTERS_MAX || !matches!(fields.len(), 5 | 6) {
            return Err(CronFault::Malformed);
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let parsed = parser.parse(text).map_err(|_| CronFault::Malformed)?;
        // Of the time of day: all fields but those of the day.
        let times = &fields[..fields.len() - 3];
        let repeats = times.iter().any(|field| field.contains(['*', '/', '?']));
        let cron = Cron { parsed, zone: zone(known.as_str()), repeats };
        if cron.next(now).is_some() { Ok(cron) } else { Err(CronFault::Never) }
    }

    /// Its first run behind an instant; none when it never runs again.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = of_jiff(after)?;
        if self.repeats {
            let run = self.next_of(&after.to_zoned(self.zone.clone()))?;
            return Some(to_domain(run.timestamp()));
        }
        // Runs at certain times of day are looked for on a clock that is never changed, and then put where they belong.
        let mut local = self.zone.to_datetime(after).to_zoned(TimeZone::UTC).ok()?;
        for _ in 0..MEETING_MAX {
            local = self.next_of(&local)?;
            let run = instant(&self.zone, local.datetime())?;
            if run > after {
                return Some(to_domain(run));
            }
        }
        None
    }

    /// None for a day that no month has, and where the calendar ends.
    fn next_of(&self, after: &Zoned) -> Option<Zoned> {
        self.parsed.find_next_occurrence(after, false).ok()
    }

    /// Its runs behind an instant.
    fn runs(&self, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(self.next(after), |last| self.next(*last))
    }

    /// What is to be done at `now` when the last run was considered at `considered`.
    pub fn due(&self, considered: Timestamp, now: Timestamp, misfire: Misfire, grace: Duration) -> Option<Run> {
        let first = self.next(considered).filter(|run| *run <= now)?;
        // Of runs that were missed together only the last one can be of use; a bound in case the clock was years behind.
        let last = self.runs(considered).take_while(|run| *run <= now).take(MISSED_MAX).last().unwrap_or(first);
        let late = now > last.plus(grace);
        match misfire {
            Misfire::Skip if late => Some(Run::Skipped(last)),
            Misfire::Skip | Misfire::Once => Some(Run::Due(last)),
        }
    }
}

/// Most missed runs that are passed over at once.
const MISSED_MAX: usize = 10_000;

/// What becomes of a run that was missed, because nothing ran at its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misfire {
    /// It is left out, unless it is late by no more than the grace.
    #[default]
    Skip,
    /// However many were missed, one is made up for.
    Once,
}

/// A run whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// It is to be done now.
    Due(Timestamp),
    /// It and all before it are left out.
    Skipped(Timestamp),
}

/// The next runs of a schedule behind an instant, at most `count`.
pub fn next_runs(cron: &Cron, after: Timestamp, count: usize) -> Vec<Timestamp> {
    cron.runs(after).take(count).collect()
}
