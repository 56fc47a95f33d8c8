//! `letopis keys rotate`: another master key.

use crate::context::Context;
use crate::operation::Operation;
use crate::progress::{self, Progress};
use crate::{control, output};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use store::Log;
use tokio::sync::watch;

/// `letopis keys rotate`.
///
/// # Errors
/// When the keys cannot be wrapped again; for a log that nodes share also (code 4) when the new key was only made, and is
/// to be brought to every node first.
pub async fn verb(context: &Context) -> Result<()> {
    let done = match &context.settings.database {
        None => control::carry_out(context, Operation::RotateKeys).await?,
        // The owner of the tables does it, and the nodes follow: none of them may change keys.
        Some(_) => rotate(context.log()?.1, &watch::channel(Progress::default()).0).await?,
    };
    if let Some(former) = done["former_key"].as_str() {
        anstream::eprintln!(
            "the former master key is kept as {former}: backups of before need it. Copy the new one elsewhere now; \
             without it every sealed part is lost"
        );
    }
    output::show(context.output, &done)
}

/// Wraps every key of a log by a new master key.
///
/// # Errors
/// Those of [`Log::rotate_keys`].
pub async fn rotate(log: Log, progress: &progress::Sender) -> Result<Value> {
    let sender = progress.clone();
    let work = tokio::task::spawn_blocking(move || {
        log.rotate_keys(&mut |done| {
            sender.send_replace(Progress { what: "keys wrapped again".to_owned(), done, part: 0.0 });
        })
    });
    let rotated = work.await.context("the rotation panicked")??;
    // The server may work in another folder than whoever asks it.
    let former = rotated.former.map(std::path::absolute).transpose().context("the folder that this runs in is gone")?;
    Ok(json!({"keys": rotated.keys, "former_key": former}))
}
