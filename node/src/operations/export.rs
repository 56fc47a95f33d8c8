//! The log as one file of lines: written beside a running server, and brought in again.

use super::erase::CopyReport;
use super::progress::whole_per_second;
use super::{Error, Progress, Unit};
use crate::NodeOptions;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;
use std::time::Instant;
use store::{Arming, Folder, Head, Imported, Outlet, RelayPlace, Target, Totals};

/// How much is written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// A log that was written into a file or a stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportReport {
    /// How many events it holds.
    pub events: u64,
    /// The last of them.
    pub head: u64,
    /// Its hash, in hex.
    pub hash: String,
    /// How many wrapped keys are in it.
    pub keys: u64,
    /// How many receipts are in it.
    pub receipts: u64,
    /// How long it took.
    pub seconds: f64,
    /// A whole number.
    pub events_per_second: f64,
    /// The file and its length; absent for a stream.
    #[serde(flatten)]
    pub file: Option<ExportFile>,
}

/// The file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportFile {
    /// As it was named.
    pub file: String,
    /// Its length.
    pub bytes: u64,
}

/// An exported log that serves as the log now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogImportReport {
    /// The log.
    #[serde(flatten)]
    pub copy: CopyReport,
    /// How many wrapped keys were in the file.
    pub keys: u64,
    /// How many receipts were in it.
    pub receipts: u64,
    /// How long it took.
    pub seconds: f64,
    /// A whole number.
    pub events_per_second: f64,
}

impl ExportReport {
    fn of((head, totals): (Head, Totals), began: Instant, file: Option<ExportFile>) -> ExportReport {
        let seconds = began.elapsed().as_secs_f64();
        ExportReport {
            events: totals.events,
            head: head.position,
            hash: domain::id::hex(&head.hash),
            keys: totals.keys,
            receipts: totals.receipts,
            seconds,
            events_per_second: whole_per_second(totals.events, seconds),
            file,
        }
    }
}

impl LogImportReport {
    /// The report of a log that was brought in and is a [`CopyReport`] now.
    pub fn of(copy: CopyReport, imported: &Imported, began: Instant) -> LogImportReport {
        let seconds = began.elapsed().as_secs_f64();
        let Totals { events, keys, receipts } = imported.counted;
        LogImportReport { copy, keys, receipts, seconds, events_per_second: whole_per_second(events, seconds) }
    }
}

/// Writes the log to a stream, which had better gather the bytes.
///
/// # Errors
/// When the log cannot be read, or the stream takes no bytes.
pub fn write(options: &NodeOptions, to: impl Write, show: &mut impl FnMut(&Progress)) -> Result<ExportReport, Error> {
    let began = Instant::now();
    Ok(ExportReport::of(write_to(options, to, show)?, began, None))
}

fn write_to(options: &NodeOptions, to: impl Write, show: &mut impl FnMut(&Progress)) -> Result<(Head, Totals), Error> {
    let progress = |position, head| show(&Progress::of(Unit::Events, position, head));
    let written = match &options.database {
        None => store::export(&Folder::existing(&options.data)?, to, progress)?,
        Some(cluster) => store::postgres::export(cluster, &Folder::unopened(&options.data), to, progress)?,
    };
    Ok(written)
}

/// Writes the log into a file, compressed when its name ends in `.gz`. With `replace` a file of that name is replaced,
/// at the end.
///
/// # Errors
/// [`Error::AlreadyThere`], [`Error::NoFileThere`], [`Error::CannotWrite`]; nothing is left behind then.
pub fn write_file(
    options: &NodeOptions,
    path: &Path,
    replace: bool,
    show: &mut impl FnMut(&Progress),
) -> Result<ExportReport, Error> {
    let began = Instant::now();
    check_place(path, replace)?;
    let failed = |source| Error::CannotWrite { path: path.to_owned(), source };
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    // For its owner alone (0600); removed when this ends before it is whole.
    let half = tempfile::Builder::new().prefix(".letopis-export-").tempfile_in(parent).map_err(failed)?;
    let file = BufWriter::with_capacity(WRITE_BYTES, half.as_file());
    let written = if path.extension().is_some_and(|extension| extension == "gz") {
        let mut packing = GzEncoder::new(file, Compression::default());
        let written = write_to(options, &mut packing, show)?;
        packing.finish().and_then(|mut file| file.flush()).map_err(failed)?;
        written
    } else {
        write_to(options, file, show)?
    };
    half.as_file().sync_all().map_err(failed)?;
    let bytes = half.as_file().metadata().map_err(failed)?.len();
    if replace {
        half.persist(path).map_err(|error| failed(error.error))?;
    } else {
        half.persist_noclobber(path).map_err(|error| match error.error.kind() == io::ErrorKind::AlreadyExists {
            true => Error::AlreadyThere(path.to_owned()),
            false => failed(error.error),
        })?;
    }
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
    let file = ExportFile { file: path.display().to_string(), bytes };
    Ok(ExportReport::of(written, began, Some(file)))
}

/// A file that is there is not written over, and what is no file never.
fn check_place(path: &Path, replace: bool) -> Result<(), Error> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(found) if !found.is_file() => Err(Error::NoFileThere(path.to_owned())),
        Ok(_) if replace => Ok(()),
        Ok(_) => Err(Error::AlreadyThere(path.to_owned())),
    }
}

/// Brings an exported log in, which is a copy from then on: whoever is in it again although they were erased, is erased by
/// [`super::erase::again_in_copy`].
///
/// # Errors
/// What went wrong; there is no log then.
pub fn bring_in(
    options: &NodeOptions,
    from: impl BufRead,
    show: &mut impl FnMut(&Progress),
) -> Result<Imported, Error> {
    let (master_key, erased_list) = (options.master_key_file(), options.erased_list_file());
    let target = Target { data: &options.data, master_key: &master_key, erased_list: &erased_list };
    let progress = |position, head| show(&Progress::of(Unit::Events, position, head));
    let brought = match &options.database {
        None => store::import(target, from, progress)?,
        Some(cluster) => {
            // Before anybody sees the log: a copy is silent.
            let place = RelayPlace::shared(cluster);
            let disarm = || Outlet::ALL.into_iter().try_for_each(|outlet| Arming::open(&place, outlet)?.set(false));
            store::postgres::import(cluster, target, from, progress, disarm)?
        }
    };
    Ok(brought)
}
