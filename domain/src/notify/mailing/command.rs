//! What a notifier, an operator or a courier may want of a mailing.

use super::event::{Plan, Texts};
use crate::notify::delivery::{self, Content};
use crate::text::MailingName;
use crate::{DeliveryId, NotificationId, Reads, Timestamp, UserId};
use serde_json::{Map, Value};

/// What may be wanted of a mailing.
#[derive(Clone, Debug)]
pub enum Command {
    /// Draft it.
    Create(Box<Draft>),
    /// Put another draft in its place.
    Change(Box<Change>),
    /// Delete the draft.
    Delete(By),
    /// Have it sent.
    Start(Start),
    /// Begin the run that is due.
    BeginRun(Box<BeginRun>),
    /// Let the run wait that is due: it cannot begin now.
    PostponeRun(PostponeRun),
    /// Freeze the next people of the audience.
    Freeze(Freeze),
    /// Write that every delivery of the run is final.
    FinishRun(FinishRun),
    /// Send nothing more until it is resumed.
    Pause(By),
    /// Go on.
    Resume(Resume),
    /// Call off what is not sent yet.
    Cancel(By),
}

/// What a mailing is to be.
#[derive(Clone, Debug)]
pub struct Draft {
    pub by: UserId,
    pub name: MailingName,
    pub plan: Plan,
    /// Those of an audience that names them, each once, in order, at most [`crate::notification::NAMED_MAX`].
    pub user_ids: Vec<UserId>,
    pub texts: Texts,
}

/// Put another draft in its place.
#[derive(Clone, Debug)]
pub struct Change {
    /// How often it had been changed when this was made of it.
    pub changes: u32,
    pub draft: Draft,
}

/// In whose name it is; none for an operator at the command line.
#[derive(Clone, Copy, Debug)]
pub struct By {
    pub by: Option<UserId>,
}

/// Have it sent.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// None for an operator at the command line.
    pub by: Option<UserId>,
    /// How often it had been changed when `due_at` was made of it.
    pub changes: u32,
    /// When its first run is due.
    pub due_at: Timestamp,
}

/// Begin the run that is due.
#[derive(Clone, Debug)]
pub struct BeginRun {
    /// Which one: a repeat of one that has begun does nothing.
    pub run: u32,
    /// Who wrote what it says.
    pub author: UserId,
    /// What its deliveries are parts of; made of the mailing and the run.
    pub notification_id: NotificationId,
    /// What each delivery says: never a version that may change.
    pub content: Content,
    /// What was fetched for this run; it goes before what the draft says.
    pub variables: Map<String, Value>,
}

/// Let the run wait that is due.
#[derive(Clone, Debug)]
pub struct PostponeRun {
    pub run: u32,
    /// In words, without personal data.
    pub reason: String,
    pub until: Timestamp,
}

/// Freeze the next people of the audience.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Which run and which chunk this is: a repeat of one that is frozen does nothing.
    pub run: u32,
    pub chunk: u32,
    /// How many people are in it.
    pub recipients: u32,
    /// Their deliveries, at most [`crate::notification::CHUNK_MAX`], with ids that no other run or recipient has.
    pub deliveries: Vec<(DeliveryId, delivery::Request)>,
    /// The last person of it, behind whom the next chunk begins.
    pub after: Option<UserId>,
    /// Whether nobody is behind it.
    pub last: bool,
}

/// Write that every delivery of the run is final.
#[derive(Clone, Copy, Debug)]
pub struct FinishRun {
    pub run: u32,
    /// When the next one is due; none when there is none.
    pub next_due_at: Option<Timestamp>,
}

/// Go on.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    /// None for an operator at the command line.
    pub by: Option<UserId>,
    /// When the next run is due, where none is under way.
    pub due_at: Timestamp,
}

impl Command {
    /// What the rules look at beside the mailing: whether the recipients of a chunk are still there; who made it, where
    /// a run begins.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Freeze(freeze) => {
                let people = freeze.deliveries.iter().map(|(_, request)| request.user_id).collect();
                Reads { people, ..Reads::default() }
            }
            Command::BeginRun(begin) => Reads { people: vec![begin.author], ..Reads::default() },
            Command::Create(_)
            | Command::Change(_)
            | Command::Delete(_)
            | Command::Start(_)
            | Command::PostponeRun(_)
            | Command::FinishRun(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Cancel(_) => Reads::default(),
        }
    }

    /// In whose name something is written by it.
    pub(crate) fn by(&self) -> Option<UserId> {
        match self {
            Command::Create(draft) => Some(draft.by),
            Command::Change(change) => Some(change.draft.by),
            Command::Delete(_)
            | Command::Start(_)
            | Command::BeginRun(_)
            | Command::PostponeRun(_)
            | Command::Freeze(_)
            | Command::FinishRun(_)
            | Command::Pause(_)
            | Command::Resume(_)
            | Command::Cancel(_) => None,
        }
    }
}
