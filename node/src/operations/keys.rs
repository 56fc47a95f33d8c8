//! The master key, which wraps every other one.

use super::{Error, Progress, Sender};
use serde_json::{Value, json};
use store::Log;

/// Wraps every key of a log by a new master key.
///
/// # Errors
/// Those of [`Log::rotate_keys`].
pub async fn rotate(log: Log, progress: &Sender) -> Result<Value, Error> {
    let sender = progress.clone();
    let work = tokio::task::spawn_blocking(move || {
        log.rotate_keys(&mut |done| {
            sender.send_replace(Progress { what: "keys wrapped again".to_owned(), done, part: 0.0 });
        })
    });
    let rotated = work.await.map_err(|source| Error::Panicked { what: "rotation", source })??;
    // The server may work in another folder than whoever asks it.
    let former = rotated.former.map(std::path::absolute).transpose().map_err(Error::FolderGone)?;
    Ok(json!({"keys": rotated.keys, "former_key": former}))
}
