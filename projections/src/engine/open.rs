//! Opening a projection: the generation that the catalogue names, or the next one, which is built from the log.

use crate::engine::catalog::Entry;
use crate::engine::fan_out::Pages;
use crate::engine::folding::Stop;
use crate::engine::generation::Generation;
use crate::engine::handle::Handle;
use crate::engine::lease::Leases;
use crate::engine::locations::Locations;
use crate::engine::runner::{Runner, Shared};
use crate::engine::{rebuild, skips};
use crate::{Error, ProjectionId, Result};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::{Folder, Mark, described, failpoint};

/// How often a node looks whether another one has built what is missing.
const LOOK: Duration = Duration::from_millis(100);
/// How long a node that builds nothing waits for one that begins to build what is missing.
const BEGUN_WITHIN: Duration = Duration::from_secs(10);

/// Throws away the read models that lie in the data folder of a log which came back with another history: the next
/// start builds them anew. The caller holds the folder's lock.
///
/// # Errors
/// [`Error::File`], [`Error::Store`].
pub fn discard(folder: &Folder) -> Result<()> {
    let locations = Locations::Folder(folder.read_models());
    if !folder.read_models().exists() {
        return Ok(());
    }
    ProjectionId::ALL.into_iter().try_for_each(|name| rebuild::remove(&locations, name, |_| true))?;
    Ok(locations.catalog().remove()?)
}

/// Removes what there is of a projection that is left out, unless another node feeds it.
pub(crate) fn leave_out(shared: &Shared<'_>, name: ProjectionId) -> Result<()> {
    if let Some(leases) = shared.leases {
        let is_fed = leases.of_others()?.get(&name) == Some(&true);
        if is_fed || !leases.feeds() {
            return Ok(());
        }
    }
    rebuild::remove(shared.locations, name, |_| true)
}

/// For reading only.
pub(crate) fn to_read(shared: &Shared<'_>, name: ProjectionId) -> Result<Runner> {
    let entry = shared.catalog.entry(name)?.ok_or(Error::NotBuilt)?;
    if entry.version != name.version() {
        return Err(Error::OtherVersion { name, found: entry.version, known: name.version() });
    }
    let handle = shared.locations.generation(name, entry.version, entry.generation).open()?;
    let mark = handle.mark()?;
    Ok(Runner::reading(shared, entry, handle, mark))
}

/// For reading only; where this machine has none, it is not missed before somebody asks for it.
pub(crate) fn to_read_if_there(shared: &Shared<'_>, name: ProjectionId) -> Result<Runner> {
    match to_read(shared, name) {
        Err(Error::NotBuilt) => Ok(elsewhere(shared, name)),
        // Whoever verifies it is told so.
        Err(Error::Search(error)) => {
            tracing::warn!(projection = %name, error = described(&error), "the index cannot be read");
            Ok(elsewhere(shared, name))
        }
        opened => opened,
    }
}

fn elsewhere(shared: &Shared<'_>, name: ProjectionId) -> Runner {
    let (version, generation) = (name.version(), 0);
    let entry = Entry { name, version, generation, rebuilding: false, paused: false, failed: None };
    Runner::reading(shared, entry, Handle::Elsewhere, Mark::default())
}

