//! `letopis backup` and `letopis restore`.

use crate::arguments::{Backup, Restore};
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use crate::progress::Meter;
use anyhow::Result;
use node::Node;
use node::operations::{self, Progress, per_second};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use store::{Along, Brought, Folder, Stage, Target};

/// Copies the log.
///
/// # Errors
/// What went wrong; nothing is left in the folder then.
pub fn backup(context: &Context, asked: &Backup) -> Result<()> {
    context.embedded_only("backup")?;
    let folder = Folder::existing(&context.settings.data)?;
    let began = Instant::now();
    let mut meter = Meter::new();
    let made = store::backup(&folder, &asked.folder, node::now, |stage| meter.show(&progress(stage)));
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
    if !asked.folder.is_dir() {
        let message =
            format!("there is no folder {}; name the one that `letopis backup` wrote", asked.folder.display());
        return Err(failure(Code::NotFound, message));
    }
    let began = Instant::now();
    let (master_key, erased_list) = (context.master_key(), context.erased_list());
    let target = Target { data: &context.settings.data, master_key: &master_key, erased_list: &erased_list };
    // The list is kept with the key: where the key comes from, there it may lie.
    let list = asked.master_key.as_ref().map(|key| key.with_file_name("erased"));
    let is_listed = erased_list.exists() || list.as_deref().is_some_and(Path::exists);
    let along = Along { master_key: asked.master_key.as_deref(), erased_list: list.as_deref() };
    let mut meter = Meter::new();
    let brought = store::restore(&asked.folder, target, along, |stage| meter.show(&progress(stage)));
    meter.end();
    let brought = brought?;
    if !is_listed {
        output::note(format_args!(
            "note: there was no list of the erased: who was erased after this backup was made has an account again. \
             If there is such a list, put it in place of {} before the server starts.",
            erased_list.display()
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
pub async fn erased_again(context: &Context, brought: &Brought, shown: &mut Value) -> Result<()> {
    output::note(format_args!(
        "note: this log is a copy, so a server tells other services nothing of it over NATS until `letopis relay arm`: \
         run that once the log that it was copied from is given up."
    ));
    shown["erased_again"] = brought.back.len().into();
    if brought.back.is_empty() {
        return Ok(());
    }
    // Opening erases them.
    let node = Node::open(context.node_options()).await?;
    operations::settle(&node).await;
    node.stop().await;
    let (_, log) = context.log()?;
    let verified = log.verify(1, u64::MAX, |_| {})?;
    shown["events"] = verified.events.into();
    shown["head"] = verified.head.position.into();
    shown["hash"] = domain::id::hex(&verified.head.hash).into();
    Ok(())
}

fn progress(stage: Stage) -> Progress {
    let (what, done, whole) = match stage {
        Stage::Copied(done, whole) => ("bytes copied", done, whole),
        Stage::Verified(done, whole) => ("events verified", done, whole),
    };
    Progress { what: what.to_owned(), done, part: done as f64 / whole.max(1) as f64 }
}
