//! The file that a log travels in: lines of JSON, the same whichever database holds the log.
//!
//! 1. `{"kind":"header",…}`: the format and its version, the log's head, the master key's check value and the wrapped
//!    key for look-ups;
//! 2. `{"kind":"key",…}` for each person who has one: their data key, wrapped by the master key;
//! 3. one line an event, in order, without `kind`: the fields of `letopis events ls`, the sealed part in base64;
//! 4. `{"kind":"receipt",…}` for each receipt that is still kept, by age and then by command;
//! 5. `{"kind":"end",…}`: how many lines of each kind there were, and BLAKE3 over every byte before this line.
//!
//! Payload and metadata stand there byte for byte as they were stored: the chain's hashes cover them. What is sealed
//! stays sealed, and no key opens without the master key, which does not travel.

mod arriving;
mod leaving;

pub(crate) use arriving::{Arriving, Fault, Row};
pub use arriving::{Imported, Target};
pub(crate) use leaving::{Leaving, ReceiptRow};

use crate::chain::Link;
use crate::{Error, Head};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{BufRead, Read, Write};
use uuid::Uuid;

/// What the header calls the format.
pub(crate) const FORMAT: &str = "letopis-events";
/// The version that is written, and the only one that is read.
pub(crate) const VERSION: u32 = 1;
/// No line is longer, its end included: an event has 64 KiB at the most, and base64 makes a third more of it.
pub(crate) const LINE_BYTES_MAX: u64 = 256 * 1024;

/// How many events pass between two words about how far it is.
const TOLD_EVERY: u64 = 4_096;

/// How every line but an event's begins.
const KIND: &[u8] = b"{\"kind\":";

/// Bytes, as base64.
#[derive(Clone)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

/// A hash, as 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) [u8; 32]);

/// A line that is no event.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Other {
    Header { format: String, version: u32, position: u64, hash: Hex, check: Base64, lookup: Base64 },
    Key { subject: Uuid, wrapped: Base64 },
    Receipt(Receipt),
    End { events: u64, keys: u64, receipts: u64, blake3: Hex },
}

/// What a command answered, as it is in the database: the outcome is sealed when it has a subject.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Receipt {
    pub(crate) command_id: Hex,
    pub(crate) fingerprint: Hex,
    pub(crate) at: Timestamp,
    pub(crate) position: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Uuid>,
    pub(crate) outcome: Base64,
}

/// A row of the log.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event<'a> {
    pub(crate) position: u64,
    #[serde(borrow)]
    pub(crate) stream: Cow<'a, str>,
    pub(crate) version: u64,
    pub(crate) id: Uuid,
    #[serde(rename = "type", borrow)]
    pub(crate) name: Cow<'a, str>,
    pub(crate) recorded_at: Timestamp,
    #[serde(borrow)]
    pub(crate) payload: &'a RawValue,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<Base64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_hash: Option<Hex>,
    #[serde(borrow)]
    pub(crate) meta: &'a RawValue,
    pub(crate) hash: Hex,
}

impl Event<'_> {
    /// What the chain covers.
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            // Larger ones than there can be in the log are as good as the largest: they follow nothing.
            position: i64::try_from(self.position).unwrap_or(i64::MAX),
            stream: &self.stream,
            version: i64::try_from(self.version).unwrap_or(i64::MAX),
            id: self.id.as_bytes(),
            name: &self.name,
            recorded_at: self.recorded_at.0,
            payload: self.payload.get(),
            subject: self.subject.as_ref().map(|subject| subject.as_bytes().as_slice()),
            sealed_hash: self.sealed_hash.as_ref().map(|hash| hash.0.as_slice()),
            meta: self.meta.get(),
        }
    }

    /// The sealed part.
    pub(crate) fn sealed(&self) -> Option<&[u8]> {
        self.sealed.as_ref().map(|sealed| sealed.0.as_slice())
    }

    /// How much of what an event may hold this one holds, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let sealed = self.sealed().map_or(0, <[u8]>::len);
        self.payload.get().len() + sealed + self.meta.get().len()
    }
}

