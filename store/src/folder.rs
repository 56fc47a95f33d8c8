//! The data folder: where everything lies that the embedded profile keeps, and who may serve it.

use crate::anchor::Anchor;
use crate::{Error, Outlet, failpoint};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A data folder that exists.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// The right to serve a folder. It ends with the value, and with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    // The lock belongs to the open file: it is held as long as this is.
    _file: File,
}

impl Folder {
    /// The folder at `path`, made (0700) when there is none.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be made.
    pub fn create(path: &Path) -> Result<Folder, Error> {
        let folder = Folder { root: path.to_owned() };
        made(&folder.root)?;
        Ok(folder)
    }

    /// The folder at `path`, which must hold a database already.
    ///
    /// # Errors
    /// [`Error::NoData`] when it does not; [`Error::File`] when this user may not look; [`Error::Unfinished`] when it was to get one that was interrupted.
    pub fn existing(path: &Path) -> Result<Folder, Error> {
        let folder = Folder { root: path.to_owned() };
        folder.check_finished()?;
        match std::fs::metadata(folder.database()) {
            Ok(found) if found.is_file() => Ok(folder),
            // Whether there is data, this user cannot know.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Error::file("open", path)(error)),
            Ok(_) | Err(_) => Err(Error::NoData { path: path.to_owned() }),
        }
    }

    /// Refuses a folder into which a whole log was brought, and that was interrupted.
    pub(crate) fn check_finished(&self) -> Result<(), Error> {
        let unfinished = self.unfinished();
        if unfinished.exists() { Err(Error::Unfinished { path: unfinished }) } else { Ok(()) }
    }

    /// The folder at `path`, whether it is there or not: for who only reads a log that lies elsewhere.
    pub fn unopened(path: &Path) -> Folder {
        Folder { root: path.to_owned() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The log.
    pub fn database(&self) -> PathBuf {
        self.root.join("letopis.db")
    }

    /// A log that is brought in whole, by an import or a restore, until it is complete.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.root.join("letopis.db.unfinished")
    }

    /// Where the log ends, kept outside the log.
    pub fn anchor(&self) -> PathBuf {
        self.root.join(crate::anchor::FILE_NAME)
    }

    /// What the anchor knows of the log.
    ///
    /// # Errors
    /// [`Error::NoAnchor`], [`Error::BadAnchor`], [`Error::File`].
    pub fn read_anchor(&self) -> Result<Anchor, Error> {
        let path = self.anchor();
        crate::anchor::read(&path)?.ok_or(Error::NoAnchor { path })
    }

    /// Where the master key is kept unless the configuration says otherwise.
    pub fn master_key(&self) -> PathBuf {
        self.root.join("master.key")
    }

    /// The socket that the running server takes changes from.
    pub fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// The file of what is kept and is no fact.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The folder of what can be built again from the log.
    pub fn read_models(&self) -> PathBuf {
        self.root.join("read-models")
    }

    /// Makes that folder (0700) when there is none. Beside a log that nodes share there is none.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn make_read_models(&self) -> Result<(), Error> {
        made(&self.read_models())
    }

    /// Whether the log here is a copy that was brought in, of which nothing is told until somebody says otherwise.
    pub fn is_disarmed(&self, outlet: Outlet) -> bool {
        self.disarmed(outlet).exists()
    }

