//! Why an operation was not done.

use crate::NodeError;
use crate::failure::{self, Failure, FailureKind};
use crate::passwords::PasswordError;
use domain::password::Weak;
use domain::text::Unfit;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use tokio::task::JoinError;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log, its keys or its folder.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] projections::Error),
    /// A read model that must be asked first does not follow in time.
    #[error(transparent)]
    Behind(#[from] projections::Behind),
    /// The writer's words.
    #[error(transparent)]
    Command(#[from] commands::Error),
    /// What other services are told.
    #[error(transparent)]
    Relay(#[from] relay::Error),
    /// The data folder cannot be opened.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The process that works can go on no more.
    #[error("{0}")]
    Ended(String),
    /// A thread that worked died.
    #[error("the {what} panicked")]
    Panicked {
        /// What was done.
        what: &'static str,
        /// How it ended.
        source: JoinError,
    },

    /// Why somebody is suspended cannot be told so.
    #[error("the reason {0}")]
    Reason(Unfit),
    /// The name cannot be an account's.
    #[error("the user name {name:?} {unfit}")]
    UserName {
        /// As it was written.
        name: String,
        /// What is wrong with it.
        unfit: Unfit,
    },
    /// The password cannot be an account's.
    #[error("the password {0}")]
    Password(Weak),
    /// The password was not hashed.
    #[error("try again")]
    Hashing(#[source] PasswordError),
    /// There is no such account.
    #[error("there is no user {0:?}; `letopis users ls` lists them")]
    NoUser(String),
    /// There is no such second factor.
    #[error("there is no second factor {0:?}; `letopis users factors NAME ls` lists them")]
    NoFactor(String),
    /// There is no such chat.
    #[error("there is no chat {0:?}; `letopis chats ls` lists them with their ids")]
    NoChat(String),
    /// There is no such stream, or it is shorter.
    #[error("{0}; `letopis streams ls` lists the streams")]
    NoStream(String),
    /// A read model is damaged.
    #[error("the read model holds a user name that {0}")]
    DamagedName(Unfit),
    /// There is no such projection.
    #[error("there is no projection {name:?}; there are: {names}")]
    NoProjection { name: String, names: String },
    /// There is no relay here.
    #[error(
        "there is no relay, so nothing is published; set LETOPIS_NATS_URL for the server, or for this command when no server runs; if it is set, the server's log says why there is no relay"
    )]
    NoRelay,
    /// The folder that the process runs in is not there any more.
    #[error("the current folder no longer exists")]
    FolderGone(#[source] io::Error),

    /// The log could not be read to the end of what was to be verified.
    #[error("the log was not verified to its end; run it again")]
    NotVerified(#[source] store::Error),
    /// There is no such backup.
    #[error("there is no folder {}; name the one that `letopis backup` wrote", .0.display())]
    NoBackup(PathBuf),
    /// What was named for an export is no file.
    #[error("{} is not a file; name one, or - for standard output", .0.display())]
    NoFileThere(PathBuf),
    /// The file that was named for an export is there.
    #[error("{} exists already; name another file, or replace it with --force", .0.display())]
    AlreadyThere(PathBuf),
    /// An export cannot be written.
    #[error("could not write {}", path.display())]
    CannotWrite {
        /// As it was named.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file that was named cannot be opened.
    #[error("could not open {}: {error}", path.display())]
    CannotOpen {
        /// As it was named.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A folder was named in place of a file.
    #[error("{} is a folder; name a file, or - for standard input", .0.display())]
    IsFolder(PathBuf),
    /// A request that takes a file along came without it.
    #[error("an import needs a file")]
    NoFile,
    /// The file begins with what cannot be read.
    #[error("the file could not be read")]
    File(#[source] io::Error),
    /// The file ended early for whoever sends it.
    #[error("the file could not be read to its end; what came before is imported: run it again to go on")]
    FileStopped(#[source] io::Error),
    /// A chat log cannot be read any further: it ends too early for a packed file, or its disk is damaged.
    #[error(
        "line {line} could not be read: {source}; what came before it is imported: run it again with the whole file"
    )]
    FileBroken {
        /// From 1.
        line: u64,
        /// What is wrong.
        source: io::Error,
    },
    /// A file was named that holds something else.
    #[error(
        "none of the first {lines} lines is one of a chat log, a JSON object with the strings room, at, author and text; nothing was imported"
    )]
    NoChatLog {
        /// How many were read.
        lines: u64,
    },
    /// What a line needs was refused.
    #[error("line {line}: {what} was refused: {error}; what came before it stays, run it again to go on")]
    LineRefused {
        /// From 1.
        line: u64,
        /// What was refused.
        what: &'static str,
        error: commands::Error,
    },

    /// The control socket cannot be reached.
    #[error(
        "run this as the user that runs the server, or as root: could not reach the running server by {}",
        path.display()
    )]
    Unreached {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The data folder is too deep for a socket in it.
    #[error("the path {} is too long for a socket; use a data folder with a shorter path", .0.display())]
    SocketPath(PathBuf),
    /// The socket of the server cannot be made.
    #[error("could not {doing} {}", path.display())]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The connection to the server ended, and nobody knows how far it came.
    #[error("the running server ended before it had answered; see its log, then run the same command again")]
    ServerGone {
        /// What the system says, where it says something.
        source: Option<io::Error>,
    },
    /// The server does not speak as this program does.
    #[error("the running server is of another version; use its own program")]
    OtherVersion(#[source] serde_json::Error),
    /// What the running server answered.
    #[error("{0}")]
    Answered(Failure),
}

impl Error {
    /// Of which kind it is.
    pub fn kind(&self) -> FailureKind {
        let inner: &(dyn std::error::Error + 'static) = match self {
            Error::Store(error) | Error::NotVerified(error) => error,
            Error::Projections(error) => error,
            Error::Command(error) => error,
            Error::Relay(error) => error,
            Error::Node(error) => error,
            Error::Behind(_)
            | Error::Ended(_)
            | Error::Panicked { .. }
            | Error::Hashing(_)
            | Error::DamagedName(_)
            | Error::FolderGone(_)
            | Error::NoFile
            | Error::CannotWrite { .. }
            | Error::File(_)
            | Error::FileStopped(_)
            | Error::FileBroken { .. }
            | Error::NoChatLog { .. }
            | Error::SocketPath(_)
            | Error::Socket { .. }
            | Error::OtherVersion(_) => return FailureKind::Failure,
            Error::Reason(_)
            | Error::UserName { .. }
            | Error::Password(_)
            | Error::NoRelay
            | Error::IsFolder(_)
            | Error::NoFileThere(_) => {
                return FailureKind::Usage;
            }
            Error::NoUser(_)
            | Error::NoFactor(_)
            | Error::NoChat(_)
            | Error::NoStream(_)
            | Error::NoProjection { .. }
            | Error::NoBackup(_) => {
                return FailureKind::NotFound;
            }
            Error::AlreadyThere(_) => return FailureKind::Conflict,
            Error::LineRefused { error, .. } => return of_line(error),
            Error::CannotOpen { error, .. } => return of_file(error),
            Error::Unreached { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                return FailureKind::Auth;
            }
            Error::Unreached { .. } | Error::ServerGone { .. } => return FailureKind::Unreachable,
            Error::Answered(failure) => return failure.code,
        };
        failure::kind(inner).unwrap_or(FailureKind::Failure)
    }
}

fn of_line(error: &commands::Error) -> FailureKind {
    match error {
        commands::Error::Refused(_) | commands::Error::KeyReused => FailureKind::Conflict,
        commands::Error::Overloaded
        | commands::Error::Unavailable
        | commands::Error::ClockAhead { .. }
        | commands::Error::Internal => FailureKind::Failure,
    }
}

// Whatever else the system says has no kind of its own.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_file(error: &io::Error) -> FailureKind {
    match error.kind() {
        ErrorKind::NotFound => FailureKind::NotFound,
        ErrorKind::PermissionDenied => FailureKind::Auth,
        _ => FailureKind::Failure,
    }
}
