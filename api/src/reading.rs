//! Looking at a read model, no earlier than it may be looked at.

use crate::app::App;
use crate::error::{Code, Error};
use projections::ProjectionId;
use std::time::Duration;
use store::sql::Database;

/// How long a read waits for its read model.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);

/// A read model that has seen everything that this caller may expect.
pub(crate) struct Reading {
    pub(crate) database: Database,
    /// How far it is, at least.
    pub(crate) position: u64,
}

impl App {
    /// Waits until a read model has seen every write of its kind that this node has acknowledged to anybody, and
    /// `min_position` (CONTRACT 1.1).
    pub(crate) async fn read(&self, name: ProjectionId, min_position: u64) -> Result<Reading, Error> {
        let position = self.reached(name, min_position).await?;
        Ok(Reading { database: self.projections.database(name), position })
    }

    /// The wait of [`App::read`], for what is no database: how far it is, at least.
    pub(crate) async fn reached(&self, name: ProjectionId, min_position: u64) -> Result<u64, Error> {
        let floor = self.writer.acknowledged(name.follows()).max(min_position);
        self.projections.caught_up(name, floor, WAIT_MAX).await.map_err(|_| {
            // Not which position: a stranger who logs in would learn what others do.
            let detail = format!("the read model {} is not as far as this request needs it; try again", name.as_str());
            Error::new(Code::ProjectionBehind, detail)
        })
    }
}
