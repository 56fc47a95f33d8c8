//! Mail over SMTP (RFC 5321), in phases: what failed before the final dot was not accepted, what failed after it may be.
//!
//! Commands, replies and authentication are lettre's; the connection is our own (docs/decisions/0022-smtp-driver.md).

mod address;
mod line;
mod open;
mod phase;
mod pool;
mod verdict;
mod wire;

pub use address::{SmtpUrl, Tls};
pub use open::Roots;
pub use phase::{Phase, Timeouts};

use super::AttemptEnd;
use crate::mail::Composed;
use line::Line;
use pool::Pool;
use rustls::ClientConfig;
use std::sync::Arc;
use tokio::sync::Semaphore;
use verdict::Hidden;
use wire::Failed;

/// Connections to one server at the same time; who wants another one waits.
pub const CONNECTIONS_MAX: usize = 20;

/// Asked right before the body and the final dot are written: whether this attempt may still be made.
pub type MaySend<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// A mail server that takes our mail.
pub struct Smtp {
    url: SmtpUrl,
    tls: Option<Arc<ClientConfig>>,
    timeouts: Timeouts,
    pool: Pool,
    places: Semaphore,
}

impl Smtp {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the authorities that vouch for its certificate cannot be read.
    pub fn new(url: SmtpUrl, roots: &Roots, timeouts: Timeouts) -> Result<Smtp, String> {
        let tls = match url.tls() {
            Tls::None => None,
            Tls::Required | Tls::Implicit => Some(roots.trusted()?),
        };
        Ok(Smtp { url, tls, timeouts, pool: Pool::default(), places: Semaphore::new(CONNECTIONS_MAX) })
    }

    /// What it is called in facts and figures: `smtp.example.org:587`, never the user or the password.
    pub fn name(&self) -> String {
        self.url.name()
    }

    /// Hands one mail over. Never fails: how it ended says everything.
    pub async fn send(&self, mail: &Composed, may_send: MaySend<'_>) -> AttemptEnd {
        let _place = self.places.acquire().await.expect("nobody closes it");
        let hidden = Hidden::of(mail.to.as_ref());
        let mut line = match self.begin(mail).await {
            Ok(line) => line,
            Err(failed) => return verdict::of_failure(&failed, &hidden),
        };
        let result = line.finish(mail, may_send).await;
        let keeps = result.as_ref().map_or_else(Failed::keeps_line, |_| true);
        if keeps {
            self.pool.give_back(line).await;
        }
        match result {
            Ok(reply) => verdict::of_acceptance(&reply, &hidden),
            Err(failed) => verdict::of_failure(&failed, &hidden),
        }
    }

    /// A connection on which the mail is begun. What a connection that lay idle does is held against nobody: where it
    /// turns out to be gone, a new one is made, as nothing was sent yet.
    async fn begin(&self, mail: &Composed) -> Result<Line, Failed> {
        if let Some(line) = self.pool.take().await {
            match self.begin_on(line, mail).await {
                Err(failed) if failed.is_of_the_line() => {}
                begun => return begun,
            }
        }
        self.begin_on(self.open().await?, mail).await
    }

    async fn begin_on(&self, mut line: Line, mail: &Composed) -> Result<Line, Failed> {
        let Err(failed) = line.begin(mail).await else { return Ok(line) };
        if failed.keeps_line() {
            self.pool.give_back(line).await;
        }
        Err(failed)
    }

    /// Whether it would take mail: connects, secures the connection, signs in and goes.
    ///
    /// # Errors
    /// What failed, in words.
    pub async fn look(&self) -> Result<String, String> {
        let line = self.open().await.map_err(|failed| verdict::words(&failed, &Hidden::nothing()))?;
        let told = line.described();
        line.leave().await;
        Ok(told)
    }

    async fn open(&self) -> Result<Line, Failed> {
        open::open(&self.url, self.tls.as_ref(), self.timeouts).await
    }
}

#[cfg(test)]
mod tests;
