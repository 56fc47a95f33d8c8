//! Who does what several nodes could do and only one may: one node at a time, under a lease.
//!
//! A lease runs out by the database's clock unless its holder renews it. Whoever takes it over raises its epoch, and
//! the epoch stands in everything that its holder writes (`docs/decisions/0013`): a node that was held up and believes
//! that it still holds the lease writes nothing.
//!
//! A node that was killed and starts again does not wait for its own lease to run out: it holds the lock of its data
//! folder, so whoever was this node before is gone.

use super::{Database, Tx, Writer};
use crate::postgres::NodeProcess;
use crate::{Cluster, Error, described};
use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a lease lasts that is not renewed.
const LASTS: Duration = Duration::from_secs(3);
/// How often a lease is renewed.
const RENEWED: Duration = Duration::from_secs(1);

/// Leases know one dialect: the embedded database has one process, and no leases.
const TABLES: &str = "
    create table if not exists lease (
        name text primary key,
        holder text not null,
        epoch bigint not null,
        until timestamptz not null
    );
";

/// Holders are written `node/process/leases`, as far as they are known. What the same node held as an earlier process is
/// free: ids of processes rise with time, so that of two that believe to be the same node only the later one takes.
const OF_OTHERS: &str = "
    select name, until > clock_timestamp() and not (split_part(holder, '/', 1) = split_part($1, '/', 1)
        and split_part(holder, '/', 2) < split_part($1, '/', 2))
    from lease where holder <> $1";
/// The holder keeps its epoch: nobody else wrote meanwhile.
const TAKE: &str = "
    insert into lease (name, holder, epoch, until)
    values ($1, $2, 1, clock_timestamp() + $3 * interval '1 microsecond')
    on conflict (name) do update set holder = excluded.holder, until = excluded.until,
        epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end
        where $4 or lease.holder = excluded.holder or lease.until <= clock_timestamp()
            or split_part(lease.holder, '/', 1) = split_part(excluded.holder, '/', 1)
                and split_part(lease.holder, '/', 2) < split_part(excluded.holder, '/', 2)
    returning epoch";
const RENEW: &str = "
    update lease set until = clock_timestamp() + $2 * interval '1 microsecond'
    where holder = $1 and until > '-infinity'
    returning name, epoch";
const GIVE_UP: &str = "update lease set until = '-infinity' where holder = $1";
const RELEASE: &str = "update lease set until = '-infinity' where holder = $1 and name = $2";

/// The leases of a node, by the names of what it does under them.
pub struct Leases {
    inner: Arc<Inner>,
    /// The thread that renews ends when this is gone.
    _renewing: SyncSender<()>,
}

struct Inner {
    database: Database,
    writer: Mutex<Writer>,
    /// This node, as long as it runs: no other leases have the same.
    holder: String,
    leases: Mutex<HashMap<&'static str, Lease>>,
}

#[derive(Clone, Copy)]
struct Lease {
    epoch: u64,
    /// By this node's clock, from before the database was asked.
    until: Instant,
}

impl Leases {
    /// Holds none yet; renews what it will hold, every second, each for 3 s. The database is one that nodes share.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`]; [`Error::Thread`].
    pub fn open(database: &Database) -> Result<Leases, Error> {
        let leases = Uuid::now_v7();
        let holder = match database.cluster().and_then(Cluster::node) {
            Some(NodeProcess { node, process }) => format!("{node}/{process}/{leases}"),
            None => leases.to_string(),
        };
        // Whatever else is being written must not hold up a renewal.
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.commit()?;
        let (database, writer) = (database.clone(), Mutex::new(writer));
        let inner = Arc::new(Inner { database, writer, holder, leases: Mutex::default() });
        let (renewing, ended) = mpsc::sync_channel(0);
        let renewed = Arc::clone(&inner);
        std::thread::Builder::new()
            .name("leases".to_owned())
            .spawn(move || {
                while ended.recv_timeout(RENEWED) == Err(RecvTimeoutError::Timeout) {
                    renewed.renew();
                }
            })
            .map_err(|source| Error::Thread { source })?;
        Ok(Leases { inner, _renewing: renewing })
    }

