//! One thing as a person reads it: a line for each field, what is inside it below and indented.

use super::cell::{Cell, visible};
use super::ordered::Node;
use super::table::cut;
use unicode_width::UnicodeWidthStr;

/// What is inside of something begins so much further to the right.
const INDENT: usize = 2;

/// The lines of it. A value is shown whole, a row of a table inside it is cut at the screen's width.
pub fn lines(thing: &Node, screen: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    below(thing, 0, screen, &mut lines);
    lines
}

fn below(thing: &Node, indent: usize, screen: Option<usize>, lines: &mut Vec<String>) {
    match thing {
        Node::Fields(fields) => object(fields, indent, screen, lines),
        Node::List(things) => list(things, indent, screen, lines),
        Node::Leaf(_) => lines.push(format!("{}{}", " ".repeat(indent), inline(thing))),
    }
}

fn object(fields: &[(String, Node)], indent: usize, screen: Option<usize>, lines: &mut Vec<String>) {
    let label = |name: &str| visible(&name.replace('_', " "));
    let labels = fields.iter().filter(|(_, value)| is_inline(value)).map(|(name, _)| label(name).width());
    let width = labels.max().unwrap_or_default();
    let margin = " ".repeat(indent);
    for (name, value) in fields {
        let name = label(name);
        if is_inline(value) {
            let space = " ".repeat(width - name.width() + INDENT);
            lines.push(format!("{margin}{name}{space}{}", inline(value)).trim_end().to_owned());
        } else {
            lines.push(format!("{margin}{name}"));
            below(value, indent + INDENT, screen, lines);
        }
    }
}

/// Objects become the rows of a table; anything else a line each.
fn list(things: &[Node], indent: usize, screen: Option<usize>, lines: &mut Vec<String>) {
    let fields = |thing: &Node| if let Node::Fields(fields) = thing { fields.len() } else { 0 };
    let Some(Node::Fields(widest)) = things.iter().max_by_key(|thing| fields(thing)) else {
        return things.iter().for_each(|thing| below(thing, indent, screen, lines));
    };
    let names = widest.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let header = names.iter().map(|name| visible(&name.to_uppercase().replace('_', " "))).collect::<Vec<_>>();
    let cell = |thing: &Node, name: &str| match thing {
        Node::Fields(fields) => {
            fields.iter().find(|(known, _)| known == name).map(|(_, value)| inline(value)).unwrap_or_default()
        }
        Node::List(_) | Node::Leaf(_) => inline(thing),
    };
    let row = |thing| names.iter().map(|name| cell(thing, name)).collect();
    let rows = std::iter::once(header).chain(things.iter().map(row)).collect::<Vec<Vec<String>>>();
    let widest = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or_default();
    let widths = (0..names.len()).map(widest).collect::<Vec<_>>();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text}{}", " ".repeat(width - text.width())));
        let line = format!("{}{}", " ".repeat(indent), cells.collect::<Vec<_>>().join("  "));
        lines.push(cut(line.trim_end(), screen.unwrap_or(usize::MAX)));
    }
}

/// Whether it fits behind its name.
fn is_inline(value: &Node) -> bool {
    match value {
        Node::Leaf(_) => true,
        Node::Fields(fields) => fields.is_empty(),
        Node::List(things) => things.iter().all(|thing| matches!(thing, Node::Leaf(_))),
    }
}

/// A value on one line.
fn inline(value: &Node) -> String {
    match value {
        Node::Leaf(value) => Cell::of(value).text,
        Node::List(things) => things.iter().map(inline).collect::<Vec<_>>().join(", "),
        Node::Fields(fields) => fields
            .iter()
            .map(|(name, value)| format!("{}: {}", visible(name), inline(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_stands_below_in_its_order_and_lists_of_objects_are_tables() {
        let thing = r#"{
            "ready": true, "storage_wait": {"seconds": 5}, "roles": ["api", "projections"], "nothing": {},
            "projections": [{"name": "users", "lag": 0}, {"name": "chats", "lag": 17, "error": "a\u001bb"}],
            "inside": [[{"a": 1}], 2]
        }"#;
        let expected = "\
ready    true
storage wait
  seconds  5
roles    api, projections
nothing
projections
  NAME   LAG  ERROR
  users  0
  chats  17   a\\u{1b}b
inside
  A
  1
  2";
        let thing = serde_json::from_str(thing).unwrap();
        assert_eq!(lines(&thing, None).join("\n"), expected);
        assert!(lines(&thing, Some(12)).contains(&"  chats  17…".to_owned()), "rows are cut, and values are not");
        let leaf = Node::Leaf("a\nb".into());
        assert_eq!(lines(&leaf, None), ["a\\nb"]);
    }
}
