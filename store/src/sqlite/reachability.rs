//! Whether every event can be found: by its position, and by its stream through the index. A walk along the log
//! sees neither: a damaged index hides an event from whoever reads its stream, and so from the rules.

use super::Pool;
use crate::record::{number, sql_number};
use crate::{Broken, BrokenKind, Error};
use rusqlite::Connection;
use std::hash::{BuildHasher, RandomState};

/// Entries looked at in one short transaction.
const PAGE: i64 = 4096;

/// Finds each position of a range again, and counts those whose sealed part has no key.
const PROBE: &str = "with recursive wanted (at) as (select ?1 union all select at + 1 from wanted where at < ?2)
    select count(*), count(*) filter (where sealed is not null
        and not exists (select 1 from subject_key where subject_key.subject = event.subject))
    from wanted cross join event on position = at";

const ENTRIES: &str = "select stream, version, position from event where (stream, version) > (?1, ?2)
    order by stream, version limit ?3";

/// A sum over rows that does not depend on their order; keyed, so that nobody can aim at it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u64, u64);

impl Sum {
    /// `stream` is a keyed hash of the row's stream.
    pub(super) fn add(&mut self, stream: u64, version: i64, position: i64) {
        self.0 += 1;
        self.1 = self.1.wrapping_add(mixed(mixed(stream ^ version.cast_unsigned()) ^ position.cast_unsigned()));
    }
}

/// The finisher of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Looks each position up to `end` up, then walks along the index. Answers the sum of its entries.
pub(super) fn reach(pool: &Pool, end: u64, hasher: &RandomState) -> Result<Sum, Broken> {
    let mut from = 1;
    while from <= end {
        let to = end.min(from + PAGE.cast_unsigned() - 1);
        probe(&*pool.take().map_err(|error| unreadable(from, &error))?, from, to)?;
        from = to + 1;
    }
    let mut entries = Entries { end, hasher, sum: Sum::default(), stream: String::new(), hash: 0, version: 0 };
    let walked = entries.walk(pool);
    match walked.map_err(|error| unreadable(end.max(1), &error))? {
        true => Ok(entries.sum),
        false => Err(first_unreachable(pool, end)),
    }
}

fn probe(connection: &Connection, from: u64, to: u64) -> Result<(), Broken> {
    let counts = |from, to| -> Result<(u64, u64), Broken> {
        let mut statement = connection.prepare_cached(PROBE).map_err(|source| unreadable(from, &source.into()))?;
        let row = statement.query_row((sql_number(from), sql_number(to)), |row| Ok((row.get(0)?, row.get(1)?)));
        row.map(|(found, keyless): (i64, i64)| (number(found), number(keyless)))
            .map_err(|source| unreadable(from, &source.into()))
    };
    if counts(from, to)? == (to + 1 - from, 0) {
        return Ok(());
    }
    for position in from..=to {
        let bad = match counts(position, position)? {
            (1, 0) => continue,
            (1, _) => (BrokenKind::Sealed, "the key of its sealed part is missing"),
            (_, _) => (BrokenKind::Missing, "it cannot be found by its position"),
        };
        return Err(Broken { position, what: bad.1.to_owned(), kind: bad.0 });
    }
    Ok(())
}

/// A walk along the index of streams. What was appended behind `end` meanwhile is passed over.
struct Entries<'a> {
    end: u64,
    hasher: &'a RandomState,
    sum: Sum,
    stream: String,
    hash: u64,
    /// Of the last entry: in `stream`.
    version: i64,
}

impl Entries<'_> {
    /// False when the entries are not in order or not dense.
    fn walk(&mut self, pool: &Pool) -> Result<bool, Error> {
        let mut after = (String::new(), 0);
        loop {
            let connection = pool.take()?;
            let mut statement = connection.prepare_cached(ENTRIES)?;
            let mut rows = statement.query((&after.0, after.1, PAGE))?;
            let mut seen = 0;
            while let Some(row) = rows.next()? {
                let (stream, version) = (row.get_ref(0)?.as_str().unwrap_or_default(), row.get(1)?);
                seen += 1;
                if seen == PAGE {
                    after = (stream.to_owned(), version);
                }
                let position: i64 = row.get(2)?;
                if number(position) <= self.end && !self.entry(stream, version, position) {
                    return Ok(false);
                }
            }
            if seen < PAGE {
                return Ok(true);
            }
        }
    }

    fn entry(&mut self, stream: &str, version: i64, position: i64) -> bool {
        let is_next = if stream == self.stream {
            version == self.version + 1
        } else {
            let is_next = stream > self.stream.as_str() && version == 1;
            stream.clone_into(&mut self.stream);
            self.hash = self.hasher.hash_one(stream);
            is_next
        };
        self.version = version;
        self.sum.add(self.hash, version, position);
        is_next
    }
}

/// The first event that its stream and version do not lead to.
pub(super) fn first_unreachable(pool: &Pool, end: u64) -> Broken {
    let sql = "select min(position) from event as row not indexed where position <= ?1 and not exists
        (select 1 from event as found where found.stream = row.stream and found.version = row.version
            and +found.position = row.position)";
    let found = pool
        .take()
        .and_then(|connection| Ok(connection.query_row(sql, [sql_number(end)], |row| row.get::<_, Option<i64>>(0))?));
    match found {
        Ok(found) => {
            let what = "the index of streams does not lead to it".to_owned();
            Broken { position: found.map_or(end, number), what, kind: BrokenKind::Unreachable }
        }
        Err(error) => unreadable(end, &error),
    }
}

fn unreadable(position: u64, error: &Error) -> Broken {
    Broken { position, what: error.to_string(), kind: BrokenKind::Unreadable }
}
