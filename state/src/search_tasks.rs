//! Questions that are answered later: what changes without a fact. Kept over rebuilds, and never verified. What was found is kept as ids only: who reads it reads the texts anew, and only those that they may read then.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::{ChatId, MessageId, Timestamp, UserId};
use std::sync::Arc;
use std::time::Duration;
use store::sql::{Columns, Row, Tx};
use tokio::sync::Notify;
use uuid::Uuid;

/// `state`: 0 waiting, 1 in process, 2 answered, 3 failed, 4 over: only that there was such a task is known.
pub(crate) const PART: Part = Part { tables: TABLES, forget, begin_again };

const TABLES: &str = "
    create table if not exists search_tasks (
        task_id bytea primary key,
        user_id bytea not null,
        fingerprint bytea,
        question text,
        wanted bigint not null,
        state bigint not null,
        tries bigint not null,
        asked_at bigint not null,
        changed_at bigint not null,
        found bytea
    );
    create index if not exists search_tasks_by_state on search_tasks (state, changed_at);
";

/// Most tasks of one person that are not finished.
const OPEN_OF_ONE_MAX: i64 = 16;
/// Most tasks that are not finished.
const OPEN_MAX: i64 = 1_000;
/// A task that is worked on for so long is nobody's any more: its process ended. Its deadline is much earlier, so that
/// one that is only slow is not taken from whoever works on it.
const ABANDONED_AFTER_SECONDS: i64 = 30;
/// How often a task is begun whose process ends each time; then it has failed.
const TRIES_MAX: i64 = 3;
/// A task that is not finished so long after it was asked for has failed: its question is kept no longer.
const OPEN_SECONDS_MAX: i64 = 10 * 60;
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
    pub user_id: UserId,
    /// The request that asks for it, hashed, where a repeat is to be known.
    pub fingerprint: Option<[u8; 32]>,
    /// What is asked.
    pub question: String,
    /// How far in the log the answer should be: what they know of is to be found, whichever node looks.
    pub wanted: u64,
    pub at: Timestamp,
}

/// What became of the wish for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
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
    pub task_id: Uuid,
    pub user_id: UserId,
    /// What is asked.
    pub question: String,
    /// How far in the log the answer should be.
    pub wanted: u64,
    /// When the work on it began: only who holds this may finish it.
    pub began_at: Timestamp,
}

/// What became of the work on a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskOutcome {
    /// It is answered.
    Found(Vec<FoundMessage>),
    /// It cannot be answered.
    Failed,
    /// There was no room for it: it waits again, and that was no try.
    Postponed,
}

/// A message that was found.
pub type FoundMessage = (ChatId, MessageId);

macro_rules! task_columns {
    () => {
        "task_id, user_id, question, wanted, changed_at"
    };
}
/// What [`begun_task`] reads.
const TASK: Columns = Columns::of(task_columns!());

macro_rules! status_columns {
    () => {
        "state, changed_at, found"
    };
}
/// What [`status`] reads.
const STATUS: Columns = Columns::of(status_columns!());

/// The tasks. A cheap handle.
#[derive(Clone)]
pub struct SearchTasks {
    storage: Storage,
    /// Wakes the job that works on them.
    enqueued: Arc<Notify>,
}

/// What was asked, and found, came of the other history.
fn begin_again(tx: &mut Tx<'_>) -> Result<()> {
    tx.queue("delete from search_tasks", &[])
}

impl SearchTasks {
    pub(crate) fn new(storage: Storage) -> SearchTasks {
        SearchTasks { storage, enqueued: Arc::default() }
    }

