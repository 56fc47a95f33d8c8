//! The log by what it is about: streams, and what one of them was at a version.

use super::Error;
use domain::{Event, State, StreamId};
use serde::Serialize;
use serde_json::Value;
use store::Log;

/// A stream, folded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamState {
    pub stream: String,
    pub version: u64,
    pub position: u64,
    pub state: Value,
}

/// A stream folded up to a version, or to its end, as the rules see it; what is personal only where it is wanted.
///
/// # Errors
/// When there is no such stream or version, or the log cannot be read.
pub fn folded(log: &Log, text: &str, at: Option<u64>, personal: bool) -> Result<StreamState, Error> {
    let nothing = |what: String| Error::NoStream(what);
    let stream = StreamId::parse(text).ok_or_else(|| nothing(format!("{text:?} is no stream's name")))?;
    let mut facts = log.stream(stream)?;
    let versions = facts.len();
    facts.retain(|fact| at.is_none_or(|at| fact.version <= at));
    let Some(last) = facts.last() else {
        return Err(nothing(format!("{stream} has {versions} events")));
    };
    if let Some(at) = at.filter(|at| *at > last.version) {
        return Err(nothing(format!("{stream} has {versions} events, and none of version {at}")));
    }
    let (version, position) = (last.version, last.position);
    let events = facts.iter().map(|fact| &fact.event).collect::<Vec<_>>();
    Ok(StreamState { stream: stream.to_string(), version, position, state: fold(stream, &events, personal) })
}

/// The state that the rules see, as JSON.
fn fold(stream: StreamId, events: &[&Event], personal: bool) -> Value {
    let mut state = State::empty(stream.category());
    events.iter().for_each(|event| state.evolve(event));
    state.to_json(personal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::text::MessageText;
    use domain::{ChatId, MessageId, Personal, Timestamp, UserId, message};
    use uuid::Uuid;

    #[test]
    fn personal_parts_are_shown_on_request_only() {
        let id = Uuid::from_u128(1);
        let posted = Event::Message(
            MessageId(id),
            message::Event::Posted(message::Posted {
                chat_id: ChatId(id),
                author: UserId(id),
                sent_at: Timestamp(0),
                reply_to: None,
                text: Personal::Known(MessageText::parse("привет").unwrap()),
            }),
        );
        let stream = StreamId::from(MessageId(id));
        assert_eq!(fold(stream, &[&posted], false)["text"], Value::Null);
        assert_eq!(fold(stream, &[&posted], true)["text"], "привет");
    }
}
