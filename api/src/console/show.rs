//! How facts are written on pages.

use domain::Timestamp;

/// An instant to the second, in UTC.
pub(super) fn time(at: &Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => text,
    }
}

/// A number with thin groups of three digits.
pub(super) fn number(number: &u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped
}

/// So many in a second.
pub(super) fn rate(rate: &f64) -> String {
    format!("{rate:.1}")
}

/// Bytes in the unit that suits them.
pub(super) fn bytes(bytes: &u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (*bytes as f64, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// JSON as people read it.
pub(super) fn json(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_written_for_people() {
        assert_eq!(time(&Timestamp(0)), "1970-01-01 00:00:00Z");
        assert_eq!(number(&0), "0");
        assert_eq!(number(&999), "999");
        assert_eq!(number(&1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!((bytes(&12).as_str(), bytes(&(5 << 30)).as_str()), ("12 B", "5.0 GiB"));
    }
}
