//! What one process runs: the log, its writer, and the read models that follow.

use crate::jobs::ownerless_chats;
use crate::operations::erase;
use crate::passwords::{PasswordError, PasswordPolicy, Passwords};
use crate::{Probe, Role, Roles};
use commands::{ClockGuard, Running, Writer};
use domain::UserId;
use projections::{Progress, ProjectionId, Projections};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use store::follower::Threads;
use store::{Appender, Cluster, ErasedList, Folder, Head, Keys, Lock, Log};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where a node keeps its data.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The data folder; it is made when it is not there.
    pub data: PathBuf,
    /// The database that several nodes share; without one the log is in the data folder.
    pub database: Option<Cluster>,
    /// The master key's file; by default `master.key` in the data folder.
    pub master_key: Option<PathBuf>,
    /// The file of who was erased; by default `erased` beside the master key.
    pub erased_list: Option<PathBuf>,
    /// What this process does of the work. All of it, where the log is in the data folder.
    pub roles: Roles,
    /// What is asked of passwords, and what their hashes cost.
    pub passwords: PasswordPolicy,
    /// Whether the clock is right although it has jumped ahead since the folder was last served.
    pub accept_clock: bool,
}

/// A running node. There is one at a time for a data folder.
pub struct Node {
    /// The data folder.
    pub folder: Folder,
    /// The log, for reading.
    pub log: Log,
    /// The keys of the log.
    pub keys: Arc<Keys>,
    /// The one that appends.
    pub writer: Writer,
    /// Whether it can.
    pub probe: Arc<Probe>,
    /// The read models.
    pub projections: Projections,
    /// What this process does of the work.
    pub roles: Roles,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// Changes when the log may have something new, by whomever: a hint for whoever follows it.
    pub hint: watch::Receiver<u64>,
    running: Running,
    followers: Mutex<Option<Threads>>,
    /// A thread that follows the log and has ended.
    unfed: watch::Receiver<Option<&'static str>>,
    /// What is done once after a start; ended with the node.
    chores: JoinSet<()>,
    _lock: Lock,
}

/// How far the read models are that a start builds, in the order in which it began with them.
pub type Builds = Vec<(ProjectionId, Progress)>;

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The log, its keys or its folder.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] projections::Error),
    /// The cost of passwords.
    #[error("argon2 cannot work at the cost that is set for passwords")]
    Passwords(#[from] PasswordError),
    /// Somebody who was erased is in the log again, and could not be erased.
    #[error("people who were erased are in this copy again and could not be forgotten; start again to repeat it")]
    Forgetting(#[from] erase::Error),
}

impl Node {
    /// Opens the data folder, takes its lock, starts the writer and the followers that feed the read models.
    ///
    /// # Errors
    /// [`store::Error::Locked`] when another process serves the folder; else what keeps it from being opened.
    pub async fn open(options: NodeOptions) -> Result<Node, NodeError> {
        Node::open_nudged(options, None).await
    }

    /// The same for a node that others nudge: `nudges` changes when one of them tells of a new head. It wakes whoever
    /// follows the log, and nobody relies on it.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_nudged(options: NodeOptions, nudges: Option<watch::Receiver<u64>>) -> Result<Node, NodeError> {
        Node::open_telling(options, nudges, watch::Sender::default()).await
    }

    /// The same, and `builds` tells how far the read models are that are built meanwhile.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_telling(
        options: NodeOptions,
        nudges: Option<watch::Receiver<u64>>,
        builds: watch::Sender<Builds>,
    ) -> Result<Node, NodeError> {
        // Opening reads files and may build read models: it is not for the async threads.
        let opened = tokio::task::spawn_blocking(move || Node::open_blocking(&options, nudges, &builds)).await;
        let (mut node, back) = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let (writer, projections, log) = (node.writer.clone(), node.projections.clone(), node.log.clone());
        if back.is_empty() {
            node.chores.spawn(ownerless_chats::settle(writer, projections, log, ownerless_chats::TURNS_MAX));
        } else {
            // First: a reader beside an erasure would keep bytes of the erased from being overwritten.
            ownerless_chats::settle(writer, projections, log, 1).await;
        }
        for user_id in back {
            tracing::warn!(%user_id, "was erased, and is in this copy again: forgotten once more");
            erase::again(&node, user_id).await?;
        }
        Ok(node)
    }

    /// The node, and who has come back although he was erased.
    fn open_blocking(
        options: &NodeOptions,
        nudges: Option<watch::Receiver<u64>>,
        builds: &watch::Sender<Builds>,
    ) -> Result<(Node, Vec<UserId>), NodeError> {
        let passwords = Passwords::new(options.passwords)?;
        let folder = Folder::create(&options.data)?;
        let lock = folder.lock()?;
        let master_key = options.master_key.clone().unwrap_or_else(|| folder.master_key());
        let erased_list = options.erased_list.clone().unwrap_or_else(|| master_key.with_file_name("erased"));
        let mut appender = match &options.database {
            None => Appender::open(&folder, &master_key)?,
            Some(cluster) => Appender::open_shared(cluster, &folder, &master_key)?,
        };
        let back = appender.keep(ErasedList::open(&erased_list)?)?;
        let keys = appender.keys();
        let log = appender.log(&folder)?;
        let feeds = options.roles.has(Role::Projections);
        let tell = |name, at| {
            builds.send_modify(|builds| match builds.iter_mut().find(|(built, _)| *built == name) {
                Some((_, known)) => *known = at,
                None => builds.push((name, at)),
            });
        };
        let projections = Projections::open_telling(&folder, log.clone(), feeds, &tell)?;
        tell_of_the_last_event(appender.head());
        let clock = ClockGuard::open(&folder, options.accept_clock);
        let (writer, running) = Writer::start(appender, clock);
        let hint = match nudges {
            Some(nudges) => either(writer.head(), nudges),
            None => writer.head(),
        };
        let followers = projections.start(hint.clone())?;
        let unfed = followers.ended();
        let followers = Mutex::new(Some(followers));
        let (roles, probe) = (options.roles, Arc::new(Probe::new(writer.clone())));
        let chores = JoinSet::new();
        let node = Node {
            folder,
            log,
            keys,
            writer,
            probe,
            projections,
            roles,
            passwords,
            hint,
            running,
            followers,
            unfed,
            chores,
            _lock: lock,
        };
        Ok((node, back))
    }

    /// Resolves when the log can no longer be written, or came back with another history than the read models follow,
    /// or they follow it no more: the process must end. Says why.
    pub async fn failed(&self) -> String {
        let mut unfed = self.unfed.clone();
        let unfed = async {
            match unfed.wait_for(Option::is_some).await.ok().and_then(|name| *name) {
                Some(name) => {
                    format!("the thread {name}, which follows the log, ended unasked; see the log of the server")
                }
                // It was stopped.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased; // who knows best why comes first
            why = self.projections.failed() => why,
            why = self.running.failed() => why,
            why = unfed => why,
        }
    }

    /// Writes what is queued, lets the read models persist how far they are, and lets go of the folder. False when the
    /// writer does not end in time: then the process is to end without waiting for it.
    pub async fn stop(mut self) -> bool {
        self.chores.shutdown().await;
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.running.stop().await;
        if let Some(followers) = followers {
            let _ = tokio::task::spawn_blocking(move || followers.stop()).await;
        }
        ended
    }
}

