//! Questions that are answered later: what changes without a fact. Kept beside the read models, over rebuilds, and never
//! verified. What was found is kept as ids only: who reads it reads the texts anew, and only those that he may read then.

use crate::Result;
use crate::catalog::Catalog;
use domain::{ChatId, MessageId, Timestamp, UserId};
use store::sql::{Row, Tx};
use uuid::Uuid;

pub(crate) const TABLES: &str = "
    create table if not exists search_task (
        task_id bytea primary key,
        user_id bytea not null,
        fingerprint bytea,
        question text,
        state bigint not null,
        asked_at bigint not null,
        changed_at bigint not null,
        found bytea
    );
";

/// Most tasks of one person that are not finished.
const OPEN_OF_ONE_MAX: i64 = 16;
/// Most tasks that are not finished.
const OPEN_MAX: i64 = 1_000;
/// A task that is worked on for so long is nobody's any more: its process ended. Its deadline is earlier.
const LEFT_AFTER_SECONDS: i64 = 7;
/// How long what was found is kept after the task is finished (CONTRACT 1.4).
const KEPT_SECONDS: i64 = 5 * 60;
/// How long a repeat with the same `Idempotency-Key` is answered with the same task.
const REPEATABLE_SECONDS: i64 = 24 * 3600;
/// Bytes of one found message: the ids of its chat and of itself.
const FOUND_BYTES: usize = 32;

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// Nobody has begun it.
    Waiting,
    /// It is worked on.
    InProcess,
    /// It was answered.
    Success,
    /// It could not be answered.
    Failed,
}

/// A task that somebody wants.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Its id.
    pub task_id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// The request that asks for it, hashed, where a repeat is to be known.
    pub fingerprint: Option<[u8; 32]>,
    /// What is asked.
    pub question: String,
    /// When.
    pub at: Timestamp,
}

/// What became of the wish for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is one now.
    New,
    /// It was one already.
    Repeated,
    /// Its id belongs to another request.
    OtherRequest,
    /// There are too many.
    TooMany,
}

/// A task to be worked on.
#[derive(Clone, Debug)]
pub struct Task {
    /// Which.
    pub task_id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// What is asked.
    pub question: String,
    /// When the work on it began: only who holds this may finish it.
    pub began_at: Timestamp,
}

/// A message that was found.
pub type FoundMessage = (ChatId, MessageId);

/// The tasks. A cheap handle.
#[derive(Clone)]
pub struct SearchTasks {
    catalog: Catalog,
}

impl SearchTasks {
    pub(crate) fn new(catalog: Catalog) -> SearchTasks {
        SearchTasks { catalog }
    }

