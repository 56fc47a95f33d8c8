//! What is told to the supervisor of the process (systemd's `Type=notify` with `WatchdogSec`). Without one, every
//! function here does nothing.

use api::Node;
use commands::{Error, Request};
use domain::{Command, UserId, user};
use sd_notify::NotifyState;
use std::time::Duration;
use uuid::Uuid;

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
    let mut head = 0;
    loop {
        ticks.tick().await;
        let before = std::mem::replace(&mut head, *node.writer.head().borrow());
        match answers(node, half).await {
            // A queue that is full says nothing; a head that moves says that the queue is worked on.
            Probe::Alive => tell(&[NotifyState::Watchdog]),
            Probe::Full if head > before => tell(&[NotifyState::Watchdog]),
            Probe::Full | Probe::Silent => tracing::error!("the writer does not answer; the supervisor is not told"),
        }
    }
}

enum Probe {
    Alive,
    Full,
    Silent,
}

/// Sends the writer a command that can only be refused, the whole way through its queue.
async fn answers(node: &Node, wait: Duration) -> Probe {
    let nobody = Command::User(UserId(Uuid::nil()), user::Command::EndSessions { keep: None });
    let request = Request::by_operator(nobody, crate::operation::now());
    match tokio::time::timeout(wait, node.writer.send(request)).await {
        Ok(Ok(_) | Err(Error::Refused(_))) => Probe::Alive,
        Ok(Err(Error::Overloaded)) => Probe::Full,
        Ok(Err(Error::KeyReused | Error::Unavailable | Error::Internal)) | Err(_) => Probe::Silent,
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor cannot be told");
    }
}
