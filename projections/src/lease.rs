//! Who feeds a projection that several nodes share: one node at a time, under a lease.
//!
//! A lease runs out by the database's clock unless its holder renews it. Whoever takes it over raises its epoch, and
//! the epoch stands in everything that its holder writes (`docs/decisions/0013`): a node that was held up and believes
//! that it still holds the lease writes nothing.

use crate::catalog::Catalog;
use crate::{Error, Name, Result};
use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::sql::{Row, Tx};
use uuid::Uuid;

/// How long a lease lasts that is not renewed.
const LASTS: Duration = Duration::from_secs(3);
/// How often a lease is renewed.
const RENEWED: Duration = Duration::from_secs(1);

/// Leases know one dialect: the embedded database has one process, and no leases.
pub(crate) const TABLES: &str = "
    create table if not exists lease (
        name text primary key,
        holder text not null,
        epoch bigint not null,
        until timestamptz not null
    );
";

const OF_OTHERS: &str = "select name, until > clock_timestamp() from lease where holder <> $1";
/// The holder keeps its epoch: nobody else wrote meanwhile.
const TAKE: &str = "
    insert into lease (name, holder, epoch, until)
    values ($1, $2, 1, clock_timestamp() + $3 * interval '1 microsecond')
    on conflict (name) do update set holder = excluded.holder, until = excluded.until,
        epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end
        where $4 or lease.holder = excluded.holder or lease.until <= clock_timestamp()
    returning epoch";
const RENEW: &str = "
    update lease set until = clock_timestamp() + $2 * interval '1 microsecond' where holder = $1
    returning name, epoch";
const GIVE_UP: &str = "update lease set until = '-infinity' where holder = $1";

/// The leases of this node.
pub(crate) struct Leases {
    held: Arc<Held>,
    /// Whether this node feeds anything; it may be there to follow others only.
    feeds: bool,
    /// Whoever changes what this node feeds.
    changing: Mutex<()>,
    /// The thread that renews ends when this is gone.
    _renewing: SyncSender<()>,
}

struct Held {
    catalog: Catalog,
    /// This node, as long as it runs.
    holder: String,
    leases: Mutex<HashMap<Name, Lease>>,
}

#[derive(Clone, Copy)]
struct Lease {
    epoch: u64,
    /// By this node's clock, from before the database was asked.
    until: Instant,
}

impl Leases {
    /// Holds none yet; renews what it will hold. One that does not feed never holds any.
    pub(crate) fn open(catalog: &Catalog, feeds: bool) -> Result<Leases> {
        let holder = Uuid::now_v7().to_string();
        // Whatever else is being written must not hold up a renewal.
        let held = Arc::new(Held { catalog: catalog.beside()?, holder, leases: Mutex::default() });
        let (renewing, ended) = mpsc::sync_channel(0);
        let failed = |source| Error::Thread { source };
        let renewed = Arc::clone(&held);
        std::thread::Builder::new()
            .name("leases".to_owned())
            .spawn(move || {
                while ended.recv_timeout(RENEWED) == Err(RecvTimeoutError::Timeout) {
                    renewed.renew();
                }
            })
            .map_err(failed)?;
        Ok(Leases { held, feeds, changing: Mutex::default(), _renewing: renewing })
    }

    /// Holds off whoever else changes what this node feeds.
    pub(crate) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node feeds any projection at all.
    pub(crate) fn feeds(&self) -> bool {
        self.feeds
    }

    /// The epoch under which this node feeds the projection; none when it does not.
    pub(crate) fn epoch(&self, name: Name) -> Option<u64> {
        let lease = self.held.lock().get(&name).copied();
        lease.filter(|lease| Instant::now() < lease.until).map(|lease| lease.epoch)
    }

    /// The projections that other nodes took last, and whether they feed them still.
    pub(crate) fn of_others(&self) -> Result<HashMap<Name, bool>> {
        let of = [self.held.holder.as_str().into()];
        let rows =
            self.held.catalog.database().snapshot()?.rows(OF_OTHERS, &of, |row| Ok((name(row)?, row.bool(1)?)))?;
        Ok(rows.into_iter().filter_map(|(name, live)| Some((name?, live))).collect())
    }

    /// Takes the lease when nobody else holds it. Answers its epoch.
    pub(crate) fn take(&self, name: Name) -> Result<Option<u64>> {
        if self.feeds { self.held.take(name, false) } else { Ok(None) }
    }

    /// Takes the lease, whoever holds it. Answers its epoch.
    pub(crate) fn take_over(&self, name: Name) -> Result<u64> {
        tracing::info!(projection = %name, "this node feeds it from now on");
        self.held.take(name, true)?.ok_or(Error::TakenOver { name })
    }

    /// Another node has taken it over, or nobody knows: it is to be taken anew.
    pub(crate) fn lose(&self, name: Name) {
        self.held.lock().remove(&name);
    }

    /// Lets go of all of them: other nodes take them at once.
    pub(crate) fn give_up(&self) -> Result<()> {
        self.held.lock().clear();
        self.held.catalog.change(|tx| tx.queue(GIVE_UP, &[self.held.holder.as_str().into()]))
    }
}

impl Held {
    fn take(&self, name: Name, anyway: bool) -> Result<Option<u64>> {
        let until = Instant::now() + LASTS;
        let mut epoch = None;
        self.catalog.change(|tx| {
            let of = [name.as_str().into(), self.holder.as_str().into(), lasts().into(), anyway.into()];
            epoch = tx.row(TAKE, &of, |row| Ok(row.int(0)?.cast_unsigned()))?;
            Ok(())
        })?;
        if let Some(epoch) = epoch {
            self.lock().insert(name, Lease { epoch, until });
        }
        Ok(epoch)
    }

    fn renew(&self) {
        let before = self.lock().clone();
        if before.is_empty() {
            return;
        }
        let until = Instant::now() + LASTS;
        let mut renewed = HashMap::<Name, u64>::new();
        let work = |tx: &mut Tx<'_>| {
            let rows = tx.rows(RENEW, &[self.holder.as_str().into(), lasts().into()], |row| {
                Ok(name(row)?.zip(Some(row.int(1)?.cast_unsigned())))
            })?;
            renewed = rows.into_iter().flatten().collect();
            Ok(())
        };
        if let Err(error) = self.catalog.change(work) {
            // It runs out where the database cannot be reached; when it can be again, it is taken again.
            tracing::warn!(error = store::described(&error), "the leases of this node were not renewed");
            return;
        }
        let mut leases = self.lock();
        for (name, lease) in before {
            // Unless it was given up or taken anew meanwhile.
            let Some(held) = leases.get_mut(&name).filter(|held| held.epoch == lease.epoch) else { continue };
            if renewed.get(&name) == Some(&lease.epoch) {
                held.until = until;
            } else {
                tracing::warn!(projection = %name, "another node feeds it from now on");
                leases.remove(&name);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Lease>> {
        // The map is whole between any two of its operations.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lasts() -> i64 {
    i64::try_from(LASTS.as_micros()).unwrap_or(i64::MAX)
}

/// None for a projection that only another version knows.
fn name(row: &Row<'_>) -> Result<Option<Name>, store::Error> {
    Ok(Name::parse(row.text(0)?))
}
