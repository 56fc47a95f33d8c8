//! `letopis keys rotate`: another master key.

use crate::context::Context;
use crate::{control, output};
use anyhow::Result;
use node::operations::{Progress, Request, keys};
use tokio::sync::watch;

/// `letopis keys rotate`.
///
/// # Errors
/// When the keys cannot be wrapped again; for a log that nodes share also (code 4) when the new key was only made, and is
/// to be brought to every node first.
pub async fn verb(context: &Context) -> Result<()> {
    let done = match &context.settings.database {
        None => control::carry_out(context, Request::RotateKeys).await?,
        // The owner of the tables does it, and the nodes follow: none of them may change keys.
        Some(_) => keys::rotate(context.log()?.1, &watch::channel(Progress::default()).0).await?,
    };
    if let Some(former) = done["former_key"].as_str() {
        anstream::eprintln!(
            "the former master key is kept as {former}: backups of before need it. Copy the new one elsewhere now; \
             without it every sealed part is lost"
        );
    }
    output::show(context.output, &done)
}
