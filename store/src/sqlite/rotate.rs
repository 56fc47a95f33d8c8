//! A new master key for the embedded log: every key is wrapped again, in one transaction.

use super::secrets::wrapped;
use super::writing;
use crate::keys::Keys;
use crate::master_key::{self, MasterKey};
use crate::{Error, KeyRotation, failpoint};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Data keys that are wrapped between two words about it.
const PAGE: u32 = 10_000;

/// Wraps everything by a new master key. Whoever appends waits meanwhile: about a second for 100,000 people.
///
/// # Errors
/// [`Error::NotWritten`]: nothing was changed. [`Error::CommitFailed`]: repeat it. [`Error::File`]: the new key is in
/// force and its file is found at the next start.
pub(super) fn rotate(path: &Path, keys: &Keys, progress: &mut dyn FnMut(u64)) -> Result<KeyRotation, Error> {
    let connection = writing(path, "full")?;
    connection.execute_batch("begin immediate").map_err(Error::not_written)?;
    // A rotation that a crash cut off after its commit is ended first: its key is not to be brought in twice.
    master_key::settle(keys.path(), &wrapped(&connection)?.0)?;
    let next = Arc::new(master_key::prepare_next(keys.path())?.0);
    failpoint::pass("next-key-made");
    let count = wrap_again(&connection, keys, &next, progress)?;
    // The transaction keeps the appender away until every part of the process wraps by the new key.
    let before = keys.master();
    keys.wrap_by(next);
    if let Err(source) = connection.execute_batch("commit") {
        keys.wrap_by(before);
        return Err(Error::CommitFailed { source: source.into() });
    }
    failpoint::pass("keys-wrapped-again");
    let (check, _) = wrapped(&connection)?;
    let former = master_key::settle(keys.path(), &check)?;
    // What the former key wrapped is to leave the write-ahead log, too. Where a reader keeps that from happening now,
    // it happens with the next restart.
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?;
    Ok(KeyRotation { keys: count, former })
}

fn wrap_again(
    connection: &Connection,
    keys: &Keys,
    next: &MasterKey,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, Error> {
    let (mut after, mut count) = (Vec::new(), 0);
    let mut read =
        connection.prepare("select subject, wrapped from subject_key where subject > ?1 order by subject limit ?2")?;
    let mut write = connection.prepare("update subject_key set wrapped = ?2 where subject = ?1")?;
    loop {
        let rows = read.query_map((&after, PAGE), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows = rows.collect::<Result<Vec<(Vec<u8>, Vec<u8>)>, _>>()?;
        let Some((last, _)) = rows.last() else { break };
        after.clone_from(last);
        count += rows.len() as u64;
        for (subject, wrapped) in rows {
            let again = keys.wrapped_again(next, &subject, &wrapped)?;
            write.execute((&subject, &again)).map_err(Error::not_written)?;
        }
        progress(count);
    }
    let mut write = connection.prepare("update secret set wrapped = ?2 where name = ?1")?;
    for (name, wrapped) in [("check", next.check()), ("lookup", keys.lookup_wrapped_by(next))] {
        write.execute((name, &wrapped)).map_err(Error::not_written)?;
    }
    Ok(count)
}
