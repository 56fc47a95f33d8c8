//! What the writer is asked, and what it answers.

use domain::{Command, Outcome, Refusal, Timestamp, UserId};
use serde_json::{Map, Value};
use store::Fact;
use uuid::Uuid;

/// One command, and what is to be remembered of where it came from.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is wanted.
    pub command: Command,
    /// Who wants it.
    pub actor: Actor,
    /// When it was asked: the one clock reading of the request.
    pub at: Timestamp,
    /// The request's id; kept in the metadata of every event that it causes.
    pub request_id: Option<String>,
    /// The versions of which the command's own stream must have one (`If-Match`).
    pub if_match: Option<Vec<u64>>,
    /// What makes a repeat of this command known.
    pub key: Option<Key>,
}

/// Who wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody without a session.
    Anonymous,
    /// A user, by one of their sessions.
    User(UserId),
    /// Who has the data folder.
    Operator,
    /// An import.
    Import,
    /// A courier, because of an event. Nothing that comes in from outside can say so: see [`Cause`].
    Courier(Cause),
}

/// The event that made a courier ask. It is made of a fact that was read from the log
/// or is named by a read model, and of nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    event_id: Uuid,
}

impl Cause {
    /// That this happened.
    pub fn of(fact: &Fact) -> Cause {
        Cause { event_id: fact.id }
    }

    /// The same of a fact that a read model names.
    pub fn recorded(event_id: Uuid) -> Cause {
        Cause { event_id }
    }
}

/// What makes a repeat known (`Idempotency-Key`): both are keyed hashes, so that the log's file does not tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Of the user and their key.
    pub command_id: [u8; 32],
    /// Of the whole request.
    pub fingerprint: [u8; 32],
    /// Under whose data key the first answer is kept.
    pub subject: Option<UserId>,
}

/// A command was accepted, and what it changed is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The position of its last event; of the log's head where it changed nothing.
    pub position: u64,
    /// The version of the command's own stream behind it, as `ETag` tells it; 0 where it is not known: an answer that
    /// was kept by an earlier release.
    pub version: u64,
    /// What the caller is told.
    pub outcome: Outcome,
    /// This is the answer to an earlier command with the same key.
    pub replayed: bool,
}

/// A command was not accepted. Unless it says otherwise, nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// By the rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used before with another request.
    #[error("this Idempotency-Key was used before with another request; use a new key")]
    KeyReused,
    /// The queue is full.
    #[error("the server is busy; try again in a moment")]
    Overloaded,
    /// The log cannot be written or read. Whether the command was accepted is found by repeating it with its key.
    #[error("the log is not available; repeat the request with the same Idempotency-Key")]
    Unavailable,
    /// Nothing is written at a time that is probably wrong.
    #[error(
        "this server's clock has jumped ahead by {hours} hours: set it right, or start the server with --accept-clock if it is right now"
    )]
    ClockAhead {
        /// By how much.
        hours: i64,
    },
    /// A rule failed in a way that is our fault. The others in its batch are not harmed.
    #[error("an internal error; it is in the server's log")]
    Internal,
}

/// Why the log cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriterError {
    /// The writer's thread has ended; the process ends as well.
    #[error("the writer has ended")]
    Ended,
    /// No answer came in time.
    #[error("the writer does not answer")]
    Silent,
    /// The writer answers, and the database takes no writes.
    #[error("{0}")]
    Refused(String),
}

impl Request {
    /// An operator's command, now.
    pub fn by_operator(command: Command, at: Timestamp) -> Request {
        Request { command, actor: Actor::Operator, at, request_id: None, if_match: None, key: None }
    }

    /// What each of its events remembers: JSON with `actor` and, where known, `request_id`, `command_id` and
    /// `causation`, the id of the event that made a courier ask.
    pub(crate) fn meta(&self) -> String {
        let (actor, cause) = match self.actor {
            Actor::Anonymous => ("anonymous".to_owned(), None),
            Actor::User(id) => (format!("user:{id}"), None),
            Actor::Operator => ("operator".to_owned(), None),
            Actor::Import => ("import".to_owned(), None),
            Actor::Courier(cause) => ("courier".to_owned(), Some(cause)),
        };
        let mut meta = Map::new();
        meta.insert("actor".to_owned(), Value::String(actor));
        if let Some(request_id) = &self.request_id {
            meta.insert("request_id".to_owned(), Value::String(request_id.clone()));
        }
        if let Some(key) = &self.key {
            meta.insert("command_id".to_owned(), Value::String(domain::id::hex(&key.command_id)));
        }
        if let Some(cause) = cause {
            meta.insert("causation".to_owned(), Value::String(cause.event_id.to_string()));
        }
        Value::Object(meta).to_string()
    }
}
