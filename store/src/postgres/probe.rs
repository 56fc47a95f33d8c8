//! What is looked at before anything else: whether the database is there, and fit for this program.

use super::connect::Cluster;
use super::reading::Reading;
use super::rows::{get, query};
use super::schema;
use crate::Error;

/// What a database says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseReport {
    /// The version of PostgreSQL.
    pub server: String,
    /// The version of our tables; zero when there are none.
    pub found: i64,
    /// The one that this program needs.
    pub known: i64,
    /// Whether it only follows another server, and takes no writes.
    pub is_standby: bool,
    /// What this role finds set for it and is not as PostgreSQL has it by default: names and values.
    pub inherited: Vec<(String, String)>,
}

/// What a transaction may inherit from the role, the database or the server.
const INHERITED: &str = "select name, reset_val from pg_settings where reset_val <> boot_val and name in (
    'default_transaction_isolation', 'default_transaction_read_only', 'default_transaction_deferrable', 'search_path',
    'session_replication_role', 'synchronous_commit', 'TimeZone', 'statement_timeout', 'lock_timeout',
    'idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout') order by name";

/// Looks. It changes nothing.
///
/// # Errors
/// [`Error::Unreachable`], [`Error::Unanswered`], [`Error::Postgres`].
pub fn probe(cluster: &Cluster) -> Result<DatabaseReport, Error> {
    cluster.read(async |client: Reading| {
        let rows = query(&client, "select current_setting('server_version'), pg_is_in_recovery()", &[]).await?;
        let row = rows.first().ok_or(Error::Damaged { what: "an answer has no row" })?;
        let (server, is_standby) = (get::<&str>(row, 0)?.to_owned(), get(row, 1)?);
        let rows = query(&client, INHERITED, &[]).await?;
        let inherited = rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect::<Result<Vec<_>, Error>>()?;
        let found = schema::version(&client).await?;
        Ok(DatabaseReport { server, found, known: schema::known(), is_standby, inherited })
    })
}
