//! Values as a person reads them.

use serde_json::Value;

/// A cell of a list is cut behind this many characters; one thing is shown whole.
const CELL_CHARACTERS_MAX: usize = 64;
/// A value for people. What somebody wrote must not steer the terminal: control characters are spelled out.
pub fn cell(value: Option<&Value>) -> String {
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

/// The text with its control characters and its marks of direction spelled out.
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

pub fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
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
    fn long_cells_are_cut_between_characters() {
        assert_eq!(cut("я"), "я");
        assert_eq!(cut(&"я".repeat(65)).chars().count(), CELL_CHARACTERS_MAX + 1);
    }
}
