//! What leaves the house from this process: the relay and the wake-ups, when NATS is set.

use crate::context::Context;
use crate::control;
use crate::exit::{Code, failure};
use crate::operation::Operation;
use crate::progress::{self, Progress};
use crate::{arguments, output};
use anyhow::Result;
use node::{Node, Role, Roles};
use relay::{Arming, Bus, Checkpoint, Limits, Relay, no_relay, supervise, wakeups};
use serde_json::{Value, json};
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

/// `letopis relay arm` and `letopis relay disarm`.
///
/// # Errors
/// When it cannot be written down.
pub async fn verb(context: &Context, asked: &arguments::Relay) -> Result<()> {
    let armed = match asked {
        arguments::Relay::Arm => true,
        arguments::Relay::Disarm => false,
    };
    let done = match &context.settings.database {
        None => control::carry_out(context, Operation::ArmRelay { armed }).await?,
        // Every node looks there, and none has to be able to start for it.
        Some(cluster) => {
            Arming::open(&RelayPlace::shared(cluster))?.set(armed)?;
            json!({"armed": armed})
        }
    };
    output::show(context.output, &done)
}

/// The connection to NATS, where one is set. It is not waited for.
///
/// # Errors
/// When the address cannot be used.
pub async fn bus(context: &Context) -> Result<Option<Bus>> {
    match &context.settings.nats {
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

/// Lets the relay of a node's log speak, or not; also where this process has none.
///
/// # Errors
/// When that cannot be written down.
pub async fn arm(node: &Node, relay: Option<&Relay>, armed: bool) -> Result<Value> {
    match relay {
        Some(relay) => relay.arm(armed).await?,
        None => {
            let (folder, log) = (node.folder.clone(), node.log.clone());
            let set =
                tokio::task::spawn_blocking(move || Arming::open(&RelayPlace::of(&folder, &log))?.set(armed)).await;
            set.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
    }
    Ok(json!({"armed": armed}))
}

/// Tells again what was told before.
///
/// # Errors
/// Code 2 where NATS is not set, 3 when there is nothing to tell, 4 when the relay is disarmed, 7 when NATS does not
/// answer.
pub async fn republish(
    relay: Option<&Relay>,
    roles: Roles,
    (from, to): (u64, Option<u64>),
    progress: &progress::Sender,
) -> Result<Value> {
    let Some(relay) = relay else {
        let advice = "set LETOPIS_NATS_URL for the server, or for this command where no server runs; where it is set, \
                      the server's log tells why there is no relay";
        return Err(failure(Code::Usage, format!("no NATS is set, so nothing is published; {advice}")));
    };
    let show = |done: &relay::Republished, end: u64| {
        let part = (done.to - done.from + 1) as f64 / (end - done.from + 1).max(1) as f64;
        progress.send_replace(Progress { what: "facts published again".to_owned(), done: done.facts, part });
    };
    let done = relay.republish(from, to, show).await;
    if !roles.has(Role::Couriers) {
        // Nobody follows the log here: who does is to have his turn back.
        give_up(relay).await;
    }
    let done = done?;
    Ok(json!({"from": done.from, "to": done.to, "facts": done.facts, "duplicates": done.duplicates}))
}
