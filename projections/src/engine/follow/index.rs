//! The text index of this node.

use crate::engine::folding::NO_EVENT;
use crate::engine::rebuild;
use crate::engine::runner::Runner;
use crate::{ProjectionId, Projections, Result};
use std::time::{Duration, Instant};
use store::follower::{self, Follower, Next};
use store::{Mark, described};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What is folded in is shown after that long at the latest, or as soon as somebody waits for it. A commit makes a
/// segment, and segments have to be merged.
const UNSEEN_MAX: Duration = Duration::from_millis(60);
/// A checkpoint that moved in memory only is stored that often, and deleted text is looked after.
const PERSIST: Duration = Duration::from_secs(1);
/// How long an erasure is waited for that segments are written anew for, and how often it is looked at.
const PURGED_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
/// How often the node checks whether its files are there to their ends: who reads on behind one ends the process.
const CHECK: Duration = Duration::from_secs(1);
/// A damaged index that could not be built again is tried again after that long.
const REBUILD_AGAIN: Duration = Duration::from_secs(60);

/// What feeds it, and when it last did what is done now and then.
pub(super) struct Index {
    projections: Projections,
    persisted: Instant,
    checked: Instant,
    /// When something was shown last.
    shown: Instant,
    /// When a damaged index was last thrown away.
    rebuilt: Option<Instant>,
    /// The log came back with another history: what waits to be shown came of the former one.
    lost: bool,
}

impl Index {
    pub(super) fn new(projections: &Projections) -> Index {
        let now = Instant::now();
        Index { projections: projections.clone(), persisted: now, checked: now, shown: now, rebuilt: None, lost: false }
    }

    /// Changes when somebody waits for more than is shown.
    pub(super) fn wanted(&self) -> watch::Receiver<u64> {
        self.runner().wanted()
    }

    /// Until the follower ends: then what is folded in is shown.
    pub(super) fn follow(mut self, follower: Follower, runtime: &Runtime) {
        follower.run(runtime, |_| self.step());
        if !self.lost
            && let Err(error) = self.runner().persist()
        {
            tracing::error!(error = described(&error), "the index was not committed; the next start does it again");
        }
    }

    fn runner(&self) -> &Runner {
        self.projections.runner(ProjectionId::Search)
    }

    fn step(&mut self) -> Result<Next> {
        if self.checked.elapsed() >= CHECK {
            self.checked = Instant::now();
            self.runner().check_ends();
        }
        if self.runner().is_damaged() && self.rebuilt.is_none_or(|tried| tried.elapsed() >= REBUILD_AGAIN) {
            self.rebuilt = Some(Instant::now());
            rebuild_damaged(&self.projections);
        }
        let done = self.fold_and_show();
        if let Err(crate::Error::Search(error)) = &done {
            self.runner().note_damage(error);
        }
        match done {
            Err(error) if self.projections.is_lost(&error) => {
                self.lost = true;
                Ok(Next::End)
            }
            done => done,
        }
    }

    fn fold_and_show(&mut self) -> Result<Next> {
        self.forget_impossible()?;
        let further = page(&self.projections)?;
        let folded = self.runner().folded();
        let unseen = folded.and_then(|(_, unseen)| unseen);
        let is_due = match (further, unseen) {
            // Where folding in takes longer, what is folded in is shown in between.
            (true, Some(since)) => {
                since.elapsed() >= UNSEEN_MAX || folded.is_some_and(|(mark, _)| self.is_wanted(mark))
            }
            (true, None) => false,
            (false, Some(_)) => true,
            (false, None) => self.persisted.elapsed() >= PERSIST,
        };
        if is_due {
            self.persisted = Instant::now();
            self.runner().persist()?;
            self.shown = if unseen.is_some() { Instant::now() } else { self.shown };
        }
        Ok(match further {
            true => Next::Further,
            false if *self.runner().wanted().borrow() > self.runner().position() => Next::AtHead,
            // A commit for each event would make a segment for each.
            false => Next::Gather(self.shown + UNSEEN_MAX),
        })
    }

    /// Whether somebody waits for what is folded in up to there and not shown.
    fn is_wanted(&self, folded: Mark) -> bool {
        let wanted = *self.runner().wanted().borrow();
        self.runner().position() < wanted && wanted <= folded.position
    }

    /// Anybody may ask for any position: one that the log does not have must not decide when the index commits.
    fn forget_impossible(&self) -> Result<()> {
        let runner = self.runner();
        let asked = *runner.wanted().borrow();
        if asked > runner.position() {
            runner.want_at_most(asked, self.projections.log().head()?.position);
        }
        Ok(())
    }
}

/// Throws a damaged index away and builds the next one from the log. Until that serves, questions are refused.
fn rebuild_damaged(projections: &Projections) {
    let runner = projections.runner(ProjectionId::Search);
    tracing::error!("the search index is damaged: it is thrown away and built again from the log");
    let why = "its files are damaged; it is being built again from the log".to_owned();
    let rebuilt = runner.note(|entry| entry.failed = Some((NO_EVENT, why))).and_then(|()| {
        projections.rebuild(runner.name, &mut |_| {})?;
        rebuild::remove_former(runner.locations(), runner.name, runner.entry().generation)
    });
    match rebuilt {
        Ok(()) => tracing::info!("the search index is whole again"),
        Err(error) => tracing::error!(error = described(&error), "the search index could not be built again"),
    }
}

/// Reads once. Whether it got further.
fn page(projections: &Projections) -> Result<bool> {
    let runner = projections.runner(ProjectionId::Search);
    let Some((after, _)) = runner.folded().filter(|_| runner.runs()) else { return Ok(false) };
    match follower::read(projections.log(), [after], follower::PAGE)?.page {
        Some(page) => runner.feed(&page),
        None => Ok(false),
    }
}

/// Follows the log until its head is reached, or until it cannot go on, and shows all of it. What somebody who was
/// erased has said is gone from the files then, or the next start takes it away.
pub(super) fn catch_up(projections: &Projections) -> Result<()> {
    let runner = projections.runner(ProjectionId::Search);
    while page(projections)? {}
    runner.persist()?;
    let began = Instant::now();
    while runner.has_residue() && began.elapsed() < PURGED_WITHIN {
        std::thread::sleep(PAUSE);
        runner.persist()?;
    }
    Ok(())
}