/// JSON as it was stored; `None` when it would not come back byte for byte.
pub(crate) fn raw(text: &str) -> Option<&RawValue> {
    let raw = serde_json::from_str::<&RawValue>(text).ok()?;
    (raw.get() == text && !text.contains(['\n', '\r'])).then_some(raw)
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events.
    pub events: u64,
    /// Data keys.
    pub keys: u64,
    /// Receipts.
    pub receipts: u64,
}

/// The lines of a file that is written.
pub(crate) struct Lines<W> {
    to: W,
    sum: blake3::Hasher,
    line: Vec<u8>,
    counted: Totals,
}

impl<W: Write> Lines<W> {
    /// Begins with the header.
    pub(crate) fn begin(to: W, head: Head, check: Vec<u8>, lookup: Vec<u8>) -> Result<Lines<W>, Error> {
        let mut lines = Lines { to, sum: blake3::Hasher::new(), line: Vec::new(), counted: Totals::default() };
        lines.line(&Other::Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            position: head.position,
            hash: Hex(head.hash),
            check: Base64(check),
            lookup: Base64(lookup),
        })?;
        Ok(lines)
    }

    pub(crate) fn key(&mut self, subject: Uuid, wrapped: Vec<u8>) -> Result<(), Error> {
        self.counted.keys += 1;
        self.line(&Other::Key { subject, wrapped: Base64(wrapped) })
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> Result<(), Error> {
        self.counted.events += 1;
        self.line(event)
    }

    pub(crate) fn receipt(&mut self, receipt: Receipt) -> Result<(), Error> {
        self.counted.receipts += 1;
        self.line(&Other::Receipt(receipt))
    }

    /// Ends with the trailer.
    pub(crate) fn end(mut self) -> Result<Totals, Error> {
        let Totals { events, keys, receipts } = self.counted;
        let blake3 = Hex(*self.sum.finalize().as_bytes());
        self.line(&Other::End { events, keys, receipts, blake3 })?;
        self.to.flush().map_err(|source| Error::Export { source })?;
        Ok(self.counted)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), Error> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line).map_err(|source| Error::Export { source: source.into() })?;
        self.line.push(b'\n');
        if self.line.len() as u64 > LINE_BYTES_MAX {
            return Err(Error::Damaged { what: "an event or a receipt is larger than any may be" });
        }
        self.sum.update(&self.line);
        self.to.write_all(&self.line).map_err(|source| Error::Export { source })
    }
}

/// A line of a file that is read.
pub(crate) enum Line<'a> {
    Event(Event<'a>),
    Other(Other),
}

/// A file that is read, line by line.
pub(crate) struct Reader<R> {
    from: R,
    sum: blake3::Hasher,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(from: R) -> Reader<R> {
        Reader { from, sum: blake3::Hasher::new(), line: Vec::new(), number: 0 }
    }

    /// The last line that was read is not what it must be.
    pub(crate) fn bad(&self, what: impl Into<String>) -> Error {
        Error::BadExport { line: self.number.max(1), what: what.into() }
    }

    /// BLAKE3 over the lines before the last one that was read.
    pub(crate) fn sum(&self) -> Hex {
        Hex(*self.sum.finalize().as_bytes())
    }

