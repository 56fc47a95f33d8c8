//! A copy of the log, taken beside whoever writes.

use super::export::known;
use super::{Pool, reading, rows, schema, verify};
use crate::anchor::{self, Anchor};
use crate::manifest::{BackupFile, Manifest, read_through};
use crate::{Error, Folder, failpoint};
use domain::Timestamp;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is told how much is copied.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// How far a backup or a restore is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many bytes of about so many.
    Copied(u64, u64),
    /// So many events of so many.
    Verified(u64, u64),
}

/// Copies the log of a folder into `to`, which must be empty or not there, beside a running server as well; needs no
/// master key. The copy is the log as it was at one instant after the call. It is rewritten from its rows: what
/// was forgotten, and free pages, are not in it. It is verified, and its anchor is made from it, before `backup.json`
/// says that it is complete. The master key, the list of the erased and the read models are left out.
///
/// # Errors
/// [`Error::InTheWay`]; [`Error::NotHeld`] when the log, or the copy, does not hold; [`Error::NoAnchor`],
/// [`Error::BadAnchor`]; [`Error::DiskFull`], [`Error::NotWritten`], [`Error::File`], [`Error::Database`]. What was
/// copied is then removed.
pub fn backup(
    folder: &Folder,
    to: &Path,
    now: impl FnOnce() -> Timestamp,
    mut progress: impl FnMut(Stage),
) -> Result<Manifest, Error> {
    // First the anchor, then the log: the anchor is never ahead.
    let anchor = folder.read_anchor();
    let mut place = Place::begin(to)?;
    let database = to.join("letopis.db");
    vacuum(folder, &database, &mut progress)?;
    failpoint::pass("backup-copied");
    let head = {
        let connection = reading(&database)?;
        schema::check(&connection)?;
        let head = rows::head(&connection)?;
        if head.position > 0 {
            known(&connection, head, anchor?.head)?;
        }
        head
    };
    let pool = Pool::new(database.clone());
    let verified = verify::verify(&pool, 1, u64::MAX, &[head.into()], |position| {
        progress(Stage::Verified(position, head.position));
    });
    let verified = verified.map_err(|source| Error::NotHeld { source })?;
    let anchor = to.join(anchor::FILE_NAME);
    anchor::create(&anchor, Anchor { head: head.into(), settled: head.into() })?;
    let files = [&database, &anchor].map(|path| copied(path));
    let files = files.into_iter().collect::<Result<_, _>>()?;
    failpoint::pass("backup-verified");
    let manifest = Manifest::new(now(), head, verified.events, files);
    manifest.write(to).map_err(Error::file("write the backup's manifest into", to))?;
    place.is_finished = true;
    Ok(manifest)
}

/// Writes the log again into a file of its own. One statement, one snapshot: the writer goes on meanwhile.
fn vacuum(folder: &Folder, to: &Path, progress: &mut impl FnMut(Stage)) -> Result<(), Error> {
    let from = folder.database();
    let connection = reading(&from)?;
    schema::check(&connection)?;
    // The connection itself is read-only; this statement alone writes elsewhere.
    connection.execute_batch("pragma query_only = off")?;
    super::private_file(to)?;
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let target = to.to_str().ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8");
        Error::file("write a backup to", to)(source)
    })?;
    std::thread::scope(|scope| {
        let copying = scope.spawn(move || connection.execute("vacuum into ?1", [target]));
        while !copying.is_finished() {
            progress(Stage::Copied(bytes(to), bytes(&from)));
            std::thread::park_timeout(TOLD_EVERY);
        }
        let copied = copying.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        copied.map_err(Error::not_written)
    })?;
    File::open(to).and_then(|file| file.sync_all()).map_err(Error::file("sync the backup", to))
}

fn copied(path: &Path) -> Result<BackupFile, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (bytes, blake3) = read_through(path, |_| Ok(())).map_err(Error::file("read back", path))?;
    Ok(BackupFile { name, bytes, blake3 })
}

/// A folder that gets a backup. Dropped before it is finished, it takes away what was copied.
struct Place {
    to: PathBuf,
    is_made: bool,
    is_finished: bool,
}

impl Place {
    fn begin(to: &Path) -> Result<Place, Error> {
        let is_made = !to.exists();
        if is_made {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(to);
            made.map_err(Error::file("make the folder", to))?;
        }
        let mut inside = fs::read_dir(to).map_err(Error::file("look into", to))?;
        match inside.next() {
            None => Ok(Place { to: to.to_owned(), is_made, is_finished: false }),
            Some(found) => {
                let found = found.map_err(Error::file("look into", to))?;
                let name = found.file_name().to_string_lossy().into_owned();
                Err(Error::InTheWay { path: to.to_owned(), name })
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // Whatever stays has no manifest, and is no backup.
        for name in ["letopis.db", "letopis.db-journal", anchor::FILE_NAME, "anchor.new", "backup.json.new"] {
            let _ = fs::remove_file(self.to.join(name));
        }
        if self.is_made {
            let _ = fs::remove_dir(&self.to);
        }
    }
}
