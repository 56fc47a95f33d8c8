//! Whether the relay may speak: the copy of a log, restored or imported, is silent until somebody says otherwise.
//!
//! Else a copy for a trial would tell listeners what the true log tells them, and what it alone has made up.

use store::sql::{Database, Place};
use store::{Error, RelayFiles, RelayPlace};

/// In the database of a log that nodes share; a row in it disarms.
const TABLES: &str = "create table if not exists relay_disarmed (one bigint primary key);";

/// Where it is kept that the relay of a log is disarmed.
pub struct Arming {
    backing: Backing,
}

enum Backing {
    /// [`store::Folder::disarm`]: whatever brings a whole log in says so before the log has its name.
    Files(RelayFiles),
    Shared(Database),
}

impl Arming {
    /// Of the log that this is the place of. Files may be changed only by the holder of the folder's lock.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn open(place: &RelayPlace) -> Result<Arming, Error> {
        match place {
            RelayPlace::Files(files) => Ok(Arming { backing: Backing::Files(files.clone()) }),
            RelayPlace::Shared(place) => Arming::shared(place),
        }
    }

    fn shared(place: &Place) -> Result<Arming, Error> {
        let database = place.create()?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(TABLES)?;
        tx.commit()?;
        Ok(Arming { backing: Backing::Shared(database) })
    }

    /// The same for a reader that changes nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`]; of a log that nodes share also before a node has
    /// served it.
    pub fn present(place: &RelayPlace) -> Result<Arming, Error> {
        let backing = match place {
            RelayPlace::Files(files) => Backing::Files(files.clone()),
            RelayPlace::Shared(place) => Backing::Shared(place.open()?),
        };
        Ok(Arming { backing })
    }

    /// Whether it may not speak.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn is_disarmed(&self) -> Result<bool, Error> {
        match &self.backing {
            Backing::Files(files) => Ok(files.is_disarmed()),
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
        match &self.backing {
            Backing::Files(files) => files.set_armed(armed),
            Backing::Shared(database) => {
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