/// Says how this machine's clock and the last event go together, because nobody else will: an event is never recorded
/// before the one that it follows.
fn tell_of_the_last_event(head: Head) {
    const TOLD_SECONDS: i64 = 60;
    let seconds = (crate::now().0 - head.recorded_at.0) / 1_000_000;
    if head.position == 0 {
    } else if seconds < -TOLD_SECONDS {
        tracing::warn!(
            seconds = -seconds,
            "the last event is in the future by this clock: until then, times stand still"
        );
    } else if seconds > TOLD_SECONDS {
        tracing::info!(seconds, "the clock is ahead of the last event: so long nothing was written, if it is right");
    }
}

/// Changes when one of both does, for as long as the first one may. What it holds is no more than a hint: a nudge may
/// be older than what is known, or made up, and must not keep the next one from being seen.
fn either(mut own: watch::Receiver<u64>, mut nudges: watch::Receiver<u64>) -> watch::Receiver<u64> {
    let (sender, hint) = watch::channel(*own.borrow());
    tokio::spawn(async move {
        loop {
            let nudge = async {
                if nudges.changed().await.is_err() {
                    // Nobody nudges any more.
                    std::future::pending::<()>().await;
                }
                *nudges.borrow_and_update()
            };
            let position = tokio::select! {
                changed = own.changed() => match changed {
                    Ok(()) => *own.borrow_and_update(),
                    Err(_) => return,
                },
                position = nudge => position,
                () = sender.closed() => return,
            };
            sender.send_replace(position);
        }
    });
    hint
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_nudge_wakes_and_never_silences() {
        let (own, head) = watch::channel(0);
        let (nudge, nudges) = watch::channel(0);
        let mut hint = either(head, nudges);
        // Made up, late, out of order, and in between what is our own.
        for (from, position) in [(&nudge, u64::MAX), (&own, 1), (&nudge, 7), (&nudge, 3), (&own, 2), (&own, 3)] {
            from.send_replace(position);
            let woken = tokio::time::timeout(Duration::from_secs(10), hint.changed()).await;
            assert!(woken.is_ok_and(|changed| changed.is_ok()), "{position}");
            assert_eq!(*hint.borrow_and_update(), position);
        }
        drop(nudge);
        own.send_replace(4);
        assert!(hint.changed().await.is_ok());
        drop(own);
        assert!(hint.changed().await.is_err(), "whoever follows is told that nobody hints any more");
    }
}
