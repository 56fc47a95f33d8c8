//! The place of one projection in this process: the generation that serves, who may write it, how far it is.

use crate::engine::catalog::{Catalog, Entry};
use crate::engine::fold;
use crate::engine::folding::follow;
use crate::engine::generation::Generation;
use crate::engine::handle::{Handle, Location};
use crate::engine::lease::Leases;
use crate::engine::locations::Locations;
use crate::engine::rebuild;
use crate::{Error, Progress, ProjectionId, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;
use store::follower::{Checkpoint, Lease, Page};
use store::{Fact, Log, Mark, failpoint};
use tokio::sync::watch;

/// A projection in this process.
pub(crate) struct Runner {
    pub(crate) name: ProjectionId,
    catalog: Catalog,
    /// Where its generations lie.
    locations: Locations,
    /// Which node feeds it.
    lease: Lease,
    /// Whoever applies facts or switches the generation holds this; none when it is open for reading only, or when
    /// another node feeds it.
    writing: Mutex<Option<Generation>>,
    serving: RwLock<Handle>,
    shown: watch::Sender<Mark>,
    /// The highest position of an index that somebody waits for.
    wanted: watch::Sender<u64>,
    /// The projection's row in the catalogue.
    entry: Mutex<Entry>,
    /// Whoever looks how far another node is holds this: one look serves all who wait.
    looking: tokio::sync::Mutex<()>,
}

/// What every runner of a process has in common.
pub(crate) struct Shared<'a> {
    pub(crate) locations: &'a Locations,
    pub(crate) log: &'a Log,
    pub(crate) catalog: &'a Catalog,
    pub(crate) leases: Option<&'a Arc<Leases>>,
    /// Is told how far a build is.
    pub(crate) tell: Tell<'a>,
}

/// Is told how far the build of a projection is.
pub(crate) type Tell<'a> = &'a (dyn Fn(ProjectionId, Progress) + Sync);

impl Runner {
    /// One that this process feeds.
    pub(crate) fn writing(shared: &Shared<'_>, entry: Entry, generation: Generation) -> Runner {
        let (handle, shown) = (generation.handle(), generation.shown());
        Runner { writing: Mutex::new(Some(generation)), ..Runner::reading(shared, entry, handle, shown) }
    }

    /// One that another process feeds.
    pub(crate) fn reading(shared: &Shared<'_>, entry: Entry, handle: Handle, shown: Mark) -> Runner {
        Runner {
            name: entry.name,
            catalog: shared.catalog.clone(),
            locations: shared.locations.clone(),
            lease: shared.leases.map_or_else(|| Lease::new(None, entry.name.as_str()), |leases| leases.of(entry.name)),
            serving: RwLock::new(handle),
            shown: watch::Sender::new(shown),
            wanted: watch::Sender::new(shown.position),
            writing: Mutex::new(None),
            entry: Mutex::new(entry),
            looking: tokio::sync::Mutex::new(()),
        }
    }

