//! One thing as a person reads it: a line for each field, what is inside it below and indented.

use super::cell::Cell;
use super::table::cut;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

/// What is inside of something begins so much further to the right.
const INDENT: usize = 2;

/// The lines of it. A value is shown whole, a row of a table inside it is cut at the screen's width.
pub fn lines(thing: &Value, screen: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    match thing {
        Value::Object(fields) => object(fields, 0, screen, &mut lines),
        Value::Array(things) => array(things, 0, screen, &mut lines),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => lines.push(Cell::of(thing).text),
    }
    lines
}

fn object(fields: &Map<String, Value>, indent: usize, screen: Option<usize>, lines: &mut Vec<String>) {
    let label = |name: &str| name.replace('_', " ");
    let width = fields.iter().filter(|(_, value)| is_inline(value)).map(|(name, _)| label(name).width()).max();
    let width = width.unwrap_or_default();
    let margin = " ".repeat(indent);
    for (name, value) in fields {
        let name = super::visible(&label(name));
        match value {
            value if is_inline(value) => {
                let text = inline(value);
                let space = " ".repeat(width.saturating_sub(name.width()) + INDENT);
                lines.push(format!("{margin}{name}{space}{text}").trim_end().to_owned());
            }
            Value::Object(inside) => {
                lines.push(format!("{margin}{name}"));
                object(inside, indent + INDENT, screen, lines);
            }
            Value::Array(inside) => {
                lines.push(format!("{margin}{name}"));
                array(inside, indent + INDENT, screen, lines);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// Objects become the rows of a table; anything else a line each.
fn array(things: &[Value], indent: usize, screen: Option<usize>, lines: &mut Vec<String>) {
    let margin = " ".repeat(indent);
    let mut names = Vec::<&String>::new();
    for field in things.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !names.contains(&field) {
            names.push(field);
        }
    }
    if names.is_empty() {
        return lines.extend(things.iter().map(|thing| format!("{margin}{}", inline(thing))));
    }
    let header = names.iter().map(|name| name.to_uppercase().replace('_', " ")).collect::<Vec<_>>();
    let row = |thing: &Value| names.iter().map(|name| thing.get(*name).map(inline).unwrap_or_default()).collect();
    let rows = std::iter::once(header).chain(things.iter().map(row)).collect::<Vec<Vec<String>>>();
    let widths = (0..names.len()).map(|at| rows.iter().map(|row| row[at].width()).max().unwrap_or_default());
    let widths = widths.collect::<Vec<_>>();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text}{}", " ".repeat(width - text.width())));
        let line = format!("{margin}{}", cells.collect::<Vec<_>>().join("  "));
        let line = line.trim_end();
        lines.push(screen.map_or_else(|| line.to_owned(), |screen| cut(line, screen)));
    }
}

/// Whether it fits behind its name: no object, and no list that holds one.
fn is_inline(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(things) => things.iter().all(|thing| !thing.is_object() && !thing.is_array()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(things) if is_inline(value) => {
            things.iter().map(|thing| Cell::of(thing).text).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) if fields.is_empty() => String::new(),
        Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Cell::of(value).text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_inside_stands_below_and_lists_of_objects_are_tables() {
        let thing = json!({
            "ready": true,
            "storage_wait": {"seconds": 5},
            "roles": ["api", "projections"],
            "projections": [{"name": "users", "lag": 0}, {"name": "chats", "lag": 17, "error": "a\u{1b}b"}],
        });
        let expected = "\
projections
  LAG  NAME   ERROR
  0    users
  17   chats  a\\u{1b}b
ready  true
roles  api, projections
storage wait
  seconds  5";
        assert_eq!(lines(&thing, None).join("\n"), expected);
        assert!(lines(&thing, Some(10)).iter().all(|line| line.width() <= 30));
    }
}
