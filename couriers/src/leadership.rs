//! Which node sends: one of them, or none.

use crate::courier::Courier;
use crate::error::Result;
use std::sync::Arc;
use std::time::Duration;
use store::follower::Lease;
use store::sql::Leases;
use store::{Arming, Outlet, RelayPlace};

/// How often it is looked at which node sends, and whether any may. A node that died holds its lease for 3 s.
pub(crate) const CHECKED_EVERY: Duration = Duration::from_millis(500);
/// Of the one node that sends.
const LEASE: &str = "couriers";

/// Which node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// This one.
    Ours,
    /// Another one.
    Others,
    /// None: the log is a copy, or an operator says so.
    Disarmed,
}

/// What decides it. A cheap handle.
#[derive(Clone)]
pub(crate) struct Leadership {
    arming: Arc<Arming>,
    lease: Lease,
}

impl Leadership {
    /// Of the log whose place that is. It blocks.
    pub(crate) fn open(place: &RelayPlace) -> Result<Leadership> {
        let arming = Arc::new(Arming::open(place, Outlet::Couriers)?);
        let leases = match place {
            RelayPlace::Files(_) => None,
            RelayPlace::Shared(place) => Some(Arc::new(Leases::open(&place.create()?)?)),
        };
        Ok(Leadership { arming, lease: Lease::new(leases, LEASE) })
    }

    /// Which node sends now; this one, where no other does.
    pub(crate) async fn check(&self, courier: &Courier) -> Result<Standing> {
        let Leadership { arming, lease } = self.clone();
        courier
            .blocking(move || {
                if arming.is_disarmed()? {
                    lease.release()?;
                    return Ok(Standing::Disarmed);
                }
                let held = match lease.epoch() {
                    Some(epoch) => Some(epoch),
                    None => lease.take(false)?,
                };
                Ok(if held.is_some() { Standing::Ours } else { Standing::Others })
            })
            .await
    }

    /// Whether this node is still the one, as far as its own clock says: asked right before what cannot be undone.
    pub(crate) fn holds(&self) -> bool {
        self.lease.epoch().is_some()
    }

    /// Lets another node send at once.
    pub(crate) async fn give_up(&self, courier: &Courier) -> Result<()> {
        let lease = self.lease.clone();
        courier.blocking(move || Ok(lease.release()?)).await
    }
}
