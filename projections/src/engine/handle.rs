//! A generation as it is read, and where it is stored: tables, or the folder of an index.

use crate::{Error, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Mark;
use store::follower::Checkpoint;
use store::sql::{Database, Place};

/// How often a folder is tried to be removed into which a merge that nobody wants any more still writes.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Where a generation is stored.
pub(crate) enum Location {
    Tables(Place),
    Folder(PathBuf),
}

/// A generation as it is read. A cheap handle.
#[derive(Clone)]
pub(crate) enum Handle {
    Tables(Database),
    Index(search::Index),
    /// Whoever reads here has none: it is another node that does.
    Elsewhere,
}

impl Location {
    pub(crate) fn exists(&self) -> Result<bool> {
        match self {
            Location::Tables(place) => Ok(place.exists()?),
            Location::Folder(path) => Ok(path.exists()),
        }
    }

    pub(crate) fn open(&self) -> Result<Handle> {
        match self {
            Location::Tables(place) => Ok(Handle::Tables(place.open()?)),
            Location::Folder(path) if !path.exists() => Err(Error::NotBuilt),
            Location::Folder(path) => Ok(Handle::Index(search::Index::open(path)?)),
        }
    }

    pub(crate) fn remove(&self) -> Result<()> {
        match self {
            Location::Tables(place) => Ok(place.remove()?),
            Location::Folder(path) => remove_folder(path),
        }
    }
}

/// Removes a folder with all that is in it, also while a merge that nobody wants any more still writes into it.
pub(crate) fn remove_folder(path: &Path) -> Result<()> {
    let mut tries = 1;
    loop {
        match std::fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && !path.exists() => return Ok(()),
            Err(_) if tries < TRIES_MAX => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(Error::file("remove", path)(error)),
        }
    }
}

impl Handle {
    /// How far it is, in its place.
    pub(crate) fn mark(&self) -> Result<Mark> {
        match self {
            Handle::Tables(database) => Ok(Checkpoint::read(&database.snapshot()?)?),
            Handle::Index(index) => {
                let snapshot = index.look()?;
                Ok(Mark { position: snapshot.position, hash: snapshot.hash })
            }
            Handle::Elsewhere => Err(Error::NotBuilt),
        }
    }

    /// Its tables.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Handle::Tables(database) => Some(database),
            Handle::Index(_) | Handle::Elsewhere => None,
        }
    }

    pub(crate) fn index(self) -> Result<search::Index> {
        match self {
            Handle::Index(index) => Ok(index),
            Handle::Tables(_) | Handle::Elsewhere => Err(Error::NotBuilt),
        }
    }
}
