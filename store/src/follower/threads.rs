//! Threads that follow the log: they end together, and one that ends unasked is noticed.

use crate::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Threads that follow the log. Dropping it ends them as well, without waiting for them.
pub struct Threads {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// The name of one that has ended and was not to.
    ended: watch::Sender<Option<&'static str>>,
}

impl Default for Threads {
    fn default() -> Threads {
        Threads { stop: watch::Sender::new(false), threads: Vec::new(), ended: watch::Sender::new(None) }
    }
}

impl Threads {
    /// Becomes true when they are to end: for [`super::Follower::until`].
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Starts one. It is given a runtime for its rests, and ends when [`Threads::stopped`] says so.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(&mut self, name: &'static str, work: impl FnOnce(&Runtime) + Send + 'static) -> Result<(), Error> {
        let failed = |source| Error::Thread { source };
        let runtime = Builder::new_current_thread().enable_time().build().map_err(failed)?;
        let ended = self.ended.clone();
        let watched = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(&runtime))) {
                ended.send_replace(Some(name));
                resume_unwind(panic);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(watched).map_err(failed)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends them: each finishes the step in hand and whatever it does last.
    pub fn stop(self) {
        self.stop.send_replace(true);
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!(name, "a thread that follows the log panicked");
            }
        }
    }

    /// Becomes the name of a thread that has panicked: what it feeds follows the log no more.
    pub fn ended(&self) -> watch::Receiver<Option<&'static str>> {
        self.ended.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::follower::{Follower, Next};
    use std::convert::Infallible;
    use std::sync::mpsc;

    fn follow(threads: &mut Threads, name: &'static str) -> mpsc::Receiver<&'static str> {
        let (told, telling) = mpsc::sync_channel(9);
        let (hint, hinted) = watch::channel(0);
        let follower = Follower::new(name, hinted).until(threads.stopped());
        threads
            .start(name, move |runtime| {
                follower.run(runtime, |_| {
                    told.send("step").unwrap();
                    Ok::<_, Infallible>(Next::AtHead)
                });
                drop(hint);
                told.send("last").unwrap();
            })
            .unwrap();
        assert_eq!(telling.recv(), Ok("step"));
        telling
    }

    #[test]
    fn a_stop_waits_for_what_each_does_last() {
        let mut threads = Threads::default();
        let told = [follow(&mut threads, "one"), follow(&mut threads, "other")];
        threads.stop();
        assert!(told.iter().all(|told| told.try_iter().last() == Some("last")));
    }

    #[test]
    fn without_anybody_who_could_stop_them_they_end() {
        let mut threads = Threads::default();
        let told = follow(&mut threads, "one");
        drop(threads);
        assert_eq!(told.into_iter().last(), Some("last"));
    }

    #[tokio::test]
    async fn one_that_ends_unasked_is_noticed() {
        let mut threads = Threads::default();
        let mut ended = threads.ended();
        threads.start("fragile", |_| panic!("this is a test")).unwrap();
        assert_eq!(*ended.wait_for(Option::is_some).await.unwrap(), Some("fragile"));
        threads.stop();
    }
}
