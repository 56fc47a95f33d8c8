//! What is read back.

use crate::Error;
use crate::anchor::Mark;
use crate::chain::Link;
use domain::{Event, Personal, Timestamp, UserId};
use uuid::Uuid;

/// A page holds at most this many rows; a larger limit is taken for this one.
pub const PAGE_MAX: usize = 10_000;

/// A page's limit as SQL takes it.
pub(crate) fn page(limit: usize) -> i64 {
    i64::try_from(limit.min(PAGE_MAX)).expect("a page is small")
}

/// A field of the metadata as it is written there: without spaces, by the same library. A quotation mark inside a value
/// is escaped, so these bytes are nowhere else.
pub(crate) fn meta_field(name: &str, value: &str) -> String {
    let text = |text: &str| serde_json::to_string(text).expect("text always serialises");
    format!("{}:{}", text(name), text(value))
}

/// A number as SQL takes it; larger ones than there can be in the log are as good as the largest.
pub(crate) fn sql_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A position, version or count out of the database, where the tables let no negative one in unless somebody
/// tampered with them: that is as wrong as zero.
pub(crate) fn number(found: i64) -> u64 {
    u64::try_from(found).unwrap_or(0)
}

/// How the positions of rows that are read follow each other. Whoever reads page by page goes on behind the last row of
/// the page before: a damaged one that says something else would lead them astray, or round and round.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Each one right behind the one before; the last one before is this.
    Dense(u64),
    /// Each one behind the one before; the last one before is this.
    Rising(u64),
    /// Each one before the one before.
    Falling(u64),
}

impl Order {
    /// The next row says that it is at `found`.
    ///
    /// # Errors
    /// [`Error::Corrupt`], with the position where the row should be that is not there.
    pub(crate) fn next(&mut self, found: u64) -> Result<(), Error> {
        let corrupt = |position, what| Err(Error::Corrupt { position, what });
        match self {
            Order::Dense(last) if found != *last + 1 => {
                corrupt(*last + 1, "it is not in the log, or its row says another position")
            }
            Order::Rising(last) if found <= *last => corrupt(*last, "the row behind it says an earlier position"),
            Order::Falling(last) if found >= *last || found == 0 => {
                corrupt(last.saturating_sub(1), "the row before the one behind it says another position")
            }
            Order::Dense(last) | Order::Rising(last) | Order::Falling(last) => {
                *last = found;
                Ok(())
            }
        }
    }
}

/// Streams that come in the order of their names.
///
/// # Errors
/// [`Error::Damaged`] when they do not: whoever goes on behind the last one would never end.
pub(crate) fn rising(after: &str, streams: Vec<StreamRow>) -> Result<Vec<StreamRow>, Error> {
    let names = std::iter::once(after).chain(streams.iter().map(|row| row.stream.as_str()));
    match names.is_sorted_by(|one, next| one < next) {
        true => Ok(streams),
        false => Err(Error::Damaged { what: "the index of streams is out of order" }),
    }
}

/// Where the log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last position; zero when the log is empty.
    pub position: u64,
    /// The last row's hash; zeros when the log is empty.
    pub hash: [u8; 32],
    /// When the last row was recorded; 1970 when the log is empty.
    pub recorded_at: Timestamp,
}

/// An event as a rule or a projection reads it: decoded, with its personal part where that is still known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// In the log, from 1.
    pub position: u64,
    /// In its stream, from 1.
    pub version: u64,
    /// UUIDv7.
    pub id: Uuid,
    /// Never below the one before.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The chain's hash up to here: a position alone does not tell one history of a log from another.
    pub hash: [u8; 32],
}

impl Fact {
    /// Where whoever has folded this in stands.
    pub fn mark(&self) -> Mark {
        Mark { position: self.position, hash: self.hash }
    }
}

