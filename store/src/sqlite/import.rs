//! A log that travelled in a file, brought into a folder whose own is empty.

use super::schema;
use super::secrets;
use super::staging::{Staging, filling};
use super::write::{INSERT_EVENT, INSERT_KEY, INSERT_RECEIPT};
use crate::follow::{self, Versions};
use crate::record::sql_number;
use crate::transfer::{Counted, Event, FORMAT, Hex, Line, Other, Reader, Receipt, VERSION};
use crate::{EVENT_BYTES_MAX, Error, Head, Keys, failpoint};
use domain::{Timestamp, UserId};
use rusqlite::{Connection, Params};
use std::convert::Infallible;
use std::io::BufRead;
use std::path::Path;
use uuid::Uuid;

/// How many events pass between two words about how far it is.
const TOLD_EVERY: u64 = 4_096;

/// Where a log is brought in, and what must be at hand for it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The data folder; it is made when it is not there.
    pub data: &'a Path,
    /// The master key that the log was sealed with.
    pub master_key: &'a Path,
    /// The list of who was erased.
    pub erased_list: &'a Path,
}

/// What was brought in.
#[derive(Clone, Debug)]
pub struct Brought {
    /// Where the log ends.
    pub head: Head,
    /// How much it is.
    pub counted: Counted,
    /// Who is in the list of the erased and has an account in this log all the same: whoever opens the folder for
    /// writing erases them again, before anything is served.
    pub back: Vec<UserId>,
}

/// Brings the log of an export into a folder whose log is empty: all of it, with its positions, ids, hashes, wrapped
/// keys and receipts, or nothing. Every line is checked while it is read, and the whole log once more when it lies on
/// the disk; until then a start refuses the folder. `progress` is told the position and the head.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::Locked`]; [`Error::NotAnExport`], [`Error::BadExport`], [`Error::Import`];
/// [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`]; [`Error::NotHeld`]; [`Error::DiskFull`],
/// [`Error::NotWritten`], [`Error::File`], [`Error::NotAnErasedList`]. Nothing was imported then.
pub fn import(target: Target<'_>, from: impl BufRead, progress: impl FnMut(u64, u64)) -> Result<Brought, Error> {
    let mut reader = Reader::new(from);
    let header = header(&mut reader)?;
    let keys = secrets::unlock_other(target.master_key, &header.check, &header.lookup)?;
    let staging = Staging::begin(target.data)?;
    let (counted, head) = {
        let connection = filling(&staging.database())?;
        schema::migrate(&connection)?;
        let transaction = connection.unchecked_transaction()?;
        let secrets = "insert into secret (name, wrapped) values ('check', ?1), ('lookup', ?2)";
        transaction.execute(secrets, (&header.check, &header.lookup)).map_err(Error::not_written)?;
        let done = Loading { to: &transaction, keys: &keys, end: header.position, versions: Versions::default() }
            .load(&mut reader, progress)?;
        transaction.commit().map_err(Error::not_written)?;
        done
    };
    if (head.position, head.hash) != (header.position, header.hash.0) {
        let what = format!("ends a log at {}, and the header says {}", head.position, header.position);
        return Err(reader.bad(what));
    }
    failpoint::pass("import-loaded");
    staging.verify(&[head.into()], |_| {})?;
    let back = staging.listed(target.erased_list, None)?;
    staging.finish(head)?;
    Ok(Brought { head, counted, back })
}

struct Header {
    position: u64,
    hash: Hex,
    check: Vec<u8>,
    lookup: Vec<u8>,
}

fn header(reader: &mut Reader<impl BufRead>) -> Result<Header, Error> {
    let no_export = |what: &str| Error::NotAnExport { what: what.to_owned() };
    match reader.next() {
        Ok(Line::Other(Other::Header { format, version, position, hash, check, lookup })) if format == FORMAT => {
            if version == VERSION {
                return Ok(Header { position, hash, check: check.0, lookup: lookup.0 });
            }
            Err(no_export(&format!("it is of version {version}, this program reads {VERSION}")))
        }
        Ok(_) => Err(no_export("its first line is no header")),
        Err(Error::BadExport { what, .. }) => Err(no_export(&format!("its first line {what}"))),
        Err(error) => Err(error),
    }
}

struct Loading<'a> {
    to: &'a Connection,
    keys: &'a Keys,
    /// Where the header says that the log ends.
    end: u64,
    versions: Versions,
}

/// The kinds of lines, in the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Keys,
    Events,
    Receipts,
}

