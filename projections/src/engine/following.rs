//! Following the log for the text index: on a thread of its own, because a commit writes files and waits for the disk,
//! which must hold up no other read model.

use crate::engine::runner::{NO_EVENT, Runner};
use crate::engine::{rebuild, scan};
use crate::{ProjectionId, Projections, Result};
use std::time::{Duration, Instant};
use store::{Mark, described};
use tokio::sync::watch;

/// How many facts are read at once.
const BATCH: usize = 2_000;
/// What is folded in is shown after that long at the latest, or as soon as somebody waits for it. A commit makes a
/// segment, and segments have to be merged.
const UNSEEN_MAX: Duration = Duration::from_millis(60);
/// A lost hint costs so much latency, and never an event.
const POLL: Duration = Duration::from_millis(250);
/// A checkpoint that moved in memory only is stored that often, and deleted text is looked after.
const PERSIST: Duration = Duration::from_secs(1);
/// How long an erasure is waited for that segments are written anew for, and how often it is looked at.
const PURGED_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);
/// A damaged index that could not be built again is tried again after that long.
const REBUILD_AGAIN: Duration = Duration::from_secs(60);

impl Projections {
    pub(crate) fn follow_with_index(
        &self,
        runtime: &tokio::runtime::Runtime,
        mut hint: watch::Receiver<u64>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let runner = self.runner(ProjectionId::Search);
        let mut wanted = runner.wanted();
        let mut persisted = Instant::now();
        let mut shown = Instant::now();
        let mut well = true;
        let mut rebuilt: Option<Instant> = None;
        // It ends, too, when nobody can stop it any more: whoever let go of the `Tail` does not want it to go on.
        while stopped.has_changed().is_ok() && !*stopped.borrow() {
            if runner.is_damaged() && rebuilt.is_none_or(|tried| tried.elapsed() >= REBUILD_AGAIN) {
                rebuilt = Some(Instant::now());
                self.rebuild_damaged(runner);
            }
            let asked = *wanted.borrow_and_update();
            let followed = self.forget_impossible(runner, asked).and_then(|()| self.index_to_head(runner, &stopped));
            let followed = followed.and_then(|()| {
                let unseen = runner.folded().is_some_and(|(_, unseen)| unseen.is_some());
                if unseen || persisted.elapsed() >= PERSIST {
                    persisted = Instant::now();
                    runner.persist()?;
                    shown = if unseen { Instant::now() } else { shown };
                }
                Ok(())
            });
            if let Err(crate::Error::Search(error)) = &followed {
                runner.note_damage(error);
            }
            if let Err(error) = &followed
                && self.is_lost(error)
            {
                return;
            }
            if let Err(error) = &followed
                && well
            {
                // Once, not four times a second; it is tried again at every poll.
                tracing::error!(error = described(error), "the text index cannot follow the log");
            }
            well = followed.is_ok();
            runtime.block_on(rest(runner, &mut hint, &mut wanted, &mut stopped, shown));
        }
        if let Err(error) = runner.persist() {
            tracing::error!(error = described(&error), "the index was not committed; the next start does it again");
        }
    }

    /// Throws a damaged index away and builds the next one from the log. Until that serves, questions are refused.
    fn rebuild_damaged(&self, runner: &Runner) {
        tracing::error!("the search index is damaged: it is thrown away and built again from the log");
        let why = "its files are damaged; it is being built again from the log".to_owned();
        let rebuilt = runner.note(|entry| entry.failed = Some((NO_EVENT, why))).and_then(|()| {
            self.rebuild(runner.name, &mut |_| {})?;
            rebuild::remove_former(runner.locations(), runner.name, runner.entry().generation)
        });
        match rebuilt {
            Ok(()) => tracing::info!("the search index is whole again"),
            Err(error) => tracing::error!(error = described(&error), "the search index could not be built again"),
        }
    }

    /// Anybody may ask for any position: one that the log does not have must not decide when the index commits.
    fn forget_impossible(&self, runner: &Runner, asked: u64) -> Result<()> {
        if asked > runner.position() {
            runner.want_at_most(asked, self.log().head()?.position);
        }
        Ok(())
    }

    /// Folds in what there is. Where that takes longer, what is folded in is shown in between.
    fn index_to_head(&self, runner: &Runner, stopped: &watch::Receiver<bool>) -> Result<()> {
        while self.index_once(runner)? && !*stopped.borrow() {
            let Some((Mark { position, .. }, unseen)) = runner.folded() else { break };
            let waited_for = *runner.wanted().borrow() > runner.position() && *runner.wanted().borrow() <= position;
            if unseen.is_some_and(|since| waited_for || since.elapsed() >= UNSEEN_MAX) {
                runner.persist()?;
            }
        }
        Ok(())
    }

    /// Reads once. Whether it got further.
    fn index_once(&self, runner: &Runner) -> Result<bool> {
        if !runner.runs() {
            return Ok(false);
        }
        let Some((after, _)) = runner.folded() else { return Ok(false) };
        // Behind `after`: the log holds that, unless it came back with another history.
        let head = self.log().head()?;
        after.check(head)?;
        if after.position == head.position {
            return Ok(false);
        }
        runner.feed(&scan::read(self.log(), after, head, BATCH)?)
    }

    /// Follows the log until its head is reached, or until it cannot go on, and shows all of it. What somebody who was
    /// erased has said is gone from the files then, or the next start takes it away.
    pub(crate) fn catch_up_index(&self) -> Result<()> {
        let runner = self.runner(ProjectionId::Search);
        while self.index_once(runner)? {}
        runner.persist()?;
        let began = Instant::now();
        while runner.has_residue() && began.elapsed() < PURGED_WITHIN {
            std::thread::sleep(PAUSE);
            runner.persist()?;
        }
        Ok(())
    }
}

/// Until somebody waits, it is time to look, or to stop; or until there is something new, which is left to gather until
/// the last commit is so long ago.
async fn rest(
    runner: &Runner,
    hint: &mut watch::Receiver<u64>,
    wanted: &mut watch::Receiver<u64>,
    stopped: &mut watch::Receiver<bool>,
    shown: Instant,
) {
    let gathered = async {
        if hint.changed().await.is_err() {
            // Nobody hints any more: the poll goes on.
            std::future::pending::<()>().await;
        }
        if *runner.wanted().borrow() <= runner.position() {
            tokio::time::sleep_until((shown + UNSEEN_MAX).into()).await;
        }
    };
    tokio::select! {
        () = gathered => {}
        _ = wanted.changed() => {}
        _ = stopped.changed() => {}
        () = tokio::time::sleep(POLL) => {}
    }
}
