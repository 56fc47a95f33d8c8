//! What a failure is to whoever asked: a code that says what kind of failure, and words.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;

/// What kind of failure. The command line has an exit code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// It was done.
    Done,
    /// It was not done, for a reason that has no number of its own.
    Failure,
    /// It was asked in a way that cannot be understood.
    Usage,
    /// What it is about is not there.
    NotFound,
    /// Something that is there already stands against it.
    Conflict,
    /// Something is not healthy, or does not verify.
    Unhealthy,
    /// Who asks may not.
    Auth,
    /// Nobody answers.
    Unreachable,
}

/// A failure with the code that the process ends with. It travels over the control socket as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What the exit code says.
    pub code: Code,
    /// What went wrong and what to do next.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// A failure with a code.
pub fn failure(code: Code, message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Failure { code, message: message.into() })
}

/// The same failure as it is told to somebody else.
pub fn told(error: &anyhow::Error) -> Failure {
    Failure { code: code_of(error), message: format!("{error:#}") }
}

/// What the process ends with after this failure.
pub fn code_of(error: &anyhow::Error) -> Code {
    // One that was laid over another error is none of the chain's own links.
    let laid_over = error.downcast_ref::<Failure>().map(|failure| failure.code);
    laid_over.or_else(|| error.chain().find_map(known)).unwrap_or(Code::Failure)
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        return of_store(error);
    }
    // These are shown as the failure inside them, which is then no cause of its own.
    if let Some(crate::NodeError::Store(error) | crate::NodeError::Projections(projections::Error::Store(error))) =
        cause.downcast_ref::<crate::NodeError>()
    {
        return of_store(error);
    }
    if let Some(error) = cause.downcast_ref::<projections::Error>() {
        return of_projections(error);
    }
    if let Some(error) = cause.downcast_ref::<relay::Error>() {
        return of_relay(error);
    }
    match cause.downcast_ref::<commands::Error>()? {
        commands::Error::Refused(refusal) => Some(of_refusal(refusal)),
        commands::Error::KeyReused => Some(Code::Conflict),
        commands::Error::Overloaded
        | commands::Error::Unavailable
        | commands::Error::ClockAhead { .. }
        | commands::Error::Internal => None,
    }
}

// The store may learn new failures: those have no number of their own.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_store(error: &store::Error) -> Option<Code> {
    match error {
        store::Error::NoData { .. } => Some(Code::NotFound),
        error if error.is_lost() => Some(Code::Unreachable),
        store::Error::DatabaseUrl { .. } => Some(Code::Usage),
        store::Error::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => Some(Code::Auth),
        store::Error::Locked { .. }
        | store::Error::NotEmpty { .. }
        | store::Error::NotEmptyDatabase { .. }
        | store::Error::KeysInTheWay
        | store::Error::InTheWay { .. }
        | store::Error::Unfinished { .. }
        | store::Error::KeyInTheWay { .. }
        | store::Error::NextKeyMade { .. } => Some(Code::Conflict),
        store::Error::MissingMasterKey { .. }
        | store::Error::Rotated { .. }
        | store::Error::WrongMasterKey
        | store::Error::NoMasterKeyBrought { .. }
        | store::Error::OtherMasterKey { .. }
        | store::Error::LooseMasterKey { .. }
        | store::Error::NotAMasterKey { .. } => Some(Code::Auth),
        store::Error::Corrupt { .. }
        | store::Error::Damaged { .. }
        | store::Error::BadExport { .. }
        | store::Error::NotABackup { .. }
        | store::Error::BadBackup { .. }
        | store::Error::NotHeld { .. }
        | store::Error::OtherHistory { .. }
        | store::Error::NoAnchor { .. }
        | store::Error::BadAnchor { .. } => Some(Code::Unhealthy),
        error if error.is_damage() => Some(Code::Unhealthy),
        _ => None,
    }
}

// Read models may learn new failures as well.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_projections(error: &projections::Error) -> Option<Code> {
    match error {
        projections::Error::Store(error) => of_store(error),
        projections::Error::NotBuilt
        | projections::Error::NobodyBuilds { .. }
        | projections::Error::OtherVersion { .. } => Some(Code::NotFound),
        projections::Error::FeedsNone { .. }
        | projections::Error::RebuildRunning { .. }
        | projections::Error::NotStopped { .. }
        | projections::Error::Erasure { .. }
        | projections::Error::FoldedMeanwhile { .. }
        | projections::Error::SkippedMeanwhile { .. } => Some(Code::Conflict),
        projections::Error::Poison { .. } | projections::Error::Gap { .. } => Some(Code::Unhealthy),
        _ => None,
    }
}

fn of_relay(error: &relay::Error) -> Option<Code> {
    match error {
        relay::Error::Store(error) => of_store(error),
        relay::Error::Unreadable { .. } | relay::Error::OtherHistory { .. } => Some(Code::Unhealthy),
        relay::Error::Unreachable(_) => Some(Code::Unreachable),
        relay::Error::NothingThere { .. } => Some(Code::NotFound),
        relay::Error::Disarmed | relay::Error::TakenOver => Some(Code::Conflict),
        relay::Error::Refused(_) | relay::Error::Contended(_) => None,
    }
}

fn of_refusal(refusal: &domain::Refusal) -> Code {
    use domain::{Refusal, chat, message, projection, session, token, user};
    match refusal {
        Refusal::User(user::Refusal::NotFound)
        | Refusal::Session(session::Refusal::NotFound)
        | Refusal::Token(token::Refusal::NotFound | token::Refusal::UserNotFound)
        | Refusal::Message(message::Refusal::NotFound | message::Refusal::ChatNotFound) => Code::NotFound,
        Refusal::User(user::Refusal::BadCredentials) | Refusal::Session(session::Refusal::BadCredentials) => Code::Auth,
        Refusal::Chat(chat::Refusal::NotFound | chat::Refusal::UserNotFound | chat::Refusal::MemberNotFound) => {
            Code::NotFound
        }
        Refusal::User(user::Refusal::AlreadyExists)
        | Refusal::Session(session::Refusal::AlreadyExists)
        | Refusal::Token(token::Refusal::AlreadyExists)
        | Refusal::Chat(
            chat::Refusal::AlreadyExists
            | chat::Refusal::NotInvited
            | chat::Refusal::NotAMember
            | chat::Refusal::NotAllowed
            | chat::Refusal::NameTaken
            | chat::Refusal::OwnerMustHandOver
            | chat::Refusal::Archived,
        )
        | Refusal::Message(
            message::Refusal::NotAMember
            | message::Refusal::Muted
            | message::Refusal::Archived
            | message::Refusal::ReplyNotFound
            | message::Refusal::EditedTooOften
            | message::Refusal::NotAllowed
            | message::Refusal::AlreadyExists,
        )
        | Refusal::Projection(projection::Refusal::TooMany)
        | Refusal::VersionChanged => Code::Conflict,
        Refusal::Projection(projection::Refusal::BadReason) => Code::Usage,
    }
}
