//! One fact on its way to NATS: subject, headers, payload.

use crate::{Error, Result, vocabulary};
use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use domain::{Event, StoredParts};
use serde_json::Value;
use store::{Mark, Record, RecordReader};
use uuid::Uuid;

/// The names of the headers.
pub mod header {
    /// The event's id, by which the server drops what it has taken already.
    pub const EVENT_ID: &str = "Nats-Msg-Id";
    /// Where the event stands in the log: positions grow, with holes where nothing is told.
    pub const POSITION: &str = "Letopis-Position";
    /// The stream that it happened to: `chat-<id>`.
    pub const STREAM: &str = "Letopis-Stream";
    /// Which event of that stream it is, from 1.
    pub const VERSION: &str = "Letopis-Version";
    /// When it was recorded: RFC 3339.
    pub const RECORDED_AT: &str = "Letopis-Recorded-At";
    /// The `X-Request-Id` of the request that caused it, where there was one.
    pub const REQUEST_ID: &str = "Letopis-Request-Id";
    /// There, and `true`, when an operator had it published again.
    pub const REPUBLISHED: &str = "Letopis-Republished";
}

/// A longer request id is left out.
const REQUEST_ID_BYTES_MAX: usize = 64;

/// One fact on its way.
#[derive(Clone, Debug)]
pub struct PublicMessage {
    /// Where the event stands in the log.
    pub position: u64,
    /// The event's id.
    pub id: Uuid,
    pub(crate) subject: &'static str,
    pub(crate) payload: String,
    pub(crate) headers: HeaderMap,
}

/// A part of the log, translated.
pub(crate) struct Page {
    /// What is to be told of it, in order.
    pub(crate) messages: Vec<PublicMessage>,
    /// The last event of it, told or not.
    pub(crate) last: Option<(Mark, Uuid)>,
}

impl PublicMessage {
    /// What is told of a record; `None` when nobody is told. Its sealed part is not needed.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for what this version does not know.
    pub fn of(record: &Record) -> Result<Option<PublicMessage>> {
        let Record { stream, name, payload, .. } = record;
        let event = Event::restore(&StoredParts { stream, name, payload, personal: None })
            .map_err(|why| Error::Unreadable { position: record.position, why: why.to_string() })?;
        let Some(fact) = vocabulary::translate(&event) else { return Ok(None) };
        let message = PublicMessage {
            position: record.position,
            id: record.id,
            subject: fact.subject,
            payload: fact.payload,
            headers: headers(record),
        };
        Ok(Some(message))
    }

    /// As it is sent; the stream takes it only as the next one behind `last_sequence`, and behind the message before.
    pub(crate) fn to_publish(&self, last_sequence: u64, before: Option<Uuid>, republished: bool) -> PublishMessage {
        let mut headers = self.headers.clone();
        if republished {
            headers.insert(header::REPUBLISHED, "true");
        }
        let message = PublishMessage::build()
            .headers(headers)
            .payload(self.payload.clone().into())
            .message_id(self.id.to_string())
            .expected_last_sequence(last_sequence);
        match before {
            Some(before) => message.expected_last_message_id(before.to_string()),
            None => message,
        }
    }
}

fn headers(record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::POSITION, record.position.to_string());
    headers.insert(header::STREAM, record.stream.as_str());
    headers.insert(header::VERSION, record.version.to_string());
    headers.insert(header::RECORDED_AT, record.recorded_at.to_string());
    let meta = serde_json::from_str::<Value>(&record.meta).unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let request_id = meta["request_id"].as_str();
    if let Some(id) = request_id.filter(|id| id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(fits)) {
        headers.insert(header::REQUEST_ID, id);
    }
    headers
}

/// Reads what comes behind `after`, up to `end`; at most `limit` events. One that cannot be read ends the page before
/// it, and is the error when it is the very next one.
pub(crate) fn page(log: &RecordReader, after: u64, end: u64, limit: usize) -> Result<Page> {
    translated(log.read(after, limit)?.into_iter(), end)
}

/// The same behind an event that was told, which the log must still hold.
///
/// # Errors
/// [`Error::OtherHistory`] when it does not.
pub(crate) fn page_behind(log: &RecordReader, after: Mark, limit: usize) -> Result<Page> {
    match log.behind(after, limit) {
        Err(store::Error::OtherHistory { position }) => Err(Error::OtherHistory { position }),
        read => translated(read?.into_iter(), u64::MAX),
    }
}

fn translated(records: impl Iterator<Item = Record>, end: u64) -> Result<Page> {
    let mut page = Page { messages: Vec::new(), last: None };
    for record in records {
        if record.position > end {
            break;
        }
        match PublicMessage::of(&record) {
            Ok(message) => page.messages.extend(message),
            Err(error) if page.last.is_none() => return Err(error),
            Err(_) => break,
        }
        page.last = Some((record.mark(), record.id));
    }
    Ok(page)
}

impl From<async_nats::jetstream::context::PublishError> for Error {
    fn from(error: async_nats::jetstream::context::PublishError) -> Error {
        match error.kind() {
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Error::Unreachable(error.to_string()),
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => Error::Refused(error.to_string()),
        }
    }
}