/// A row of the log as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// In the log, from 1.
    pub position: u64,
    /// `chat-<id>`
    pub stream: String,
    /// In the stream, from 1.
    pub version: u64,
    /// UUIDv7.
    pub id: Uuid,
    /// `message.posted.v1`
    pub name: String,
    /// Never below the one before.
    pub recorded_at: Timestamp,
    /// JSON, exact text.
    pub payload: String,
    /// Whose the sealed part is.
    pub subject: Option<UserId>,
    /// The sealed part; none when there never was one, and when it was forgotten.
    pub sealed: Option<Vec<u8>>,
    /// Its hash: stays when it is forgotten.
    pub sealed_hash: Option<[u8; 32]>,
    /// JSON, exact text.
    pub meta: String,
    /// The chain's hash up to here.
    pub hash: [u8; 32],
}

impl Record {
    /// Where a consumer is that has had it.
    pub fn mark(&self) -> Mark {
        Mark { position: self.position, hash: self.hash }
    }

    /// What the chain covers.
    pub(crate) fn link(&self) -> Link<'_> {
        Link {
            position: sql_number(self.position),
            stream: &self.stream,
            version: sql_number(self.version),
            id: self.id.as_bytes(),
            name: &self.name,
            recorded_at: self.recorded_at.0,
            payload: &self.payload,
            subject: self.subject.as_ref().map(|subject| subject.0.as_bytes().as_slice()),
            sealed_hash: self.sealed_hash.as_ref().map(<[u8; 32]>::as_slice),
            meta: &self.meta,
        }
    }
}

/// The receipt of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What the command wished, hashed.
    pub fingerprint: [u8; 32],
    /// The log's position after it.
    pub position: u64,
    pub at: Timestamp,
    /// JSON; erased when its subject is.
    pub outcome: Personal<String>,
}

/// Which records to show.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only above this position.
    pub after: u64,
    /// Only up to and with this position.
    pub up_to: Option<u64>,
    /// Only of this stream.
    pub stream: Option<String>,
    /// Only with such a name; `*` stands for any text.
    pub name: Option<String>,
    /// Only about this user, of their stream, or done by them.
    pub user: Option<UserId>,
    /// Only recorded at this instant or later.
    pub since: Option<Timestamp>,
    /// The newest first instead of the oldest.
    pub newest_first: bool,
}

/// A stream and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// `chat-<id>`
    pub stream: String,
    /// How many events.
    pub events: u64,
    /// Where its last one is.
    pub last_position: u64,
}

/// What is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Its end.
    pub head: Head,
    /// How many events.
    pub events: u64,
    /// How many of each name, by name.
    pub types: Vec<(String, u64)>,
}

/// The log holds, as far as it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// How many events were looked at.
    pub events: u64,
    /// The last one of them.
    pub head: Head,
    /// Up to where the anchor knows the log, when the log's end was looked at.
    pub anchor: Option<u64>,
}

/// A log that was accepted as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedLog {
    /// That it holds, and up to where.
    pub verified: Verification,
    /// It does not hold what its anchor knew: it has another history now.
    pub is_other: bool,
}

/// The log does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("position {position}: {what}")]
pub struct Broken {
    /// The first bad position.
    pub position: u64,
    /// What is wrong there, for a person.
    pub what: String,
    /// What is wrong there.
    pub kind: BrokenKind,
}

/// What can be wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenKind {
    /// It is not there.
    Missing,
    /// Its hash is not the one of its columns and of the row before.
    Hash,
    /// Its version does not follow the stream's last.
    Version,
    /// It was recorded before the row before it.
    Time,
    /// Its sealed part is not the one that was written.
    Sealed,
    /// The database cannot read it.
    Unreadable,
    /// It is there, but its stream does not lead to it.
    Unreachable,
    /// The anchor knows another row there, or there is no anchor that could be read.
    Anchor,
}

#[cfg(test)]
mod tests {
    use super::meta_field;

    #[test]
    fn a_field_is_found_by_its_bytes_and_nothing_else_is() {
        assert_eq!(meta_field("actor", "a\"b"), r#""actor":"a\"b""#);
        let said = serde_json::json!({"request_id": r#"","actor":"anna""#}).to_string();
        assert!(!said.contains(&meta_field("actor", "anna")), "{said}");
    }
}
