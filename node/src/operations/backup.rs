//! The log as a copy of its files: made beside a running server, and brought back.

use super::{Error, Progress};
use crate::{NodeOptions, now};
use std::path::{Path, PathBuf};
use store::{Folder, Imported, Manifest, RestoreExtras, Stage, Target};

/// Copies the log of a data folder into `to`, which must be empty or not there.
///
/// # Errors
/// What went wrong; nothing is left in `to` then.
pub fn make(data: &Path, to: &Path, show: &mut impl FnMut(&Progress)) -> Result<Manifest, Error> {
    let folder = Folder::existing(data)?;
    Ok(store::backup(&folder, to, now, |stage| show(&progress(stage)))?)
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
    let (what, done, whole) = match stage {
        Stage::Copied(done, whole) => ("bytes copied", done, whole),
        Stage::Verified(done, whole) => ("events verified", done, whole),
    };
    Progress::of(what, done, whole)
}