    /// The generation that serves.
    pub(crate) fn handle(&self) -> Handle {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far it is.
    pub(crate) fn position(&self) -> u64 {
        self.mark().position
    }

    /// The last event that whoever reads it finds.
    pub(crate) fn mark(&self) -> Mark {
        *self.shown.borrow()
    }

    /// Tells when it gets further.
    pub(crate) fn watch(&self) -> watch::Receiver<Mark> {
        self.shown.subscribe()
    }

    /// Somebody waits for that position of an index: what is folded in up to there is to be shown at once.
    pub(crate) fn want(&self, position: u64) {
        self.wanted.send_if_modified(|wanted| {
            let more = *wanted < position;
            *wanted = position.max(*wanted);
            more
        });
    }

    /// A position that the log does not have is not waited for: kept, it would hide what others wait for. `head` was
    /// read after `asked` was: whoever asked for something else since is not meant.
    pub(crate) fn want_at_most(&self, asked: u64, head: u64) {
        self.wanted.send_if_modified(|wanted| {
            if *wanted == asked {
                *wanted = asked.min(head);
            }
            false
        });
    }

    /// Tells when somebody waits for more.
    pub(crate) fn wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// The last event that is folded in here, and since when something of it waits to be shown.
    pub(crate) fn folded(&self) -> Option<(Mark, Option<Instant>)> {
        self.lock().as_ref().map(|generation| (generation.mark(), generation.unseen()))
    }

    /// Whether what somebody who was erased has said may still lie in a file.
    pub(crate) fn has_residue(&self) -> bool {
        self.lock().as_ref().is_some_and(Generation::has_residue)
    }

    /// Whether it is an index whose files make no sense.
    pub(crate) fn is_damaged(&self) -> bool {
        self.handle().index().is_ok_and(|index| index.is_damaged())
    }

    /// Finds out whether files of an index were cut off, before somebody reads on behind their end.
    pub(crate) fn check_ends(&self) {
        let Ok(index) = self.handle().index() else { return };
        if let Err(error) = index.check_ends() {
            index.note(&error);
        }
    }

    /// Remembers a failure of an index that will not pass.
    pub(crate) fn note_damage(&self, error: &search::Error) {
        if let Ok(index) = self.handle().index() {
            index.note(error);
        }
    }

    /// The catalogue that its row stands in.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Where its generations lie.
    pub(crate) fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Where that generation of it lies.
    pub(crate) fn place(&self, version: u32, number: u64) -> Location {
        self.locations.generation(self.name, version, number)
    }

    /// Its row in the catalogue, as this process knows it.
    pub(crate) fn entry(&self) -> Entry {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The epoch under which this process writes; none when another node does.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.lease.epoch()
    }

    /// Whether this process lets it follow the log: not when it is paused, when an event has stopped it, or when
    /// another node does.
    pub(crate) fn runs(&self) -> bool {
        let entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        entry.failed.is_none() && !entry.paused && self.epoch().is_some()
    }

    /// Whether it gets no further before somebody does something about it.
    pub(crate) fn stands(&self) -> bool {
        let entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        (entry.failed.is_some() || entry.paused) && !entry.rebuilding || entry.version != self.name.version()
    }

    /// Changes its row in the catalogue.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Entry)) -> Result<()> {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = entry.clone();
        change(&mut changed);
        let epoch = self.epoch().ok_or(Error::TakenOver { name: self.name })?;
        self.catalog.put(&changed, epoch)?;
        *entry = changed;
        Ok(())
    }

    /// Holds off whoever applies facts or switches.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Generation>> {
        // A panic inside a fold is caught with its transaction rolled back: the generation is whole.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it what is behind its checkpoint in a page of the log. Whether it got further.
    pub(crate) fn feed(&self, page: &Page) -> Result<bool> {
        let mut writing = self.lock();
        if !self.runs() {
            // Paused since the log was read, or another node feeds it.
            return Ok(false);
        }
        let generation = writing.as_mut().ok_or(Error::ReadOnly)?;
        let before = generation.position();
        let mut followed = follow(generation, self.name, page);
        if matches!(followed, Err(Error::TakenOver { .. })) {
            self.lose(&mut writing);
            return Ok(false);
        }
        if let Ok(stop @ Some(_)) = &mut followed
            && let Some(stop) = stop.take()
        {
            if let Error::Search(error) = &stop.error {
                self.note_damage(error);
            } else if !self.name.has_tables() {
                // What was folded in before that event is to be found.
                generation.persist()?;
            }
            self.note(|entry| entry.failed = Some(stop.logged()))?;
        }
        let after = generation.position();
        let folded = |fact: &&Fact| fact.position > before && fact.position <= after;
        if page.facts.iter().filter(folded).any(|fact| fold::erased(fact).is_some()) {
            // Before it is told how far this is: who waits for the erasure finds nothing any more.
            failpoint::pass("erasure-folded");
            rebuild::remove_former(&self.locations, self.name, generation.number())?;
            failpoint::pass("former-removed");
            generation.wipe()?;
            failpoint::pass("model-wiped");
        }
        self.publish(generation.shown());
        followed.map(|_| after > before)
    }

