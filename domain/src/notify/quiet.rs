//! Quiet hours: weekly windows of a person's local time in which what can wait does.

use super::category::named;
use crate::text::Unfit;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

named! {
    /// A day of the week.
    Day {
        Mon = "mon",
        Tue = "tue",
        Wed = "wed",
        Thu = "thu",
        Fri = "fri",
        Sat = "sat",
        Sun = "sun",
    }
}

/// Minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// A time of day in whole minutes, from `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// The end of a day.
    pub const MIDNIGHT_AFTER: TimeOfDay = TimeOfDay { minutes: DAY_MINUTES };

    /// Reads `22:00`; `24:00` is the end of the day.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<TimeOfDay, Unfit> {
        let unfit = Unfit("must be a time of day like 22:00");
        let (hours, minutes) = text.split_once(':').ok_or(unfit)?;
        let number = |digits: &str| {
            let fits = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
            if fits { digits.parse::<u16>().ok() } else { None }
        };
        let (hours, minutes) = number(hours).zip(number(minutes)).ok_or(unfit)?;
        let all = hours * 60 + minutes;
        if minutes < 60 && all <= DAY_MINUTES { Ok(TimeOfDay { minutes: all }) } else { Err(unfit) }
    }

    /// Whole hours since the day began, and the minutes behind them; 24 and 0 at its end.
    pub fn hours_and_minutes(self) -> (u8, u8) {
        // At most 24 and 59: see `parse`.
        let part = |number: u16| u8::try_from(number).unwrap_or(0);
        (part(self.minutes / 60), part(self.minutes % 60))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes) = self.hours_and_minutes();
        write!(out, "{hours:02}:{minutes:02}")
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TimeOfDay, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        TimeOfDay::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A window that begins on each of its days. Its end does not belong to it; an end that is not behind the beginning is on
/// the next day, so that the same time twice is 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it begins: at least one.
    pub days: BTreeSet<Day>,
    pub from: TimeOfDay,
    pub to: TimeOfDay,
}

/// Which part of a window is at fault: a field, and of a list which entry.
pub type WindowFault = (&'static str, Option<usize>, Unfit);

impl Window {
    /// Reads one.
    ///
    /// # Errors
    /// The part at fault.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>, from: &str, to: &str) -> Result<Window, WindowFault> {
        let mut days = BTreeSet::new();
        for (number, name) in names.into_iter().enumerate() {
            let day = Day::parse(name);
            let day = day.ok_or(("days", Some(number), Unfit("must be one of mon, tue, wed, thu, fri, sat, sun")))?;
            if !days.insert(day) {
                return Err(("days", Some(number), Unfit("is there twice")));
            }
        }
        if days.is_empty() {
            return Err(("days", None, Unfit("must name at least one day")));
        }
        let from = TimeOfDay::parse(from).map_err(|unfit| ("from", None, unfit))?;
        if from == TimeOfDay::MIDNIGHT_AFTER {
            return Err(("from", None, Unfit("must be before 24:00: that is 00:00 of the next day")));
        }
        let to = TimeOfDay::parse(to).map_err(|unfit| ("to", None, unfit))?;
        Ok(Window { days, from, to })
    }

    /// Whether it ends on the day behind the one on which it begins.
    pub fn ends_on_the_next_day(&self) -> bool {
        self.to <= self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_have_two_digits_each() {
        for good in ["00:00", "07:05", "23:59", "24:00"] {
            assert_eq!(TimeOfDay::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "7:00", "07:0", "24:01", "25:00", "12:60", "12", "12:00:00", "+1:00", "١٢:00", "12:00 "] {
            assert!(TimeOfDay::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_part_of_a_window_that_is_at_fault_is_named() {
        let fault = |days: &[&str], from, to| {
            let fault = Window::parse(days.iter().copied(), from, to).unwrap_err();
            (fault.0, fault.1)
        };
        assert_eq!(fault(&[], "22:00", "07:00"), ("days", None));
        assert_eq!(fault(&["mon", "Monday"], "22:00", "07:00"), ("days", Some(1)));
        assert_eq!(fault(&["mon", "mon"], "22:00", "07:00"), ("days", Some(1)));
        assert_eq!(fault(&["mon"], "22", "07:00"), ("from", None));
        assert_eq!(fault(&["mon"], "24:00", "07:00"), ("from", None));
        assert_eq!(fault(&["mon"], "22:00", "7"), ("to", None));
    }

    #[test]
    fn a_window_may_go_past_midnight() {
        let window = |from, to| Window::parse(["mon"], from, to).unwrap().ends_on_the_next_day();
        assert!(window("22:00", "07:00") && window("22:00", "22:00") && window("22:00", "00:00"));
        assert!(!window("12:00", "14:00") && !window("00:00", "24:00"));
        let night = Window::parse(["sun", "mon"], "22:00", "07:00").unwrap();
        let text = serde_json::to_string(&night).unwrap();
        assert_eq!(text, r#"{"days":["mon","sun"],"from":"22:00","to":"07:00"}"#);
        assert_eq!(serde_json::from_str::<Window>(&text).unwrap(), night);
    }
}
