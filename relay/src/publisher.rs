//! The stream of JetStream: made, looked at, and written in order.
//!
//! Every message names the sequence number that must be the stream's last, and the message before it, so a message
//! whose forerunner was lost on the way is refused, and neither a broken connection nor somebody else who writes can
//! put anything out of order.

#![allow(clippy::wildcard_enum_match_arm, reason = "NATS may learn new errors: what is not named here is a refusal")]

use crate::bus::{ANSWER_WAIT, Bus};
use crate::public_message::{PublicMessage, header};
use crate::{Error, Result, vocabulary};
use async_nats::jetstream::context::{ContextBuilder, CreateStreamErrorKind, GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RawMessageErrorKind, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use std::time::Duration;
use uuid::Uuid;

/// Its name.
pub(crate) const STREAM: &str = "letopis";
/// So many messages are on their way at most.
pub(crate) const IN_FLIGHT_MAX: usize = 256;
/// The server drops a message whose id it has taken within this time. The server's own default.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

/// What the stream holds at most when the relay makes it; the oldest goes first. An operator may change it later
/// (`nats stream edit letopis`): a stream that is there keeps its limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A message goes after this time.
    pub age_max: Duration,
    /// The messages together have at most this many bytes.
    pub bytes_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { age_max: Duration::from_secs(7 * 86_400), bytes_max: 1024 * 1024 * 1024 }
    }
}

/// Who writes the stream.
pub(crate) struct Publisher {
    context: Context,
    limits: Limits,
    /// The stream's last sequence number; none while it is not known.
    last_sequence: Option<u64>,
}

/// How the stream was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamEnd {
    /// When it was made, in nanoseconds since 1970.
    pub(crate) made: String,
    /// Its last sequence number.
    pub(crate) sequence: u64,
    /// Its last message, when that is one of the relay's.
    pub(crate) last: Option<Last>,
}

/// The last message of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) position: u64,
    pub(crate) event_id: Uuid,
}

/// What became of messages that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PublishOutcome {
    /// The stream had that many already.
    pub(crate) duplicates: u64,
    /// The stream's last sequence number now.
    pub(crate) sequence: u64,
}

impl Publisher {
    pub(crate) fn new(bus: &Bus, limits: Limits) -> Publisher {
        let context = ContextBuilder::new().timeout(ANSWER_WAIT).max_ack_inflight(IN_FLIGHT_MAX);
        Publisher { context: context.build(bus.client().clone()), limits, last_sequence: None }
    }

    /// Looks where the stream is; makes it when there is none.
    pub(crate) async fn look(&mut self) -> Result<StreamEnd> {
        self.last_sequence = None;
        let stream = match find(&self.context).await? {
            Some(stream) => stream,
            None => self.make().await?,
        };
        let info = stream.cached_info();
        if vocabulary::SUBJECTS.iter().any(|ours| !info.config.subjects.iter().any(|there| there == ours)) {
            let subjects = vocabulary::SUBJECTS.join(", ");
            let what = format!("the stream {STREAM} does not take {subjects}; `nats stream edit {STREAM}` adds them");
            return Err(Error::Refused(what));
        }
        let found = found(info, last(&stream).await?);
        self.last_sequence = Some(found.sequence);
        Ok(found)
    }

    async fn make(&self) -> Result<Stream> {
        let config = Config {
            name: STREAM.to_owned(),
            description: Some("what has happened in Letopis, for other services".to_owned()),
            subjects: vocabulary::SUBJECTS.map(str::to_owned).to_vec(),
            max_age: self.limits.age_max,
            max_bytes: i64::from(self.limits.bytes_max),
            discard: DiscardPolicy::Old,
            storage: StorageType::File,
            num_replicas: 1,
            duplicate_window: DUPLICATE_WINDOW.min(self.limits.age_max),
            allow_direct: true,
            ..Config::default()
        };
        let made = self.context.create_stream(config).await.map_err(|error| match error.kind() {
            CreateStreamErrorKind::TimedOut => Error::Unreachable(error.to_string()),
            _ => Error::Refused(error.to_string()),
        })?;
        tracing::info!(stream = STREAM, "made the stream in NATS");
        Ok(made)
    }

