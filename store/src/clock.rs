//! Two clocks side by side: the one that people set, and the one that only counts. While a machine runs, both must have
//! moved by the same amount; a reading that a server left behind is the witness of that.

use crate::{Error, Folder};
use domain::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

const FILE_NAME: &str = "clock";
/// More bytes than a reading takes.
const FILE_BYTES_MAX: u64 = 256;

/// The present instant.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}

/// What both clocks said at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock that people, and NTP, set.
    pub at: Timestamp,
    /// Microseconds since the machine was started, sleep included; nothing sets it.
    pub since_boot_us: i64,
}

impl Reading {
    /// Reads both.
    pub fn take() -> Reading {
        let since_boot = clock_gettime(ClockId::Boottime);
        Reading {
            at: now(),
            since_boot_us: since_boot.tv_sec.saturating_mul(1_000_000).saturating_add(since_boot.tv_nsec / 1_000),
        }
    }

    /// What the clock that is set must say at `now`, if it was right at this reading.
    pub fn expected_at(&self, now: Reading) -> Timestamp {
        Timestamp(self.at.0.saturating_add(now.since_boot_us.saturating_sub(self.since_boot_us)))
    }
}

impl Folder {
    /// The reading that the last server of this folder left behind, if the machine was not started again since: then
    /// the two clocks can't be compared.
    pub fn clock_reading(&self) -> Option<Reading> {
        let path = self.root().join(FILE_NAME);
        if std::fs::metadata(&path).ok()?.len() > FILE_BYTES_MAX {
            return None;
        }
        parse(&std::fs::read_to_string(path).ok()?, &boot_id()?)
    }

    /// Leaves a reading behind. It is not synced: after a crash of the machine it would mean nothing.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn keep_clock_reading(&self, reading: Reading) -> Result<(), Error> {
        let Some(boot_id) = boot_id() else { return Ok(()) };
        let (path, next) = (self.root().join(FILE_NAME), self.root().join("clock.next"));
        let text = format!("{boot_id} {} {}\n", reading.since_boot_us, reading.at.0);
        let mut options = File::options();
        let made = options.write(true).create(true).truncate(true).mode(0o600).open(&next);
        let written = made.and_then(|mut file| file.write_all(text.as_bytes()));
        written.and_then(|()| std::fs::rename(&next, &path)).map_err(Error::file("write", &path))
    }
}

/// Which start of the machine this is; none where the system does not say so.
fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

fn parse(text: &str, boot_id: &str) -> Option<Reading> {
    let mut parts = text.strip_suffix('\n')?.split(' ');
    let same_boot = parts.next()? == boot_id;
    let since_boot_us = parts.next()?.parse().ok()?;
    let at = Timestamp(parts.next()?.parse().ok()?);
    (same_boot && parts.next().is_none()).then_some(Reading { at, since_boot_us })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_counts_for_the_boot_that_it_was_taken_in() {
        let reading = Reading { at: Timestamp(1_800_000_000_000_000), since_boot_us: 7_000_000 };
        let written = "abc 7000000 1800000000000000\n";
        assert_eq!(parse(written, "abc"), Some(reading));
        for (text, boot_id) in [
            (written, "another"),
            ("abc 7000000 18000", "abc"),
            ("abc 7000000\n", "abc"),
            ("abc x 1800000000000000\n", "abc"),
            ("abc 7000000 1800000000000000 9\n", "abc"),
            ("", "abc"),
        ] {
            assert_eq!(parse(text, boot_id), None, "{text:?}");
        }
    }

    #[test]
    fn the_folder_keeps_the_last_one() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        assert_eq!(folder.clock_reading(), None);
        for _ in 0..2 {
            let reading = Reading::take();
            folder.keep_clock_reading(reading).unwrap();
            assert_eq!(folder.clock_reading(), boot_id().map(|_| reading));
        }
    }

    #[test]
    fn both_clocks_move_by_the_same_amount() {
        let before = Reading { at: Timestamp(1_000), since_boot_us: 10 };
        let now = Reading { at: Timestamp(9_000), since_boot_us: 510 };
        assert_eq!(before.expected_at(now), Timestamp(1_500));
    }
}
