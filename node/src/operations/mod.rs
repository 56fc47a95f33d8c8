//! What an operator can ask for: one file a noun. It is carried out where the writer is: in the running server, or in
//! the process of the caller when no server runs.

pub mod backup;
pub mod chats;
pub mod disk;
pub mod erase;
mod error;
pub mod events;
pub mod export;
pub mod factors;
pub mod import;
pub mod keys;
pub mod log;
pub mod mailbox;
pub mod mailings;
pub mod migrate;
pub mod moderation;
pub mod notifications;
pub mod pace;
mod progress;
pub mod projections;
pub mod relay;
mod report;
pub mod sessions;
pub mod streams;
pub mod trace;
pub mod users;

pub use error::Error;
pub use progress::{Progress, Sender, Unit, per_second};
pub use report::{Report, WriterHealth};

use crate::failure::Failure;
use crate::gzip::Source;
use crate::{NodeHandle, NodeOptions};
use ::projections::State;
use domain::report::Action;
use domain::user::Role;
use domain::{DeliveryId, MailingId, ReportId, Timestamp};
use mailings::MailingVerb;
use notifications::DeliveryVerb;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store::{Folder, Log};

/// How long a read model may take to follow what was just written.
const FOLLOW_WAIT: Duration = Duration::from_secs(10);

/// What is wanted. A password in it is never shown: it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Open an account.
    CreateUser {
        /// Its name.
        name: String,
        /// Its password.
        password: String,
        /// Its role.
        role: Role,
    },
    /// Take a second factor away from an account, and end its sessions.
    RemoveFactor {
        /// Its name or id.
        user: String,
        /// Which one, as they are listed.
        which: String,
    },
    /// Give an account a password.
    SetPassword {
        /// Its name or id.
        user: String,
        /// The new one.
        password: String,
    },
    /// Give an account a role.
    SetRole {
        /// Its name or id.
        user: String,
        /// The new one.
        role: Role,
    },
    /// Keep somebody from using their account.
    Suspend {
        /// Its name or id.
        user: String,
        /// Their owner is told it.
        reason: String,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// Resolve what was reported of a message.
    Resolve { report_id: ReportId, action: Action },
    /// Let them use it again.
    Unsuspend {
        /// Its name or id.
        user: String,
    },
    /// End every session of an account, and revoke its service tokens.
    EndSessions {
        /// Its name or id.
        user: String,
    },
    /// Forget a person.
    Erase {
        /// Its name or id.
        user: String,
    },
    /// Bring a chat log in.
    Import {
        /// Whether messages keep the file's times.
        as_of_file_times: bool,
        /// How long the file is, which follows; zero when nobody knows.
        bytes: u64,
    },
    /// Build read models again.
    Rebuild {
        /// Which; none means all.
        projection: Option<String>,
    },
    /// Let a projection stop following.
    Pause { projection: String, reason: Option<String> },
    /// Let it go on.
    Resume { projection: String, reason: Option<String> },
    /// Let it step over the event that stops it.
    Skip { projection: String, reason: String },
    /// Tell whether the log can be written.
    Probe,
    /// Let the relay of this log speak, or not.
    ArmRelay {
        /// Whether it may.
        armed: bool,
    },
    /// Let the couriers of this log send, or not.
    ArmCouriers {
        /// Whether they may.
        armed: bool,
    },
    /// Have a delivery sent again, or call it off.
    ChangeDelivery { delivery_id: DeliveryId, verb: DeliveryVerb },
    /// Have a mailing sent, or not.
    ChangeMailing { mailing_id: MailingId, verb: MailingVerb },
    /// Make a new master key, and wrap every other key by it.
    RotateKeys,
    /// Remove every mail from the dev mailbox.
    ClearMailbox,
    /// Tell other services again what they were told.
    Republish {
        /// The first position.
        from: u64,
        /// The last one; none means up to where the relay is.
        to: Option<u64>,
    },
}

/// What is answered, one after the other: how far it is, any number of times, and how it ended.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It goes on.
    Progress(Progress),
    /// It was done.
    Done(Report),
    /// It was not done.
    Failed(Failure),
}

impl Request {
    /// Whether it makes no sense without an embedded log: the folder is not made for it.
    pub fn needs_data(&self) -> bool {
        match self {
            Request::CreateUser { .. } | Request::Import { .. } => false,
            Request::SetPassword { .. }
            | Request::RemoveFactor { .. }
            | Request::SetRole { .. }
            | Request::EndSessions { .. }
            | Request::Suspend { .. }
            | Request::Unsuspend { .. }
            | Request::Resolve { .. }
            | Request::Erase { .. }
            | Request::Probe
            | Request::Rebuild { .. }
            | Request::Pause { .. }
            | Request::Resume { .. }
            | Request::Skip { .. }
            | Request::ArmRelay { .. }
            | Request::ArmCouriers { .. }
            | Request::ChangeDelivery { .. }
            | Request::ChangeMailing { .. }
            | Request::RotateKeys
            | Request::ClearMailbox
            | Request::Republish { .. } => true,
        }
    }

    /// Whether it reaches NATS; the others do without a connection.
    pub fn needs_nats(&self) -> bool {
        matches!(self, Request::Republish { .. })
    }

