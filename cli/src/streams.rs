//! `letopis streams`: the log by what it is about.

use crate::arguments::Streams as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Listing};
use anyhow::Result;
use domain::{Event, Personal, StreamId, chat, message, name, projection, session, token, user};
use serde::Serialize;
use serde_json::{Value, json};
use store::Log;

/// How many streams are read at once.
const PAGE: usize = 1_000;
/// The first words of streams' names.
pub const CATEGORIES: [&str; 7] = ["user", "session", "token", "name", "chat", "message", "projection"];

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
    if let Some(category) = category.filter(|category| !CATEGORIES.contains(category)) {
        let message = format!("there is no category {category:?}; there are: {}", CATEGORIES.join(", "));
        return Err(failure(Code::Usage, message));
    }
    let prefix = category.map(|category| format!("{category}-"));
    let mut listing = Listing::new(context.output, &["stream", "events", "last_position"]);
    let mut left = limit.unwrap_or(u64::MAX);
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
    match stream {
        StreamId::UserId(id) => {
            let mut state = user::State::default();
            for event in events {
                if let Event::User(_, event) = event {
                    user::evolve(id, &mut state, event);
                }
            }
            user_state(&state, personal)
        }
        StreamId::SessionId(_) => {
            let mut state = session::State::default();
            for event in events {
                if let Event::Session(_, event) = event {
                    session::evolve(&mut state, event);
                }
            }
            session_state(state)
        }
        StreamId::TokenId(_) => {
            let mut state = token::State::default();
            for event in events {
                if let Event::Token(_, event) = event {
                    token::evolve(&mut state, event);
                }
            }
            token_state(state)
        }
        StreamId::NameClaim(_) => {
            let mut state = name::State::default();
            for event in events {
                if let Event::Name(_, event) = event {
                    name::evolve(&mut state, event);
                }
            }
            json!({"owner": state.owner})
        }
        StreamId::ChatId(_) => {
            let mut state = chat::State::default();
            for event in events {
                if let Event::Chat(_, event) = event {
                    chat::evolve(&mut state, event);
                }
            }
            chat_state(&state)
        }
        StreamId::MessageId(_) => {
            let mut state = message::State::default();
            for event in events {
                if let Event::Message(_, event) = event {
                    message::evolve(&mut state, event);
                }
            }
            message_state(&state, personal)
        }
        StreamId::ProjectionName(_) => {
            let mut state = projection::State::default();
            for event in events {
                if let Event::Projection(_, event) = event {
                    projection::evolve(&mut state, event);
                }
            }
            json!({"skipped": state.skipped})
        }
    }
}

fn user_state(state: &user::State, personal: bool) -> Value {
    let account = match state {
        user::State::Absent => return json!({"is": "absent"}),
        user::State::Erased => return json!({"is": "erased"}),
        user::State::Open(account) => account,
    };
    let profile = &account.profile;
    let mut shown = json!({
        "is": "open", "time_zone": profile.time_zone, "locale": profile.locale, "role": profile.role,
        "created_at": profile.created_at, "passwords": account.passwords,
    });
    if personal {
        shown["user_name"] = known(&profile.user_name);
        shown["display_name"] = known(&profile.display_name);
        shown["email"] = json!(profile.email);
    }
    shown
}

fn session_state(state: session::State) -> Value {
    match state {
        session::State::Absent => json!({"is": "absent"}),
        session::State::Open(user_id) => json!({"is": "open", "user_id": user_id}),
        session::State::Ended(user_id) => json!({"is": "ended", "user_id": user_id}),
    }
}

fn token_state(state: token::State) -> Value {
    match state {
        token::State::Absent => json!({"is": "absent"}),
        token::State::Live(user_id) => json!({"is": "live", "user_id": user_id}),
        token::State::Revoked(user_id) => json!({"is": "revoked", "user_id": user_id}),
    }
}

fn chat_state(state: &chat::State) -> Value {
    let room = match state {
        chat::State::Absent => return json!({"is": "absent"}),
        chat::State::Deleted => return json!({"is": "deleted"}),
        chat::State::Open(room) => room,
    };
    let mut members = room.members.iter().collect::<Vec<_>>();
    members.sort_by_key(|(user_id, _)| **user_id);
    let members = members.iter().map(|(user_id, role)| json!({"user_id": user_id, "role": role}));
    json!({
        "is": "open", "chat_name": room.chat_name, "private": room.private, "archived": room.archived,
        "members": members.collect::<Vec<_>>(),
    })
}

fn message_state(state: &message::State, personal: bool) -> Value {
    let (is, post) = match state {
        message::State::Absent => return json!({"is": "absent"}),
        message::State::Posted(post) => ("posted", post),
        message::State::Deleted(post) => ("deleted", post),
    };
    let mut shown = json!({"is": is, "chat_id": post.chat_id, "author": post.author});
    if personal {
        shown["text"] = known(&post.text);
    }
    shown
}

/// Null when it is forgotten.
fn known(personal: &Personal<impl Serialize>) -> Value {
    json!(personal.known())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::text::MessageText;
    use domain::{ChatId, MessageId, Timestamp, UserId};
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
