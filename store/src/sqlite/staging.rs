//! A log in the making: whole logs are brought into a folder under another name, and get their own when they are
//! complete, verified and on the disk. Until then nobody serves that folder; what is left of it after a crash is
//! refused by a start, and thrown away by the next try.

use super::forget;
use super::{Pool, recover, verify};
use crate::anchor::{self, Anchor, Mark};
use crate::erased::Known;
use crate::{ErasedList, Error, Folder, Head, Lock, Outlet, Verification, failpoint};
use domain::UserId;
use rusqlite::Connection;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder that gets a log. Dropped before it is finished, it leaves the folder as it was.
pub(super) struct Staging {
    pub(super) folder: Folder,
    lock: Option<Lock>,
    /// The folder was made for this.
    is_made: bool,
    /// What was silent before.
    were_disarmed: Vec<Outlet>,
    is_finished: bool,
}

impl Staging {
    /// Takes the folder at `data`, made when there is none, whose log must be empty.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::Locked`], [`Error::File`], [`Error::BadAnchor`], [`Error::Database`].
    pub(super) fn begin(data: &Path) -> Result<Staging, Error> {
        let is_made = !data.exists();
        let folder = Folder::create(data)?;
        let were_disarmed = Outlet::ALL.into_iter().filter(|outlet| folder.is_disarmed(*outlet)).collect();
        let mut staging = Staging { folder, lock: None, is_made, were_disarmed, is_finished: false };
        staging.lock = Some(staging.folder.lock()?);
        empty(&staging.folder)?;
        staging.clear().map_err(Error::file("make room in", data))?;
        Ok(staging)
    }

    /// Where the log is made.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.unfinished()
    }

    /// Verifies the whole log that was made, with what is known of it.
    pub(super) fn verify(&self, known: &[Mark], progress: impl FnMut(u64)) -> Result<Verification, Error> {
        let pool = Pool::new(self.database());
        verify::verify(&pool, 1, u64::MAX, known, progress).map_err(|source| Error::NotHeld { source })
    }

    /// Writes down in the list who was erased by this log and, with `also`, by another list. Answers who is in the
    /// list and has an account or a key in this log all the same.
    pub(super) fn listed(&self, list: &Path, also: Option<&Path>) -> Result<Vec<UserId>, Error> {
        let connection = super::reading(&self.database())?;
        let failed = || Error::file("write the list of the erased", list);
        let mut list = ErasedList::open(list)?;
        if let Some(also) = also {
            list.take_over(also)?;
        }
        for (user_id, at) in forget::erased(&connection, 0)? {
            list.add(user_id, at).map_err(failed())?;
        }
        let mut back = Vec::new();
        for user_id in list.people() {
            match forget::known(&connection, user_id)? {
                Known::Stranger | Known::Forgotten => {}
                Known::Person | Known::Key => back.push(user_id),
            }
        }
        Ok(back)
    }

    /// Gives the log its name and its anchor. From here on it may be served.
    pub(super) fn finish(mut self, head: Head) -> Result<(), Error> {
        let (made, database) = (self.database(), self.folder.database());
        let place = || -> io::Result<()> {
            File::open(&made)?.sync_all()?;
            // Of the empty log that was here: nothing of it may be read into the new one.
            for path in [beside(&database, "-wal"), beside(&database, "-shm")] {
                gone(fs::remove_file(path))?;
            }
            gone(fs::remove_dir_all(self.folder.read_models()))?;
            let state = self.folder.state();
            for path in [beside(&state, "-wal"), beside(&state, "-shm"), state] {
                gone(fs::remove_file(path))?;
            }
            failpoint::io("staged-ready")?;
            fs::rename(&made, &database)?;
            failpoint::io("staged-renamed")?;
            File::open(self.folder.root())?.sync_all()
        };
        // Before the log has its name an anchor that knows nothing: it is never ahead of the log.
        anchor::create(&self.folder.anchor(), Anchor::default())?;
        // And it is silent before anybody can serve it: the log that it was copied from speaks for it.
        Outlet::ALL.into_iter().try_for_each(|outlet| self.folder.disarm(outlet))?;
        place().map_err(Error::file("put the log into", self.folder.root()))?;
        self.is_finished = true;
        anchor::create(&self.folder.anchor(), Anchor { head: head.into(), settled: head.into() })
    }

    /// Removes what was made so far.
    fn clear(&self) -> io::Result<()> {
        let made = self.database();
        [made.clone(), beside(&made, "-wal"), beside(&made, "-shm"), beside(&made, "-journal")]
            .into_iter()
            .try_for_each(|path| gone(fs::remove_file(path)))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.is_finished || self.lock.is_none() {
            return;
        }
        // A log that got its name stays silent, whatever failed then.
        if self.database().exists() {
            for outlet in Outlet::ALL.into_iter().filter(|outlet| !self.were_disarmed.contains(outlet)) {
                let _ = self.folder.arm(outlet);
            }
        }
        // Whatever stays is refused by a start and removed by the next try.
        let _ = self.clear();
        if self.is_made {
            let root = self.folder.root();
            let _ = fs::remove_file(root.join("letopis.lock"));
            let _ = fs::remove_dir(self.folder.read_models());
            // Only when nothing else came into it meanwhile.
            let _ = fs::remove_dir(root);
        }
    }
}

/// Refuses a folder with a log that holds anything, or did.
fn empty(folder: &Folder) -> Result<(), Error> {
    let (_, head) = recover::look(folder)?;
    let anchor = anchor::read(&folder.anchor())?.unwrap_or_default();
    match head.position.max(anchor.head.position) {
        0 => Ok(()),
        events => Err(Error::NotEmpty { path: folder.root().to_owned(), events }),
    }
}

/// A connection that fills a database that nobody else sees: what a crash leaves of it is thrown away.
pub(super) fn filling(path: &Path) -> Result<Connection, Error> {
    super::private_file(path)?;
    let connection = super::connection::open(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(
        "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
         pragma cache_size = -128000",
    )?;
    Ok(connection)
}

/// The file that SQLite keeps beside a database.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
