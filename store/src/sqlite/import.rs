//! A log that travelled in a file, brought into a folder whose own is empty.

use super::schema;
use super::staging::{Staging, filling};
use super::write::{INSERT_EVENT, INSERT_KEY, INSERT_RECEIPT};
use crate::record::sql_number;
use crate::transfer::{Arriving, Fault, Imported, Row, Target};
use crate::{Error, failpoint};
use rusqlite::{Connection, Params};
use std::io::BufRead;

/// Brings the log of an export into a folder whose log is empty: all of it, with its positions, ids, hashes, wrapped
/// keys and receipts, or nothing. Every line is checked while it is read, and the whole log once more when it is on
/// the disk; until then a start refuses the folder. `progress` is told the position and the head.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::Locked`]; [`Error::NotAnExport`], [`Error::BadExport`], [`Error::Import`];
/// [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`]; [`Error::NotHeld`]; [`Error::DiskFull`],
/// [`Error::NotWritten`], [`Error::File`], [`Error::NotAnErasedList`]. Nothing was imported then.
pub fn import(target: Target<'_>, from: impl BufRead, progress: impl FnMut(u64, u64)) -> Result<Imported, Error> {
    let arriving = Arriving::begin(from, target.master_key)?;
    let staging = Staging::begin(target.data)?;
    let (head, counted) = {
        let connection = filling(&staging.database())?;
        schema::migrate(&connection)?;
        let transaction = connection.unchecked_transaction()?;
        let secrets = "insert into secret (name, wrapped) values ('check', ?1), ('lookup', ?2)";
        transaction.execute(secrets, (&arriving.check, &arriving.lookup)).map_err(Error::not_written)?;
        let done = arriving.load(progress, |row| put(&transaction, row))?;
        transaction.commit().map_err(Error::not_written)?;
        done
    };
    failpoint::pass("import-loaded");
    staging.verify(&[head.into()], |_| {})?;
    let back = staging.listed(target.erased_list, None)?;
    staging.finish(head)?;
    Ok(Imported { head, counted, back })
}

fn put(to: &Connection, row: Row<'_>) -> Result<(), Fault> {
    match row {
        Row::Key { subject, wrapped } => insert(to, INSERT_KEY, (subject.as_bytes().as_slice(), wrapped)),
        Row::Event(event) => {
            let link = event.link();
            let row = rusqlite::params![
                link.position,
                link.stream,
                link.version,
                link.id,
                link.name,
                link.recorded_at,
                link.payload,
                link.subject,
                event.sealed(),
                link.sealed_hash,
                link.meta,
                event.hash.0.as_slice(),
            ];
            insert(to, INSERT_EVENT, row)
        }
        Row::Receipt(receipt) => {
            let subject = receipt.subject.as_ref().map(|subject| subject.as_bytes().as_slice());
            let row = (
                receipt.command_id.0.as_slice(),
                receipt.fingerprint.0.as_slice(),
                receipt.at.0,
                sql_number(receipt.position),
                subject,
                &receipt.outcome.0,
            );
            insert(to, INSERT_RECEIPT, row)
        }
    }
}

fn insert(to: &Connection, sql: &str, row: impl Params) -> Result<(), Fault> {
    match to.prepare_cached(sql).and_then(|mut statement| statement.execute(row)) {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Err(Fault::Line("repeats what an earlier line holds".to_owned()))
        }
        Err(source) => Err(Fault::Store(Error::not_written(source))),
    }
}
