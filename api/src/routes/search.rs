//! Searching the messages of all my chats.

use super::page::Next;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::read;
use axum::extract::State;
use axum::response::Response;
use domain::{ChatId, MessageId, Timestamp, UserId};
use projections::ProjectionId;
use search::{Cursor, Order, ResultPage, SearchRequest, Who};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// When an answer must be there, from when it has its place; what was found by then is answered.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// How long a question waits for one of the places.
const PLACE_WAIT_MAX: Duration = Duration::from_secs(1);

pub(crate) fn routes() -> Routes {
    Routes::default().add(routes!(search), Spec::caller().paged())
}

/// What comes first.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum HitOrder {
    #[default]
    NewestFirst,
    Relevance,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchHits)]
struct Hits {
    hits: Vec<Hit>,
    /// How many messages answer the question, over all pages.
    total: u64,
    /// True when the second that an answer may take was over before everything was looked through: there may be more
    /// hits, and more in `total`. Ask for something rarer, or within days.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    incomplete: bool,
    /// What to know of the answer: people and chats that are unknown, and what was looked for as words, or left out.
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SearchHit)]
struct Hit {
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    #[schema(example = "Garden")]
    chat_name: String,
    /// Its author.
    #[schema(value_type = Uuid)]
    user_id: UserId,
    /// Their nickname in this chat.
    #[schema(example = "anna")]
    user_name: String,
    #[schema(value_type = String, format = DateTime)]
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    edited_at: Option<Timestamp>,
    #[schema(example = "The tomatoes are ripe.")]
    text: String,
    /// The parts of the text that match: from and to, in characters (Unicode scalar values) from 0.
    #[schema(example = json!([[4, 12]]))]
    highlights: Vec<[usize; 2]>,
    /// How well it answers; 0 unless the order is `relevance`.
    score: f32,
}

/// Search messages
///
/// In the chats that the caller is in now. Words match in any Russian or English form and in any order; `"a phrase"`,
/// `begin*` (the last word of a query needs no `*`), `-not`, `OR`, `~misspelt` (1 error in up to 5 letters, 2 in more),
/// `from:name`, `in:chat`, `before:`/`after:`/`on:` with a day (`2026-01-31`), month or year of your time zone, or an
/// exact time (`2026-01-31T10:00:00Z`), `has:link`. A name can have `@` or `#` before it; `from:me` finds what you
/// posted. Put quotes around words that look like a filter. Of a longer query the first 1000 characters and 32 clauses
/// count; `notes` say what was left out.
#[utoipa::path(get, path = "/v1/search", operation_id = "searchMessages", tag = "search", params(
    ("q" = String, Query, description = "The query.", example = "tomatoes"),
    ("order" = inline(Option<HitOrder>), Query, description = "The order."),
), responses((status = 200, body = Hits, description = "A page of hits.")))]
async fn search(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Error> {
    let text = params.get("q").ok_or_else(|| Error::bad_parameter("q", "must be given: the words to find"))?;
    let question = search::question(text).map_err(|broken| Error::bad_parameter("q", broken))?;
    let (order, order_name) = match params.word("order")? {
        HitOrder::NewestFirst => (Order::Newest, "newest-first"),
        HitOrder::Relevance => (Order::Relevance, "relevance"),
    };
    let limit = params.limit()? as usize;
    let list = ["search", order_name, text, &caller.user_id.to_string()];
    let from = params.get("from").map(|from| read_cursor(&app, &list, from)).transpose()?;
    if question.needs_zone() {
        app.reached(ProjectionId::Users, params.min_position).await?;
    }
    let zone = app.index.zone_of(&question, caller.user_id).await?;
    let reached = app.reached(ProjectionId::Search, params.min_position).await?;
    let busy = || Error::new(Code::Overloaded, "too many searches are running; try again in a second");
    let place = app.index.place(PLACE_WAIT_MAX).await.ok_or_else(busy)?;
    let _page = app.budget.page().await?;
    let deadline = Instant::now() + ANSWER_MAX;
    let found = app
        .index
        .look_up(place, move |snapshot| {
            let who = Who::Member(caller.user_id);
            let (question, zone, from) = (&question, &zone, from.as_ref());
            search::find(snapshot, &SearchRequest { question, who, zone, order, from, limit, deadline })
        })
        .await?;
    if !found.looked {
        return Err(Error::new(Code::Overloaded, "the search took too long; try again in a second"));
    }
    let next = found.next.as_ref().map(|next| Next { iterator: cursor::write(&app.keys, &list, &next.bytes()) });
    // The log may have gone on without anything that concerns the index.
    Ok(read(found.position.max(reached), shown(found, next)))
}

fn read_cursor(app: &App, list: &[&str], from: &str) -> Result<Cursor, Error> {
    let bytes = cursor::read(&app.keys, list, from)?;
    Cursor::parse(&bytes).ok_or_else(|| Error::new(Code::BadCursor, "from is not a cursor of this list"))
}

fn shown(found: ResultPage, next: Option<Next>) -> Hits {
    let notes = found.notes.iter().map(ToString::to_string).collect();
    let hits = found.hits.into_iter().map(|hit| Hit {
        message_id: hit.message_id,
        chat_id: hit.chat_id,
        chat_name: hit.chat_name.unwrap_or_default(),
        user_id: hit.user_id,
        user_name: hit.user_name.unwrap_or_default(),
        sent_at: hit.sent_at,
        edited_at: hit.edited_at,
        text: hit.text,
        highlights: hit.highlights.into_iter().map(|(from, to)| [from, to]).collect(),
        score: hit.score,
    });
    Hits { hits: hits.collect(), total: found.total, incomplete: !found.complete, notes, next }
}
