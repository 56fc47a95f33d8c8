//! Telling again what was told before, when an operator wants it: after NATS has lost what it had, or for a listener
//! who needs more than the stream still holds.

use crate::checkpoint::Point;
use crate::leadership::Leadership;
use crate::relay::{RelayPosition, RelayState};
use crate::{Error, Relay, Result};
use std::time::Duration;
use tokio::time::sleep;

/// A page is tried so often before it is given up.
const TRIES_MAX: u32 = 5;
/// In between it waits so long.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// How long a connection may take at the start.
const REACH_WAIT: Duration = Duration::from_secs(5);

/// What was told again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RepublishSummary {
    /// The first position that was looked at.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// So many facts were sent.
    pub facts: u64,
    /// And so many of them the stream had taken within its duplicate window, and dropped.
    pub duplicates: u64,
}

impl Relay {
    /// Tells again what was told from a position on, up to `to` or to where the relay is: what is behind comes by
    /// itself. The relay goes on meanwhile; each message says that it was published again. `progress` is told
    /// the position after each page.
    ///
    /// # Errors
    /// [`Error::NothingThere`], [`Error::Disarmed`], [`Error::Unreachable`] …; what was told until then is told.
    pub async fn republish(
        &self,
        from: u64,
        to: Option<u64>,
        progress: impl Fn(&RepublishSummary, u64) + Send,
    ) -> Result<RepublishSummary> {
        self.bus().reached(REACH_WAIT).await?;
        let told = {
            let mut state = self.state().await;
            self.lead(&mut state).await?;
            self.reconcile(&mut state).await?.point.position
        };
        let end = told.min(to.unwrap_or(told)).min(self.head().await?);
        let mut done = RepublishSummary { from: from.max(1), to: from.max(1) - 1, ..RepublishSummary::default() };
        if done.from > end {
            return Err(Error::NothingThere { from, told });
        }
        while done.to < end {
            let mut tries = 1;
            while let Err(error) = self.again(&mut done, end).await {
                let worth =
                    matches!(error, Error::Unreachable(_) | Error::Refused(_) | Error::Contended(_) | Error::TakenOver);
                if !worth || tries >= TRIES_MAX {
                    tracing::warn!(next = done.to + 1, "publishing again was given up");
                    return Err(error);
                }
                tries += 1;
                sleep(RETRY_WAIT).await;
            }
            progress(&done, end);
        }
        Ok(done)
    }

    /// Whoever operates takes over: this node relays from now on.
    async fn lead(&self, state: &mut RelayState) -> Result<()> {
        match self.leadership(state, true).await? {
            Leadership::Ours(_) => Ok(()),
            Leadership::Others => Err(Error::TakenOver),
            Leadership::Disarmed => Err(Error::Disarmed),
        }
    }

    /// One page of it.
    async fn again(&self, done: &mut RepublishSummary, end: u64) -> Result<()> {
        let page = self.page(done.to, end).await?;
        let Some((to, _)) = page.last else {
            done.to = end;
            return Ok(());
        };
        let mut state = self.state().await;
        self.lead(&mut state).await?;
        let position = self.reconcile(&mut state).await?;
        state.position = None;
        let sent = match page.messages.is_empty() {
            true => None,
            false => Some(state.publisher.publish(&page.messages, true).await?),
        };
        let sequence = sent.map_or(position.point.sequence, |sent| sent.sequence);
        self.note(&mut state, RelayPosition { point: Point { sequence, ..position.point }, ..position }).await?;
        done.to = to.position;
        done.facts += page.messages.len() as u64;
        done.duplicates += sent.map_or(0, |sent| sent.duplicates);
        Ok(())
    }
}
