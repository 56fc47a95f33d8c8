//! Days, months and years as somebody writes them, in UTC.

use domain::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// A span of whole days: from its first instant to that of the day behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first instant.
    pub from: Timestamp,
    /// The first instant that is no more of it.
    pub to: Timestamp,
}

impl Days {
    /// Reads `2022-07-18`, `2022-07` or `2022`.
    pub fn parse(text: &str) -> Option<Days> {
        let mut numbers = Vec::with_capacity(3);
        for (place, digits) in text.splitn(3, '-').enumerate() {
            let fits = digits.len() == if place == 0 { 4 } else { 2 } && digits.bytes().all(|one| one.is_ascii_digit());
            numbers.push(if fits { digits.parse::<i16>().ok()? } else { return None });
        }
        let small = |number: i16| i8::try_from(number).ok();
        let (from, to) = match *numbers.as_slice() {
            [year] => (date(year, 1, 1), Date::new(year.checked_add(1)?, 1, 1).ok()?),
            [year, month] => {
                let first = Date::new(year, small(month)?, 1).ok()?;
                (first, first.last_of_month().tomorrow().ok()?)
            }
            [year, month, day] => {
                let day = Date::new(year, small(month)?, small(day)?).ok()?;
                (day, day.tomorrow().ok()?)
            }
            _ => return None,
        };
        Some(Days { from: start(from)?, to: start(to)? })
    }
}

fn start(day: Date) -> Option<Timestamp> {
    let instant = day.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(instant.timestamp().as_microsecond()))
}
