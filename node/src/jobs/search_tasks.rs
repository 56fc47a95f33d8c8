//! Answers search tasks: on each node that answers the API, whichever node was asked.

use crate::{IndexError, IndexReader, Module, Node, Role};
use commands::Writer;
use projections::{ProjectionId, Projections};
use search::{Order, SearchRequest, Who};
use state::{SearchTasks, Task, TaskOutcome};
use std::time::{Duration, Instant};
use store::described;

/// Most messages that a task finds, the newest.
const HITS_MAX: usize = 100;
/// When a task ends with what was found by then.
const TASK_MAX: Duration = Duration::from_secs(5);
/// How much of that a task waits until the read models are where its question was asked; then it asks them as they are.
const FOLLOW_MAX: Duration = Duration::from_secs(2);
/// How much of it a task waits for one of the places for questions; then it waits again, for its next turn.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often the job looks for tasks that another node, or a process before this one, has left.
const LEFT_EVERY: Duration = Duration::from_secs(1);

/// What the job needs of the node.
struct Work {
    tasks: SearchTasks,
    writer: Writer,
    projections: Projections,
    index: IndexReader,
}

/// Why a task could not be answered.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("its question is none")]
    Question(#[from] search::SyntaxError),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Index(#[from] IndexError),
}

pub(super) fn job(node: &Node) -> Option<super::Task> {
    let (tasks, writer) = (node.state.search_tasks().clone(), node.writer.clone());
    let (projections, index) = (node.projections.clone(), node.index.clone());
    let answers = node.serves && node.roles.has(Role::Api) && node.modules.has(Module::Search);
    answers.then(|| -> super::Task { Box::pin(work_on_all(Work { tasks, writer, projections, index })) })
}

/// Works on tasks for ever, on three at once: one that takes long keeps nobody else waiting, and most places for
/// questions are left to callers who wait for their answer.
async fn work_on_all(work: Work) {
    tokio::join!(work_on_one(&work), work_on_one(&work), work_on_one(&work));
}

/// Works on tasks, one after the other, for ever.
async fn work_on_one(work: &Work) {
    loop {
        let tasks = work.tasks.clone();
        let begun = tokio::task::spawn_blocking(move || tasks.begin(store::now())).await;
        match begun.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
            Ok(Some(task)) => finish(work, task).await,
            Ok(None) => work.tasks.enqueued(LEFT_EVERY).await,
            Err(error) => {
                tracing::error!(error = described(&error), "no search task can be begun; it is tried again");
                tokio::time::sleep(LEFT_EVERY).await;
            }
        }
    }
}

async fn finish(work: &Work, task: Task) {
    let outcome = answer(work, &task).await.unwrap_or_else(|error| {
        tracing::error!(task_id = %task.task_id, error = described(&error), "a search task fails");
        TaskOutcome::Failed
    });
    let tasks = work.tasks.clone();
    let finished = tokio::task::spawn_blocking(move || tasks.finish(&task, &outcome, store::now())).await;
    // Then it is taken up again, as one that its process has left.
    if let Err(error) = finished.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) {
        tracing::error!(error = described(&error), "a search task could not be finished");
    }
}

async fn answer(work: &Work, task: &Task) -> Result<TaskOutcome, Failure> {
    let deadline = Instant::now() + TASK_MAX;
    let question = search::question(&task.question)?;
    if question.needs_zone() {
        reach(work, ProjectionId::Users, 0).await;
    }
    let zone = work.index.zone_of(&question, task.user_id).await?;
    reach(work, ProjectionId::Search, task.wanted).await;
    let Some(place) = work.index.place(PLACE_WAIT_MAX).await else { return Ok(TaskOutcome::Postponed) };
    let who = Who::Member(task.user_id);
    let looked = work.index.look_up(place, move |snapshot| {
        let (question, zone, order, from, limit) = (&question, &zone, Order::Newest, None, HITS_MAX);
        search::find_plain(snapshot, &SearchRequest { question, who, zone, order, from, limit, deadline })
    });
    let found = looked.await?;
    if !found.looked {
        return Ok(TaskOutcome::Postponed);
    }
    Ok(TaskOutcome::Found(found.hits.into_iter().map(|hit| (hit.chat_id, hit.message_id)).collect()))
}

/// Waits until a read model has what this node has acknowledged, and `wanted`. Where it is behind, what it has is the
/// answer.
async fn reach(work: &Work, name: ProjectionId, wanted: u64) {
    let wanted = wanted.max(work.writer.acknowledged(name.follows()));
    let _ = work.projections.caught_up(name, wanted, FOLLOW_MAX).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeOptions, Roles};

    #[tokio::test]
    async fn only_a_node_that_answers_callers_takes_up_tasks() {
        let others = Roles::parse("projections,couriers").unwrap();
        for (serves, roles, takes) in [(true, Roles::ALL, true), (false, Roles::ALL, false), (true, others, false)] {
            let folder = tempfile::tempdir().unwrap();
            let options = NodeOptions { serves, roles, ..NodeOptions::new(folder.path().join("data")) };
            let node = Node::open(options).await.unwrap();
            assert_eq!(job(&node).is_some(), takes, "serves: {serves}, roles: {roles}");
            node.stop().await;
        }
    }
}