    /// Lets nothing be told of this log, whatever happens to the process. It is fine when that is so already.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn disarm(&self, outlet: Outlet) -> Result<(), Error> {
        let path = self.disarmed(outlet);
        let made = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let synced = made.and_then(|file| file.sync_all()).and_then(|()| File::open(&self.root)?.sync_all());
        synced.map_err(Error::file("make", &path))
    }

    /// Lets it be told again. It is fine when that is so already.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn arm(&self, outlet: Outlet) -> Result<(), Error> {
        let path = self.disarmed(outlet);
        let removed = match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => File::open(&self.root).and_then(|folder| folder.sync_all()),
        };
        removed.map_err(Error::file("delete", &path))
    }

    /// There when the log is a copy. Not with the read models: those may be deleted.
    fn disarmed(&self, outlet: Outlet) -> PathBuf {
        self.root.join(outlet.file())
    }

    /// Takes the right to serve this folder. The file stays behind after a crash; what counts is the lock on it,
    /// which the system takes away with the process.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it.
    pub fn lock(&self) -> Result<Lock, Error> {
        let path = self.root.join("letopis.lock");
        let failed = || Error::file("lock", &path);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed())?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { pid: holder(&mut file) }),
            Err(TryLockError::Error(source)) => return Err(failed()(source)),
        }
        failpoint::io("lock-taken").map_err(failed())?;
        file.set_len(0).map_err(failed())?;
        file.write_all(std::process::id().to_string().as_bytes()).map_err(failed())?;
        Ok(Lock { _file: file })
    }

    /// Which of the nodes of a shared log this is: the same one at every start, for as long as its `read-models` are
    /// kept. Whoever holds the lock knows that the processes are gone that were this node before.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written down.
    pub fn node_id(&self, _lock: &Lock) -> Result<Uuid, Error> {
        let path = self.read_models().join("node");
        // One that was cut off, or that nobody may read, is made again: then the leases of before run out.
        if let Some(known) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
            return Ok(known);
        }
        let (made, beside) = (Uuid::now_v7(), path.with_extension("new"));
        self.make_read_models()?;
        let opened = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside);
        let written = opened.and_then(|mut file| file.write_all(made.to_string().as_bytes()));
        written.and_then(|()| std::fs::rename(&beside, &path)).map_err(Error::file("write", &path))?;
        Ok(made)
    }
}

fn made(path: &Path) -> Result<(), Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(Error::file("make the folder", path))
}

/// The process id that the holder wrote down.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

/// Syncs the folder that a file is in: only then its making, or its new name, outlasts a crash.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_made_for_its_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(&place.path().join("deep/data")).unwrap();
        let mode = std::fs::metadata(folder.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(Folder::existing(folder.root()), Err(Error::NoData { .. })));
    }

    #[test]
    fn a_folder_is_armed_until_somebody_disarms_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        for outlet in Outlet::ALL {
            assert!(!folder.is_disarmed(outlet));
            for _ in 0..2 {
                folder.disarm(outlet).unwrap();
                assert!(folder.is_disarmed(outlet));
            }
            for _ in 0..2 {
                folder.arm(outlet).unwrap();
                assert!(!folder.is_disarmed(outlet));
            }
        }
    }

    #[test]
    fn one_process_serves_a_folder() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let held = folder.lock().unwrap();
        let refused = folder.lock().unwrap_err();
        assert!(matches!(&refused, Error::Locked { pid } if *pid == std::process::id().to_string()), "{refused}");
        drop(held);
        folder.lock().unwrap();
    }

    #[test]
    fn a_lock_file_that_a_crash_left_behind_does_not_block() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        std::fs::write(place.path().join("letopis.lock"), "999999999").unwrap();
        let _held = folder.lock().unwrap();
        let written = std::fs::read_to_string(place.path().join("letopis.lock")).unwrap();
        assert_eq!(written, std::process::id().to_string());
    }

    #[test]
    fn a_node_is_the_same_at_every_start_unless_its_name_was_cut_off() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let start = |place: &tempfile::TempDir| {
            let folder = Folder::create(place.path()).unwrap();
            folder.node_id(&folder.lock().unwrap()).unwrap()
        };
        let node_id = start(&one);
        assert_eq!(start(&one), node_id);
        assert_ne!(start(&other), node_id);
        for cut_off in ["", "01a22bed-f7f1"] {
            std::fs::write(one.path().join("read-models/node"), cut_off).unwrap();
            assert_ne!(start(&one), node_id);
            assert_eq!(start(&one), start(&one));
        }
    }
}
