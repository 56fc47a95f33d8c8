//! Who feeds a projection that several nodes share: one node at a time, under a lease (`store::sql::Leases`).

use crate::engine::catalog::Catalog;
use crate::{Error, ProjectionId, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::follower::Lease;
use store::sql;

/// The leases of this node.
pub(crate) struct Leases {
    held: Arc<sql::Leases>,
    /// Whether this node feeds anything; it may be there to follow others only.
    feeds: bool,
    /// Whoever changes what this node feeds.
    changing: Mutex<()>,
}

impl Leases {
    /// Holds none yet; renews what it will hold. One that does not feed never holds any.
    pub(crate) fn open(catalog: &Catalog, feeds: bool) -> Result<Leases> {
        Ok(Leases { held: Arc::new(sql::Leases::open(catalog.database())?), feeds, changing: Mutex::default() })
    }

    /// Holds off whoever else changes what this node feeds.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node feeds any projection at all.
    pub(crate) fn feeds(&self) -> bool {
        self.feeds
    }

    /// The one under which this node feeds the projection.
    pub(crate) fn of(&self, name: ProjectionId) -> Lease {
        Lease::new(Some(Arc::clone(&self.held)), name.as_str())
    }

    /// The projections that other nodes took last, and whether they feed them still. Not what only another version
    /// knows, or what is no projection.
    pub(crate) fn of_others(&self) -> Result<HashMap<ProjectionId, bool>> {
        let others = self.held.of_others()?.into_iter();
        Ok(others.filter_map(|(name, live)| Some((ProjectionId::parse(&name)?, live))).collect())
    }

    /// Takes the lease when nobody else holds it. Answers its epoch.
    pub(crate) fn take(&self, name: ProjectionId) -> Result<Option<u64>> {
        if self.feeds { Ok(self.of(name).take(false)?) } else { Ok(None) }
    }

    /// Takes the lease, whoever holds it. Answers its epoch.
    pub(crate) fn take_over(&self, name: ProjectionId) -> Result<u64> {
        tracing::info!(projection = %name, "this node feeds it from now on");
        self.of(name).take(true)?.ok_or(Error::TakenOver { name })
    }

    /// Lets go of all of them: other nodes take them at once.
    pub(crate) fn give_up(&self) -> Result<()> {
        Ok(self.held.give_up()?)
    }
}
