//! What takes longer than a request: it goes on by itself, and can be asked how far it is. In memory: a task ends with
//! the process that works on it, and is forgotten with it.

use crate::error::{Code, Error};
use domain::{Timestamp, UserId};
use node::operations::{self, Progress};
use serde_json::Value;
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use store::now;
use tokio::sync::watch;
use uuid::Uuid;

/// Most tasks under way.
const RUNNING_MAX: usize = 4;
/// Most tasks that are known; one that has ended makes room.
const KNOWN_MAX: usize = 64;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rebuild,
    Verify,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Rebuild => "rebuild",
            Kind::Verify => "verify",
        }
    }
}

/// How a task stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Running,
    /// With what it reports.
    Done(Value),
    Failed(String),
}

/// A task as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) id: Uuid,
    pub(crate) kind: Kind,
    /// What it works on.
    pub(crate) subject: String,
    pub(crate) by: UserId,
    pub(crate) began_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) progress: Option<Progress>,
    pub(crate) outcome: Outcome,
}

/// All that are known.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<VecDeque<Known>>>);

struct Known {
    task: Task,
    progress: watch::Receiver<Option<Progress>>,
}

impl Known {
    fn now(&self) -> Task {
        Task { progress: self.progress.borrow().clone(), ..self.task.clone() }
    }
}

impl Tasks {
    /// Begins one.
    ///
    /// # Errors
    /// `overloaded` when as many are under way as may be, `wrong-state` when the same is.
    pub(crate) fn begin<F>(
        &self,
        (kind, subject, by): (Kind, &str, UserId),
        work: impl FnOnce(operations::Sender) -> F,
    ) -> Result<Task, Error>
    where
        F: Future<Output = Result<Value, operations::Error>> + Send + 'static,
    {
        let (sender, progress) = watch::channel(None);
        let task = Task {
            id: Uuid::now_v7(),
            kind,
            subject: subject.to_owned(),
            by,
            began_at: now(),
            ended_at: None,
            progress: None,
            outcome: Outcome::Running,
        };
        self.note(Known { task: task.clone(), progress })?;
        let (tasks, id, work) = (self.clone(), task.id, work(sender));
        tokio::spawn(async move {
            // A panic in it must not leave it running for ever.
            let outcome = match tokio::spawn(work).await {
                Ok(Ok(report)) => Outcome::Done(report),
                Ok(Err(error)) => Outcome::Failed(error.to_string()),
                Err(_) => Outcome::Failed("it panicked; the server's log says why".to_owned()),
            };
            tasks.end(id, outcome);
        });
        Ok(task)
    }

    fn note(&self, known: Known) -> Result<(), Error> {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = || tasks.iter().filter(|known| known.task.outcome == Outcome::Running);
        let is_same = |other: &&Known| (other.task.kind, &other.task.subject) == (known.task.kind, &known.task.subject);
        if running().any(|other| is_same(&other)) {
            return Err(Error::new(
                Code::WrongState,
                "the same task is running already; GET /v1/admin/tasks shows how far it is",
            ));
        }
        if running().count() >= RUNNING_MAX {
            return Err(Error::new(Code::Overloaded, "too many tasks are running; wait until one ends"));
        }
        if tasks.len() >= KNOWN_MAX
            && let Some(oldest) = tasks.iter().rposition(|known| known.task.outcome != Outcome::Running)
        {
            tasks.remove(oldest);
        }
        tasks.push_front(known);
        Ok(())
    }

    fn end(&self, id: Uuid, outcome: Outcome) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tasks.iter_mut().find(|known| known.task.id == id) {
            known.task.outcome = outcome;
            known.task.ended_at = Some(now());
        }
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Task> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Known::now).collect()
    }

    /// One of them.
    pub(crate) fn one(&self, id: Uuid) -> Option<Task> {
        self.all().into_iter().find(|task| task.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::sync::oneshot;

    const BY: UserId = UserId(Uuid::nil());

    async fn ended(tasks: &Tasks, id: Uuid) -> Task {
        loop {
            let task = tasks.one(id).unwrap();
            if task.outcome != Outcome::Running {
                return task;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_tells_how_far_it_is_and_how_it_ended() {
        let tasks = Tasks::default();
        let (go, wait) = oneshot::channel::<()>();
        let task = tasks
            .begin((Kind::Rebuild, "users", BY), |sender| async move {
                sender.send_replace(Some(Progress::of(operations::Unit::Events, 1, 2)));
                let _ = wait.await;
                Ok(json!(7))
            })
            .unwrap();
        let again = tasks.begin((Kind::Rebuild, "users", BY), |_| async { Ok(json!(0)) });
        assert_eq!(again.unwrap_err().code, Code::WrongState);
        while tasks.one(task.id).unwrap().progress.is_none() {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
        let task = ended(&tasks, task.id).await;
        assert_eq!((task.outcome, task.progress.unwrap().done), (Outcome::Done(json!(7)), 1));
        assert!(task.ended_at.is_some());
    }

    #[tokio::test]
    async fn a_task_that_panics_has_failed() {
        let tasks = Tasks::default();
        let task = tasks.begin((Kind::Verify, "users", BY), |_| async { panic!("on purpose") }).unwrap();
        assert!(matches!(ended(&tasks, task.id).await.outcome, Outcome::Failed(_)));
    }

    #[tokio::test]
    async fn only_so_many_are_under_way_and_known() {
        let tasks = Tasks::default();
        let (_keep, wait) = watch::channel(());
        let begin = |name: &str| {
            let mut wait = wait.clone();
            tasks.begin((Kind::Verify, name, BY), |_| async move {
                let _ = wait.changed().await;
                Ok(json!(0))
            })
        };
        for number in 0..RUNNING_MAX {
            begin(&number.to_string()).unwrap();
        }
        assert_eq!(begin("one more").unwrap_err().code, Code::Overloaded);
        let others = Tasks::default();
        for number in 0..KNOWN_MAX + 5 {
            let task = others.begin((Kind::Verify, &number.to_string(), BY), |_| async { Ok(json!(0)) }).unwrap();
            ended(&others, task.id).await;
        }
        assert_eq!(others.all().len(), KNOWN_MAX);
        assert_eq!(others.all()[0].subject, (KNOWN_MAX + 4).to_string());
    }
}
