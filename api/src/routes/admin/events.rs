//! The events of the log, for operators: lists by what they are about, one event, what belongs together, and what is personal
//! in one, which is a fact of its own.

use crate::app::App;
use crate::auth::caller::Admin;
use crate::auth::fresh::FreshPerson;
use crate::error::{Code, Error};
use crate::http::body::OptionalBody;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{read, written};
use crate::routes::page::Next;
use crate::routes::spec::{Routes, Spec};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use domain::id::parse_uuid;
use domain::text::Note;
use domain::{Command, InspectionId, Timestamp, UserId, inspection};
use node::operations::events::{self as operations, EventRow, Page};
use node::operations::{streams, trace};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use store::Filter;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// How long a look through the whole log may take.
const READ_WAIT: Duration = Duration::from_secs(20);

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::admin().paged())
        .add(routes!(one), Spec::admin().fails(&[Code::EventNotFound]))
        .add(routes!(traced), Spec::admin().fails(&[Code::EventNotFound]))
        .add(routes!(unseal), Spec::admin().fresh().fails(&[Code::EventNotFound, Code::SessionRequired]))
        .add(routes!(list_streams), Spec::admin().paged())
        .add(routes!(one_stream), Spec::admin().fails(&[Code::StreamNotFound]))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminEvents)]
pub(crate) struct Events {
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// An event of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminEvent)]
pub(crate) struct Event {
    position: u64,
    #[schema(example = "message-0190163d-8694-739b-aea5-966c26f8ad91")]
    stream: String,
    /// Within its stream.
    version: u64,
    id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "message.posted.v1")]
    name: String,
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    #[schema(value_type = Object)]
    payload: Value,
    /// The actor, the request, the command, and the event that made a courier act.
    #[schema(value_type = Object)]
    meta: Value,
    /// Of the chain up to it, in hex.
    hash: String,
    /// Whose personal data it holds; absent when it holds none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, required = false)]
    subject: Option<UserId>,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Event {
        let EventRow { position, stream, version, id, name, recorded_at, payload, meta, hash, personal: _, subject } =
            row;
        Event { position, stream, version, id, name, recorded_at, payload, meta, hash, subject }
    }
}

/// Why you look.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UnsealReason, example = json!({"reason": "they asked why no mail came"}))]
pub(super) struct Why {
    /// It is kept with the fact, sealed for the person: 1 to 200 characters.
    reason: Option<String>,
}

/// What is personal in an event.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonalPart)]
struct Unsealed {
    /// A text that is not JSON is in `text`.
    #[schema(value_type = Object)]
    personal: Value,
    /// Of the fact that you looked.
    position: u64,
}

/// What belongs to a request.
#[derive(Serialize, ToSchema)]
#[schema(as = EventTrace)]
struct Trace {
    /// Absent where it came over no door.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// What was decided, each with its events and what couriers asked because of them.
    #[schema(value_type = Vec<Object>)]
    commands: Vec<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminStreams)]
struct Streams {
    streams: Vec<StreamEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AdminStream)]
struct StreamEntry {
    stream: String,
    /// How many.
    events: u64,
    last_position: u64,
}

/// A stream as the rules see it.
#[derive(Serialize, ToSchema)]
#[schema(as = FoldedStream)]
struct Folded {
    stream: String,
    /// The last one that is folded in.
    version: u64,
    /// Of that event.
    position: u64,
    /// Without what is personal.
    #[schema(value_type = Object)]
    state: Value,
}

