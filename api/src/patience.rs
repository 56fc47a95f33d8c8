//! How long a request waits on storage that does not answer: less long than its caller does.

use crate::app::App;
use crate::error::{Code, Error};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long `/ping_db` waits: who asks it wants to know now.
pub(crate) const PING_MAX: Duration = Duration::from_secs(1);

impl App {
    /// Waits for storage, at most as long as the settings say.
    ///
    /// # Errors
    /// `unavailable` when it does not answer in time.
    pub(crate) async fn patiently<T>(&self, answer: impl Future<Output = T>) -> Result<T, Error> {
        timeout(self.settings.storage_wait, answer).await.map_err(|_| silent())
    }

    /// The log's last position.
    ///
    /// # Errors
    /// As [`App::ask_log`], and when the log cannot be read.
    pub(crate) async fn log_head(&self) -> Result<u64, Error> {
        let log = self.log.clone();
        Ok(self.ask_log(self.settings.storage_wait, move || log.head()).await??.position)
    }

    /// Asks the log on a thread that may be kept waiting, and waits for the answer no longer than that. The place of the
    /// thread is taken until it is done.
    ///
    /// # Errors
    /// `unavailable` when there is no answer in time, or too many wait already.
    pub(crate) async fn ask_log<T: Send + 'static>(
        &self,
        wait: Duration,
        question: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.blocked).try_acquire_owned().map_err(|_| silent())?;
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question();
            drop(place);
            answer
        });
        let answer = timeout(wait, asked).await.map_err(|_| silent())?;
        answer.map_err(|failed| Error::ours(&failed, Code::Internal))
    }
}

fn silent() -> Error {
    let advice =
        "the storage does not answer; a write may have happened: repeat the request with the same Idempotency-Key";
    Error::new(Code::Unavailable, advice)
}
