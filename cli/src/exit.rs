//! How the process ends: the exit codes of the command line, and which failure means which.

use crate::output::ReaderLeft;
use node::failure::{self, FailureKind};
use std::fmt;
use std::process::ExitCode;

/// What an exit code says. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl From<FailureKind> for Code {
    fn from(kind: FailureKind) -> Code {
        match kind {
            FailureKind::Failure => Code::Failure,
            FailureKind::Usage => Code::Usage,
            FailureKind::NotFound => Code::NotFound,
            FailureKind::Conflict => Code::Conflict,
            FailureKind::Unhealthy => Code::Unhealthy,
            FailureKind::Auth => Code::Auth,
            FailureKind::Unreachable => Code::Unreachable,
        }
    }
}

/// A failure of a verb itself, with the code that the process ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What the process ends with after this failure.
pub fn code_of(error: &anyhow::Error) -> Code {
    if is_reader_gone(error) {
        return Code::Done;
    }
    // One that was laid over another error is none of the chain's own links.
    let laid_over = error.downcast_ref::<Failure>().map(|failure| failure.code);
    laid_over.or_else(|| failure::kind(error.as_ref()).map(Code::from)).unwrap_or(Code::Failure)
}

/// Whether the reader of what is shown has left: nothing is wrong then, and nothing is said. Any other broken pipe (a
/// socket's, or that of an export, which is then not whole) is a failure like the rest.
pub fn is_reader_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        inner.is_some_and(|inner| inner.is::<ReaderLeft>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::io::ErrorKind;

    #[test]
    fn a_failure_keeps_its_code_under_what_is_said_about_it() {
        let error = failure(Code::NotFound, "there is no such user").context("show");
        assert_eq!(code_of(&error), Code::NotFound);
        assert_eq!(format!("{error:#}"), "show: there is no such user");
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
