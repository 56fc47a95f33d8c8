//! Wake-ups over the database that nodes share: each node tells the others what it appends, with NATS or without.
//! Where it does not, behind a pooler in transaction mode, followers find it at their next poll.

use super::Task;
use crate::Node;
use std::time::{Duration, Instant};
use store::Cluster;
use store::postgres::ListenEnd;
use tokio::sync::watch;

/// The pause after a connection was lost, the first time; each time twice as long, and as much again at random.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause, before what is added at random. A connection that lasted longer begins with the shortest again.
const PAUSE_MAX: Duration = Duration::from_secs(60);

pub(super) fn job(node: &Node) -> Option<Task> {
    let (cluster, heard) = (node.log.cluster()?.clone(), node.heard.clone()?);
    Some(Box::pin(listen(cluster, node.writer.head(), heard)))
}

/// Listens for ever: `heard` changes when another node has appended, and the others are told when `head` does. Whatever
/// is in the way is logged once, until it works again.
pub async fn listen(cluster: Cluster, head: watch::Receiver<u64>, heard: watch::Sender<u64>) {
    let (mut pause, mut is_told) = (PAUSE_MIN, false);
    loop {
        let began = Instant::now();
        let end = cluster.listen(head.clone(), &heard).await;
        if began.elapsed() > PAUSE_MAX {
            (pause, is_told) = (PAUSE_MIN, false);
        }
        if !std::mem::replace(&mut is_told, true) {
            tell(&end);
        }
        tokio::time::sleep(pause + pause.mul_f64(rand::random())).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn tell(end: &ListenEnd) {
    let advice = "what other nodes append is found by polling, up to 250 ms later";
    match end {
        ListenEnd::Lost(error) => {
            tracing::warn!(error = store::described(error), "the database is not listened to; {advice}");
        }
        ListenEnd::Unheard => tracing::warn!("{end}; {advice}"),
    }
}
