//! All projections of a data folder.

use crate::catalog::{Catalog, Entry};
use crate::generation::{self, Generation};
use crate::slot::{Slot, Stop};
use crate::{Behind, Error, LastUse, Name, Result, rebuild, skips, verify};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::sql::Database;
use store::{Folder, Log, failpoint};

/// All projections of a data folder. A cheap handle.
#[derive(Clone)]
pub struct Projections {
    shared: Arc<Shared>,
}

struct Shared {
    log: Log,
    models: PathBuf,
    catalog: Catalog,
    slots: Vec<Slot>,
    last_use: LastUse,
}

impl Projections {
    /// Opens the read models of a folder for writing; what is missing, of another version or ahead of the log is
    /// built from the log first. The caller holds the folder's lock.
    pub fn open(folder: &Folder, log: Log) -> Result<Projections> {
        let models = folder.read_models();
        std::fs::create_dir_all(&models).map_err(Error::file("make the folder", &models))?;
        verify::remove_abandoned(&models)?;
        let catalog = Catalog::open(&models)?;
        let slots =
            Name::ALL.into_iter().map(|name| slot(&models, &log, &catalog, name)).collect::<Result<Vec<_>>>()?;
        Ok(Projections::of(log, models, catalog, slots))
    }

    /// Opens the read models of a folder for reading, also beside the process that writes them.
    pub fn open_read_only(folder: &Folder, log: Log) -> Result<Projections> {
        let models = folder.read_models();
        let catalog = Catalog::open_read_only(&models)?;
        let mut slots = Vec::with_capacity(Name::ALL.len());
        for name in Name::ALL {
            let entry = catalog.entry(name)?.ok_or(Error::NotBuilt)?;
            if entry.version != name.version() {
                return Err(Error::OtherVersion { name, found: entry.version, known: name.version() });
            }
            let path = generation::path(&models, name, entry.version, entry.generation);
            let database = Database::open(&path)?;
            let position = generation::checkpoint(&database.snapshot(None)?)?;
            slots.push(Slot::reading(catalog.clone(), entry, database, position));
        }
        Ok(Projections::of(log, models, catalog, slots))
    }

    fn of(log: Log, models: PathBuf, catalog: Catalog, slots: Vec<Slot>) -> Projections {
        let last_use = LastUse::new(catalog.clone());
        Projections { shared: Arc::new(Shared { log, models, catalog, slots, last_use }) }
    }

    /// The read model that serves now. Ask again for each request: a rebuild puts another in its place.
    pub fn database(&self, name: Name) -> Database {
        self.slot(name).database()
    }

    /// How far that projection is; of one that is open for reading only, how far it was when it was opened.
    pub fn position(&self, name: Name) -> u64 {
        self.slot(name).position()
    }

    /// Waits until the projection has folded in the event at `position`. Answers how far it is. One that stands is
    /// not waited for.
    pub async fn caught_up(&self, name: Name, position: u64, wait: Duration) -> Result<u64, Behind> {
        let slot = self.slot(name);
        if slot.position() < position && slot.stands() {
            return Err(Behind { name, position: slot.position() });
        }
        let mut watch = slot.watch();
        let reached = tokio::time::timeout(wait, watch.wait_for(|reached| *reached >= position)).await;
        match reached {
            Ok(Ok(reached)) => Ok(*reached),
            Ok(Err(_)) | Err(_) => Err(Behind { name, position: self.position(name) }),
        }
    }

    /// When sessions and service tokens were last used.
    pub fn last_use(&self) -> &LastUse {
        &self.shared.last_use
    }

    pub(crate) fn slot(&self, name: Name) -> &Slot {
        let slot = self.shared.slots.iter().find(|slot| slot.name == name);
        slot.expect("a slot was made for every name")
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.shared.slots
    }

    pub(crate) fn log(&self) -> &Log {
        &self.shared.log
    }

    pub(crate) fn models(&self) -> &Path {
        &self.shared.models
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    pub(crate) fn may_write(&self) -> bool {
        self.shared.catalog.may_write()
    }
}

/// Opens the generation that the catalogue names, or builds the next one.
fn slot(models: &Path, log: &Log, catalog: &Catalog, name: Name) -> Result<Slot> {
    let known = catalog.entry(name)?;
    let skips = skips::read(log, name)?;
    if let Some(mut entry) = known.clone()
        && let Some(generation) = usable(models, log, &entry, &skips)?
    {
        // A crash ends a rebuild. An event that stopped the projection is tried again: this may be the version
        // that can read it.
        if entry.rebuilding || entry.failed.is_some() && !entry.paused {
            tracing::info!(projection = %name, stopped_at = entry.failed.as_ref().map(|(at, _)| at), "starts again");
            entry.rebuilding = false;
            entry.failed = entry.failed.filter(|_| entry.paused);
            catalog.put(&entry)?;
        }
        rebuild::remove_unfinished(models, name, entry.generation)?;
        return Ok(Slot::writing(catalog.clone(), entry, generation));
    }
    let number = known.as_ref().map_or(0, |entry| entry.generation) + 1;
    tracing::info!(projection = %name, version = name.version(), generation = number, "built from the log");
    let path = generation::path(models, name, name.version(), number);
    let mut next = Generation::create(&path, name, number, skips)?;
    let stop = rebuild::build(log, name, &mut next, &mut |_| {})?;
    next.make_indexes()?;
    next.persist()?;
    let failed = stop.map(Stop::told);
    let paused = known.as_ref().is_some_and(|entry| entry.paused);
    failpoint::pass("first-built");
    let entry = Entry { name, version: name.version(), generation: number, rebuilding: false, paused, failed };
    catalog.put(&entry)?;
    failpoint::pass("first-noted");
    let former = known.map(|entry| generation::path(models, name, entry.version, entry.generation));
    rebuild::remove_others(models, name, &[Some(path), former])?;
    Ok(Slot::writing(catalog.clone(), entry, next))
}

/// The generation that the catalogue names, when this program can go on with it.
fn usable(models: &Path, log: &Log, entry: &Entry, skips: &BTreeSet<u64>) -> Result<Option<Generation>> {
    let path = generation::path(models, entry.name, entry.version, entry.generation);
    if entry.version != entry.name.version() || !path.exists() {
        return Ok(None);
    }
    match Generation::open(&path, entry.name, entry.generation, skips.clone()) {
        // Further than the log: it was built from another one.
        Ok(generation) if generation.position() > log.head()?.position => Ok(None),
        Ok(generation) => Ok(Some(generation)),
        Err(error) => {
            tracing::warn!(projection = %entry.name, %error, "the read model cannot be opened and is built again");
            Ok(None)
        }
    }
}
