//! The last part of a disk is not for the log: the read models have to follow what was acknowledged before, or nobody
//! could read it.

use crate::Error;
use std::path::Path;

/// So much is left free, in bytes,
const KEPT_BYTES: u64 = 32 * 1024 * 1024;
/// but of a small disk no more than this part.
const KEPT_PART: u64 = 4;

/// Refuses when the disk under that folder is all but full, or takes no writes any more: a system does that to one that
/// fails.
///
/// # Errors
/// [`Error::DiskFull`], [`Error::NotWritten`].
pub(super) fn check(folder: &Path) -> Result<(), Error> {
    // A file system that does not tell shows it by the write itself.
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        let words = "the file system of the data folder only reads".to_owned();
        return Err(Error::NotWritten { source: rusqlite::Error::SqliteFailure(code, Some(words)) });
    }
    let (whole, free) = (disk.f_blocks.saturating_mul(disk.f_frsize), disk.f_bavail.saturating_mul(disk.f_frsize));
    if is_enough(whole, free) {
        return Ok(());
    }
    let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    let words = format!("{free} bytes are free, and the last ones are for the read models");
    Err(Error::DiskFull { source: rusqlite::Error::SqliteFailure(full, Some(words)) })
}

fn is_enough(whole: u64, free: u64) -> bool {
    free >= KEPT_BYTES.min(whole / KEPT_PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn the_last_part_of_a_disk_is_kept() {
        assert!(is_enough(1_000_000 * MIB, 32 * MIB));
        assert!(!is_enough(1_000_000 * MIB, 32 * MIB - 1));
        assert!(is_enough(16 * MIB, 4 * MIB));
        assert!(!is_enough(16 * MIB, 4 * MIB - 1));
        // It does not tell its size.
        assert!(is_enough(0, 0));
        assert!(check(tempfile::tempdir().unwrap().path()).is_ok());
    }
}