    /// Sends messages in order, and waits until the stream has taken each of them. When it fails, any number of the
    /// first ones were taken: [`Publisher::look`] tells.
    ///
    /// # Errors
    /// [`Error::Contended`] when somebody else has written: they may have told what is in hand here, and more. So where
    /// the stream ends now is no place for it, and whoever wants to go on looks first how far the stream is.
    pub(crate) async fn publish(&mut self, messages: &[PublicMessage], republished: bool) -> Result<PublishOutcome> {
        let (mut left, mut duplicates) = (messages, 0);
        let mut window = IN_FLIGHT_MAX;
        while !left.is_empty() {
            let base = self.last_sequence.ok_or(Error::Contended(STREAM))?;
            let (now, _) = left.split_at(window.min(left.len()));
            let taken = self.send(base, now, republished).await?;
            // A duplicate takes no sequence number, so what was sent behind it was refused: it goes on one by one
            // until the stream takes something new.
            window = if taken.duplicates > 0 { 1 } else { IN_FLIGHT_MAX };
            duplicates += taken.duplicates;
            left = &left[taken.messages..];
        }
        Ok(PublishOutcome { duplicates, sequence: self.last_sequence.unwrap_or_default() })
    }

    /// Sends at most so many as may be on their way. Answers how many of the first ones the stream has now.
    async fn send(&mut self, base: u64, messages: &[PublicMessage], republished: bool) -> Result<SendOutcome> {
        // Whoever drops this half way does not know how far it came.
        self.last_sequence = None;
        let mut acknowledgements = Vec::with_capacity(messages.len());
        let mut before = None;
        for (sequence, public) in (base..).zip(messages) {
            let message = public.to_publish(sequence, before.replace(public.id), republished);
            acknowledgements.push(self.context.send_publish(public.subject, message).await?);
        }
        let mut taken = SendOutcome::default();
        let (mut sequence, mut refused) = (base, false);
        for acknowledgement in acknowledgements {
            match acknowledgement.await {
                // The stream had it already; it is asked again in its turn.
                Ok(_) if refused => {}
                Ok(told) => {
                    taken.messages += 1;
                    taken.duplicates += u64::from(told.duplicate);
                    sequence = if told.duplicate { sequence } else { told.sequence };
                }
                Err(error) => match error.kind() {
                    PublishErrorKind::WrongLastSequence | PublishErrorKind::WrongLastMessageId => refused = true,
                    _ => return Err(error.into()),
                },
            }
        }
        // Behind a duplicate the rest is refused for our own reasons; else somebody has written in between.
        self.last_sequence = (!refused || taken.duplicates > 0).then_some(sequence);
        Ok(taken)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct SendOutcome {
    messages: usize,
    duplicates: u64,
}

/// The stream as it is; `None` when there is none.
pub(crate) async fn find(context: &Context) -> Result<Option<Stream>> {
    match context.get_stream(STREAM).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            GetStreamErrorKind::Request => Err(Error::Unreachable(error.to_string())),
            _ => Err(Error::Refused(error.to_string())),
        },
    }
}

fn found(info: &Info, last: Option<Last>) -> StreamEnd {
    StreamEnd { made: info.created.unix_timestamp_nanos().to_string(), sequence: info.state.last_sequence, last }
}

/// The last message, when the relay sent it by itself: what an operator had published again tells nothing of how far
/// the relay is.
pub(crate) async fn last(stream: &Stream) -> Result<Option<Last>> {
    let state = &stream.cached_info().state;
    if state.messages == 0 {
        return Ok(None);
    }
    let message = match stream.get_raw_message(state.last_sequence).await {
        Ok(message) => message,
        // It may have gone by its age meanwhile: that is no failure.
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(None),
        Err(error) => return Err(Error::Unreachable(error.to_string())),
    };
    let text = |name: &str| message.headers.get(name).map(|value| value.as_str());
    if text(header::REPUBLISHED).is_some() {
        return Ok(None);
    }
    let position = text(header::POSITION).and_then(|position| position.parse().ok());
    let event_id = text(header::EVENT_ID).and_then(|id| Uuid::try_parse(id).ok());
    Ok(position.zip(event_id).map(|(position, event_id)| Last { position, event_id }))
}