    /// Takes a task on, and removes what is over.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn take(&self, task: &NewTask) -> Result<Taken> {
        let mut taken = Taken::New;
        self.catalog.change(|tx| {
            sweep(tx, task.at)?;
            let sql = "select fingerprint from search_task where task_id = $1";
            let known = tx.rows(sql, &[(&task.task_id).into()], |row| Ok(row.maybe_bytes(0)?.map(<[u8]>::to_vec)))?;
            if let Some(fingerprint) = known.into_iter().next() {
                let same = fingerprint.as_deref() == task.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
                taken = if same { Taken::Repeated } else { Taken::OtherRequest };
                return Ok(());
            }
            let sql = "select count(*), coalesce(sum(case when user_id = $1 then 1 else 0 end), 0)
                       from search_task where state in (0, 1)";
            let open = tx.rows(sql, &[(&task.user_id).into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
            if open.iter().any(|(all, own)| *all >= OPEN_MAX || *own >= OPEN_OF_ONE_MAX) {
                taken = Taken::TooMany;
                return Ok(());
            }
            let fingerprint = task.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
            tx.queue(
                "insert into search_task (task_id, user_id, fingerprint, question, state, asked_at, changed_at, found)
                 values ($1, $2, $3, $4, 0, $5, $5, null)",
                &[
                    (&task.task_id).into(),
                    (&task.user_id).into(),
                    fingerprint.into(),
                    (&task.question).into(),
                    task.at.into(),
                ],
            )
        })?;
        Ok(taken)
    }

    /// The oldest task that nobody works on; from now on the caller does.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn begin(&self, at: Timestamp) -> Result<Option<Task>> {
        let mut begun = None;
        self.catalog.change(|tx| {
            let left = at.plus_seconds(-LEFT_AFTER_SECONDS);
            let sql = "select task_id, user_id, question, changed_at from search_task
                       where state = 0 or (state = 1 and changed_at <= $1) order by asked_at, task_id limit 1";
            let read = |row: &Row<'_>| {
                let question = row.maybe_text(2)?.unwrap_or_default().to_owned();
                Ok((Task { task_id: row.uuid(0)?, user_id: UserId(row.uuid(1)?), question, began_at: at }, row.int(3)?))
            };
            let Some((task, changed_at)) = tx.rows(sql, &[left.into()], read)?.into_iter().next() else {
                return Ok(());
            };
            // Another node may have been faster.
            let sql = "update search_task set state = 1, changed_at = $2 where task_id = $1 and changed_at = $3
                       and state in (0, 1)";
            if tx.execute(sql, &[(&task.task_id).into(), at.into(), changed_at.into()])? == 1 {
                begun = Some(task);
            }
            Ok(())
        })?;
        Ok(begun)
    }

    /// Says what was found, or that it could not be looked for. Does nothing when somebody else works on it by now.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn finish(&self, task: &Task, found: Option<&[FoundMessage]>, at: Timestamp) -> Result<()> {
        let state = if found.is_some() { 2_i64 } else { 3 };
        let ids = found.unwrap_or_default().iter();
        let bytes = ids.flat_map(|(chat, message)| [*chat.0.as_bytes(), *message.0.as_bytes()].concat());
        let bytes = bytes.collect::<Vec<_>>();
        self.catalog.change(|tx| {
            tx.queue(
                "update search_task set state = $2, changed_at = $3, found = $4, question = null
                 where task_id = $1 and state = 1 and changed_at = $5",
                &[(&task.task_id).into(), state.into(), at.into(), (&bytes).into(), task.began_at.into()],
            )
        })
    }

    /// How far somebody's task is, and what it found; `None` when there is no such task of his, or no more.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn status(
        &self,
        task_id: Uuid,
        user_id: UserId,
        at: Timestamp,
    ) -> Result<Option<(TaskState, Vec<FoundMessage>)>> {
        let sql = "select state, changed_at, found from search_task where task_id = $1 and user_id = $2";
        let read = |row: &Row<'_>| Ok((state(row.int(0)?), row.timestamp(1)?, found(row.maybe_bytes(2)?)));
        let row = self.catalog.database().row(sql, &[(&task_id).into(), (&user_id).into()], read).await?;
        Ok(row.and_then(|(state, changed_at, found)| {
            let finished = matches!(state, TaskState::Success | TaskState::Failed);
            let over = finished && changed_at.plus_seconds(KEPT_SECONDS) <= at;
            (!over).then_some((state, found))
        }))
    }
}

/// What was found goes first; that there was such a task, when no repeat of the request is to be known any more.
fn sweep(tx: &mut Tx<'_>, at: Timestamp) -> Result<(), store::Error> {
    let over = at.plus_seconds(-KEPT_SECONDS);
    let forgotten = at.plus_seconds(-REPEATABLE_SECONDS);
    tx.queue("update search_task set found = null where state in (2, 3) and changed_at <= $1", &[over.into()])?;
    tx.queue(
        "delete from search_task where state in (2, 3)
         and (asked_at <= $1 or (changed_at <= $2 and fingerprint is null))",
        &[forgotten.into(), over.into()],
    )
}

fn state(number: i64) -> TaskState {
    match number {
        0 => TaskState::Waiting,
        1 => TaskState::InProcess,
        2 => TaskState::Success,
        _ => TaskState::Failed,
    }
}

