//! The anchor: where the log ends, kept outside the database. A log whose tail was cut off still is a valid chain;
//! only something that is stored elsewhere can tell that there was more of it.
//!
//! It is written after every commit, so it is never ahead of the log, and synced about every second. The file holds
//! three slots, each in a page of its own with a checksum. Between two syncs only one of them is written: while its
//! sync is under way the next one is written already, and the third is known to be on the disk. A torn write loses
//! a second of the anchor, never all of it.

mod keeper;

pub(crate) use keeper::Keeper;

use crate::{Error, Head, failpoint};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Beside the database.
pub(crate) const FILE_NAME: &str = "anchor";

const SLOTS: usize = 3;
/// Slots are stored in pages of their own: what tears one leaves the others whole.
const SLOT_EVERY: u64 = 4096;
const FILE_BYTES: u64 = SLOT_EVERY * SLOTS as u64;

const MAGIC: &[u8; 8] = b"letopis1";
const MARK_BYTES: usize = 8 + 32;
const SUMMED_BYTES: usize = MAGIC.len() + 8 + 2 * MARK_BYTES;
const SLOT_BYTES: usize = SUMMED_BYTES + 32;

/// A row that is known: where it stands and its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Zero for the beginning of the log.
    pub position: u64,
    /// The chain's hash up to there.
    pub hash: [u8; 32],
}

/// What the anchor knows of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    /// The log reached to here, at the least.
    pub head: Mark,
    /// Up to here everything lay in the synced database file itself, not in its write-ahead log. The next start
    /// looks through what comes behind.
    pub settled: Mark,
}

impl Mark {
    /// Whether a log that ends at `head` may hold this row, as far as its end tells.
    ///
    /// # Errors
    /// [`Error::OtherHistory`] when it ends before it, or there with another row.
    pub fn check(self, head: Head) -> Result<(), Error> {
        if self.position > head.position || self.position == head.position && self.hash != head.hash {
            return Err(Error::OtherHistory { position: self.position });
        }
        Ok(())
    }
}

impl From<Head> for Mark {
    fn from(head: Head) -> Mark {
        Mark { position: head.position, hash: head.hash }
    }
}

/// The anchor that a file holds: the newest slot that is whole; `None` when there is no file.
///
/// # Errors
/// [`Error::BadAnchor`] when no slot is whole.
pub(crate) fn read(path: &Path) -> Result<Option<Anchor>, Error> {
    match File::open(path) {
        Ok(file) => Ok(newest(&file, path)?.map(|found| found.anchor)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read the anchor", path)(error)),
    }
}

/// Makes the file again, in one step and on the disk.
pub(crate) fn create(path: &Path, anchor: Anchor) -> Result<(), Error> {
    let half = path.with_extension("new");
    let make = || -> io::Result<()> {
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        file.set_len(FILE_BYTES)?;
        file.write_all_at(&encode(1, anchor), 0)?;
        file.sync_all()?;
        failpoint::io("anchor-made")?;
        std::fs::rename(&half, path)?;
        failpoint::io("anchor-renamed")?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    make().map_err(Error::file("write the anchor", path))
}

struct NewestSlot {
    slot: usize,
    sequence: u64,
    anchor: Anchor,
}

fn newest(file: &File, path: &Path) -> Result<Option<NewestSlot>, Error> {
    let mut bytes = vec![0; FILE_BYTES as usize];
    let mut length = 0;
    while length < bytes.len() {
        match file.read_at(&mut bytes[length..], length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::file("read the anchor", path)(error)),
        }
    }
    newest_in(&bytes).map(Some).ok_or_else(|| Error::BadAnchor { path: path.to_owned() })
}

/// The newest slot that is whole in a file of these bytes.
fn newest_in(bytes: &[u8]) -> Option<NewestSlot> {
    let slots = bytes.chunks(SLOT_EVERY as usize).enumerate();
    let whole = slots.filter_map(|(slot, bytes)| {
        let (sequence, anchor) = decode(bytes.first_chunk()?)?;
        Some(NewestSlot { slot, sequence, anchor })
    });
    whole.max_by_key(|found| found.sequence)
}

fn encode(sequence: u64, anchor: Anchor) -> [u8; SLOT_BYTES] {
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    for mark in [anchor.head, anchor.settled] {
        bytes.extend_from_slice(&mark.position.to_be_bytes());
        bytes.extend_from_slice(&mark.hash);
    }
    let sum = blake3::hash(&bytes);
    bytes.extend_from_slice(sum.as_bytes());
    bytes.try_into().expect("the parts of a slot are as long as the slot")
}

fn decode(bytes: &[u8; SLOT_BYTES]) -> Option<(u64, Anchor)> {
    let (summed, sum) = bytes.split_at(SUMMED_BYTES);
    if blake3::hash(summed).as_bytes() != sum {
        return None;
    }
    let rest = summed.strip_prefix(MAGIC)?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let (head, settled) = rest.split_at(MARK_BYTES);
    let mark = |bytes: &[u8]| {
        let (position, hash) = bytes.split_first_chunk()?;
        Some(Mark { position: u64::from_be_bytes(*position), hash: hash.try_into().ok()? })
    };
    Some((u64::from_be_bytes(*sequence), Anchor { head: mark(head)?, settled: mark(settled)? }))
}

#[cfg(test)]
mod fuzz {
    use super::*;
    use ::fuzz::Verdict;

    fn anchor(position: u64) -> Anchor {
        let mark = |position: u64| Mark { position, hash: [position as u8; 32] };
        Anchor { head: mark(position), settled: mark(position / 2) }
    }

    /// A file of these slots; where there is none, the page is zero.
    fn file(slots: [Option<&[u8]>; SLOTS]) -> Vec<u8> {
        let mut file = vec![0; FILE_BYTES as usize];
        for (page, slot) in file.chunks_mut(SLOT_EVERY as usize).zip(slots) {
            let slot = slot.unwrap_or_default();
            page[..slot.len()].copy_from_slice(slot);
        }
        file
    }

    #[test]
    fn a_slot_is_what_was_written_or_nothing_and_never_hides_the_one_beside_it() {
        let (old, new) = (encode(6, anchor(40)), encode(7, anchor(44)));
        ::fuzz::bytes(&[&old, &new], |input| {
            let written = input.first_chunk().and_then(|slot| Some((slot, decode(slot)?)));
            let written = written.map(|(slot, (sequence, anchor))| {
                assert_eq!(&encode(sequence, anchor), slot);
                assert!(slot == &old || slot == &new, "a checksum of 256 bits was met by chance");
                sequence
            });
            let found = newest_in(&file([Some(&old), Some(&input[..input.len().min(SLOT_EVERY as usize)]), None]));
            let found = found.expect("the first slot is whole");
            assert_eq!(found.sequence, written.unwrap_or_default().max(6));
            assert_eq!(found.anchor, anchor(if found.sequence == 7 { 44 } else { 40 }));
            Verdict::from(&written)
        });
    }
}
