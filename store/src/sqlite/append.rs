//! The write side: the one connection that changes the log.

use super::Log;
use super::rows;
use super::secrets::{self, KeyedView};
use super::write::write;
use super::{disk_reserve, forget, private_file, recover, schema, writing};
use crate::anchor::{Anchor, Keeper};
use crate::prepare::{PreparedBatch, encode, prepare};
use crate::recent::Recent;
use crate::record::page;
use crate::{Batch, BatchNeeds, BatchStart, ErasedList, Error, Fact, Folder, Forget, Head, Keys, Receipt, failpoint};
use domain::{StreamId, Timestamp};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The one that appends. The writer's thread owns it; the folder's lock keeps other processes away.
pub struct Appender {
    pub(super) connection: Connection,
    root: PathBuf,
    keys: Arc<Keys>,
    recent: Arc<Recent>,
    pub(super) head: Head,
    anchor: Anchor,
    keeper: Keeper,
    /// Where to write down who was erased; see [`Appender::keep`].
    pub(super) list: Option<ErasedList>,
    /// Somebody was forgotten, and the write-ahead log may still hold what they said.
    pub(super) traces: bool,
    /// A commit failed: whether it reached the disk is unknown, and writing on could hide that.
    stopped: bool,
}

impl Appender {
    /// Opens the log of a folder; makes it, its tables, the anchor and the master key where there are none. The
    /// caller holds the folder's lock. A log that lost events that the anchor knows, or in which anything behind
    /// the last checkpoint was changed, is refused as it is.
    ///
    /// # Errors
    /// [`Error::NotHeld`], [`Error::NoAnchor`], [`Error::BadAnchor`],
    /// [`Error::MissingMasterKey`], [`Error::WrongMasterKey`], [`Error::LooseMasterKey`], [`Error::NewerSchema`],
    /// [`Error::OldSqlite`], [`Error::NotDurable`], [`Error::File`], [`Error::Database`].
    pub fn open(folder: &Folder, master_key: &Path) -> Result<Appender, Error> {
        let named = |error: Error| error.in_file(&folder.database());
        let anchor = recover::check(folder).map_err(named)?;
        private_file(&folder.database())?;
        failpoint::pass("log-made");
        let connection = writing(&folder.database(), "full").map_err(named)?;
        let synchronous: i64 = connection.query_row("pragma synchronous", [], |row| row.get(0))?;
        if synchronous < 2 {
            return Err(Error::NotDurable);
        }
        schema::migrate(&connection).map_err(named)?;
        failpoint::pass("log-migrated");
        let keys = Arc::new(secrets::unlock_or_make(&connection, master_key).map_err(named)?);
        failpoint::pass("keys-stored");
        let head = rows::head(&connection).map_err(named)?;
        let keeper = Keeper::open(&folder.anchor())?;
        let recent = Arc::default();
        // A crash may have come before the write-ahead log was emptied of somebody who was forgotten.
        let traces = true;
        let root = folder.root().to_owned();
        let mut appender =
            Appender { connection, root, keys, recent, head, anchor, keeper, list: None, traces, stopped: false };
        let settled = appender.wiped();
        appender.anchored(settled)?;
        Ok(appender)
    }

    /// The unlocked keys, to be shared with the readers of this process.
    pub fn keys(&self) -> Arc<Keys> {
        self.keys.clone()
    }

