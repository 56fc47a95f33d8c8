//! Lists: rows of a table, or JSON.

use super::cell::{Cell, shorten_ids};
use super::table::{Column, Layout};
use super::{Format, Screen, note, out};
use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

/// Rows of a table that are laid out together; what follows keeps the layout.
const TABLE_ROWS_MAX: usize = 1_000;

/// A list that is shown row by row.
pub struct Listing {
    format: Format,
    screen: Screen,
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
    shown: u64,
    layout: Option<Layout>,
}

impl Listing {
    /// Begins a list. A table has these columns; JSON has everything that a row has.
    pub fn new(screen: Screen, columns: &'static [Column]) -> Listing {
        let format = screen.format_or(Format::Ndjson);
        Listing { format, screen, columns, rows: Vec::new(), shown: 0, layout: None }
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
                self.rows
                    .push(self.columns.iter().map(|column| self.cell(column.name, row.get(column.name))).collect());
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

    /// Whether it has no row yet.
    pub fn is_empty(&self) -> bool {
        self.shown == 0
    }

    fn cell(&self, name: &str, value: Option<&Value>) -> Cell {
        match self.screen.wide {
            true => Cell::of(value.unwrap_or(&Value::Null)),
            false => Cell::in_list(name, value, store::now()),
        }
    }

    /// Shows what was kept back to be laid out. The first rows say how wide the columns are.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn flush(&mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.lay_out()?;
        }
        out().flush()?;
        Ok(())
    }

    fn lay_out(&mut self) -> Result<()> {
        let mut out = out();
        if !self.screen.wide {
            shorten_ids(self.rows.iter_mut().flatten());
        }
        let is_first = self.layout.is_none();
        let width = if self.screen.wide { None } else { self.screen.width() };
        let layout = self.layout.get_or_insert_with(|| Layout::of(self.columns, &self.rows, width));
        if is_first {
            writeln!(out, "{}", layout.header(self.columns))?;
            let left_out = layout.left_out(self.columns).join(", ");
            if !left_out.is_empty() {
                note(format_args!("there is no room for {left_out}; --wide shows every column"));
            }
        }
        let colours = self.screen.colours();
        self.rows.drain(..).try_for_each(|row| writeln!(out, "{}", layout.line(&row, colours)))?;
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
            // The header of a list without rows.
            Format::Table if self.layout.is_none() => self.lay_out()?,
            Format::Table | Format::Ndjson => {}
        }
        self.flush()
    }
}
