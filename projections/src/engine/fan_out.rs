//! Reading the log once for several read models that are built at the same time.

use crate::engine::folding::{Stop, follow};
use crate::engine::generation::Generation;
use crate::engine::rebuild::store_now_and_then;
use crate::{Progress, ProjectionId, Result};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;
use store::follower::{self, Page};
use store::{Head, Log, Mark};

/// How many pages are read ahead of a read model: the slowest one holds up the others from there on.
const AHEAD_MAX: usize = 2;

/// What is read of the log for one of them, from its beginning on. It ends at the head, or where the log cannot be read:
/// who takes from it reads the rest, and meets the failure, by themselves.
pub(crate) struct Pages {
    head: Head,
    pages: Receiver<Arc<Page>>,
}

impl Pages {
    /// Where the log ended when the reading began.
    pub(crate) fn head(&self) -> Head {
        self.head
    }
}

/// Does the same work for each of these read models, each on a thread of its own, and reads the log for all of them.
/// One that releases its [`Pages`] holds up nobody. Answers in the order of `names`.
pub(crate) fn over<T: Send>(
    log: &Log,
    names: &[ProjectionId],
    work: impl Fn(ProjectionId, Pages) -> Result<T> + Sync,
) -> Vec<(ProjectionId, Result<T>)> {
    // Where that fails each of them meets the same failure, and says so.
    let head = log.head().unwrap_or_default();
    std::thread::scope(|scope| {
        let (mut takers, mut workers) = (Vec::new(), Vec::new());
        for name in names {
            let (taker, pages) = sync_channel(AHEAD_MAX);
            takers.push(taker);
            let work = &work;
            workers.push((*name, scope.spawn(move || work(*name, Pages { head, pages }))));
        }
        read(log, head, takers);
        let done = workers
            .into_iter()
            .map(|(name, worker)| (name, worker.join().unwrap_or_else(|panic| resume_unwind(panic))));
        done.collect()
    })
}

/// Reads the log up to `head` for as long as somebody takes it.
fn read(log: &Log, head: Head, mut takers: Vec<SyncSender<Arc<Page>>>) {
    let mut after = Mark::default();
    while after.position < head.position && !takers.is_empty() {
        // Whoever goes on alone meets the failure again.
        let Ok(page) = follower::read_page(log, after, head, follower::PAGE) else { return };
        let end = page.end();
        let page = Arc::new(page);
        takers.retain(|taker| taker.send(Arc::clone(&page)).is_ok());
        if end.position <= after.position {
            return;
        }
        after = end;
    }
}

/// Folds what is read for it into a generation. Answers what stops it, if something does.
pub(crate) fn fold(
    name: ProjectionId,
    next: &mut Generation,
    pages: Pages,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Stop>> {
    let Pages { head, pages } = pages;
    let mut stored = Instant::now();
    for page in pages {
        if let Some(stop) = follow(next, name, &page)? {
            return Ok(Some(stop));
        }
        store_now_and_then(next, &mut stored)?;
        progress(Progress { position: next.position(), head: head.position });
    }
    Ok(None)
}
