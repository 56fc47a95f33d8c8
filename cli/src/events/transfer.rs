//! The log into a file and out of it.

use crate::arguments::{Export, ImportLog};
use crate::backup::erased_again;
use crate::context::Context;
use crate::output;
use crate::progress::Meter;
use anyhow::{Context as _, Result};
use node::gzip;
use node::operations::{Progress, export, per_second};
use serde_json::{Value, json};
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;
use store::{Head, Totals};

/// How much is written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes the log into a file, or to standard output.
pub(super) fn export(context: &Context, asked: &Export) -> Result<()> {
    let began = Instant::now();
    if asked.file == Path::new("-") {
        let mut meter = Meter::new();
        let out = BufWriter::with_capacity(WRITE_BYTES, std::io::stdout().lock());
        let written = export::write(&context.node_options(), out, &mut |progress| meter.show(progress));
        meter.end();
        output::note(format_args!("{}", counted(written?, began)));
        return Ok(());
    }
    let mut meter = Meter::new();
    let show = &mut |progress: &Progress| meter.show(progress);
    let written = export::write_file(&context.node_options(), &asked.file, asked.force, show);
    meter.end();
    let (head, totals, bytes) = written?;
    let mut shown = counted((head, totals), began);
    shown["file"] = asked.file.display().to_string().into();
    shown["bytes"] = bytes.into();
    output::show(context.output, &shown)
}

/// Brings an exported log in.
pub(super) async fn import(context: &Context, asked: &ImportLog) -> Result<()> {
    let began = Instant::now();
    let source = gzip::source(&asked.file)?;
    let from = gzip::begin(source).with_context(|| format!("could not read {}", asked.file.display()))?;
    let mut meter = Meter::new();
    let brought = export::bring_in(&context.node_options(), from, &mut |progress| meter.show(progress));
    meter.end();
    let brought = brought?;
    let mut shown = counted((brought.head, brought.counted), began);
    erased_again(context, &brought, &mut shown).await?;
    output::show(context.output, &shown)
}

fn counted((head, counted): (Head, Totals), began: Instant) -> Value {
    let seconds = began.elapsed().as_secs_f64();
    json!({
        "events": counted.events, "head": head.position, "hash": domain::id::hex(&head.hash), "keys": counted.keys,
        "receipts": counted.receipts, "seconds": seconds,
        "events_per_second": per_second(counted.events, seconds).round(),
    })
}