/// What a list of events is asked for, `limit` of them and one more.
///
/// # Errors
/// What of it makes no sense.
pub(crate) fn wanted(params: &Params, limit: u32) -> Result<Page, Error> {
    let user = params.get("user_id").filter(|text| !text.is_empty());
    let user = user
        .map(|text| parse_uuid(text).map(UserId))
        .map(|id| id.ok_or_else(|| Error::bad_parameter("user_id", "must be the id of a user")));
    let time = |name: &str| -> Result<Option<Timestamp>, Error> {
        let text = params.get(name).filter(|text| !text.is_empty());
        let parsed =
            text.map(|text| Timestamp::parse(text).ok_or_else(|| Error::bad_parameter(name, "must be a time")));
        parsed.transpose()
    };
    let word = |name: &str| params.get(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = Filter {
        stream: word("stream"),
        name: word("type").map(|name| operations::pattern(&name)),
        user: user.transpose()?,
        since: time("since")?,
        ..Filter::default()
    };
    Ok(Page { filter, until: time("until")?, request_id: word("request_id"), limit: limit as usize + 1 })
}

/// A page of events: `after` a position upwards, or else `before` one downwards.
///
/// # Errors
/// When the log cannot be read in time.
pub(crate) async fn page(app: &App, page: Page) -> Result<Vec<EventRow>, Error> {
    let log = app.log.clone();
    Ok(app.ask_log(READ_WAIT, move || operations::page(&log, &page)).await??)
}

/// One event, by its position or its id.
///
/// # Errors
/// `event-not-found`.
pub(crate) async fn event(app: &App, event: &str) -> Result<EventRow, Error> {
    let (log, text) = (app.log.clone(), event.to_owned());
    let found = app.ask_log(READ_WAIT, move || match operations::find(&log, &text)? {
        Some(record) => operations::shown(&log, record, false).map(Some),
        None => Ok(None),
    });
    found.await??.ok_or_else(|| Error::new(Code::EventNotFound, "there is no such event; give its position or its id"))
}

/// What belongs to a request, a command or an event.
///
/// # Errors
/// `event-not-found`.
pub(crate) async fn trace(app: &App, id: &str) -> Result<trace::Request, Error> {
    let (log, text) = (app.log.clone(), id.to_owned());
    let found = app.ask_log(READ_WAIT, move || trace::traced(&log, &text)).await??;
    found.ok_or_else(|| Error::new(Code::EventNotFound, "no event in the log belongs to this id"))
}

/// What is personal in an event, and the answer that recorded who looked.
///
/// # Errors
/// `event-not-found`, also where nothing is personal in it.
pub(crate) async fn look(
    app: &App,
    (by, reason): (UserId, Option<&str>),
    context: &CommandContext,
    event: &EventRow,
) -> Result<(Value, Answer), Error> {
    let nothing = || Error::new(Code::EventNotFound, "this event holds no personal data, or it was erased");
    let reason = reason.map(Note::parse).transpose().map_err(|unfit| Error::bad("reason", unfit))?;
    let (log, position) = (app.log.clone(), event.position);
    let row = app.ask_log(READ_WAIT, move || match operations::find(&log, &position.to_string())? {
        Some(record) => operations::shown(&log, record, true).map(Some),
        None => Ok(None),
    });
    let personal =
        row.await??.and_then(|row| row.personal).filter(|personal| !personal.is_null()).ok_or_else(nothing)?;
    let user_id = event.subject.ok_or_else(nothing)?;
    let show = inspection::Show { by, position: event.position, event_id: event.id, user_id, reason };
    let command = Command::Inspection(InspectionId(Uuid::now_v7()), inspection::Command::Show(show));
    // Nobody sees what is not recorded: the answer comes behind the fact.
    let answer = app.ask(Actor::User(by), context, command).await?;
    Ok((personal, answer))
}

/// Streams by name.
///
/// # Errors
/// When the log cannot be read in time.
pub(crate) async fn streams_page(
    app: &App,
    prefix: Option<String>,
    after: String,
    limit: usize,
) -> Result<Vec<store::StreamRow>, Error> {
    let log = app.log.clone();
    Ok(app.ask_log(READ_WAIT, move || log.streams(&after, prefix.as_deref(), limit)).await??)
}

/// A stream folded up to a version, or to its end.
///
/// # Errors
/// `stream-not-found`.
pub(crate) async fn folded(app: &App, stream: &str, at: Option<u64>) -> Result<streams::StreamState, Error> {
    let (log, text) = (app.log.clone(), stream.to_owned());
    Ok(app.ask_log(READ_WAIT, move || streams::folded(&log, &text, at, false)).await??)
}

/// List events
///
/// The newest first; with `order=oldest-first` the other way. Without personal data.
#[utoipa::path(get, path = "/v1/admin/events", operation_id = "listEvents", tag = "operators", params(
    ("type" = Option<String>, Query, description = "A type; `*` stands for any text; without a version it means every version."),
    ("stream" = Option<String>, Query, description = "A stream, by its whole name."),
    ("user_id" = Option<String>, Query, description = "Events about this user or by them."),
    ("request_id" = Option<String>, Query, description = "Events that this request caused; then only `from` and `limit` count."),
    ("since" = Option<String>, Query, description = "Recorded at this time or later."),
    ("until" = Option<String>, Query, description = "Recorded before this time."),
    ("order" = Option<String>, Query, description = "`newest-first` or `oldest-first`."),
), responses((status = 200, body = Events, description = "A page of events.")))]
async fn list(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let newest_first = match params.get("order") {
        None | Some("newest-first") => true,
        Some("oldest-first") => false,
        Some(_) => return Err(Error::bad_parameter("order", "must be newest-first or oldest-first")),
    };
    let mut wanted = wanted(&params, limit)?;
    wanted.filter.newest_first = newest_first;
    let named = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let order = if newest_first { "newest" } else { "oldest" };
    let key = ["type", "stream", "user_id", "request_id", "since", "until"].map(named);
    let list = [&["events".to_owned(), order.to_owned()][..], &key[..]].concat();
    let from = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    match (from, newest_first) {
        (Some(from), true) => wanted.filter.up_to = Some(from.saturating_sub(1)),
        (Some(from), false) => wanted.filter.after = from,
        (None, _) => {}
    }
    let _place = app.budget.page().await?;
    let head = app.log_head().await?;
    let mut rows = page(&app, wanted).await?;
    let next =
        crate::routes::page::cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    Ok(read(head, Events { events: rows.into_iter().map(Event::from).collect(), next }))
}

