//! How what an operation reports is shown.

use crate::output::{self, Column, Listing, Screen};
use anyhow::Result;
use node::operations::Report;

const REBUILT: &[Column] = &[
    Column::new("name"),
    Column::new("version").yields(3),
    Column::new("events").yields(2),
    Column::new("seconds").yields(1),
    Column::new("events_per_second"),
];

/// Shows the report of an operation.
///
/// # Errors
/// When the reader of standard output has left.
pub fn show(screen: Screen, report: &Report) -> Result<()> {
    match report {
        Report::User(change) => output::show(screen, change),
        Report::Import(import) => output::show(screen, &import.summary),
        Report::Rebuild(rows) => {
            let mut listing = Listing::new(screen, REBUILT);
            rows.iter().try_for_each(|row| listing.row(row))?;
            listing.end()
        }
        Report::Projection(change) => output::show(screen, change),
        Report::Skip(skip) => output::show(screen, skip),
        Report::Writer(health) => output::show(screen, health),
        Report::Arming(arming) => output::show(screen, arming),
        Report::CourierArming(arming) => output::show(screen, arming),
        Report::Delivery(change) => output::show(screen, change),
        Report::Mailing(change) => output::show(screen, change),
        Report::Rotation(rotation) => output::show(screen, rotation),
        Report::Resolution(resolution) => output::show(screen, resolution),
        Report::Mailbox(cleared) => output::show(screen, cleared),
        Report::Republish(republish) => output::show(screen, republish),
    }
}
