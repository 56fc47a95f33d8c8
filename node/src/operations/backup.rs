//! The log as a copy of its files: made beside a running server, and brought back.

use super::erase::CopyReport;
use super::progress::whole_per_second;
use super::{Error, Progress, Unit};
use crate::NodeOptions;
use domain::Timestamp;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use store::{Folder, Imported, RestoreExtras, Stage, Target, now};

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BackupReport {
    /// Its folder.
    pub backup: String,
    /// How many events it holds.
    pub events: u64,
    /// The last of them.
    pub head: u64,
    /// Its hash, in hex.
    pub hash: String,
    /// When it was complete.
    pub made_at: Timestamp,
    /// Of all its files.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// A whole number.
    pub events_per_second: f64,
}

/// A backup that serves as the log now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreReport {
    /// The log.
    #[serde(flatten)]
    pub copy: CopyReport,
    /// True: a restore verifies the whole log.
    pub verified: bool,
    /// How long it took.
    pub seconds: f64,
}

/// Copies the log of a data folder into `to`, which must be empty or not there.
///
/// # Errors
/// What went wrong; nothing is left in `to` then.
pub fn make(data: &Path, to: &Path, show: &mut impl FnMut(&Progress)) -> Result<BackupReport, Error> {
    let began = Instant::now();
    let folder = Folder::existing(data)?;
    let made = store::backup(&folder, to, now, |stage| show(&progress(stage)))?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(BackupReport {
        backup: to.display().to_string(),
        events: made.events,
        head: made.position,
        hash: domain::id::hex(&made.hash()),
        made_at: made.made_at,
        bytes: made.files.iter().map(|file| file.bytes).sum(),
        seconds,
        events_per_second: whole_per_second(made.events, seconds),
    })
}

/// A backup that was brought in.
pub struct RestoreSummary {
    /// What the log holds now, and who is in it again although they were erased: [`super::erase::again_in_copy`].
    pub brought: Imported,
    /// Where a list of the erased belongs, when there was none: then whoever was erased after the backup was made has an
    /// account again.
    pub missing_list: Option<PathBuf>,
}

/// Brings a backup in. `master_key` is a key's file elsewhere, beside which the list of the erased may be.
///
/// # Errors
/// What went wrong; the data folder is as it was then.
pub fn restore(
    options: &NodeOptions,
    from: &Path,
    master_key: Option<&Path>,
    show: &mut impl FnMut(&Progress),
) -> Result<RestoreSummary, Error> {
    if !from.is_dir() {
        return Err(Error::NoBackup(from.to_owned()));
    }
    let (own_key, own_list) = (options.master_key_file(), options.erased_list_file());
    let target = Target { data: &options.data, master_key: &own_key, erased_list: &own_list };
    // The list is kept with the key: where the key comes from, there it may be.
    let list = master_key.map(|key| key.with_file_name("erased"));
    let is_listed = own_list.exists() || list.as_deref().is_some_and(Path::exists);
    let along = RestoreExtras { master_key, erased_list: list.as_deref() };
    let brought = store::restore(from, target, along, |stage| show(&progress(stage)))?;
    Ok(RestoreSummary { brought, missing_list: (!is_listed).then_some(own_list) })
}

fn progress(stage: Stage) -> Progress {
    match stage {
        Stage::Copied(done, whole) => Progress::of(Unit::BytesCopied, done, whole),
        Stage::Verified(done, whole) => Progress::of(Unit::EventsVerified, done, whole),
    }
}
