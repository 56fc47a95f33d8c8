//! `letopis keys rotate`: another master key.

use crate::context::Context;
use crate::{control, output, report};
use anyhow::Result;
use node::operations::keys::RotationReport;
use node::operations::{Report, Request};

/// `letopis keys rotate`.
///
/// # Errors
/// When the keys cannot be wrapped again; for a log that nodes share also (code 4) when the new key was only made, and is
/// to be brought to every node first.
pub async fn verb(context: &Context) -> Result<()> {
    let rotated = control::carry_out(context, Request::RotateKeys).await?;
    if let Report::Rotation(RotationReport { former_key: Some(former), .. }) = &rotated {
        output::note(format_args!(
            "the former master key is kept as {former}: backups of before need it. Copy the new one elsewhere now; \
             without it every sealed part is lost"
        ));
    }
    report::show(context.output, &rotated)
}
