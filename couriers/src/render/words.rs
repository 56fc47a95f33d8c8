//! What every template can use beside Jinja's own filters: instants, and the plurals of both languages.

use domain::notify::Language;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// The functions that a template may call without declaring them.
pub(super) const FUNCTIONS: [&str; 4] = ["dict", "namespace", "plural", "range"];

const MONTHS_RU: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("datetime", datetime);
    environment.add_filter("oneline", |text: String| one_line(&text));
    environment.add_filter("truncated", |text: String, characters_max: usize| super::cut(&text, characters_max));
    environment.add_function("plural", plural);
}

/// A text without ends of lines and other control characters, and with single spaces.
pub(super) fn one_line(text: &str) -> String {
    let spaced = text.replace(char::is_control, " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An instant (RFC 3339) as people of that locale write it, in the reader's zone.
fn datetime(state: &State<'_, '_>, text: &str) -> Result<String, Error> {
    let malformed = |_| Error::new(ErrorKind::InvalidOperation, "datetime takes a time like 2026-11-29T15:55:03Z");
    let instant = text.parse::<Timestamp>().map_err(malformed)?;
    let name = looked_up(state, "time_zone");
    let (zone, name) = TimeZone::get(&name).map_or_else(|_| (TimeZone::UTC, "UTC".to_owned()), |zone| (zone, name));
    let civil = instant.to_zoned(zone);
    let time = civil.strftime("%H:%M");
    let name = name.replace('_', " ");
    if is_russian(state) {
        let month = usize::from(civil.month().unsigned_abs()).checked_sub(1).and_then(|month| MONTHS_RU.get(month));
        let month = month.copied().unwrap_or_default();
        return Ok(format!("{} {month} {} г., {time} ({name})", civil.day(), civil.year()));
    }
    Ok(format!("{}, {time} ({name})", civil.strftime("%-d %B %Y")))
}

/// The form of a word that follows a number: `plural(n, "mail", "mails")`, `plural(n, "письмо", "письма", "писем")`.
fn plural(state: &State<'_, '_>, number: i64, forms: Rest<String>) -> Result<String, Error> {
    let (ones, tens) = (number.unsigned_abs() % 10, number.unsigned_abs() % 100);
    let form = match is_russian(state) {
        true if ones == 1 && tens != 11 => 0,
        true if (2..=4).contains(&ones) && !(12..=14).contains(&tens) => 1,
        true => 2,
        false => usize::from(number.unsigned_abs() != 1),
    };
    let form = forms.get(form).or_else(|| forms.last()).cloned();
    form.ok_or_else(|| Error::new(ErrorKind::MissingArgument, "plural takes a number and the forms of a word"))
}

fn is_russian(state: &State<'_, '_>) -> bool {
    Language::of_tag(&looked_up(state, "locale")) == Some(Language::Ru)
}

fn looked_up(state: &State<'_, '_>, name: &str) -> String {
    state.lookup(name).as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}
