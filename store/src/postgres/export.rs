//! The log, written into the file that it travels in.

use super::append::head;
use super::connect::{Cluster, bounded};
use super::rows::{COLUMNS, get, query, record};
use super::runtime::wait;
use super::{begin, reading, schema, secrets};
use crate::record::number;
use crate::transfer::{Leaving, ReceiptRow, Totals};
use crate::{Error, Folder, Head, anchor};
use domain::Timestamp;
use std::io::Write;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Rows read at once.
const PAGE: i64 = 4_096;

/// Writes the whole log into `to`, beside nodes that append as well, and needs no master key. It is one snapshot; the
/// server keeps what was deleted meanwhile until it is written. What is written is checked on the way: the chain, the
/// versions, and what this node's anchor knows, where it has one. `progress` is told the position and the head.
///
/// # Errors
/// [`Error::NotHeld`] when the log does not hold; [`Error::BadAnchor`]; [`Error::Export`] when it cannot be written;
/// [`Error::Damaged`], [`Error::Corrupt`], [`Error::OlderSchema`], [`Error::NewerSchema`], [`Error::Unreachable`],
/// [`Error::Postgres`].
pub fn export(
    cluster: &Cluster,
    folder: &Folder,
    to: impl Write,
    progress: impl FnMut(u64, u64),
) -> Result<(Head, Totals), Error> {
    // First the anchor, then the log: the anchor is never ahead.
    let anchor = anchor::read(&folder.anchor())?;
    // Dropped, the transaction ends with its connection.
    let (client, head, wrapped) = wait(async {
        let client = cluster.connect().await?;
        reading::alone(&client, schema::check(&client)).await?;
        // A slow reader of what is written is waited for, whatever the server's own limit is.
        let begin = "begin isolation level repeatable read read only;
            set local statement_timeout = '40s'; set local idle_in_transaction_session_timeout = 0;
            set local lock_timeout = '10s';
            set local search_path = pg_catalog; set local timezone = 'UTC'";
        bounded(async { Ok(client.batch_execute(begin).await?) }).await?;
        let head = head(&client).await?;
        if let Some(anchor) = anchor {
            begin::held(&client, head, anchor.head).await?;
        }
        let wrapped = secrets::wrapped(&client).await?;
        Ok::<_, Error>((client, head, wrapped))
    })?;
    let wrapped = wrapped.ok_or(Error::Damaged { what: "there are no keys: no node has opened this log yet" })?;
    let mut leaving = Leaving::begin(to, head, wrapped, progress)?;
    let mut last = Vec::new();
    while let Some(rows) = keys(&client, &last)? {
        for row in &rows {
            last = further(last, get::<&[u8]>(row, 0)?.to_owned())?;
            leaving.key(&last, get(row, 1)?)?;
        }
    }
    let mut after = 0;
    while let Some(rows) = events(&client, after)? {
        for row in &rows {
            after = get(row, 0)?;
            leaving.event(&record(row)?)?;
        }
    }
    let mut last = (i64::MIN, Vec::new());
    while let Some(rows) = receipts(&client, &last)? {
        for row in &rows {
            leaving.receipt(ReceiptRow {
                command_id: get(row, 0)?,
                fingerprint: get(row, 1)?,
                at: Timestamp(get(row, 2)?),
                position: number(get(row, 3)?),
                subject: get(row, 4)?,
                outcome: get(row, 5)?,
            })?;
            last = further(last, (get(row, 2)?, get(row, 0)?))?;
        }
    }
    leaving.end()
}

fn keys(client: &Client, after: &[u8]) -> Result<Option<Vec<Row>>, Error> {
    let sql = "select subject, wrapped from letopis.subject_key where subject > $1 order by subject limit $2";
    some(wait(query(client, sql, &[(&after, Type::BYTEA), (&PAGE, Type::INT8)])))
}

fn events(client: &Client, after: i64) -> Result<Option<Vec<Row>>, Error> {
    let sql = format!("select {COLUMNS} from letopis.event where position > $1 order by position limit $2");
    some(wait(query(client, &sql, &[(&after, Type::INT8), (&PAGE, Type::INT8)])))
}

fn receipts(client: &Client, (at, command_id): &(i64, Vec<u8>)) -> Result<Option<Vec<Row>>, Error> {
    // With `at` alone as well, which has an index.
    let sql = "select command_id, fingerprint, at, position, subject, outcome from letopis.receipt
               where at >= $1 and (at, command_id) > ($1, $2) order by at, command_id limit $3";
    some(wait(query(client, sql, &[(at, Type::INT8), (command_id, Type::BYTEA), (&PAGE, Type::INT8)])))
}

/// What the next page begins behind, which must be further than before.
fn further<T: PartialOrd>(before: T, found: T) -> Result<T, Error> {
    match before < found {
        true => Ok(found),
        false => Err(Error::Damaged { what: "an index of keys or receipts is out of order" }),
    }
}

fn some(rows: Result<Vec<Row>, Error>) -> Result<Option<Vec<Row>>, Error> {
    rows.map(|rows| Some(rows).filter(|rows| !rows.is_empty()))
}
