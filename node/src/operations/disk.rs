//! How much room there is for the data.

use super::Error;
use serde::Serialize;
use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// With less free than this the log soon cannot be written.
pub const FREE_BYTES_LEAST: u64 = 100 * MIB;
/// With less free than this somebody should look.
pub const FREE_BYTES_EASY: u64 = 1024 * MIB;

/// The disk that a folder is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DiskSpace {
    /// What may still be written.
    pub free_bytes: u64,
    pub size_bytes: u64,
}

/// Looks at the disk of a folder, or of the nearest one above it that is there.
///
/// # Errors
/// When the disk cannot be asked.
pub fn space(folder: &Path) -> Result<DiskSpace, Error> {
    let place = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(place).map_err(|error| Error::FolderGone(error.into()))?;
    Ok(DiskSpace {
        free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        size_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}
