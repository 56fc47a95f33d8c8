//! Whether the log holds: told by the log alone, without keys.

use super::append::head;
use super::begin;
use super::connect::Cluster;
use super::reading::Reading;
use super::rows::{get, query};
use crate::anchor::{self, Anchor, Mark};
use crate::chain::{GENESIS, Link};
use crate::chain_walk::{self, Versions};
use crate::record::sql_number;
use crate::{AcceptedLog, Broken, BrokenKind, Error, Folder, Head, Lock, Verification};
use domain::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Rows read at once.
const PAGE: i64 = 4_096;

const SQL: &str = "select position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
    meta, hash from letopis.event where position > $1 order by position limit $2";

/// Looks whether the log holds between two positions; with its end, whether it holds what this node's anchor knows.
pub(super) fn verify(
    cluster: &Cluster,
    anchor: &Path,
    from: u64,
    to: u64,
    progress: impl FnMut(u64),
) -> Result<Verification, Error> {
    let with_the_end = to == u64::MAX;
    let known = known(anchor, with_the_end)?;
    let verified = walk(cluster, known, from.max(1), to, progress)?;
    Ok(Verification { anchor: known.filter(|_| with_the_end).map(|mark| mark.position), ..verified })
}

/// Verifies the log as it stands and takes its end for what this node knows, whatever it knew before: after a
/// failover or a restore that lost events. The lock shows that this node appends nothing meanwhile; others may.
///
/// # Errors
/// [`Error::NotHeld`] when the chain of what is there does not hold; [`Error::File`], [`Error::Unreachable`].
pub fn accept(
    cluster: &Cluster,
    folder: &Folder,
    _lock: &Lock,
    progress: impl FnMut(u64),
) -> Result<AcceptedLog, Error> {
    // One that is lost or damaged knows nothing.
    let known = anchor::read(&folder.anchor()).ok().flatten().unwrap_or_default().head;
    let verified = walk(cluster, None, 1, u64::MAX, progress)?;
    anchor::create(&folder.anchor(), Anchor { head: verified.head.into(), settled: verified.head.into() })?;
    let held = cluster.read(async move |client: Reading| begin::held(&client, verified.head, known).await);
    let is_other = match held {
        Ok(()) => false,
        Err(Error::NotHeld { .. }) => true,
        Err(error) => return Err(error),
    };
    Ok(AcceptedLog { verified: Verification { anchor: Some(verified.head.position), ..verified }, is_other })
}

fn walk(
    cluster: &Cluster,
    known: Option<Mark>,
    from: u64,
    to: u64,
    mut progress: impl FnMut(u64),
) -> Result<Verification, Error> {
    let with_the_end = to == u64::MAX;
    let mut known = Vec::from_iter(known);
    if with_the_end {
        // What is appended meanwhile comes behind it.
        known.push(log_head(cluster)?.into());
    }
    let mut walk = Walk {
        first: from,
        known: known.as_slice(),
        head: Head { position: from - 1, hash: GENESIS, recorded_at: Timestamp(i64::MIN) },
        versions: Versions::default(),
        buffer: Vec::with_capacity(4_096),
    };
    if from > 1 {
        walk.start(cluster)?;
    }
    loop {
        let before = walk.head.position;
        walk.page(cluster, to)?;
        if walk.head.position == before {
            break;
        }
        progress(walk.head.position);
    }
    let last_known = known.iter().max_by_key(|mark| mark.position).filter(|_| with_the_end);
    if let Some(last) = last_known.filter(|last| last.position > walk.head.position) {
        let what = format!("the log ends before it, but it did reach to {}", last.position);
        return Err(walk.broken(BrokenKind::Missing, &what));
    }
    if with_the_end && log_head(cluster)?.position < walk.head.position {
        let what = "the log goes on after its head, which was set back";
        return Err(not_held(walk.head.position, what.to_owned(), BrokenKind::Anchor));
    }
    if !with_the_end && walk.head.position < to {
        return Err(walk.broken(BrokenKind::Missing, "the log ends before it"));
    }
    let events = walk.head.position + 1 - from;
    let head = if walk.head.position == 0 { Head::default() } else { walk.head };
    Ok(Verification { events, head, anchor: None })
}

/// What this node's anchor knows. A node that never appended has none.
fn known(path: &Path, with_the_end: bool) -> Result<Option<Mark>, Error> {
    match anchor::read(path) {
        Ok(anchor) => Ok(anchor.map(|anchor| anchor.head)),
        Err(error @ Error::File { .. }) if with_the_end => Err(error),
        Err(error) if with_the_end => Err(not_held(1, error.to_string(), BrokenKind::Anchor)),
        Err(_) => Ok(None),
    }
}

/// Where the log ends by the row that every append locks.
fn log_head(cluster: &Cluster) -> Result<Head, Error> {
    let found = cluster.read(async |client: Reading| head(&client).await);
    found.map_err(|error| unreadable(1, error))
}