    /// The epoch under which this node holds the lease; none when it does not.
    pub fn epoch(&self, name: &str) -> Option<u64> {
        let lease = self.inner.lock().get(name).copied();
        lease.filter(|lease| Instant::now() < lease.until).map(|lease| lease.epoch)
    }

    /// What other nodes took last, and whether they hold it still.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`].
    pub fn of_others(&self) -> Result<HashMap<String, bool>, Error> {
        let of = [self.inner.holder.as_str().into()];
        let row = |row: &super::Row<'_>| Ok((row.text(0)?.to_owned(), row.bool(1)?));
        Ok(self.inner.database.snapshot()?.rows(OF_OTHERS, &of, row)?.into_iter().collect())
    }

    /// Takes the lease when nobody else holds it; `anyway` takes it from whoever does. Answers its epoch.
    ///
    /// # Errors
    /// As [`Leases::of_others`].
    pub fn take(&self, name: &'static str, anyway: bool) -> Result<Option<u64>, Error> {
        let until = Instant::now() + LASTS;
        let mut epoch = None;
        self.inner.change(|tx| {
            let of = [name.into(), self.inner.holder.as_str().into(), lasts().into(), anyway.into()];
            epoch = tx.row(TAKE, &of, |row| Ok(row.int(0)?.cast_unsigned()))?;
            Ok(())
        })?;
        if let Some(epoch) = epoch {
            self.inner.lock().insert(name, Lease { epoch, until });
        }
        Ok(epoch)
    }

    /// Another node has taken it over, or nobody knows: it is to be taken again.
    pub fn lose(&self, name: &str) {
        self.inner.lock().remove(name);
    }

    /// Lets go of one of them: another node takes it at once.
    ///
    /// # Errors
    /// As [`Leases::of_others`]: then it runs out.
    pub fn release(&self, name: &str) -> Result<(), Error> {
        self.lose(name);
        self.inner.change(|tx| tx.queue(RELEASE, &[self.inner.holder.as_str().into(), name.into()]))
    }

    /// Lets go of all of them: other nodes take them at once.
    ///
    /// # Errors
    /// As [`Leases::of_others`]: then they run out.
    pub fn give_up(&self) -> Result<(), Error> {
        self.inner.lock().clear();
        self.inner.change(|tx| tx.queue(GIVE_UP, &[self.inner.holder.as_str().into()]))
    }
}

impl Inner {
    fn renew(&self) {
        let before = self.lock().clone();
        if before.is_empty() {
            return;
        }
        let until = Instant::now() + LASTS;
        let mut renewed = HashMap::new();
        let work = |tx: &mut Tx<'_>| {
            let rows = tx.rows(RENEW, &[self.holder.as_str().into(), lasts().into()], |row| {
                Ok((row.text(0)?.to_owned(), row.int(1)?.cast_unsigned()))
            })?;
            renewed = rows.into_iter().collect::<HashMap<String, u64>>();
            Ok(())
        };
        if let Err(error) = self.change(work) {
            // It runs out where the database cannot be reached; when it can be again, it is taken again.
            tracing::warn!(error = described(&error), "the leases of this node were not renewed");
            return;
        }
        let mut leases = self.lock();
        for (name, lease) in before {
            // Unless it was given up or taken again meanwhile.
            let Some(held) = leases.get_mut(name).filter(|held| held.epoch == lease.epoch) else { continue };
            if renewed.get(name) == Some(&lease.epoch) {
                held.until = until;
            } else {
                tracing::warn!(lease = name, "another node does it from now on");
                leases.remove(name);
            }
        }
    }

    /// Changes something in one transaction.
    fn change(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<(), Error>) -> Result<(), Error> {
        // A panic cannot leave half a transaction behind: it is rolled back, and the next one begins again.
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tx = writer.begin()?;
        work(&mut tx)?;
        tx.commit()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Lease>> {
        // The map is whole between any two of its operations.
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lasts() -> i64 {
    i64::try_from(LASTS.as_micros()).unwrap_or(i64::MAX)
}
