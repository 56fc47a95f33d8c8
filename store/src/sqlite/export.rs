//! The log, written into the file that it travels in.

use super::decode::{self, COLUMNS};
use super::{reading, schema, secrets};
use crate::follow::{self, Versions};
use crate::record::{number, sql_number};
use crate::transfer::{Base64, Counted, Event, Hex, Lines, Receipt, raw};
use crate::{BrokenKind, Error, Folder, Head, Record};
use domain::Timestamp;
use rusqlite::Connection;
use std::convert::Infallible;
use std::io::Write;
use uuid::Uuid;

/// How many events pass between two words about how far it is.
const TOLD_EVERY: u64 = 4_096;

/// Writes the whole log into `to`, beside a running server as well, and needs no master key. It is one snapshot:
/// the write-ahead log cannot be emptied until it is written, so `to` should not be slower than a disk. What is
/// written is checked on the way: the chain, the versions, the anchor. `progress` is told the position and the head.
///
/// # Errors
/// [`Error::NotHeld`] when the log does not hold; [`Error::NoAnchor`], [`Error::BadAnchor`]; [`Error::Export`] when
/// it cannot be written; [`Error::Damaged`], [`Error::Corrupt`], [`Error::OlderSchema`], [`Error::NewerSchema`],
/// [`Error::Database`].
pub fn export(folder: &Folder, to: impl Write, progress: impl FnMut(u64, u64)) -> Result<(Head, Counted), Error> {
    // First the anchor, then the log: the anchor is never ahead.
    let anchor = folder.read_anchor();
    let connection = reading(&folder.database())?;
    schema::check(&connection)?;
    // Dropped, it is rolled back: nothing was written.
    let snapshot = connection.unchecked_transaction()?;
    let head = decode::head(&snapshot)?;
    if head.position > 0 {
        known(&snapshot, head, anchor?.head)?;
    }
    let (check, lookup) = secrets::wrapped(&snapshot)?;
    let mut lines = Lines::begin(to, head, check, lookup)?;
    keys(&snapshot, &mut lines)?;
    events(&snapshot, &mut lines, head, progress)?;
    receipts(&snapshot, &mut lines)?;
    Ok((head, lines.end()?))
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

fn keys(connection: &Connection, lines: &mut Lines<impl Write>) -> Result<(), Error> {
    let mut statement = connection.prepare("select subject, wrapped from subject_key order by subject")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        lines.key(uuid(row.get_ref(0)?.as_blob().ok(), "a data key is nobody's")?, row.get(1)?)?;
    }
    Ok(())
}

fn events(
    connection: &Connection,
    lines: &mut Lines<impl Write>,
    end: Head,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), Error> {
    let mut statement = connection.prepare(&format!("select {COLUMNS} from event order by position"))?;
    let mut rows = statement.query([])?;
    let mut head = Head { recorded_at: Timestamp(i64::MIN), ..Head::default() };
    let (mut versions, mut buffer) = (Versions::default(), Vec::new());
    while let Some(row) = rows.next()? {
        let record = decode::record(row)?;
        let event = shown(&record)?;
        let sealed = event.sealed.as_ref().map(|sealed| sealed.0.as_slice());
        let next = follow::next(&head, &event.link(), sealed, &record.hash, &mut buffer);
        let position = head.position + 1;
        let broken = |(kind, what): follow::Fault| crate::Broken { position, what: what.to_owned(), kind };
        head = next.map_err(|fault| Error::NotHeld { source: broken(fault) })?;
        let Ok(version) = versions.next(versions.stream(&event.stream), || Ok::<_, Infallible>(0));
        if u64::try_from(version) != Ok(event.version) {
            return Err(Error::NotHeld { source: broken(follow::NOT_NEXT) });
        }
        lines.event(&event)?;
        if head.position.is_multiple_of(TOLD_EVERY) {
            progress(head.position, end.position);
        }
    }
    Ok(())
}

fn shown(record: &Record) -> Result<Event<'_>, Error> {
    let json = |text| raw(text).ok_or(Error::Corrupt { position: record.position, what: "it holds no JSON" });
    if Timestamp::parse(&record.recorded_at.to_string()) != Some(record.recorded_at) {
        return Err(Error::Corrupt { position: record.position, what: "its time is none" });
    }
    Ok(Event {
        position: record.position,
        stream: record.stream.as_str().into(),
        version: record.version,
        id: record.id,
        name: record.name.as_str().into(),
        recorded_at: record.recorded_at,
        payload: json(&record.payload)?,
        subject: record.subject.map(|subject| subject.0),
        sealed: record.sealed.clone().map(Base64),
        sealed_hash: record.sealed_hash.map(Hex),
        meta: json(&record.meta)?,
        hash: Hex(record.hash),
    })
}

fn receipts(connection: &Connection, lines: &mut Lines<impl Write>) -> Result<(), Error> {
    const DAMAGED: Error = Error::Damaged { what: "a receipt is not what was written" };
    let sql = "select command_id, fingerprint, at, position, subject, outcome from receipt order by rowid";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let hash = |index| -> Result<Hex, Error> {
            let bytes: &[u8] = row.get_ref(index)?.as_blob().map_err(|_| DAMAGED)?;
            Ok(Hex(bytes.try_into().map_err(|_| DAMAGED)?))
        };
        let subject = row.get_ref(4)?.as_blob_or_null().map_err(|_| DAMAGED)?;
        lines.receipt(Receipt {
            command_id: hash(0)?,
            fingerprint: hash(1)?,
            at: Timestamp(row.get(2)?),
            position: number(row.get(3)?),
            subject: subject.map(|bytes| uuid(Some(bytes), "a receipt is nobody's")).transpose()?,
            outcome: Base64(row.get(5)?),
        })?;
    }
    Ok(())
}

fn uuid(bytes: Option<&[u8]>, what: &'static str) -> Result<Uuid, Error> {
    bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()).ok_or(Error::Damaged { what })
}
