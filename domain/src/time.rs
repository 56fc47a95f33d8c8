//! Instants.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// An instant in microseconds since 1970-01-01 UTC. As text: RFC 3339 in UTC with exactly six decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;
/// 9999-01-01.
const LATEST: i64 = 253_370_764_800 * SECOND;

impl Timestamp {
    /// The instant `seconds` later, at most the end of 9998: beyond the calendar's end nothing reads back.
    pub fn plus_seconds(self, seconds: i64) -> Timestamp {
        let later = self.0.saturating_add(seconds.saturating_mul(SECOND));
        Timestamp(later.min(LATEST))
    }

    /// The instant `duration` later, at most the end of 9998.
    pub fn plus(self, duration: Duration) -> Timestamp {
        let later = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).saturating_add(self.0);
        Timestamp(later.min(LATEST))
    }

    /// The start of the minute that this instant is in.
    pub fn minute(self) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(60 * SECOND))
    }

    /// Milliseconds since 1970, zero for earlier instants.
    pub fn unix_ms(self) -> u64 {
        (self.0.max(0) / 1_000).unsigned_abs()
    }

    /// Reads RFC 3339 with any offset. Digits after the microsecond are cut off. `None` when it is not an instant.
    pub fn parse(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Timestamp(instant.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Out of the calendar's range (years -9999 to 9999) only when a row was tampered with: shown as a number.
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(out, "{instant:.6}"),
            Err(_) => write!(out, "{}us", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Timestamp::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 instant"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_six_decimals_and_reads_back() {
        let instant = Timestamp(1_700_000_000_000_001);
        assert_eq!(instant.to_string(), "2023-11-14T22:13:20.000001Z");
        assert_eq!(Timestamp::parse("2023-11-14T22:13:20.000001Z"), Some(instant));
        assert_eq!(Timestamp::parse("2023-11-14T23:13:20.000001+01:00"), Some(instant));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn the_latest_instant_reads_back() {
        let latest = Timestamp(0).plus_seconds(i64::MAX);
        assert_eq!(Timestamp::parse(&latest.to_string()), Some(latest));
    }

    #[test]
    fn parts_of_a_second_count() {
        assert_eq!(Timestamp(1).plus(Duration::from_millis(1_500)), Timestamp(1_500_001));
        assert_eq!(Timestamp(0).plus(Duration::MAX), Timestamp(LATEST));
    }

    #[test]
    fn minutes_start_at_zero_seconds() {
        assert_eq!(Timestamp(61 * SECOND).minute(), Timestamp(60 * SECOND));
        assert_eq!(Timestamp(-1).minute(), Timestamp(-60 * SECOND));
    }
}
