//! Why something cannot be told now. It is told later: nothing is passed over.

use projections::ProjectionId;

/// Why something cannot be told now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("the storage does not answer in time")]
    Silent,
    #[error("the read model {} is behind what is to be sent", .0.as_str())]
    Behind(ProjectionId),
}
