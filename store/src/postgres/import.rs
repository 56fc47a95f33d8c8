//! A log that travelled in a file, brought into a database whose own is empty.

use super::connect::{Cluster, bounded};
use super::forget;
use super::reading;
use super::rows::{self, get, query};
use super::runtime::wait;
use super::schema;
use super::verify::accept;
use super::write::{Columns, insert};
use crate::erased::Known;
use crate::transfer::{Arriving, Event, Fault, Imported, Receipt, Row, Target};
use crate::{ErasedList, Error, Folder, Head, Record, failpoint};
use domain::{StreamId, Timestamp, UserId};
use std::io::BufRead;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use uuid::Uuid;

/// Rows written at once, and about how many bytes.
const PAGE_ROWS: usize = 1_000;
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// One transaction, which may wait for a slow file; nobody appends meanwhile.
const BEGIN: &str = "begin isolation level read committed, read write; set local search_path = pg_catalog;
    set local timezone = 'UTC'; set local lock_timeout = '10s'; set local statement_timeout = '60s';
    set local idle_in_transaction_session_timeout = '10min'; set local synchronous_commit = on";

/// Brings the log of an export into a database that was migrated and whose log is empty: all of it, with its positions,
/// ids, hashes, wrapped keys and receipts, or nothing. Every line is checked while it is read, and the whole log once
/// more when it is committed. `progress` is told the position and the head; `before` is called when everything is
/// written and nothing counts yet: what must be so before anybody sees the log.
///
/// # Errors
/// [`Error::NotEmptyDatabase`], [`Error::KeysInTheWay`], [`Error::Locked`]; [`Error::NotAnExport`],
/// [`Error::BadExport`], [`Error::Import`]; [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`];
/// [`Error::OlderSchema`], [`Error::NewerSchema`], [`Error::Unreachable`], [`Error::Postgres`], [`Error::File`],
/// [`Error::NotAnErasedList`]. Nothing was imported then, unless the answer to the commit was lost: the next try tells.
/// [`Error::NotHeld`]: it was imported, and is not what was read.
pub fn import(
    cluster: &Cluster,
    target: Target<'_>,
    from: impl BufRead,
    progress: impl FnMut(u64, u64),
    before: impl FnOnce() -> Result<(), Error>,
) -> Result<Imported, Error> {
    let arriving = Arriving::begin(from, target.master_key)?;
    let folder = Folder::create(target.data)?;
    let lock = folder.lock()?;
    let mut list = ErasedList::open(target.erased_list)?;
    let mut filling = ImportTransaction::begin(cluster, &arriving.check, &arriving.lookup)?;
    let (head, counted) = arriving.load(progress, |row| filling.put(row))?;
    let last = 1 + counted.keys + counted.events + counted.receipts;
    filling.flush_checked(head).map_err(|fault| fault.at(last))?;
    failpoint::pass("import-loaded");
    // Before the log counts: whoever was erased by it is in the list.
    for (user_id, at) in &filling.erased {
        list.add(*user_id, *at).map_err(Error::file("write the list of the erased", target.erased_list))?;
    }
    before()?;
    wait(bounded(async { Ok(filling.client.batch_execute("commit").await?) }))?;
    accept(cluster, &folder, &lock, |_| {})?;
    let mut back = Vec::new();
    for user_id in list.people() {
        match forget::known(cluster, user_id)? {
            Known::Stranger | Known::Forgotten => {}
            Known::Person | Known::Key => back.push(user_id),
        }
    }
    Ok(Imported { head, counted, back })
}

/// The transaction that a log is brought in with. Dropped, it ends with its connection.
struct ImportTransaction {
    client: Client,
    /// Up to where the log is read.
    head: Head,
    page: Page,
    /// Whom the log has erased.
    erased: Vec<(UserId, Timestamp)>,
}

/// What is not written yet.
#[derive(Default)]
struct Page {
    keys: Vec<(Uuid, Vec<u8>)>,
    events: Vec<Record>,
    receipts: Vec<Receipt>,
    bytes: usize,
}

