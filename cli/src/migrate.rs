//! `letopis migrate`: the tables of a database that nodes share.

use crate::arguments::Migrate;
use crate::context::Context;
use crate::output;
use anyhow::Result;
use node::operations::migrate;

/// Brings the database to this version's tables.
///
/// # Errors
/// When it cannot be reached, or is of a newer version.
pub fn verb(context: &Context, asked: &Migrate) -> Result<()> {
    let Some(cluster) = &context.settings.database else {
        output::note("the embedded log is brought up to date by `letopis serve`; there is nothing to do");
        return Ok(());
    };
    output::show(context.output, &migrate::migrate(cluster, asked.role.as_deref())?)
}
