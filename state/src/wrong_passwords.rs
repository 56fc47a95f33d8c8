//! Wrong passwords of late, and until when the next one is not looked at. Whoever guesses slows down; a name that nobody has is
//! treated as one that somebody has.
//!
//! A try counts as a wrong one from its beginning, so that many at once are no way around it; one that turns out to be right, or
//! that could not be looked at, is taken back.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::Timestamp;
use store::sql::{Row, Tx, Value};

pub(crate) const PART: Part = Part {
    // `times`: of the last tries, eight bytes each.
    tables: "
    create table if not exists wrong_password (
        name_hash bytea primary key,
        times bytea not null,
        doublings bigint not null,
        waits_until bigint not null,
        last_at bigint not null
    );
    create index if not exists wrong_password_by_time on wrong_password (last_at);
",
    // It holds keyed hashes of names, for half an hour at most.
    forget: |_, _| Ok(()),
    begin_again: |tx| tx.queue("delete from wrong_password", &[]),
};

/// Wrong ones within [`WITHIN_SECONDS`] that make nobody wait.
const FREE: usize = 5;
/// How long a wrong one counts (CONTRACT 1.1).
const WITHIN_SECONDS: i64 = 15 * 60;
/// The longest wait.
const WAIT_SECONDS_MAX: i64 = 900;
/// So often doubled, a second is longer than that.
const DOUBLINGS_MAX: u32 = 10;
/// Names that are remembered at most; those that were tried longest ago go first.
const NAMES_MAX: i64 = 100_000;
const SECOND: i64 = 1_000_000;

/// What a name is known by: a keyed hash of it.
pub type NameHash = [u8; 32];

/// Wrong passwords of late. A cheap handle; its calls block for milliseconds.
#[derive(Clone)]
pub struct WrongPasswords {
    storage: Storage,
}

/// A password may be tried, or not yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordTry {
    /// It may, and counts as a wrong one until it is known to be right.
    Begun(BegunTry),
    /// It is not looked at before so many seconds are over, one at least.
    Waits(u64),
}

/// A password that is being looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunTry {
    name_hash: NameHash,
    before: Series,
    after: Series,
}

/// Wrong passwords of one name, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Series {
    /// When the last ones were tried, as long as nobody has to wait.
    times: Vec<i64>,
    /// How many had to wait.
    doublings: u32,
    waits_until: i64,
    /// When the last one was tried.
    last_at: i64,
}

impl Series {
    /// The series with one more.
    fn with(&self, now: i64) -> Series {
        // Later than the last one, also where the clock went back: it tells one from the other.
        let last_at = now.max(self.last_at + 1);
        if self.doublings > 0 && now < self.waits_until + WITHIN_SECONDS * SECOND {
            return Series { doublings: self.doublings + 1, last_at, ..Series::default() }.waiting(now);
        }
        let counts = |time: &i64| *time > now - WITHIN_SECONDS * SECOND;
        let mut times = self.times.iter().copied().filter(counts).collect::<Vec<_>>();
        if times.len() >= FREE {
            return Series { doublings: 1, last_at, ..Series::default() }.waiting(now);
        }
        times.push(last_at);
        Series { times, doublings: 0, waits_until: 0, last_at }
    }

    fn waiting(self, now: i64) -> Series {
        let seconds = (1 << self.doublings.saturating_sub(1).min(DOUBLINGS_MAX)).min(WAIT_SECONDS_MAX);
        Series { waits_until: now + seconds * SECOND, ..self }
    }

    /// Until the next one is looked at, in microseconds. A clock that went back keeps nobody out for longer than the longest wait.
    fn waits(&self, now: i64) -> i64 {
        (self.waits_until - now).clamp(0, WAIT_SECONDS_MAX * SECOND)
    }
}

impl WrongPasswords {
    pub(crate) fn new(storage: Storage) -> WrongPasswords {
        WrongPasswords { storage }
    }

    /// Begins to look at a password of that name.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn begin(&self, name_hash: NameHash, at: Timestamp) -> Result<PasswordTry> {
        let mut begun = PasswordTry::Waits(1);
        self.storage.change(|tx| {
            tx.keep()?;
            // It is this transaction's until the end, also where other nodes write.
            let sql = "insert into wrong_password (name_hash, times, doublings, waits_until, last_at)
                       values ($1, $2, 0, 0, 0)
                       on conflict (name_hash) do update set last_at = wrong_password.last_at
                       returning times, doublings, waits_until, last_at";
            let none: &[u8] = &[];
            let before = tx.row(sql, &[name_hash.as_slice().into(), none.into()], series)?.unwrap_or_default();
            let waits = before.waits(at.0);
            begun = if waits > 0 {
                PasswordTry::Waits(waits.cast_unsigned().div_ceil(SECOND.cast_unsigned()))
            } else {
                let after = before.with(at.0);
                write(tx, &name_hash, &after)?;
                PasswordTry::Begun(BegunTry { name_hash, before, after })
            };
            Ok(())
        })?;
        Ok(begun)
    }

    /// The password was right: what was wrong before does not count any more.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn was_right(&self, begun: &BegunTry) -> Result<()> {
        let sql = "delete from wrong_password where name_hash = $1";
        self.storage.change(|tx| tx.queue(sql, &[begun.name_hash.as_slice().into()]))
    }

    /// The password could not be looked at: it is as if nobody had tried, unless somebody has since.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn take_back(&self, begun: &BegunTry) -> Result<()> {
        self.storage.change(|tx| {
            let sql = "select times, doublings, waits_until, last_at from wrong_password where name_hash = $1";
            let now = tx.row(sql, &[begun.name_hash.as_slice().into()], series)?;
            if now.as_ref() == Some(&begun.after) { write(tx, &begun.name_hash, &begun.before) } else { Ok(()) }
        })
    }

    /// Forgets what does not count any more, and the oldest of what is too much.
    pub(crate) fn forget_old(&self, at: Timestamp) -> Result<()> {
        self.storage.change(|tx| {
            let over = at.plus_seconds(-WITHIN_SECONDS - WAIT_SECONDS_MAX);
            tx.queue("delete from wrong_password where last_at < $1", &[over.into()])?;
            let sql = "delete from wrong_password where last_at < (
                           select coalesce(min(last_at), 0) from (
                               select last_at from wrong_password order by last_at desc limit $1) newest)";
            tx.queue(sql, &[NAMES_MAX.into()])
        })
    }
}

