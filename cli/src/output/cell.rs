//! Values as a person reads them.

use anstyle::{AnsiColor, Style};
use domain::Timestamp;
use serde_json::Value;

/// The states that colours tell apart, by what they mean to an operator.
const GOOD: &[&str] = &["ok", "running", "ready", "serving"];
const DOUBTFUL: &[&str] = &["warning", "paused", "waiting", "building", "catching-up", "behind", "disarmed"];
const BAD: &[&str] = &["problem", "stopped", "failed", "unreachable", "damaged", "lost"];
/// The end of an id that is shown where the whole does not fit; longer where two would be the same.
const ID_CHARACTERS_MIN: usize = 8;

/// What a table shows of a value.
#[derive(Clone, Debug)]
pub struct Cell {
    /// One line that cannot steer the terminal.
    pub text: String,
    /// It stands at the right of its column.
    pub is_number: bool,
    /// It may be cut: it is a text, and no number, id or time.
    pub may_be_cut: bool,
    /// How it is coloured.
    pub style: Option<Style>,
}

impl Cell {
    /// A value as it is.
    pub fn of(value: &Value) -> Cell {
        let is_number = value.is_number();
        Cell { text: cell(Some(value)), is_number, may_be_cut: !is_number && !value.is_boolean(), style: None }
    }

    /// A value of a list, for a person: a time says how long ago it was, a state has a colour.
    pub fn in_list(name: &str, value: Option<&Value>, now: Timestamp) -> Cell {
        let value = value.unwrap_or(&Value::Null);
        let plain = Cell::of(value);
        match value {
            Value::String(text) if name.ends_with("_at") => match Timestamp::parse(text) {
                Some(then) => Cell { text: ago(then, now), may_be_cut: false, ..plain },
                None => plain,
            },
            Value::String(text) if name == "state" => Cell { style: state(text), may_be_cut: false, ..plain },
            Value::Bool(is) if name == "verified" || name == "ready" => {
                Cell { style: state(if *is { "ok" } else { "problem" }), ..plain }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                plain
            }
        }
    }
}

fn state(text: &str) -> Option<Style> {
    let colour = [(GOOD, AnsiColor::Green), (DOUBTFUL, AnsiColor::Yellow), (BAD, AnsiColor::Red)];
    let (_, colour) = colour.into_iter().find(|(states, _)| states.contains(&text))?;
    Some(colour.on_default())
}

/// How long ago that was; a date where it was long ago.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = (now.0 - then.0) / 1_000_000;
    let (before, after) = if seconds < 0 { ("in ", "") } else { ("", " ago") };
    match seconds.unsigned_abs() {
        0 => "now".to_owned(),
        seconds @ ..60 => format!("{before}{seconds} s{after}"),
        seconds @ ..3_600 => format!("{before}{} min{after}", seconds / 60),
        seconds @ ..86_400 => format!("{before}{} h{after}", seconds / 3_600),
        seconds @ ..2_592_000 => format!("{before}{} d{after}", seconds / 86_400),
        _ => then.to_string().chars().take("2026-01-31".len()).collect(),
    }
}

/// Shortens the ids of a column to an end that tells them apart: `message-…9f2c81ab`. UUIDv7 begin with the time, so that
/// their beginnings are alike.
pub fn shorten_ids<'a>(cells: impl Iterator<Item = &'a mut Cell>) {
    let mut ids = cells.filter(|cell| id_of(&cell.text).is_some()).collect::<Vec<_>>();
    let whole = |cell: &Cell| id_of(&cell.text).map(|(_, id)| id.to_owned()).unwrap_or_default();
    let all = ids.iter().map(|cell| whole(cell)).collect::<std::collections::HashSet<_>>();
    let ends = |length: usize| {
        all.iter().map(|id| &id[id.len() - length..]).collect::<std::collections::HashSet<_>>().len() == all.len()
    };
    let Some(length) = (ID_CHARACTERS_MIN..36).find(|length| ends(*length)) else { return };
    for cell in &mut ids {
        let (prefix, id) = id_of(&cell.text).expect("only ids were kept");
        cell.text = format!("{prefix}…{}", &id[id.len() - length..]);
        cell.may_be_cut = false;
    }
}

/// What stands before a UUID in canonical form at the end of a text, and the UUID.
fn id_of(text: &str) -> Option<(&str, &str)> {
    let (prefix, id) = text.split_at_checked(text.len().checked_sub(36)?)?;
    let is_id = uuid::Uuid::try_parse(id).is_ok() && (prefix.is_empty() || prefix.ends_with('-'));
    is_id.then_some((prefix, id))
}

/// A value on one line.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.3}") }
        }
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => value.to_string(),
    };
    visible(&text)
}

/// The text with its control characters and its marks of direction spelled out: what somebody wrote must not steer the
/// terminal.
pub fn visible(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_for_people_and_cannot_steer_the_terminal() {
        assert_eq!(cell(Some(&json!("a\u{1b}[31mb\n"))), "a\\u{1b}[31mb\\n");
        assert_eq!(cell(Some(&json!("a\u{202e}b"))), "a\\u{202e}b");
        assert_eq!(cell(Some(&json!({"a": 1}))), "{\"a\":1}");
        assert_eq!((cell(Some(&json!(1.5))), cell(Some(&json!(7.0)))), ("1.500".to_owned(), "7".to_owned()));
        assert_eq!(cell(None), "");
    }

    #[test]
    fn times_say_how_long_ago_they_were() {
        let now = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
        let shown = |text: &str| Cell::in_list("created_at", Some(&json!(text)), now).text;
        for (then, expected) in [
            ("2026-03-01T12:00:00Z", "now"),
            ("2026-03-01T11:59:55Z", "5 s ago"),
            ("2026-03-01T11:00:01Z", "59 min ago"),
            ("2026-02-28T12:00:01Z", "23 h ago"),
            ("2026-02-01T12:00:00Z", "28 d ago"),
            ("2026-03-01T12:10:00Z", "in 10 min"),
            ("2025-02-01T12:00:00Z", "2025-02-01"),
            ("no time", "no time"),
        ] {
            assert_eq!(shown(then), expected, "{then}");
        }
    }

    #[test]
    fn ids_are_shortened_to_an_end_that_tells_them_apart() {
        let mut cells = ["chat-01a1fe41-0000-7000-8000-00001234abcd", "01a1fe41-0000-7000-8000-00011234abcd", "garden"]
            .map(|text| Cell::of(&json!(text)));
        shorten_ids(cells.iter_mut());
        assert_eq!(cells.map(|cell| cell.text), ["chat-…01234abcd", "…11234abcd", "garden"].map(str::to_owned));
    }
}