    /// How many lines were read.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line. There is always one more until the trailer was read.
    ///
    /// # Errors
    /// [`Error::BadExport`] when there is none, or it is no line of an export; [`Error::Import`].
    pub(crate) fn next(&mut self) -> Result<Line<'_>, Error> {
        if self.number > 0 {
            self.sum.update(&self.line);
        }
        self.number += 1;
        match self.fill()? {
            0 => return Err(self.bad("is missing: the file was cut off")),
            bytes if bytes > LINE_BYTES_MAX => {
                return Err(self.bad(format!("is longer than {} KiB", LINE_BYTES_MAX / 1024)));
            }
            _ => {}
        }
        // The last line vouches for all before it, also where an editor took the line break behind it.
        let has_end = self.line.last() == Some(&b'\n');
        let cut = || Error::BadExport { line: self.number, what: "has no end: the file was cut off".to_owned() };
        let number = self.number;
        let bad = move |source: serde_json::Error| {
            // Where in the line it is, not in the file: a parser knows one line only.
            let what = source.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            let what = format!("is no line of an export ({what}, column {})", source.column());
            Error::BadExport { line: number, what }
        };
        if self.line.starts_with(KIND) {
            let line = serde_json::from_slice(&self.line).map_err(|error| if has_end { bad(error) } else { cut() })?;
            return if has_end || matches!(line, Other::End { .. }) { Ok(Line::Other(line)) } else { Err(cut()) };
        }
        if !has_end {
            return Err(cut());
        }
        serde_json::from_slice(&self.line).map(Line::Event).map_err(bad)
    }

    /// Whether nothing follows.
    pub(crate) fn is_over(&mut self) -> Result<bool, Error> {
        self.number += 1;
        Ok(self.fill()? == 0)
    }

    fn fill(&mut self) -> Result<u64, Error> {
        self.line.clear();
        let read = (&mut self.from).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.line);
        match read {
            Ok(bytes) => Ok(bytes as u64),
            // A compressed file that ends before its end.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.bad("is missing: the file was cut off"))
            }
            Err(source) => Err(Error::Import { source }),
        }
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Base64, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        BASE64_STANDARD.decode(text.as_bytes()).map(Base64).map_err(|_| serde::de::Error::custom("not base64"))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Hex, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        domain::id::parse_hash(&text).map(Hex).ok_or_else(|| serde::de::Error::custom("not 64 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_json_comes_back_byte_for_byte_or_is_told() {
        for text in [r#"{"a": 1.50,"b":"\u0451", "a":2}"#, "{}", "1e400"] {
            assert_eq!(raw(text).map(RawValue::get), Some(text));
        }
        for text in ["", "{", " {}", "{} ", "{\n}", "{}{}"] {
            assert!(raw(text).is_none(), "{text:?}");
        }
    }

    fn file() -> Vec<u8> {
        let mut file = Vec::new();
        let head = Head { position: 0, hash: [7; 32], ..Head::default() };
        let mut lines = Lines::begin(&mut file, head, vec![1], vec![2]).unwrap();
        lines.key(Uuid::from_u128(3), vec![3; 40]).unwrap();
        lines.end().unwrap();
        file
    }

    #[test]
    fn lines_read_back_and_a_file_that_was_cut_is_told() {
        let file = file();
        let mut reader = Reader::new(file.as_slice());
        assert!(matches!(reader.next(), Ok(Line::Other(Other::Header { position: 0, .. }))));
        assert!(matches!(reader.next(), Ok(Line::Other(Other::Key { .. }))));
        let Ok(Line::Other(Other::End { events: 0, keys: 1, receipts: 0, blake3 })) = reader.next() else { panic!() };
        assert!(blake3 == reader.sum());
        assert!(reader.is_over().unwrap());
        for kept in 0..file.len() {
            let mut reader = Reader::new(&file[..kept]);
            let error = loop {
                if let Err(error) = reader.next() {
                    break error.to_string();
                }
            };
            assert!(error.contains("cut off"), "{kept}: {error}");
        }
    }

    #[test]
    fn what_is_no_line_is_told_with_its_number() {
        for (line, what) in [
            ("hello\n".to_owned(), "no line of an export"),
            ("{\"kind\":\"poem\"}\n".to_owned(), "unknown variant"),
            ("{\"kind\":\"key\",\"subject\":1,\"wrapped\":\"\"}\n".to_owned(), "no line of an export"),
            (format!("{}\n", "x".repeat(300_000)), "longer than 256 KiB"),
        ] {
            let text = [file().split_inclusive(|byte| *byte == b'\n').next().unwrap(), line.as_bytes()].concat();
            let mut reader = Reader::new(text.as_slice());
            reader.next().map(drop).unwrap();
            let error = reader.next().map(drop).unwrap_err().to_string();
            assert!(error.contains("line 2 ") && error.contains(what), "{error}");
        }
    }
}
