//! How the process ends: the exit codes of the command line, and which failure means which.

use crate::output::ReaderLeft;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

/// What an exit code says. Scripts rely on the numbers.
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

impl Code {
    /// The number.
    pub fn number(self) -> u8 {
        match self {
            Code::Done => 0,
            Code::Failure => 1,
            Code::Usage => 2,
            Code::NotFound => 3,
            Code::Conflict => 4,
            Code::Unhealthy => 5,
            Code::Auth => 6,
            Code::Unreachable => 7,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.number())
    }
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
    if is_reader_gone(error) {
        return Code::Done;
    }
    // One that was laid over another error is none of the chain's own links.
    let laid_over = error.downcast_ref::<Failure>().map(|failure| failure.code);
    laid_over.or_else(|| error.chain().find_map(known)).unwrap_or(Code::Failure)
}

/// Whether the reader of what is shown has left: nothing is wrong then, and nothing is said. Any other broken pipe (a
/// socket's, or that of an export, which is then not whole) is a failure like the rest.
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<ReaderLeft>())
    })
}

fn known(cause: &(dyn std::error::Error + 'static)) -> Option<Code> {
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if let Some(error) = cause.downcast_ref::<store::Error>() {
        return of_store(error);
    }
    // These are shown as the failure inside them, which is then no cause of its own.
    if let Some(node::NodeError::Store(error) | node::NodeError::Projections(projections::Error::Store(error))) =
        cause.downcast_ref::<node::NodeError>()
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
        commands::Error::Overloaded | commands::Error::Unavailable | commands::Error::Internal => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_failure_keeps_its_code_under_what_is_said_about_it() {
        let error = failure(Code::NotFound, "there is no such user").context("show");
        assert_eq!(code_of(&error), Code::NotFound);
        assert_eq!(told(&error).message, "show: there is no such user");
        assert_eq!(code_of(&anyhow::anyhow!("anything")), Code::Failure);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = std::io::Error::new(ErrorKind::BrokenPipe, ReaderLeft);
        let error = Err::<(), _>(gone).context("print").unwrap_err();
        assert_eq!(code_of(&error), Code::Done);
    }

    #[test]
    fn any_other_broken_pipe_is_a_failure() {
        let broken = || std::io::Error::from(ErrorKind::BrokenPipe);
        let error = Err::<(), _>(broken()).context("the running server went away").unwrap_err();
        assert_eq!(code_of(&error), Code::Failure);
        assert_eq!(code_of(&store::Error::Export { source: broken() }.into()), Code::Failure);
        let refused = Failure { code: Code::Unreachable, message: "it went away".to_owned() };
        let error = Err::<(), _>(broken()).context(refused).unwrap_err();
        assert_eq!(code_of(&error), Code::Unreachable);
    }

    #[test]
    fn what_this_user_may_not_open_is_a_matter_of_rights() {
        let file = |kind| store::Error::File { doing: "open", path: "x".into(), source: std::io::Error::from(kind) };
        assert_eq!(code_of(&file(ErrorKind::PermissionDenied).into()), Code::Auth);
        assert_eq!(code_of(&file(ErrorKind::StorageFull).into()), Code::Failure);
    }

    #[test]
    fn refusals_have_codes() {
        let taken = commands::Error::Refused(domain::user::Refusal::AlreadyExists.into());
        assert_eq!(code_of(&taken.into()), Code::Conflict);
        let gone = commands::Error::Refused(domain::user::Refusal::NotFound.into());
        assert_eq!(code_of(&gone.into()), Code::NotFound);
    }
}