impl ImportTransaction {
    fn begin(cluster: &Cluster, check: &[u8], lookup: &[u8]) -> Result<ImportTransaction, Error> {
        let client = wait(async {
            let client = cluster.connect().await?;
            reading::alone(&client, schema::check(&client)).await?;
            bounded(async { Ok(client.batch_execute(BEGIN).await?) }).await?;
            // Until the commit no node appends, and none makes keys of its own.
            let taken = query(&client, "select position, hash, recorded_at from letopis.log_head for update", &[]);
            let taken = taken.await?;
            let head = rows::head(taken.first().ok_or(Error::Damaged { what: "the log has no head" })?)?;
            let last = query(&client, "select coalesce(max(position), 0) from letopis.event", &[]).await?;
            let last = last.first().map_or(Ok(0), |row| get::<i64>(row, 0))?;
            let events = head.position.max(crate::record::number(last));
            if events > 0 {
                return Err(Error::NotEmptyDatabase { events });
            }
            let sql = "insert into letopis.secret (name, wrapped) values ('check', $1), ('lookup', $2)
                       on conflict do nothing";
            let params: [rows::Param<'_>; 2] = [(&check, Type::BYTEA), (&lookup, Type::BYTEA)];
            let made = bounded(async { Ok(client.execute_typed(sql, &params).await?) }).await?;
            if made == 2 { Ok(client) } else { Err(Error::KeysInTheWay) }
        })?;
        let head = Head::default();
        Ok(ImportTransaction { client, head, page: Page::default(), erased: Vec::new() })
    }

    fn put(&mut self, row: Row<'_>) -> Result<(), Fault> {
        let page = &mut self.page;
        page.bytes += match row {
            Row::Key { subject, wrapped } => {
                page.keys.push((subject, wrapped.to_owned()));
                wrapped.len()
            }
            Row::Event(event) => {
                let record = taken(event)?;
                if let (Some(StreamId::UserId(user_id)), "user.erased.v1") =
                    (StreamId::parse(&record.stream), record.name.as_str())
                {
                    self.erased.push((user_id, record.recorded_at));
                }
                self.head = Head { position: record.position, hash: record.hash, recorded_at: record.recorded_at };
                page.events.push(record);
                event.bytes()
            }
            Row::Receipt(receipt) => {
                page.receipts.push(receipt.clone());
                receipt.outcome.0.len()
            }
        };
        let rows = page.keys.len() + page.events.len() + page.receipts.len();
        if rows < PAGE_ROWS && page.bytes < PAGE_BYTES {
            return Ok(());
        }
        self.flush_checked(self.head)
    }

    /// Writes what is not written yet, and says so when a line repeats another one.
    fn flush_checked(&mut self, head: Head) -> Result<(), Fault> {
        let rows = self.page.keys.len() + self.page.events.len() + self.page.receipts.len();
        self.flush(head).map_err(|error| {
            if let Error::Postgres { source } = &error
                && source.code() == Some(&SqlState::UNIQUE_VIOLATION)
            {
                let what = "or one of the lines before it, of which there are at most";
                return Fault::Line(format!("{what} {rows}, repeats what an earlier line holds"));
            }
            Fault::Store(error)
        })
    }

    fn flush(&mut self, head: Head) -> Result<(), Error> {
        let page = std::mem::take(&mut self.page);
        let mut columns = Columns::default();
        for (subject, wrapped) in &page.keys {
            columns.key(subject.as_bytes(), wrapped);
        }
        for record in &page.events {
            columns.event(record.link(), record.sealed.as_deref(), &record.hash);
        }
        let receipts = &mut columns.receipts;
        for receipt in &page.receipts {
            receipts.command_id.push(&receipt.command_id.0);
            receipts.fingerprint.push(&receipt.fingerprint.0);
            receipts.at.push(receipt.at.0);
            receipts.position.push(crate::record::sql_number(receipt.position));
            receipts.subject.push(receipt.subject.as_ref().map(|subject| subject.as_bytes().as_slice()));
            receipts.outcome.push(&receipt.outcome.0);
        }
        wait(bounded(async { Ok(insert(&self.client, &columns, head).await?) }))
    }
}

/// The event for keeping. PostgreSQL's text holds no NUL.
fn taken(event: &Event<'_>) -> Result<Record, Fault> {
    if event.stream.contains('\0') || event.name.contains('\0') {
        return Err(Fault::Line(format!("holds event {}, which has a stream or a type that is none", event.position)));
    }
    Ok(Record {
        position: event.position,
        stream: event.stream.clone().into_owned(),
        version: event.version,
        id: event.id,
        name: event.name.clone().into_owned(),
        recorded_at: event.recorded_at,
        payload: event.payload.get().to_owned(),
        subject: event.subject.map(UserId),
        sealed: event.sealed().map(<[u8]>::to_vec),
        sealed_hash: event.sealed_hash.map(|hash| hash.0),
        meta: event.meta.get().to_owned(),
        hash: event.hash.0,
    })
}
