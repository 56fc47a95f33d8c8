//! From the SQL of both dialects to each. SQLite's: `$1` becomes `?1`, as SQLite numbers `$1` by its first appearance, and
//! a number that is a primary key becomes the one kind of them that SQLite finds rows by without an index.
//! PostgreSQL's: columns of text compare by their bytes, as SQLite's do, whatever the database's language, and nothing is
//! said of rows that SQLite is to keep in the index of their primary key.

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

/// What SQLite keeps rows in the order of their primary key by, in place of a table with an index beside it.
const WITHOUT_ROWID: &str = " without rowid";

/// Tables as SQLite takes them.
pub(super) fn file_tables(sql: &str) -> String {
    rewrite(sql).replace(" bigint primary key", " integer primary key")
}

/// Tables as PostgreSQL takes them. A column is written `<name> text …`, on a line of its own or behind a bracket or a
/// comma.
pub(super) fn tables(sql: &str) -> String {
    let sql = sql.replace(WITHOUT_ROWID, "");
    let mut text = String::with_capacity(sql.len() + 128);
    for part in sql.split_inclusive(['\n', ',', '(', ')', ';']) {
        let column = part.trim_start();
        text.push_str(&part[..part.len() - column.len()]);
        match column.split_once(' ').and_then(|(name, kind)| Some((name, behind_text(kind)?))) {
            Some((name, behind)) => text.extend([name, " text collate \"C\"", behind]),
            None => text.push_str(column),
        }
    }
    text
}

/// What inserts one row, in two: up to the row, and the row. None for any other statement, and where rows that are
/// there already matter: those are to come one after the other.
pub(super) fn row_of(sql: &str) -> Option<(&str, &str)> {
    let sql = sql.trim();
    let (before, row) = sql.split_at(sql.find(" values (")? + " values ".len());
    (sql.starts_with("insert into ") && row.ends_with(')') && !row.contains(" on conflict")).then_some((before, row))
}

/// The same for that many rows, each with `width` parameters of its own.
pub(super) fn many(sql: &str, rows: usize, width: usize) -> String {
    let (before, row) = row_of(sql).expect("only what inserts a row is asked for more of them");
    let mut text = String::with_capacity(before.len() + rows * (row.len() + width));
    text.push_str(before);
    for number in 0..rows {
        if number > 0 {
            text.push_str(", ");
        }
        push_row(&mut text, row, number * width);
    }
    text
}

/// The row with its parameters counted from behind `offset`.
fn push_row(text: &mut String, row: &str, offset: usize) {
    let mut parts = row.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let (number, rest) = part.split_at(digits);
        let number = number.parse::<usize>().map_or_else(|_| String::new(), |number| (number + offset).to_string());
        text.extend(["$", &number, rest]);
    }
}

/// What stands behind the word `text`, when that is what it begins with.
fn behind_text(kind: &str) -> Option<&str> {
    let longer = |next: char| next.is_ascii_alphanumeric() || next == '_' || next == '\'';
    kind.strip_prefix("text").filter(|behind| !behind.starts_with(longer))
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

    #[test]
    fn texts_compare_by_their_bytes() {
        let sql = "create table a (name text primary key, text text not null,\n at bigint, note text); \
                   create index a_by_text on a (text); insert into a (name, text) values ('text text', $1)";
        let expected = "create table a (name text collate \"C\" primary key, text text collate \"C\" not null,\n \
                        at bigint, note text collate \"C\"); \
                        create index a_by_text on a (text); insert into a (name, text) values ('text text', $1)";
        assert_eq!(tables(sql), expected);
    }

    #[test]
    fn rows_are_found_without_an_index_beside_them() {
        let sql = "create table a (\n    position bigint primary key,\n    name text\n);\n\
                   create table b (id bytea primary key, at bigint) without rowid;";
        let of_file = "create table a (\n    position integer primary key,\n    name text\n);\n\
                       create table b (id bytea primary key, at bigint) without rowid;";
        assert_eq!(file_tables(sql), of_file);
        let shared = "create table a (\n    position bigint primary key,\n    name text collate \"C\"\n);\n\
                      create table b (id bytea primary key, at bigint);";
        assert_eq!(tables(sql), shared);
    }

    #[test]
    fn a_row_is_inserted_many_times() {
        let sql = "  insert into a (b, c, d)\n  values ($1, null, coalesce($2, $1))";
        let expected = "insert into a (b, c, d)\n  values ($1, null, coalesce($2, $1)), \
                        ($3, null, coalesce($4, $3)), ($5, null, coalesce($6, $5))";
        assert_eq!(many(sql, 3, 2), expected);
        for other in [
            "insert into a (b) values ($1) on conflict (b) do nothing",
            "insert into a (b) values ($1) on conflict (b) do update set b = (excluded.b)",
            "insert into a (b) select b from c where d in (1)",
            "update a set b = ' values (' where c in ($1)",
        ] {
            assert_eq!(row_of(other), None, "{other}");
        }
    }
}
