//! Asking the text index: a few questions at once, on threads that may be kept busy.

use domain::UserId;
use projections::{ProjectionId, Projections, users};
use search::{Question, TimeZone};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::timeout;

/// Most questions that are looked up at once: each keeps a thread busy.
const QUESTIONS_MAX: usize = 8;

/// Asks the text index. A cheap handle; all of them share the places for questions.
#[derive(Clone)]
pub struct IndexReader {
    projections: Projections,
    places: Arc<Semaphore>,
}

/// Why the index was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// There is none here, or it cannot be opened.
    #[error(transparent)]
    Projections(#[from] projections::Error),
    /// Its files cannot be read.
    #[error(transparent)]
    Search(#[from] search::Error),
    /// The thread that asked it came to an early end.
    #[error("the thread that asked the text index panicked")]
    Panicked(#[from] JoinError),
}

impl IndexReader {
    pub(crate) fn new(projections: Projections) -> IndexReader {
        IndexReader { projections, places: Arc::new(Semaphore::new(QUESTIONS_MAX)) }
    }

    /// One of the places for questions, when one is free in time.
    pub async fn place(&self, wait: Duration) -> Option<OwnedSemaphorePermit> {
        timeout(wait, Arc::clone(&self.places).acquire_owned()).await.ok()?.ok()
    }

    /// Asks the index on a thread that may be kept busy. The place is taken until the thread is done, also when the
    /// caller waits no longer.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn look_up<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        ask: impl FnOnce(&search::Snapshot) -> search::Result<T> + Send + 'static,
    ) -> Result<T, IndexError> {
        let index = self.projections.index()?;
        let looked = tokio::task::spawn_blocking(move || {
            let answer = ask(&index.snapshot());
            drop(place);
            answer
        });
        Ok(looked.await??)
    }

    /// The time zone in which a person's question is meant, as the read model has it now; UTC where the question does
    /// not depend on it, or none is set.
    ///
    /// # Errors
    /// When the read model cannot be read.
    pub async fn zone_of(&self, question: &Question, user_id: UserId) -> Result<TimeZone, store::Error> {
        if !question.needs_zone() {
            return Ok(TimeZone::UTC);
        }
        let account = users::by_id(&self.projections.database(ProjectionId::Users), user_id).await?;
        Ok(account.and_then(|account| TimeZone::get(&account.time_zone).ok()).unwrap_or(TimeZone::UTC))
    }
}