    /// Stores the checkpoint where it is. An index that has stopped goes on with taking deleted text out of its files.
    pub(crate) fn persist(&self) -> Result<()> {
        let mut writing = self.lock();
        let goes_on = !self.name.has_tables() || self.entry().failed.is_none();
        let Some(generation) = writing.as_mut().filter(|_| self.epoch().is_some() && goes_on) else {
            return Ok(());
        };
        if generation.has_residue() {
            // A crash or a failure came between the erasure and this.
            rebuild::remove_former(&self.locations, self.name, generation.number())?;
        }
        let persisted = generation.persist();
        self.publish(generation.shown());
        if matches!(persisted, Err(Error::TakenOver { .. })) {
            self.lose(&mut writing);
            return Ok(());
        }
        persisted
    }

    /// Another node writes it, or nobody knows what was written: what is really there is looked at again.
    pub(crate) fn lose(&self, writing: &mut Option<Generation>) {
        *writing = None;
        self.lease.lose();
    }

    /// Lets another generation serve; answers the former one. The caller holds the lock and has brought `next` at
    /// least as far, so that nobody reads less than before.
    pub(crate) fn switch(&self, writing: &mut Option<Generation>, next: Generation) -> Result<Option<Generation>> {
        self.note(|entry| {
            entry.version = self.name.version();
            entry.generation = next.number();
            entry.failed = None;
        })?;
        failpoint::pass("rebuild-noted");
        let former = writing.replace(next);
        if let Some(next) = writing {
            self.serve(next.handle());
            self.publish(next.shown());
        }
        Ok(former)
    }

    /// Lets the generation that another node has built serve, or one that this process opened.
    pub(crate) fn serve(&self, handle: Handle) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// Takes over what the catalogue says.
    pub(crate) fn learn(&self, entry: Entry) {
        *self.entry.lock().unwrap_or_else(PoisonError::into_inner) = entry;
    }

    /// Looks how far another node is. Somebody else's look that is under way will do.
    pub(crate) async fn look(&self) {
        let Ok(_looking) = self.looking.try_lock() else { return };
        let known = self.mark();
        if self.epoch().is_none()
            // What fails here fails in the follower as well, which tells it.
            && let Some(database) = self.handle().database()
            && let Ok(found) = Checkpoint::read_now(database).await
        {
            self.heard(known, found);
        }
    }

    /// How far another node was when that was looked at, after `known` was known. Two looks may be told in any order;
    /// but where it is behind what was known before, the server has crashed and lost its last moments.
    pub(crate) fn heard(&self, known: Mark, found: Mark) {
        let present = self.mark();
        let is_told_late = found.position >= known.position && found.position < present.position;
        self.publish(if is_told_late { present } else { found });
    }

    /// How far it is.
    pub(crate) fn publish(&self, shown: Mark) {
        self.shown.send_if_modified(|known| std::mem::replace(known, shown) != shown);
        metrics::gauge!("letopis_projection_position", "projection" => self.name.as_str()).set(shown.position as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_the_log_does_not_have_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let locations = Locations::Folder(folder.path().to_owned());
        let catalog = Catalog::open(&locations).unwrap();
        let (name, version, generation) = (ProjectionId::Search, ProjectionId::Search.version(), 1);
        let entry = Entry { name, version, generation, rebuilding: false, paused: false, failed: None };
        let wanted = watch::Sender::new(0);
        let runner = Runner {
            name,
            catalog,
            locations,
            lease: Lease::new(None, name.as_str()),
            serving: RwLock::new(Handle::Elsewhere),
            shown: watch::Sender::new(Mark::default()),
            wanted,
            writing: Mutex::new(None),
            entry: Mutex::new(entry),
            looking: tokio::sync::Mutex::new(()),
        };
        runner.want(u64::MAX);
        let mut told = runner.wanted();
        runner.want_at_most(u64::MAX, 7);
        assert_eq!((*told.borrow(), told.has_changed().unwrap()), (7, false));
        runner.want(8);
        assert!(told.has_changed().unwrap(), "the next one who waits is heard");
        runner.want_at_most(7, 7);
        assert_eq!(*told.borrow_and_update(), 8, "it was asked for since");
    }
}
