//! The projections with tables: the log is read and decoded once for all of them, and for the caches in front of them.

use crate::{Projections, Result};
use std::time::{Duration, Instant};
use store::follower::{self, Follower, Next, Woken};
use store::{described, failpoint};
use tokio::runtime::Runtime;

/// While nobody waits, what is new gathers for so long: a part of a file that several messages change is written once.
const GATHER: Duration = Duration::from_millis(20);
/// Checkpoints that moved in memory only are stored that often.
const PERSIST: Duration = Duration::from_secs(1);
/// The same where other nodes wait for them.
const PERSIST_SHARED: Duration = Duration::from_millis(100);
/// What other nodes have done is looked at that often.
const LOOK: Duration = Duration::from_millis(200);

/// What feeds them, and when it last did what is done now and then.
pub(super) struct Tables {
    projections: Projections,
    looked: Instant,
    persisted: Instant,
    /// When something was folded in last.
    fed: Instant,
    /// The log came back with another history.
    lost: bool,
}

/// How far one reading of the log has brought them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fed {
    /// Nowhere: there was nothing new, or nothing can go on.
    Nowhere,
    /// To where the log ended.
    ToHead,
    /// Not as far as that.
    Further,
}

impl Tables {
    /// They have just been opened: what other nodes have done is known.
    pub(super) fn new(projections: &Projections) -> Tables {
        let now = Instant::now();
        Tables { projections: projections.clone(), looked: now, persisted: now, fed: now, lost: false }
    }

    /// Until the follower ends: then what was left to gather is folded in, checkpoints are written, and other nodes may
    /// take over.
    pub(super) fn follow(mut self, follower: Follower, runtime: &Runtime) {
        follower.run(runtime, |woken| self.step(woken));
        let projections = &self.projections;
        let gathered = if self.lost { Ok(()) } else { page(projections).map(drop) };
        if let Err(error) = gathered.and_then(|()| persist(projections)) {
            tracing::error!(error = described(&error), "checkpoints were not stored; the next start does it again");
        }
        if let Err(error) = projections.give_up() {
            tracing::warn!(error = described(&error), "other nodes take over what this one fed in a few seconds");
        }
    }

    fn step(&mut self, woken: Woken) -> Result<Next> {
        failpoint::pass("log-followed");
        let looked = self.look();
        // Where the look fails for one projection the others go on.
        let done = page(&self.projections).and_then(|fed| looked.map(|()| fed)).and_then(|fed| {
            self.store(woken, fed != Fed::Nowhere)?;
            if fed != Fed::Nowhere {
                self.fed = Instant::now();
            }
            Ok(next(fed, self.projections.leases().is_none(), self.fed))
        });
        match done {
            Err(error) if self.projections.is_lost(&error) => {
                self.lost = true;
                Ok(Next::End)
            }
            done => done,
        }
    }

    fn look(&mut self) -> Result<()> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        self.projections.look()
    }

    /// Stores what moved in memory only, where it is time: also when nothing has happened for a while, and as soon as
    /// other nodes wait for it.
    fn store(&mut self, woken: Woken, further: bool) -> Result<()> {
        let since = self.persisted.elapsed();
        let is_awaited = self.projections.leases().is_some() && (!further || since >= PERSIST_SHARED);
        if woken == Woken::Poll || is_awaited || since >= PERSIST {
            self.persisted = Instant::now();
            persist(&self.projections)?;
        }
        Ok(())
    }
}

/// What comes after a reading, where something was folded in last at `last`. Where nodes share the read models nothing
/// gathers: others wait for them, and nobody here hears of it.
fn next(fed: Fed, is_alone: bool, last: Instant) -> Next {
    match fed {
        Fed::Further => Next::Further,
        Fed::ToHead | Fed::Nowhere if is_alone => Next::Gather(last + GATHER),
        Fed::ToHead => Next::Further,
        Fed::Nowhere => Next::AtHead,
    }
}

/// Follows the log until its head is reached, or until nothing can go on.
pub(super) fn catch_up(projections: &Projections) -> Result<()> {
    projections.look()?;
    while page(projections)? != Fed::Nowhere {}
    persist(projections)
}

/// Reads once and gives every running projection what it lacks.
fn page(projections: &Projections) -> Result<Fed> {
    let running = || projections.runners().iter().filter(|runner| runner.name.has_tables() && runner.runs());
    let reading = follower::read(projections.log(), running().map(|runner| runner.mark()), follower::PAGE)?;
    let mut further = false;
    let mut failed = Ok(());
    if let Some(page) = &reading.page {
        projections.caches().heed(page)?;
        for runner in running() {
            // One that fails keeps nobody else from what is new.
            match runner.feed(page) {
                Ok(more) => further |= more,
                Err(error) => failed = Err(error),
            }
        }
    }
    if projections.log().cluster().is_some() || reading.page.is_none() {
        // What ends is heeded also where others feed the read models, or nobody does.
        projections.caches().follow(projections.log(), &reading)?;
    }
    for name in projections.names() {
        let lag = reading.head.position.saturating_sub(projections.position(name));
        metrics::gauge!("letopis_projection_lag_events", "projection" => name.as_str()).set(lag as f64);
    }
    let is_behind = running().any(|runner| runner.position() < reading.head.position);
    failed.map(|()| match (further, is_behind) {
        (false, _) => Fed::Nowhere,
        (true, false) => Fed::ToHead,
        (true, true) => Fed::Further,
    })
}

/// Stores the checkpoints that moved in memory only.
fn persist(projections: &Projections) -> Result<()> {
    projections.runners().iter().filter(|runner| runner.name.has_tables()).try_for_each(|runner| runner.persist())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_gathers_at_the_head_and_nowhere_else() {
        let last = Instant::now();
        for (fed, alone, among_others) in [
            (Fed::Further, Next::Further, Next::Further),
            (Fed::ToHead, Next::Gather(last + GATHER), Next::Further),
            (Fed::Nowhere, Next::Gather(last + GATHER), Next::AtHead),
        ] {
            assert_eq!((next(fed, true, last), next(fed, false, last)), (alone, among_others));
        }
    }
}
