//! Whether the log holds: told by the log alone, without keys.

use super::reachability::{self, Sum};
use super::{Pool, recover, rows};
use crate::anchor::Mark;
use crate::chain::{GENESIS, Link};
use crate::chain_walk::{self, Versions};
use crate::record::{number, sql_number};
use crate::{Broken, BrokenKind, Error, Head, Verification};
use domain::Timestamp;
use rusqlite::{Connection, Row};

/// Rows read in one short transaction: a long one would keep the write-ahead log from being emptied.
const PAGE: i64 = 4096;

const SQL: &str = "select position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
    meta, hash from event where position > ?1 order by position limit ?2";

/// Rows that are `known` must be in the log, as far as it is walked along.
pub(super) fn verify(
    pool: &Pool,
    from: u64,
    to: u64,
    known: &[Mark],
    mut progress: impl FnMut(u64),
) -> Result<Verification, Broken> {
    let from = from.max(1);
    let mut walk = Walk {
        first: from,
        known,
        head: Head { position: from - 1, hash: GENESIS, recorded_at: Timestamp(i64::MIN) },
        versions: Versions::default(),
        sum: Sum::default(),
        summed_to: 0,
        buffer: Vec::with_capacity(4096),
    };
    if from > 1 {
        walk.start(pool)?;
    }
    if from == 1 && to == u64::MAX {
        whole(&mut walk, pool, &mut progress)?;
    } else {
        walk.along(pool, to, &mut progress)?;
    }
    let last_known = known.iter().max_by_key(|mark| mark.position).filter(|_| to == u64::MAX);
    if let Some(last) = last_known.filter(|last| last.position > walk.head.position) {
        return Err(recover::cut(walk.head.position, *last));
    }
    if to != u64::MAX && walk.head.position < to {
        return Err(walk.broken(BrokenKind::Missing, "the log ends before it"));
    }
    let events = walk.head.position + 1 - from;
    let head = if walk.head.position == 0 { Head::default() } else { walk.head };
    Ok(Verification { events, head, anchor: last_known.map(|mark| mark.position) })
}

/// Walks along the whole log, and looks at the same time whether every event can be found.
fn whole(walk: &mut Walk<'_>, pool: &Pool, progress: &mut impl FnMut(u64)) -> Result<(), Broken> {
    let head = pool.take().and_then(|connection| rows::head(&connection)).map_err(|error| walk.unreadable(&error))?;
    walk.summed_to = head.position;
    let hasher = walk.versions.hasher();
    let reached = std::thread::scope(|scope| {
        let reached = scope.spawn(|| reachability::reach(pool, head.position, &hasher));
        let walked = walk.along(pool, u64::MAX, progress);
        // What the walk finds comes first: it knows best what is wrong.
        let reached = reached.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        walked.and(reached)
    })?;
    if reached == walk.sum { Ok(()) } else { Err(reachability::first_unreachable(pool, head.position)) }
}

