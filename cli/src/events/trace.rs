//! What belongs together: a request, the commands in it, and the events that each of them wrote.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use anyhow::Result;
use domain::Timestamp;
use serde::Serialize;
use std::io::Write;
use store::{Log, Record};
use uuid::Uuid;

/// How many events are read at once.
const PAGE: usize = 1_000;
/// More events than this are not one request's.
const EVENTS_MAX: usize = 100_000;

/// A request.
#[derive(Debug, PartialEq, Serialize)]
struct Request {
    /// Absent where it came over no door: from the command line, say.
    request_id: Option<String>,
    actor: Option<String>,
    commands: Vec<Command>,
}

/// What was decided in one go.
#[derive(Debug, PartialEq, Serialize)]
struct Command {
    /// Absent where the command had no key.
    command_id: Option<String>,
    events: Vec<Event>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Event {
    position: u64,
    id: Uuid,
    #[serde(rename = "type")]
    name: String,
    stream: String,
    version: u64,
    recorded_at: Timestamp,
    /// Whether it is the one that was asked about.
    asked: bool,
}

/// Shows the tree.
///
/// # Errors
/// Code 3 when nothing in the log has that id.
pub(super) fn trace(context: &Context, log: &Log, id: &str) -> Result<()> {
    let (records, asked) = find(log, id)?.ok_or_else(|| {
        let message = format!(
            "nothing in the log belongs to {id:?}: it must be a request's id (X-Request-Id), a command's id, an event's \
             id or its position; what changed nothing has left nothing"
        );
        failure(Code::NotFound, message)
    })?;
    let tree = tree(records, asked);
    if !output::is_table(context.output) {
        return output::show(context.output, &tree);
    }
    let mut out = output::out();
    out.write_all(drawn(&tree).as_bytes())?;
    Ok(out.flush()?)
}

/// The events that belong to an id, and the position of the one that it names.
fn find(log: &Log, id: &str) -> Result<Option<(Vec<Record>, Option<u64>)>> {
    if let Some(event) = domain::id::parse_uuid(id).map(|id| log.by_id(id)).transpose()?.flatten() {
        return Ok(Some(around(log, event)?));
    }
    for field in ["request_id", "command_id"] {
        let found = all(log, field, id, 0)?;
        if !found.is_empty() {
            return Ok(Some((found, None)));
        }
    }
    let Some(position) = id.parse::<u64>().ok().filter(|position| *position > 0) else { return Ok(None) };
    let at = log.read(position - 1, 1)?.into_iter().find(|record| record.position == position);
    at.map(|event| around(log, event)).transpose()
}

/// What was written together with an event.
fn around(log: &Log, event: Record) -> Result<(Vec<Record>, Option<u64>)> {
    let asked = Some(event.position);
    for field in ["request_id", "command_id"] {
        if let Some(id) = of_meta(&event, field) {
            return Ok((all(log, field, &id, 0)?, asked));
        }
    }
    Ok((vec![event], asked))
}

fn all(log: &Log, field: &str, id: &str, mut after: u64) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    while found.len() < EVENTS_MAX {
        let page = log.by_meta(field, id, after, PAGE)?;
        let is_last = page.len() < PAGE;
        found.extend(page);
        match found.last() {
            Some(last) if !is_last => after = last.position,
            Some(_) | None => break,
        }
    }
    Ok(found)
}

fn of_meta(record: &Record, field: &str) -> Option<String> {
    super::parsed(&record.meta).get(field)?.as_str().map(str::to_owned)
}

fn tree(records: Vec<Record>, asked: Option<u64>) -> Request {
    let of_first = |field| records.first().and_then(|record| of_meta(record, field));
    let mut request = Request { request_id: of_first("request_id"), actor: of_first("actor"), commands: Vec::new() };
    for record in records {
        let command_id = of_meta(&record, "command_id");
        let event = Event {
            position: record.position,
            id: record.id,
            stream: record.stream,
            version: record.version,
            recorded_at: record.recorded_at,
            asked: asked == Some(record.position),
            name: record.name,
        };
        match request.commands.iter_mut().find(|command| command.command_id == command_id) {
            Some(command) => command.events.push(event),
            None => request.commands.push(Command { command_id, events: vec![event] }),
        }
    }
    request
}

fn drawn(request: &Request) -> String {
    let id = request.request_id.as_deref().unwrap_or("without an id");
    let mut text = format!("request {id} of {}\n", request.actor.as_deref().unwrap_or("nobody"));
    for (index, command) in request.commands.iter().enumerate() {
        let is_last = index + 1 == request.commands.len();
        let (branch, stem) = if is_last { ("└─", "   ") } else { ("├─", "│  ") };
        let id = command.command_id.as_deref().unwrap_or("without a key");
        text.push_str(&format!("{branch} command {id}\n"));
        for (index, event) in command.events.iter().enumerate() {
            let branch = if index + 1 == command.events.len() { "└─" } else { "├─" };
            let Event { position, name, stream, version, recorded_at, .. } = event;
            let mark = if event.asked { "  ←" } else { "" };
            text.push_str(&format!("{stem}{branch} {position} {name}  {stream} v{version}  {recorded_at}{mark}\n"));
        }
    }
    // What clients send is in there: it must not steer the terminal.
    text.lines().map(|line| output::visible(line) + "\n").collect()
}