    /// Takes a task on.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn enqueue(&self, task: &NewTask) -> Result<Enqueued> {
        let mut enqueued = Enqueued::New;
        self.storage.change(|tx| {
            let forgotten = task.at.plus_seconds(-REPEATABLE_SECONDS);
            let sql = "delete from search_tasks where task_id = $1 and state in (2, 3, 4) and asked_at <= $2";
            tx.queue(sql, &[(&task.task_id).into(), forgotten.into()])?;
            if let Some(known) = known(tx, task)? {
                enqueued = known;
                return Ok(());
            }
            let sql = "select count(*), coalesce(sum(case when user_id = $1 then 1 else 0 end), 0)
                       from search_tasks where state in (0, 1)";
            let open = tx.rows(sql, &[(&task.user_id).into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
            if open.iter().any(|(all, own)| *all >= OPEN_MAX || *own >= OPEN_OF_ONE_MAX) {
                enqueued = Enqueued::TooMany;
                return Ok(());
            }
            if !insert(tx, task)? {
                // The same request came to another node at the same time.
                enqueued = known(tx, task)?.unwrap_or(Enqueued::TooMany);
            }
            Ok(())
        })?;
        self.enqueued.notify_one();
        Ok(enqueued)
    }

    /// Waits until a task is enqueued by this process, or for that long.
    pub async fn enqueued(&self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.enqueued.notified()).await;
    }

    /// A task that nobody works on: of who has the fewest that are worked on, the oldest. From now on the caller works
    /// on it. Removes what is over, too.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn begin(&self, at: Timestamp) -> Result<Option<Task>> {
        let mut begun = None;
        self.storage.change(|tx| {
            sweep(tx, at)?;
            let left = at.plus_seconds(-ABANDONED_AFTER_SECONDS);
            let sql = concat!(
                "select ",
                task_columns!(),
                " from search_tasks task
                       where state = 0 or (state = 1 and changed_at <= $1)
                       order by (select count(*) from search_tasks other where other.state = 1
                                 and other.changed_at > $1 and other.user_id = task.user_id), asked_at, task_id limit 1"
            );
            let Some((task, changed_at)) = tx.row(sql, &[left.into()], |row| begun_task(row, at))? else {
                return Ok(());
            };
            // Another node may have been faster.
            let sql = "update search_tasks set state = 1, changed_at = $2, tries = tries + 1
                       where task_id = $1 and changed_at = $3 and state in (0, 1)";
            if tx.execute(sql, &[(&task.task_id).into(), at.into(), changed_at.into()])? == 1 {
                begun = Some(task);
            }
            Ok(())
        })?;
        Ok(begun)
    }

    /// Says what became of it. Does nothing when somebody else works on it by now.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn finish(&self, task: &Task, outcome: &TaskOutcome, at: Timestamp) -> Result<()> {
        let (state, found) = match outcome {
            TaskOutcome::Found(found) => (2_i64, found.as_slice()),
            TaskOutcome::Failed => (3, [].as_slice()),
            TaskOutcome::Postponed => return self.postpone(task, at),
        };
        let ids = found.iter().flat_map(|(chat, message)| [*chat.0.as_bytes(), *message.0.as_bytes()].concat());
        let bytes = ids.collect::<Vec<_>>();
        self.storage.change(|tx| {
            tx.queue(
                "update search_tasks set state = $2, changed_at = $3, found = $4, question = null
                 where task_id = $1 and state = 1 and changed_at = $5",
                &[(&task.task_id).into(), state.into(), at.into(), (&bytes).into(), task.began_at.into()],
            )
        })
    }

    fn postpone(&self, task: &Task, at: Timestamp) -> Result<()> {
        self.storage.change(|tx| {
            tx.queue(
                "update search_tasks set state = 0, changed_at = $2, tries = tries - 1
                 where task_id = $1 and state = 1 and changed_at = $3",
                &[(&task.task_id).into(), at.into(), task.began_at.into()],
            )
        })
    }

    /// How far somebody's task is, and what it found; `None` when there is no such task of theirs, or no more.
    ///
    /// # Errors
    /// When it could not be read.
    pub async fn status(
        &self,
        task_id: Uuid,
        user_id: UserId,
        at: Timestamp,
    ) -> Result<Option<(TaskState, Vec<FoundMessage>)>> {
        let sql = concat!(
            "select ",
            status_columns!(),
            " from search_tasks where task_id = $1 and user_id = $2 and state in (0, 1, 2, 3)"
        );
        let row = self.storage.database().row(sql, &[(&task_id).into(), (&user_id).into()], status).await?;
        Ok(row.and_then(|(state, changed_at, found)| {
            let finished = matches!(state, TaskState::Success | TaskState::Failed);
            let over = finished && changed_at.plus_seconds(KEPT_SECONDS) <= at;
            (!over).then_some((state, found))
        }))
    }
}

