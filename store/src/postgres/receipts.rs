//! What commands answered, read back.

use super::rows::{fixed, get, query};
use super::secrets;
use crate::decode::{of_receipt, outcome};
use crate::record::number;
use crate::{Error, Keys, Receipt};
use domain::{Timestamp, UserId};
use std::collections::HashMap;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// The receipt of a command, if there is one.
pub(super) async fn find(client: &Client, keys: &Keys, command_id: &[u8; 32]) -> Result<Option<Receipt>, Error> {
    let forgotten_before = keys.forgotten();
    let sql = "select command_id, fingerprint, position, at, subject, outcome from letopis.receipt
               where command_id = $1";
    let rows = query(client, sql, &[(&command_id.as_slice(), Type::BYTEA)]).await?;
    Ok(decoded(client, keys, forgotten_before, &rows).await?.remove(command_id))
}

/// Receipts by their command.
pub(super) async fn decoded(
    client: &Client,
    keys: &Keys,
    forgotten_before: u64,
    rows: &[Row],
) -> Result<HashMap<[u8; 32], Receipt>, Error> {
    let subjects = rows.iter().filter_map(|row| subject(row).ok().flatten());
    let at_hand = secrets::fetch(client, keys, forgotten_before, subjects).await?;
    let damaged = || Error::Damaged { what: "a receipt is not what was written" };
    let mut receipts = HashMap::with_capacity(rows.len());
    for row in rows {
        let command_id: [u8; 32] = fixed(get(row, 0)?, 0)?.ok_or_else(damaged)?;
        let key = subject(row)?.map(|subject| at_hand.get(&subject).map(|key| &**key));
        let receipt = Receipt {
            fingerprint: fixed(get(row, 1)?, 0)?.ok_or_else(damaged)?,
            position: number(get(row, 2)?),
            at: Timestamp(get(row, 3)?),
            outcome: outcome(key, &of_receipt(&command_id), get(row, 5)?)?,
        };
        receipts.insert(command_id, receipt);
    }
    Ok(receipts)
}

fn subject(row: &Row) -> Result<Option<UserId>, Error> {
    Ok(fixed(get(row, 4)?, 0)?.map(|bytes| UserId(Uuid::from_bytes(bytes))))
}
