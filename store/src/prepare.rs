//! A batch made ready to be written: everything that needs no lock is done here, before the transaction begins.

use crate::chain::{self, Link};
use crate::decode::of_receipt;
use crate::record::sql_number;
use crate::seal::{self, Key};
use crate::{Batch, EVENT_BYTES_MAX, Error, Fact, Head, Keys, NewEvent, NewReceipt};
use domain::{Stored, Timestamp, UserId};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The rows of one batch.
pub(crate) struct PreparedBatch<'a> {
    pub(crate) rows: Vec<EventRow<'a>>,
    pub(crate) receipts: Vec<ReceiptRow<'a>>,
    /// Data keys of subjects that had none, and their wrapped forms.
    pub(crate) new_keys: HashMap<UserId, (Arc<Key>, Vec<u8>)>,
    /// Where the log ends after them.
    pub(crate) head: Head,
}

pub(crate) struct EventRow<'a> {
    pub(crate) position: i64,
    pub(crate) stream: String,
    pub(crate) version: i64,
    pub(crate) id: Uuid,
    pub(crate) name: &'static str,
    pub(crate) recorded_at: i64,
    pub(crate) payload: String,
    pub(crate) subject: Option<UserId>,
    pub(crate) sealed: Option<Vec<u8>>,
    pub(crate) sealed_hash: Option<[u8; 32]>,
    pub(crate) meta: &'a str,
    pub(crate) hash: [u8; 32],
}

pub(crate) struct ReceiptRow<'a> {
    pub(crate) receipt: &'a NewReceipt,
    /// Sealed when the receipt has a subject.
    pub(crate) outcome: Vec<u8>,
}

/// The events of a batch in their stored parts, in the clear.
pub(crate) fn encode(batch: &Batch) -> Vec<Stored> {
    batch.events.iter().map(|new| new.event.stored()).collect()
}

/// Finds the data key of a person; none where there is none.
pub(crate) type Find<'a> = &'a mut dyn FnMut(UserId) -> Result<Option<Arc<Key>>, Error>;

/// Gives positions, times and ids, seals and hashes what was encoded.
pub(crate) fn prepare<'a>(
    keys: &Keys,
    find: Find<'_>,
    head: Head,
    batch: &'a Batch,
    encoded: Vec<Stored>,
) -> Result<PreparedBatch<'a>, Error> {
    let mut prepared = PreparedBatch {
        rows: Vec::with_capacity(batch.events.len()),
        receipts: Vec::with_capacity(batch.receipts.len()),
        new_keys: HashMap::new(),
        head,
    };
    let recorded_at = batch.at.max(head.recorded_at);
    let mut buffer = Vec::with_capacity(1024);
    let mut keys = DataKeys { keys, find };
    for (event, stored) in batch.events.iter().zip(encoded) {
        let row = prepared.event(&mut keys, (event, stored), recorded_at, &mut buffer)?;
        prepared.head = Head { position: prepared.head.position + 1, hash: row.hash, recorded_at };
        prepared.rows.push(row);
    }
    for receipt in &batch.receipts {
        let outcome = match receipt.subject {
            None => receipt.outcome.clone().into_bytes(),
            Some(subject) => {
                let bound_to = of_receipt(&receipt.command_id);
                prepared.key(&mut keys, subject)?.seal(&bound_to, receipt.outcome.as_bytes())
            }
        };
        prepared.receipts.push(ReceiptRow { receipt, outcome });
    }
    Ok(prepared)
}

/// Keys that are there, and new ones.
struct DataKeys<'a> {
    keys: &'a Keys,
    find: Find<'a>,
}

impl<'a> PreparedBatch<'a> {
    /// What was appended, for those who follow closely.
    pub(crate) fn facts(&self, batch: &Batch) -> impl Iterator<Item = Fact> {
        batch.events.iter().zip(&self.rows).map(|(new, row)| Fact {
            position: row.position.unsigned_abs(),
            version: new.version,
            id: row.id,
            recorded_at: Timestamp(row.recorded_at),
            event: new.event.clone(),
            hash: row.hash,
        })
    }

    fn event(
        &mut self,
        keys: &mut DataKeys<'_>,
        (new, stored): (&'a NewEvent, Stored),
        recorded_at: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Result<EventRow<'a>, Error> {
        let id = new_id(recorded_at);
        let subject = stored.personal.as_ref().map(|(subject, _)| *subject);
        let sealed = match &stored.personal {
            None => None,
            Some((subject, plain)) => {
                Some(self.key(keys, *subject)?.seal(&seal::of_event(id, stored.name), plain.as_bytes()))
            }
        };
        let bytes = stored.payload.len() + sealed.as_ref().map_or(0, Vec::len) + new.meta.len();
        if bytes > EVENT_BYTES_MAX {
            return Err(Error::TooLarge { name: stored.name, bytes });
        }
        let mut row = EventRow {
            position: sql_number(self.head.position + 1),
            stream: new.event.stream().to_string(),
            version: sql_number(new.version),
            id,
            name: stored.name,
            recorded_at: recorded_at.0,
            payload: stored.payload,
            subject,
            sealed_hash: sealed.as_deref().map(chain::sealed_hash),
            sealed,
            meta: &new.meta,
            hash: chain::GENESIS,
        };
        row.hash = chain::hash(&self.head.hash, &row.link(), buffer);
        Ok(row)
    }

    /// The data key of a subject; a new one when there is none.
    fn key(&mut self, keys: &mut DataKeys<'_>, subject: UserId) -> Result<Arc<Key>, Error> {
        if let Some((key, _)) = self.new_keys.get(&subject) {
            return Ok(key.clone());
        }
        if let Some(key) = (keys.find)(subject)? {
            return Ok(key);
        }
        let (key, wrapped) = keys.keys.new_data_key(subject);
        self.new_keys.insert(subject, (key.clone(), wrapped));
        Ok(key)
    }
}

impl EventRow<'_> {
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            position: self.position,
            stream: &self.stream,
            version: self.version,
            id: self.id.as_bytes(),
            name: self.name,
            recorded_at: self.recorded_at,
            payload: &self.payload,
            subject: self.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()),
            sealed_hash: self.sealed_hash.as_ref().map(<[u8; 32]>::as_slice),
            meta: self.meta,
        }
    }
}

/// A UUIDv7 of the time that the event is recorded at.
fn new_id(recorded_at: Timestamp) -> Uuid {
    let mut random = [0; 10];
    rand::fill(&mut random[..]);
    uuid::Builder::from_unix_timestamp_millis(recorded_at.unix_ms(), &random).into_uuid()
}
