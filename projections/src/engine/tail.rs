//! Following the log: one thread reads it, decodes it once, and gives each projection with tables what it lacks; another
//! one does it for the text index (`following`).

use crate::engine::scan;
use crate::{Error, ProjectionId, Projections, Result};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::{described, failpoint};
use tokio::sync::watch;

/// How many facts are read at once.
const BATCH: usize = 2_000;
/// A lost hint costs so much latency, and never an event.
const POLL: Duration = Duration::from_millis(250);
/// Checkpoints that moved in memory only are stored that often.
const PERSIST: Duration = Duration::from_secs(1);
/// The same where other nodes wait for them.
const PERSIST_SHARED: Duration = Duration::from_millis(100);
/// What other nodes have done is looked at that often.
const LOOK: Duration = Duration::from_millis(200);
/// The last use of sessions is written that often.
const FLUSH: Duration = Duration::from_secs(60);

/// The threads that follow the log. Dropping it ends them as well, without waiting for them.
pub struct Tail {
    stop: watch::Sender<bool>,
    threads: [JoinHandle<()>; 2],
    /// The name of one that has ended and was not to.
    ended: watch::Receiver<Option<&'static str>>,
}

impl Tail {
    /// Ends it: the batch in hand is finished, checkpoints and the last use of sessions are written.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread that follows the log panicked");
            }
        }
    }

    /// Becomes the name of a thread that has ended and was not to: the read models that it feeds follow no more.
    pub fn ended(&self) -> watch::Receiver<Option<&'static str>> {
        self.ended.clone()
    }
}

