//! A mailing as it is, and how each fact changes it.

use super::event::{Drafted, Event, Fetched, Plan, Texts};
use crate::notify::category::named;
use crate::notify::delivery::Content;
use crate::text::MailingName;
use crate::{NotificationId, Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is known of a mailing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was drafted.
    Known(Box<Mailing>),
    /// The draft was deleted.
    Deleted,
}

/// A mailing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailing {
    /// Who wrote what it is now.
    pub author: UserId,
    pub name: MailingName,
    pub plan: Plan,
    /// Those whom it names, in order.
    pub user_ids: Vec<UserId>,
    /// What it says; erased with its author.
    pub texts: Personal<Texts>,
    /// How often the draft was changed.
    pub changes: u32,
    pub status: Status,
    /// What was done with it last, so that the same twice does nothing.
    pub last: Option<Verb>,
    /// The run that is under way, or else the next one: from 1 on.
    pub run: u32,
    /// When that run is due, or was; none of a draft, and when there is none any more.
    pub due_at: Option<Timestamp>,
    /// How often that run could not begin.
    pub tries: u32,
    /// None when no run is under way.
    pub under_way: Option<Run>,
}

/// A run that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What its deliveries are parts of.
    pub notification_id: NotificationId,
    pub begun_at: Timestamp,
    /// What each delivery says.
    pub content: Content,
    pub fetched: Personal<Fetched>,
    /// The chunk of its audience that is frozen next: from 0 on.
    pub chunk: u32,
    /// Behind whom that chunk begins.
    pub after: Option<UserId>,
    /// Whether all of the audience is.
    pub is_frozen: bool,
}

named! {
    /// How far a mailing is (CONTRACT 1.6).
    Status {
        /// It can be changed.
        Draft = "draft",
        /// Its next run is not due yet.
        Scheduled = "scheduled",
        /// A run is under way, or due.
        Running = "running",
        /// Nothing is sent until it is resumed.
        Paused = "paused",
        /// All that was to be sent is.
        Finished = "finished",
        /// It was called off.
        Cancelled = "cancelled",
    }
}

/// What somebody does with a mailing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Start,
    Pause,
    Resume,
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    if let Event::Created(drafted) = event {
        *state = State::Known(Box::new(Mailing::of(drafted)));
        return;
    }
    if let Event::Deleted(_) = event {
        *state = State::Deleted;
        return;
    }
    let State::Known(known) = state else { return };
    match event {
        Event::Created(_) | Event::Deleted(_) => {}
        Event::Changed(drafted) => **known = Mailing { changes: known.changes + 1, ..Mailing::of(drafted) },
        Event::RecipientsNamed(named) => known.user_ids.extend(&named.user_ids),
        Event::Started(started) => {
            known.last = Some(Verb::Start);
            known.due_at = Some(started.due_at);
            known.status = Status::before(started.due_at, started.at);
        }
        Event::RunBegun(begun) => {
            known.status = Status::Running;
            known.tries = 0;
            known.under_way = Some(Run {
                notification_id: begun.notification_id,
                begun_at: begun.at,
                content: begun.content.clone(),
                fetched: begun.fetched.clone(),
                chunk: 0,
                after: None,
                is_frozen: false,
            });
        }
        Event::RunPostponed(postponed) => known.tries = postponed.tries,
        Event::AudienceFrozen(frozen) => {
            if let Some(run) = &mut known.under_way {
                (run.chunk, run.after, run.is_frozen) = (frozen.chunk + 1, frozen.after.or(run.after), frozen.last);
            }
        }
        Event::RunFinished(finished) => {
            known.under_way = None;
            known.run = finished.run + 1;
            known.due_at = finished.next_due_at;
            if known.status != Status::Cancelled {
                known.status = finished.next_due_at.map_or(Status::Finished, |due| Status::before(due, finished.at));
            }
        }
        Event::Paused(_) => {
            known.status = Status::Paused;
            known.last = Some(Verb::Pause);
        }
        Event::Resumed(resumed) => {
            known.last = Some(Verb::Resume);
            known.tries = 0;
            known.due_at = Some(resumed.due_at);
            known.status = match known.under_way {
                Some(_) => Status::Running,
                None => Status::before(resumed.due_at, resumed.at),
            };
        }
        Event::Cancelled(_) => {
            known.status = Status::Cancelled;
            known.due_at = None;
        }
    }
}

impl Mailing {
    fn of(drafted: &Drafted) -> Mailing {
        Mailing {
            author: drafted.by,
            name: drafted.name.clone(),
            plan: drafted.plan.clone(),
            user_ids: Vec::new(),
            texts: drafted.texts.clone(),
            changes: 0,
            status: Status::Draft,
            last: None,
            run: 1,
            due_at: None,
            tries: 0,
            under_way: None,
        }
    }
}

impl Status {
    /// How far one is whose next run is due then.
    pub fn before(due_at: Timestamp, at: Timestamp) -> Status {
        if due_at > at { Status::Scheduled } else { Status::Running }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(self) -> bool {
        match self {
            Status::Finished | Status::Cancelled => true,
            Status::Draft | Status::Scheduled | Status::Running | Status::Paused => false,
        }
    }
}

impl State {
    /// Whether deliveries of it may be sent.
    pub(crate) fn sends(&self) -> bool {
        match self {
            State::Known(known) => known.status == Status::Running,
            State::Absent | State::Deleted => false,
        }
    }

    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Deleted => json!({"is": "deleted"}),
            State::Known(known) => json!({
                "is": known.status, "author": known.author, "name": known.name, "plan": known.plan,
                "named": known.user_ids.len(), "changes": known.changes, "run": known.run, "due_at": known.due_at,
                "tries": known.tries,
                "under_way": known.under_way.as_ref().map(|run| json!({
                    "notification_id": run.notification_id, "begun_at": run.begun_at, "chunk": run.chunk,
                    "is_frozen": run.is_frozen,
                })),
            }),
        }
    }
}