fn found(bytes: Option<&[u8]>) -> Vec<FoundMessage> {
    let ids = bytes.unwrap_or_default().chunks_exact(FOUND_BYTES).filter_map(|ids| {
        let (chat, message) = ids.split_at(FOUND_BYTES / 2);
        Some((ChatId(Uuid::from_slice(chat).ok()?), MessageId(Uuid::from_slice(message).ok()?)))
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Models;

    const START: Timestamp = Timestamp(1_700_000_000_000_000);

    fn after(seconds: i64) -> Timestamp {
        START.plus_seconds(seconds)
    }

    fn tasks(folder: &tempfile::TempDir) -> SearchTasks {
        let models = Models::Folder(folder.path().to_owned());
        SearchTasks::new(Catalog::open(&models).unwrap())
    }

    fn wish(number: u128, user: u128, fingerprint: Option<[u8; 32]>, at: Timestamp) -> NewTask {
        let (task_id, user_id) = (Uuid::from_u128(number), UserId(Uuid::from_u128(user)));
        NewTask { task_id, user_id, fingerprint, question: format!("q{number}"), at }
    }

    async fn state_of(tasks: &SearchTasks, number: u128, user: u128, at: Timestamp) -> Option<TaskState> {
        let status = tasks.status(Uuid::from_u128(number), UserId(Uuid::from_u128(user)), at).await.unwrap();
        status.map(|(state, _)| state)
    }

    #[tokio::test]
    async fn a_task_is_worked_on_by_one_finished_once_and_gone_after_five_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = tasks(&folder);
        assert_eq!(tasks.take(&wish(1, 1, None, START)).unwrap(), Taken::New);
        assert_eq!(state_of(&tasks, 1, 1, START).await, Some(TaskState::Waiting));
        assert_eq!(state_of(&tasks, 1, 2, START).await, None, "it is another one's");
        let task = tasks.begin(after(1)).unwrap().unwrap();
        assert_eq!((task.question.as_str(), state_of(&tasks, 1, 1, START).await), ("q1", Some(TaskState::InProcess)));
        assert!(tasks.begin(after(2)).unwrap().is_none(), "somebody works on it");
        // Who worked on it has died; when he is late all the same, he changes nothing.
        let again = tasks.begin(after(1 + LEFT_AFTER_SECONDS)).unwrap().unwrap();
        tasks.finish(&task, None, after(9)).unwrap();
        assert_eq!(state_of(&tasks, 1, 1, START).await, Some(TaskState::InProcess));
        let found = [(ChatId(Uuid::from_u128(8)), MessageId(Uuid::from_u128(9)))];
        tasks.finish(&again, Some(&found), after(10)).unwrap();
        let finished = tasks.status(task.task_id, task.user_id, after(10 + KEPT_SECONDS - 1)).await.unwrap();
        assert_eq!(finished, Some((TaskState::Success, found.to_vec())));
        assert_eq!(state_of(&tasks, 1, 1, after(10 + KEPT_SECONDS)).await, None);
        assert!(tasks.begin(after(1_000)).unwrap().is_none());
        let failed = wish(2, 1, None, after(1_000));
        assert_eq!(tasks.take(&failed).unwrap(), Taken::New);
        let failed = tasks.begin(after(1_000)).unwrap().unwrap();
        tasks.finish(&failed, None, after(1_000)).unwrap();
        assert_eq!(state_of(&tasks, 2, 1, after(1_000)).await, Some(TaskState::Failed));
        let count = tasks.catalog.database().row("select count(*) from search_task", &[], |row| row.int(0)).await;
        assert_eq!(count.unwrap(), Some(1), "the first one was swept");
    }

    #[tokio::test]
    async fn a_repeat_is_known_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = tasks(&folder);
        let (one, other) = (Some([1; 32]), Some([2; 32]));
        assert_eq!(tasks.take(&wish(1, 1, one, START)).unwrap(), Taken::New);
        let task = tasks.begin(START).unwrap().unwrap();
        tasks.finish(&task, Some(&[]), START).unwrap();
        for seconds in [1, REPEATABLE_SECONDS - 1] {
            assert_eq!(tasks.take(&wish(1, 1, one, after(seconds))).unwrap(), Taken::Repeated);
            assert_eq!(tasks.take(&wish(1, 1, other, after(seconds))).unwrap(), Taken::OtherRequest);
        }
        assert_eq!(tasks.take(&wish(1, 1, one, after(REPEATABLE_SECONDS))).unwrap(), Taken::New);
    }

    #[test]
    fn nobody_has_more_than_so_many_open() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = tasks(&folder);
        for number in 0..OPEN_OF_ONE_MAX {
            assert_eq!(tasks.take(&wish(number as u128, 1, None, START)).unwrap(), Taken::New);
        }
        assert_eq!(tasks.take(&wish(100, 1, None, START)).unwrap(), Taken::TooMany);
        assert_eq!(tasks.take(&wish(101, 2, None, START)).unwrap(), Taken::New);
        let task = tasks.begin(START).unwrap().unwrap();
        tasks.finish(&task, Some(&[]), START).unwrap();
        assert_eq!(tasks.take(&wish(102, 1, None, START)).unwrap(), Taken::New);
    }
}