    /// A reader of this log for the same process: it also sees what was just appended without reading it back.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn log(&self, folder: &Folder) -> Result<Log, Error> {
        Log::beside(folder, self.keys(), self.recent.clone())
    }

    /// Where the log ends. Costs nothing.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Every fact of one stream, by version.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Corrupt`], [`Error::Database`].
    pub fn stream(&mut self, stream: StreamId) -> Result<Vec<Fact>, Error> {
        super::log::stream_facts(&KeyedView::new(&self.connection, &self.keys), stream)
    }

    /// The receipt of a command, if there is one.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Database`].
    pub fn receipt(&mut self, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
        rows::receipt(&KeyedView::new(&self.connection, &self.keys), command_id)
    }

    /// Opens the transaction of a batch and reads the wanted streams in it: a transaction for each would take the
    /// locks of the file again every time.
    ///
    /// # Errors
    /// [`Error::NotWritten`]: the batch did not begin. [`Error::Stopped`].
    pub fn begin(&mut self, needs: &BatchNeeds) -> Result<BatchStart, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        self.cancel();
        run(&self.connection, "begin immediate").map_err(Error::not_written)?;
        let streams = needs.streams.iter().map(|stream| (*stream, self.stream(*stream))).collect();
        Ok(BatchStart { streams, others: Vec::new(), is_behind: false })
    }

    /// Whether there is room for a batch.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::NotWritten`], [`Error::Stopped`].
    pub fn check_room(&self) -> Result<(), Error> {
        if self.stopped { Err(Error::Stopped) } else { disk_reserve::check(&self.root) }
    }

    /// Lets go of a batch that was begun.
    pub fn cancel(&mut self) {
        self.roll_back();
    }

    /// Writes a batch in one transaction: all of it or nothing. Answers where the log ends then. Begins it where it
    /// was not begun.
    ///
    /// # Errors
    /// [`Error::NotWritten`], [`Error::DiskFull`] and [`Error::TooLarge`]: nothing was written, the head is the same.
    /// [`Error::CommitFailed`]: nobody knows; the process must stop. [`Error::Stopped`]: it should have stopped.
    pub fn append(&mut self, batch: &Batch) -> Result<Head, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        let prepared = self.prepared(batch);
        if batch.is_empty() || prepared.is_err() {
            self.roll_back();
        }
        let prepared = prepared?;
        if batch.is_empty() {
            return Ok(self.head);
        }
        self.transaction(|connection| write(connection, &prepared, &batch.forget))?;
        failpoint::pass("log-committed");
        let before = std::mem::replace(&mut self.head, prepared.head);
        self.remember(before, batch, &prepared);
        self.committed(prepared, &batch.forget);
        let listed = forget::list(self.list.as_mut(), &batch.forget, batch.at);
        listed.map_err(|source| {
            self.stopped = true;
            Error::CommitFailed { source: source.into() }
        })?;
        self.traces |= batch.forget.iter().any(|forget| matches!(forget, Forget::Subject(_)));
        let settled = self.wiped() || recover::is_settled(&self.connection);
        failpoint::pass("log-wiped");
        self.anchored(settled)?;
        Ok(self.head)
    }

    fn prepared<'a>(&self, batch: &'a Batch) -> Result<PreparedBatch<'a>, Error> {
        // To forget somebody is what the rest of the disk may be used for as well.
        if !batch.forget.iter().any(|forget| matches!(forget, Forget::Subject(_))) {
            disk_reserve::check(&self.root)?;
        }
        let look = KeyedView::new(&self.connection, &self.keys);
        prepare(&self.keys, &mut |subject| look.data_key(subject), self.head, batch, encode(batch))
    }

    /// Keeps what was just appended for those who follow closely. What was forgotten with it is not told from memory.
    fn remember(&self, before: Head, batch: &Batch, prepared: &PreparedBatch<'_>) {
        if !batch.forget.is_empty() {
            self.recent.clear();
            return;
        }
        self.recent.add(before.into(), prepared.facts(batch));
    }

    /// Deletes receipts older than `older_than` among the `limit` first written ones. Answers how many.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn prune_receipts(&mut self, older_than: Timestamp, limit: usize) -> Result<u64, Error> {
        // Only the oldest rows are looked at: however many there are, this takes the same short time.
        let sql = "delete from receipt where at < ?1 and rowid in (select rowid from receipt order by rowid limit ?2)";
        let limit = page(limit);
        let deleted = self.transaction(|connection| {
            let deleted = connection.prepare_cached(sql)?.execute((older_than.0, limit))?;
            failpoint::pass("receipts-deleted");
            Ok(deleted)
        })?;
        failpoint::pass("receipts-pruned");
        Ok(deleted as u64)
    }

    /// Moves everything from the write-ahead log into the database file and empties it: what was forgotten is
    /// then gone from both. Readers may keep it from finishing; the next one then does the rest.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        let busy: i64 = self.connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
        failpoint::pass("log-checkpointed");
        self.anchored(busy == 0)
    }

    /// Writes down where the log ends, after the commit. When that fails the disk does: the process must stop.
    fn anchored(&mut self, is_settled: bool) -> Result<(), Error> {
        self.anchor.head = self.head.into();
        if is_settled {
            self.anchor.settled = self.anchor.head;
        }
        self.keeper.write(self.anchor).map_err(|source| {
            self.stopped = true;
            Error::CommitFailed { source: source.into() }
        })
    }

    fn transaction<T>(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        if self.connection.is_autocommit() {
            run(&self.connection, "begin immediate").map_err(Error::not_written)?;
        }
        let written = match work(&self.connection) {
            Ok(written) => written,
            Err(source) => {
                self.roll_back();
                return Err(Error::not_written(source));
            }
        };
        let committed = failpoint::sql("log-commit").and_then(|()| run(&self.connection, "commit"));
        committed.map_err(|source| self.commit_failed(source))?;
        Ok(written)
    }

    fn commit_failed(&mut self, source: rusqlite::Error) -> Error {
        // A full disk shows when the pages are written, before the sync that makes a commit: that one is certain.
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            self.roll_back();
            if !self.stopped {
                return Error::DiskFull { source };
            }
        }
        self.stopped = true;
        Error::CommitFailed { source: source.into() }
    }

    /// SQLite has rolled back by itself after some errors; what counts is that no transaction is open.
    fn roll_back(&mut self) {
        if !self.connection.is_autocommit() && self.connection.execute_batch("rollback").is_err() {
            self.stopped = true;
        }
    }

    /// What is kept in memory follows the commit, never the other way round.
    fn committed(&self, prepared: PreparedBatch<'_>, forget: &[Forget]) {
        let forgotten = self.keys.forgotten();
        for (subject, (key, _)) in prepared.new_keys {
            self.keys.cache_key(subject, key, forgotten);
        }
        for forget in forget {
            match forget {
                Forget::Superseded { .. } => {}
                Forget::Subject(subject) => self.keys.forget(*subject),
            }
        }
    }
}