fn write(tx: &mut Tx<'_>, name_hash: &NameHash, series: &Series) -> Result<()> {
    let times = series.times.iter().flat_map(|time| time.to_be_bytes()).collect::<Vec<u8>>();
    tx.queue(
        "update wrong_password set times = $2, doublings = $3, waits_until = $4, last_at = $5 where name_hash = $1",
        &[
            name_hash.as_slice().into(),
            Value::from(times.as_slice()),
            i64::from(series.doublings).into(),
            series.waits_until.into(),
            series.last_at.into(),
        ],
    )
}

fn series(row: &Row<'_>) -> Result<Series> {
    let times = row.bytes(0)?;
    Ok(Series {
        times: times.as_chunks::<8>().0.iter().map(|time| i64::from_be_bytes(*time)).collect(),
        doublings: u32::try_from(row.int(1)?).unwrap_or(0),
        waits_until: row.int(2)?,
        last_at: row.int(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sql::Place;

    const NOON: Timestamp = Timestamp(1_800_000_000 * SECOND);

    fn open(folder: &tempfile::TempDir) -> WrongPasswords {
        WrongPasswords::new(Storage::open(&Place::File(folder.path().join("state.db"))).unwrap())
    }

    fn waits(passwords: &WrongPasswords, name: u8, at: Timestamp) -> u64 {
        match passwords.begin([name; 32], at).unwrap() {
            PasswordTry::Begun(_) => 0,
            PasswordTry::Waits(seconds) => seconds,
        }
    }

    #[test]
    fn from_the_sixth_on_each_wrong_one_doubles_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        let mut at = NOON;
        for _ in 0..6 {
            assert_eq!(waits(&passwords, 1, at), 0);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            // A process that starts again knows it as well; what it does not look at does not count.
            let passwords = open(&folder);
            assert_eq!(waits(&passwords, 1, at), seconds);
            assert_eq!(waits(&passwords, 1, at.plus_seconds(seconds.cast_signed() - 1)), 1);
            at = at.plus_seconds(seconds.cast_signed());
            assert_eq!(waits(&passwords, 1, at), 0, "after {seconds} s");
        }
        assert_eq!(waits(&passwords, 2, at), 0, "another name is another one");
        // A quarter of an hour after the wait it begins again.
        let later = at.plus_seconds(900 + 900);
        assert_eq!((0..7).map(|_| waits(&passwords, 1, later)).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn only_what_was_wrong_within_a_quarter_of_an_hour_counts() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        for number in 0..30 {
            assert_eq!(waits(&passwords, 1, NOON.plus_seconds(number * 180)), 0, "five in any quarter of an hour");
        }
        assert_eq!(waits(&passwords, 1, NOON.plus_seconds(29 * 180 + 1)), 0, "the sixth");
        assert_eq!(waits(&passwords, 1, NOON.plus_seconds(29 * 180 + 1)), 1);
    }

    #[test]
    fn a_right_one_ends_the_series_and_one_that_was_not_looked_at_never_was() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        let begin = || match passwords.begin([1; 32], NOON).unwrap() {
            PasswordTry::Begun(begun) => begun,
            PasswordTry::Waits(seconds) => panic!("waits {seconds} s"),
        };
        for _ in 0..20 {
            passwords.take_back(&begin()).unwrap();
        }
        for _ in 0..5 {
            begin();
        }
        passwords.was_right(&begin()).unwrap();
        for _ in 0..6 {
            begin();
        }
        assert_eq!(waits(&passwords, 1, NOON), 1);
    }

    #[test]
    fn a_hundred_at_once_are_six() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        let looked_at = std::thread::scope(|scope| {
            let threads = (0..100).map(|_| scope.spawn(|| waits(&passwords, 1, NOON) == 0)).collect::<Vec<_>>();
            threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
        });
        assert_eq!(looked_at, 6);
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_out_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        for _ in 0..6 {
            waits(&passwords, 1, NOON);
        }
        assert_eq!(waits(&passwords, 1, NOON.plus_seconds(-86_400)), 900);
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let passwords = open(&folder);
        waits(&passwords, 1, NOON);
        waits(&passwords, 2, NOON.plus_seconds(1_000));
        passwords.forget_old(NOON.plus_seconds(1_900)).unwrap();
        let count = "select count(*) from wrong_password";
        let left = passwords.storage.database().snapshot().unwrap().row(count, &[], |row| row.int(0)).unwrap();
        assert_eq!(left, Some(1));
    }
}
