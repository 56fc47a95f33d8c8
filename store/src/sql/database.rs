//! A read model's file.

use super::row::{all, first};
use super::text::{rewrite, rewritten};
use super::{Row, Value, Writer};
use crate::sqlite::{Pool, private_file, reading, writing};
use crate::{Error, failpoint};
use rusqlite::Connection;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// One SQLite file with the tables of read models. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Arc<Pool>,
}

/// A read model as it was at one instant, with another file beside it where one was attached.
pub struct Snapshot {
    connection: Connection,
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

    /// The file at `path`, which must be there.
    ///
    /// # Errors
    /// [`Error::NoData`] when it is not, [`Error::Database`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Database, Error> {
        if !path.is_file() {
            return Err(Error::NoData { path: path.to_owned() });
        }
        let pool = Arc::new(Pool::new(path.to_owned()));
        drop(pool.take()?);
        Ok(Database { pool })
    }

    /// The connection that writes. There is to be one at a time: a second one waits for the first one's
    /// transactions.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn writer(&self) -> Result<Writer, Error> {
        Ok(Writer { connection: writing(self.pool.path(), "normal")? })
    }

    /// Every row of a query. Runs where it is called and takes as long as the query does: queries are short.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Column`], and those of `map`.
    pub async fn rows<T>(
        &self,
        sql: &'static str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Vec<T>, Error> {
        all(&mut *self.pool.take()?.prepare_cached(rewritten(sql))?, params, map)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Database::rows`].
    pub async fn row<T>(
        &self,
        sql: &'static str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Option<T>, Error> {
        first(&mut *self.pool.take()?.prepare_cached(rewritten(sql))?, params, map)
    }

    /// The file as it is now, and whatever is written meanwhile, the same until the snapshot is dropped. Another
    /// file is attached for reading under a schema name of letters and `_`.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn snapshot(&self, attach: Option<(&str, &Path)>) -> Result<Snapshot, Error> {
        let connection = reading(self.pool.path())?;
        let schema = attach.map_or("main", |(schema, _)| schema);
        assert!(schema.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "a schema name is a plain word");
        if let Some((_, path)) = attach {
            let path = path.to_string_lossy();
            connection.execute(&format!("attach database ?1 as {schema}"), [path])?;
        }
        // A transaction sees a file from its first look at it on.
        connection.execute_batch(&format!(
            "begin; select count(*) from main.sqlite_schema; select count(*) from {schema}.sqlite_schema"
        ))?;
        Ok(Snapshot { connection })
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

impl Snapshot {
    /// Every row of a query; its text may be made at run time.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Column`], and those of `map`.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        all(&mut self.connection.prepare(&rewrite(sql))?, params, map)
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Snapshot::rows`].
    pub fn row<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        first(&mut self.connection.prepare(&rewrite(sql))?, params, map)
    }
}
