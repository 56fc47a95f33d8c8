//! The master key, which wraps every other one.

use super::{Error, Progress, Sender, Unit};
use serde::{Deserialize, Serialize};
use store::Log;

/// What a rotation of the master key did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationReport {
    /// Data keys that were wrapped by the new master key.
    pub keys: u64,
    /// Where the former master key is kept; none when another process has put the new one into its place.
    pub former_key: Option<String>,
}

/// Wraps every key of a log by a new master key.
///
/// # Errors
/// Those of [`Log::rotate_keys`].
pub async fn rotate(log: Log, progress: &Sender) -> Result<RotationReport, Error> {
    let sender = progress.clone();
    let work = tokio::task::spawn_blocking(move || {
        log.rotate_keys(&mut |done| {
            sender.send_replace(Some(Progress { unit: Unit::KeysWrapped, done, part: 0.0 }));
        })
    });
    let rotated = work.await.map_err(|source| Error::Panicked { what: "rotation", source })??;
    // The server may work in another folder than the caller.
    let former = rotated.former.map(std::path::absolute).transpose().map_err(Error::FolderGone)?;
    Ok(RotationReport { keys: rotated.keys, former_key: former.map(|path| path.display().to_string()) })
}
