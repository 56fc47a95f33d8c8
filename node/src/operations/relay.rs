//! What other services are told: whether, and what again.

use super::{Error, Progress, Sender, Unit};
use crate::messaging::give_up;
use crate::{NodeHandle, Role};
use relay::RepublishSummary;
use serde::{Deserialize, Serialize};
use store::{Arming, Cluster, Outlet, RelayPlace};

/// Whether the relay of a log may publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmingReport {
    /// Whether it may.
    pub armed: bool,
}

/// What was published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepublishReport {
    /// The first position.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// How many facts were sent.
    pub facts: u64,
    /// How many of those the stream already had within its duplicate window, and dropped.
    pub duplicates: u64,
}

/// Arms or disarms the relay of a log that nodes share. Every node looks there, and none has to be able to start for it.
///
/// # Errors
/// When that cannot be written down.
pub fn arm_shared(cluster: &Cluster, armed: bool) -> Result<ArmingReport, Error> {
    Arming::open(&RelayPlace::shared(cluster), Outlet::Relay)?.set(armed)?;
    Ok(ArmingReport { armed })
}

/// Lets the relay of a node's log speak, or not; also where this process has none.
///
/// # Errors
/// When that cannot be written down.
pub async fn arm(node: &NodeHandle, armed: bool) -> Result<ArmingReport, Error> {
    match &node.relay {
        Some(relay) => relay.arm(armed).await?,
        None => {
            let place = RelayPlace::of(&node.folder, &node.log);
            let set = tokio::task::spawn_blocking(move || Arming::open(&place, Outlet::Relay)?.set(armed)).await;
            set.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        }
    }
    Ok(ArmingReport { armed })
}

/// Tells again what was told before.
///
/// # Errors
/// Code 2 where NATS is not set, 3 when there is nothing to tell, 4 when the relay is disarmed, 7 when NATS does not
/// answer.
pub async fn republish(
    node: &NodeHandle,
    (from, to): (u64, Option<u64>),
    progress: &Sender,
) -> Result<RepublishReport, Error> {
    let relay = node.relay.as_ref().ok_or(Error::NoRelay)?;
    let show = |done: &RepublishSummary, end: u64| {
        let part = (done.to - done.from + 1) as f64 / (end - done.from + 1).max(1) as f64;
        progress.send_replace(Some(Progress { unit: Unit::FactsPublished, done: done.facts, part }));
    };
    let done = relay.republish(from, to, show).await;
    if !node.roles.has(Role::Couriers) {
        // Nobody follows the log here: who does is to have their turn back.
        give_up(relay).await;
    }
    let done = done?;
    Ok(RepublishReport { from: done.from, to: done.to, facts: done.facts, duplicates: done.duplicates })
}
