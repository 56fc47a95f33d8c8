//! What is told to the supervisor of the process (systemd's `Type=notify` with `WatchdogSec`). Without one, every
//! function here does nothing.

use commands::WriterError;
use node::Node;
use sd_notify::NotifyState;
use std::time::Duration;

/// The server answers from now on.
pub fn ready(address: &str) {
    let status = format!("serving on {address}");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The server ends on purpose.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping: requests under way may finish")]);
}

/// Says that the process lives, twice in each of the supervisor's periods, for as long as its writer answers.
/// Without a supervisor that waits for it, it never ends and does nothing.
pub async fn watch(node: &Node) {
    let Some(period) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let half = (period / 2).max(Duration::from_millis(1));
    let mut ticks = tokio::time::interval(half);
    loop {
        ticks.tick().await;
        match node.probe.ask(half).await {
            // A database that takes no writes is not mended by another process.
            Ok(()) | Err(WriterError::Refused(_)) => tell(&[NotifyState::Watchdog]),
            Err(why @ (WriterError::Silent | WriterError::Ended)) => {
                tracing::error!(%why, "the supervisor could not be notified")
            }
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor cannot be notified");
    }
}
