//! What can go wrong with an index, said to the person who can mend it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

/// What this crate's functions answer that touch an index.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of an index. None of them is an answer to a user: they are ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The index could not be read or written.
    #[error("the search index could not be used; check that its folder belongs to this user and the disk has room")]
    Index(#[from] TantivyError),
    /// Its folder could not be read, made or removed.
    #[error("could not {doing} {path}; check that it belongs to this user and that the disk has room")]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        source: io::Error,
    },
    /// Another writer has it, or has moved its commit.
    #[error("another process writes the search index; stop it")]
    NotOwner,
    /// One of its files is not there to its end.
    #[error(
        "the search index is damaged ({} is missing or cut off); run `letopis projections rebuild search`",
        path.display()
    )]
    CutOff {
        /// Which one.
        path: PathBuf,
    },
    /// The folder holds something else than this version writes.
    #[error("the search index is damaged ({what}); run `letopis projections rebuild search`")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

/// Does something with files that may be damaged. The library trusts what it reads: it may panic over it.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = |_| Err(Error::Damaged { what: "its files cannot be read" });
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

impl Error {
    /// For `map_err` on input and output.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    }

    /// Whether the same may go well a little later: a full disk, a file that somebody holds. No event is to blame then.
    pub fn may_pass(&self) -> bool {
        match self {
            // What ends too early or makes no sense does so at every look.
            Error::Index(
                TantivyError::IoError(error)
                | TantivyError::OpenReadError(OpenReadError::IoError { io_error: error, .. }),
            ) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => false,
            Error::Index(TantivyError::OpenReadError(OpenReadError::IncompatibleIndex(_))) => false,
            Error::Index(error) => matches!(
                error,
                TantivyError::OpenDirectoryError(_)
                    | TantivyError::OpenReadError(_)
                    | TantivyError::OpenWriteError(_)
                    | TantivyError::LockFailure(..)
                    | TantivyError::IoError(_)
                    | TantivyError::ErrorInThread(_)
                    | TantivyError::SystemError(_)
            ),
            Error::File { .. } => true,
            Error::NotOwner | Error::CutOff { .. } | Error::Damaged { .. } => false,
        }
    }
}
