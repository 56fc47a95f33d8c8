//! What is shown: rows and single things, as a table, as JSON, or as one JSON object a line.

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;
use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, StdoutLock, Write};

/// How data is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns, for people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// A cell of a list is cut behind this many characters; one thing is shown whole.
const CELL_CHARACTERS_MAX: usize = 64;
/// Rows of a table that are laid out together; longer lists go on in a new table.
const TABLE_ROWS_MAX: usize = 1_000;

/// Says something to whoever sits there, on standard error. Where that cannot be written nobody does.
pub fn note(text: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The reader of standard output has left.
#[derive(Debug, thiserror::Error)]
#[error("the reader of standard output has left")]
pub struct ReaderLeft;

/// Standard output for what is shown. Its errors say when it was the reader of it who left: a list that `head` cuts
/// short is no failure, and any other broken pipe is one ([`crate::exit::is_reader_gone`]).
pub struct Out(StdoutLock<'static>);

/// Standard output, until it is dropped.
pub fn out() -> Out {
    Out(io::stdout().lock())
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(marked)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(marked)
    }
}

fn marked(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::BrokenPipe { io::Error::new(ErrorKind::BrokenPipe, ReaderLeft) } else { error }
}

impl Format {
    /// The format that was asked for; else a table on a terminal and `otherwise` in a pipe.
    fn or(asked: Option<Format>, otherwise: Format) -> Format {
        match asked {
            Some(format) => format,
            None if std::io::stdout().is_terminal() => Format::Table,
            None => otherwise,
        }
    }
}

/// A list that is shown row by row.
pub struct Listing {
    format: Format,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    shown: u64,
    header: bool,
}

impl Listing {
    /// Begins a list. A table has these columns; JSON has everything that a row has.
    pub fn new(asked: Option<Format>, columns: &'static [&'static str]) -> Listing {
        Listing { format: Format::or(asked, Format::Ndjson), columns, rows: Vec::new(), shown: 0, header: true }
    }

    /// Shows one row.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn row(&mut self, row: &impl Serialize) -> Result<()> {
        let mut out = out();
        match self.format {
            Format::Table => {
                let row = serde_json::to_value(row)?;
                let cells = self.columns.iter().map(|column| cut(&cell(row.get(*column))));
                self.rows.push(cells.collect());
                if self.rows.len() >= TABLE_ROWS_MAX {
                    self.flush()?;
                }
            }
            Format::Json => {
                out.write_all(if self.shown == 0 { b"[" } else { b",\n" })?;
                serde_json::to_writer(&mut out, row).map_err(io::Error::from)?;
            }
            Format::Ndjson => {
                serde_json::to_writer(&mut out, row).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
            }
        }
        self.shown += 1;
        Ok(())
    }

    /// Shows what was kept back to be laid out.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn flush(&mut self) -> Result<()> {
        if !self.rows.is_empty() || (self.header && self.format == Format::Table) {
            let mut table = bare_table();
            if self.header {
                table.set_header(self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")));
                self.header = false;
            }
            table.add_rows(self.rows.drain(..));
            writeln!(out(), "{}", table.trim_fmt())?;
        }
        out().flush()?;
        Ok(())
    }

    /// Ends the list.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn end(mut self) -> Result<()> {
        match self.format {
            Format::Json if self.shown == 0 => writeln!(out(), "[]")?,
            Format::Json => writeln!(out(), "]")?,
            Format::Table | Format::Ndjson => {}
        }
        self.flush()
    }
}

/// Shows one thing: a line for each of its fields, or one JSON object.
///
/// # Errors
/// When nobody reads any more.
pub fn show(asked: Option<Format>, thing: &impl Serialize) -> Result<()> {
    let mut out = out();
    match Format::or(asked, Format::Json) {
        Format::Ndjson | Format::Json => serde_json::to_writer(&mut out, thing).map_err(io::Error::from)?,
        Format::Table => {
            let thing = serde_json::to_value(thing)?;
            let mut table = bare_table();
            for (name, value) in thing.as_object().into_iter().flatten() {
                table.add_row([name.replace('_', " "), cell(Some(value))]);
            }
            write!(out, "{}", table.trim_fmt())?;
        }
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Whether one thing would be shown as a table.
pub fn is_table(asked: Option<Format>) -> bool {
    Format::or(asked, Format::Json) == Format::Table
}

fn bare_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// A value for people. What somebody wrote must not steer the terminal: control characters are spelled out.
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

fn cut(text: &str) -> String {
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
