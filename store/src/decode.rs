//! From stored parts to what is read back: the same for every database.

use crate::seal::{self, Key};
use crate::{Error, Fact, Record};
use domain::{Event, Personal, StoredParts, Timestamp, UserId};
use uuid::Uuid;

/// An event's stored parts, its personal one unsealed.
pub(crate) struct Parts<'a> {
    pub(crate) position: u64,
    pub(crate) stream: &'a str,
    pub(crate) version: u64,
    pub(crate) id: Uuid,
    pub(crate) name: &'a str,
    pub(crate) recorded_at: Timestamp,
    pub(crate) payload: &'a str,
    pub(crate) personal: Option<Personal<String>>,
    pub(crate) hash: [u8; 32],
}

impl<'a> Parts<'a> {
    pub(crate) fn of(record: &'a Record, personal: Option<Personal<String>>) -> Parts<'a> {
        Parts {
            position: record.position,
            stream: &record.stream,
            version: record.version,
            id: record.id,
            name: &record.name,
            recorded_at: record.recorded_at,
            payload: &record.payload,
            personal,
            hash: record.hash,
        }
    }
}

pub(crate) fn decoded(parts: Parts<'_>) -> Result<Fact, Error> {
    let Parts { position, version, id, recorded_at, hash, .. } = parts;
    let personal = parts.personal.as_ref().and_then(Personal::known).map(String::as_str);
    let parts = StoredParts { stream: parts.stream, name: parts.name, payload: parts.payload, personal };
    let event = Event::restore(&parts).map_err(|source| Error::Unreadable { position, source })?;
    Ok(Fact { position, version, id, recorded_at, event, hash })
}

/// Opens a sealed part with the key of its subject; erased when there is no key any more.
pub(crate) fn unsealed(
    key: Option<&Key>,
    position: u64,
    subject: Option<UserId>,
    (id, name): (Uuid, &str),
    sealed: &[u8],
) -> Result<Option<Personal<String>>, Error> {
    let corrupt = |what| Error::Corrupt { position, what };
    subject.ok_or(corrupt("its sealed part has no subject"))?;
    let Some(key) = key else {
        return Ok(Some(Personal::Erased));
    };
    let plain = key.open(&seal::of_event(id, name), sealed).ok_or(corrupt("its sealed part does not open"))?;
    let plain = String::from_utf8(plain).map_err(|_| corrupt("its sealed part is no text"))?;
    Ok(Some(Personal::Known(plain)))
}

/// What a receipt's sealed outcome is bound to.
pub(crate) fn of_receipt(command_id: &[u8; 32]) -> Vec<u8> {
    [b"receipt ".as_slice(), command_id].concat()
}

/// What a command answered. `key` is that of its subject: `None` when it has no subject and is not sealed,
/// `Some(None)` when its subject's key is gone.
pub(crate) fn outcome(key: Option<Option<&Key>>, bound_to: &[u8], outcome: &[u8]) -> Result<Personal<String>, Error> {
    const DAMAGED: Error = Error::Damaged { what: "a receipt is not what was written" };
    let plain = match key {
        None => outcome.to_vec(),
        Some(None) => return Ok(Personal::Erased),
        Some(Some(key)) => key.open(bound_to, outcome).ok_or(DAMAGED)?,
    };
    Ok(Personal::Known(String::from_utf8(plain).map_err(|_| DAMAGED)?))
}
