//! Building a read model anew, beside the one that serves.

use crate::generation::{self, Generation};
use crate::slot::{Slot, Stop, follow};
use crate::{Error, Name, Projections, Result, scan, skips};
use std::path::{Path, PathBuf};
use store::sql::Database;
use store::{Log, failpoint};

/// How many facts are folded in one transaction.
const BATCH: usize = 10_000;

/// How far a rebuild or a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is folded in.
    pub position: u64,
    /// Where it is to get.
    pub head: u64,
}

impl Projections {
    /// Builds the read model from the log in the next generation's file, while the present one serves and follows,
    /// then lets the new one serve. A stopped projection runs again when nothing stops the new one. The former
    /// generation's file is kept, older ones are removed. It takes as long as reading the log: not for the threads
    /// of async code.
    pub fn rebuild(&self, name: Name, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        if !self.may_write() {
            return Err(Error::ReadOnly);
        }
        let slot = self.slot(name);
        begin(slot)?;
        failpoint::pass("rebuild-begun");
        let rebuilt = self.build_next(slot, progress);
        let ended = slot.note(|entry| entry.rebuilding = false);
        rebuilt.and(ended)
    }

    fn build_next(&self, slot: &Slot, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let name = slot.name;
        let number = slot.entry().generation + 1;
        let path = generation::path(self.models(), name, name.version(), number);
        let switched = skips::read(self.log(), name)
            .and_then(|skips| Generation::create(&path, name, number, skips))
            .and_then(|next| self.fill_and_switch(slot, next, progress));
        match switched {
            Ok(former) => {
                failpoint::pass("rebuild-switched");
                remove_others(self.models(), name, &[Some(path), former])
            }
            Err(error) => {
                // The failure is what the caller wants to hear of; what is left is removed by the next rebuild.
                let _ = Database::remove(&path);
                Err(error)
            }
        }
    }

    /// Answers the file of the former generation.
    fn fill_and_switch(
        &self,
        slot: &Slot,
        mut next: Generation,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<PathBuf>> {
        self.fill(&mut next, slot.name, progress)?;
        failpoint::pass("rebuild-filled");
        next.make_indexes()?;
        failpoint::pass("rebuild-indexed");
        // What came while the indexes were made, so that little is left to be done under the lock.
        self.fill(&mut next, slot.name, progress)?;
        let mut writing = slot.lock();
        // Nobody else's code runs under the lock: it could wait for us.
        self.fill(&mut next, slot.name, &mut |_| {})?;
        if *next.skips() != skips::read(self.log(), slot.name)? {
            return Err(Error::SkippedMeanwhile { name: slot.name });
        }
        next.persist()?;
        failpoint::pass("rebuild-persisted");
        let former = slot.switch(&mut writing, next)?;
        Ok(former.map(|generation| generation.path().to_owned()))
    }

    fn fill(&self, next: &mut Generation, name: Name, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        match build(self.log(), name, next, progress)? {
            None => Ok(()),
            Some(stop) => Err(stop.error),
        }
    }
}

fn begin(slot: &Slot) -> Result<()> {
    let mut running = false;
    slot.note(|entry| running = std::mem::replace(&mut entry.rebuilding, true))?;
    if running { Err(Error::RebuildRunning { name: slot.name }) } else { Ok(()) }
}

/// Folds the log from the generation's checkpoint to the present head into it. Answers what stops it, if something
/// does.
pub(crate) fn build(
    log: &Log,
    name: Name,
    next: &mut Generation,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    let head = log.head()?.position;
    build_to(log, name, next, head, progress)
}

/// The same up to that position.
pub(crate) fn build_to(
    log: &Log,
    name: Name,
    next: &mut Generation,
    head: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    while next.position() < head {
        let left = usize::try_from(head - next.position()).unwrap_or(usize::MAX);
        let scan = scan::read(log, next.position(), left.min(BATCH))?;
        if scan.is_empty() {
            break;
        }
        if let Some(stop) = follow(next, name, &scan)? {
            return Ok(Some(stop));
        }
        progress(Progress { position: next.position(), head });
    }
    Ok(None)
}

/// Removes every generation's file of that projection but these.
pub(crate) fn remove_others(models: &Path, name: Name, keep: &[Option<PathBuf>]) -> Result<()> {
    remove(models, name, |path, _| !keep.iter().flatten().any(|kept| kept == path))
}

/// Removes the files of the generations before that one: what was erased from it is to be erased from them. The
/// one that is being built beside it stays.
pub(crate) fn remove_former(serving: &Generation, name: Name) -> Result<()> {
    let models = serving.path().parent().unwrap_or(Path::new("."));
    remove(models, name, |_, number| number < serving.number())
}

/// Removes what a crash left of a rebuild. Nobody rebuilds that projection now.
pub(crate) fn remove_unfinished(models: &Path, name: Name, serving: u64) -> Result<()> {
    remove(models, name, |_, number| number > serving)
}

fn remove(models: &Path, name: Name, which: impl Fn(&Path, u64) -> bool) -> Result<()> {
    let failed = || Error::file("read the folder", models);
    for file in std::fs::read_dir(models).map_err(failed())? {
        let path = file.map_err(failed())?.path();
        if number_of(&path, name).is_some_and(|number| which(&path, number)) {
            Database::remove(&path)?;
        }
    }
    Ok(())
}

/// The generation's number, when the file is `<name>-v<version>-<number>.db`.
fn number_of(path: &Path, name: Name) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".db")?;
    let (version, number) = stem.strip_prefix(name.as_str())?.strip_prefix("-v")?.split_once('-')?;
    version.parse::<u32>().ok()?;
    number.parse().ok()
}