fn not_held(position: u64, what: String, kind: BrokenKind) -> Error {
    Error::NotHeld { source: Broken { position, what, kind } }
}

/// What the database says of the row at that position. Where it was not reached, or went away, that says nothing of any
/// row: it is no verdict.
fn unreadable(position: u64, error: Error) -> Error {
    if error.is_lost() { error } else { not_held(position, error.to_string(), BrokenKind::Unreadable) }
}

/// A walk along the log: all that is known up to `head`.
struct Walk<'a> {
    first: u64,
    known: &'a [Mark],
    head: Head,
    versions: Versions,
    buffer: Vec<u8>,
}

impl Walk<'_> {
    /// Begins behind a row that is taken as it stands.
    fn start(&mut self, cluster: &Cluster) -> Result<(), Error> {
        let before = self.head.position;
        let sql = "select hash, recorded_at from letopis.event where position = $1";
        let found = cluster.read(async |client: Reading| {
            let rows = query(&client, sql, &[(&sql_number(before), Type::INT8)]).await?;
            let found = rows.first().map(|row| Ok::<_, Error>((get::<Vec<u8>>(row, 0)?, get::<i64>(row, 1)?)));
            found.transpose()
        });
        match found.map_err(|error| self.unreadable(error))? {
            Some((hash, recorded_at)) => {
                let hash = hash.try_into().unwrap_or_default();
                self.head = Head { position: before, hash, recorded_at: Timestamp(recorded_at) };
                Ok(())
            }
            None => {
                let what = "it is not in the log".to_owned();
                Err(not_held(before, what, BrokenKind::Missing))
            }
        }
    }

    fn page(&mut self, cluster: &Cluster, to: u64) -> Result<(), Error> {
        let after = sql_number(self.head.position);
        let limit = sql_number(to.saturating_sub(self.head.position)).min(PAGE);
        let first = self.first;
        let read = cluster.read(async move |client: Reading| {
            let rows = query(&client, SQL, &[(&after, Type::INT8), (&limit, Type::INT8)]).await?;
            let before = if first > 1 { versions_before(&client, &rows, first).await? } else { HashMap::new() };
            Ok((rows, before))
        });
        let (rows, before) = read.map_err(|error| self.unreadable(error))?;
        rows.iter().try_for_each(|row| self.row(row, &before))
    }

    fn row(&mut self, row: &Row, before: &HashMap<String, i64>) -> Result<(), Error> {
        let (link, sealed, hash) = columns(row).map_err(|error| self.unreadable(error))?;
        let next = chain_walk::next(&self.head, &link, sealed, hash, &mut self.buffer);
        let head = next.map_err(|(kind, what)| self.broken(kind, what))?;
        let stream = self.versions.stream(link.stream);
        let last = before.get(link.stream).copied().unwrap_or(0);
        let next = self.versions.next(stream, || Ok::<_, Error>(last))?;
        if link.version != next {
            return Err(self.broken(chain_walk::NOT_NEXT.0, chain_walk::NOT_NEXT.1));
        }
        if self.known.iter().any(|mark| mark.position == head.position && mark.hash != head.hash) {
            return Err(self.broken(BrokenKind::Anchor, "it is not the event that the anchor knows"));
        }
        self.head = head;
        Ok(())
    }

    /// The next row is bad.
    fn broken(&self, kind: BrokenKind, what: &str) -> Error {
        not_held(self.head.position + 1, what.to_owned(), kind)
    }

    fn unreadable(&self, error: Error) -> Error {
        unreadable(self.head.position + 1, error)
    }
}

/// The last versions that the streams of these rows had before the walk began, at `first`.
async fn versions_before(client: &Client, rows: &[Row], first: u64) -> Result<HashMap<String, i64>, Error> {
    let streams = rows.iter().map(|row| get::<&str>(row, 1)).collect::<Result<Vec<_>, _>>()?;
    let sql = "select stream, max(version) from letopis.event where stream = any($1) and position < $2 group by stream";
    let params = [(&streams as _, Type::TEXT_ARRAY), (&sql_number(first) as _, Type::INT8)];
    let found = query(client, sql, &params).await?;
    found.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
}

type Columns<'a> = (Link<'a>, Option<&'a [u8]>, &'a [u8]);

/// The row as it stands: what the chain covers, the sealed part, the hash.
fn columns(row: &Row) -> Result<Columns<'_>, Error> {
    let link = Link {
        position: get(row, 0)?,
        stream: get(row, 1)?,
        version: get(row, 2)?,
        id: get(row, 3)?,
        name: get(row, 4)?,
        recorded_at: get(row, 5)?,
        payload: get(row, 6)?,
        subject: get(row, 7)?,
        sealed_hash: get(row, 9)?,
        meta: get(row, 10)?,
    };
    Ok((link, get(row, 8)?, get(row, 11)?))
}