impl Projections {
    /// Follows the log from now on. `hint` changes when there is something new; it saves time and nothing else.
    pub fn start(&self, hint: watch::Receiver<u64>) -> Result<Tail> {
        if !self.may_write() {
            return Err(Error::ReadOnly);
        }
        let (stop, stopped) = watch::channel(false);
        let failed = |source| Error::Thread { source };
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed);
        let (ending, ended) = watch::channel(None);
        let thread = |name: &'static str, work: Box<dyn FnOnce() + Send>| {
            let ending = ending.clone();
            let watched = move || {
                if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                    ending.send_replace(Some(name));
                    resume_unwind(panic);
                }
            };
            std::thread::Builder::new().name(name.to_owned()).spawn(watched).map_err(failed)
        };
        let (projections, own) = (self.clone(), runtime()?);
        let (hinted, told) = (hint.clone(), stopped.clone());
        let tables = move || projections.tail(&own, hinted, told);
        let (projections, own) = (self.clone(), runtime()?);
        let index = move || projections.follow_with_index(&own, hint, stopped);
        let threads = [thread("projections", Box::new(tables))?, thread("search", Box::new(index))?];
        Ok(Tail { stop, threads, ended })
    }

    /// Follows the log until its head is reached, or until nothing can go on.
    pub fn catch_up(&self) -> Result<()> {
        self.look()?;
        while self.round()? {}
        self.persist()?;
        self.catch_up_index()
    }

    fn tail(
        &self,
        runtime: &tokio::runtime::Runtime,
        mut hint: watch::Receiver<u64>,
        mut stopped: watch::Receiver<bool>,
    ) {
        // Whoever has just opened them has seen what there is.
        let mut looked = Instant::now();
        let mut persisted = Instant::now();
        let mut flushed = Instant::now();
        let mut well = true;
        // Nobody hinted since the last look.
        let mut quiet = false;
        // It ends, too, when nobody can stop it any more: whoever let go of the `Tail` does not want it to go on.
        while stopped.has_changed().is_ok() && !*stopped.borrow() {
            failpoint::pass("log-followed");
            let looks = match looked.elapsed() >= LOOK {
                true => {
                    looked = Instant::now();
                    self.look()
                }
                false => Ok(()),
            };
            // Where the look fails for one projection the others go on.
            let followed = self.round().and_then(|further| looks.map(|()| further)).and_then(|further| {
                if quiet || self.is_to_be_told(further, persisted) || persisted.elapsed() >= PERSIST {
                    persisted = Instant::now();
                    self.persist()?;
                }
                if flushed.elapsed() >= FLUSH {
                    flushed = Instant::now();
                    self.last_use().flush()?;
                }
                Ok(further)
            });
            if let Err(error) = &followed
                && self.is_lost(error)
            {
                break;
            }
            if let Err(error) = &followed
                && well
            {
                // Once, not four times a second; it is tried again at every poll.
                tracing::error!(error = described(error), "the log cannot be followed");
            }
            well = followed.is_ok();
            quiet = !matches!(followed, Ok(true)) && !runtime.block_on(wait(&mut hint, &mut stopped));
        }
        if let Err(error) = self.persist().and_then(|()| self.last_use().flush()) {
            tracing::error!(error = described(&error), "checkpoints were not stored; the next start does it again");
        }
        if let Err(error) = self.give_up() {
            tracing::warn!(error = described(&error), "other nodes take over what this one fed in a few seconds");
        }
    }

    /// Whether other nodes are to be told how far this one is.
    fn is_to_be_told(&self, further: bool, persisted: Instant) -> bool {
        self.leases().is_some() && (!further || persisted.elapsed() >= PERSIST_SHARED)
    }

    /// Reads once and gives every running projection what it lacks. Whether one of them got further.
    fn round(&self) -> Result<bool> {
        let tables = || self.runners().iter().filter(|runner| runner.name.has_tables() && runner.runs());
        let marks = tables().map(|runner| runner.mark()).collect::<Vec<_>>();
        let asked = Instant::now();
        // Read after the marks: a log that does not hold them came back with another history.
        let head = self.log().head()?;
        marks.iter().try_for_each(|mark| mark.check(head))?;
        let behind = marks.into_iter().min_by_key(|mark| mark.position);
        let mut further = false;
        let mut failed = Ok(());
        if let Some(after) = behind.filter(|after| after.position < head.position) {
            let scan = scan::read(self.log(), after, head, BATCH)?;
            self.caches().heed(&scan)?;
            for runner in tables() {
                // One that fails keeps nobody else from what is new.
                match runner.feed(&scan) {
                    Ok(more) => further |= more,
                    Err(error) => failed = Err(error),
                }
            }
        }
        if self.log().cluster().is_some() || behind.is_none_or(|after| after.position >= head.position) {
            // What ends is heeded also where others feed the read models, or nobody does.
            self.caches().follow(self.log(), head, asked)?;
        }
        for name in ProjectionId::ALL {
            let lag = head.position.saturating_sub(self.position(name));
            metrics::gauge!("letopis_projection_lag_events", "projection" => name.as_str()).set(lag as f64);
        }
        failed.map(|()| further)
    }

    /// Whether nothing can follow the log any more in this process: it came back with another history than the one that
    /// was folded in. The process must end; its next start builds anew what came of the other one.
    pub(crate) fn is_lost(&self, error: &Error) -> bool {
        let is_lost = matches!(error, Error::Store(store::Error::OtherHistory { .. }));
        if is_lost {
            self.fail(described(error));
        }
        is_lost
    }

    /// Stores the checkpoints that moved in memory only.
    fn persist(&self) -> Result<()> {
        self.runners().iter().filter(|runner| runner.name.has_tables()).try_for_each(|runner| runner.persist())
    }
}

/// Until there is something new, or it is time to look, or to stop. Whether there was a hint.
async fn wait(hint: &mut watch::Receiver<u64>, stopped: &mut watch::Receiver<bool>) -> bool {
    let hinted = async {
        if hint.changed().await.is_err() {
            // Nobody hints any more: the poll goes on.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = hinted => true,
        _ = stopped.changed() => false,
        () = tokio::time::sleep(POLL) => false,
    }
}
