//! Days, months, years and instants as somebody writes them.

use domain::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;

/// A point in time, as somebody writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// By the clock where they are: the first instant of a day, mostly.
    Local(DateTime),
    /// The same everywhere.
    Instant(Timestamp),
}

/// A stretch of time: a day, a month, a year; of an instant what is as exact as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins.
    pub from: Edge,
    /// Where it has ended.
    pub to: Edge,
    /// Whether it was written as an instant, so that what is after it begins with it.
    pub is_instant: bool,
}

/// What a value of `before:`, `after:` and `on:` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A stretch of time.
    Span(Span),
    /// It looks like a day, but there is none like it.
    NoSuchDay,
    /// Anything else.
    Words,
}

impl Edge {
    /// When that is for somebody in this time zone.
    pub fn at(self, zone: &TimeZone) -> Timestamp {
        match self {
            Edge::Instant(at) => at,
            // What the clock never showed, or showed twice, is the first instant that it can be.
            Edge::Local(local) => {
                let far = if local.year() < 0 { i64::MIN } else { i64::MAX };
                let instant = zone.to_ambiguous_timestamp(local).compatible();
                Timestamp(instant.map_or(far, |instant| instant.as_microsecond()))
            }
        }
    }
}

impl Span {
    /// Reads `2022-07-18`, `2022-07`, `2022`, `2022-07-18T10:00` and `2022-07-18T10:00:00Z`.
    pub fn read(text: &str) -> Reading {
        match days(text).or_else(|| instant(text)) {
            Some(span) => Reading::Span(span),
            None if looks_like_a_day(text) => Reading::NoSuchDay,
            None => Reading::Words,
        }
    }
}

fn days(text: &str) -> Option<Span> {
    let mut numbers = Vec::with_capacity(3);
    for (place, digits) in text.splitn(3, '-').enumerate() {
        let length = if place == 0 { 4..=4 } else { 1..=2 };
        let fits = length.contains(&digits.len()) && digits.bytes().all(|one| one.is_ascii_digit());
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
    let midnight = |day: Date| Edge::Local(day.to_datetime(jiff::civil::Time::midnight()));
    Some(Span { from: midnight(from), to: midnight(to), is_instant: false })
}

fn instant(text: &str) -> Option<Span> {
    let (day, time) = text.split_once(['T', 't', ' '])?;
    if days(day).is_none() || !time.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    // As exact as it was written: 10:00 is a minute, 10:00:05 a second.
    let clock = time.split(['Z', 'z', '+', '-']).next().unwrap_or_default();
    let microseconds = match (clock.matches(':').count(), clock.split_once('.')) {
        (2, None) => 1_000_000,
        (2, Some((_, fraction))) => 10_i64.pow(6_u32.saturating_sub(u32::try_from(fraction.len()).ok()?)),
        (1, None) => 60_000_000,
        _ => return None,
    };
    let (from, to) = if clock.len() == time.len() {
        let local = text.parse::<DateTime>().ok()?;
        (Edge::Local(local), Edge::Local(local.checked_add(microseconds.microseconds()).ok()?))
    } else {
        let at = text.parse::<jiff::Timestamp>().ok()?.as_microsecond();
        (Edge::Instant(Timestamp(at)), Edge::Instant(Timestamp(at.checked_add(microseconds)?)))
    };
    Some(Span { from, to, is_instant: true })
}

/// Whether somebody meant a day: four digits, or numbers with signs between as dates have them.
fn looks_like_a_day(text: &str) -> bool {
    let is_of_day = |one: char| one.is_ascii_digit() || matches!(one, '-' | '.' | '/' | ':' | 'T' | 'Z' | '+');
    let starts = text.starts_with(|first: char| first.is_ascii_digit());
    let numbers = text.split(['-', '.', '/']).filter(|number| !number.is_empty()).count();
    let is_year = text.len() == 4 && text.bytes().all(|one| one.is_ascii_digit());
    starts && text.chars().all(is_of_day) && (numbers > 1 || is_year)
}
