//! When something is sent: behind a person's quiet hours, or again and again by a cron text.
//!
//! Both are computed in a zone of IANA's, whose clocks are changed twice a year. A local time that does not exist stands
//! for the first instant behind the gap, one that exists twice for its first instant.

mod cron;
mod quiet;

pub use cron::{Cron, CronFault, Misfire, Run, next_runs};
pub use quiet::{JITTER_SECONDS_MAX, WAIT_DAYS_MAX, release};

use domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// The zone of that name; UTC where IANA knows none, as in a profile of an earlier version.
fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The instant of a local time.
fn instant(zone: &TimeZone, local: DateTime) -> Option<jiff::Timestamp> {
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // Read by the later offset it is before the change, of which nothing that follows is nearer.
            let earlier = after.to_timestamp(local).ok()?;
            zone.following(earlier).next().map(|change| change.timestamp())
        }
    }
}

/// Out of the calendar's range only when a row was tampered with.
fn of_jiff(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.0).ok()
}

fn to_domain(at: jiff::Timestamp) -> Timestamp {
    Timestamp(at.as_microsecond())
}

#[cfg(test)]
mod tests;
