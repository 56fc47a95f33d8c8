//! What is shown: rows and single things, as a table, as JSON, or as one JSON object a line.

mod cell;
mod listing;

pub use cell::visible;
pub use listing::Listing;

use anyhow::Result;
use cell::cell;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;
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
