//! What runs as long as the process does: a panic is told, and ends it for a moment only.

use futures_util::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::sleep;

/// Before it begins again: whoever panics at once is not to fill the log.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs a task, and begins it again 5 s after each panic; until it ends by itself.
pub async fn supervise<F: Future<Output = ()>>(task: &'static str, begin: impl Fn() -> F) {
    again(task, PAUSE, begin).await;
}

async fn again<F: Future<Output = ()>>(task: &'static str, pause: Duration, begin: impl Fn() -> F) {
    // The panic has unwound what the task held; the next one begins with nothing of it but what others share.
    while AssertUnwindSafe(async { begin().await }).catch_unwind().await.is_err() {
        metrics::counter!("letopis_courier_panics_total", "task" => task).increment(1);
        tracing::error!(task, "it panicked, which is a bug: see the panic above; it begins again in {pause:?}");
        sleep(pause).await;
    }
}

/// Shows whoever watches that no relay runs, for as long as that is so.
pub async fn no_relay() {
    loop {
        metrics::gauge!("letopis_relay_stopped").set(1.0);
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_task_that_panics_begins_again_until_it_ends() {
        let begun = AtomicU32::new(0);
        let (before, pause) = (std::time::Instant::now(), Duration::from_millis(20));
        again("test", pause, || async {
            tokio::task::yield_now().await;
            assert!(begun.fetch_add(1, Ordering::Relaxed) == 2, "the first two panic");
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
        assert!(before.elapsed() >= 2 * pause);
    }
}
