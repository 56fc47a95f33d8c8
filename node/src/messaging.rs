//! What leaves the house from this process: the relay and the wake-ups, when NATS is set.

use crate::{Node, Role};
use anyhow::Result;
use relay::{Address, Bus, Checkpoint, Limits, Relay, no_relay, supervise, wakeups};
use std::time::Duration;
use store::RelayPlace;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often the relay's checkpoint is tried to be opened, and the pause between.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// What runs beside a node. Without NATS that is nothing.
#[derive(Default)]
pub struct Couriers {
    relay: Option<Relay>,
    tasks: JoinSet<()>,
}

/// The connection to NATS, where one is set. It is not waited for.
///
/// # Errors
/// When the address cannot be used.
pub async fn bus(address: Option<&Address>) -> Result<Option<Bus>> {
    match address {
        Some(address) => Ok(Some(Bus::connect(address.clone()).await?)),
        None => Ok(None),
    }
}

/// The relay of a node; it does not follow the log by itself.
///
/// # Errors
/// When its checkpoint cannot be opened.
pub async fn relay(bus: Bus, node: &Node) -> Result<Relay> {
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
            Err(error) if tries < TRIES_MAX && error.downcast_ref().is_some_and(store::Error::may_pass) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

impl Couriers {
    /// Starts them. What other nodes tell goes into `heard`. A node without the role of the same name wakes the others
    /// and hears them all the same: only the relay is another node's then. Whatever is wrong with the relay keeps
    /// nobody from being served: then there is none.
    pub async fn start(bus: Option<Bus>, node: &Node, heard: watch::Sender<u64>) -> Couriers {
        let Some(bus) = bus else { return Couriers::default() };
        let mut tasks = JoinSet::new();
        let (hearing, telling, head) = (bus.clone(), bus.clone(), node.writer.head());
        tasks.spawn(supervise("hear nudges", move || wakeups::hear(hearing.clone(), heard.clone())));
        tasks.spawn(supervise("tell nudges", move || wakeups::tell(telling.clone(), head.clone())));
        let relays = node.roles.has(Role::Couriers);
        let relay = match relay_in_time(&bus, node).await {
            Ok(relay) => relay,
            Err(error) => {
                let advice = "other services are told nothing until the server is started again; mend what is wrong";
                tracing::error!(error = format!("{error:#}"), "the relay cannot open its checkpoint: {advice}");
                if relays {
                    tasks.spawn(no_relay());
                }
                return Couriers { relay: None, tasks };
            }
        };
        let (following, hint) = (relay.clone(), node.hint.clone());
        let follow = move || {
            let (relay, hint) = (following.clone(), hint.clone());
            async move { relay.follow(hint).await }
        };
        if relays {
            tasks.spawn(supervise("relay", follow));
        }
        Couriers { relay: Some(relay), tasks }
    }

    /// The relay.
    pub fn relay(&self) -> Option<Relay> {
        self.relay.clone()
    }

    /// Ends them at once: what is on its way is found by the next start, or by the node that relays next.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        if let Some(relay) = &self.relay {
            give_up(relay).await;
        }
    }
}

/// Lets another node relay.
pub async fn give_up(relay: &Relay) {
    if let Err(error) = relay.give_up().await {
        tracing::warn!(error = store::described(&error), "another node relays in a few seconds");
    }
}
