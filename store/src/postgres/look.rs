//! What is looked at before anything else: whether the database is there, and fit for this program.

use super::connect::Cluster;
use super::rows::{get, query};
use super::schema;
use crate::Error;
use deadpool_postgres::Object;

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The version of PostgreSQL.
    pub server: String,
    /// The version of our tables; zero when there are none.
    pub found: i64,
    /// The one that this program needs.
    pub known: i64,
    /// Whether it only follows another server, and takes no writes.
    pub is_standby: bool,
}

/// Looks. It changes nothing.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Unanswered`], [`Error::Postgres`].
pub fn look(cluster: &Cluster) -> Result<Looked, Error> {
    cluster.read(async |client: Object| {
        let rows = query(&client, "select current_setting('server_version'), pg_is_in_recovery()", &[]).await?;
        let row = rows.first().ok_or(Error::Damaged { what: "an answer has no row" })?;
        let (server, is_standby) = (get::<&str>(row, 0)?.to_owned(), get(row, 1)?);
        let found = schema::version(&client).await?;
        Ok(Looked { server, found, known: schema::known(), is_standby })
    })
}
