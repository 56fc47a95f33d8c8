//! Forgetting for good: in the log, in the list of the erased, and in the bytes of the files.

use super::append::Appender;
use super::log::records;
use crate::erased::{ERASED, Known};
use crate::record::{Order, sql_number};
use crate::{Batch, ErasedList, Error, Forget};
use domain::{StreamId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension};
use std::io;
use std::time::Duration;

/// How long readers are waited for before the write-ahead log is emptied; then the next batch tries again.
const WAIT: Duration = Duration::from_millis(250);

impl Appender {
    /// Keeps the list of the erased from now on, and compares it with the log. Answers who is in the list and has an
    /// account in the log all the same: a copy of before was restored, and they are to be erased again.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub fn keep(&mut self, mut list: ErasedList) -> Result<Vec<UserId>, Error> {
        let after = if list.is_new() { 0 } else { self.head.position.saturating_sub(crate::erased::BEHIND_MAX) };
        for (user_id, at) in erased(&self.connection, after)? {
            list.add(user_id, at).map_err(not_listed)?;
        }
        let mut back = Vec::new();
        for user_id in list.people() {
            match known(&self.connection, user_id)? {
                Known::Stranger | Known::Forgotten => {}
                Known::Person => back.push(user_id),
                // Erased by the log, and yet there is a key: somebody put it back.
                Known::Key => {
                    self.append(&Batch { forget: vec![Forget::Subject(user_id)], ..Batch::default() })?;
                }
            }
        }
        self.list = Some(list);
        Ok(back)
    }

    /// Empties the write-ahead log after somebody was forgotten. When readers are in the way, the next batch does it.
    pub(super) fn wiped(&mut self) -> bool {
        let wiped = self.traces && wipe(&self.connection).unwrap_or(false);
        self.traces &= !wiped;
        wiped
    }
}

/// Whom the list lacks might come back with a backup: that is as bad as a commit that failed.
fn not_listed(source: io::Error) -> Error {
    Error::CommitFailed { source: source.into() }
}

/// Writes into the list who was forgotten by a batch, after its commit.
pub(super) fn list(list: Option<&mut ErasedList>, forget: &[Forget], at: Timestamp) -> io::Result<()> {
    let Some(list) = list else { return Ok(()) };
    for forget in forget {
        match forget {
            Forget::Superseded { .. } => {}
            Forget::Subject(user_id) => list.add(*user_id, at)?,
        }
    }
    Ok(())
}

/// Deletes a person's key. The others are rewritten, so that every page that ever held it is overwritten: pages
/// that were split keep copies of what has moved, which deleting the row would not reach.
pub(super) fn delete_key(connection: &Connection, subject: UserId) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("select subject, wrapped from subject_key where subject <> ?1")?;
    let rows = statement.query_map([subject.0.as_bytes().as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let kept = rows.collect::<rusqlite::Result<Vec<(Vec<u8>, Vec<u8>)>>>()?;
    connection.execute("delete from subject_key", [])?;
    let mut statement = connection.prepare("insert into subject_key (subject, wrapped) values (?1, ?2)")?;
    for row in kept {
        statement.execute(row)?;
    }
    Ok(())
}

/// Moves everything from the write-ahead log into the file and empties it. False when a reader was in the way.
pub(crate) fn wipe(connection: &Connection) -> rusqlite::Result<bool> {
    connection.busy_timeout(WAIT)?;
    let busy = connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0));
    connection.busy_timeout(Duration::from_millis(super::connection::BUSY_MS))?;
    Ok(busy? == 0)
}

/// Who was erased by the log above a position, and when.
pub(super) fn erased(connection: &Connection, after: u64) -> Result<Vec<(UserId, Timestamp)>, Error> {
    let sql = "where position > ?1 and name = ?2 order by position";
    let erased = records(connection, Order::Rising(after), sql, (sql_number(after), ERASED))?;
    let people = erased.iter().filter_map(|record| match StreamId::parse(&record.stream) {
        Some(StreamId::UserId(user_id)) => Some((user_id, record.recorded_at)),
        Some(_) | None => None,
    });
    Ok(people.collect())
}

pub(super) fn known(connection: &Connection, user_id: UserId) -> rusqlite::Result<Known> {
    let sql = "select name from event where stream = ?1 order by version desc limit 1";
    let mut statement = connection.prepare_cached(sql)?;
    let last: Option<String> =
        statement.query_row([StreamId::from(user_id).to_string()], |row| row.get(0)).optional()?;
    let mut statement = connection.prepare_cached("select 1 from subject_key where subject = ?1")?;
    let key = statement.exists([user_id.0.as_bytes().as_slice()])?;
    Ok(Known::by(last.as_deref(), key))
}
