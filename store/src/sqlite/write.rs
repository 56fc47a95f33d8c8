//! The statements that write a batch.

use super::forget;
use crate::Forget;
use crate::prepare::{EventRow, PreparedBatch, ReceiptRow};
use crate::record::sql_number;
use rusqlite::Connection;

pub(super) const INSERT_KEY: &str = "insert into subject_key (subject, wrapped) values (?1, ?2)";

pub(super) const INSERT_EVENT: &str =
    "insert into event (position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash,
        meta, hash)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";

pub(super) const INSERT_RECEIPT: &str =
    "insert into receipt (command_id, fingerprint, at, position, subject, outcome) values (?1, ?2, ?3, ?4, ?5, ?6)";

/// Writes a prepared batch into the open transaction; what is forgotten comes last.
pub(super) fn write(connection: &Connection, prepared: &PreparedBatch<'_>, forget: &[Forget]) -> rusqlite::Result<()> {
    for (subject, (_, wrapped)) in &prepared.new_keys {
        let mut statement = connection.prepare_cached(INSERT_KEY)?;
        statement.execute((subject.0.as_bytes().as_slice(), wrapped))?;
    }
    write_events(connection, &prepared.rows)?;
    write_receipts(connection, &prepared.receipts)?;
    forget.iter().try_for_each(|forget| write_forget(connection, forget))
}

fn write_events(connection: &Connection, rows: &[EventRow<'_>]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(INSERT_EVENT)?;
    for row in rows {
        statement.execute((
            row.position,
            &row.stream,
            row.version,
            row.id.as_bytes().as_slice(),
            row.name,
            row.recorded_at,
            &row.payload,
            row.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()),
            &row.sealed,
            row.sealed_hash.as_ref().map(<[u8; 32]>::as_slice),
            row.meta,
            row.hash.as_slice(),
        ))?;
    }
    Ok(())
}

fn write_receipts(connection: &Connection, rows: &[ReceiptRow<'_>]) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(INSERT_RECEIPT)?;
    for ReceiptRow { receipt, outcome } in rows {
        statement.execute((
            receipt.command_id.as_slice(),
            receipt.fingerprint.as_slice(),
            receipt.at.0,
            sql_number(receipt.position),
            receipt.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()),
            outcome,
        ))?;
    }
    Ok(())
}

fn write_forget(connection: &Connection, forget: &Forget) -> rusqlite::Result<()> {
    match forget {
        Forget::Superseded { stream, name, before_version } => {
            let mut statement = connection.prepare_cached(
                "update event set sealed = null
                 where stream = ?1 and version < ?2 and name = ?3 and sealed is not null",
            )?;
            statement.execute((stream.to_string(), sql_number(*before_version), name))?;
        }
        Forget::Subject(subject) => {
            forget::delete_key(connection, *subject)?;
            let subject = [subject.0.as_bytes().as_slice()];
            connection.execute("update event set sealed = null where subject = ?1 and sealed is not null", subject)?;
            connection.execute("delete from receipt where subject = ?1", subject)?;
        }
    }
    Ok(())
}
