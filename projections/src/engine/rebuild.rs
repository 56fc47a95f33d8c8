//! Building a read model again, beside the one that serves.

use crate::engine::fan_out::{self, Pages};
use crate::engine::folding::{Stop, follow};
use crate::engine::generation::Generation;
use crate::engine::locations::Locations;
use crate::engine::runner::Runner;
use crate::engine::skips;
use crate::{Error, ProjectionId, Projections, Result};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};
use store::follower::{self, Page};
use store::{Head, Log, Mark, failpoint};

/// How often a build stores how far it is, also where it found nothing for itself: a start that is cut off goes on there.
const STORED_EVERY: Duration = Duration::from_secs(2);

/// How far a rebuild or a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that is folded in.
    pub position: u64,
    /// Where it is to get.
    pub head: u64,
}

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuildSummary {
    /// The position of the last event that was folded in.
    pub events: u64,
    /// How long it took.
    pub took: Duration,
}

impl Projections {
    /// Builds the read model from the log in the next generation's place, while the present one serves and follows,
    /// then lets the new one serve, on every node. A stopped projection runs again when nothing stops the new one. The
    /// former generation is kept, older ones are removed. This node feeds the projection from then on. It takes as long
    /// as reading the log: not for the threads of async code.
    pub fn rebuild(&self, name: ProjectionId, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        if !self.may_write() {
            return Err(Error::ReadOnly);
        }
        self.rebuild_from(name, None, progress)
    }

    /// Does the same with several of them, for which the log is read, decoded and unsealed once. Each has transactions of
    /// its own; one that fails stops alone. Answers in the order of `names`.
    pub fn rebuild_all(
        &self,
        names: &[ProjectionId],
        progress: &(dyn Fn(ProjectionId, Progress) + Sync),
    ) -> Vec<(ProjectionId, Result<RebuildSummary>)> {
        if !self.may_write() {
            return names.iter().map(|name| (*name, Err(Error::ReadOnly))).collect();
        }
        fan_out::over(self.log(), names, |name, pages| {
            let (began, mut events) = (Instant::now(), 0);
            self.rebuild_from(name, Some(pages), &mut |at| {
                events = at.position;
                progress(name, at);
            })?;
            Ok(RebuildSummary { events, took: began.elapsed() })
        })
    }

    fn rebuild_from(&self, name: ProjectionId, pages: Option<Pages>, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let runner = self.runner(name);
        self.take_over(name)?;
        begin(runner)?;
        failpoint::pass("rebuild-begun");
        let rebuilt = self.build_next(runner, pages, progress);
        let ended = runner.note(|entry| entry.rebuilding = false);
        rebuilt.and(ended)
    }

    fn build_next(&self, runner: &Runner, pages: Option<Pages>, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        let name = runner.name;
        let number = runner.entry().generation + 1;
        let epoch = runner.epoch().ok_or(Error::TakenOver { name })?;
        let place = runner.place(name.version(), number);
        let switched = skips::read(self.log(), name)
            .and_then(|skips| Generation::create(&place, (name, number), epoch, skips))
            .and_then(|next| self.fill_and_switch(runner, next, pages, progress));
        match switched {
            Ok(former) => {
                failpoint::pass("rebuild-switched");
                let kept = [Some(number), former];
                remove(runner.locations(), name, |found| !kept.contains(&Some(found)))
            }
            Err(error) => {
                // The failure is what the caller wants to hear of; what is left is removed by the next rebuild.
                let _ = self.look();
                if runner.epoch() != Some(epoch) {
                    // The place may be another node's by now.
                    return Err(Error::TakenOver { name });
                }
                let _ = place.remove();
                Err(error)
            }
        }
    }

