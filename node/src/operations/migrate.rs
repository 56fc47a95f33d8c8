//! The tables of a database that nodes share.

use super::Error;
use serde::Serialize;
use store::Cluster;

/// The versions of the tables before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// Zero where there were none.
    pub before: i64,
    /// The one of this program.
    pub version: i64,
}

/// Brings the tables to this program's version. `role` is the role of the nodes, where it does not own the tables.
///
/// # Errors
/// When the database cannot be reached, or is of a newer version.
pub fn migrate(cluster: &Cluster, role: Option<&str>) -> Result<MigrationReport, Error> {
    let (before, version) = store::postgres::migrate(cluster, role)?;
    Ok(MigrationReport { before, version })
}