/// Read an event
///
/// Without personal data.
#[utoipa::path(get, path = "/v1/admin/events/{event}", operation_id = "readEvent", tag = "operators",
    params(("event" = String, Path, description = "Its position or its id.")),
    responses((status = 200, body = Event, description = "The event.")))]
async fn one(State(app): State<App>, _admin: Admin, Path(text): Path<String>) -> Result<Response, Error> {
    let head = app.log_head().await?;
    Ok(read(head, Event::from(event(&app, &text).await?)))
}

/// Trace an event
///
/// The request that it belongs to, its commands, their events, and the commands that couriers sent because of these.
#[utoipa::path(get, path = "/v1/admin/events/{event}/trace", operation_id = "traceEvent", tag = "operators",
    params(("event" = String, Path, description = "The position or id of an event, a request's id or a command's id.")),
    responses((status = 200, body = Trace, description = "The tree.")))]
async fn traced(State(app): State<App>, _admin: Admin, Path(text): Path<String>) -> Result<Response, Error> {
    let head = app.log_head().await?;
    let trace::Request { request_id, actor, commands } = trace(&app, &text).await?;
    let commands = commands.iter().map(|command| serde_json::to_value(command).unwrap_or_default()).collect();
    Ok(read(head, Trace { request_id, actor, commands }))
}

/// Unseal an event
///
/// Shows the personal data in it, except password hashes. The log records that you looked, and the export of the person
/// shows it.
#[utoipa::path(post, path = "/v1/admin/events/{event}/unseal", operation_id = "unsealEvent", tag = "operators",
    params(("event" = String, Path, description = "Its position or its id.")), request_body = Why,
    responses((status = 200, body = Unsealed, description = "The personal data in it.")))]
async fn unseal(
    State(app): State<App>,
    admin: Admin,
    _fresh: FreshPerson,
    Path(text): Path<String>,
    context: CommandContext,
    OptionalBody(body): OptionalBody<Why>,
) -> Result<Response, Error> {
    let event = event(&app, &text).await?;
    let (personal, answer) = look(&app, (admin.user_id, body.reason.as_deref()), &context, &event).await?;
    let personal = if personal.is_object() { personal } else { serde_json::json!({"text": personal}) };
    Ok(written(StatusCode::OK, &answer, Unsealed { personal, position: answer.position }))
}

/// List streams
#[utoipa::path(get, path = "/v1/admin/streams", operation_id = "listStreams", tag = "operators", params(
    ("prefix" = Option<String>, Query, description = "The beginning of the stream's name, such as `chat-`."),
), responses((status = 200, body = Streams, description = "A page of streams, by name.")))]
async fn list_streams(State(app): State<App>, _admin: Admin, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let prefix = params.get("prefix").filter(|prefix| !prefix.is_empty()).map(str::to_owned);
    let list = ["streams", prefix.as_deref().unwrap_or_default()];
    let after = params.get("from").map(|from| cursor::read(&app.keys, &list, from)).transpose()?;
    let after = after.map(|key| String::from_utf8_lossy(&key).into_owned()).unwrap_or_default();
    let _place = app.budget.page().await?;
    let head = app.log_head().await?;
    let mut rows = streams_page(&app, prefix.clone(), after, limit as usize + 1).await?;
    let next =
        crate::routes::page::cut(&mut rows, limit, |last| cursor::write(&app.keys, &list, last.stream.as_bytes()));
    let entry = |row: store::StreamRow| StreamEntry {
        stream: row.stream,
        events: row.events,
        last_position: row.last_position,
    };
    Ok(read(head, Streams { streams: rows.into_iter().map(entry).collect(), next }))
}

/// Read a stream
///
/// Folded as the rules see it, up to the version `at` or to its end. Without personal data.
#[utoipa::path(get, path = "/v1/admin/streams/{stream}", operation_id = "readStream", tag = "operators", params(
    ("stream" = String, Path, description = "A stream, such as `user-` and an id."),
    ("at" = Option<u64>, Query, description = "The version of its last event to fold in."),
), responses((status = 200, body = Folded, description = "The stream, folded to its state.")))]
async fn one_stream(
    State(app): State<App>,
    _admin: Admin,
    Path(stream): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let at = params.get("at").map(|at| at.parse().map_err(|_| Error::bad_parameter("at", "must be a version")));
    let head = app.log_head().await?;
    let streams::StreamState { stream, version, position, state } = folded(&app, &stream, at.transpose()?).await?;
    Ok(read(head, Folded { stream, version, position, state }))
}
