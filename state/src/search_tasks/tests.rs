use super::*;

const START: Timestamp = Timestamp(1_700_000_000_000_000);

fn after(seconds: i64) -> Timestamp {
    START.plus_seconds(seconds)
}

fn tasks(folder: &tempfile::TempDir) -> SearchTasks {
    let place = store::sql::Place::File(folder.path().join("state.db"));
    SearchTasks::new(Storage::open(&place).unwrap())
}

fn wish(number: u128, user: u128, fingerprint: Option<[u8; 32]>, at: Timestamp) -> NewTask {
    let (task_id, user_id) = (Uuid::from_u128(number), UserId(Uuid::from_u128(user)));
    NewTask { task_id, user_id, fingerprint, question: format!("q{number}"), wanted: number as u64, at }
}

async fn state_of(tasks: &SearchTasks, number: u128, user: u128, at: Timestamp) -> Option<TaskState> {
    let status = tasks.status(Uuid::from_u128(number), UserId(Uuid::from_u128(user)), at).await.unwrap();
    status.map(|(state, _)| state)
}

#[tokio::test]
async fn a_task_is_worked_on_by_one_finished_once_and_gone_after_five_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    assert_eq!(tasks.enqueue(&wish(1, 1, None, START)).unwrap(), Enqueued::New);
    assert_eq!(state_of(&tasks, 1, 1, START).await, Some(TaskState::Waiting));
    assert_eq!(state_of(&tasks, 1, 2, START).await, None, "it is another one's");
    let task = tasks.begin(after(1)).unwrap().unwrap();
    assert_eq!((task.wanted, task.began_at), (1, after(1)));
    assert_eq!((task.question.as_str(), state_of(&tasks, 1, 1, START).await), ("q1", Some(TaskState::InProcess)));
    assert!(tasks.begin(after(2)).unwrap().is_none(), "somebody works on it");
    // Who worked on it has died; when they are late all the same, they change nothing.
    let again = tasks.begin(after(1 + ABANDONED_AFTER_SECONDS)).unwrap().unwrap();
    tasks.finish(&task, &TaskOutcome::Failed, after(39)).unwrap();
    assert_eq!(state_of(&tasks, 1, 1, START).await, Some(TaskState::InProcess));
    let found = [(ChatId(Uuid::from_u128(8)), MessageId(Uuid::from_u128(9)))];
    tasks.finish(&again, &TaskOutcome::Found(found.to_vec()), after(40)).unwrap();
    let finished = tasks.status(task.task_id, task.user_id, after(40 + KEPT_SECONDS - 1)).await.unwrap();
    assert_eq!(finished, Some((TaskState::Success, found.to_vec())));
    assert_eq!(state_of(&tasks, 1, 1, after(40 + KEPT_SECONDS)).await, None);
    assert!(tasks.begin(after(1_000)).unwrap().is_none());
    let failed = wish(2, 1, None, after(1_000));
    assert_eq!(tasks.enqueue(&failed).unwrap(), Enqueued::New);
    let failed = tasks.begin(after(1_000)).unwrap().unwrap();
    tasks.finish(&failed, &TaskOutcome::Failed, after(1_000)).unwrap();
    assert_eq!(state_of(&tasks, 2, 1, after(1_000)).await, Some(TaskState::Failed));
    let count = tasks.storage.database().row("select count(*) from search_tasks", &[], |row| row.int(0)).await;
    assert_eq!(count.unwrap(), Some(1), "the first one was swept");
}

#[tokio::test]
async fn a_repeat_is_known_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    let (one, other) = (Some([1; 32]), Some([2; 32]));
    assert_eq!(tasks.enqueue(&wish(1, 1, one, START)).unwrap(), Enqueued::New);
    let task = tasks.begin(START).unwrap().unwrap();
    tasks.finish(&task, &TaskOutcome::Found(Vec::new()), START).unwrap();
    for seconds in [1, REPEATABLE_SECONDS - 1] {
        assert_eq!(tasks.enqueue(&wish(1, 1, one, after(seconds))).unwrap(), Enqueued::Repeated);
        assert_eq!(tasks.enqueue(&wish(1, 1, other, after(seconds))).unwrap(), Enqueued::OtherRequest);
    }
    assert_eq!(tasks.enqueue(&wish(1, 1, one, after(REPEATABLE_SECONDS))).unwrap(), Enqueued::New);
}

