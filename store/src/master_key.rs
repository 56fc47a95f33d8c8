//! The master key: a file outside the database, which wraps every other key.

use crate::seal::{Key, random_key};
use crate::{Error, failpoint};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The master key as it was read from its file.
pub(crate) struct MasterKey(pub(crate) Key);

impl MasterKey {
    /// Reads the key; `None` when there is no such file.
    pub(crate) fn read(path: &Path) -> Result<Option<MasterKey>, Error> {
        let mode = match fs::metadata(path) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::file("read", path)(source)),
        };
        if mode & 0o077 != 0 {
            return Err(Error::LooseMasterKey { path: path.to_owned() });
        }
        let text = Zeroizing::new(fs::read(path).map_err(Error::file("read", path))?);
        let digits = std::str::from_utf8(&text).unwrap_or_default().trim();
        let bytes = domain::id::parse_hash(digits).map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| Error::NotAMasterKey { path: path.to_owned() })?;
        Ok(Some(MasterKey(Key::new(&bytes))))
    }

    /// Makes a key and its file (0600).
    pub(crate) fn create(path: &Path) -> Result<MasterKey, Error> {
        let (key, digits) = MasterKey::new();
        MasterKey::place(path, &digits)?;
        Ok(key)
    }

    /// Makes a key, and what its file is to hold.
    pub(crate) fn new() -> (MasterKey, Zeroizing<String>) {
        let bytes = random_key();
        let digits = Zeroizing::new(domain::id::hex(&bytes[..]));
        (MasterKey(Key::new(&bytes)), digits)
    }

    /// Makes the file (0600) of a new key.
    pub(crate) fn place(path: &Path, digits: &str) -> Result<(), Error> {
        place(path, digits.as_bytes()).map_err(Error::file("make the master key", path))
    }

    /// Copies a key's file (0600) to where there is none yet, or the same.
    pub(crate) fn bring(from: &Path, to: &Path) -> Result<(), Error> {
        let digits = |path: &Path| -> Result<Zeroizing<Vec<u8>>, Error> {
            let text = Zeroizing::new(fs::read(path).map_err(Error::file("read", path))?);
            Ok(Zeroizing::new(text.trim_ascii().to_ascii_lowercase()))
        };
        let brought = digits(from)?;
        match to.exists() {
            false => place(to, &brought).map_err(Error::file("bring the master key to", to)),
            true if digits(to)? == brought => Ok(()),
            true => Err(Error::KeyInTheWay { path: to.to_owned() }),
        }
    }
}

/// Writes a key's file and renames it into place, so that a crash leaves no half of a key.
fn place(path: &Path, digits: &[u8]) -> io::Result<()> {
    let half = path.with_extension("new");
    let mut options = File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    file.write_all(digits)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    failpoint::io("key-written")?;
    fs::rename(&half, path)?;
    failpoint::io("key-renamed")?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_hex_and_private() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("master.key");
        assert!(MasterKey::read(&path).unwrap().is_none());
        MasterKey::create(&path).unwrap();
        assert!(MasterKey::read(&path).unwrap().is_some());
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(MasterKey::read(&path), Err(Error::LooseMasterKey { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "0123").unwrap();
        assert!(matches!(MasterKey::read(&path), Err(Error::NotAMasterKey { .. })));
    }
}
