//! The one statement that writes a batch, and its commit.

use super::connect::ANSWER_MAX;
use super::rows::Param;
use crate::prepare::Prepared;
use crate::{Error, Forget};
use tokio_postgres::Client;
use tokio_postgres::error::Severity;
use tokio_postgres::types::Type;

const WRITE: &str = "
    with new_key as (
        insert into letopis.subject_key (subject, wrapped) select * from unnest($1::bytea[], $2::bytea[])
    ), new_event as (
        insert into letopis.event (position, stream, version, id, name, recorded_at, payload, subject, sealed,
            sealed_hash, meta, hash)
        select * from unnest($3::bigint[], $4::text[], $5::bigint[], $6::bytea[], $7::text[], $8::bigint[], $9::text[],
            $10::bytea[], $11::bytea[], $12::bytea[], $13::text[], $14::bytea[])
    ), new_receipt as (
        insert into letopis.receipt (command_id, fingerprint, at, position, subject, outcome)
        select * from unnest($15::bytea[], $16::bytea[], $17::bigint[], $18::bigint[], $19::bytea[], $20::bytea[])
    )
    update letopis.log_head set position = $21, hash = $22, recorded_at = $23";

/// Writes a prepared batch into the open transaction and commits it: one round trip where nothing is forgotten.
///
/// # Errors
/// [`Error::Refused`]: the database has not written it. [`Error::Unconfirmed`]: nobody knows.
pub(super) async fn write(client: &Client, prepared: &Prepared<'_>, forget: &[Forget]) -> Result<(), Error> {
    match tokio::time::timeout(ANSWER_MAX, sent(client, prepared, forget)).await {
        Ok(written) => written,
        Err(_) => Err(Error::Unconfirmed { what: "it did not answer in time".to_owned() }),
    }
}

async fn sent(client: &Client, prepared: &Prepared<'_>, forget: &[Forget]) -> Result<(), Error> {
    let (keys, events, receipts) = (Keys::of(prepared), Events::of(prepared), Receipts::of(prepared));
    let position = i64::try_from(prepared.head.position).unwrap_or(i64::MAX);
    let hash = prepared.head.hash.as_slice();
    let mut params: Vec<Param<'_>> = Vec::with_capacity(23);
    keys.bind(&mut params);
    events.bind(&mut params);
    receipts.bind(&mut params);
    params.push((&position, Type::INT8));
    params.push((&hash, Type::BYTEA));
    params.push((&prepared.head.recorded_at.0, Type::INT8));
    if forget.is_empty() {
        // Both are sent before either is answered, in this order.
        let (written, committed) =
            tokio::join!(biased; client.execute_typed(WRITE, &params), client.batch_execute("commit"));
        written.map_err(|source| if certain(&source) { Error::Refused { source } } else { unconfirmed(&source) })?;
        return committed.map_err(|source| unconfirmed(&source));
    }
    let refused = |source: tokio_postgres::Error| Error::Refused { source };
    client.execute_typed(WRITE, &params).await.map_err(refused)?;
    for forget in forget {
        write_forget(client, forget).await.map_err(refused)?;
    }
    client.batch_execute("commit").await.map_err(|source| unconfirmed(&source))
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

/// Columns, each as one array.
struct Keys<'a> {
    subject: Vec<&'a [u8]>,
    wrapped: Vec<&'a [u8]>,
}

impl<'a> Keys<'a> {
    fn of(prepared: &'a Prepared<'_>) -> Keys<'a> {
        let keys = prepared.new_keys.iter();
        let (subject, wrapped) =
            keys.map(|(id, (_, wrapped))| (id.0.as_bytes().as_slice(), wrapped.as_slice())).unzip();
        Keys { subject, wrapped }
    }

    fn bind<'b>(&'b self, params: &mut Vec<Param<'b>>) {
        params.push((&self.subject, Type::BYTEA_ARRAY));
        params.push((&self.wrapped, Type::BYTEA_ARRAY));
    }
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

impl<'a> Events<'a> {
    fn of(prepared: &'a Prepared<'_>) -> Events<'a> {
        let mut columns = Events::default();
        for row in &prepared.rows {
            columns.position.push(row.position);
            columns.stream.push(&row.stream);
            columns.version.push(row.version);
            columns.id.push(row.id.as_bytes().as_slice());
            columns.name.push(row.name);
            columns.recorded_at.push(row.recorded_at);
            columns.payload.push(&row.payload);
            columns.subject.push(row.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()));
            columns.sealed.push(row.sealed.as_deref());
            columns.sealed_hash.push(row.sealed_hash.as_ref().map(<[u8; 32]>::as_slice));
            columns.meta.push(row.meta);
            columns.hash.push(row.hash.as_slice());
        }
        columns
    }

    fn bind<'b>(&'b self, params: &mut Vec<Param<'b>>) {
        params.push((&self.position, Type::INT8_ARRAY));
        params.push((&self.stream, Type::TEXT_ARRAY));
        params.push((&self.version, Type::INT8_ARRAY));
        params.push((&self.id, Type::BYTEA_ARRAY));
        params.push((&self.name, Type::TEXT_ARRAY));
        params.push((&self.recorded_at, Type::INT8_ARRAY));
        params.push((&self.payload, Type::TEXT_ARRAY));
        params.push((&self.subject, Type::BYTEA_ARRAY));
        params.push((&self.sealed, Type::BYTEA_ARRAY));
        params.push((&self.sealed_hash, Type::BYTEA_ARRAY));
        params.push((&self.meta, Type::TEXT_ARRAY));
        params.push((&self.hash, Type::BYTEA_ARRAY));
    }
}

#[derive(Default)]
struct Receipts<'a> {
    command_id: Vec<&'a [u8]>,
    fingerprint: Vec<&'a [u8]>,
    at: Vec<i64>,
    position: Vec<i64>,
    subject: Vec<Option<&'a [u8]>>,
    outcome: Vec<&'a [u8]>,
}

impl<'a> Receipts<'a> {
    fn of(prepared: &'a Prepared<'_>) -> Receipts<'a> {
        let mut columns = Receipts::default();
        for row in &prepared.receipts {
            columns.command_id.push(&row.receipt.command_id);
            columns.fingerprint.push(&row.receipt.fingerprint);
            columns.at.push(row.receipt.at.0);
            columns.position.push(i64::try_from(row.receipt.position).unwrap_or(i64::MAX));
            columns.subject.push(row.receipt.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()));
            columns.outcome.push(&row.outcome);
        }
        columns
    }

    fn bind<'b>(&'b self, params: &mut Vec<Param<'b>>) {
        params.push((&self.command_id, Type::BYTEA_ARRAY));
        params.push((&self.fingerprint, Type::BYTEA_ARRAY));
        params.push((&self.at, Type::INT8_ARRAY));
        params.push((&self.position, Type::INT8_ARRAY));
        params.push((&self.subject, Type::BYTEA_ARRAY));
        params.push((&self.outcome, Type::BYTEA_ARRAY));
    }
}
