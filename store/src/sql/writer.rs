//! Changing a read model.

use super::row::{all, first};
use super::schema::Schema;
use super::session::Session;
use super::text::{file_tables, rewritten};
use super::{Row, Value};
use crate::sqlite::{CHECKPOINT_PAGES, wipe};
use crate::{Error, failpoint};
use rusqlite::{Connection, Transaction, TransactionBehavior, params_from_iter};

/// How long the write-ahead log of a file gets while very much is written, in pages of 4 KiB.
const BUILD_CHECKPOINT_PAGES: u32 = 16 * 1024;

/// What writes a read model. A commit may be lost with the power, never torn: the read model and its checkpoint go
/// back together, and what is missing is read from the log again.
pub struct Writer {
    backend: Backend,
}

enum Backend {
    /// The one connection that writes a file.
    File(Connection),
    /// Each transaction takes a connection of the pool.
    Schema(Schema),
}

/// A transaction; dropped without [`Tx::commit`] it changes nothing. After a failure there is nothing more to do with
/// it.
pub struct Tx<'a> {
    backend: TxBackend<'a>,
}

enum TxBackend<'a> {
    File(Transaction<'a>),
    Schema(Box<Session>),
}

impl Writer {
    pub(super) fn of_file(connection: Connection) -> Writer {
        Writer { backend: Backend::File(connection) }
    }

    pub(super) fn of_schema(schema: Schema) -> Writer {
        Writer { backend: Backend::Schema(schema) }
    }

    /// Begins a transaction, with the right to write from the start.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when another writes for more than five seconds; [`Error::Unreachable`].
    pub fn begin(&mut self) -> Result<Tx<'_>, Error> {
        let backend = match &mut self.backend {
            Backend::File(connection) => {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
                TxBackend::File(transaction.map_err(Error::not_written)?)
            }
            Backend::Schema(schema) => TxBackend::Schema(Box::new(schema.begin()?)),
        };
        Ok(Tx { backend })
    }

    /// Says whether very much is about to be written. A file's write-ahead log may then grow to 64 MiB before it is moved
    /// into the file: a page that many transactions change is written there once, and not after every few of them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn expect_much(&mut self, much: bool) -> Result<(), Error> {
        if let Backend::File(connection) = &self.backend {
            let pages = if much { BUILD_CHECKPOINT_PAGES } else { CHECKPOINT_PAGES };
            // What was longer is cut to what is usual once it is empty again.
            let bytes = if much { -1 } else { i64::from(CHECKPOINT_PAGES) * 4_096 };
            let sql = format!("pragma wal_autocheckpoint = {pages}; pragma journal_size_limit = {bytes}");
            connection.execute_batch(&sql)?;
        }
        Ok(())
    }

    /// Takes away what was deleted. A file of at most `bytes_max` is rewritten, so that no page keeps a copy, and
    /// its write-ahead log is emptied; in a schema tables of at most that size are vacuumed, longer ones are left to
    /// the server. False when a reader was in the way: it is to be tried again.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`], [`Error::Unreachable`], [`Error::Postgres`].
    pub fn wipe(&mut self, bytes_max: u64) -> Result<bool, Error> {
        let connection = match &mut self.backend {
            Backend::File(connection) => connection,
            Backend::Schema(schema) => return schema.vacuum(bytes_max).map(|()| true),
        };
        let sql = "select page_count * page_size from pragma_page_count, pragma_page_size";
        let bytes: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if bytes.cast_unsigned() <= bytes_max {
            connection.execute_batch("vacuum").map_err(Error::not_written)?;
        }
        failpoint::pass("model-vacuumed");
        wipe(connection).map_err(Error::not_written)
    }
}

impl Tx<'_> {
    /// Runs one statement; answers how many rows it changed. Where nobody wants to know, [`Tx::queue`] is faster.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`], [`Error::Unreachable`], [`Error::Postgres`].
    pub fn execute(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, Error> {
        match &mut self.backend {
            TxBackend::File(transaction) => {
                let mut statement = transaction.prepare_cached(rewritten(sql)).map_err(Error::not_written)?;
                let changed = statement.execute(params_from_iter(params)).map_err(Error::not_written)?;
                Ok(changed as u64)
            }
            TxBackend::Schema(session) => session.execute(sql, params),
        }
    }

    /// Runs one statement, at the latest with the commit. What is wrong with it may be told by a later call; a
    /// question sees what it changed.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn queue(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<(), Error> {
        match &mut self.backend {
            TxBackend::File(_) => self.execute(sql, params).map(drop),
            TxBackend::Schema(session) => session.queue(sql, params),
        }
    }

    /// Lets the commit wait for the disk, where nodes share the read model: a server that crashes must not take back what
    /// one of them has seen. What is in a file is seen by one process, which a crash takes along.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn keep(&mut self) -> Result<(), Error> {
        match &mut self.backend {
            TxBackend::File(_) => Ok(()),
            TxBackend::Schema(session) => session.queue("set local synchronous_commit = on", &[]),
        }
    }

    /// Runs several statements without parameters that make tables and indexes; on a schema for at most an hour.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub fn batch(&mut self, sql: &str) -> Result<(), Error> {
        match &mut self.backend {
            TxBackend::File(transaction) => transaction.execute_batch(&file_tables(sql)).map_err(Error::not_written),
            TxBackend::Schema(session) => session.tables(sql),
        }
    }

    /// Every row of a query.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreachable`], [`Error::Postgres`], [`Error::Column`], and those of `map`.
    pub fn rows<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match &mut self.backend {
            TxBackend::File(transaction) => all(&mut *transaction.prepare_cached(rewritten(sql))?, params, map),
            TxBackend::Schema(session) => session.rows(sql, params)?.iter().map(|row| map(&row.into())).collect(),
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Tx::rows`].
    pub fn row<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match &mut self.backend {
            TxBackend::File(transaction) => first(&mut *transaction.prepare_cached(rewritten(sql))?, params, map),
            TxBackend::Schema(session) => session.rows(sql, params)?.first().map(|row| map(&row.into())).transpose(),
        }
    }

    /// Makes it so.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`]: nothing has changed. [`Error::Unreachable`], [`Error::Postgres`]:
    /// when the connection was lost, nobody knows.
    pub fn commit(self) -> Result<(), Error> {
        failpoint::sql("model-commit").map_err(Error::not_written)?;
        match self.backend {
            TxBackend::File(transaction) => transaction.commit().map_err(Error::not_written),
            TxBackend::Schema(session) => session.commit(),
        }
    }
}
