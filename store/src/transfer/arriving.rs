//! A log out of the file that it travelled in: what every line must be, whichever database it goes into.

use super::{Event, FORMAT, Hex, Line, Other, Reader, Receipt, TOLD_EVERY, Totals, VERSION};
use crate::chain_walk::{self, Versions};
use crate::{EVENT_BYTES_MAX, Error, Head, Keys};
use domain::{Timestamp, UserId};
use std::collections::HashSet;
use std::convert::Infallible;
use std::io::BufRead;
use std::path::Path;
use uuid::Uuid;

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
pub struct Imported {
    /// Where the log ends.
    pub head: Head,
    /// How much it is.
    pub counted: Totals,
    /// Who is in the list of the erased and has an account in this log all the same: whoever opens the log for
    /// writing erases them again, before anything is served.
    pub back: Vec<UserId>,
}

/// What a line brings, checked: it follows what came before it.
#[derive(Clone, Copy)]
pub(crate) enum Row<'a> {
    Key { subject: Uuid, wrapped: &'a [u8] },
    Event(&'a Event<'a>),
    Receipt(&'a Receipt),
}

/// Why a row was not taken.
pub(crate) enum Fault {
    /// What is wrong with the line.
    Line(String),
    Store(Error),
}

impl Fault {
    pub(crate) fn at(self, line: u64) -> Error {
        match self {
            Fault::Line(what) => Error::BadExport { line, what },
            Fault::Store(error) => error,
        }
    }
}

/// The kinds of lines, in the order in which they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Keys,
    Events,
    Receipts,
}

/// A log that is read out of a file.
pub(crate) struct Arriving<R> {
    reader: Reader<R>,
    /// The master key's check value.
    pub(crate) check: Vec<u8>,
    /// The wrapped key for look-ups.
    pub(crate) lookup: Vec<u8>,
    keys: Keys,
    /// Who has a key.
    people: HashSet<Uuid>,
    /// Where the header says that the log ends.
    end: (u64, Hex),
    head: Head,
    versions: Versions,
    buffer: Vec<u8>,
}

impl<R: BufRead> Arriving<R> {
    /// Reads the header; the master key must be the log's own.
    ///
    /// # Errors
    /// [`Error::NotAnExport`], [`Error::Import`]; [`Error::NoMasterKeyBrought`], [`Error::OtherMasterKey`].
    pub(crate) fn begin(from: R, master_key: &Path) -> Result<Arriving<R>, Error> {
        let mut reader = Reader::new(from);
        let no_export = |what: &str| Error::NotAnExport { what: what.to_owned() };
        let (position, hash, check, lookup) = match reader.next() {
            Ok(Line::Other(Other::Header { format, version, position, hash, check, lookup })) if format == FORMAT => {
                if version != VERSION {
                    return Err(no_export(&format!("it is of version {version}, this program reads {VERSION}")));
                }
                (position, hash, check.0, lookup.0)
            }
            Ok(_) => return Err(no_export("its first line is no header")),
            Err(Error::BadExport { what, .. }) => return Err(no_export(&format!("its first line {what}"))),
            Err(error) => return Err(error),
        };
        let keys = Keys::unlock_other(master_key, &check, &lookup)?;
        Ok(Arriving {
            reader,
            check,
            lookup,
            keys,
            people: HashSet::new(),
            end: (position, hash),
            head: Head { recorded_at: Timestamp(i64::MIN), ..Head::default() },
            versions: Versions::default(),
            buffer: Vec::new(),
        })
    }