/// Removes what a person who is erased has asked, and what was found for them.
fn forget(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.queue("delete from search_tasks where user_id = $1", &[(&user_id).into()])
}

/// What is already known of the request for that task.
fn known(tx: &mut Tx<'_>, task: &NewTask) -> Result<Option<Enqueued>> {
    let sql = "select fingerprint from search_tasks where task_id = $1";
    tx.row(sql, &[(&task.task_id).into()], |row| {
        let same = row.maybe_bytes(0)? == task.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
        Ok(if same { Enqueued::Repeated } else { Enqueued::OtherRequest })
    })
}

/// False when it is there already.
fn insert(tx: &mut Tx<'_>, task: &NewTask) -> Result<bool> {
    let fingerprint = task.fingerprint.as_ref().map(<[u8; 32]>::as_slice);
    let inserted = tx.execute(
        "insert into search_tasks
             (task_id, user_id, fingerprint, question, wanted, state, tries, asked_at, changed_at, found)
         values ($1, $2, $3, $4, $5, 0, 0, $6, $6, null)
         on conflict (task_id) do nothing",
        &[
            (&task.task_id).into(),
            (&task.user_id).into(),
            fingerprint.into(),
            (&task.question).into(),
            // Any integer may be asked for; further than this no log gets.
            i64::try_from(task.wanted).unwrap_or(i64::MAX).into(),
            task.at.into(),
        ],
    )?;
    Ok(inserted == 1)
}

/// How far a task is, since when, and what it found.
fn status(row: &Row<'_>) -> Result<(TaskState, Timestamp, Vec<FoundMessage>)> {
    let state = state(row.int(const { STATUS.at("state") })?);
    let changed_at = row.timestamp(const { STATUS.at("changed_at") })?;
    Ok((state, changed_at, found(row.maybe_bytes(const { STATUS.at("found") })?)))
}

/// With when it was last changed.
fn begun_task(row: &Row<'_>, at: Timestamp) -> Result<(Task, i64)> {
    let question = row.maybe_text(const { TASK.at("question") })?.unwrap_or_default().to_owned();
    let wanted = row.int(const { TASK.at("wanted") })?.cast_unsigned();
    let task = Task {
        task_id: row.uuid(const { TASK.at("task_id") })?,
        user_id: UserId(row.uuid(const { TASK.at("user_id") })?),
        question,
        wanted,
        began_at: at,
    };
    Ok((task, row.int(const { TASK.at("changed_at") })?))
}

/// What took too long or was tried too often has failed. What was found goes first; that there was such a task, when no
/// repeat of the request is to be known any more. Each statement changes rows once: to find none costs little.
fn sweep(tx: &mut Tx<'_>, at: Timestamp) -> Result<()> {
    let (left, late) = (at.plus_seconds(-ABANDONED_AFTER_SECONDS), at.plus_seconds(-OPEN_SECONDS_MAX));
    tx.queue(
        "update search_tasks set state = 3, changed_at = $1, question = null where state in (0, 1)
         and (asked_at <= $2 or (state = 1 and changed_at <= $3 and tries >= $4))",
        &[at.into(), late.into(), left.into(), TRIES_MAX.into()],
    )?;
    let over = at.plus_seconds(-KEPT_SECONDS);
    let sql = "delete from search_tasks where state in (2, 3) and changed_at <= $1 and fingerprint is null";
    tx.queue(sql, &[over.into()])?;
    tx.queue(
        "update search_tasks set state = 4, changed_at = asked_at, found = null
         where state in (2, 3) and changed_at <= $1",
        &[over.into()],
    )?;
    let forgotten = at.plus_seconds(-REPEATABLE_SECONDS);
    tx.queue("delete from search_tasks where state = 4 and changed_at <= $1", &[forgotten.into()])
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
mod tests;
