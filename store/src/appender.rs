//! The log, for appending: wherever it is stored.

use crate::postgres::Cluster;
use crate::{
    Batch, BatchNeeds, BatchStart, ErasedList, Error, Fact, Folder, Head, Keys, Log, Receipt, postgres, sqlite,
};
use domain::{StreamId, Timestamp, UserId};
use std::path::Path;
use std::sync::Arc;

/// The one that appends, on this node. The writer's thread owns it.
pub enum Appender {
    /// To a file of the data folder. The folder's lock keeps other processes away.
    Sqlite(Box<sqlite::Appender>),
    /// To a database that several nodes share: whoever holds the head appends.
    Postgres(Box<postgres::Appender>),
}

impl Appender {
    /// Opens the embedded log of a folder; makes it, its tables, the anchor and the master key where there are none.
    /// The caller holds the folder's lock.
    ///
    /// # Errors
    /// Those of [`sqlite::Appender::open`].
    pub fn open(folder: &Folder, master_key: &Path) -> Result<Appender, Error> {
        sqlite::Appender::open(folder, master_key).map(|appender| Appender::Sqlite(Box::new(appender)))
    }

    /// Opens a log that several nodes share. `folder` keeps what is of this node: the anchor, and the master key
    /// unless that is stored elsewhere.
    ///
    /// # Errors
    /// Those of [`postgres::Appender::open`].
    pub fn open_shared(cluster: &Cluster, folder: &Folder, master_key: &Path) -> Result<Appender, Error> {
        postgres::Appender::open(cluster, folder, master_key).map(|appender| Appender::Postgres(Box::new(appender)))
    }

    /// A reader of this log for the same process: it also sees what was just appended without reading it back.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn log(&self, folder: &Folder) -> Result<Log, Error> {
        match self {
            Appender::Sqlite(appender) => appender.log(folder).map(Log::Sqlite),
            Appender::Postgres(appender) => Ok(Log::Postgres(appender.log(folder))),
        }
    }

    /// Moves everything into the database file and empties the write-ahead log: what was forgotten is then gone from
    /// both. A shared database does that by itself.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        match self {
            Appender::Sqlite(appender) => appender.checkpoint(),
            Appender::Postgres(_) => Ok(()),
        }
    }

    /// The unlocked keys, to be shared with the readers of this process.
    pub fn keys(&self) -> Arc<Keys> {
        match self {
            Appender::Sqlite(appender) => appender.keys(),
            Appender::Postgres(appender) => appender.keys(),
        }
    }

    /// Whether other nodes append to the same log.
    pub fn is_shared(&self) -> bool {
        match self {
            Appender::Sqlite(_) => false,
            Appender::Postgres(_) => true,
        }
    }

    /// Where the log ends, as far as this node has seen it. Costs nothing.
    pub fn head(&self) -> Head {
        match self {
            Appender::Sqlite(appender) => appender.head(),
            Appender::Postgres(appender) => appender.head(),
        }
    }

    /// Begins a batch: from here on nobody else moves the head, until the batch is appended or released. Answers the
    /// wanted streams and what others have appended since this node saw the log last.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`]: the batch did not begin. [`Error::NotHeld`], [`Error::Stopped`]:
    /// the process must stop.
    pub fn begin(&mut self, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        match self {
            Appender::Sqlite(appender) => appender.begin(needs),
            Appender::Postgres(appender) => appender.begin(needs),
        }
    }

    /// Whether there is room for a batch, as far as that can be told without writing one.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::NotWritten`] where the file system only reads.
    pub fn check_room(&self) -> Result<(), Error> {
        match self {
            Appender::Sqlite(appender) => appender.check_room(),
            // The database tells when a batch begins.
            Appender::Postgres(_) => Ok(()),
        }
    }

    /// Lets go of a batch that writes nothing.
    pub fn cancel(&mut self) {
        match self {
            Appender::Sqlite(appender) => appender.cancel(),
            Appender::Postgres(appender) => appender.cancel(),
        }
    }

    /// Every fact of one stream, by version.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Corrupt`], [`Error::Database`], [`Error::Unreachable`].
    pub fn stream(&mut self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        match self {
            Appender::Sqlite(appender) => appender.stream(stream),
            Appender::Postgres(appender) => appender.stream(stream),
        }
    }

    /// The receipt of a command that [`BatchNeeds`] named, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Database`].
    pub fn receipt(&mut self, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
        match self {
            Appender::Sqlite(appender) => appender.receipt(command_id),
            Appender::Postgres(appender) => Ok(appender.receipt(command_id)),
        }
    }

    /// Writes a batch in one transaction: all of it or nothing. Answers where the log ends then. Begins it where it
    /// was not begun.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::Refused`], [`Error::DiskFull`], [`Error::TooLarge`]: nothing was written, the
    /// head is the same. [`Error::Unconfirmed`]: nobody knows before the next [`Appender::begin`], which tells it as
    /// what others wrote. [`Error::CommitFailed`]: nobody knows; the process must stop. [`Error::Stopped`]: it should
    /// have stopped.
    pub fn append(&mut self, batch: &Batch) -> Result<Head, Error> {
        match self {
            Appender::Sqlite(appender) => appender.append(batch),
            Appender::Postgres(appender) => appender.append(batch),
        }
    }

    /// Deletes at most `limit` receipts older than `older_than`. Answers how many.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn prune_receipts(&mut self, older_than: Timestamp, limit: usize) -> Result<u64, Error> {
        match self {
            Appender::Sqlite(appender) => appender.prune_receipts(older_than, limit),
            Appender::Postgres(appender) => appender.prune_receipts(older_than, limit),
        }
    }

    /// Keeps the list of who was erased up to date from now on. Answers who is in it and has an account in the log
    /// all the same: a copy of before was restored, and they are to be erased again.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn keep(&mut self, list: ErasedList) -> Result<Vec<UserId>, Error> {
        match self {
            Appender::Sqlite(appender) => appender.keep(list),
            Appender::Postgres(appender) => appender.keep(list),
        }
    }
}
