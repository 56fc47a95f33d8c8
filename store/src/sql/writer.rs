//! Changing a read model.

use super::row::{all, first};
use super::text::{rewrite, rewritten};
use super::{Row, Value};
use crate::sqlite::wipe;
use crate::{Error, failpoint};
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

/// The one connection that writes a read model's file. A commit may be lost with the power, never torn: the read
/// model and its checkpoint go back together, and what is missing is read from the log again.
pub struct Writer {
    pub(super) connection: Connection,
}

/// A transaction; dropped without [`Tx::commit`] it changes nothing.
pub struct Tx<'a> {
    transaction: Transaction<'a>,
}

impl Writer {
    /// Begins a transaction, with the right to write from the start.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when another writes for more than five seconds.
    pub fn begin(&mut self) -> Result<Tx<'_>, Error> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        Ok(Tx { transaction: transaction.map_err(Error::not_written)? })
    }

    /// Writes the file anew when it is at most `vacuum_bytes_max` long, so that no page keeps a copy of what was
    /// deleted, and empties the write-ahead log. False when a reader was in the way: it is to be tried again.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`].
    pub fn wipe(&mut self, vacuum_bytes_max: u64) -> Result<bool, Error> {
        let bytes: i64 = self.connection.query_row(
            "select page_count * page_size from pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?;
        if bytes.cast_unsigned() <= vacuum_bytes_max {
            self.connection.execute_batch("vacuum").map_err(Error::not_written)?;
        }
        failpoint::pass("model-vacuumed");
        wipe(&self.connection).map_err(Error::not_written)
    }
}

impl Tx<'_> {
    /// Runs one statement; answers how many rows it changed.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`].
    pub fn execute(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, Error> {
        let mut statement = self.transaction.prepare_cached(rewritten(sql)).map_err(Error::not_written)?;
        let changed = statement.execute(params_from_iter(params)).map_err(Error::not_written)?;
        Ok(changed as u64)
    }

    /// Runs several statements without parameters, such as those that make tables.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`].
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.transaction.execute_batch(&rewrite(sql)).map_err(Error::not_written)
    }

    /// Every row of a query.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Column`], and those of `map`.
    pub fn rows<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        all(&mut *self.transaction.prepare_cached(rewritten(sql))?, params, map)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Tx::rows`].
    pub fn row<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        first(&mut *self.transaction.prepare_cached(rewritten(sql))?, params, map)
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`]: nothing has changed.
    pub fn commit(self) -> Result<(), Error> {
        failpoint::sql("model-commit").map_err(Error::not_written)?;
        self.transaction.commit().map_err(Error::not_written)
    }
}