/// A walk along the log: all that is known up to `head`.
struct Walk<'a> {
    first: u64,
    /// Rows that the anchor knows.
    known: &'a [Mark],
    head: Head,
    versions: Versions,
    /// Over the rows up to `summed_to`.
    sum: Sum,
    summed_to: u64,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    fn along(&mut self, pool: &Pool, to: u64, progress: &mut impl FnMut(u64)) -> Result<(), Broken> {
        loop {
            let before = self.head.position;
            self.page(pool, to)?;
            if self.head.position == before {
                return Ok(());
            }
            progress(self.head.position);
        }
    }

    /// Begins behind a row that is taken as it stands.
    fn start(&mut self, pool: &Pool) -> Result<(), Broken> {
        let before = self.head.position;
        let connection = pool.take().map_err(|error| self.unreadable(&error))?;
        let sql = "select hash, recorded_at from event where position = ?1";
        let found = connection.query_row(sql, [sql_number(before)], |row| Ok((row.get(0)?, row.get(1)?)));
        match found {
            Ok((hash, recorded_at)) => {
                self.head = Head { position: before, hash, recorded_at: Timestamp(recorded_at) };
                Ok(())
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                let what = "it is not in the log".to_owned();
                Err(Broken { position: before, what, kind: BrokenKind::Missing })
            }
            Err(source) => {
                let what = Error::from(source).to_string();
                Err(Broken { position: before, what, kind: BrokenKind::Unreadable })
            }
        }
    }

    fn page(&mut self, pool: &Pool, to: u64) -> Result<(), Broken> {
        let connection = pool.take().map_err(|error| self.unreadable(&error))?;
        let limit = sql_number(to.saturating_sub(self.head.position)).min(PAGE);
        let driver = |walk: &Self, source: rusqlite::Error| walk.unreadable(&Error::from(source));
        let mut statement = connection.prepare_cached(SQL).map_err(|source| driver(self, source))?;
        let params = (sql_number(self.head.position), limit);
        let mut rows = statement.query(params).map_err(|source| driver(self, source))?;
        while let Some(row) = rows.next().map_err(|source| driver(self, source))? {
            self.row(&connection, row)?;
        }
        Ok(())
    }

    fn row(&mut self, connection: &Connection, row: &Row<'_>) -> Result<(), Broken> {
        let (link, sealed, hash) = columns(row).map_err(|source| self.unreadable(&Error::from(source)))?;
        let next = chain_walk::next(&self.head, &link, sealed, hash, &mut self.buffer);
        let head = next.map_err(|(kind, what)| self.broken(kind, what))?;
        if link.version != self.next_version(connection, &link)? {
            return Err(self.broken(chain_walk::NOT_NEXT.0, chain_walk::NOT_NEXT.1));
        }
        if self.known.iter().any(|mark| mark.position == head.position && mark.hash != head.hash) {
            return Err(self.broken(BrokenKind::Anchor, "it is not the event that the anchor knows"));
        }
        self.head = head;
        Ok(())
    }

    /// The version that comes next in the row's stream, and is now taken for the last one.
    fn next_version(&mut self, connection: &Connection, link: &Link<'_>) -> Result<i64, Broken> {
        let stream = self.versions.stream(link.stream);
        if number(link.position) <= self.summed_to {
            self.sum.add(stream.0, link.version, link.position);
        }
        let (first, at) = (self.first, self.head.position + 1);
        self.versions
            .next(stream, || if first == 1 { Ok(0) } else { version_before(connection, link.stream, first, at) })
    }
    /// The next row is bad.
    fn broken(&self, kind: BrokenKind, what: &str) -> Broken {
        Broken { position: self.head.position + 1, what: what.to_owned(), kind }
    }

    fn unreadable(&self, error: &Error) -> Broken {
        self.broken(BrokenKind::Unreadable, &error.to_string())
    }
}

/// The last version that a stream had before the walk began, at `first`. `at` is the row that asks.
fn version_before(connection: &Connection, stream: &str, first: u64, at: u64) -> Result<i64, Broken> {
    let sql = "select coalesce(max(version), 0) from event where stream = ?1 and position < ?2";
    let found = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row((stream, sql_number(first)), |row| row.get(0)));
    found.map_err(|source| {
        let what = Error::from(source).to_string();
        Broken { position: at, what, kind: BrokenKind::Unreadable }
    })
}

type Columns<'a> = (Link<'a>, Option<&'a [u8]>, &'a [u8]);

/// The row as it stands: what the chain covers, the sealed part, the hash.
fn columns<'a>(row: &'a Row<'_>) -> rusqlite::Result<Columns<'a>> {
    let link = Link {
        position: row.get(0)?,
        stream: row.get_ref(1)?.as_str()?,
        version: row.get(2)?,
        id: row.get_ref(3)?.as_blob()?,
        name: row.get_ref(4)?.as_str()?,
        recorded_at: row.get(5)?,
        payload: row.get_ref(6)?.as_str()?,
        subject: row.get_ref(7)?.as_blob_or_null()?,
        sealed_hash: row.get_ref(9)?.as_blob_or_null()?,
        meta: row.get_ref(10)?.as_str()?,
    };
    Ok((link, row.get_ref(8)?.as_blob_or_null()?, row.get_ref(11)?.as_blob()?))
}
