//! `letopis projections`: how far the read models are, building them again, comparing them with the log.

use crate::arguments::{OneProjection, Projections as Verb, WhichProjections};
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Listing};
use crate::progress::Meter;
use crate::{control, report};
use anyhow::Result;
use node::operations::Request;
use node::operations::projections::{self as operation, ProjectionVerification, names};

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

const COLUMNS: &[Column] = &[
    Column::new("name"),
    Column::new("version").yields(5),
    Column::new("position").yields(4),
    Column::new("head").yields(6),
    Column::new("lag_events").yields(1),
    Column::new("lag_seconds").yields(3),
    Column::new("state"),
    Column::new("index_bytes").yields(7),
    Column::new("error").yields(2),
];
const VERIFIED: &[Column] = &[
    Column::new("name"),
    Column::new("verified"),
    Column::new("position").yields(1),
    Column::new("rows").yields(2),
    Column::new("differences").yields(3),
];

fn ls(context: &Context) -> Result<()> {
    let mut listing = Listing::new(context.output, COLUMNS);
    for status in operation::status(&context.projections()?)? {
        listing.row(&status)?;
    }
    listing.end()
}

async fn rebuild(context: &Context, which: &WhichProjections) -> Result<()> {
    // A wrong name is said before the server is asked.
    names(which.name.as_deref(), context.settings.modules.projections())?;
    let request = Request::Rebuild { projection: which.name.clone() };
    report::show(context.output, &control::carry_out(context, request).await?)
}

/// Carries out what is wanted of one projection.
async fn change(context: &Context, name: &str, request: Request) -> Result<()> {
    // A wrong name is said before the server is asked.
    names(Some(name), context.settings.modules.projections())?;
    report::show(context.output, &control::carry_out(context, request).await?)
}

fn verify(context: &Context, which: &WhichProjections) -> Result<()> {
    let names = names(which.name.as_deref(), context.settings.modules.projections())?;
    let projections = context.projections()?;
    let mut listing = Listing::new(context.output, VERIFIED);
    let mut differing = Vec::new();
    for name in names {
        let mut meter = Meter::new();
        let verified = operation::verify(&projections, name, &mut |progress| meter.show(progress));
        meter.end();
        let verified = verified?;
        listing.row(&verified)?;
        if !verified.verified {
            differing.push(verified);
        }
    }
    listing.end()?;
    if differing.is_empty() {
        return Ok(());
    }
    let names = differing.iter().map(|verified| verified.name);
    Err(failure(
        Code::Unhealthy,
        format!(
            "{} differ from what follows from the log:\n{}\nbuild them again with `letopis projections rebuild NAME`",
            names.collect::<Vec<_>>().join(", "),
            differing.iter().flat_map(told).collect::<Vec<_>>().join("\n"),
        ),
    ))
}

fn told(verified: &ProjectionVerification) -> impl Iterator<Item = String> {
    verified.differences.iter().map(|row| format!("  {}: {}, {}", row.table, row.row, row.found))
}
