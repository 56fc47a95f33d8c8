//! The log, for reading: wherever it is stored.

use crate::postgres::Cluster;
use crate::{
    Error, Fact, Filter, Folder, Head, KeyRotation, Keys, Mark, Receipt, Record, RecordReader, Stats, StreamRow,
    Verification, postgres, sqlite,
};
use domain::{Personal, StreamId};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Reads the log. Cheap to clone; every call takes micro- to milliseconds and blocks its thread that long.
#[derive(Clone)]
pub enum Log {
    /// In a file of the data folder.
    Sqlite(sqlite::Log),
    /// In a database that several nodes share.
    Postgres(postgres::Log),
}

impl Log {
    /// The embedded log, for the process that appends: `keys` are the appender's.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::OlderSchema`], [`Error::NewerSchema`].
    pub fn open(folder: &Folder, keys: Arc<Keys>) -> Result<Log, Error> {
        sqlite::Log::open(folder, keys).map(Log::Sqlite)
    }

    /// The embedded log, for any other process, whether a server runs or not. It changes nothing.
    ///
    /// # Errors
    /// As [`Log::open`], and those of the master key.
    pub fn open_read_only(folder: &Folder, master_key: &Path) -> Result<Log, Error> {
        sqlite::Log::open_read_only(folder, master_key).map(Log::Sqlite)
    }

    /// A log that several nodes share, for a process that does not append; `folder` keeps what is of this node.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::OlderSchema`], [`Error::NewerSchema`], and those of the
    /// master key.
    pub fn open_shared(cluster: &Cluster, folder: &Folder, master_key: &Path) -> Result<Log, Error> {
        postgres::Log::open(cluster, folder, master_key).map(Log::Postgres)
    }

    /// The same log for a reader that must neither write nor unseal.
    pub fn records(&self) -> RecordReader {
        RecordReader::new(self.clone())
    }

    /// The unlocked keys.
    pub fn keys(&self) -> Arc<Keys> {
        match self {
            Log::Sqlite(log) => log.keys(),
            Log::Postgres(log) => log.keys(),
        }
    }

