//! What one process runs: the log, its writer, and the read models that follow.

use crate::handle::{Asker, NodeHandle};
use crate::hint::either;
use crate::jobs;
use crate::messaging::{self, Messaging};
use crate::operations::{self, erase};
use crate::passwords::{PasswordError, Passwords};
use crate::redis::Redis;
use crate::{IndexReader, NodeOptions, Probe, Role};
use commands::{ClockGuard, Writer, WriterThread};
use couriers::providers::Providers;
use couriers::{CourierSettings, Couriers, Parts};
use domain::UserId;
use projections::{Progress, ProjectionId, Projections};
use relay::{Bus, Signals};
use state::Tables;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use store::follower::Threads;
use store::{Appender, ErasedList, Folder, Head, Lock, RelayPlace, described};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A running node. There is one at a time for a data folder.
pub struct Node {
    /// What operations and doors reach of it.
    pub(crate) handle: NodeHandle,
    /// Whether it serves callers.
    pub(crate) serves: bool,
    /// Changes `hint` as well; none where this node is woken by other means, or by nobody.
    pub(crate) heard: Option<watch::Sender<u64>>,
    running: WriterThread,
    followers: Mutex<Option<Threads>>,
    /// A thread that follows the log and has ended.
    unfed: watch::Receiver<Option<&'static str>>,
    /// What is done beside the work; ended with the node.
    jobs: JoinSet<()>,
    relay_tasks: JoinSet<()>,
    /// What tells people; none where this process does not.
    couriers: Option<Couriers>,
    _lock: Lock,
}

impl Deref for Node {
    type Target = NodeHandle;

    fn deref(&self) -> &NodeHandle {
        &self.handle
    }
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
    /// The relay of a node that tells what is asked for.
    #[error(transparent)]
    Relay(#[from] relay::Error),
    /// How mail is to leave the house.
    #[error("{0}")]
    Mail(String),
    /// Somebody who was erased is in the log again, and could not be erased.
    #[error("erased people are in this copy again and could not be erased; start the server again to repeat it")]
    Forgetting(#[source] Box<operations::Error>),
}

impl Node {
    /// Opens the data folder, takes its lock, and starts what the roles need: the writer, the followers that
    /// feed the read models, the jobs, the relay.
    ///
    /// # Errors
    /// [`store::Error::Locked`] when another process serves the folder; else what keeps it from being opened.
    pub async fn open(options: NodeOptions) -> Result<Node, NodeError> {
        Node::open_telling(options, watch::Sender::default()).await
    }

    /// The same, and `builds` tells how far the read models are that are built meanwhile.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_telling(options: NodeOptions, builds: watch::Sender<Builds>) -> Result<Node, NodeError> {
        let (messaging, bus) = (options.messaging.clone(), options.messaging.connect().await?);
        let couriers = options.couriers.clone().filter(|_| options.serves && options.roles.has(Role::Couriers));
        let (heard, wakeups) = watch::channel(0);
        let is_woken = messaging.is_following() || options.database.is_some();
        let (mut node, back) = Node::opened(options, is_woken.then_some(wakeups), builds).await?;
        node.heard = is_woken.then_some(heard);
        match node.start(back, messaging, bus, couriers).await {
            Ok(()) => Ok(node),
            Err(error) => {
                node.stop().await;
                Err(error)
            }
        }
    }

    /// The same without NATS, for a node that is woken by other means: `wakeups` changes when there may be something
    /// new. It wakes whoever follows the log, and nobody relies on it.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_woken(options: NodeOptions, wakeups: watch::Receiver<u64>) -> Result<Node, NodeError> {
        let (mut node, back) = Node::opened(options, Some(wakeups), watch::Sender::default()).await?;
        node.start_jobs(back).await?;
        Ok(node)
    }

    /// What runs beside the writer and the read models, once these are there.
    async fn start(
        &mut self,
        back: Vec<UserId>,
        messaging: Messaging,
        bus: Option<Bus>,
        couriers: Option<CourierSettings>,
    ) -> Result<(), NodeError> {
        self.start_jobs(back).await?;
        self.couriers = couriers.map(|settings| self.send_by(settings)).transpose()?;
        match (messaging, bus) {
            (Messaging::Following(_), Some(bus)) => {
                self.handle.signals = Signals::new(Some(bus.clone()));
                (self.handle.relay, self.relay_tasks) = messaging::follow(bus, self).await;
            }
            (Messaging::OnRequest(_), Some(bus)) => self.handle.relay = Some(messaging::relay(bus, self).await?),
            (Messaging::Off | Messaging::Following(_) | Messaging::OnRequest(_), _) => {}
        }
        Ok(())
    }

    fn send_by(&self, settings: CourierSettings) -> Result<Couriers, NodeError> {
        let providers = Providers::open(&settings.mail).map_err(NodeError::Mail)?;
        Ok(Couriers::start(Parts {
            log: self.log.clone(),
            keys: Arc::clone(&self.keys),
            writer: self.writer.clone(),
            projections: self.projections.clone(),
            state: self.state.clone(),
            place: RelayPlace::of(&self.folder, &self.log),
            hint: self.hint.clone(),
            settings: Arc::new(settings),
            providers,
        }))
    }

