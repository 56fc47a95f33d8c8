//! The read side: for everybody in the process, and for the command line beside a running server.

use super::rows::{self, COLUMNS};
use super::secrets::{self, KeyedView};
use super::{Pool, filter, recover, rotate, schema, verify};
use crate::anchor::Mark;
use crate::decode::{self, Parts};
use crate::recent::Recent;
use crate::record::{Order, number, page, rising, sql_number};
use crate::{
    Broken, Error, Fact, Filter, Folder, Head, KeyRotation, Keys, Receipt, Record, Stats, StreamRow, Verification,
};
use domain::{Personal, StreamId};
use rusqlite::{Connection, Params};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// Reads the log. Cheap to clone; every call takes micro- to milliseconds and blocks its thread that long.
#[derive(Clone)]
pub struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    keys: Arc<Keys>,
    /// Of the appender in this process; empty in any other.
    recent: Arc<Recent>,
}

impl Log {
    /// For the process that appends: `keys` are the appender's.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::OlderSchema`], [`Error::NewerSchema`].
    pub fn open(folder: &Folder, keys: Arc<Keys>) -> Result<Log, Error> {
        Log::beside(folder, keys, Arc::default())
    }

    pub(super) fn beside(folder: &Folder, keys: Arc<Keys>, recent: Arc<Recent>) -> Result<Log, Error> {
        let pool = Pool::new(folder.database());
        schema::check(&*pool.take()?).map_err(|error| error.in_file(&folder.database()))?;
        Ok(Log { inner: Arc::new(Inner { pool, keys, recent }) })
    }

    /// For any other process, whether a server runs or not. It changes nothing.
    ///
    /// # Errors
    /// As [`Log::open`], and those of the master key.
    pub fn open_read_only(folder: &Folder, master_key: &Path) -> Result<Log, Error> {
        let pool = Pool::new(folder.database());
        schema::check(&*pool.take()?).map_err(|error| error.in_file(&folder.database()))?;
        let keys =
            Arc::new(secrets::unlock(&*pool.take()?, master_key).map_err(|error| error.in_file(&folder.database()))?);
        Ok(Log { inner: Arc::new(Inner { pool, keys, recent: Arc::default() }) })
    }

    /// The unlocked keys.
    pub fn keys(&self) -> Arc<Keys> {
        self.inner.keys.clone()
    }

    /// Wraps every key by a new master key.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::CommitFailed`], [`Error::File`], [`Error::Database`].
    pub fn rotate_keys(&self, progress: &mut dyn FnMut(u64)) -> Result<KeyRotation, Error> {
        rotate::rotate(self.inner.pool.path(), &self.inner.keys, progress)
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn head(&self) -> Result<Head, Error> {
        rows::head(&*self.inner.pool.take()?)
    }

    /// Records above a position, in order; at most `limit` and [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let sql = "where position > ?1 order by position limit ?2";
        records(&*self.inner.pool.take()?, Order::Dense(after), sql, (sql_number(after), page(limit)))
    }

