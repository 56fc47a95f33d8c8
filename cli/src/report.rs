//! How what an operation reports is shown.

use crate::output::{self, Format, Listing};
use anyhow::Result;
use node::operations::Report;

const REBUILD_COLUMNS: &[&str] = &["name", "version", "events", "seconds", "events_per_second"];

/// Shows the report of an operation.
///
/// # Errors
/// When the reader of standard output has left.
pub fn show(asked: Option<Format>, report: &Report) -> Result<()> {
    match report {
        Report::User(change) => output::show(asked, change),
        Report::Import(import) => output::show(asked, &import.summary),
        Report::Rebuild(rows) => {
            let mut listing = Listing::new(asked, REBUILD_COLUMNS);
            rows.iter().try_for_each(|row| listing.row(row))?;
            listing.end()
        }
        Report::Projection(change) => output::show(asked, change),
        Report::Skip(skip) => output::show(asked, skip),
        Report::Writer(health) => output::show(asked, health),
        Report::Arming(arming) => output::show(asked, arming),
        Report::Rotation(rotation) => output::show(asked, rotation),
        Report::Republish(republish) => output::show(asked, republish),
    }
}
