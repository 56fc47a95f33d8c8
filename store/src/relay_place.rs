//! Where the relay keeps what is its own, without the log beside it.

use crate::sql::Place;
use crate::{Cluster, Error, Folder, Log, Outlet};
use std::path::PathBuf;

/// Where the relay of a log keeps how far it is, and whether it is disarmed.
#[derive(Clone)]
pub enum RelayPlace {
    /// Beside an embedded log: files in its data folder.
    Files(RelayFiles),
    /// Beside a log that nodes share: tables in its database.
    Shared(Place),
}

/// The relay's files in a data folder, and nothing else of it.
#[derive(Clone)]
pub struct RelayFiles {
    folder: Folder,
}

impl RelayPlace {
    /// Of that log; `folder` is the one of this node.
    pub fn of(folder: &Folder, log: &Log) -> RelayPlace {
        match log.cluster() {
            None => RelayPlace::Files(RelayFiles { folder: folder.clone() }),
            Some(cluster) => RelayPlace::shared(cluster),
        }
    }

    /// Of a log that nodes share.
    pub fn shared(cluster: &Cluster) -> RelayPlace {
        RelayPlace::Shared(Place::beside(cluster))
    }
}

impl RelayFiles {
    /// The file of the checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.read_models().join("relay.db")
    }

    /// Makes the folder of that file when there is none.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn make_folder(&self) -> Result<(), Error> {
        self.folder.make_read_models()
    }

    /// [`Folder::is_disarmed`].
    pub fn is_disarmed(&self, outlet: Outlet) -> bool {
        self.folder.is_disarmed(outlet)
    }

    /// [`Folder::arm`] or [`Folder::disarm`].
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn set_armed(&self, outlet: Outlet, armed: bool) -> Result<(), Error> {
        match armed {
            true => self.folder.arm(outlet),
            false => self.folder.disarm(outlet),
        }
    }
}
