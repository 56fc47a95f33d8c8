//! The master key: a file outside the database, which wraps every other key.

use crate::folder::sync_parent;
use crate::seal::{Key, random_key};
use crate::{Error, failpoint};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What the check value holds: that it opens shows that the master key is the right one.
const CHECK: &[u8] = b"letopis master key";
const CHECK_LABEL: &[u8] = b"letopis check";

/// Former master keys that are kept beside the present one.
const FORMER_MAX: u32 = 1_000;

/// The master key as it was read from its file.
pub(crate) struct MasterKey(pub(crate) Key);

/// Where the key is kept that a rotation brings in, until everything is wrapped by it.
pub(crate) fn next(path: &Path) -> PathBuf {
    beside(path, ".next")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The master key that a check value was made with: the one in its place, or the next one where a rotation was cut off
/// before its file was put into place.
///
/// # Errors
/// [`Error::MissingMasterKey`], [`Error::WrongMasterKey`], and those of reading a key.
pub(crate) fn of(path: &Path, check: &[u8]) -> Result<MasterKey, Error> {
    let placed = MasterKey::read(path)?;
    let is_placed = placed.is_some();
    if let Some(key) = placed.filter(|key| key.made(check)) {
        return Ok(key);
    }
    let next = MasterKey::read(&next(path))?.filter(|key| key.made(check));
    next.ok_or_else(|| match is_placed {
        true => Error::WrongMasterKey,
        false => Error::MissingMasterKey { path: path.to_owned() },
    })
}

/// Ends a rotation: puts the next key into its place when the check value was made with it, and keeps the former one,
/// which copies of before need. Answers where that is. Harmless to repeat after a crash.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn settle(path: &Path, check: &[u8]) -> Result<Option<PathBuf>, Error> {
    match MasterKey::read(&next(path))? {
        Some(key) if key.made(check) => put_in_place(path).map(Some),
        Some(_) | None => Ok(None),
    }
}

/// Puts the next key into its place; it is known to be in force.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn put_in_place(path: &Path) -> Result<PathBuf, Error> {
    let failed = |source| Error::file("put the new master key into its place", path)(source);
    let former = keep_former(path).map_err(failed)?;
    failpoint::pass("former-key-kept");
    fs::rename(next(path), path).map_err(failed)?;
    sync_parent(path).map_err(failed)?;
    Ok(former)
}

/// Copies the key's file beside it, unless a crash came after that.
fn keep_former(path: &Path) -> io::Result<PathBuf> {
    let digits = Zeroizing::new(fs::read(path)?);
    for number in 1..=FORMER_MAX {
        let former = beside(path, &format!(".former-{number}"));
        match fs::read(&former).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return place(&former, &digits).map(|()| former);
            }
            Err(error) => return Err(error),
            Ok(kept) if kept.trim_ascii() == digits.trim_ascii() => return Ok(former),
            Ok(_) => {}
        }
    }
    Err(io::Error::other(format!("{FORMER_MAX} former keys are kept there; put them elsewhere")))
}

/// The key that a rotation is to bring in, and whether its file was there before; else it is made.
///
/// # Errors
/// Those of reading and of making a key.
pub(crate) fn prepare_next(path: &Path) -> Result<(MasterKey, bool), Error> {
    let next = next(path);
    match MasterKey::read(&next)? {
        Some(key) => Ok((key, true)),
        None => Ok((MasterKey::create(&next)?, false)),
    }
}

impl MasterKey {
    /// A value that shows later whether a key is this one.
    pub(crate) fn check(&self) -> Vec<u8> {
        self.0.seal(CHECK_LABEL, CHECK)
    }

    /// Whether a check value was made with this key.
    pub(crate) fn made(&self, check: &[u8]) -> bool {
        self.0.open(CHECK_LABEL, check).as_deref() == Some(CHECK)
    }

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
    file.write_all(digits.trim_ascii_end())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    failpoint::io("key-written")?;
    fs::rename(&half, path)?;
    failpoint::io("key-renamed")?;
    sync_parent(path)
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
