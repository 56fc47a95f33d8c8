//! A read model as it was at one instant.

use super::row::{all, first};
use super::schema::Schema;
use super::session::Session;
use super::text::rewrite;
use super::{Row, Value};
use crate::Error;
use rusqlite::Connection;

/// A read model as it was at one instant. A schema's snapshot keeps what was deleted meanwhile from being tidied away:
/// it is to be dropped in minutes.
pub struct Snapshot {
    backend: Backend,
}

enum Backend {
    File(Connection),
    Schema(Session),
}

impl Snapshot {
    pub(super) fn of_file(connection: Connection) -> Result<Snapshot, Error> {
        // A transaction sees a file from its first look at it on.
        connection.execute_batch("begin; select count(*) from sqlite_schema")?;
        Ok(Snapshot { backend: Backend::File(connection) })
    }

    pub(super) fn of_schema(schema: &Schema) -> Result<Snapshot, Error> {
        Ok(Snapshot { backend: Backend::Schema(schema.snapshot()?) })
    }

    /// Every row of a query; its text may be made at run time.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Unreachable`], [`Error::Postgres`], [`Error::Column`], and those of `map`.
    pub fn rows<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        match &self.backend {
            Backend::File(connection) => all(&mut connection.prepare(&rewrite(sql))?, params, map),
            Backend::Schema(session) => session.ask(sql, params)?.iter().map(|row| map(&row.into())).collect(),
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// As [`Snapshot::rows`].
    pub fn row<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match &self.backend {
            Backend::File(connection) => first(&mut connection.prepare(&rewrite(sql))?, params, map),
            Backend::Schema(session) => session.ask(sql, params)?.first().map(|row| map(&row.into())).transpose(),
        }
    }
}
