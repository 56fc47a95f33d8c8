//! A log into the file that it travels in: what is written is checked on the way, whichever database it comes from.

use super::{Base64, Event, Hex, Lines, Receipt, TOLD_EVERY, Totals, raw};
use crate::chain_walk::{self, Versions};
use crate::{Broken, Error, Head, Record};
use domain::Timestamp;
use std::convert::Infallible;
use std::io::Write;
use uuid::Uuid;

/// A log that is written into a file: its keys by their subject, its events in order, its receipts by age and command.
pub(crate) struct Leaving<W, P> {
    lines: Lines<W>,
    /// Where the log ends.
    end: Head,
    /// Up to where it is written.
    head: Head,
    versions: Versions,
    buffer: Vec<u8>,
    progress: P,
}

impl<W: Write, P: FnMut(u64, u64)> Leaving<W, P> {
    /// Begins with the header.
    pub(crate) fn begin(to: W, end: Head, secrets: (Vec<u8>, Vec<u8>), progress: P) -> Result<Leaving<W, P>, Error> {
        let (check, lookup) = secrets;
        Ok(Leaving {
            lines: Lines::begin(to, end, check, lookup)?,
            end,
            head: Head { recorded_at: Timestamp(i64::MIN), ..Head::default() },
            versions: Versions::default(),
            buffer: Vec::new(),
            progress,
        })
    }

    /// The wrapped key of a person.
    pub(crate) fn key(&mut self, subject: &[u8], wrapped: Vec<u8>) -> Result<(), Error> {
        let subject = Uuid::from_slice(subject).map_err(|_| Error::Damaged { what: "a data key has no subject" })?;
        self.lines.key(subject, wrapped)
    }

    /// The next event.
    pub(crate) fn event(&mut self, record: &Record) -> Result<(), Error> {
        let sealed = record.sealed.as_deref();
        let next = chain_walk::next(&self.head, &record.link(), sealed, &record.hash, &mut self.buffer);
        let position = self.head.position + 1;
        let broken = |(kind, what): chain_walk::Fault| Broken { position, what: what.to_owned(), kind };
        self.head = next.map_err(|fault| Error::NotHeld { source: broken(fault) })?;
        let stream = self.versions.stream(&record.stream);
        let Ok(version) = self.versions.next(stream, || Ok::<_, Infallible>(0));
        if u64::try_from(version) != Ok(record.version) {
            return Err(Error::NotHeld { source: broken(chain_walk::NOT_NEXT) });
        }
        self.lines.event(&shown(record)?)?;
        if position.is_multiple_of(TOLD_EVERY) {
            (self.progress)(position, self.end.position);
        }
        Ok(())
    }

    /// A receipt, as it is in the database.
    pub(crate) fn receipt(&mut self, row: ReceiptRow<'_>) -> Result<(), Error> {
        const DAMAGED: Error = Error::Damaged { what: "a receipt is not what was written" };
        let hash = |bytes: &[u8]| bytes.try_into().map(Hex).map_err(|_| DAMAGED);
        let subject = row.subject.map(Uuid::from_slice).transpose();
        self.lines.receipt(Receipt {
            command_id: hash(row.command_id)?,
            fingerprint: hash(row.fingerprint)?,
            at: row.at,
            position: row.position,
            subject: subject.map_err(|_| Error::Damaged { what: "a receipt has no subject" })?,
            outcome: Base64(row.outcome),
        })
    }

    /// Ends with the trailer.
    pub(crate) fn end(self) -> Result<(Head, Totals), Error> {
        Ok((self.end, self.lines.end()?))
    }
}

/// The columns of a receipt.
pub(crate) struct ReceiptRow<'a> {
    pub(crate) command_id: &'a [u8],
    pub(crate) fingerprint: &'a [u8],
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
    pub(crate) subject: Option<&'a [u8]>,
    pub(crate) outcome: Vec<u8>,
}

fn shown(record: &Record) -> Result<Event<'_>, Error> {
    let json = |text| raw(text).ok_or(Error::Corrupt { position: record.position, what: "it holds no JSON" });
    if Timestamp::parse(&record.recorded_at.to_string()) != Some(record.recorded_at) {
        return Err(Error::Corrupt { position: record.position, what: "its time is none" });
    }
    Ok(Event {
        position: record.position,
        stream: record.stream.as_str().into(),
        version: record.version,
        id: record.id,
        name: record.name.as_str().into(),
        recorded_at: record.recorded_at,
        payload: json(&record.payload)?,
        subject: record.subject.map(|subject| subject.0),
        sealed: record.sealed.clone().map(Base64),
        sealed_hash: record.sealed_hash.map(Hex),
        meta: json(&record.meta)?,
        hash: Hex(record.hash),
    })
}
