//! Which node of a log tells: one of them, or none.

use crate::relay::RelayState;
use crate::{Relay, Result};
use std::time::Duration;
use store::described;
use tokio::time::Instant;

/// How often leadership is checked: a node that died holds its lease for 3 s.
const LEADERSHIP_CHECK_EVERY: Duration = Duration::from_millis(500);

/// Which node tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leadership {
    /// This node's, under a lease of that epoch; zero where there are no other nodes.
    Ours(u64),
    /// Another node's.
    Others,
    /// Nobody's: [`store::Arming`].
    Disarmed,
}

impl Leadership {
    pub(crate) fn is_ours(self) -> bool {
        match self {
            Leadership::Ours(_) => true,
            Leadership::Others | Leadership::Disarmed => false,
        }
    }
}

impl Relay {
    /// Which node tells; `anyway` makes it this one.
    pub(crate) async fn leadership(&self, state: &mut RelayState, anyway: bool) -> Result<Leadership> {
        let before = state.leadership;
        if let Some((leadership, _)) =
            before.filter(|(leadership, at)| at.elapsed() < LEADERSHIP_CHECK_EVERY && (!anyway || leadership.is_ours()))
        {
            return Ok(leadership);
        }
        // Unknown where the look fails.
        state.leadership = None;
        let now = self.blocking(move |_, checkpoint| checkpoint.leadership(anyway)).await?;
        if before.is_none_or(|(before, _)| before != now) {
            // Somebody else may have told more meanwhile.
            state.position = None;
            match now {
                Leadership::Ours(epoch) => tracing::debug!(epoch, "this node relays"),
                Leadership::Others => tracing::info!("another node relays; this one stands by"),
                Leadership::Disarmed => {
                    let advice = "other services hear nothing until `letopis relay arm`";
                    tracing::warn!("this log is a copy, or the relay was disarmed: {advice}");
                }
            }
        }
        state.leadership = Some((now, Instant::now()));
        Ok(now)
    }

    /// Gets no further for now: a node that can takes the lead.
    pub(crate) async fn stand_aside(&self) {
        let mut state = self.state().await;
        // Under no lease there is no other node.
        let Some((Leadership::Ours(1..), _)) = state.leadership else { return };
        (state.leadership, state.position) = (None, None);
        if let Err(error) = self.give_up().await {
            tracing::warn!(error = described(&error), "another node relays in a few seconds");
        }
    }

    /// Lets the relay of this log speak, or not; from now on here, within a second on other nodes.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub async fn arm(&self, armed: bool) -> Result<()> {
        let mut state = self.state().await;
        state.leadership = None;
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
