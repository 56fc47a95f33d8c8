//! `letopis backup` and `letopis restore`.

use crate::arguments::{Backup, Restore};
use crate::context::Context;
use crate::output;
use crate::progress::Meter;
use anyhow::Result;
use node::operations::backup::{self, RestoreSummary};
use node::operations::{Progress, erase, per_second};
use serde_json::{Value, json};
use std::time::Instant;
use store::Imported;

/// Copies the log.
///
/// # Errors
/// What went wrong; nothing is left in the folder then.
pub fn backup(context: &Context, asked: &Backup) -> Result<()> {
    context.embedded_only("backup")?;
    let began = Instant::now();
    let mut meter = Meter::new();
    let made = backup::make(&context.settings.data, &asked.folder, &mut |progress| meter.show(progress));
    meter.end();
    let made = made?;
    let seconds = began.elapsed().as_secs_f64();
    output::show(
        context.output,
        &json!({
            "backup": asked.folder.display().to_string(), "events": made.events, "head": made.position,
            "hash": domain::id::hex(&made.hash()), "made_at": made.made_at,
            "bytes": made.files.iter().map(|file| file.bytes).sum::<u64>(), "seconds": seconds,
            "events_per_second": per_second(made.events, seconds).round(),
        }),
    )
}

/// Brings a backup in.
///
/// # Errors
/// What went wrong; the data folder is as it was then.
pub async fn restore(context: &Context, asked: &Restore) -> Result<()> {
    context.embedded_only("restore")?;
    let began = Instant::now();
    let mut meter = Meter::new();
    let show = &mut |progress: &Progress| meter.show(progress);
    let restored = backup::restore(&context.node_options(), &asked.folder, asked.master_key.as_deref(), show);
    meter.end();
    let RestoreSummary { brought, missing_list } = restored?;
    if let Some(list) = missing_list {
        output::note(format_args!(
            "note: there was no list of the erased: who was erased after this backup was made has an account again. \
             If there is such a list, put it in place of {} before the server starts.",
            list.display()
        ));
    }
    let mut shown = json!({
        "events": brought.counted.events, "head": brought.head.position,
        "hash": domain::id::hex(&brought.head.hash), "verified": true,
    });
    erased_again(context, &brought, &mut shown).await?;
    shown["seconds"] = began.elapsed().as_secs_f64().into();
    output::show(context.output, &shown)
}

/// Says what a copy does not do, erases those again whom it has brought back, and verifies it once more. When this is
/// interrupted, the next start goes on with it before it serves.
///
/// # Errors
/// When they cannot be erased, or the log does not hold then.
pub async fn erased_again(context: &Context, brought: &Imported, shown: &mut Value) -> Result<()> {
    output::note(format_args!(
        "note: this log is a copy, so a server tells other services nothing of it over NATS until `letopis relay arm`: \
         run that once the log that it was copied from is given up."
    ));
    shown["erased_again"] = brought.back.len().into();
    if brought.back.is_empty() {
        return Ok(());
    }
    let verified = erase::again_in_copy(context.node_options()).await?;
    shown["events"] = verified.events.into();
    shown["head"] = verified.head.position.into();
    shown["hash"] = domain::id::hex(&verified.head.hash).into();
    Ok(())
}
