//! The log as a whole: how much there is of what, and whether it holds.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use crate::progress::Meter;
use anyhow::Result;
use node::operations::log::{self, LogVerification};
use serde_json::json;
use store::Log;

const COLUMNS: &[Column] = &[Column::new("type"), Column::new("count")];

/// How many events of which type there are.
pub(super) fn stats(context: &Context, log: &Log) -> Result<()> {
    let stats = log::stats(log)?;
    if !context.output.is_table() {
        return output::show(context.output, &stats);
    }
    let mut listing = Listing::new(context.output, COLUMNS);
    stats.types.iter().try_for_each(|row| listing.row(row))?;
    listing.row(&json!({"type": "all, up to the head", "count": stats.events}))?;
    listing.end()
}

/// Checks the chain, and tells the first position where it does not hold.
pub(super) fn verify(context: &Context, log: &Log, from: Option<u64>, to: Option<u64>) -> Result<()> {
    let (first, last) = (from.unwrap_or(1).max(1), to.unwrap_or(u64::MAX));
    if first > last {
        return Err(failure(Code::Usage, "--from is behind --to; exchange them"));
    }
    let mut meter = Meter::new();
    let verified = log::verify(log, (first, last), &mut |progress| meter.show(progress));
    meter.end();
    let verified = verified?;
    output::show(context.output, &verified)?;
    match verified {
        LogVerification::Holds { .. } => Ok(()),
        LogVerification::Broken { position, what, .. } => {
            let advice = "the log was changed from outside: compare with a backup before anything else";
            let message = format!("the log is broken at position {position}: {what}; {advice}");
            Err(failure(Code::Unhealthy, message))
        }
    }
}

/// Shows what the anchor knows; with `accept` it takes the log as it is for whole.
pub(super) fn anchor(context: &Context, accept: bool) -> Result<()> {
    let options = context.node_options();
    if accept {
        output::show(context.output, &log::accept_anchor(&options)?)
    } else {
        output::show(context.output, &log::anchor(&options)?)
    }
}
