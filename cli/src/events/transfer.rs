//! The log into a file and out of it.

use crate::arguments::{Export, ImportLog};
use crate::backup::copied;
use crate::context::Context;
use crate::output;
use crate::progress::Meter;
use anyhow::{Context as _, Result};
use node::gzip;
use node::operations::Progress;
use node::operations::export::{self, LogImportReport};
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

/// How much is written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes the log into a file, or to standard output.
pub(super) fn export(context: &Context, asked: &Export) -> Result<()> {
    let mut meter = Meter::new();
    let show = &mut |progress: &Progress| meter.show(progress);
    if asked.file == Path::new("-") {
        let out = BufWriter::with_capacity(WRITE_BYTES, std::io::stdout().lock());
        let written = export::write(&context.node_options(), out, show);
        meter.end();
        output::note(serde_json::to_string(&written?)?);
        return Ok(());
    }
    let written = export::write_file(&context.node_options(), &asked.file, asked.force, show);
    meter.end();
    output::show(context.output, &written?)
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
    let copy = copied(context, &brought).await?;
    output::show(context.output, &LogImportReport::of(copy, &brought, began))
}