/// Runs a statement that every batch needs: parsed once.
fn run(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.raw_execute().map(drop)
}

impl Drop for Appender {
    fn drop(&mut self) {
        // After a failed commit the log is left as it is: the next start reads what really is there.
        if !self.stopped {
            let _ = self.checkpoint();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewEvent;
    use domain::{Event, UserId, user};
    use uuid::Uuid;

    fn opened() -> (tempfile::TempDir, Appender) {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let appender = Appender::open(&folder, &folder.master_key()).unwrap();
        (place, appender)
    }

    fn one(number: u128) -> Batch {
        let role_set = user::Event::RoleSet(user::RoleSet { role: user::Role::Admin });
        let event = Event::User(UserId(Uuid::from_u128(number)), role_set);
        let events = vec![NewEvent { version: 1, event, meta: "{}".to_owned() }];
        Batch { at: Timestamp(1), events, ..Batch::default() }
    }

    #[test]
    fn a_full_disk_writes_nothing_and_can_be_mended() {
        let (_place, mut appender) = opened();
        let head = appender.append(&one(1)).unwrap();
        let pages: i64 = appender.connection.query_row("pragma page_count", [], |row| row.get(0)).unwrap();
        appender.connection.execute_batch(&format!("pragma max_page_count = {pages}")).unwrap();
        let mut many = one(2);
        many.events[0].meta = "x".repeat(30_000);
        let refused = appender.append(&many).unwrap_err();
        assert!(matches!(refused, Error::DiskFull { .. }), "{refused:?}");
        assert_eq!(appender.head(), head);
        appender.connection.execute_batch("pragma max_page_count = 1000000").unwrap();
        assert_eq!(appender.append(&many).unwrap().position, 2);
    }

    #[test]
    fn a_failed_commit_stops_the_appender() {
        let (_place, mut appender) = opened();
        // A deferred foreign key is looked at by the commit itself.
        let trap = "create table trap (name text references secret (name) deferrable initially deferred);
                    create temp trigger trap after insert on event begin insert into trap values ('no'); end";
        appender.connection.execute_batch(trap).unwrap();
        assert!(matches!(appender.append(&one(1)), Err(Error::CommitFailed { .. })));
        assert_eq!(appender.head(), Head::default());
        appender.connection.execute_batch("rollback; drop trigger trap").unwrap();
        assert!(matches!(appender.append(&one(1)), Err(Error::Stopped)));
        assert!(matches!(appender.prune_receipts(Timestamp(9), 9), Err(Error::Stopped)));
    }

    #[test]
    fn no_statement_is_parsed_twice() {
        let (_place, mut appender) = opened();
        for number in 1..50 {
            appender.append(&one(number)).unwrap();
            appender.stream(UserId(Uuid::from_u128(number)).into()).unwrap();
            appender.receipt(&[7; 32]).unwrap();
        }
        let logged = appender.connection.prepare_cached(super::super::log::STREAM_FACTS).unwrap();
        assert!(logged.get_status(rusqlite::StatementStatus::Run) >= 49, "it was in the cache");
        assert_eq!(logged.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn the_pragmas_are_what_durability_needs() {
        let (_place, appender) = opened();
        let pragma = |name: &str| -> String {
            let sql = format!("select cast({name} as text) from pragma_{name}");
            appender.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        for (name, value) in
            [("journal_mode", "wal"), ("synchronous", "2"), ("trusted_schema", "0"), ("foreign_keys", "1")]
        {
            assert_eq!(pragma(name), value, "{name}");
        }
        assert_eq!(pragma("secure_delete"), "1");
    }
}
