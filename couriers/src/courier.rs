//! What reactor, expander and dispatcher share.

use crate::CourierSettings;
use crate::error::{Error, Result};
use commands::{Actor, Cause, Writer};
use domain::suppression::{self, Address, Reason};
use domain::text::Email;
use domain::{Command, SuppressionId, UserId};
use projections::{ProjectionId, Projections, recipients};
use state::Tables;
use std::sync::Arc;
use std::time::Duration;
use store::sql::Database;
use store::{Keys, Log, MailedPurpose, Mark};
use tokio::sync::watch;
use uuid::Uuid;

/// How long a read model is waited for.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);

/// What every part of the couriers needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) log: Log,
    pub(crate) keys: Arc<Keys>,
    pub(crate) writer: Writer,
    pub(crate) projections: Projections,
    pub(crate) state: Tables,
    /// Changes when the log may have something new.
    pub(crate) hint: watch::Receiver<u64>,
    pub(crate) settings: Arc<CourierSettings>,
}

impl Courier {
    /// Runs what blocks its thread.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// A read model that has seen that position, and what this node has acknowledged.
    pub(crate) async fn caught_up(&self, name: ProjectionId, position: u64) -> Result<Database> {
        let wanted = self.writer.acknowledged(name.follows()).max(position);
        self.projections.caught_up(name, wanted, CATCH_UP_MAX).await.map_err(|_| Error::Behind(name))?;
        Ok(self.projections.database(name))
    }

    /// How far the log was looked through. From the beginning where it has another history now: what was asked for
    /// before is there, or is past its deadline.
    pub(crate) async fn beginning(&self) -> Result<Mark> {
        let (state, log) = (self.state.clone(), self.log.clone());
        self.blocking(move || {
            let mark = state.couriers().read()?;
            Ok(if log.holds(mark)? { mark } else { Mark::default() })
        })
        .await
    }

    /// Keeps how far the log was looked through.
    pub(crate) async fn keep(&self, mark: Mark) -> Result<()> {
        let state = self.state.clone();
        self.blocking(move || Ok(state.couriers().keep(mark)?)).await
    }

    /// Where it is kept that an address gets nothing; none when it is no address.
    pub(crate) fn suppression_id(&self, address: &str) -> Option<SuppressionId> {
        Some(recipients::suppression_id(&self.keys, &Email::parse(address).ok()?))
    }

    /// Sends nothing more to an address that does not exist.
    pub(crate) async fn suppress(&self, address: &str, recipient: UserId, cause: Uuid) -> Result<()> {
        let Ok(email) = Email::parse(address) else { return Ok(()) };
        let id = recipients::suppression_id(&self.keys, &email);
        let address = Address { email, note: None };
        let suppress = suppression::Suppress { address, reason: Reason::HardBounce, recipient: Some(recipient) };
        let command = Command::Suppression(id, suppression::Command::Suppress(suppress));
        self.send(command, Actor::Courier(Cause::recorded(cause))).await.map(drop)
    }

    /// The link with that secret.
    pub(crate) fn link(&self, purpose: MailedPurpose, payload: &[u8]) -> String {
        let base = match (purpose, &self.settings.reset_url) {
            (MailedPurpose::Reset, Some(url)) => {
                let joint = if url.contains('?') { '&' } else { '?' };
                return format!("{url}{joint}token={}", self.keys.mailed_token(purpose, payload));
            }
            _ => &self.settings.public_url,
        };
        format!("{base}/{}/{}", purpose.letter(), self.keys.mailed_token(purpose, payload))
    }
}
