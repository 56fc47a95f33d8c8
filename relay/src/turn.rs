//! Whose turn it is to tell: one node of a log, or nobody.

use crate::relay::Desk;
use crate::{Relay, Result};
use std::time::Duration;
use store::described;
use tokio::time::Instant;

/// Whose turn it is to tell is looked at that often: a node that died holds its lease for 3 s.
const TURN_EVERY: Duration = Duration::from_millis(500);

/// Whose turn it is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This node's, under a lease of that epoch; zero where there are no other nodes.
    Ours(u64),
    /// Another node's.
    Others,
    /// Nobody's: [`crate::Arming`].
    Disarmed,
}

impl Turn {
    pub(crate) fn is_ours(self) -> bool {
        match self {
            Turn::Ours(_) => true,
            Turn::Others | Turn::Disarmed => false,
        }
    }
}

impl Relay {
    /// Whose turn it is to tell; `anyway` makes it this node's.
    pub(crate) async fn turn(&self, desk: &mut Desk, anyway: bool) -> Result<Turn> {
        let before = desk.turn;
        if let Some((turn, _)) = before.filter(|(turn, at)| at.elapsed() < TURN_EVERY && (!anyway || turn.is_ours())) {
            return Ok(turn);
        }
        // Unknown where the look fails.
        desk.turn = None;
        let now = self.blocking(move |_, checkpoint| checkpoint.turn(anyway)).await?;
        if before.is_none_or(|(before, _)| before != now) {
            // Somebody else may have told more meanwhile.
            desk.point = None;
            match now {
                Turn::Ours(epoch) => tracing::debug!(epoch, "this node relays"),
                Turn::Others => tracing::info!("another node relays; this one stands by"),
                Turn::Disarmed => {
                    let advice = "other services are told nothing until `letopis relay arm`";
                    tracing::warn!("this log is a copy, or the relay was disarmed: {advice}");
                }
            }
        }
        desk.turn = Some((now, Instant::now()));
        Ok(now)
    }

    /// Gets no further for now: a node that can is to have its turn.
    pub(crate) async fn stand_aside(&self) {
        let mut desk = self.desk().await;
        // Under no lease there is no other node.
        let Some((Turn::Ours(1..), _)) = desk.turn else { return };
        (desk.turn, desk.point) = (None, None);
        if let Err(error) = self.give_up().await {
            tracing::warn!(error = described(&error), "another node relays in a few seconds");
        }
    }

    /// Lets the relay of this log speak, or not; from now on here, within a second on other nodes.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub async fn arm(&self, armed: bool) -> Result<()> {
        let mut desk = self.desk().await;
        desk.turn = None;
        self.blocking(move |_, checkpoint| checkpoint.arm(armed)).await
    }

    /// Another node may relay at once. To be called when nobody follows the log here any more.
    ///
    /// # Errors
    /// [`crate::Error::Store`]: then the others wait until the lease has run out.
    pub async fn give_up(&self) -> Result<()> {
        self.blocking(|_, checkpoint| checkpoint.give_up()).await
    }
}
