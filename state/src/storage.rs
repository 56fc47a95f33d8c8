//! The database of the tables: a file of the data folder, or a schema beside a log that several nodes share.

use crate::Result;
use crate::parts::PARTS;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::sql::{Database, Place, Tx, Writer};
use store::{Folder, Log};

/// A longer file is not written again when a person is erased: what is deleted is overwritten all the same.
const WIPE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Tables of before say nothing of whose a session is. In a file they are made in today's form and carried over.
const OWNERS: &str = "
    alter table session_use add column if not exists user_id bytea;
    alter table token_use add column if not exists user_id bytea;
";

/// The database, and the one connection that changes it. A cheap handle.
#[derive(Clone)]
pub(crate) struct Storage {
    database: Database,
    writer: Arc<Mutex<Writer>>,
    /// Something was deleted that may still lie in the file.
    residue: Arc<AtomicBool>,
}

/// Where the tables of that log lie.
pub(crate) fn place(folder: &Folder, log: &Log) -> Place {
    match log.cluster() {
        None => Place::File(folder.state()),
        Some(cluster) => Place::beside(cluster),
    }
}

impl Storage {
    /// Opens the tables and makes those that are missing. A damaged file is put aside for a new one.
    pub(crate) fn open(place: &Place) -> Result<Storage> {
        let tables = |tx: &mut Tx<'_>| {
            PARTS.iter().try_for_each(|part| tx.batch(part.tables))?;
            match place {
                Place::File(_) => Ok(()),
                Place::Schema(_) => tx.batch(OWNERS),
            }
        };
        let (database, writer) =
            place.open_or_replace(tables, "search tasks, times of last use and the dev mailbox are lost")?;
        let storage = Storage { database, writer: Arc::new(Mutex::new(writer)), residue: Arc::default() };
        // A crash may have come before what was deleted of a person was gone from the file.
        if let Place::File(_) = place {
            storage.wipe()?;
        }
        Ok(storage)
    }

    /// For reading.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Changes something in one transaction.
    pub(crate) fn change(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<()>) -> Result<()> {
        let mut writer = self.writer();
        let change = || {
            let mut tx = writer.begin()?;
            work(&mut tx)?;
            tx.commit()
        };
        change().map_err(|error| self.database.noted(error))
    }

    /// Takes what was deleted out of the file and its write-ahead log. Where a reader is in the way, or where it fails,
    /// [`Storage::wipe_residue`] does it later.
    pub(crate) fn wipe(&self) -> Result<()> {
        self.residue.store(true, Ordering::Relaxed);
        let mut writer = self.writer();
        if writer.wipe(WIPE_BYTES_MAX).map_err(|error| self.database.noted(error))? {
            self.residue.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Does what is left to do of [`Storage::wipe`], if anything is.
    pub(crate) fn wipe_residue(&self) -> Result<()> {
        if self.residue.load(Ordering::Relaxed) { self.wipe() } else { Ok(()) }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // A panic cannot leave half a transaction behind: it is rolled back, and the next one begins again.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
