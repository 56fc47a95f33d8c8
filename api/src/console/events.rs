//! The log: lists of events, one event with what is personal in it on demand, and what it caused.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::Visitor;
use crate::app::App;
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::routes::admin::events;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use node::operations::events::EventRow;
use node::operations::trace;
use url::form_urlencoded;

/// Events of a page.
const PAGE: u32 = 50;
/// What can be asked of a list.
const FILTERS: [&str; 6] = ["type", "stream", "user_id", "request_id", "since", "until"];

pub(super) fn pages() -> Pages {
    Pages::default()
        .admin("/console/events", get(list))
        .admin("/console/events/{event}", get(one))
        .admin("/console/events/{event}/trace", get(traced))
        .admin("/console/events/{event}/unseal", post(unseal))
}

#[derive(Template)]
#[template(path = "events.html")]
struct List {
    frame: Frame,
    /// Each filter, and what is typed there.
    filters: Vec<(&'static str, &'static str, String)>,
    events: Vec<EventRow>,
    newer: Option<String>,
    older: Option<String>,
    newest: String,
    /// The part is fetched again and again: the newest page.
    is_tail: bool,
}

#[derive(Template)]
#[template(path = "event.html")]
struct One {
    frame: Frame,
    event: EventRow,
    personal: Option<String>,
}

impl One {
    fn of_meta(&self, field: &str) -> Option<&str> {
        self.event.meta.get(field)?.as_str()
    }

    /// The account of who did it.
    fn actor_id(&self) -> Option<&str> {
        self.of_meta("actor")?.strip_prefix("user:")
    }
}

#[derive(Template)]
#[template(path = "trace.html")]
struct Tree {
    frame: Frame,
    request_id: Option<String>,
    actor: Option<String>,
    parts: Vec<Part>,
}

/// A tree as a template writes it, one part after the other.
enum Part {
    Begin,
    End,
    Command { id: String, actor: Option<String> },
    Event(Box<trace::Event>),
}

fn flatten(commands: Vec<trace::Command>, parts: &mut Vec<Part>) {
    parts.push(Part::Begin);
    for trace::Command { command_id, actor, events } in commands {
        parts.push(Part::Command { id: command_id.unwrap_or_default(), actor });
        parts.push(Part::Begin);
        for mut event in events {
            let caused = std::mem::take(&mut event.caused);
            parts.push(Part::Event(Box::new(event)));
            if !caused.is_empty() {
                flatten(caused, parts);
            }
        }
        parts.push(Part::End);
    }
    parts.push(Part::End);
}

/// The address of the list with these filters and something more.
fn address(params: &Params, more: Option<(&str, u64)>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in FILTERS {
        if let Some(value) = params.get(name).filter(|value| !value.is_empty()) {
            query.append_pair(name, value);
        }
    }
    if let Some((name, position)) = more {
        query.append_pair(name, &position.to_string());
    }
    format!("/console/events?{}", query.finish())
}

/// Pages go by positions, both ways: `before` one, or `after` one.
async fn list(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let words = visitor.words();
    let position = |name: &str| params.get(name).and_then(|text| text.parse::<u64>().ok());
    let (before, after) = (position("before"), position("after"));
    let mut wanted = events::wanted(&params, PAGE)?;
    wanted.filter.newest_first = after.is_none();
    match (before, after) {
        (_, Some(after)) => wanted.filter.after = after,
        (Some(before), None) => wanted.filter.up_to = Some(before.saturating_sub(1)),
        (None, None) => {}
    }
    let mut rows = events::page(&app, wanted).await?;
    let has_more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    if after.is_some() {
        rows.reverse();
    }
    let link = |name: &str, row: Option<&EventRow>| row.map(|row| address(&params, Some((name, row.position))));
    let older = link("before", rows.last()).filter(|_| has_more || after.is_some());
    let newer = link("after", rows.first()).filter(|_| before.is_some() || (after.is_some() && has_more));
    let title = |name: &str| match name {
        "type" => words.event_type,
        "stream" => words.stream,
        "user_id" => words.person_id,
        "request_id" => words.request_id,
        "since" => words.since,
        _ => words.until,
    };
    let filters =
        FILTERS.map(|name| (name, title(name), params.get(name).unwrap_or_default().to_owned())).into_iter().collect();
    visitor.page(&List {
        frame: visitor.frame(Tab::Events),
        filters,
        events: rows,
        newer,
        older,
        newest: address(&params, None),
        is_tail: before.is_none() && after.is_none(),
    })
}

async fn one(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Response, Error> {
    let event = events::event(&app, &text).await?;
    visitor.page(&One { frame: visitor.frame(Tab::Events), event, personal: None })
}

async fn traced(State(app): State<App>, visitor: Visitor, Path(text): Path<String>) -> Result<Response, Error> {
    let trace::Request { request_id, actor, commands } = events::trace(&app, &text).await?;
    let mut parts = Vec::new();
    flatten(commands, &mut parts);
    visitor.page(&Tree { frame: visitor.frame(Tab::Events), request_id, actor, parts })
}

async fn unseal(
    State(app): State<App>,
    visitor: Visitor,
    Path(text): Path<String>,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    app.want_fresh(&visitor.person, context.at).await?;
    let event = events::event(&app, &text).await?;
    let (personal, _) = events::look(&app, (visitor.user_id, fields.some("reason")), &context, &event).await?;
    let personal = personal.as_str().map_or_else(|| show::json(&personal), str::to_owned);
    visitor.page(&One { frame: visitor.frame(Tab::Events), event, personal: Some(personal) })
}