    /// The database that other nodes share; none for the embedded log.
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Log::Sqlite(_) => None,
            Log::Postgres(log) => Some(log.cluster()),
        }
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`], [`Error::Unreachable`].
    pub fn head(&self) -> Result<Head, Error> {
        match self {
            Log::Sqlite(log) => log.head(),
            Log::Postgres(log) => log.head(),
        }
    }

    /// Records above a position, in order; at most `limit` and [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`], [`Error::Unreachable`].
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.read(after, limit),
            Log::Postgres(log) => log.read(after, limit),
        }
    }

    /// Records that a filter lets through; at most `limit` and [`crate::PAGE_MAX`]. A filter that lets few through
    /// reads much of the log.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn read_filtered(&self, filter: &Filter, limit: usize) -> Result<Vec<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.read_filtered(filter, limit),
            Log::Postgres(log) => log.read_filtered(filter, limit),
        }
    }

    /// The record with an id. Reads the whole log when it must (about a second for three million events).
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn by_id(&self, id: Uuid) -> Result<Option<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.by_id(id),
            Log::Postgres(log) => log.by_id(id),
        }
    }

    /// Records behind `after` and up to `to` whose metadata has this value in this field, in order; at most `limit` and
    /// [`crate::PAGE_MAX`]. Reads all of that part of the log when it must.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn by_meta(
        &self,
        (field, value): (&str, &str),
        (after, to): (u64, u64),
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.by_meta((field, value), (after, to), limit),
            Log::Postgres(log) => log.by_meta((field, value), (after, to), limit),
        }
    }

    /// Records behind `after` and up to `to` that one of these events caused (`causation` of their metadata), in order;
    /// at most `limit` and [`crate::PAGE_MAX`]. An effect is always behind its cause. Reads all of that part of the log.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn caused_by(&self, causes: &[Uuid], (after, to): (u64, u64), limit: usize) -> Result<Vec<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.caused_by(causes, (after, to), limit),
            Log::Postgres(log) => log.caused_by(causes, (after, to), limit),
        }
    }

    /// Records of one stream above a version, by version; at most `limit` and [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn stream_records(&self, stream: &str, after_version: u64, limit: usize) -> Result<Vec<Record>, Error> {
        match self {
            Log::Sqlite(log) => log.stream_records(stream, after_version, limit),
            Log::Postgres(log) => log.stream_records(stream, after_version, limit),
        }
    }

    /// Streams by name, above `after`, those that begin with `prefix` only; at most `limit` and
    /// [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn streams(&self, after: &str, prefix: Option<&str>, limit: usize) -> Result<Vec<StreamRow>, Error> {
        match self {
            Log::Sqlite(log) => log.streams(after, prefix, limit),
            Log::Postgres(log) => log.streams(after, prefix, limit),
        }
    }

    /// What is in the log. Reads all of it.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn stats(&self) -> Result<Stats, Error> {
        match self {
            Log::Sqlite(log) => log.stats(),
            Log::Postgres(log) => log.stats(),
        }
    }

    /// Every fact of one stream, by version.
    ///
    /// # Errors
    /// [`Error::Unreadable`], and as [`Log::read`].
    pub fn stream(&self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        match self {
            Log::Sqlite(log) => log.stream(stream),
            Log::Postgres(log) => log.stream(stream),
        }
    }

    /// Facts above a position, in order and without holes; at most `limit` and [`crate::PAGE_MAX`]. One that cannot be
    /// read ends the page before it: the facts before it come first, and the next call answers the error. For whoever
    /// keeps nothing of what came before; whoever does asks [`Log::facts_behind`].
    ///
    /// # Errors
    /// [`Error::Unreadable`] and [`Error::Corrupt`] when it is the very next one; [`Error::Database`],
    /// [`Error::Unreachable`].
    pub fn facts(&self, after: u64, limit: usize) -> Result<Vec<Fact>, Error> {
        match self {
            Log::Sqlite(log) => log.facts(after, limit),
            Log::Postgres(log) => log.facts(after, limit),
        }
    }

    /// The same right behind an event that is known. `head` is the log's end as it was read a moment ago: what was
    /// just appended here comes out of memory only when the log holds it.
    ///
    /// # Errors
    /// [`Error::OtherHistory`] when the log does not hold that event; [`Error::Corrupt`] with the next position when
    /// there is nothing although `head` says so; and as [`Log::facts`].
    pub fn facts_behind(&self, after: Mark, head: Head, limit: usize) -> Result<Vec<Fact>, Error> {
        after.check(head)?;
        let facts = match self {
            Log::Sqlite(log) => log.facts_behind(after, head, limit),
            Log::Postgres(log) => log.facts_behind(after, head, limit),
        }?;
        if facts.is_empty() && limit > 0 && after.position < head.position {
            return Err(Error::Corrupt { position: after.position + 1, what: "it is not in the log" });
        }
        Ok(facts)
    }

    /// The event at a position as whoever has read it remembers it; `None` when the log ends before it. Also of one
    /// that is damaged. At zero there is always the beginning.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreachable`].
    pub fn mark(&self, position: u64) -> Result<Option<Mark>, Error> {
        match self {
            _ if position == 0 => Ok(Some(Mark::default())),
            Log::Sqlite(log) => log.mark(position),
            Log::Postgres(log) => log.mark(position),
        }
    }

    /// Whether the log holds an event that was read of it before: a position is no identity.
    ///
    /// # Errors
    /// As [`Log::mark`].
    pub fn holds(&self, known: Mark) -> Result<bool, Error> {
        Ok(self.mark(known.position)? == Some(known))
    }

    /// The receipt of a command, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Database`], [`Error::Unreachable`].
    pub fn receipt(&self, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
        match self {
            Log::Sqlite(log) => log.receipt(command_id),
            Log::Postgres(log) => log.receipt(command_id),
        }
    }

    /// The personal part of a record as JSON; `None` when it never had one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is a key and the part does not open with it; [`Error::Damaged`],
    /// [`Error::Database`], [`Error::Unreachable`].
    pub fn personal(&self, record: &Record) -> Result<Option<Personal<String>>, Error> {
        match self {
            Log::Sqlite(log) => log.personal(record),
            Log::Postgres(log) => log.personal(record),
        }
    }

    /// The fact that a record holds.
    ///
    /// # Errors
    /// [`Error::Unreadable`], and those of [`Log::personal`].
    pub fn fact(&self, record: &Record) -> Result<Fact, Error> {
        match self {
            Log::Sqlite(log) => log.fact(record),
            Log::Postgres(log) => log.fact(record),
        }
    }

    /// Makes a new master key and wraps every other key by it; nothing else changes. The former one is kept beside it.
    /// A log that nodes share needs the new key on every node first: the first call only makes it. `progress` is told
    /// how many keys are done.
    ///
    /// # Errors
    /// [`Error::NextKeyMade`], [`Error::NotWritten`], [`Error::CommitFailed`], [`Error::File`], [`Error::Unreachable`],
    /// [`Error::Postgres`]. Repeating it is harmless.
    pub fn rotate_keys(&self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<KeyRotation, Error> {
        match self {
            Log::Sqlite(log) => log.rotate_keys(progress),
            Log::Postgres(log) => log.rotate_keys(progress),
        }
    }

    /// Looks whether the log holds between two positions, both included: the chain, positions and versions without
    /// holes, times that never fall, sealed parts that are what was written or forgotten. `to` may be `u64::MAX`
    /// for the log's end; any other position must be there. What the anchor knows of that part must be so, and the
    /// log must not end before it. `progress` is told the position after each page.
    ///
    /// Takes about 25 bytes of memory a stream.
    ///
    /// # Errors
    /// [`Error::NotHeld`] with the first bad position. Whatever else keeps it from being looked at says nothing of the
    /// log: [`Error::Unreachable`], [`Error::Unanswered`], [`Error::Postgres`], [`Error::File`].
    pub fn verify(&self, from: u64, to: u64, progress: impl FnMut(u64)) -> Result<Verification, Error> {
        match self {
            Log::Sqlite(log) => log.verify(from, to, progress).map_err(|source| Error::NotHeld { source }),
            Log::Postgres(log) => log.verify(from, to, progress),
        }
    }
}
