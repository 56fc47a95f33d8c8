//! The relay and the wake-ups of a node, where NATS is set.

use crate::{Node, Role};
use relay::{Address, Bus, Checkpoint, Error, Limits, Relay, Result, no_relay, supervise, wakeups};
use std::time::Duration;
use store::RelayPlace;
use tokio::task::JoinSet;

/// How often the relay's checkpoint is tried to be opened, and the pause between.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// What a process does with NATS.
#[derive(Clone, Default)]
pub enum Messaging {
    /// Nothing: no NATS is set, or none is needed.
    #[default]
    Off,
    /// It wakes the other nodes and is woken by them; with the role `couriers` its relay follows the log.
    Following(Address),
    /// Its relay tells what is asked for, and follows nothing: a verb of the command line.
    OnRequest(Address),
}

impl Messaging {
    /// The connection, which is not waited for; none where nothing is to be said.
    pub(crate) async fn connect(&self) -> Result<Option<Bus>> {
        match self {
            Messaging::Off => Ok(None),
            Messaging::Following(address) | Messaging::OnRequest(address) => {
                Ok(Some(Bus::connect(address.clone()).await?))
            }
        }
    }

    /// Whether other nodes wake this one.
    pub(crate) fn is_following(&self) -> bool {
        match self {
            Messaging::Following(_) => true,
            Messaging::Off | Messaging::OnRequest(_) => false,
        }
    }
}

/// The relay of a node; it does not follow the log by itself.
///
/// # Errors
/// When its checkpoint cannot be opened.
pub(crate) async fn relay(bus: Bus, node: &Node) -> Result<Relay> {
    let (folder, log) = (node.folder.clone(), node.log.clone());
    let opened = tokio::task::spawn_blocking(move || Checkpoint::open(&RelayPlace::of(&folder, &log))).await;
    let checkpoint = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    Ok(Relay::new(node.log.records(), bus, checkpoint, Limits::default()))
}

/// The same, tried again where what is in the way may pass.
async fn relay_in_time(bus: &Bus, node: &Node) -> Result<Relay> {
    let mut tries = 1;
    loop {
        match relay(bus.clone(), node).await {
            Err(Error::Store(error)) if tries < TRIES_MAX && error.may_pass() => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Starts what follows the log of a node for others, and hears them. A node without
/// the role `couriers` wakes the others and hears them all the same: only the relay is another node's then. Whatever is
/// wrong with the relay keeps nobody from being served: then there is none.
pub(crate) async fn follow(bus: Bus, node: &Node) -> (Option<Relay>, JoinSet<()>) {
    let mut tasks = JoinSet::new();
    let (hearing, telling, head) = (bus.clone(), bus.clone(), node.writer.head());
    if let Some(heard) = node.heard.clone() {
        tasks.spawn(supervise("hear nudges", move || wakeups::hear(hearing.clone(), heard.clone())));
    }
    tasks.spawn(supervise("tell nudges", move || wakeups::tell(telling.clone(), head.clone())));
    let signals = node.signals.clone();
    tasks.spawn(supervise("hear signals", move || signals.clone().hear_others()));
    let relays = node.roles.has(Role::Couriers);
    let relay = match relay_in_time(&bus, node).await {
        Ok(relay) => relay,
        Err(error) => {
            let advice = "other services hear nothing until you mend what is wrong and restart the server";
            tracing::error!(error = store::described(&error), "the relay cannot open its checkpoint: {advice}");
            if relays {
                tasks.spawn(no_relay());
            }
            return (None, tasks);
        }
    };
    if relays {
        let (following, hint) = (relay.clone(), node.hint.clone());
        tasks.spawn(supervise("relay", move || {
            let (relay, hint) = (following.clone(), hint.clone());
            async move { relay.follow(hint).await }
        }));
    }
    (Some(relay), tasks)
}

/// Lets another node relay.
pub(crate) async fn give_up(relay: &Relay) {
    if let Err(error) = relay.give_up().await {
        tracing::warn!(error = store::described(&error), "another node relays in a few seconds");
    }
}
