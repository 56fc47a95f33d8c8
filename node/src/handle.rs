//! What operations and doors reach of a running node.

use crate::passwords::Passwords;
use crate::redis::Redis;
use crate::{IndexReader, Modules, Probe, Roles};
use commands::{Actor, Request, Writer};
use domain::{Command, UserId};
use projections::Projections;
use relay::{Relay, Signals};
use state::Tables;
use std::sync::Arc;
use store::{Folder, Keys, Log, now};
use tokio::sync::watch;

/// What operations and doors reach of a running node. It is cheap to clone, and keeps nothing of the node running.
#[derive(Clone)]
pub struct NodeHandle {
    /// The data folder.
    pub folder: Folder,
    /// The log, for reading.
    pub log: Log,
    /// The keys of the log.
    pub keys: Arc<Keys>,
    /// The one that appends.
    pub writer: Writer,
    /// Whether it can.
    pub probe: Arc<Probe>,
    /// The read models.
    pub projections: Projections,
    /// What is kept and is no fact.
    pub state: Tables,
    /// Asks the text index.
    pub index: IndexReader,
    /// What nodes share and may lose; none when nobody has set it.
    pub redis: Option<Redis>,
    /// What this process does of the work.
    pub roles: Roles,
    /// Which parts of the product there are.
    pub modules: Modules,
    /// Hashes passwords, a few at a time.
    pub passwords: Passwords,
    /// What nodes tell each other only while it happens.
    pub signals: Signals,
    /// Changes when the log may have something new, by whomever: a hint for whoever follows it.
    pub hint: watch::Receiver<u64>,
    /// What tells other services; none where no NATS is set, or where its checkpoint cannot be opened.
    pub relay: Option<Relay>,
    /// Who asks by it.
    pub(crate) asker: Asker,
}

/// Who asks for operations.
#[derive(Clone, Debug)]
pub(crate) enum Asker {
    /// Who has the data folder.
    Operator,
    /// A user, by a request of that id.
    User { user_id: UserId, request_id: String },
}

impl NodeHandle {
    /// The same for a user who asks over a door: what they change is theirs in the log.
    pub fn on_behalf_of(&self, user_id: UserId, request_id: String) -> NodeHandle {
        NodeHandle { asker: Asker::User { user_id, request_id }, ..self.clone() }
    }

    /// A command of who asks, now.
    pub(crate) fn request(&self, command: Command) -> Request {
        let request = Request::by_operator(command, now());
        match &self.asker {
            Asker::Operator => request,
            Asker::User { user_id, request_id } => {
                Request { actor: Actor::User(*user_id), request_id: Some(request_id.clone()), ..request }
            }
        }
    }

    /// Whose account asks; [`UserId::OPERATOR`] where it is nobody's.
    pub fn asker(&self) -> UserId {
        match self.asker {
            Asker::Operator => UserId::OPERATOR,
            Asker::User { user_id, .. } => user_id,
        }
    }
}
