//! The log, written into the file that it travels in.

use super::rows::{self, COLUMNS};
use super::{reading, schema, secrets};
use crate::record::{number, sql_number};
use crate::transfer::{Leaving, ReceiptRow, Totals};
use crate::{BrokenKind, Error, Folder, Head};
use domain::Timestamp;
use rusqlite::Connection;
use std::io::Write;

/// Writes the whole log into `to`, beside a running server as well, and needs no master key. It is one snapshot:
/// the write-ahead log cannot be emptied until it is written, so `to` should not be slower than a disk. What is
/// written is checked on the way: the chain, the versions, the anchor. `progress` is told the position and the head.
///
/// # Errors
/// [`Error::NotHeld`] when the log does not hold; [`Error::NoAnchor`], [`Error::BadAnchor`]; [`Error::Export`] when
/// it cannot be written; [`Error::Damaged`], [`Error::Corrupt`], [`Error::OlderSchema`], [`Error::NewerSchema`],
/// [`Error::Database`].
pub fn export(folder: &Folder, to: impl Write, progress: impl FnMut(u64, u64)) -> Result<(Head, Totals), Error> {
    // First the anchor, then the log: the anchor is never ahead.
    let anchor = folder.read_anchor();
    let connection = reading(&folder.database())?;
    schema::check(&connection)?;
    // Dropped, it is rolled back: nothing was written.
    let snapshot = connection.unchecked_transaction()?;
    let head = rows::head(&snapshot)?;
    if head.position > 0 {
        known(&snapshot, head, anchor?.head)?;
    }
    let mut leaving = Leaving::begin(to, head, secrets::wrapped(&snapshot)?, progress)?;
    keys(&snapshot, &mut leaving)?;
    events(&snapshot, &mut leaving)?;
    receipts(&snapshot, &mut leaving)?;
    leaving.end()
}

/// The log must hold what its anchor knows.
pub(super) fn known(connection: &Connection, head: Head, mark: crate::anchor::Mark) -> Result<(), Error> {
    if head.position < mark.position {
        return Err(Error::NotHeld { source: super::recover::cut(head.position, mark) });
    }
    let sql = "select 1 from event where position = ?1 and hash = ?2";
    let found = connection.prepare(sql)?.exists((sql_number(mark.position), mark.hash.as_slice()))?;
    if mark.position > 0 && !found {
        let what = "it is not the event that the anchor knows".to_owned();
        let source = crate::Broken { position: mark.position, what, kind: BrokenKind::Anchor };
        return Err(Error::NotHeld { source });
    }
    Ok(())
}

fn keys<P: FnMut(u64, u64)>(connection: &Connection, to: &mut Leaving<impl Write, P>) -> Result<(), Error> {
    let mut statement = connection.prepare("select subject, wrapped from subject_key order by subject")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        to.key(row.get_ref(0)?.as_blob().unwrap_or_default(), row.get(1)?)?;
    }
    Ok(())
}

fn events<P: FnMut(u64, u64)>(connection: &Connection, to: &mut Leaving<impl Write, P>) -> Result<(), Error> {
    let mut statement = connection.prepare(&format!("select {COLUMNS} from event order by position"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        to.event(&rows::record(row)?)?;
    }
    Ok(())
}

fn receipts<P: FnMut(u64, u64)>(connection: &Connection, to: &mut Leaving<impl Write, P>) -> Result<(), Error> {
    let damaged = |_| Error::Damaged { what: "a receipt is not what was written" };
    let sql = "select command_id, fingerprint, at, position, subject, outcome from receipt order by at, command_id";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        to.receipt(ReceiptRow {
            command_id: row.get_ref(0)?.as_blob().map_err(damaged)?,
            fingerprint: row.get_ref(1)?.as_blob().map_err(damaged)?,
            at: Timestamp(row.get(2)?),
            position: number(row.get(3)?),
            subject: row.get_ref(4)?.as_blob_or_null().map_err(damaged)?,
            outcome: row.get(5)?,
        })?;
    }
    Ok(())
}
