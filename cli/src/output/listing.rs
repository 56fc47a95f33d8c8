//! Lists: rows of a table, or JSON.

use super::cell::{cell, cut};
use super::{Format, bare_table, out};
use anyhow::Result;
use serde::Serialize;
use std::io::{self, Write};

/// Rows of a table that are laid out together; longer lists go on in a new table.
const TABLE_ROWS_MAX: usize = 1_000;

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
