//! What a backup says of itself: `backup.json`, written last, so that a folder without it is no backup.

use crate::transfer::Hex;
use crate::{Error, Head};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// In the backup's folder.
pub(crate) const FILE_NAME: &str = "backup.json";

const FORMAT: &str = "letopis-backup";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// A longer one is none.
const BYTES_MAX: u64 = 64 * 1024;

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u32,
    /// When it was complete.
    pub made_at: Timestamp,
    /// Where its log ends.
    pub position: u64,
    hash: Hex,
    /// How many events it holds.
    pub events: u64,
    /// What else is in the folder.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupFile {
    /// In the folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    pub(crate) blake3: Hex,
}

impl Manifest {
    pub(crate) fn new(made_at: Timestamp, head: Head, events: u64, files: Vec<BackupFile>) -> Manifest {
        let (position, hash) = (head.position, Hex(head.hash));
        Manifest { format: FORMAT.to_owned(), version: VERSION, made_at, position, hash, events, files }
    }

    /// The log's hash at its end.
    pub fn hash(&self) -> [u8; 32] {
        self.hash.0
    }

    /// The manifest of the backup in a folder.
    ///
    /// # Errors
    /// [`Error::NotABackup`], [`Error::File`].
    pub fn read(folder: &Path) -> Result<Manifest, Error> {
        let path = folder.join(FILE_NAME);
        let none = |what: String| Error::NotABackup { path: folder.to_owned(), what };
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(none(format!("it has no {FILE_NAME}, so it was interrupted or is another folder")));
            }
            Err(source) => return Err(Error::file("read", &path)(source)),
        }
        let read = serde_json::from_slice::<Manifest>(&bytes);
        let manifest = read.map_err(|error| none(format!("its {FILE_NAME} cannot be read ({error})")))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let (format, version) = (&manifest.format, manifest.version);
            return Err(none(format!("it is a {format} of version {version}, this program reads {FORMAT} {VERSION}")));
        }
        Ok(manifest)
    }

    /// Writes it into a folder whose files are on the disk.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let half = folder.join("backup.json.new");
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&half)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&half, folder.join(FILE_NAME))?;
        File::open(folder)?.sync_all()
    }
}

/// Reads a file to its end, and gives each piece of it to `with`. Answers its length and hash.
pub(crate) fn read_through(path: &Path, mut with: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(u64, Hex)> {
    const PIECE: usize = 1024 * 1024;
    let (mut file, mut sum, mut bytes) = (File::open(path)?, blake3::Hasher::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok((bytes, Hex(*sum.finalize().as_bytes()))),
            Ok(read) => {
                sum.update(&piece[..read]);
                with(&piece[..read])?;
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
