//! What people are told: whether, and single deliveries sent again or called off.

use super::Error;
use crate::NodeHandle;
use domain::delivery::{self, Cancel, Retry, Status};
use domain::{Command, DeliveryId, UserId};
use projections::{ProjectionId, deliveries};
use serde::{Deserialize, Serialize};
use store::{Arming, Outlet, RelayPlace};

/// How long a delivery has from a retry on, in seconds.
const RETRY_SECONDS: i64 = 24 * 3_600;

/// Whether the couriers of a log may send, and what they would send first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourierArming {
    pub armed: bool,
    /// How many deliveries wait.
    pub pending: u64,
    /// How many of them are due.
    pub due: u64,
    /// How many of them are past their deadline: they expire and are not sent.
    pub late: u64,
}

/// A delivery that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryChange {
    pub delivery_id: DeliveryId,
    pub state: Status,
    pub position: u64,
}

/// What is to happen to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryVerb {
    /// It is sent again.
    Retry,
    /// It is not sent.
    Cancel,
}

/// Lets the couriers of a node's log send, or not: here within half a second, as on every other node.
///
/// # Errors
/// When that cannot be written down, or what waits cannot be read.
pub async fn arm(node: &NodeHandle, armed: bool) -> Result<CourierArming, Error> {
    let db = node.projections.database(ProjectionId::Deliveries);
    let (pending, due, late) = deliveries::backlog(&db, store::now()).await?;
    let place = RelayPlace::of(&node.folder, &node.log);
    let set = tokio::task::spawn_blocking(move || Arming::open(&place, Outlet::Couriers)?.set(armed)).await;
    set.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    Ok(CourierArming { armed, pending, due, late })
}

/// Has a delivery sent again, or calls it off.
///
/// # Errors
/// Code 3 when there is none, 4 when its state does not allow it.
pub async fn change(node: &NodeHandle, delivery_id: DeliveryId, verb: DeliveryVerb) -> Result<DeliveryChange, Error> {
    let by = Some(node.asker()).filter(|by| *by != UserId::OPERATOR);
    let (command, state) = match verb {
        DeliveryVerb::Retry => {
            let expires_at = store::now().plus_seconds(RETRY_SECONDS);
            (delivery::Command::Retry(Retry { by, expires_at }), Status::Scheduled)
        }
        DeliveryVerb::Cancel => (delivery::Command::Cancel(Cancel { by }), Status::Cancelled),
    };
    let command = Command::Delivery(delivery_id, command);
    let answer = node.writer.send(node.request(command)).await?;
    Ok(DeliveryChange { delivery_id, state, position: answer.position })
}
