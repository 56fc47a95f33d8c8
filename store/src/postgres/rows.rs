//! From rows to what is read back.

use super::connect::bounded;
use super::secrets::{self, DataKeys};
use crate::anchor::Mark;
use crate::decode::{Parts, decoded, unsealed};
use crate::record::{Order, number};
use crate::{Error, Fact, Head, Keys, Record};
use domain::{Personal, Timestamp, UserId};
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// Every column, in the order that [`record`] reads them in.
pub(super) const COLUMNS: &str =
    "position, stream, version, id, name, recorded_at, payload, subject, sealed, sealed_hash, meta, hash";

/// The log's end, as `log_head` tells it.
pub(super) const HEAD: &str = "select position, hash, recorded_at from letopis.log_head";

/// A parameter and its type: statements have no names, so the server is told the types with each.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

pub(super) fn head(row: &Row) -> Result<Head, Error> {
    let position = number(get(row, 0)?);
    Ok(Head { position, hash: needed(get(row, 1)?, position)?, recorded_at: Timestamp(get(row, 2)?) })
}

/// Where an event's row stands: the log's end as it was when that was written.
pub(super) fn position(row: &Row) -> Result<Head, Error> {
    let position = number(get(row, 0)?);
    Ok(Head { position, hash: needed(get(row, 11)?, position)?, recorded_at: Timestamp(get(row, 5)?) })
}

/// The records of rows that come in that order of their positions.
pub(super) fn records(rows: &[Row], mut order: Order) -> Result<Vec<Record>, Error> {
    let records = rows.iter().map(|row| {
        order.next(number(get(row, 0)?))?;
        record(row)
    });
    records.collect()
}

pub(super) fn record(row: &Row) -> Result<Record, Error> {
    let position = number(get(row, 0)?);
    Ok(Record {
        position,
        stream: get(row, 1)?,
        version: number(get(row, 2)?),
        id: Uuid::from_bytes(needed(get(row, 3)?, position)?),
        name: get(row, 4)?,
        recorded_at: Timestamp(get(row, 5)?),
        payload: get(row, 6)?,
        subject: subject(row, 7, position)?,
        sealed: get(row, 8)?,
        sealed_hash: fixed(get(row, 9)?, position)?,
        meta: get(row, 10)?,
        hash: needed(get(row, 11)?, position)?,
    })
}

/// Rows with the columns [`COLUMNS`].
pub(super) async fn query(client: &Client, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Error> {
    bounded(async { client.query_typed(sql, params).await.map_err(Error::from) }).await
}

/// What is found, decoded. The first that cannot be read ends it: with what was decoded before it.
pub(super) async fn facts(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    rows: &[Row],
) -> Result<(Vec<Fact>, Option<Error>), Error> {
    let at_hand = keys_of(client, keys, forgotten_before, rows).await?;
    let mut facts = Vec::with_capacity(rows.len());
    for row in rows {
        match fact(&at_hand, row) {
            Ok(fact) => facts.push(fact),
            Err(error) => return Ok((facts, Some(error))),
        }
    }
    Ok((facts, None))
}

/// Rows right behind a position, without holes. `known` is the row there, where it is known, and comes first.
///
/// # Errors
/// [`Error::OtherHistory`] when it is another one.
pub(super) fn behind(rows: &[Row], known: Option<Mark>) -> Result<&[Row], Error> {
    let Some(known) = known else { return Ok(rows) };
    let first = rows.first().map(|row| Ok::<_, Error>((number(get(row, 0)?), lenient(get(row, 11)?)))).transpose()?;
    if first != Some((known.position, known.hash)) {
        return Err(Error::OtherHistory { position: known.position });
    }
    Ok(&rows[1..])
}

/// So many of the rows come right behind `after`, one behind the other; and what is wrong with the next one.
pub(super) fn dense(rows: &[Row], after: u64) -> (usize, Option<Error>) {
    let mut order = Order::Dense(after);
    for (index, row) in rows.iter().enumerate() {
        let found = get(row, 0).map(number);
        if let Err(error) = found.and_then(|found| order.next(found)) {
            return (index, Some(error));
        }
    }
    (rows.len(), None)
}

/// A damaged hash is as good as any other that is always the same.
pub(super) fn lenient(hash: &[u8]) -> [u8; 32] {
    hash.try_into().unwrap_or_default()
}

/// The keys of what is sealed in these rows.
pub(super) async fn keys_of(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    rows: &[Row],
) -> Result<DataKeys, Error> {
    let sealed = rows.iter().filter(|row| matches!(get::<Option<&[u8]>>(row, 8), Ok(Some(_))));
    let subjects = sealed.filter_map(|row| subject(row, 7, 0).ok().flatten());
    secrets::fetch(client, keys, forgotten_before, subjects).await
}

/// The fact of a row.
pub(super) fn fact(keys: &DataKeys, row: &Row) -> Result<Fact, Error> {
    let position = number(get(row, 0)?);
    let id = Uuid::from_bytes(needed(get(row, 3)?, position)?);
    let name = get(row, 4)?;
    let personal = match get::<Option<&[u8]>>(row, 8)? {
        Some(sealed) => {
            let subject = subject(row, 7, position)?;
            let key = subject.and_then(|subject| keys.get(&subject));
            unsealed(key.map(|key| &**key), position, subject, (id, name), sealed)?
        }
        None if get::<Option<&[u8]>>(row, 9)?.is_some() => Some(Personal::Erased),
        None => None,
    };
    decoded(Parts {
        position,
        stream: get(row, 1)?,
        version: number(get(row, 2)?),
        id,
        name,
        recorded_at: Timestamp(get(row, 5)?),
        payload: get(row, 6)?,
        personal,
        hash: needed(get(row, 11)?, position)?,
    })
}

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Error> {
    Ok(row.try_get(index)?)
}

fn subject(row: &Row, index: usize, position: u64) -> Result<Option<UserId>, Error> {
    Ok(fixed(get(row, index)?, position)?.map(|bytes| UserId(Uuid::from_bytes(bytes))))
}

pub(super) fn fixed<const N: usize>(bytes: Option<&[u8]>, position: u64) -> Result<Option<[u8; N]>, Error> {
    let fixed = bytes.map(<[u8; N]>::try_from).transpose();
    fixed.map_err(|_| Error::Corrupt { position, what: "an id or a hash is not of its length" })
}

fn needed<const N: usize>(bytes: &[u8], position: u64) -> Result<[u8; N], Error> {
    fixed(Some(bytes), position)?.ok_or(Error::Corrupt { position, what: "an id or a hash is missing" })
}
