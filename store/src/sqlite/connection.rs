//! Connections: how they are opened, and the small pool of those that only read.

use crate::Error;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::File;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// Idle connections beyond this many are closed.
const IDLE_MAX: usize = 8;

/// Prepared statements kept by a connection.
const STATEMENTS_MAX: usize = 64;

/// Pages in the write-ahead log at which a commit moves them into the file. That commit takes longer: with four times
/// as many pages one in a hundred appends waited 15 ms for it instead of 10 (docs/performance.md).
pub(crate) const CHECKPOINT_PAGES: u32 = 1_000;

/// How long a connection waits for another's lock.
pub(super) const BUSY_MS: u64 = 5_000;

/// Earlier versions can corrupt a WAL that two connections reset and write at once.
const SQLITE_LEAST: i32 = 3_051_003;

/// Makes an empty file that only its owner may read, unless there is one. SQLite gives its `-wal` and `-shm` the
/// same rights, and takes an empty file for an empty database.
pub(crate) fn private_file(path: &Path) -> Result<(), Error> {
    let mut options = File::options();
    let made = options.write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(Error::file("make the database", path))
}

/// Opens the file for writing. `synchronous` is `full` where a commit must last, `normal` where it can be repeated.
pub(crate) fn writing(path: &Path, synchronous: &str) -> Result<Connection, Error> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mode: String = connection.query_row("pragma journal_mode = wal", [], |row| row.get(0))?;
    connection.execute_batch(&format!(
        "pragma synchronous = {synchronous}; pragma foreign_keys = on; pragma secure_delete = on;
         pragma wal_autocheckpoint = {CHECKPOINT_PAGES}; pragma cache_size = -32000"
    ))?;
    if mode == "wal" { Ok(connection) } else { Err(Error::NotDurable) }
}

/// Opens the file for reading only, also where this user may not write beside it.
pub(crate) fn reading(path: &Path) -> Result<Connection, Error> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let connection = match touched(&connection) {
        Err(error) if is_for_want_of_rights(&error) && !has_content(&wal_of(path)) => unchanging(path)?,
        touched => touched.map(|()| connection)?,
    };
    connection.execute_batch("pragma query_only = on; pragma cache_size = -8000")?;
    Ok(connection)
}

/// Reads the first page: only then it shows whether the file can be read.
fn touched(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("pragma schema_version", [], |_| Ok(()))
}

/// A reader in WAL mode makes the index of the write-ahead log, unless somebody has made it, and can't where it may not
/// write.
fn is_for_want_of_rights(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

fn wal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.len() > 0)
}

/// Opens a file of which everything is in the file itself, as one that doesn't change: no write-ahead log is looked for.
/// Only for those who may not write: a process that begins to write meanwhile is not noticed.
fn unchanging(path: &Path) -> Result<Connection, Error> {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| match byte {
        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    let address = format!("file:{}?immutable=1", escaped.collect::<String>());
    let connection = open(Path::new(&address), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?;
    touched(&connection)?;
    Ok(connection)
}

pub(super) fn open(path: &Path, access: OpenFlags) -> Result<Connection, Error> {
    if rusqlite::version_number() < SQLITE_LEAST {
        return Err(Error::OldSqlite { found: rusqlite::version() });
    }
    // Each connection is used by one thread at a time: the type says so, and SQLite need not lock.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(BUSY_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A plan does not depend on the values that are bound: else statements are parsed again at every other execution.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("pragma trusted_schema = off; pragma mmap_size = 0")?;
    Ok(connection)
}

/// Reading connections to one file: opened when needed, kept when idle.
pub(crate) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// A connection on loan.
pub(crate) struct Pooled<'a> {
    pool: &'a Pool,
    // Empty only while it is dropped.
    connection: Option<Connection>,
}

impl Pool {
    pub(crate) fn new(path: PathBuf) -> Pool {
        Pool { path, idle: Mutex::new(Vec::new()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn take(&self) -> Result<Pooled<'_>, Error> {
        let idle = self.idle.lock().expect("nothing panics while it holds this lock").pop();
        let connection = match idle {
            Some(connection) => connection,
            None => reading(&self.path).map_err(|error| error.in_file(&self.path))?,
        };
        Ok(Pooled { pool: self, connection: Some(connection) })
    }
}

impl Deref for Pooled<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("it is there until the drop")
    }
}

impl Drop for Pooled<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().expect("nothing panics while it holds this lock");
        if idle.len() < IDLE_MAX {
            idle.extend(self.connection.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_change_is_opened_by_any_name() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("odd ?name#50%.db");
        let connection = writing(&path, "normal").err();
        assert!(connection.is_some(), "it must be there");
        private_file(&path).unwrap();
        let connection = writing(&path, "normal").unwrap();
        connection.execute_batch("create table x (y int); insert into x values (7)").unwrap();
        drop(connection);
        let y: i64 = unchanging(&path).unwrap().query_row("select y from x", [], |row| row.get(0)).unwrap();
        assert_eq!(y, 7);
    }
}
