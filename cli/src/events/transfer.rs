//! The log into a file and out of it.

use crate::arguments::{Export, ImportLog};
use crate::backup::erased_again;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use crate::progress::Meter;
use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use node::gzip;
use node::operations::{Progress, per_second};
use relay::Arming;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;
use store::{Counted, Folder, Head, Target};

/// How much is written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes the log into a file, or to standard output.
pub(super) fn export(context: &Context, asked: &Export) -> Result<()> {
    let began = Instant::now();
    if asked.file == Path::new("-") {
        let written = exported(context, BufWriter::with_capacity(WRITE_BYTES, std::io::stdout().lock()))?;
        output::note(format_args!("{}", counted(written, began)));
        return Ok(());
    }
    check_place(asked)?;
    let failed = || format!("could not write {}", asked.file.display());
    let parent = match asked.file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    // For its owner alone (0600); removed when this ends before it is whole.
    let half = tempfile::Builder::new().prefix(".letopis-export-").tempfile_in(parent).with_context(failed)?;
    let file = BufWriter::with_capacity(WRITE_BYTES, half.as_file());
    let written = if asked.file.extension().is_some_and(|extension| extension == "gz") {
        let mut packing = GzEncoder::new(file, Compression::default());
        let written = exported(context, &mut packing)?;
        packing.finish().and_then(|mut file| file.flush()).with_context(failed)?;
        written
    } else {
        exported(context, file)?
    };
    half.as_file().sync_all().with_context(failed)?;
    let bytes = half.as_file().metadata().with_context(failed)?.len();
    if asked.force {
        half.persist(&asked.file).map_err(|error| error.error).with_context(failed)?;
    } else {
        half.persist_noclobber(&asked.file).map_err(|error| taken(error.error, &asked.file))?;
    }
    File::open(parent).and_then(|parent| parent.sync_all()).with_context(failed)?;
    let mut shown = counted(written, began);
    shown["file"] = asked.file.display().to_string().into();
    shown["bytes"] = bytes.into();
    output::show(context.output, &shown)
}

/// A file that is there is not written over, and what is no file never.
fn check_place(asked: &Export) -> Result<()> {
    let shown = asked.file.display();
    match asked.file.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if !found.is_file() => {
            let message = format!("{shown} is not a file; name one, or - for standard output");
            Err(failure(Code::Usage, message))
        }
        Ok(_) if asked.force => Ok(()),
        Ok(_) => Err(already(&asked.file)),
    }
}

fn taken(error: std::io::Error, file: &Path) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return already(file);
    }
    anyhow::Error::new(error).context(format!("could not write {}", file.display()))
}

fn already(file: &Path) -> anyhow::Error {
    let message = format!("{} is there already; name another file, or replace it with --force", file.display());
    failure(Code::Conflict, message)
}

fn exported(context: &Context, to: impl Write) -> Result<(Head, Counted)> {
    let data = &context.settings.data;
    let mut meter = Meter::new();
    let progress = |position, head| meter.show(&events(position, head));
    let written = match &context.settings.database {
        None => store::export(&Folder::existing(data)?, to, progress),
        Some(cluster) => store::postgres::export(cluster, &Folder::unopened(data), to, progress),
    };
    meter.end();
    Ok(written?)
}

/// Brings an exported log in.
pub(super) async fn import(context: &Context, asked: &ImportLog) -> Result<()> {
    let began = Instant::now();
    let source = gzip::source(&asked.file)?;
    let from = gzip::begin(source).with_context(|| format!("could not read {}", asked.file.display()))?;
    let (master_key, erased_list) = (context.master_key(), context.erased_list());
    let target = Target { data: &context.settings.data, master_key: &master_key, erased_list: &erased_list };
    let mut meter = Meter::new();
    let progress = |position, head| meter.show(&events(position, head));
    let brought = match &context.settings.database {
        None => store::import(target, from, progress),
        Some(cluster) => {
            // Before anybody sees the log: a copy is silent.
            let disarm = || Arming::open(&store::RelayPlace::shared(cluster))?.set(false);
            store::postgres::import(cluster, target, from, progress, disarm)
        }
    };
    meter.end();
    let brought = brought?;
    let mut shown = counted((brought.head, brought.counted), began);
    erased_again(context, &brought, &mut shown).await?;
    output::show(context.output, &shown)
}

fn events(position: u64, head: u64) -> Progress {
    Progress { what: "events".to_owned(), done: position, part: position as f64 / head.max(1) as f64 }
}

fn counted((head, counted): (Head, Counted), began: Instant) -> Value {
    let seconds = began.elapsed().as_secs_f64();
    json!({
        "events": counted.events, "head": head.position, "hash": domain::id::hex(&head.hash), "keys": counted.keys,
        "receipts": counted.receipts, "seconds": seconds,
        "events_per_second": per_second(counted.events, seconds).round(),
    })
}
