//! From the SQL of both dialects to SQLite's: `$1` becomes `?1`, as SQLite numbers `$1` by its first appearance.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

/// Rewritten texts by the place and length of the original. Each is made once and kept: there are only as many as
/// the program has SQL texts.
static REWRITTEN: LazyLock<RwLock<HashMap<(usize, usize), &'static str>>> = LazyLock::new(RwLock::default);

/// The text as SQLite takes it.
pub(super) fn rewritten(sql: &'static str) -> &'static str {
    let key = (sql.as_ptr().addr(), sql.len());
    if let Some(known) = REWRITTEN.read().expect("nothing panics while it holds this lock").get(&key) {
        return known;
    }
    let mut all = REWRITTEN.write().expect("nothing panics while it holds this lock");
    all.entry(key).or_insert_with(|| rewrite(sql).leak())
}

/// A `$` before a digit is a parameter wherever it stands: no text of ours has one in a literal.
pub(super) fn rewrite(sql: &str) -> String {
    let mut characters = sql.chars().peekable();
    let mut text = String::with_capacity(sql.len());
    while let Some(character) = characters.next() {
        let parameter = character == '$' && characters.peek().is_some_and(char::is_ascii_digit);
        text.push(if parameter { '?' } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_as_written() {
        assert_eq!(rewrite("select $2, $1, '$', $10"), "select ?2, ?1, '$', ?10");
        let sql = "select $2";
        assert_eq!(rewritten(sql), "select ?2");
        assert!(std::ptr::eq(rewritten(sql), rewritten(sql)));
    }
}
