//! Keeping the anchor of a log that is appended to.

use super::{Anchor, SLOT_EVERY, SLOTS, encode, newest};
use crate::{Error, failpoint};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often what was written is synced.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Keeps the anchor of a log that is appended to. A thread of its own syncs it.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// Goes away with the keeper: that is the thread's sign to end.
    stop: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    file: File,
    live: Mutex<Live>,
}

struct Live {
    slot: usize,
    sequence: u64,
    written: Anchor,
    is_synced: bool,
    /// A sync failed: whether anything later reaches the disk is unknown.
    failure: Option<io::ErrorKind>,
}

impl Keeper {
    /// Goes on with the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Keeper, Error> {
        let failed = || Error::file("open the anchor", path);
        let file = File::options().read(true).write(true).open(path).map_err(failed())?;
        let found = newest(&file, path)?.ok_or_else(|| Error::BadAnchor { path: path.to_owned() })?;
        // What a killed process wrote last may not be on the disk yet, and the slot after it is written next.
        file.sync_data().map_err(failed())?;
        let live = Live {
            slot: (found.slot + 1) % SLOTS,
            sequence: found.sequence,
            written: found.anchor,
            is_synced: true,
            failure: None,
        };
        let shared = Arc::new(Shared { file, live: Mutex::new(live) });
        let (stop, stopped) = mpsc::sync_channel(0);
        let syncing = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("anchor".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                    syncing.sync();
                }
            })
            .map_err(failed())?;
        Ok(Keeper { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Writes the anchor; the sync follows within about a second.
    pub(crate) fn write(&self, anchor: Anchor) -> io::Result<()> {
        self.shared.write(anchor)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // Its panic would be a mistake in here; the sync is done all the same.
            let _ = thread.join();
        }
        self.shared.sync();
    }
}

impl Shared {
    fn write(&self, anchor: Anchor) -> io::Result<()> {
        let mut live = self.live();
        if let Some(kind) = live.failure {
            return Err(kind.into());
        }
        if anchor == live.written {
            return Ok(());
        }
        live.sequence += 1;
        self.file.write_all_at(&encode(live.sequence, anchor), live.slot as u64 * SLOT_EVERY)?;
        failpoint::io("anchor-written")?;
        live.written = anchor;
        live.is_synced = false;
        Ok(())
    }

    /// From here on the next slot is written: the one that is synced now stays as it is.
    fn sync(&self) {
        {
            let mut live = self.live();
            if live.is_synced || live.failure.is_some() {
                return;
            }
            live.slot = (live.slot + 1) % SLOTS;
            live.is_synced = true;
        }
        // Without the lock: an append need not wait for the disk.
        if let Err(error) = failpoint::io("anchor-sync").and_then(|()| self.file.sync_data()) {
            self.live().failure = Some(error.kind());
        }
        failpoint::pass("anchor-synced");
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().expect("nothing panics while it holds this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FILE_BYTES, SLOT_BYTES, create, decode, read};
    use super::*;
    use crate::anchor::Mark;

    fn at(position: u64) -> Anchor {
        let mark = |position| Mark { position, hash: [position as u8; 32] };
        Anchor { head: mark(position), settled: mark(position / 2) }
    }

    fn slots(path: &Path) -> Vec<Option<u64>> {
        let bytes = std::fs::read(path).unwrap();
        let slots = bytes.chunks(SLOT_EVERY as usize);
        slots.map(|slot| decode(slot.first_chunk().unwrap()).map(|(_, anchor)| anchor.head.position)).collect()
    }

    #[test]
    fn what_is_written_last_is_read() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("anchor");
        assert_eq!(read(&path).unwrap(), None);
        create(&path, at(0)).unwrap();
        let keeper = Keeper::open(&path).unwrap();
        for position in 1..50 {
            keeper.write(at(position)).unwrap();
            assert_eq!(read(&path).unwrap(), Some(at(position)));
            if position % 3 == 0 {
                keeper.shared.sync();
            }
        }
        drop(keeper);
        assert_eq!(read(&path).unwrap(), Some(at(49)));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), FILE_BYTES);
    }

    #[test]
    fn what_was_synced_is_not_written_over_before_something_newer_is() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("anchor");
        create(&path, at(1)).unwrap();
        let keeper = Keeper::open(&path).unwrap();
        // Whenever the thread syncs in between, the slot that the last sync was for stays.
        for position in [2, 3, 4] {
            keeper.write(at(position)).unwrap();
        }
        keeper.shared.sync();
        for position in [5, 6] {
            keeper.write(at(position)).unwrap();
        }
        assert!(slots(&path).contains(&Some(4)), "{:?}", slots(&path));
        drop(keeper);
        let keeper = Keeper::open(&path).unwrap();
        keeper.write(at(7)).unwrap();
        assert!(slots(&path).contains(&Some(6)), "{:?}", slots(&path));
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("anchor");
        create(&path, at(1)).unwrap();
        let keeper = Keeper::open(&path).unwrap();
        keeper.write(at(2)).unwrap();
        drop(keeper);
        let whole = std::fs::read(&path).unwrap();
        let start = slots(&path).iter().position(|slot| *slot == Some(2)).unwrap() * SLOT_EVERY as usize;
        for byte in start..start + SLOT_BYTES {
            let mut torn = whole.clone();
            torn[byte] ^= 1;
            std::fs::write(&path, torn).unwrap();
            assert_eq!(read(&path).unwrap(), Some(at(1)), "byte {byte}");
        }
        for kept in [0, 60, SLOT_BYTES - 1] {
            std::fs::write(&path, &whole[..kept]).unwrap();
            assert!(matches!(read(&path), Err(Error::BadAnchor { .. })), "{kept} bytes");
        }
    }
}
