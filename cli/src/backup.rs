//! `letopis backup` and `letopis restore`.

use crate::arguments::{Backup, Restore};
use crate::context::Context;
use crate::output;
use crate::progress::Meter;
use anyhow::Result;
use node::operations::Progress;
use node::operations::backup::{self, RestoreReport, RestoreSummary};
use node::operations::erase::{CopyReport, again_in_copy};
use std::time::Instant;
use store::Imported;

/// Copies the log.
///
/// # Errors
/// What went wrong; nothing is left in the folder then.
pub fn backup(context: &Context, asked: &Backup) -> Result<()> {
    context.embedded_only("backup")?;
    let mut meter = Meter::new();
    let made = backup::make(&context.settings.data, &asked.folder, &mut |progress| meter.show(progress));
    meter.end();
    output::show(context.output, &made?)
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
    let copy = copied(context, &brought).await?;
    output::show(context.output, &RestoreReport { copy, verified: true, seconds: began.elapsed().as_secs_f64() })
}

/// Says what a copy does not do, and erases those again whom it has brought back.
///
/// # Errors
/// When they cannot be erased, or the log does not hold then.
pub async fn copied(context: &Context, copy: &Imported) -> Result<CopyReport> {
    output::note(format_args!(
        "note: this log is a copy, so a server mails nobody until `letopis notifications arm`, and tells other services \
         nothing over NATS until `letopis relay arm`: run both once the log that it was copied from is given up."
    ));
    Ok(again_in_copy(context.node_options(), copy).await?)
}
