//! Following the log: one thread feeds each projection with tables what it lacks (`tables`), another one the text index
//! (`index`), whose commits write files and wait for the disk, which must hold up no other read model.

mod index;
mod tables;

use crate::{Error, ProjectionId, Projections, Result};
use index::Index;
use store::described;
use store::follower::{Follower, Threads};
use tables::Tables;
use tokio::sync::watch;

impl Projections {
    /// Follows the log from now on. `hint` changes when there is something new; it saves time and nothing else.
    ///
    /// # Errors
    /// [`Error::ReadOnly`], [`store::Error::Thread`].
    pub fn start(&self, hint: watch::Receiver<u64>) -> Result<Threads> {
        if !self.may_write() {
            return Err(Error::ReadOnly);
        }
        let mut threads = Threads::default();
        let (tables, follower) = (Tables::new(self), Follower::new("projections", hint.clone()));
        let follower = follower.until(threads.stopped()).urged_by(self.awaited());
        threads.start("projections", move |runtime| tables.follow(follower, runtime))?;
        if self.has(ProjectionId::Search) {
            let (index, follower) = (Index::new(self), Follower::new("search", hint));
            let follower = follower.until(threads.stopped()).urged_by(index.wanted());
            threads.start("search", move |runtime| index.follow(follower, runtime))?;
        }
        Ok(threads)
    }

    /// Follows the log until its head is reached, or until nothing can go on.
    pub fn catch_up(&self) -> Result<()> {
        tables::catch_up(self)?;
        if self.has(ProjectionId::Search) { index::catch_up(self) } else { Ok(()) }
    }

    /// Whether nothing can follow the log any more in this process: it came back with another history than the one that
    /// was folded in. The process must end; its next start builds again what came of the other one.
    fn is_lost(&self, error: &Error) -> bool {
        let is_lost = matches!(error, Error::Store(store::Error::OtherHistory { .. }));
        if is_lost {
            self.fail(described(error));
        }
        is_lost
    }
}
