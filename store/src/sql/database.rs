//! A read model, for reading.

use super::row::{all, first};
use super::schema::Schema;
use super::text::rewritten;
use super::{Row, Snapshot, Value, Writer};
use crate::sqlite::{Pool, private_file, reading, writing};
use crate::{Cluster, Error, described, failpoint};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One SQLite file, or one schema, with the tables of read models. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    File(Arc<Read>),
    Schema(Schema),
}

/// A file, and whether something in it was found damaged.
struct Read {
    pool: Pool,
    is_damaged: AtomicBool,
}

impl Database {
    /// The file at `path`, made (0600) when there is none.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Database`], [`Error::NotDurable`].
    pub fn create(path: &Path) -> Result<Database, Error> {
        private_file(path)?;
        // The journal mode is kept in the file: who only reads finds it set.
        drop(writing(path, "normal")?);
        Database::open(path)
    }

    /// Where nodes share it.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        match &self.backend {
            Backend::File(_) => None,
            Backend::Schema(schema) => Some(schema.cluster()),
        }
    }

    /// The file at `path`, which must be there.
    ///
    /// # Errors
    /// [`Error::NoData`] when it is not, [`Error::Database`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Database, Error> {
        if !path.is_file() {
            return Err(Error::NoData { path: path.to_owned() });
        }
        let pool = Pool::new(path.to_owned());
        drop(pool.take()?);
        Ok(Database { backend: Backend::File(Arc::new(Read { pool, is_damaged: AtomicBool::new(false) })) })
    }

    /// A schema. Nothing is asked yet.
    pub(super) fn shared(schema: Schema) -> Database {
        Database { backend: Backend::Schema(schema) }
    }

    /// What writes it. There is to be one at a time: a second one waits for the first one's transactions.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn writer(&self) -> Result<Writer, Error> {
        match &self.backend {
            Backend::File(file) => {
                Ok(Writer::of_file(writing(file.pool.path(), "normal").map_err(|error| self.noted(error))?))
            }
            Backend::Schema(schema) => Ok(Writer::of_schema(schema.clone())),
        }
    }

    /// Every row of a query. On a file it runs where it is called and takes as long as the query does: queries are
    /// short. On a schema it is one round trip.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreachable`], [`Error::Postgres`], [`Error::Column`], and those of `map`.
    pub async fn rows<T>(
        &self,
        sql: &'static str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Vec<T>, Error> {
        match &self.backend {
            Backend::File(file) => {
                let read = || all(&mut *file.pool.take()?.prepare_cached(rewritten(sql))?, params, map);
                read().map_err(|error| self.noted(error))
            }
            Backend::Schema(schema) => schema.rows(sql, params).await?.iter().map(|row| map(&row.into())).collect(),
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Database::rows`].
    pub async fn row<T>(
        &self,
        sql: &'static str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Option<T>, Error> {
        match &self.backend {
            Backend::File(file) => {
                let read = || first(&mut *file.pool.take()?.prepare_cached(rewritten(sql))?, params, map);
                read().map_err(|error| self.noted(error))
            }
            Backend::Schema(schema) => schema.rows(sql, params).await?.first().map(|row| map(&row.into())).transpose(),
        }
    }

    /// What is there now, and whatever is written meanwhile, the same until the snapshot is dropped.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreachable`], [`Error::Postgres`].
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        match &self.backend {
            Backend::File(file) => {
                reading(file.pool.path()).and_then(Snapshot::of_file).map_err(|error| self.noted(error))
            }
            Backend::Schema(schema) => Snapshot::of_schema(schema),
        }
    }

    /// Looks whether the file is whole as far as it tells of itself: its pages, its rows, not what is in them. It reads
    /// all of it, unless that is more than `bytes_max`; answers whether it did. A schema is the server's to look after.
    ///
    /// # Errors
    /// [`Error::DamagedFile`]; [`Error::Database`] when it cannot be read.
    pub fn check(&self, bytes_max: u64) -> Result<bool, Error> {
        let Backend::File(file) = &self.backend else { return Ok(true) };
        let path = file.pool.path();
        let bytes = std::fs::metadata(path).map_err(Error::file("read the database", path))?.len();
        if bytes > bytes_max {
            return Ok(false);
        }
        let look = || -> Result<String, Error> {
            // A connection of its own: what was read before must not be taken out of memory.
            Ok(reading(path)?.query_row("pragma quick_check(1)", [], |row| row.get(0))?)
        };
        match look().map_err(|error| self.noted(error))?.as_str() {
            "ok" => Ok(true),
            found => {
                let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
                let source = rusqlite::Error::SqliteFailure(code, Some(found.to_owned()));
                Err(self.noted(source.into()))
            }
        }
    }

    /// The same failure, of this file; where it is damaged, that is remembered.
    pub fn noted(&self, error: Error) -> Error {
        let Backend::File(file) = &self.backend else { return error };
        let error = error.in_file(file.pool.path());
        if let Error::DamagedFile { path, .. } = &error
            && !file.is_damaged.swap(true, Ordering::Relaxed)
        {
            tracing::error!(path = %path.display(), error = described(&error), "a file is damaged");
        }
        error
    }

    /// The file, when something in it was found damaged since it was opened.
    pub fn damaged(&self) -> Option<&Path> {
        match &self.backend {
            Backend::File(file) if file.is_damaged.load(Ordering::Relaxed) => Some(file.pool.path()),
            Backend::File(_) | Backend::Schema(_) => None,
        }
    }

    /// Deletes a file that nobody has open, and what SQLite keeps beside it. It is fine when there is none.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn remove(path: &Path) -> Result<(), Error> {
        // The file itself goes last: as long as it is there, whoever looks for it removes the rest as well.
        for beside in ["-wal", "-shm", ""] {
            let mut name = path.as_os_str().to_owned();
            name.push(beside);
            match std::fs::remove_file(&name) {
                Ok(()) => failpoint::pass("file-removed"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::file("delete", Path::new(&name))(source)),
            }
        }
        Ok(())
    }
}
