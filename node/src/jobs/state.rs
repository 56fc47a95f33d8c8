//! Writes what is kept and is no fact, and heeds erasures that another process, or one before this one, did not live to
//! carry out.

use super::Task;
use crate::Node;
use state::Tables;
use std::time::{Duration, Instant};
use store::described;

/// How often the last use of sessions and tokens is written.
const FLUSH_EVERY: Duration = Duration::from_secs(60);
/// How often it is tried again to take out of the file what was deleted, where a reader was in the way.
const WIPE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn job(node: &Node) -> Option<Task> {
    Some(Box::pin(keep(node.state.clone())))
}

/// Writes now and then, for ever.
async fn keep(tables: Tables) {
    let mut flushed = Instant::now();
    loop {
        tokio::time::sleep(WIPE_EVERY).await;
        let is_due = flushed.elapsed() >= FLUSH_EVERY;
        if is_due {
            flushed = Instant::now();
        }
        let tables = tables.clone();
        let kept = tokio::task::spawn_blocking(move || {
            tables.wipe_residue()?;
            if is_due { tables.flush() } else { Ok(()) }
        });
        if let Err(error) = kept.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
            tracing::warn!(error = described(&error), "what is kept beside the log was not written; it is tried again");
        }
    }
}
