//! What keeps the couriers from their work. None of it is a delivery's fault: they try again.

use std::fmt;

/// What keeps the couriers from their work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log, or what is kept beside it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The read models.
    #[error(transparent)]
    Projections(#[from] projections::Error),
    /// A read model does not get further.
    #[error("the read model {0} does not catch up")]
    Behind(projections::ProjectionId),
    /// The writer.
    #[error(transparent)]
    Command(#[from] commands::Error),
}

/// What this crate's functions answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// In one line, with what is behind it.
pub(crate) fn told(error: &Error) -> impl fmt::Display + tracing::Value {
    store::described(error)
}
