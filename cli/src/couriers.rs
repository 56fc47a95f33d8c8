//! What leaves the house from this process: the relay and the nudges, when NATS is set.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::progress::{self, Progress};
use anyhow::Result;
use api::{Node, Role};
use couriers::{Bus, Checkpoint, Limits, Relay, nudges};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

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
pub fn relay(bus: Bus, node: &Node) -> Result<Relay> {
    let checkpoint = Checkpoint::in_folder(&node.folder)?;
    Ok(Relay::new(node.log.clone(), bus, checkpoint, Limits::default()))
}

impl Couriers {
    /// Starts them. What other nodes tell goes into `heard`. A node without the role of the same name nudges and hears
    /// others all the same: only the relay is another node's then.
    ///
    /// # Errors
    /// As [`relay`].
    pub fn start(bus: Option<Bus>, node: &Node, heard: watch::Sender<u64>) -> Result<Couriers> {
        let Some(bus) = bus else { return Ok(Couriers::default()) };
        let relay = relay(bus.clone(), node)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(nudges::hear(bus.clone(), heard));
        tasks.spawn(nudges::tell(bus, node.writer.head()));
        if node.roles.has(Role::Couriers) {
            let (following, hint) = (relay.clone(), node.hint.clone());
            tasks.spawn(async move { following.follow(hint).await });
        }
        Ok(Couriers { relay: Some(relay), tasks })
    }

    /// The relay.
    pub fn relay(&self) -> Option<Relay> {
        self.relay.clone()
    }

    /// Ends them at once: what is on its way is found by the next start.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Tells again what was told before.
///
/// # Errors
/// Code 2 where NATS is not set, 3 when there is nothing to tell, 7 when NATS does not answer.
pub async fn republish(
    relay: Option<&Relay>,
    from: u64,
    to: Option<u64>,
    progress: &progress::Sender,
) -> Result<Value> {
    let Some(relay) = relay else {
        let advice = "set LETOPIS_NATS_URL for the server, or for this command where no server runs";
        return Err(failure(Code::Usage, format!("no NATS is set, so nothing is published; {advice}")));
    };
    let show = |done: &couriers::Republished, end: u64| {
        let part = (done.to - done.from + 1) as f64 / (end - done.from + 1).max(1) as f64;
        progress.send_replace(Progress { what: "facts published again".to_owned(), done: done.facts, part });
    };
    let done = relay.republish(from, to, show).await?;
    Ok(json!({"from": done.from, "to": done.to, "facts": done.facts, "duplicates": done.duplicates}))
}
