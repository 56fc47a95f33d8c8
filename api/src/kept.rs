//! What was looked up a moment ago, so that many who look at once ask once.

use std::any::Any;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// One value, whatever it is: the routes above know, and what all handlers share must not know of routes.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Option<(Instant, Box<dyn Any + Send>)>>);

impl Kept {
    /// What was looked up no longer ago than that, or what is looked up now: one at a time looks.
    ///
    /// # Errors
    /// What looking fails with.
    pub(crate) async fn or_look<T: Clone + Send + 'static, E>(
        &self,
        lasts: Duration,
        look: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let mut kept = self.0.lock().await;
        let fresh = kept.as_ref().filter(|(at, _)| at.elapsed() < lasts);
        if let Some(value) = fresh.and_then(|(_, value)| value.downcast_ref::<T>()) {
            return Ok(value.clone());
        }
        let value = look.await?;
        *kept = Some((Instant::now(), Box::new(value.clone())));
        Ok(value)
    }

    /// Looks again the next time: somebody has changed what is seen.
    pub(crate) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
