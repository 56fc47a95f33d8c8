//! What may happen.
//!
//! The rules of Letopis, pure: no I/O, no async, no clock, no randomness, no environment (`clippy.toml` bans
//! them). Each aggregate is one file in one order: State, Command, Event, Refusal, decide, evolve, tests.
//! `decide` refuses or answers facts; `evolve` never fails and never judges. What a rule needs from outside
//! (the time, ids, hashes) comes with the command. This room must never know where facts are kept or who asks.

pub mod accounts;
pub mod chat;
pub mod id;
pub mod json;
pub mod ops;
pub mod personal;
mod stored;
pub mod text;
pub mod time;

pub use accounts::user::VERIFIERS;
pub use accounts::{name, password, session, token, user};
pub use chat::message;
pub use id::{Category, ChatId, MessageId, SessionId, StreamId, TokenId, UserId};
pub use ops::projection;
pub use personal::Personal;
pub use stored::{Stored, StoredParts, Unreadable};
pub use time::Timestamp;

/// One thing that somebody wants to happen: what it is about, and what is wanted.
#[derive(Clone, Debug)]
pub enum Command {
    /// About one account.
    User(UserId, user::Command),
    /// About one session.
    Session(SessionId, session::Command),
    /// About one service token.
    Token(TokenId, token::Command),
    /// About one chat.
    Chat(ChatId, chat::Command),
    /// About one message.
    Message(MessageId, message::Command),
    /// About what one projection steps over.
    Projection(id::ProjectionName, projection::Command),
    /// Changes nothing, in somebody's name. A request that is answered outside of the log is one all the same to its
    /// `Idempotency-Key`, and keeps its receipt where all others keep theirs.
    Nothing(UserId),
}

impl Command {
    /// Who says or does something in a chat by it. A command about an account judges that account itself.
    pub fn by(&self) -> Option<UserId> {
        match self {
            Command::Message(
                _,
                message::Command::Post(message::Post { author: by, .. })
                | message::Command::BringIn(message::BringIn { author: by, .. }),
            )
            | Command::Message(
                _,
                message::Command::Edit(message::Edit { by, .. }) | message::Command::Delete(message::Delete { by, .. }),
            )
            | Command::Chat(
                _,
                chat::Command::Create(chat::Create { by, .. })
                | chat::Command::Change(chat::Change { by, .. })
                | chat::Command::Delete(chat::Delete { by })
                | chat::Command::Add(chat::Add { by, .. })
                | chat::Command::Remove(chat::Remove { by, .. })
                | chat::Command::SetRole(chat::SetRole { by, .. })
                | chat::Command::Join(chat::Join { user_id: by, .. })
                | chat::Command::BringIn(chat::BringIn { user_id: by, .. })
                | chat::Command::SetNickname(chat::SetNickname { user_id: by, .. })
                | chat::Command::Leave(chat::Leave { user_id: by }),
            ) => Some(*by),
            Command::Chat(_, chat::Command::Withdraw(_) | chat::Command::DeleteIfEmpty)
            | Command::User(..)
            | Command::Session(..)
            | Command::Token(..)
            | Command::Projection(..)
            | Command::Nothing(_) => None,
        }
    }
}

/// One thing that has happened, and what it has happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// To an account.
    User(UserId, user::Event),
    /// To a session.
    Session(SessionId, session::Event),
    /// To a service token.
    Token(TokenId, token::Event),
    /// To the claim on a name.
    Name(id::NameClaim, name::Event),
    /// To a chat.
    Chat(ChatId, chat::Event),
    /// To a message.
    Message(MessageId, message::Event),
    /// To a projection.
    Projection(id::ProjectionName, projection::Event),
}

impl Event {
    /// The stream that it is appended to.
    pub fn stream(&self) -> StreamId {
        match self {
            Event::User(id, _) => (*id).into(),
            Event::Session(id, _) => (*id).into(),
            Event::Token(id, _) => (*id).into(),
            Event::Name(claim, _) => (*claim).into(),
            Event::Chat(id, _) => (*id).into(),
            Event::Message(id, _) => (*id).into(),
            Event::Projection(name, _) => (*name).into(),
        }
    }

    /// Whether it changes what is shown of the thing that it happened to. Only such facts move the version that
    /// `ETag` tells and `If-Match` asks for: a stranger who guesses at a password must not change it.
    pub fn is_shown(&self) -> bool {
        match self {
            Event::User(_, event) => event.is_shown(),
            Event::Session(..)
            | Event::Token(..)
            | Event::Name(..)
            | Event::Chat(..)
            | Event::Message(..)
            | Event::Projection(..) => true,
        }
    }

    /// The stored names of the facts in its stream whose sealed parts are forgotten as soon as it is appended.
    pub fn supersedes(&self) -> &'static [&'static str] {
        match self {
            Event::User(_, event) => event.supersedes(),
            Event::Session(..)
            | Event::Token(..)
            | Event::Name(..)
            | Event::Chat(..)
            | Event::Message(..)
            | Event::Projection(..) => &[],
        }
    }
}

/// What a command answers when it is accepted. Kept with the receipt, so that a repeat gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done; there is nothing more to say.
    Done,
    /// An account was opened.
    SignedUp { user_id: UserId },
    /// A profile was changed; this is how it reads now.
    Profile(user::Profile),
    /// A session was opened.
    SignedIn { session_id: SessionId },
    /// A service token was created. Its text is not kept.
    TokenCreated {
        token_id: TokenId,
        created_at: Timestamp,
        /// When it ends; none when it does not by itself.
        expires_at: Option<Timestamp>,
    },
    /// A chat was created.
    ChatCreated { chat_id: ChatId },
    /// A user is a member of a chat.
    Member {
        user_id: UserId,
        /// False when they were one before.
        joined: bool,
    },
    /// A message was posted.
    Posted { message_id: MessageId },
}

/// What `decide` answers: the facts to append, none when nothing changes, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// In the order in which they happened.
    pub facts: Vec<Event>,
    /// What the caller is told.
    pub outcome: Outcome,
}

impl Decision {
    pub(crate) fn of(facts: Vec<Event>, outcome: Outcome) -> Decision {
        Decision { facts, outcome }
    }

    /// The wish is already true: nothing is written.
    pub(crate) fn nothing(outcome: Outcome) -> Decision {
        Decision { facts: Vec::new(), outcome }
    }
}

/// Why a command was refused. It is data for the user, never a failure of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// By the rules of accounts.
    #[error(transparent)]
    User(#[from] user::Refusal),
    /// By the rules of sessions.
    #[error(transparent)]
    Session(#[from] session::Refusal),
    /// By the rules of service tokens.
    #[error(transparent)]
    Token(#[from] token::Refusal),
    /// By the rules of chats.
    #[error(transparent)]
    Chat(#[from] chat::Refusal),
    /// By the rules of messages.
    #[error(transparent)]
    Message(#[from] message::Refusal),
    /// By the rules of projections.
    #[error(transparent)]
    Projection(#[from] projection::Refusal),
    /// `If-Match` named a version that is not the stream's (CONTRACT 1.1).
    #[error("it has been changed since you read it; read it again and repeat")]
    VersionChanged,
}
