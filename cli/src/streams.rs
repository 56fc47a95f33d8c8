//! `letopis streams`: the log by what it is about.

use crate::arguments::Streams as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing};
use anyhow::Result;
use domain::{Category, Event, State, StreamId};
use serde::Serialize;
use serde_json::{Value, json};
use store::Log;

const COLUMNS: &[Column] = &[Column::new("stream"), Column::new("events"), Column::new("last_position").yields(1)];
/// How many streams are read at once.
const PAGE: usize = 1_000;

/// Does what was asked.
///
/// # Errors
/// What went wrong; code 3 when there is no such stream.
pub fn verb(context: &Context, verb: &Verb) -> Result<()> {
    let (_, log) = context.log()?;
    match verb {
        Verb::Ls { category, limit } => ls(context, &log, category.as_deref(), *limit),
        Verb::Show { stream, at, personal } => show(context, &log, stream, *at, *personal),
    }
}

fn ls(context: &Context, log: &Log, category: Option<&str>, limit: Option<u64>) -> Result<()> {
    if let Some(category) = category.filter(|category| Category::parse(category).is_none()) {
        let words = Category::ALL.map(Category::word).join(", ");
        let message = format!("there is no category {category:?}; there are: {words}");
        return Err(failure(Code::Usage, message));
    }
    let prefix = category.map(|category| format!("{category}-"));
    let mut listing = Listing::new(context.output, COLUMNS);
    let mut left = context.output.limit(limit);
    let mut after = String::new();
    while left > 0 {
        let page = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let streams = log.streams(&after, prefix.as_deref(), page)?;
        for row in &streams {
            listing.row(&json!({"stream": row.stream, "events": row.events, "last_position": row.last_position}))?;
        }
        left -= streams.len() as u64;
        match streams.last() {
            Some(last) if streams.len() == page => after.clone_from(&last.stream),
            Some(_) | None => break,
        }
    }
    context.output.note_limit(limit, left, "streams");
    listing.end()
}

#[derive(Serialize)]
struct StateRow {
    stream: String,
    version: u64,
    position: u64,
    state: Value,
}

fn show(context: &Context, log: &Log, text: &str, at: Option<u64>, personal: bool) -> Result<()> {
    let nothing = |what: &str| failure(Code::NotFound, format!("{what}; `letopis streams ls` lists the streams"));
    let stream = StreamId::parse(text).ok_or_else(|| nothing(&format!("{text:?} is no stream's name")))?;
    let mut facts = log.stream(stream)?;
    let versions = facts.len();
    facts.retain(|fact| at.is_none_or(|at| fact.version <= at));
    let Some(last) = facts.last() else {
        return Err(nothing(&format!("{stream} has {versions} events")));
    };
    if let Some(at) = at.filter(|at| *at > last.version) {
        return Err(nothing(&format!("{stream} has {versions} events, and none of version {at}")));
    }
    let (version, position) = (last.version, last.position);
    let events = facts.iter().map(|fact| &fact.event).collect::<Vec<_>>();
    let folded = StateRow { stream: stream.to_string(), version, position, state: fold(stream, &events, personal) };
    output::show(context.output, &folded)
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
