//! From rows to what is read back.

use super::secrets::KeyedView;
use crate::anchor::Mark;
use crate::decode::{Parts, decoded, of_receipt, outcome, unsealed};
use crate::record::{self, Order, number, sql_number};
use crate::{Error, Fact, Head, Receipt, Record};
use domain::{Personal, Timestamp, UserId};
use rusqlite::{OptionalExtension, Params, Row};
use uuid::Uuid;

/// Every column, in the order that [`record()`] reads them in.
pub(super) const COLUMNS: &str =
    "position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash, meta, hash";

/// The log's end.
pub(super) fn head(connection: &rusqlite::Connection) -> Result<Head, Error> {
    let sql = "select position, hash, recorded_at from event order by position desc limit 1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(Head::default());
    };
    let position = number(row.get(0)?);
    let hash = fixed(row.get_ref(1)?.as_blob_or_null().unwrap_or_default(), position)?;
    Ok(Head { position, hash: hash.unwrap_or_default(), recorded_at: Timestamp(row.get(2)?) })
}

/// A row with the columns [`COLUMNS`].
pub(super) fn record(row: &Row<'_>) -> Result<Record, Error> {
    let position = position(row)?;
    let text = |index| text(row, index, position).map(str::to_owned);
    Ok(Record {
        position,
        stream: text(1)?,
        version: number(int(row, 2, position)?),
        id: Uuid::from_bytes(needed(blob(row, 3)?, position)?),
        name: text(4)?,
        recorded_at: Timestamp(int(row, 5, position)?),
        payload: text(6)?,
        subject: subject(row, 7, position)?,
        sealed: blob(row, 8)?.map(<[u8]>::to_vec),
        sealed_hash: fixed(blob(row, 9)?, position)?,
        meta: text(10)?,
        hash: needed(blob(row, 11)?, position)?,
    })
}

/// Every fact that `sql` finds, decoded out of the columns `position, stream, version, id, name, recorded_at,
/// payload, subject, sealed, sealed_hash, hash`.
pub(super) fn facts(look: &KeyedView<'_>, sql: &str, params: impl Params) -> Result<Vec<Fact>, Error> {
    let mut statement = look.connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut facts = Vec::new();
    while let Some(row) = rows.next()? {
        facts.push(fact(look, row)?);
    }
    Ok(facts)
}

const PAGE: &str =
    "select position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash, hash
    from event where position >= ?1 order by position limit ?2";

/// The facts right behind a position, without holes. `known` is the row there, where it is known: the log must hold it.
/// A bad fact ends the page; it is the error when it is the first.
pub(super) fn page(look: &KeyedView<'_>, after: u64, known: Option<Mark>, limit: usize) -> Result<Vec<Fact>, Error> {
    let mut facts = Vec::new();
    match fill(look, after, known.filter(|known| known.position > 0), limit, &mut facts) {
        Err(error) if facts.is_empty() => Err(error),
        Ok(()) | Err(_) => Ok(facts),
    }
}

fn fill(
    look: &KeyedView<'_>,
    after: u64,
    known: Option<Mark>,
    limit: usize,
    facts: &mut Vec<Fact>,
) -> Result<(), Error> {
    let from = if known.is_some() { after } else { after.saturating_add(1) };
    let mut statement = look.connection.prepare_cached(PAGE)?;
    let mut rows = statement.query((sql_number(from), record::page(limit) + i64::from(known.is_some())))?;
    if let Some(known) = known {
        let found = rows.next()?.map(|row| Ok::<_, Error>((position(row)?, lenient(blob(row, 10)?)))).transpose()?;
        if found != Some((known.position, known.hash)) {
            return Err(Error::OtherHistory { position: known.position });
        }
    }
    let mut order = Order::Dense(after);
    while let Some(row) = rows.next()? {
        order.next(position(row)?)?;
        facts.push(fact(look, row)?);
    }
    Ok(())
}

/// The row at a position, as whoever has read it knows it. A damaged hash is as good as any other that is always the
/// same.
pub(super) fn mark(connection: &rusqlite::Connection, position: u64) -> Result<Option<Mark>, Error> {
    let mut statement = connection.prepare_cached("select hash from event where position = ?1")?;
    let mut rows = statement.query([sql_number(position)])?;
    let found = rows.next()?.map(|row| Ok::<_, Error>(Mark { position, hash: lenient(blob(row, 0)?) }));
    found.transpose()
}

