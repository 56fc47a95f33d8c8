//! Whether this node is the one that acts.

use crate::Error;
use crate::sql::Leases;
use std::sync::Arc;

/// The right to do what only one node of a log may. Where no other node can write, this node always has it, under the
/// epoch zero. A cheap handle.
#[derive(Clone)]
pub struct Lease {
    leases: Option<Arc<Leases>>,
    name: &'static str,
}

impl Lease {
    /// Of that name. `leases` are this node's; `None` when no other node can write.
    pub fn new(leases: Option<Arc<Leases>>, name: &'static str) -> Lease {
        Lease { leases, name }
    }

    /// The epoch under which this node acts; `None` when it does not hold the lease.
    pub fn epoch(&self) -> Option<u64> {
        match &self.leases {
            None => Some(0),
            Some(leases) => leases.epoch(self.name),
        }
    }

    /// Takes it when no other node holds it; `anyway` takes it from the one that does. Answers its epoch.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`].
    pub fn take(&self, anyway: bool) -> Result<Option<u64>, Error> {
        match &self.leases {
            None => Ok(Some(0)),
            Some(leases) => leases.take(self.name, anyway),
        }
    }

    /// Whether another node could hold it.
    pub fn is_shared(&self) -> bool {
        self.leases.is_some()
    }

    /// Lets go of it: another node takes it at once.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`]: then it runs out.
    pub fn release(&self) -> Result<(), Error> {
        match &self.leases {
            None => Ok(()),
            Some(leases) => leases.release(self.name),
        }
    }

    /// Another node has taken it over, or what this one wrote is not certain: it must be taken again.
    pub fn lose(&self) {
        if let Some(leases) = &self.leases {
            leases.lose(self.name);
        }
    }
}
