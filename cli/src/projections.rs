//! `letopis projections`: how far the read models are, building them anew, comparing them with the log.

use crate::arguments::{OneProjection, Projections as Verb, WhichProjections};
use crate::context::Context;
use crate::control;
use crate::exit::{Code, failure};
use crate::output::{Listing, show};
use crate::progress::Meter;
use anyhow::Result;
use node::operations::projections::names;
use node::operations::{Progress, Request};
use projections::{Kind, ModelVerification, Status};
use serde_json::{Value, json};

/// Does what was asked.
///
/// # Errors
/// What went wrong; code 5 when a read model does not follow from the log.
pub async fn verb(context: &Context, verb: &Verb) -> Result<()> {
    match verb {
        Verb::Ls => ls(context),
        Verb::Rebuild(which) => rebuild(context, which).await,
        Verb::Verify(which) => verify(context, which),
        Verb::Pause(OneProjection { name, reason }) => {
            let request = Request::Pause { projection: name.clone(), reason: reason.clone() };
            change(context, name, request).await
        }
        Verb::Resume(OneProjection { name, reason }) => {
            let request = Request::Resume { projection: name.clone(), reason: reason.clone() };
            change(context, name, request).await
        }
        Verb::Skip { name, reason } => {
            if !domain::projection::is_reason(reason) {
                return Err(failure(Code::Usage, domain::projection::Refusal::BadReason.to_string()));
            }
            let request = Request::Skip { projection: name.clone(), reason: reason.clone() };
            change(context, name, request).await
        }
    }
}

const COLUMNS: &[&str] =
    &["name", "version", "position", "head", "lag_events", "lag_seconds", "state", "index_bytes", "error"];

fn ls(context: &Context) -> Result<()> {
    let mut listing = Listing::new(context.output, COLUMNS);
    for status in context.projections()?.status()? {
        listing.row(&row(&status))?;
    }
    listing.end()
}

fn row(status: &Status) -> Value {
    let mut row = json!({
        "name": status.name.as_str(), "version": status.version, "generation": status.generation,
        "position": status.position, "head": status.head,
        "lag_events": status.lag_events, "lag_seconds": status.lag_seconds, "state": status.state.as_str(),
    });
    if let Some(size) = status.size {
        row["index_bytes"] = json!(size.bytes);
        row["segments"] = json!(size.segments);
        row["documents"] = json!(size.documents);
    }
    if let Some(error) = &status.error {
        row["error"] = json!(error);
        row["failed_position"] = json!(status.failed_position);
    }
    row
}

async fn rebuild(context: &Context, which: &WhichProjections) -> Result<()> {
    // A wrong name is said before the server is asked.
    names(which.name.as_deref())?;
    let request = Request::Rebuild { projection: which.name.clone() };
    let rebuilt = control::carry_out(context, request).await?;
    let columns = &["name", "version", "events", "seconds", "events_per_second"];
    let mut listing = Listing::new(context.output, columns);
    for row in rebuilt.as_array().into_iter().flatten() {
        listing.row(row)?;
    }
    listing.end()
}

/// Carries out what is wanted of one projection.
async fn change(context: &Context, name: &str, request: Request) -> Result<()> {
    // A wrong name is said before the server is asked.
    names(Some(name))?;
    let changed = control::carry_out(context, request).await?;
    show(context.output, &changed)
}

fn verify(context: &Context, which: &WhichProjections) -> Result<()> {
    let names = names(which.name.as_deref())?;
    let projections = context.projections()?;
    let mut listing = Listing::new(context.output, &["name", "verified", "position", "rows", "differences"]);
    let mut differing = Vec::new();
    for name in names {
        let mut meter = Meter::new();
        let verified = projections.verify(name, &mut |at| {
            meter.show(&Progress {
                what: format!("events into {name}"),
                done: at.position,
                part: at.position as f64 / at.head.max(1) as f64,
            });
        });
        meter.end();
        let verified = verified?;
        listing.row(&verified_row(&verified))?;
        if !verified.differences.is_empty() {
            differing.push(verified);
        }
    }
    listing.end()?;
    if differing.is_empty() {
        return Ok(());
    }
    let names = differing.iter().map(|verified| verified.name.as_str());
    Err(failure(
        Code::Unhealthy,
        format!(
            "{} differ from what follows from the log:\n{}\nbuild them again with `letopis projections rebuild NAME`",
            names.collect::<Vec<_>>().join(", "),
            differing.iter().flat_map(told).collect::<Vec<_>>().join("\n"),
        ),
    ))
}

fn verified_row(verified: &ModelVerification) -> Value {
    let differences = verified
        .differences
        .iter()
        .map(|difference| json!({"table": difference.table, "row": difference.row, "found": side(difference.kind)}));
    json!({
        "name": verified.name.as_str(), "verified": verified.differences.is_empty(),
        "position": verified.position, "rows": verified.rows, "differences": differences.collect::<Vec<_>>(),
    })
}

fn told(verified: &ModelVerification) -> Vec<String> {
    let tell = |difference: &projections::Difference| {
        format!("  {}: {}, {}", difference.table, difference.row, side(difference.kind))
    };
    verified.differences.iter().map(tell).collect()
}

fn side(kind: Kind) -> &'static str {
    match kind {
        Kind::OnlyServing => "only in the read model",
        Kind::OnlyLog => "only in the log",
    }
}
