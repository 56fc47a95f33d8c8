//! The one statement that writes a batch, and its commit.

use super::connect::ANSWER_MAX;
use super::rows::Param;
use crate::chain::Link;
use crate::prepare::PreparedBatch;
use crate::record::sql_number;
use crate::{Error, Forget, Head};
use tokio_postgres::Client;
use tokio_postgres::error::Severity;
use tokio_postgres::types::Type;

const WRITE: &str = "select letopis.write_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, $22, $23)";

/// Writes a prepared batch into the open transaction and commits it: one round trip where nothing is forgotten.
///
/// # Errors
/// [`Error::Refused`]: the database has not written it. [`Error::Unconfirmed`]: nobody knows.
pub(super) async fn write(client: &Client, prepared: &PreparedBatch<'_>, forget: &[Forget]) -> Result<(), Error> {
    match tokio::time::timeout(ANSWER_MAX, sent(client, prepared, forget)).await {
        Ok(written) => written,
        Err(_) => Err(Error::Unconfirmed { what: "it did not answer in time".to_owned() }),
    }
}

async fn sent(client: &Client, prepared: &PreparedBatch<'_>, forget: &[Forget]) -> Result<(), Error> {
    let columns = Columns::of(prepared);
    if forget.is_empty() {
        // Both are sent before either is answered, in this order.
        let (written, committed) =
            tokio::join!(biased; insert(client, &columns, prepared.head), client.batch_execute("commit"));
        written.map_err(|source| if certain(&source) { Error::Refused { source } } else { unconfirmed(&source) })?;
        return committed.map_err(|source| unconfirmed(&source));
    }
    let refused = |source: tokio_postgres::Error| Error::Refused { source };
    insert(client, &columns, prepared.head).await.map_err(refused)?;
    for forget in forget {
        write_forget(client, forget).await.map_err(refused)?;
    }
    client.batch_execute("commit").await.map_err(|source| unconfirmed(&source))
}

/// Writes rows into the open transaction, after which the log ends at `head`.
pub(super) async fn insert(client: &Client, columns: &Columns<'_>, head: Head) -> Result<(), tokio_postgres::Error> {
    let (position, hash) = (sql_number(head.position), head.hash.as_slice());
    let mut params: Vec<Param<'_>> = Vec::with_capacity(23);
    params.push((&position, Type::INT8));
    params.push((&hash, Type::BYTEA));
    params.push((&head.recorded_at.0, Type::INT8));
    columns.bind(&mut params);
    client.execute_typed(WRITE, &params).await.map(drop)
}

/// Whether it was the database that said no and goes on: then the commit behind it has rolled back. A fatal error
/// may be a pooler's, which lost the server and does not know either.
fn certain(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| error.parsed_severity() == Some(Severity::Error))
}

fn unconfirmed(error: &tokio_postgres::Error) -> Error {
    Error::Unconfirmed { what: crate::error::described(error) }
}

async fn write_forget(client: &Client, forget: &Forget) -> Result<(), tokio_postgres::Error> {
    match forget {
        Forget::Superseded { stream, name, before_version } => {
            let sql = "update letopis.event set sealed = null
                       where stream = $1 and version < $2 and name = $3 and sealed is not null";
            let before = i64::try_from(*before_version).unwrap_or(i64::MAX);
            let stream = stream.to_string();
            client.execute_typed(sql, &[(&stream, Type::TEXT), (&before, Type::INT8), (name, Type::TEXT)]).await?;
        }
        Forget::Subject(subject) => {
            let subject = subject.0.as_bytes().as_slice();
            for sql in [
                "delete from letopis.subject_key where subject = $1",
                "update letopis.event set sealed = null where subject = $1 and sealed is not null",
                "delete from letopis.receipt where subject = $1",
            ] {
                client.execute_typed(sql, &[(&subject, Type::BYTEA)]).await?;
            }
        }
    }
    Ok(())
}

/// Rows as the statement takes them: each column as one array.
#[derive(Default)]
pub(super) struct Columns<'a> {
    keys: Keys<'a>,
    events: Events<'a>,
    pub(super) receipts: Receipts<'a>,
}