    /// How many bytes the file has that it takes along, zero when nobody knows; none when it takes none.
    pub fn takes(&self) -> Option<u64> {
        if let Request::Import { bytes, .. } = self { Some(*bytes) } else { None }
    }

    /// Carries it out, with the file that it [`Request::takes`].
    ///
    /// # Errors
    /// Why it was refused, or what went wrong.
    pub async fn run(&self, node: &NodeHandle, source: Option<Source>, progress: &Sender) -> Result<Report, Error> {
        Ok(match self {
            Request::CreateUser { name, password, role } => {
                Report::User(users::create(node, name, password, *role).await?)
            }
            Request::RemoveFactor { user, which } => Report::User(factors::remove(node, user, which).await?),
            Request::SetPassword { user, password } => Report::User(users::set_password(node, user, password).await?),
            Request::SetRole { user, role } => Report::User(users::set_role(node, user, *role).await?),
            Request::Suspend { user, reason, until } => Report::User(users::suspend(node, user, reason, *until).await?),
            Request::Resolve { report_id, action } => {
                Report::Resolution(moderation::resolve(node, *report_id, *action).await?)
            }
            Request::Unsuspend { user } => Report::User(users::unsuspend(node, user).await?),
            Request::EndSessions { user } => Report::User(users::end_sessions(node, user).await?),
            Request::Erase { user } => Report::User(users::erase(node, user).await?),
            Request::Import { as_of_file_times, .. } => {
                let source = source.ok_or(Error::NoFile)?;
                Report::Import(import::run(node, source, *as_of_file_times, progress).await?)
            }
            Request::Rebuild { projection } => {
                Report::Rebuild(projections::rebuild(node, projection.as_deref(), progress).await?)
            }
            Request::Pause { projection, reason } => {
                Report::Projection(projections::pause(node, projection, reason.as_deref()).await?)
            }
            Request::Resume { projection, reason } => {
                Report::Projection(projections::resume(node, projection, reason.as_deref()).await?)
            }
            Request::Skip { projection, reason } => Report::Skip(projections::skip(node, projection, reason).await?),
            Request::Probe => {
                let writer = node.probe.look().await.err().map(|why| why.to_string());
                Report::Writer(WriterHealth { writer })
            }
            Request::ArmRelay { armed } => Report::Arming(relay::arm(node, *armed).await?),
            Request::ArmCouriers { armed } => Report::CourierArming(notifications::arm(node, *armed).await?),
            Request::ChangeDelivery { delivery_id, verb } => {
                Report::Delivery(notifications::change(node, *delivery_id, *verb).await?)
            }
            Request::ChangeMailing { mailing_id, verb } => {
                Report::Mailing(mailings::change(node, *mailing_id, *verb).await?)
            }
            Request::RotateKeys => Report::Rotation(keys::rotate(node.log.clone(), progress).await?),
            Request::ClearMailbox => Report::Mailbox(mailbox::clear(node).await?),
            Request::Republish { from, to } => Report::Republish(relay::republish(node, (*from, *to), progress).await?),
        })
    }

    /// Carries it out where that needs no node, and no server has to be asked: what every node of a shared log looks up
    /// in the database, and what no node may do there. `None` for every other operation.
    ///
    /// # Errors
    /// Why it was refused, or what went wrong.
    pub(crate) async fn run_apart(&self, options: &NodeOptions) -> Result<Option<Report>, Error> {
        let Some(cluster) = &options.database else { return Ok(None) };
        match self {
            Request::ArmRelay { armed } => relay::arm_shared(cluster, *armed).map(Report::Arming).map(Some),
            // The owner of the tables rotates, and the nodes follow: none of them may change keys.
            Request::RotateKeys => {
                let folder = Folder::unopened(&options.data);
                let log = Log::open_shared(cluster, &folder, &options.master_key_file())?;
                keys::rotate(log, &Sender::new(None)).await.map(Report::Rotation).map(Some)
            }
            Request::CreateUser { .. }
            | Request::SetPassword { .. }
            | Request::RemoveFactor { .. }
            | Request::SetRole { .. }
            | Request::EndSessions { .. }
            | Request::Suspend { .. }
            | Request::Unsuspend { .. }
            | Request::Resolve { .. }
            | Request::Erase { .. }
            | Request::Import { .. }
            | Request::Rebuild { .. }
            | Request::Pause { .. }
            | Request::Resume { .. }
            | Request::Skip { .. }
            | Request::Probe
            | Request::ArmCouriers { .. }
            | Request::ChangeDelivery { .. }
            | Request::ChangeMailing { .. }
            | Request::ClearMailbox
            | Request::Republish { .. } => Ok(None),
        }
    }
}

/// Waits until every read model that runs has folded in the whole log.
pub async fn settle(node: &NodeHandle) {
    const LOOK_EVERY: Duration = Duration::from_secs(1);
    for name in node.projections.names() {
        loop {
            let projections = node.projections.clone();
            let Ok(Ok(status)) = tokio::task::spawn_blocking(move || projections.status()).await else { return };
            let Some(status) = status.into_iter().find(|status| status.name == name) else { break };
            if matches!(status.state, State::Stopped | State::Paused) || status.lag_events == 0 {
                break;
            }
            // Too slow is no failure here: the next look decides.
            let _ = node.projections.caught_up(name, status.head, LOOK_EVERY).await;
        }
    }
}
