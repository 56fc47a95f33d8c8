//! The log as one file of lines: written beside a running server, and brought in again.

use super::{Error, Progress};
use crate::NodeOptions;
use flate2::Compression;
use flate2::write::GzEncoder;
use relay::Arming;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::path::Path;
use store::{Folder, Head, Imported, RelayPlace, Target, Totals};

/// How much is written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// Writes the log to wherever bytes go, which had better gather them.
///
/// # Errors
/// When the log cannot be read, or nobody takes the bytes.
pub fn write(options: &NodeOptions, to: impl Write, show: &mut impl FnMut(&Progress)) -> Result<(Head, Totals), Error> {
    let progress = |position, head| show(&Progress::of("events", position, head));
    let written = match &options.database {
        None => store::export(&Folder::existing(&options.data)?, to, progress)?,
        Some(cluster) => store::postgres::export(cluster, &Folder::unopened(&options.data), to, progress)?,
    };
    Ok(written)
}

/// Writes the log into a file, packed when its name ends in `.gz`; answers how many bytes it has as well. With `replace`
/// a file of that name is replaced, at the end.
///
/// # Errors
/// [`Error::AlreadyThere`], [`Error::NoFileThere`], [`Error::CannotWrite`]; nothing is left behind then.
pub fn write_file(
    options: &NodeOptions,
    path: &Path,
    replace: bool,
    show: &mut impl FnMut(&Progress),
) -> Result<(Head, Totals, u64), Error> {
    check_place(path, replace)?;
    let failed = |source| Error::CannotWrite { path: path.to_owned(), source };
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    // For its owner alone (0600); removed when this ends before it is whole.
    let half = tempfile::Builder::new().prefix(".letopis-export-").tempfile_in(parent).map_err(failed)?;
    let file = BufWriter::with_capacity(WRITE_BYTES, half.as_file());
    let (head, counted) = if path.extension().is_some_and(|extension| extension == "gz") {
        let mut packing = GzEncoder::new(file, Compression::default());
        let written = write(options, &mut packing, show)?;
        packing.finish().and_then(|mut file| file.flush()).map_err(failed)?;
        written
    } else {
        write(options, file, show)?
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
    Ok((head, counted, bytes))
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
    let progress = |position, head| show(&Progress::of("events", position, head));
    let brought = match &options.database {
        None => store::import(target, from, progress)?,
        Some(cluster) => {
            // Before anybody sees the log: a copy is silent.
            let disarm = || Arming::open(&RelayPlace::shared(cluster))?.set(false);
            store::postgres::import(cluster, target, from, progress, disarm)?
        }
    };
    Ok(brought)
}