#[derive(Default)]
struct Keys<'a> {
    subject: Vec<&'a [u8]>,
    wrapped: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Events<'a> {
    position: Vec<i64>,
    stream: Vec<&'a str>,
    version: Vec<i64>,
    id: Vec<&'a [u8]>,
    name: Vec<&'a str>,
    recorded_at: Vec<i64>,
    payload: Vec<&'a str>,
    subject: Vec<Option<&'a [u8]>>,
    sealed: Vec<Option<&'a [u8]>>,
    sealed_hash: Vec<Option<&'a [u8]>>,
    meta: Vec<&'a str>,
    hash: Vec<&'a [u8]>,
}

#[derive(Default)]
pub(super) struct Receipts<'a> {
    pub(super) command_id: Vec<&'a [u8]>,
    pub(super) fingerprint: Vec<&'a [u8]>,
    pub(super) at: Vec<i64>,
    pub(super) position: Vec<i64>,
    pub(super) subject: Vec<Option<&'a [u8]>>,
    pub(super) outcome: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    fn of(prepared: &'a PreparedBatch<'_>) -> Columns<'a> {
        let mut columns = Columns::default();
        for (id, (_, wrapped)) in &prepared.new_keys {
            columns.key(id.0.as_bytes(), wrapped);
        }
        for row in &prepared.rows {
            columns.event(row.link(), row.sealed.as_deref(), &row.hash);
        }
        let receipts = &mut columns.receipts;
        for row in &prepared.receipts {
            receipts.command_id.push(&row.receipt.command_id);
            receipts.fingerprint.push(&row.receipt.fingerprint);
            receipts.at.push(row.receipt.at.0);
            receipts.position.push(sql_number(row.receipt.position));
            receipts.subject.push(row.receipt.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()));
            receipts.outcome.push(&row.outcome);
        }
        columns
    }

    /// Adds a wrapped key.
    pub(super) fn key(&mut self, subject: &'a [u8], wrapped: &'a [u8]) {
        self.keys.subject.push(subject);
        self.keys.wrapped.push(wrapped);
    }

    /// Adds an event.
    pub(super) fn event(&mut self, link: Link<'a>, sealed: Option<&'a [u8]>, hash: &'a [u8]) {
        let events = &mut self.events;
        events.position.push(link.position);
        events.stream.push(link.stream);
        events.version.push(link.version);
        events.id.push(link.id);
        events.name.push(link.name);
        events.recorded_at.push(link.recorded_at);
        events.payload.push(link.payload);
        events.subject.push(link.subject);
        events.sealed.push(sealed);
        events.sealed_hash.push(link.sealed_hash);
        events.meta.push(link.meta);
        events.hash.push(hash);
    }

    fn bind<'b>(&'b self, params: &mut Vec<Param<'b>>) {
        let events = &self.events;
        params.push((&events.position, Type::INT8_ARRAY));
        params.push((&events.stream, Type::TEXT_ARRAY));
        params.push((&events.version, Type::INT8_ARRAY));
        params.push((&events.id, Type::BYTEA_ARRAY));
        params.push((&events.name, Type::TEXT_ARRAY));
        params.push((&events.recorded_at, Type::INT8_ARRAY));
        params.push((&events.payload, Type::TEXT_ARRAY));
        params.push((&events.subject, Type::BYTEA_ARRAY));
        params.push((&events.sealed, Type::BYTEA_ARRAY));
        params.push((&events.sealed_hash, Type::BYTEA_ARRAY));
        params.push((&events.meta, Type::TEXT_ARRAY));
        params.push((&events.hash, Type::BYTEA_ARRAY));
        params.push((&self.keys.subject, Type::BYTEA_ARRAY));
        params.push((&self.keys.wrapped, Type::BYTEA_ARRAY));
        let receipts = &self.receipts;
        params.push((&receipts.command_id, Type::BYTEA_ARRAY));
        params.push((&receipts.fingerprint, Type::BYTEA_ARRAY));
        params.push((&receipts.at, Type::INT8_ARRAY));
        params.push((&receipts.position, Type::INT8_ARRAY));
        params.push((&receipts.subject, Type::BYTEA_ARRAY));
        params.push((&receipts.outcome, Type::BYTEA_ARRAY));
    }
}
