//! Whether the relay may speak: the copy of a log, restored or imported, is silent until somebody says otherwise.
//!
//! Else a copy for a trial would tell listeners what the true log tells them, and what it alone has made up.

use store::sql::{Database, Place};
use store::{Cluster, Error, Folder, Log};

/// In the database of a log that nodes share; a row in it disarms.
const TABLES: &str = "create table if not exists relay_disarmed (one bigint primary key);";

/// Where it is kept that the relay of a log is disarmed.
pub struct Arming {
    backing: Backing,
}

enum Backing {
    /// [`Folder::disarm`]: whatever brings a whole log in says so before the log has its name.
    Folder(Folder),
    Shared(Database),
}

impl Arming {
    /// Of that log. The caller holds the folder's lock.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn of(folder: &Folder, log: &Log) -> Result<Arming, Error> {
        match log.cluster() {
            None => Ok(Arming { backing: Backing::Folder(folder.clone()) }),
            Some(cluster) => Arming::shared(cluster),
        }
    }

    /// Of a log that nodes share.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn shared(cluster: &Cluster) -> Result<Arming, Error> {
        let database = Place::beside(cluster).create()?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.commit()?;
        Ok(Arming { backing: Backing::Shared(database) })
    }

    /// Of a log that nodes share, for who changes nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`], also before a node has served that log.
    pub fn present(cluster: &Cluster) -> Result<Arming, Error> {
        Ok(Arming { backing: Backing::Shared(Place::beside(cluster).open()?) })
    }

    /// Whether it may not speak.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn is_disarmed(&self) -> Result<bool, Error> {
        match &self.backing {
            Backing::Folder(folder) => Ok(folder.is_disarmed()),
            Backing::Shared(database) => {
                let row = database.snapshot()?.row("select one from relay_disarmed", &[], |row| row.int(0))?;
                Ok(row.is_some())
            }
        }
    }

    /// Lets it speak, or not. It is fine when that is so already.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn set(&self, armed: bool) -> Result<(), Error> {
        match (&self.backing, armed) {
            (Backing::Folder(folder), true) => folder.arm(),
            (Backing::Folder(folder), false) => folder.disarm(),
            (Backing::Shared(database), _) => {
                let sql = match armed {
                    true => "delete from relay_disarmed",
                    false => "insert into relay_disarmed (one) values (1) on conflict (one) do nothing",
                };
                let mut writer = database.writer()?;
                let mut tx = writer.begin()?;
                tx.keep()?;
                tx.queue(sql, &[])?;
                tx.commit()
            }
        }
    }
}