impl Loading<'_> {
    fn load(
        mut self,
        reader: &mut Reader<impl BufRead>,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<(Counted, Head), Error> {
        let mut head = Head { recorded_at: Timestamp(i64::MIN), ..Head::default() };
        let (mut counted, mut part, mut buffer) = (Counted::default(), Part::Keys, Vec::new());
        loop {
            let number = reader.number() + 1;
            let bad = |what: &str| Error::BadExport { line: number, what: what.to_owned() };
            let (of, done) = match reader.next()? {
                Line::Event(event) => {
                    head = self.event(&head, &event, &mut buffer).map_err(|fault| fault.at(number))?;
                    if head.position.is_multiple_of(TOLD_EVERY) {
                        progress(head.position, self.end);
                    }
                    (Part::Events, &mut counted.events)
                }
                Line::Other(Other::Key { subject, wrapped }) => {
                    self.key(subject, &wrapped.0).map_err(|fault| fault.at(number))?;
                    (Part::Keys, &mut counted.keys)
                }
                Line::Other(Other::Receipt(receipt)) => {
                    self.receipt(&receipt, head).map_err(|fault| fault.at(number))?;
                    (Part::Receipts, &mut counted.receipts)
                }
                Line::Other(Other::End { events, keys, receipts, blake3 }) => {
                    end(reader, (Counted { events, keys, receipts }, counted), blake3)?;
                    return Ok((counted, if head.position == 0 { Head::default() } else { head }));
                }
                Line::Other(Other::Header { .. }) => return Err(bad("is a second header")),
            };
            if of < part {
                return Err(bad("stands behind lines that it must stand before"));
            }
            part = of;
            *done += 1;
        }
    }

    fn event(&mut self, head: &Head, event: &Event<'_>, buffer: &mut Vec<u8>) -> Result<Head, Fault> {
        let position = head.position + 1;
        if event.position != position {
            return Err(Fault::Line(format!("holds event {}, and event {position} must come", event.position)));
        }
        if event.bytes() > EVENT_BYTES_MAX {
            return Err(Fault::Line(format!("holds event {position}, which is larger than an event may be")));
        }
        let sealed = event.sealed.as_ref().map(|sealed| sealed.0.as_slice());
        let link = event.link();
        let next = follow::next(head, &link, sealed, &event.hash.0, buffer);
        let broken = |(_, what): follow::Fault| Fault::Line(format!("holds event {position}, which is bad: {what}"));
        let next = next.map_err(broken)?;
        let Ok(version) = self.versions.next(self.versions.stream(link.stream), || Ok::<_, Infallible>(0));
        if version != link.version {
            return Err(broken(follow::NOT_NEXT));
        }
        let row = rusqlite::params![
            link.position,
            link.stream,
            link.version,
            link.id,
            link.name,
            link.recorded_at,
            link.payload,
            link.subject,
            sealed,
            link.sealed_hash,
            link.meta,
            event.hash.0.as_slice(),
        ];
        self.insert(INSERT_EVENT, row)?;
        Ok(next)
    }

    fn key(&self, subject: Uuid, wrapped: &[u8]) -> Result<(), Fault> {
        if self.keys.unwrap_data_key(UserId(subject), wrapped).is_none() {
            return Err(Fault::Line("holds a key that the master key does not open".to_owned()));
        }
        self.insert(INSERT_KEY, (subject.as_bytes().as_slice(), wrapped))
    }

    fn receipt(&self, receipt: &Receipt, head: Head) -> Result<(), Fault> {
        if receipt.position > head.position {
            return Err(Fault::Line("holds a receipt of an event that is not in the log".to_owned()));
        }
        let subject = receipt.subject.as_ref().map(|subject| subject.as_bytes().as_slice());
        let row = (
            receipt.command_id.0.as_slice(),
            receipt.fingerprint.0.as_slice(),
            receipt.at.0,
            sql_number(receipt.position),
            subject,
            &receipt.outcome.0,
        );
        self.insert(INSERT_RECEIPT, row)
    }

    fn insert(&self, sql: &str, row: impl Params) -> Result<(), Fault> {
        match self.to.prepare_cached(sql).and_then(|mut statement| statement.execute(row)) {
            Ok(_) => Ok(()),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                Err(Fault::Line("repeats what an earlier line holds".to_owned()))
            }
            Err(source) => Err(Fault::Store(Error::not_written(source))),
        }
    }
}

/// Why a line was not taken.
enum Fault {
    Line(String),
    Store(Error),
}

impl Fault {
    fn at(self, line: u64) -> Error {
        match self {
            Fault::Line(what) => Error::BadExport { line, what },
            Fault::Store(error) => error,
        }
    }
}

/// The trailer must fit what was read, and nothing may follow.
fn end(reader: &mut Reader<impl BufRead>, (said, counted): (Counted, Counted), blake3: Hex) -> Result<(), Error> {
    if said != counted {
        let what = format!("says that there are {} events, and {} were read", said.events, counted.events);
        let what = if said.events == counted.events { "counts other lines than were read".to_owned() } else { what };
        return Err(reader.bad(what));
    }
    if blake3 != reader.sum() {
        return Err(reader.bad("says that a line before it was other than it is now"));
    }
    if reader.is_over()? { Ok(()) } else { Err(reader.bad("stands behind the end")) }
}
