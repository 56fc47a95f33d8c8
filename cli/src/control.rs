//! How a verb that changes something gets it done, and shows how far it is.

use crate::context::Context;
use crate::progress::Meter;
use anyhow::Result;
use node::control;
use node::gzip::Source;
use node::operations::{Report, Request};

/// Carries a request out: by the running server, or in this process when no server runs.
///
/// # Errors
/// What it failed with, or why it could not begin.
pub async fn carry_out(context: &Context, request: Request) -> Result<Report> {
    carry_out_shown(context, request, None).await
}

/// The same for a request that takes a file along.
///
/// # Errors
/// As [`carry_out`], and when the file cannot be read.
pub async fn carry_out_with(context: &Context, request: Request, source: Source) -> Result<Report> {
    carry_out_shown(context, request, Some(source)).await
}

async fn carry_out_shown(context: &Context, request: Request, source: Option<Source>) -> Result<Report> {
    let mut meter = Meter::new();
    let result =
        control::carry_out(context.node_options(), request, source, &mut |progress| meter.show(progress)).await;
    meter.end();
    Ok(result?)
}
