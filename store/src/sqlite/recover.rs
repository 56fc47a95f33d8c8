//! What a start makes sure of before it changes anything: that the log is all there, as far as its anchor knows.

use super::{Pool, rows, schema, verify};
use crate::anchor::{self, Anchor, Mark};
use crate::{AcceptedLog, Broken, BrokenKind, Error, Folder, Head, Lock, Verification};
use rusqlite::Connection;

/// Looks whether the log holds what its anchor knows, and whether the chain holds from where it was settled to the
/// head; answers the anchor to go on with. It opens the database read-only: a refused folder stays as it is, its
/// write-ahead log included.
pub(super) fn check(folder: &Folder) -> Result<Anchor, Error> {
    folder.check_finished()?;
    let path = folder.anchor();
    let anchor = anchor::read(&path)?;
    let (pool, head) = look(folder)?;
    let Some(anchor) = anchor else {
        if head.position > 0 {
            return Err(Error::NoAnchor { path });
        }
        // A new log. The anchor comes before its first event.
        anchor::create(&path, Anchor::default())?;
        return Ok(Anchor::default());
    };
    let known = [anchor.settled, anchor.head];
    if head.position < anchor.head.position {
        return Err(Error::NotHeld { source: cut(head.position, anchor.head) });
    }
    if let Some(pool) = pool {
        let from = anchor.settled.position.max(1);
        verify::verify(&pool, from, u64::MAX, &known, |_| {}).map_err(|source| Error::NotHeld { source })?;
    }
    Ok(anchor)
}

/// Verifies the log as it stands and takes its end for the anchor, whatever the anchor was before. The lock shows
/// that nobody appends meanwhile.
///
/// # Errors
/// [`Error::NotHeld`] when the chain of what is there does not hold; [`Error::File`], [`Error::Database`].
pub fn accept(folder: &Folder, _lock: &Lock, progress: impl FnMut(u64)) -> Result<AcceptedLog, Error> {
    // One that is lost or damaged knows nothing.
    let known = anchor::read(&folder.anchor()).ok().flatten().unwrap_or_default().head;
    let (Some(pool), head) = look(folder)? else {
        anchor::create(&folder.anchor(), Anchor::default())?;
        let verified = Verification { events: 0, head: Head::default(), anchor: Some(0) };
        return Ok(AcceptedLog { verified, is_other: known.position > 0 });
    };
    let verified = verify::verify(&pool, 1, u64::MAX, &[head.into()], progress);
    let verified = verified.map_err(|source| Error::NotHeld { source })?;
    // What is settled is learnt at the next checkpoint; until then a start looks through everything once more.
    anchor::create(&folder.anchor(), Anchor { head: verified.head.into(), settled: Mark::default() })?;
    let is_other = known.position > 0 && rows::mark(&*pool.take()?, known.position)? != Some(known);
    Ok(AcceptedLog { verified: Verification { anchor: Some(verified.head.position), ..verified }, is_other })
}

/// The log's end as the database tells it. No pool when there is no table yet: SQLite would throw away the
/// write-ahead log of an empty file, so that is not even opened.
pub(super) fn look(folder: &Folder) -> Result<(Option<Pool>, Head), Error> {
    let path = folder.database();
    let bytes = match std::fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(Error::file("read the database", &path)(error)),
    };
    if bytes == 0 {
        return Ok((None, Head::default()));
    }
    let pool = Pool::new(path);
    let (version, head) = {
        let connection = pool.take()?;
        match schema::version(&connection)? {
            0 => (0, Head::default()),
            version => (version, rows::head(&connection)?),
        }
    };
    Ok((Some(pool).filter(|_| version > 0), head))
}

/// The log ends at `head`, and the anchor knows more of it.
pub(super) fn cut(head: u64, known: Mark) -> Broken {
    let what = format!("the log ends before it, but it did reach to {}", known.position);
    Broken { position: head + 1, what, kind: BrokenKind::Missing }
}

/// Whether everything is in the database file, so that the write-ahead log could be lost without loss. Asked right
/// after a commit: SQLite's own checkpoint runs in one. An error is as good as a no.
pub(super) fn is_settled(connection: &Connection) -> bool {
    let noop = connection.prepare_cached("pragma wal_checkpoint(noop)");
    let settled =
        noop.and_then(|mut noop| noop.query_row([], |row| Ok(row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)));
    settled.unwrap_or(false)
}

/// What the anchor beside the database knows. A log that is not empty must have one, when its end is looked at.
pub(super) fn known(pool: &Pool, with_the_end: bool) -> Result<Vec<Mark>, Broken> {
    let bad = |error: &Error| Broken { position: 1, what: error.to_string(), kind: BrokenKind::Anchor };
    let path = pool.path().with_file_name(anchor::FILE_NAME);
    match anchor::read(&path) {
        Ok(Some(anchor)) => Ok(vec![anchor.settled, anchor.head]),
        Err(error) if with_the_end => Err(bad(&error)),
        Ok(None) if with_the_end => {
            let head = pool.take().and_then(|connection| rows::head(&connection)).map_err(|error| bad(&error))?;
            if head.position > 0 { Err(bad(&Error::NoAnchor { path })) } else { Ok(Vec::new()) }
        }
        Ok(None) | Err(_) => Ok(Vec::new()),
    }
}
