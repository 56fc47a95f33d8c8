//! The log as a whole: how much there is of what, and whether it holds.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Listing};
use crate::progress::Meter;
use anyhow::Result;
use node::operations::{Progress, per_second};
use serde_json::json;
use std::time::Instant;
use store::{AcceptedLog, Folder, Log};

/// How many events of which type there are.
pub(super) fn stats(context: &Context, log: &Log) -> Result<()> {
    let stats = log.stats()?;
    let types = stats.types.iter().map(|(name, count)| json!({"type": name, "count": count}));
    let shown = json!({
        "head": stats.head.position, "events": stats.events, "types": types.collect::<Vec<_>>(),
    });
    if !output::is_table(context.output) {
        return output::show(context.output, &shown);
    }
    let mut listing = Listing::new(context.output, &["type", "count"]);
    for row in shown["types"].as_array().into_iter().flatten() {
        listing.row(row)?;
    }
    listing.row(&json!({"type": "all, up to the head", "count": stats.events}))?;
    listing.end()
}

/// Checks the chain, and tells the first position where it does not hold.
pub(super) fn verify(context: &Context, log: &Log, from: Option<u64>, to: Option<u64>) -> Result<()> {
    let began = Instant::now();
    let (first, last) = (from.unwrap_or(1).max(1), to.unwrap_or(u64::MAX));
    if first > last {
        return Err(failure(Code::Usage, "--from is behind --to; exchange them"));
    }
    let end = log.head().map_or(last, |head| head.position).min(last).max(first);
    let mut meter = Meter::new();
    let verified = log.verify(first, last, |position| {
        let done = (position + 1).saturating_sub(first);
        meter.show(&Progress { what: "events".to_owned(), done, part: done as f64 / (end + 1 - first) as f64 });
    });
    meter.end();
    let seconds = began.elapsed().as_secs_f64();
    match verified {
        Ok(verified) => output::show(
            context.output,
            &json!({
                "verified": true, "events": verified.events, "head": verified.head.position,
                "hash": domain::id::hex(&verified.head.hash), "anchor": verified.anchor, "seconds": seconds,
                "events_per_second": per_second(verified.events, seconds).round(),
            }),
        ),
        Err(store::Error::NotHeld { source: broken }) => {
            let shown = json!({"verified": false, "position": broken.position, "what": broken.what});
            output::show(context.output, &shown)?;
            let advice = "somebody or something changed the log: compare with a backup before anything else";
            let failed = failure(Code::Unhealthy, format!("the log does not hold at {broken}; {advice}"));
            Err(failed)
        }
        // Nothing was found out: that is no verdict.
        Err(error) => Err(anyhow::Error::new(error).context("the log was not verified to its end; run it again")),
    }
}

/// Shows what the anchor knows; with `accept` it takes the log as it stands for whole.
pub(super) fn anchor(context: &Context, accept: bool) -> Result<()> {
    let folder = match context.settings.database {
        None => Folder::existing(&context.settings.data)?,
        Some(_) => Folder::create(&context.settings.data)?,
    };
    if !accept {
        let anchor = folder.read_anchor()?;
        return output::show(
            context.output,
            &json!({"position": anchor.head.position, "hash": domain::id::hex(&anchor.head.hash)}),
        );
    }
    let lock = folder.lock()?;
    let before = folder.read_anchor().ok().map(|anchor| anchor.head.position);
    let AcceptedLog { verified, is_other } = match &context.settings.database {
        None => store::accept_anchor(&folder, &lock, |_| {})?,
        Some(cluster) => store::postgres::accept_anchor(cluster, &folder, &lock, |_| {})?,
    };
    if is_other {
        // What came of the history that is gone. What nodes share is built again by the one that starts first.
        projections::discard(&folder)?;
    }
    let lost = before.unwrap_or_default().saturating_sub(verified.head.position);
    output::show(
        context.output,
        &json!({
            "accepted": true, "position": verified.head.position, "hash": domain::id::hex(&verified.head.hash),
            "before": before, "lost": lost, "other_history": is_other,
        }),
    )
}