    /// Reads the rest of the file, and gives every row to `put`. `progress` is told the position and the head.
    ///
    /// # Errors
    /// [`Error::BadExport`] with the first line that is not what was exported; what `put` failed with.
    pub(crate) fn load(
        mut self,
        mut progress: impl FnMut(u64, u64),
        mut put: impl FnMut(Row<'_>) -> Result<(), Fault>,
    ) -> Result<(Head, Totals), Error> {
        let (mut counted, mut part) = (Totals::default(), Part::Keys);
        loop {
            let number = self.reader.number() + 1;
            let bad = |what: &str| Error::BadExport { line: number, what: what.to_owned() };
            let (of, done) = match self.reader.next()? {
                Line::Event(event) => {
                    if event.sealed.is_some() && event.subject.is_none_or(|subject| !self.people.contains(&subject)) {
                        return Err(bad("holds an event that is sealed with a key that is not in the file"));
                    }
                    let next = event_after(&self.head, &event, &mut self.versions, &mut self.buffer);
                    self.head = next.map_err(|fault| fault.at(number))?;
                    put(Row::Event(&event)).map_err(|fault| fault.at(number))?;
                    if self.head.position.is_multiple_of(TOLD_EVERY) {
                        progress(self.head.position, self.end.0);
                    }
                    (Part::Events, &mut counted.events)
                }
                Line::Other(Other::Key { subject, wrapped }) => {
                    if self.keys.unwrap_data_key(UserId(subject), &wrapped.0).is_none() {
                        return Err(bad("holds a key that the master key does not open"));
                    }
                    self.people.insert(subject);
                    put(Row::Key { subject, wrapped: &wrapped.0 }).map_err(|fault| fault.at(number))?;
                    (Part::Keys, &mut counted.keys)
                }
                Line::Other(Other::Receipt(receipt)) => {
                    if receipt.position > self.head.position {
                        return Err(bad("holds a receipt of an event that is not in the log"));
                    }
                    put(Row::Receipt(&receipt)).map_err(|fault| fault.at(number))?;
                    (Part::Receipts, &mut counted.receipts)
                }
                Line::Other(Other::End { events, keys, receipts, blake3 }) => {
                    return self.end((Totals { events, keys, receipts }, counted), blake3);
                }
                Line::Other(Other::Header { .. }) => return Err(bad("is a second header")),
            };
            if of < part {
                return Err(bad("comes after lines that it must come before"));
            }
            part = of;
            *done += 1;
        }
    }

    /// The trailer must fit what was read, and nothing may follow.
    fn end(mut self, (said, counted): (Totals, Totals), blake3: Hex) -> Result<(Head, Totals), Error> {
        if said.events != counted.events {
            let what = format!("says that there are {} events, and {} were read", said.events, counted.events);
            return Err(self.reader.bad(what));
        }
        if said != counted {
            return Err(self.reader.bad("counts other lines than were read"));
        }
        if blake3 != self.reader.sum() {
            return Err(self.reader.bad("says that a line before it was other than it is now"));
        }
        if !self.reader.is_over()? {
            return Err(self.reader.bad("comes after the end"));
        }
        let head = if self.head.position == 0 { Head::default() } else { self.head };
        let (position, hash) = self.end;
        if (head.position, head.hash) != (position, hash.0) {
            return Err(self.reader.bad(format!("ends a log at {}, and the header says {position}", head.position)));
        }
        Ok((head, counted))
    }
}

/// Where the log ends with this event, which must be the next one, of its stream as well.
fn event_after(head: &Head, event: &Event<'_>, versions: &mut Versions, buffer: &mut Vec<u8>) -> Result<Head, Fault> {
    let position = head.position + 1;
    if event.position != position {
        return Err(Fault::Line(format!("holds event {}, and event {position} must come", event.position)));
    }
    if event.bytes() > EVENT_BYTES_MAX {
        return Err(Fault::Line(format!("holds event {position}, which is larger than an event may be")));
    }
    let link = event.link();
    let next = chain_walk::next(head, &link, event.sealed(), &event.hash.0, buffer);
    let broken = |(_, what): chain_walk::Fault| Fault::Line(format!("holds event {position}, which is bad: {what}"));
    let next = next.map_err(broken)?;
    let Ok(version) = versions.next(versions.stream(link.stream), || Ok::<_, Infallible>(0));
    if version != link.version {
        return Err(broken(chain_walk::NOT_NEXT));
    }
    Ok(next)
}
