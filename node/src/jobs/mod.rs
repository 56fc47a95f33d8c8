//! What a node does beside its work: one file a job, one line in the list.

mod figures;
mod ownerless_chats;
mod search_tasks;
mod state;
mod wakeups;

pub use wakeups::listen;

pub(crate) use ownerless_chats::settle;

use crate::Node;
use std::pin::Pin;
use tokio::task::JoinSet;

/// What a job does, from its start to its end, or to that of the node.
type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every job. One that has nothing to do on a node has no task there.
const JOBS: &[fn(&Node) -> Option<Task>] =
    &[figures::job, ownerless_chats::job, search_tasks::job, state::job, wakeups::job];

/// Starts every job of a node.
pub(crate) fn start(node: &Node) -> JoinSet<()> {
    JOBS.iter().filter_map(|job| job(node)).collect()
}
