//! A backup, brought into a folder whose log is empty.

use super::backup::Stage;
use super::staging::Staging;
use super::{reading, schema, secrets};
use crate::anchor;
use crate::keys::Keys;
use crate::manifest::{self, Manifest, read_through};
use crate::master_key::MasterKey;
use crate::record::number;
use crate::transfer::{Imported, Target, Totals};
use crate::{Error, Verification, failpoint};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What a data folder may hold when a backup is brought into it: everything else is somebody else's.
const OURS: &[&str] = &[
    "master.key",
    "master.new",
    "erased",
    "anchor",
    "anchor.new",
    "clock",
    "clock.next",
    "letopis.lock",
    "letopis.db",
    "letopis.db-wal",
    "letopis.db-shm",
    "letopis.db.unfinished",
    "state.db",
    "state.db-wal",
    "state.db-shm",
    "control.sock",
    "read-models",
    "relay.disarmed",
    "couriers.disarmed",
    // Of the file system.
    "lost+found",
];

/// What is brought along with a backup, if anything is.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestoreExtras<'a> {
    /// The master key's file, copied to where the folder keeps its own.
    pub master_key: Option<&'a Path>,
    /// A list of the erased, added to the folder's own.
    pub erased_list: Option<&'a Path>,
}

/// Brings a backup into a folder whose log is empty. Every file is held against the manifest, and the whole log is
/// verified; until it is complete a start refuses the folder.
///
/// # Errors
/// [`Error::NotABackup`], [`Error::BadBackup`]; [`Error::NotEmpty`], [`Error::InTheWay`], [`Error::Locked`];
/// [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`], [`Error::KeyInTheWay`], and those of a master key's file;
/// [`Error::NotHeld`], [`Error::NotAnErasedList`]; [`Error::File`], [`Error::Database`]. The folder is as it was then.
pub fn restore(
    from: &Path,
    target: Target<'_>,
    along: RestoreExtras<'_>,
    mut progress: impl FnMut(Stage),
) -> Result<Imported, Error> {
    let manifest = Manifest::read(from)?;
    let master_key = along.master_key.unwrap_or(target.master_key);
    if MasterKey::read(master_key)?.is_none() {
        return Err(Error::NoMasterKeyBrought { path: master_key.to_owned() });
    }
    foreign(target.data)?;
    let staging = Staging::begin(target.data)?;
    let (database, whole) = (staging.database(), manifest.files.iter().map(|file| file.bytes).sum());
    let mut copying = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&database)
        .map_err(Error::file("make the database", &database))?;
    let mut done = 0;
    held(from, &manifest, "letopis.db", |piece| {
        done += piece.len() as u64;
        progress(Stage::Copied(done, whole));
        copying.write_all(piece)
    })?;
    held(from, &manifest, anchor::FILE_NAME, |_| Ok(()))?;
    failpoint::pass("restore-copied");
    let anchor = anchor::read(&from.join(anchor::FILE_NAME))?.unwrap_or_default();
    let counted = {
        let connection = reading(&database)?;
        schema::check(&connection)?;
        let (check, lookup) = secrets::wrapped(&connection)?;
        Keys::unlock_other(master_key, &check, &lookup)?;
        counted(&connection, manifest.events)?
    };
    let Verification { head, .. } = staging.verify(&[anchor.settled, anchor.head], |position| {
        progress(Stage::Verified(position, manifest.position));
    })?;
    if (head.position, head.hash) != (manifest.position, manifest.hash()) {
        let path = from.join(manifest::FILE_NAME);
        return Err(Error::BadBackup { path, what: "it names another end than the log has" });
    }
    if let Some(key) = along.master_key {
        MasterKey::bring(key, target.master_key)?;
    }
    let back = staging.listed(target.erased_list, along.erased_list)?;
    staging.finish(head)?;
    Ok(Imported { head, counted, back })
}

/// Reads a file of a backup to its end: it must be what the manifest says.
fn held(
    folder: &Path,
    manifest: &Manifest,
    name: &str,
    with: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Error> {
    let path = folder.join(name);
    let said = manifest.files.iter().find(|file| file.name == name);
    let said = said.ok_or_else(|| Error::BadBackup { path: path.clone(), what: "the manifest does not know it" })?;
    let (bytes, blake3) = match read_through(&path, with) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::BadBackup { path, what: "it is missing" });
        }
        read => read.map_err(Error::file("copy", &path))?,
    };
    match (bytes == said.bytes, blake3 == said.blake3) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::BadBackup { path, what: "some of its bytes have changed" }),
        (false, _) => Err(Error::BadBackup { path, what: "it has another length" }),
    }
}

fn counted(connection: &rusqlite::Connection, events: u64) -> Result<Totals, Error> {
    let sql = "select (select count(*) from subject_key), (select count(*) from receipt)";
    let (keys, receipts) = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Totals { events, keys: number(keys), receipts: number(receipts) })
}

/// Refuses a folder that holds what is not ours.
fn foreign(data: &Path) -> Result<(), Error> {
    let inside = match fs::read_dir(data) {
        Ok(inside) => inside,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::file("look into", data)(error)),
    };
    for found in inside {
        let name = found.map_err(Error::file("look into", data))?.file_name().to_string_lossy().into_owned();
        if !OURS.contains(&name.as_str()) {
            return Err(Error::InTheWay { path: data.to_owned(), name });
        }
    }
    Ok(())
}
