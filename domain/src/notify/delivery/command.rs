//! What a courier, a provider, an operator or a recipient may want of a delivery.

use super::event::{Content, Details, Fault, InboxItem, ReportKind, Requested};
use crate::notify::category::{CategoryKey, Channel, Kind, Semantics};
use crate::{MailingId, NotificationId, Personal, Reads, Timestamp, UserId};
use uuid::Uuid;

/// What may be wanted of a delivery.
#[derive(Clone, Debug)]
pub enum Command {
    /// Tell somebody something.
    Request(Box<Request>),
    /// Write the intent, before a byte leaves.
    Attempt(Attempt),
    /// Write how the attempt ended.
    EndAttempt(EndAttempt),
    /// Write that nobody will say how the attempt ended: whoever sent it is gone.
    LoseAttempt(LoseAttempt),
    /// Let it wait.
    Defer(Defer),
    /// Do not send it.
    Suppress(Suppress),
    /// Put it into the inbox of its recipient.
    AddToInbox(AddToInbox),
    /// Write what a provider says of it later.
    Report(Report),
    /// Call it off.
    Cancel(Cancel),
    /// Send it again although it had come to an end.
    Retry(Retry),
    /// Its recipient has read it in the inbox.
    Read(InInboxOf),
    /// Its recipient puts it away.
    Archive(InInboxOf),
}

/// Tell somebody something.
#[derive(Clone, Debug)]
pub struct Request {
    pub user_id: UserId,
    pub channel: Channel,
    pub category: CategoryKey,
    pub kind: Kind,
    pub semantics: Semantics,
    pub content: Content,
    /// When it may be sent; it is sent at once when that is past.
    pub due_at: Timestamp,
    /// Why it is due only then; with `-beyond-deadline` the reason why it expires at once.
    pub late_because: String,
    pub expires_at: Timestamp,
    /// The notification that it is a part of.
    pub notification_id: NotificationId,
    /// The fact that asks for it.
    pub cause: Option<Uuid>,
    pub details: Details,
    /// Why it must not be sent: it is written all the same, so that it can be explained.
    pub suppressed: Option<String>,
    /// Whether the account may not be there yet: who signs up by mail is told a code before.
    pub before_sign_up: bool,
}

impl Request {
    pub(super) fn requested(&self, at: Timestamp) -> Requested {
        Requested {
            at,
            user_id: self.user_id,
            channel: self.channel,
            category: self.category.clone(),
            kind: self.kind,
            semantics: self.semantics,
            content: self.content.clone(),
            due_at: self.due_at,
            expires_at: self.expires_at,
            notification_id: self.notification_id,
            cause: self.cause,
            details: Personal::Known(self.details.clone()),
        }
    }
}

/// Write the intent. A second one is refused: nobody else sends it meanwhile.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whom it will be given to.
    pub provider: String,
    /// Which node sends it.
    pub node: String,
    /// Of the lease under which that node sends.
    pub epoch: u64,
    /// The mailing by which it is sent, which may be paused.
    pub mailing: Option<MailingId>,
}

/// Write how an attempt ended.
#[derive(Clone, Debug)]
pub struct EndAttempt {
    pub attempt: u32,
    pub end: Ended,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// The provider has it.
    Accepted { provider_id: Option<String>, detail: String },
    /// The provider does not have it, now.
    Postponed {
        fault: Fault,
        /// When another provider may be tried; none when the delivery rests.
        next_provider_at: Option<Timestamp>,
    },
    /// The provider does not have it and will not take it.
    Rejected { fault: Fault },
    /// The provider may have it.
    Unknown { fault: Fault },
}

impl Ended {
    /// The names of all of them.
    pub const NAMES: [&str; 4] = ["accepted", "postponed", "rejected", "unknown"];

    /// Its name in figures.
    pub fn name(&self) -> &'static str {
        match self {
            Ended::Accepted { .. } => "accepted",
            Ended::Postponed { .. } => "postponed",
            Ended::Rejected { .. } => "rejected",
            Ended::Unknown { .. } => "unknown",
        }
    }
}

/// Write that nobody will say how an attempt ended.
#[derive(Clone, Debug)]
pub struct LoseAttempt {
    pub attempt: u32,
    /// Of the lease of who says so: a later one than that of the attempt.
    pub epoch: u64,
}

/// Let it wait.
#[derive(Clone, Debug)]
pub struct Defer {
    pub until: Timestamp,
    pub reason: String,
}

/// Do not send it.
#[derive(Clone, Debug)]
pub struct Suppress {
    pub reason: String,
}

/// Put it into the inbox of its recipient.
#[derive(Clone, Debug)]
pub struct AddToInbox {
    pub item: InboxItem,
    /// The mailing by which it is sent, which may be paused.
    pub mailing: Option<MailingId>,
}

/// Write what a provider says later.
#[derive(Clone, Debug)]
pub struct Report {
    pub reported: ReportKind,
    /// In words, without personal data.
    pub detail: String,
}

/// Call it off.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// None for an operator at the command line.
    pub by: Option<UserId>,
}

/// Send it again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// None for an operator at the command line.
    pub by: Option<UserId>,
    /// Its new deadline.
    pub expires_at: Timestamp,
}

/// Whose inbox it is in.
#[derive(Clone, Debug)]
pub struct InInboxOf {
    pub user_id: UserId,
}

impl Command {
    /// What the rules look at beside the delivery: whether the recipient of a new one is still there; whether the mailing
    /// by which one is sent goes on.
    pub fn reads(&self) -> Reads {
        let user = if let Command::Request(request) = self { Some(request.user_id) } else { None };
        Reads { user, mailing: self.sent_by(), ..Reads::default() }
    }

    /// The mailing by which it is sent.
    pub(super) fn sent_by(&self) -> Option<MailingId> {
        match self {
            Command::Attempt(Attempt { mailing, .. }) | Command::AddToInbox(AddToInbox { mailing, .. }) => *mailing,
            Command::Request(_)
            | Command::EndAttempt(_)
            | Command::LoseAttempt(_)
            | Command::Defer(_)
            | Command::Suppress(_)
            | Command::Report(_)
            | Command::Cancel(_)
            | Command::Retry(_)
            | Command::Read(_)
            | Command::Archive(_) => None,
        }
    }
}