#[test]
fn nobody_has_more_than_so_many_open() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    for number in 0..OPEN_OF_ONE_MAX {
        assert_eq!(tasks.enqueue(&wish(number as u128, 1, None, START)).unwrap(), Enqueued::New);
    }
    assert_eq!(tasks.enqueue(&wish(100, 1, None, START)).unwrap(), Enqueued::TooMany);
    assert_eq!(tasks.enqueue(&wish(101, 2, None, START)).unwrap(), Enqueued::New);
    let task = tasks.begin(START).unwrap().unwrap();
    tasks.finish(&task, &TaskOutcome::Found(Vec::new()), START).unwrap();
    assert_eq!(tasks.enqueue(&wish(102, 1, None, START)).unwrap(), Enqueued::New);
}

#[tokio::test]
async fn one_whose_process_ends_each_time_fails_and_one_that_found_no_room_waits() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    assert_eq!(tasks.enqueue(&wish(1, 1, None, START)).unwrap(), Enqueued::New);
    for seconds in 0..5 {
        let task = tasks.begin(after(seconds)).unwrap().unwrap();
        assert_eq!(task.question, "q1");
        tasks.finish(&task, &TaskOutcome::Postponed, after(seconds)).unwrap();
        assert_eq!(state_of(&tasks, 1, 1, after(seconds)).await, Some(TaskState::Waiting), "that was no try");
    }
    for tried in 0..TRIES_MAX {
        let at = after(10 + tried * ABANDONED_AFTER_SECONDS);
        assert!(tasks.begin(at).unwrap().is_some());
        let before = at.plus_seconds(ABANDONED_AFTER_SECONDS - 1);
        assert!(tasks.begin(before).unwrap().is_none(), "somebody works on it");
    }
    let at = after(10 + TRIES_MAX * ABANDONED_AFTER_SECONDS);
    assert!(tasks.begin(at).unwrap().is_none());
    assert_eq!(state_of(&tasks, 1, 1, at).await, Some(TaskState::Failed));
    assert_eq!(tasks.enqueue(&wish(2, 1, None, at)).unwrap(), Enqueued::New);
    let task = tasks.begin(at).unwrap().unwrap();
    tasks.finish(&task, &TaskOutcome::Postponed, at).unwrap();
    assert!(tasks.begin(at.plus_seconds(OPEN_SECONDS_MAX)).unwrap().is_none(), "it waits no longer");
}

#[tokio::test]
async fn what_is_over_is_gone_without_another_request() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    for (number, fingerprint) in [(1, None), (2, Some([1; 32]))] {
        tasks.enqueue(&wish(number, 1, fingerprint, START)).unwrap();
        let task = tasks.begin(START).unwrap().unwrap();
        let found = vec![(ChatId(Uuid::from_u128(8)), MessageId(Uuid::from_u128(9)))];
        tasks.finish(&task, &TaskOutcome::Found(found), START).unwrap();
    }
    assert!(tasks.begin(after(KEPT_SECONDS)).unwrap().is_none());
    let sql = "select count(*), count(question), count(found) from search_tasks";
    let counts = tasks.storage.database().row(sql, &[], |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?))).await;
    assert_eq!(counts.unwrap(), Some((1, 0, 0)), "only that there was one with a key is known");
    assert_eq!(state_of(&tasks, 2, 1, after(KEPT_SECONDS)).await, None);
    assert!(tasks.begin(after(REPEATABLE_SECONDS)).unwrap().is_none());
    let left = tasks.storage.database().row("select count(*) from search_tasks", &[], |row| row.int(0)).await;
    assert_eq!(left.unwrap(), Some(0));
}

#[test]
fn who_has_the_fewest_in_process_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    for (number, user) in [(1, 1), (2, 1), (3, 1), (4, 2)] {
        tasks.enqueue(&wish(number, user, None, after(i64::try_from(number).unwrap()))).unwrap();
    }
    let order = (0..4).map(|_| tasks.begin(after(9)).unwrap().unwrap().task_id.as_u128()).collect::<Vec<_>>();
    assert_eq!(order, [1, 4, 2, 3]);
}

#[tokio::test]
async fn what_somebody_asked_who_is_erased_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = tasks(&folder);
    tasks.enqueue(&wish(1, 1, None, START)).unwrap();
    tasks.enqueue(&wish(2, 2, None, START)).unwrap();
    tasks.storage.change(|tx| forget(tx, UserId(Uuid::from_u128(1)))).unwrap();
    assert_eq!(state_of(&tasks, 1, 1, START).await, None);
    assert_eq!(state_of(&tasks, 2, 2, START).await, Some(TaskState::Waiting));
}
