//! What read models share: how a table is described to `verify`, how a name's beginning is searched.

/// A table as `verify` compares it.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns that name a row; shown when it differs.
    pub key: &'static [Key],
    /// Every other column; what is in them is never shown, it may be personal.
    pub columns: &'static [&'static str],
}

/// A column of a key.
#[derive(Clone, Copy, Debug)]
pub enum Key {
    /// An id.
    Id(&'static str),
    /// A number.
    Number(&'static str),
}

impl Key {
    /// The column's name.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Key::Id(column) | Key::Number(column) => column,
        }
    }
}

/// Sorts behind every name: no name begins with a noncharacter.
const BEHIND_ALL: &str = "\u{10FFFF}";

/// The least text that sorts behind every text that begins with `prefix`. Texts are compared by their bytes, which
/// is the order of code points. A range can use an index, `like` cannot, and needs no escapes.
pub(crate) fn behind_prefix(prefix: &str) -> String {
    let mut characters = prefix.chars().collect::<Vec<_>>();
    while let Some(last) = characters.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            characters.push(next);
            return characters.into_iter().collect();
        }
    }
    BEHIND_ALL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_one_begins() {
        assert_eq!(behind_prefix("an"), "ao");
        assert_eq!(behind_prefix("a_%"), "a_&");
        assert_eq!(behind_prefix("\u{D7FF}"), "\u{E000}");
        assert_eq!(behind_prefix("a\u{10FFFF}"), "b");
        assert_eq!(behind_prefix(""), BEHIND_ALL);
    }
}