    /// Answers the number of the former generation.
    fn fill_and_switch(
        &self,
        runner: &Runner,
        mut next: Generation,
        pages: Option<Pages>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<u64>> {
        if let Some(stop) = build_from(self.log(), runner.name, &mut next, pages, progress)? {
            return Err(stop.error);
        }
        failpoint::pass("rebuild-filled");
        next.make_indexes()?;
        failpoint::pass("rebuild-indexed");
        // What came while the indexes were made, so that little is left to be done under the lock.
        self.fill(&mut next, runner.name, progress)?;
        let mut writing = runner.lock();
        // Nobody else's code runs under the lock: it could wait for us.
        self.fill(&mut next, runner.name, &mut |_| {})?;
        if *next.skips() != skips::read(self.log(), runner.name)? {
            return Err(Error::SkippedMeanwhile { name: runner.name });
        }
        next.persist()?;
        failpoint::pass("rebuild-persisted");
        let number = next.number();
        let former = runner.switch(&mut writing, next)?;
        self.caches().switched(runner.name, number);
        Ok(former.map(|generation| generation.number()))
    }

    fn fill(&self, next: &mut Generation, name: ProjectionId, progress: &mut dyn FnMut(Progress)) -> Result<()> {
        match build(self.log(), name, next, progress)? {
            None => Ok(()),
            Some(stop) => Err(stop.error),
        }
    }
}

fn begin(runner: &Runner) -> Result<()> {
    let mut running = false;
    runner.note(|entry| running = std::mem::replace(&mut entry.rebuilding, true))?;
    if running { Err(Error::RebuildRunning { name: runner.name }) } else { Ok(()) }
}

/// Does the same as [`build`]; what somebody else reads of the log for several of them comes first.
pub(crate) fn build_from(
    log: &Log,
    name: ProjectionId,
    next: &mut Generation,
    pages: Option<Pages>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    if let Some(pages) = pages {
        next.prepare_for(pages.head().position.saturating_sub(next.position()))?;
        let built = fan_out::fold(name, next, pages, progress);
        next.prepare_for(0)?;
        if let Some(stop) = built? {
            return Ok(Some(stop));
        }
    }
    build(log, name, next, progress)
}

/// Folds the log from the generation's checkpoint to the present head into it. Answers what stops it, if something
/// does.
pub(crate) fn build(
    log: &Log,
    name: ProjectionId,
    next: &mut Generation,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    let head = log.head()?;
    build_to(log, name, next, (head, head.position), progress)
}

/// The same up to that position of a log that ended at `head` a moment ago.
pub(crate) fn build_to(
    log: &Log,
    name: ProjectionId,
    next: &mut Generation,
    (head, to): (Head, u64),
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    next.prepare_for(to.saturating_sub(next.position()))?;
    let built = read_and_fold(log, name, next, (head, to), progress);
    next.prepare_for(0)?;
    match built? {
        None if next.position() < to => {
            let (position, what) = (next.position() + 1, "it cannot be read");
            Err(store::Error::Corrupt { position, what }.into())
        }
        built => Ok(built),
    }
}

/// While a page is folded in, the next one is read, by one thread for all of them.
fn read_and_fold(
    log: &Log,
    name: ProjectionId,
    next: &mut Generation,
    (head, to): (Head, u64),
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    let (sender, pages) = sync_channel(1);
    let after = next.mark();
    let mut stored = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || read_ahead(log, after, (head, to), &sender));
        for page in pages {
            if let Some(stop) = follow(next, name, &page?)? {
                return Ok(Some(stop));
            }
            store_now_and_then(next, &mut stored)?;
            progress(Progress { position: next.position(), head: to });
        }
        Ok(None)
    })
}

/// Stores how far it is, unless it did so a moment ago.
pub(crate) fn store_now_and_then(next: &mut Generation, stored: &mut Instant) -> Result<()> {
    if stored.elapsed() >= STORED_EVERY {
        next.persist()?;
        *stored = Instant::now();
    }
    Ok(())
}

/// Reads the log between two positions until nobody takes it any more.
fn read_ahead(log: &Log, mut after: Mark, (head, to): (Head, u64), taker: &SyncSender<Result<Page, store::Error>>) {
    while after.position < to {
        let left = usize::try_from(to - after.position).unwrap_or(usize::MAX);
        let page = follower::read_page(log, after, head, left.min(follower::PAGE));
        let end = page.as_ref().map_or(after, Page::end);
        if taker.send(page).is_err() || end.position <= after.position {
            return;
        }
        after = end;
    }
}

/// Removes the generations before that one: what was erased from it is to be erased from them. The one that is being
/// built beside it stays.
pub(crate) fn remove_former(locations: &Locations, name: ProjectionId, serving: u64) -> Result<()> {
    remove(locations, name, |number| number < serving)
}

/// Removes what a crash left of a rebuild. Nobody rebuilds that projection now.
pub(crate) fn remove_unfinished(locations: &Locations, name: ProjectionId, serving: u64) -> Result<()> {
    remove(locations, name, |number| number > serving)
}

/// Removes the generations of these numbers.
pub(crate) fn remove(locations: &Locations, name: ProjectionId, which: impl Fn(u64) -> bool) -> Result<()> {
    let found = locations.generations(name)?.into_iter().filter(|found| which(found.number));
    found.into_iter().try_for_each(|found| found.place.remove())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handle::Location;
    use domain::{Category, Event, Timestamp, UserId, user};
    use std::collections::BTreeSet;
    use store::Fact;
    use store::sql::Place;
    use uuid::Uuid;

    #[test]
    fn a_build_that_finds_nothing_for_itself_stores_how_far_it_is_now_and_then() {
        let of_users = |name: &ProjectionId| name.definition().is_about(Category::User);
        let name = *ProjectionId::ALL.iter().find(|name| name.has_tables() && !of_users(name)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let place = Location::Tables(Place::File(folder.path().join("model.db")));
        let mut next = Generation::create(&place, (name, 1), 0, BTreeSet::new()).unwrap();
        let fact = Fact {
            position: 1,
            version: 1,
            id: Uuid::from_u128(1),
            recorded_at: Timestamp(1),
            event: Event::User(UserId(Uuid::from_u128(1)), user::Event::Erased),
            hash: [1; 32],
        };
        next.apply(&[fact]).unwrap();
        let stored = || Generation::open(&place, (name, 1), 0, BTreeSet::new()).unwrap().position();
        let mut last = Instant::now();
        store_now_and_then(&mut next, &mut last).unwrap();
        assert_eq!(stored(), 0, "not each time");
        last = last.checked_sub(STORED_EVERY).unwrap();
        store_now_and_then(&mut next, &mut last).unwrap();
        assert_eq!(stored(), 1);
    }
}