/// For feeding it; or for following another node that feeds it. While another one builds what is missing, this one
/// waits: as long as reading the log takes. What is read for several of them serves the one that this node builds.
pub(crate) fn runner(shared: &Shared<'_>, name: ProjectionId, pages: Pages) -> Result<Runner> {
    let Some(leases) = shared.leases else { return writing(shared, name, 0, Some(pages)) };
    if !leases.feeds() {
        return following(shared, leases, name);
    }
    let (mut pages, mut logged) = (Some(pages), false);
    loop {
        if let Some(epoch) = leases.take(name)? {
            return writing(shared, name, epoch, pages);
        }
        // The others must not wait for one that waits itself.
        pages = None;
        match shared.catalog.entry(name)? {
            // Other nodes are of an older version.
            Some(entry) if entry.version < name.version() => {
                return writing(shared, name, leases.take_over(name)?, None);
            }
            Some(entry) if holds(shared, &entry)? => return to_read(shared, name),
            Some(_) | None if logged => {}
            Some(_) | None => {
                logged = true;
                tracing::info!(projection = %name, "another node builds it; this one waits");
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// For following other nodes and nothing else. What is missing is waited for, as long as another node builds it.
fn following(shared: &Shared<'_>, leases: &Leases, name: ProjectionId) -> Result<Runner> {
    let mut nobody_since = Instant::now();
    let mut logged = false;
    loop {
        match shared.catalog.entry(name)? {
            Some(entry) if entry.version >= name.version() && holds(shared, &entry)? => break,
            Some(_) | None => {}
        }
        if leases.of_others()?.get(&name) == Some(&true) {
            nobody_since = Instant::now();
        } else if nobody_since.elapsed() >= BEGUN_WITHIN {
            return Err(Error::NobodyBuilds { name });
        }
        if !std::mem::replace(&mut logged, true) {
            tracing::info!(projection = %name, "this node waits for another one that builds it");
        }
        std::thread::sleep(LOOK);
    }
    to_read(shared, name)
}

/// Whether the log holds what another node has folded in. One that was set back is built again by the node that feeds.
fn holds(shared: &Shared<'_>, entry: &Entry) -> Result<bool> {
    if entry.version != entry.name.version() {
        return Ok(true);
    }
    let handle = shared.locations.generation(entry.name, entry.version, entry.generation).open()?;
    Ok(shared.log.holds(handle.mark()?)?)
}

fn writing(shared: &Shared<'_>, name: ProjectionId, epoch: u64, pages: Option<Pages>) -> Result<Runner> {
    let Shared { locations, log, catalog, .. } = *shared;
    let (known, _) = catalog.claim(name, epoch)?;
    let skips = skips::read(log, name)?;
    if let Some(entry) = known.clone()
        && let Some(runner) = going_on(shared, entry, epoch, &skips)?
    {
        return Ok(runner);
    }
    let number = known.as_ref().map_or(0, |entry| entry.generation) + 1;
    let (mut next, pages) = match cut_off(shared, (name, number), epoch, &skips)? {
        // What it has already is read once more, for all of them together: each by itself would take longer.
        Some(next) => (next, pages),
        None => {
            tracing::info!(projection = %name, version = name.version(), generation = number, "built from the log");
            let place = locations.generation(name, name.version(), number);
            (Generation::create(&place, (name, number), epoch, skips)?, pages)
        }
    };
    let stop = rebuild::build_from(log, name, &mut next, pages, &mut |at| (shared.tell)(name, at))?;
    next.make_indexes()?;
    let has_residue = next.has_residue();
    next.persist()?;
    let failed = stop.map(Stop::logged);
    let paused = known.as_ref().is_some_and(|entry| entry.paused);
    failpoint::pass("first-built");
    let entry = Entry { name, version: name.version(), generation: number, rebuilding: false, paused, failed };
    catalog.put(&entry, epoch)?;
    failpoint::pass("first-noted");
    // One of another version is kept for whoever goes back to that, unless it may tell of somebody who was erased since.
    let former = known.filter(|known| known.version != name.version() && !has_residue).map(|known| known.generation);
    rebuild::remove(locations, name, |found| found != number && Some(found) != former)?;
    Ok(Runner::writing(shared, entry, next))
}

/// What a start has built of it that was cut off: every batch was committed with its checkpoint, so the build goes on
/// from there.
fn cut_off(
    shared: &Shared<'_>,
    (name, generation): (ProjectionId, u64),
    epoch: u64,
    skips: &BTreeSet<u64>,
) -> Result<Option<Generation>> {
    if !skips.is_empty() {
        // One may have come since, and nobody knows whether it was heeded.
        return Ok(None);
    }
    let version = name.version();
    let entry = Entry { name, version, generation, rebuilding: false, paused: false, failed: None };
    let found = usable(shared, &entry, epoch, skips)?;
    if let Some(found) = &found {
        tracing::info!(projection = %name, version, generation, position = found.position(), "its build goes on");
    }
    Ok(found)
}

/// With the generation that the catalogue names, when this program can go on with it.
fn going_on(shared: &Shared<'_>, mut entry: Entry, epoch: u64, skips: &BTreeSet<u64>) -> Result<Option<Runner>> {
    let name = entry.name;
    let Some(generation) = usable(shared, &entry, epoch, skips)? else { return Ok(None) };
    // A crash ends a rebuild. An event that stopped the projection is tried again: this may be the version that can
    // read it.
    if entry.rebuilding || entry.failed.is_some() && !entry.paused {
        tracing::info!(projection = %name, stopped_at = entry.failed.as_ref().map(|(at, _)| at), "starts again");
        entry.rebuilding = false;
        entry.failed = entry.failed.filter(|_| entry.paused);
        shared.catalog.put(&entry, epoch)?;
    }
    rebuild::remove_unfinished(shared.locations, name, entry.generation)?;
    match catching_up(shared, entry, generation) {
        // It is quicker built again than looked into, whatever it is; where the disk is full, that fails as well.
        Err(Error::Search(error)) => {
            built_again(name, &error);
            Ok(None)
        }
        caught_up => caught_up.map(Some),
    }
}

/// Other nodes acknowledged what a node's own index lacks when it starts again: it answers when it has that.
fn catching_up(shared: &Shared<'_>, mut entry: Entry, mut generation: Generation) -> Result<Runner> {
    let name = entry.name;
    if !name.has_tables() && entry.failed.is_none() && !entry.paused {
        let stop = match rebuild::build(shared.log, name, &mut generation, &mut |at| (shared.tell)(name, at))? {
            Some(Stop { error: error @ Error::Search(_), .. }) => return Err(error),
            stop => stop,
        };
        if generation.has_residue() {
            // Somebody was erased while this node was away: nothing else would tell of it any more.
            rebuild::remove_former(shared.locations, entry.name, generation.number())?;
        }
        generation.persist()?;
        if let Some(stop) = stop {
            entry.failed = Some(stop.logged());
            shared.catalog.put(&entry, generation.epoch())?;
        }
    }
    Ok(Runner::writing(shared, entry, generation))
}

/// The generation that the catalogue names, when this program can go on with it.
fn usable(shared: &Shared<'_>, entry: &Entry, epoch: u64, skips: &BTreeSet<u64>) -> Result<Option<Generation>> {
    let place = shared.locations.generation(entry.name, entry.version, entry.generation);
    if entry.version != entry.name.version() || !place.exists()? {
        return Ok(None);
    }
    match Generation::open(&place, (entry.name, entry.generation), epoch, skips.clone()) {
        Ok(generation) if shared.log.holds(generation.mark())? => Ok(Some(generation)),
        Ok(generation) => {
            let (name, position) = (entry.name, generation.position());
            let what = "the log has another history than this read model, which is built again";
            tracing::warn!(projection = %name, position, "{what}");
            Ok(None)
        }
        Err(error @ Error::TakenOver { .. }) => Err(error),
        Err(error) => {
            built_again(entry.name, &error);
            Ok(None)
        }
    }
}

fn built_again(name: ProjectionId, error: &dyn std::error::Error) {
    tracing::warn!(projection = %name, error = described(error), "the read model cannot be used and is built again");
}