    /// Records that a filter lets through; at most `limit` and [`crate::PAGE_MAX`]. A filter that lets few through
    /// reads much of the log.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn read_filtered(&self, filter: &Filter, limit: usize) -> Result<Vec<Record>, Error> {
        filter::read(&*self.inner.pool.take()?, filter, limit)
    }

    /// The record with an id. Reads the whole log when it must (about a second for three million events).
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn by_id(&self, id: Uuid) -> Result<Option<Record>, Error> {
        filter::by_id(&*self.inner.pool.take()?, id)
    }

    /// Records that one of these events caused.
    pub fn caused_by(&self, causes: &[Uuid], part: (u64, u64), limit: usize) -> Result<Vec<Record>, Error> {
        filter::caused_by(&*self.inner.pool.take()?, causes, part, limit)
    }

    /// Records whose metadata has this value in this field.
    pub fn by_meta(&self, field: (&str, &str), part: (u64, u64), limit: usize) -> Result<Vec<Record>, Error> {
        filter::by_meta(&*self.inner.pool.take()?, field, part, limit)
    }

    /// Records of one stream above a version, by version; at most `limit` and [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn stream_records(&self, stream: &str, after_version: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let sql = "where stream = ?1 and version > ?2 order by version limit ?3";
        records(&*self.inner.pool.take()?, Order::Rising(0), sql, (stream, sql_number(after_version), page(limit)))
    }

    /// Streams by name, above `after`, those that begin with `prefix` only; at most `limit` and
    /// [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn streams(&self, after: &str, prefix: Option<&str>, limit: usize) -> Result<Vec<StreamRow>, Error> {
        let connection = self.inner.pool.take()?;
        // The bounds, not `like`: so that the index of streams is read and nothing else.
        let mut statement = connection.prepare_cached(
            "select stream, count(*), max(position) from event
             where stream > ?1 and stream >= ?2 and stream < ?2 || char(1114111)
             group by stream order by stream limit ?3",
        )?;
        let rows = statement.query_map((after, prefix.unwrap_or_default(), page(limit)), |row| {
            Ok(StreamRow { stream: row.get(0)?, events: number(row.get(1)?), last_position: number(row.get(2)?) })
        })?;
        rising(after, rows.collect::<Result<_, _>>()?)
    }

    /// What is in the log. Reads all of it.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Corrupt`].
    pub fn stats(&self) -> Result<Stats, Error> {
        let connection = self.inner.pool.take()?;
        let head = rows::head(&connection)?;
        let sql = "select name, count(*) from event where position <= ?1 group by name order by name";
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map([sql_number(head.position)], |row| Ok((row.get(0)?, number(row.get(1)?))))?;
        let types: Vec<(String, u64)> = rows.collect::<Result<_, _>>()?;
        Ok(Stats { head, events: types.iter().map(|(_, events)| events).sum(), types })
    }

    /// Every fact of one stream, by version.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Corrupt`], [`Error::Database`].
    pub fn stream(&self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        self.look(|look| stream_facts(look, stream))
    }

    pub(crate) fn facts(&self, after: u64, limit: usize) -> Result<Vec<Fact>, Error> {
        self.look(|look| rows::page(look, after, None, limit))
    }

    pub(crate) fn facts_behind(&self, after: Mark, head: Head, limit: usize) -> Result<Vec<Fact>, Error> {
        match self.inner.recent.behind(after, head, limit.min(crate::PAGE_MAX)) {
            Some(facts) => Ok(facts),
            None => self.look(|look| rows::page(look, after.position, Some(after), limit)),
        }
    }

    pub(crate) fn mark(&self, position: u64) -> Result<Option<Mark>, Error> {
        rows::mark(&*self.inner.pool.take()?, position)
    }

    /// The receipt of a command, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Database`].
    pub fn receipt(&self, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
        self.look(|look| rows::receipt(look, command_id))
    }

    /// The personal part of a record as JSON; `None` when it never had one.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when there is a key and the part does not open with it; [`Error::Damaged`],
    /// [`Error::Database`].
    pub fn personal(&self, record: &Record) -> Result<Option<Personal<String>>, Error> {
        match (&record.sealed, record.sealed_hash) {
            (Some(sealed), _) => self.look(|look| {
                let key = record.subject.map(|subject| look.data_key(subject)).transpose()?.flatten();
                let of = (record.id, record.name.as_str());
                decode::unsealed(key.as_deref(), record.position, record.subject, of, sealed)
            }),
            (None, Some(_)) => Ok(Some(Personal::Erased)),
            (None, None) => Ok(None),
        }
    }

    /// The fact that a record holds.
    ///
    /// # Errors
    /// [`Error::Unreadable`], and those of [`Log::personal`].
    pub fn fact(&self, record: &Record) -> Result<Fact, Error> {
        decode::decoded(Parts::of(record, self.personal(record)?))
    }

    /// Looks whether the log holds between two positions, both included: the chain, positions and versions without
    /// holes, times that never fall, sealed parts that are what was written or forgotten. `to` may be `u64::MAX`
    /// for the log's end; any other position must be there. What the anchor knows of that part must be so, and the
    /// log must not end before it. `progress` is told the position after each page.
    ///
    /// Takes about 25 bytes of memory a stream.
    ///
    /// # Errors
    /// The first bad position.
    pub fn verify(&self, from: u64, to: u64, progress: impl FnMut(u64)) -> Result<Verification, Broken> {
        // First the anchor, then the log: beside a running server the log may grow in between, and the anchor is
        // never ahead of it.
        let known = recover::known(&self.inner.pool, to == u64::MAX)?;
        verify::verify(&self.inner.pool, from, to, &known, progress)
    }

    fn look<T>(&self, read: impl FnOnce(&KeyedView<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let connection = self.inner.pool.take()?;
        read(&KeyedView::new(&connection, &self.inner.keys))
    }
}

/// The records of `select … from event` and the rest of the statement, in that order of their positions.
pub(super) fn records(
    connection: &Connection,
    mut order: Order,
    rest: &str,
    params: impl Params,
) -> Result<Vec<Record>, Error> {
    let mut statement = connection.prepare_cached(&format!("select {COLUMNS} from event {rest}"))?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        order.next(number(row.get(0)?))?;
        records.push(rows::record(row)?);
    }
    Ok(records)
}

/// The facts of one stream, by version.
pub(super) const STREAM_FACTS: &str =
    "select position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
     hash from event where stream = ?1 order by version";

/// All facts of a stream: half a stream would be a wrong state, so the first bad one is the error.
pub(super) fn stream_facts(look: &KeyedView<'_>, stream: StreamId) -> Result<Vec<Fact>, Error> {
    rows::facts(look, STREAM_FACTS, [stream.to_string()])
}
