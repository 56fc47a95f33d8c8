//! What can go wrong with read models, said to the person who can mend it.

use crate::ProjectionId;
use std::io;
use std::path::PathBuf;

/// What this crate's functions answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of this crate. None of them is an answer to a user: they are ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log or a read model's file failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The text index failed.
    #[error(transparent)]
    Search(#[from] search::Error),
    /// A file or folder could not be read, made or removed.
    #[error("could not {doing} {path}; check that it belongs to this user and that the disk has room")]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        source: io::Error,
    },
    /// There are no read models, and the caller may not make them.
    #[error("the read models are not built yet; start `letopis serve` once")]
    NotBuilt,
    /// The read model was built by another version, and the caller may not build it again.
    #[error(
        "the read model {name} is of version {found}, this program needs {known}; start `letopis serve` of this version"
    )]
    OtherVersion {
        name: ProjectionId,
        /// Of the file.
        found: u32,
        /// The one needed.
        known: u32,
    },
    /// It was opened for reading only.
    #[error("the read models are open for reading only; ask the running server to change them")]
    ReadOnly,
    /// Another one has moved the checkpoint.
    #[error("another process writes the read model {name}; stop it, then run `letopis projections rebuild {name}`")]
    NotOwner { name: ProjectionId },
    /// Another node has taken over what this one fed.
    #[error("another node feeds the read model {name} now, and this one has changed nothing more; run it again")]
    TakenOver { name: ProjectionId },
    /// This node follows what others feed, and is asked to feed something.
    #[error(
        "this node feeds no read model, not {name} either: its roles leave `projections` out; ask a node that has that role"
    )]
    FeedsNone { name: ProjectionId },
    /// This node follows what others feed, and nobody has built it.
    #[error(
        "no node has built the read model {name} for this version, and this one builds none: its roles leave `projections` out; start a node of this version that has that role, then this one again"
    )]
    NobodyBuilds { name: ProjectionId },
    /// Facts are missing between the checkpoint and what was read.
    #[error("{name} expected event {expected} and was given {found}; run `letopis events verify`")]
    Gap {
        name: ProjectionId,
        /// The position behind the checkpoint.
        expected: u64,
        /// The position that came.
        found: u64,
    },
    /// A fact could not be applied, or not be read.
    #[error("event {position} stops {name}: {reason}")]
    Poison { name: ProjectionId, position: u64, reason: String },
    /// Only what stops a projection is skipped.
    #[error("no event stops {name}, so there is nothing to skip; `letopis projections ls` shows its state")]
    NotStopped { name: ProjectionId },
    /// Skipping it would keep what a person had erased.
    #[error("event {position} erases a person and is never skipped; mend what stops {name}, then build it again")]
    Erasure { name: ProjectionId, position: u64 },
    /// It was folded in between the look and the skip.
    #[error("{name} has passed event {position} by itself; run `letopis projections rebuild {name}`")]
    FoldedMeanwhile { name: ProjectionId, position: u64 },
    /// An event was skipped while the next generation was being built.
    #[error("an event of {name} was skipped while it was built again; run the same command again")]
    SkippedMeanwhile { name: ProjectionId },
    /// One rebuild at a time.
    #[error("{name} is being rebuilt already; wait until that is done")]
    RebuildRunning { name: ProjectionId },
}

impl Error {
    /// For `map_err` on input and output.
    pub(crate) fn file(doing: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    }
}

/// A read model did not get to the wanted position in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is at position {position} and did not get further in time; try again")]
pub struct Behind {
    pub name: ProjectionId,
    /// How far it is.
    pub position: u64,
}
