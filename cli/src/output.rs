//! What is shown: rows and single things, as a table, as JSON, or as one JSON object a line.

mod cell;
mod listing;
mod ordered;
mod sheet;
mod table;

pub use cell::{ago, visible};
pub use listing::Listing;
pub use table::Column;

use anstream::{AutoStream, ColorChoice};
use anyhow::Result;
use clap::ValueEnum;
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

/// Rows of a table unless a limit is given.
pub const LIST_ROWS: u64 = 50;

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

/// How data is to be shown, and where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    /// The format that was asked for.
    pub asked: Option<Format>,
    /// Whether a table shows everything, however wide it gets: every column, whole ids, instants.
    pub wide: bool,
}

impl Screen {
    /// The format that was asked for; else a table on a terminal and `otherwise` in a pipe.
    fn format_or(self, otherwise: Format) -> Format {
        match self.asked {
            Some(format) => format,
            None if io::stdout().is_terminal() => Format::Table,
            None => otherwise,
        }
    }

    /// How many rows a list has at most: as many as were asked for; else a script gets all of them, a person a page.
    pub fn limit(self, asked: Option<u64>) -> u64 {
        asked.unwrap_or(if self.lists_a_table() { LIST_ROWS } else { u64::MAX })
    }

    /// Says how to see more where a page was full that nobody had set the length of.
    pub fn note_limit(self, asked: Option<u64>, left: u64, what: &str) {
        if asked.is_none() && left == 0 {
            note(format_args!("{LIST_ROWS} {what}, and there may be more; --limit N or -o ndjson show them"));
        }
    }

    /// Whether a list is shown as a table.
    pub fn lists_a_table(self) -> bool {
        self.format_or(Format::Ndjson) == Format::Table
    }

    /// Whether one thing is shown as a table.
    pub fn is_table(self) -> bool {
        self.format_or(Format::Json) == Format::Table
    }

    /// Columns of the terminal: of `$COLUMNS` first, so that a pager can be told. None where standard output is none.
    pub fn width(self) -> Option<usize> {
        let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
        let asked = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
        told.or_else(asked).filter(|columns| *columns > 0)
    }

    /// Whether standard output takes colours.
    pub fn colours(self) -> bool {
        AutoStream::choice(&io::stdout()) != ColorChoice::Never
    }
}

/// Shows one thing: a line for each of its fields, or one JSON object.
///
/// # Errors
/// When nobody reads any more.
pub fn show(screen: Screen, thing: &impl Serialize) -> Result<()> {
    let mut out = out();
    match screen.format_or(Format::Json) {
        Format::Ndjson | Format::Json => {
            serde_json::to_writer(&mut out, thing).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        Format::Table => {
            let thing = serde_json::from_str(&serde_json::to_string(thing)?)?;
            let lines = sheet::lines(&thing, screen.width());
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    out.flush()?;
    Ok(())
}
