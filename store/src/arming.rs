//! Whether what leaves the house may leave it: the copy of a log, restored or imported, is silent until somebody says
//! otherwise.
//!
//! Else a copy for a trial would tell listeners and mail people what the true log tells them, and what it alone has made
//! up.

use crate::sql::{Database, Place};
use crate::{Error, RelayFiles, RelayPlace};

/// What leaves the house, and is disarmed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlet {
    /// What other services are told.
    Relay,
    /// Mail and all else that people are told.
    Couriers,
}

impl Outlet {
    /// Every one.
    pub const ALL: [Outlet; 2] = [Outlet::Relay, Outlet::Couriers];

    /// The file in the data folder that disarms it.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Outlet::Relay => "relay.disarmed",
            Outlet::Couriers => "couriers.disarmed",
        }
    }

    /// In the database of a log that nodes share; a row in its table disarms it.
    fn statements(self) -> &'static Statements {
        match self {
            Outlet::Relay => &Statements {
                table: "create table if not exists relay_disarmed (one bigint primary key);",
                read: "select one from relay_disarmed",
                arm: "delete from relay_disarmed",
                disarm: "insert into relay_disarmed (one) values (1) on conflict (one) do nothing",
            },
            Outlet::Couriers => &Statements {
                table: "create table if not exists couriers_disarmed (one bigint primary key);",
                read: "select one from couriers_disarmed",
                arm: "delete from couriers_disarmed",
                disarm: "insert into couriers_disarmed (one) values (1) on conflict (one) do nothing",
            },
        }
    }
}

struct Statements {
    table: &'static str,
    read: &'static str,
    arm: &'static str,
    disarm: &'static str,
}

/// Where it is kept that an outlet of a log is disarmed.
pub struct Arming {
    outlet: Outlet,
    backing: Backing,
}

enum Backing {
    /// [`crate::Folder::disarm`]: whatever brings a whole log in says so before the log has its name.
    Files(RelayFiles),
    Shared(Database),
}

impl Arming {
    /// Of the log that this is the place of. Files may be changed only by the holder of the folder's lock.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn open(place: &RelayPlace, outlet: Outlet) -> Result<Arming, Error> {
        match place {
            RelayPlace::Files(files) => Ok(Arming { outlet, backing: Backing::Files(files.clone()) }),
            RelayPlace::Shared(place) => Arming::shared(place, outlet),
        }
    }

    fn shared(place: &Place, outlet: Outlet) -> Result<Arming, Error> {
        let database = place.create()?;
        let mut writer = database.writer()?;
        let mut tx = writer.begin()?;
        tx.batch(outlet.statements().table)?;
        tx.commit()?;
        Ok(Arming { outlet, backing: Backing::Shared(database) })
    }

    /// The same for a reader that changes nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`]; of a log that nodes share also before a node has
    /// served it.
    pub fn present(place: &RelayPlace, outlet: Outlet) -> Result<Arming, Error> {
        let backing = match place {
            RelayPlace::Files(files) => Backing::Files(files.clone()),
            RelayPlace::Shared(place) => Backing::Shared(place.open()?),
        };
        Ok(Arming { outlet, backing })
    }

    /// Whether it may not speak.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`].
    pub fn is_disarmed(&self) -> Result<bool, Error> {
        match &self.backing {
            Backing::Files(files) => Ok(files.is_disarmed(self.outlet)),
            Backing::Shared(database) => {
                let row = database.snapshot()?.row(self.outlet.statements().read, &[], |row| row.int(0))?;
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
            Backing::Files(files) => files.set_armed(self.outlet, armed),
            Backing::Shared(database) => {
                let statements = self.outlet.statements();
                let sql = if armed { statements.arm } else { statements.disarm };
                let mut writer = database.writer()?;
                let mut tx = writer.begin()?;
                tx.keep()?;
                tx.queue(sql, &[])?;
                tx.commit()
            }
        }
    }
}
