//! A generation as it is read, and where it lies: tables, or the folder of an index.

use crate::engine::generation;
use crate::{Error, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Mark;
use store::sql::{Database, Place};

/// How often a folder is tried to be removed into which a merge that nobody wants any more still writes.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Where a generation lies.
pub(crate) enum Lies {
    In(Place),
    InFolder(PathBuf),
}

/// A generation as it is read. A cheap handle.
#[derive(Clone)]
pub(crate) enum Model {
    Tables(Database),
    Index(search::Index),
    /// Whoever reads here has none: it is another node that does.
    Elsewhere,
}

impl Lies {
    pub(crate) fn exists(&self) -> Result<bool> {
        match self {
            Lies::In(place) => Ok(place.exists()?),
            Lies::InFolder(path) => Ok(path.exists()),
        }
    }

    pub(crate) fn open(&self) -> Result<Model> {
        match self {
            Lies::In(place) => Ok(Model::Tables(place.open()?)),
            Lies::InFolder(path) if !path.exists() => Err(Error::NotBuilt),
            Lies::InFolder(path) => Ok(Model::Index(search::Index::open(path)?)),
        }
    }

    pub(crate) fn remove(&self) -> Result<()> {
        match self {
            Lies::In(place) => Ok(place.remove()?),
            Lies::InFolder(path) => remove_folder(path),
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

impl Model {
    /// How far it is, in its place.
    pub(crate) fn mark(&self) -> Result<Mark> {
        match self {
            Model::Tables(database) => Ok(generation::checkpoint(&database.snapshot()?)?),
            Model::Index(index) => {
                let snapshot = index.look()?;
                Ok(Mark { position: snapshot.position, hash: snapshot.hash })
            }
            Model::Elsewhere => Err(Error::NotBuilt),
        }
    }

    /// Its tables.
    pub(crate) fn database(&self) -> Option<&Database> {
        match self {
            Model::Tables(database) => Some(database),
            Model::Index(_) | Model::Elsewhere => None,
        }
    }

    pub(crate) fn index(self) -> Result<search::Index> {
        match self {
            Model::Index(index) => Ok(index),
            Model::Tables(_) | Model::Elsewhere => Err(Error::NotBuilt),
        }
    }
}
