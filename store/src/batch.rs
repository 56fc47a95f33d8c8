//! What is given to be written: it is written whole or not at all.

use crate::{Error, Fact};
use domain::{Event, StreamId, Timestamp, UserId};

/// An event's payload, sealed part and meta together are at most this many bytes.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// Everything that one transaction writes.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The clock's time; events are stamped with it, or with the head's time when that is later.
    pub at: Timestamp,
    /// In the order of their positions.
    pub events: Vec<NewEvent>,
    /// What the commands of this batch answered.
    pub receipts: Vec<NewReceipt>,
    /// What is forgotten, after the events and receipts are written.
    pub forget: Vec<Forget>,
}

impl Batch {
    /// Whether there is nothing to write and nothing to forget.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.receipts.is_empty() && self.forget.is_empty()
    }
}

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The stream's next version, from 1.
    pub version: u64,
    /// What happened.
    pub event: Event,
    /// JSON: who did it, by which command and request, after what.
    pub meta: String,
}

/// The receipt of a command.
#[derive(Clone, Debug)]
pub struct NewReceipt {
    /// The command's id, hashed.
    pub command_id: [u8; 32],
    /// What the command wished, hashed: the same id with another wish is a mistake of the caller.
    pub fingerprint: [u8; 32],
    pub at: Timestamp,
    /// The log's position after it.
    pub position: u64,
    /// Whose key the outcome is sealed with; none when it holds nothing personal.
    pub subject: Option<UserId>,
    /// JSON.
    pub outcome: String,
}

/// What to forget.
#[derive(Clone, Debug)]
pub enum Forget {
    /// Sealed parts that a newer fact has superseded.
    Superseded {
        /// In this stream,
        stream: StreamId,
        /// of events of this name,
        name: &'static str,
        /// below this version.
        before_version: u64,
    },
    /// A person: the data key, every sealed part, the receipts. It reads through the whole log once (about a
    /// second for three million events).
    Subject(UserId),
}

/// What a batch must know before it decides.
#[derive(Clone, Debug, Default)]
pub struct BatchNeeds {
    /// Streams whose facts are read.
    pub streams: Vec<StreamId>,
    /// Commands whose receipts are looked for.
    pub receipts: Vec<[u8; 32]>,
    /// People under whose keys something may be sealed. Others are looked for when it is.
    pub subjects: Vec<UserId>,
}

/// A batch has begun.
#[derive(Debug)]
pub struct BatchStart {
    /// Every wanted stream with all its facts by version, or why it cannot be read. What is among `others` may be
    /// among these as well: the version tells.
    pub streams: Vec<(StreamId, Result<Vec<Fact>, Error>)>,
    /// What others have appended since this node saw the log last, in order.
    pub others: Vec<Other>,
    /// Others have appended more than is told at once. The batch is not open, and nobody was kept waiting for the rest:
    /// it is to be begun again, when this part is folded in.
    pub is_behind: bool,
}

/// An event that another node has appended.
#[derive(Clone, Debug)]
pub struct Other {
    /// Its stream.
    pub stream: StreamId,
    /// In the stream, from 1.
    pub version: u64,
    /// What happened; none when only a newer program can read it.
    pub event: Option<Event>,
}
