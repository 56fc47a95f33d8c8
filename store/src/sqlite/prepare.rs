//! A batch made ready to be written: everything that needs no lock is done here, before the transaction begins.

use super::decode::{of_receipt, sql_number};
use super::secrets::Look;
use crate::chain::{self, Link};
use crate::seal::{self, Key};
use crate::{Batch, EVENT_BYTES_MAX, Error, Head, NewEvent, NewReceipt};
use domain::{Timestamp, UserId};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The rows of one batch.
pub(super) struct Prepared<'a> {
    pub(super) rows: Vec<EventRow<'a>>,
    pub(super) receipts: Vec<ReceiptRow<'a>>,
    /// Data keys of subjects that had none, and their wrapped forms.
    pub(super) new_keys: HashMap<UserId, (Arc<Key>, Vec<u8>)>,
    /// Where the log ends after them.
    pub(super) head: Head,
}

pub(super) struct EventRow<'a> {
    pub(super) position: i64,
    pub(super) stream: String,
    pub(super) version: i64,
    pub(super) id: Uuid,
    pub(super) name: &'static str,
    pub(super) recorded_at: i64,
    pub(super) payload: String,
    pub(super) subject: Option<UserId>,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) sealed_hash: Option<[u8; 32]>,
    pub(super) meta: &'a str,
    pub(super) hash: [u8; 32],
}

pub(super) struct ReceiptRow<'a> {
    pub(super) receipt: &'a NewReceipt,
    /// Sealed when the receipt has a subject.
    pub(super) outcome: Vec<u8>,
}

/// Gives positions, times and ids, encodes, seals and hashes.
pub(super) fn prepare<'a>(look: &Look<'_>, head: Head, batch: &'a Batch) -> Result<Prepared<'a>, Error> {
    let mut prepared = Prepared {
        rows: Vec::with_capacity(batch.events.len()),
        receipts: Vec::with_capacity(batch.receipts.len()),
        new_keys: HashMap::new(),
        head,
    };
    let recorded_at = batch.at.max(head.recorded_at);
    let mut buffer = Vec::with_capacity(1024);
    for event in &batch.events {
        let row = prepared.event(look, event, recorded_at, &mut buffer)?;
        prepared.head = Head { position: prepared.head.position + 1, hash: row.hash, recorded_at };
        prepared.rows.push(row);
    }
    for receipt in &batch.receipts {
        let outcome = match receipt.subject {
            None => receipt.outcome.clone().into_bytes(),
            Some(subject) => {
                let bound_to = of_receipt(&receipt.command_id);
                prepared.key(look, subject)?.seal(&bound_to, receipt.outcome.as_bytes())
            }
        };
        prepared.receipts.push(ReceiptRow { receipt, outcome });
    }
    Ok(prepared)
}

impl<'a> Prepared<'a> {
    fn event(
        &mut self,
        look: &Look<'_>,
        new: &'a NewEvent,
        recorded_at: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Result<EventRow<'a>, Error> {
        let stored = new.event.stored(new.stream);
        let id = new_id(recorded_at);
        let subject = stored.personal.as_ref().map(|(subject, _)| *subject);
        let sealed = match &stored.personal {
            None => None,
            Some((subject, plain)) => {
                Some(self.key(look, *subject)?.seal(&seal::of_event(id, stored.name), plain.as_bytes()))
            }
        };
        let bytes = stored.payload.len() + sealed.as_ref().map_or(0, Vec::len) + new.meta.len();
        if bytes > EVENT_BYTES_MAX {
            return Err(Error::TooLarge { name: stored.name, bytes });
        }
        let mut row = EventRow {
            position: sql_number(self.head.position + 1),
            stream: new.stream.to_string(),
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
    fn key(&mut self, look: &Look<'_>, subject: UserId) -> Result<Arc<Key>, Error> {
        if let Some((key, _)) = self.new_keys.get(&subject) {
            return Ok(key.clone());
        }
        if let Some(key) = look.data_key(subject)? {
            return Ok(key);
        }
        let (key, wrapped) = look.keys.new_data_key(subject);
        self.new_keys.insert(subject, (key.clone(), wrapped));
        Ok(key)
    }
}

impl EventRow<'_> {
    fn link(&self) -> Link<'_> {
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
