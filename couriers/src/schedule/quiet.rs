//! Quiet hours: until when something that may wait does.

use super::{instant, of_jiff, to_domain, zone};
use domain::notify::quiet::{Day, TimeOfDay, Window};
use domain::{Timestamp, UserId};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

/// Nobody waits longer, however their windows follow one another.
pub const WAIT_DAYS_MAX: i64 = 7;
/// What waits for the end of a window is sent within so many seconds, so that not everything is sent at seven o'clock.
pub const JITTER_SECONDS_MAX: u32 = 600;

/// When something that is due now can be sent to somebody with these quiet hours in that zone; none when it can be sent
/// now. Windows that touch or overlap are one. The same person gets the same instant each time.
pub fn release(windows: &[Window], zone_name: &str, now: Timestamp, recipient: UserId) -> Option<Timestamp> {
    let (zone, begin) = (zone(zone_name), of_jiff(now)?);
    let end = quiet_until(windows, &zone, begin)?;
    let later = end.checked_add(SignedDuration::from_secs(jitter(recipient))).ok()?;
    // The next window may begin before that.
    let at = if quiet_until(windows, &zone, later).is_some() { end } else { later };
    Some(to_domain(at))
}

/// Ids of accounts that are made here end in random bits.
fn jitter(UserId(id): UserId) -> i64 {
    (id.as_u128() % u128::from(JITTER_SECONDS_MAX + 1)) as i64
}

/// The end of the quiet hours that an instant is in, without the days after it on which they would go on for ever.
fn quiet_until(windows: &[Window], zone: &TimeZone, begin: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let latest = begin.checked_add(SignedDuration::from_hours(WAIT_DAYS_MAX * 24)).ok()?;
    let mut until = begin;
    while let Some(end) = windows.iter().filter_map(|window| end_of(window, zone, until)).max() {
        if end >= latest {
            return Some(latest);
        }
        until = end;
    }
    (until > begin).then_some(until)
}

/// The end of a window that an instant is in.
fn end_of(window: &Window, zone: &TimeZone, at: jiff::Timestamp) -> Option<jiff::Timestamp> {
    let today = zone.to_datetime(at).date();
    // A change of clocks at midnight can put an instant on either side of it.
    let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()];
    let begun = days.into_iter().flatten().filter(|date| window.days.contains(&day(date.weekday())));
    begun
        .filter_map(|date| bounds(window, zone, date))
        .filter(|(from, to)| *from <= at && at < *to)
        .map(|(_, to)| to)
        .max()
}

/// From when to when a window is that begins on that day.
fn bounds(window: &Window, zone: &TimeZone, date: Date) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
    let last = if window.ends_on_the_next_day() { date.tomorrow().ok()? } else { date };
    Some((instant(zone, local(date, window.from)?)?, instant(zone, local(last, window.to)?)?))
}

fn local(date: Date, time: TimeOfDay) -> Option<DateTime> {
    let (hours, minutes) = time.hours_and_minutes();
    date.to_datetime(jiff::civil::Time::midnight())
        .checked_add(i64::from(hours).hours().minutes(i64::from(minutes)))
        .ok()
}

fn day(weekday: Weekday) -> Day {
    match weekday {
        Weekday::Monday => Day::Mon,
        Weekday::Tuesday => Day::Tue,
        Weekday::Wednesday => Day::Wed,
        Weekday::Thursday => Day::Thu,
        Weekday::Friday => Day::Fri,
        Weekday::Saturday => Day::Sat,
        Weekday::Sunday => Day::Sun,
    }
}