fn lenient(hash: Option<&[u8]>) -> [u8; 32] {
    hash.and_then(|hash| hash.try_into().ok()).unwrap_or_default()
}

fn position(row: &Row<'_>) -> Result<u64, Error> {
    Ok(number(row.get(0)?))
}

fn fact(look: &KeyedView<'_>, row: &Row<'_>) -> Result<Fact, Error> {
    let position = position(row)?;
    let id = Uuid::from_bytes(needed(blob(row, 3)?, position)?);
    let name = text(row, 4, position)?;
    let personal = match blob(row, 8)? {
        Some(sealed) => {
            let subject = subject(row, 7, position)?;
            let key = subject.map(|subject| look.data_key(subject)).transpose()?.flatten();
            unsealed(key.as_deref(), position, subject, (id, name), sealed)?
        }
        None if blob(row, 9)?.is_some() => Some(Personal::Erased),
        None => None,
    };
    decoded(Parts {
        position,
        stream: text(row, 1, position)?,
        version: number(int(row, 2, position)?),
        id,
        name,
        recorded_at: Timestamp(int(row, 5, position)?),
        payload: text(row, 6, position)?,
        personal,
        hash: needed(blob(row, 10)?, position)?,
    })
}

/// The receipt of a command, if there is one.
pub(super) fn receipt(look: &KeyedView<'_>, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
    const DAMAGED: Error = Error::Damaged { what: "a receipt is not what was written" };
    let sql = "select fingerprint, position, at, subject, outcome from receipt where command_id = ?1";
    let mut statement = look.connection.prepare_cached(sql)?;
    let found = statement
        .query_row([command_id.as_slice()], |row| {
            let subject: Option<Vec<u8>> = row.get(3)?;
            let outcome: Vec<u8> = row.get(4)?;
            let fingerprint: Vec<u8> = row.get(0)?;
            Ok((fingerprint, number(row.get(1)?), Timestamp(row.get(2)?), subject, outcome))
        })
        .optional()?;
    let Some((fingerprint, position, at, subject, sealed)) = found else {
        return Ok(None);
    };
    let key = match subject {
        None => None,
        Some(subject) => Some(look.data_key(UserId(Uuid::from_slice(&subject).map_err(|_| DAMAGED)?))?),
    };
    let key = key.as_ref().map(Option::as_deref);
    let outcome = outcome(key, &of_receipt(command_id), &sealed)?;
    let fingerprint = fingerprint.try_into().map_err(|_| DAMAGED)?;
    Ok(Some(Receipt { fingerprint, position, at, outcome }))
}

fn text<'a>(row: &'a Row<'_>, index: usize, position: u64) -> Result<&'a str, Error> {
    row.get_ref(index)?.as_str().map_err(|_| Error::Corrupt { position, what: "a column is no text" })
}

fn int(row: &Row<'_>, index: usize, position: u64) -> Result<i64, Error> {
    row.get_ref(index)?.as_i64().map_err(|_| Error::Corrupt { position, what: "a column is no number" })
}

fn blob<'a>(row: &'a Row<'_>, index: usize) -> Result<Option<&'a [u8]>, Error> {
    Ok(row.get_ref(index)?.as_blob_or_null().unwrap_or_default())
}

fn subject(row: &Row<'_>, index: usize, position: u64) -> Result<Option<UserId>, Error> {
    Ok(fixed(blob(row, index)?, position)?.map(|bytes| UserId(Uuid::from_bytes(bytes))))
}

fn fixed<const N: usize>(bytes: Option<&[u8]>, position: u64) -> Result<Option<[u8; N]>, Error> {
    let fixed = bytes.map(<[u8; N]>::try_from).transpose();
    fixed.map_err(|_| Error::Corrupt { position, what: "an id or a hash is not of its length" })
}

fn needed<const N: usize>(bytes: Option<&[u8]>, position: u64) -> Result<[u8; N], Error> {
    fixed(bytes, position)?.ok_or(Error::Corrupt { position, what: "an id or a hash is missing" })
}
