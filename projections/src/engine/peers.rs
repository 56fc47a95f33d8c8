//! What other nodes have done meanwhile: which of them feeds which projection, how far that is, which generation serves.
//! A log of one process has no other nodes, and nothing of this happens.

use crate::engine::catalog::Entry;
use crate::engine::generation::Generation;
use crate::engine::lease::Leases;
use crate::engine::runner::Runner;
use crate::engine::{rebuild, skips};
use crate::{Error, ProjectionId, Projections, Result};

impl Projections {
    /// Learns what other nodes have done, and takes the projections that no node feeds any more. What fails for one
    /// keeps nobody from the others.
    pub(crate) fn look(&self) -> Result<()> {
        let Some(leases) = self.leases() else { return Ok(()) };
        let _one_at_a_time = leases.changing();
        self.look_alone(leases)
    }

    fn look_alone(&self, leases: &Leases) -> Result<()> {
        let others = leases.of_others()?;
        let mut entries = self.catalog().entries()?;
        let mut looked = Ok(());
        for runner in self.runners().iter().filter(|runner| runner.name.has_tables()) {
            let of_other = others.get(&runner.name).copied();
            if of_other.is_some() {
                runner.lose(&mut runner.lock());
            }
            let fed = |epoch| match self.feed_under(runner, epoch, false) {
                // The next look finds out who has it.
                Err(Error::TakenOver { .. }) => Ok(()),
                done => done,
            };
            let done = match (runner.epoch(), entries.remove(&runner.name)) {
                (Some(epoch), _) => fed(epoch),
                (None, Some(entry))
                    if !leases.feeds() || of_other == Some(true) || entry.version != runner.name.version() =>
                {
                    self.follow_other(runner, entry)
                }
                (None, _) => match leases.take(runner.name) {
                    Ok(Some(epoch)) => fed(epoch),
                    // Somebody was faster.
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                },
            };
            looked = looked.and(done);
        }
        looked
    }

    /// This node is to feed the projection from now on, for what an operator wants of it.
    ///
    /// # Errors
    /// [`Error::RebuildRunning`] when another node is building it again; [`Error::FeedsNone`] when this one feeds none.
    pub(crate) fn take_over(&self, name: ProjectionId) -> Result<()> {
        let Some(leases) = self.leases().filter(|_| name.has_tables()) else { return Ok(()) };
        self.check_feeds(name)?;
        let _one_at_a_time = leases.changing();
        self.look_alone(leases)?;
        let runner = self.runner(name);
        if runner.epoch().is_some() {
            return Ok(());
        }
        if runner.entry().rebuilding {
            return Err(Error::RebuildRunning { name });
        }
        let epoch = leases.take_over(name)?;
        self.feed_under(runner, epoch, true)
    }

    /// Gives up what this node feeds: another one takes it over at once. To be called when nothing follows the log
    /// here any more.
    ///
    /// # Errors
    /// [`Error::Store`]: then the others wait until the leases have run out.
    pub fn give_up(&self) -> Result<()> {
        match self.leases() {
            Some(leases) => leases.give_up(),
            None => Ok(()),
        }
    }

    /// Opens the serving generation for writing, unless it is open.
    fn feed_under(&self, runner: &Runner, epoch: u64, keep_stop: bool) -> Result<()> {
        let mut writing = runner.lock();
        if writing.as_ref().is_some_and(|generation| generation.epoch() == epoch) {
            return Ok(());
        }
        let opened = self.open_under(runner, epoch, keep_stop);
        match opened {
            Ok(generation) => *writing = Some(generation),
            Err(error) => {
                runner.lose(&mut writing);
                return Err(error);
            }
        }
        Ok(())
    }

    fn open_under(&self, runner: &Runner, epoch: u64, keep_stop: bool) -> Result<Generation> {
        let name = runner.name;
        let (entry, another) = self.catalog().claim(name, epoch)?;
        let mut entry = entry.ok_or(Error::NotBuilt)?;
        let place = self.locations().generation(name, entry.version, entry.generation);
        let skips = skips::read(self.log(), name)?;
        let generation = Generation::open(&place, (name, entry.generation), epoch, skips)?;
        if !self.log().holds(generation.mark())? {
            return Err(store::Error::OtherHistory { position: generation.position() }.into());
        }
        if another {
            // Whoever fed it before is gone, and their rebuild with them. What stopped it is tried again.
            entry.rebuilding = false;
            entry.failed = entry.failed.filter(|_| entry.paused || keep_stop);
            self.catalog().put(&entry, epoch)?;
            rebuild::remove_unfinished(self.locations(), name, entry.generation)?;
        }
        runner.learn(entry);
        runner.serve(generation.handle());
        runner.publish(generation.shown());
        self.caches().switched(name, generation.number());
        Ok(generation)
    }

    /// Follows what another node feeds.
    fn follow_other(&self, runner: &Runner, entry: Entry) -> Result<()> {
        let (known, reached) = (runner.entry(), runner.mark());
        if entry.version == runner.name.version() {
            let place = self.locations().generation(runner.name, entry.version, entry.generation);
            let handle = if entry.generation == known.generation { runner.handle() } else { place.open()? };
            let found = handle.mark()?;
            runner.serve(handle);
            runner.heard(reached, found);
            self.caches().switched(runner.name, entry.generation);
        } else if known.version == runner.name.version() {
            let (name, found) = (runner.name, entry.version);
            tracing::error!(projection = %name, found, "another version feeds it: this one answers what it has");
        }
        runner.learn(entry);
        Ok(())
    }
}