    /// Which node tells people; none where this one has no part in it, and until it was looked up.
    pub fn courier_standing(&self) -> Option<couriers::Standing> {
        self.couriers.as_ref().and_then(Couriers::standing)
    }

    async fn start_jobs(&mut self, back: Vec<UserId>) -> Result<(), NodeError> {
        if !back.is_empty() {
            // First: a reader beside an erasure would keep bytes of the erased from being overwritten.
            jobs::settle(self.writer.clone(), self.projections.clone(), self.log.clone(), 1).await;
        }
        for user_id in back {
            tracing::warn!(%user_id, "was erased, and is in this copy again: forgotten once more");
            erase::again(self, user_id).await.map_err(|error| NodeError::Forgetting(Box::new(error)))?;
        }
        self.jobs = jobs::start(self);
        Ok(())
    }

    /// Opening reads files and may build read models: it is not for the async threads.
    async fn opened(
        options: NodeOptions,
        wakeups: Option<watch::Receiver<u64>>,
        builds: watch::Sender<Builds>,
    ) -> Result<(Node, Vec<UserId>), NodeError> {
        let opened = tokio::task::spawn_blocking(move || Node::open_blocking(&options, wakeups, &builds)).await;
        opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The node, and who has come back although they were erased.
    fn open_blocking(
        options: &NodeOptions,
        wakeups: Option<watch::Receiver<u64>>,
        builds: &watch::Sender<Builds>,
    ) -> Result<(Node, Vec<UserId>), NodeError> {
        let passwords = Passwords::new(options.passwords)?;
        let folder = Folder::create(&options.data)?;
        let lock = folder.lock()?;
        let mut appender = match &options.database {
            None => Appender::open(&folder, &options.master_key_file())?,
            Some(cluster) => {
                let cluster = cluster.clone().of_node(folder.node_id(&lock)?);
                Appender::open_shared(&cluster, &folder, &options.master_key_file())?
            }
        };
        let back = appender.keep(ErasedList::open(&options.erased_list_file())?)?;
        let keys = appender.keys();
        let log = appender.log(&folder)?;
        let feeds = options.roles.has(Role::Projections);
        let tell = |name, at| {
            builds.send_modify(|builds| match builds.iter_mut().find(|(built, _)| *built == name) {
                Some((_, known)) => *known = at,
                None => builds.push((name, at)),
            });
        };
        // Before the read models: earlier versions kept its tables among them.
        let state = Tables::open(&folder, &log)?;
        let names = options.modules.projections();
        let projections = Projections::open_telling(&folder, log.clone(), (feeds, &names), &tell)?;
        let index = IndexReader::new(projections.clone());
        tell_of_the_last_event(appender.head());
        let clock = ClockGuard::open(&folder, options.accept_clock);
        let (writer, running) = Writer::start(appender, clock);
        let hint = match wakeups {
            Some(wakeups) => either(writer.head(), wakeups),
            None => writer.head(),
        };
        let followers = projections.start(hint.clone())?;
        let unfed = followers.ended();
        let followers = Mutex::new(Some(followers));
        let (roles, probe) = (options.roles, Arc::new(Probe::new(writer.clone())));
        let handle = NodeHandle {
            folder,
            log,
            keys,
            writer,
            probe,
            projections,
            state,
            index,
            redis: options.redis.as_ref().map(Redis::new),
            roles,
            modules: options.modules,
            passwords,
            signals: Signals::new(None),
            hint,
            relay: None,
            asker: Asker::Operator,
        };
        let node = Node {
            handle,
            serves: options.serves,
            heard: None,
            running,
            followers,
            unfed,
            jobs: JoinSet::new(),
            relay_tasks: JoinSet::new(),
            couriers: None,
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

    /// Stops everything in the reverse order: ends the couriers, who finish what is under way; ends the relay, which the next start or another node goes on with, and the
    /// jobs; writes what is queued; lets the read models persist how far they are; writes when sessions were last used; and lets
    /// go of the folder. False when
    /// the writer does not end in time: then the process is to end without waiting for it.
    pub async fn stop(mut self) -> bool {
        if let Some(couriers) = self.couriers.take() {
            couriers.stop().await;
        }
        self.relay_tasks.shutdown().await;
        if let Some(relay) = &self.relay {
            messaging::give_up(relay).await;
        }
        self.jobs.shutdown().await;
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The writer before the followers: what it still writes is folded in.
        let ended = self.running.stop().await;
        if let Some(followers) = followers {
            let _ = tokio::task::spawn_blocking(move || followers.stop()).await;
        }
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || self.handle.state.flush()).await {
            tracing::error!(error = described(&error), "the last use of sessions was not written");
        }
        ended
    }
}

/// Says how this machine's clock and the last event go together, because nobody else will: an event is never recorded
/// before the one that it follows.
fn tell_of_the_last_event(head: Head) {
    const TOLD_SECONDS: i64 = 60;
    let seconds = (store::now().0 - head.recorded_at.0) / 1_000_000;
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
