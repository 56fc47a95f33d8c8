//! What belongs together: a request, the commands in it, the events that each of them wrote, and what couriers asked
//! because of these events.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use anyhow::Result;
use domain::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use store::{Log, Record};
use uuid::Uuid;

/// How many events are read at once.
const PAGE: usize = 1_000;
/// More events than this are not one request's.
const EVENTS_MAX: usize = 100_000;
/// How many causes are looked up with one reading of the log.
const CAUSES_MAX: usize = 1_000;
/// How often an effect is followed to its effects, or to its cause.
const STEPS_MAX: usize = 32;

/// The effects of each event: what couriers asked because of it.
type Effects = HashMap<Uuid, Vec<Record>>;

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
    /// Of the one who asked, where that is not the one of the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
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
    /// What couriers asked because of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    caused: Vec<Command>,
}

/// Shows the tree.
///
/// # Errors
/// Code 3 when nothing in the log has that id.
pub(super) fn trace(context: &Context, log: &Log, id: &str) -> Result<()> {
    let tree = traced(log, id)?.ok_or_else(|| {
        let message = format!(
            "nothing in the log belongs to {id:?}: it must be a request's id (X-Request-Id), a command's id, an event's \
             id or its position; what changed nothing has left nothing"
        );
        failure(Code::NotFound, message)
    })?;
    if !context.output.is_table() {
        return output::show(context.output, &tree);
    }
    let mut out = output::out();
    out.write_all(drawn(&tree).as_bytes())?;
    Ok(out.flush()?)
}

/// The tree that an id belongs to; `None` when nothing has that id.
fn traced(log: &Log, id: &str) -> Result<Option<Request>> {
    let Some((records, asked)) = find(log, id)? else { return Ok(None) };
    let records = from_the_root(log, records)?;
    let effects = effects(log, &records)?;
    Ok(Some(tree(records, effects, asked)))
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

fn all(log: &Log, field: &str, id: &str, after: u64) -> Result<Vec<Record>> {
    paged(after, |after| Ok(log.by_meta(field, id, after, PAGE)?))
}

fn paged(mut after: u64, read: impl Fn(u64) -> Result<Vec<Record>>) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    while found.len() < EVENTS_MAX {
        let page = read(after)?;
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

/// The records of the request that began it, where some were caused by what happened before.
fn from_the_root(log: &Log, mut records: Vec<Record>) -> Result<Vec<Record>> {
    for _ in 0..STEPS_MAX {
        let cause = records.first().and_then(|record| of_meta(record, "causation"));
        let Some(cause) = cause.and_then(|id| domain::id::parse_uuid(&id)) else { break };
        let Some(event) = log.by_id(cause)? else { break };
        (records, _) = around(log, event)?;
    }
    Ok(records)
}

/// All that follows from some records.
fn effects(log: &Log, records: &[Record]) -> Result<Effects> {
    let mut effects = Effects::new();
    let mut known = records.iter().map(|record| record.id).collect::<HashSet<_>>();
    let mut level = records.iter().map(|record| (record.id, record.position)).collect::<Vec<_>>();
    for _ in 0..STEPS_MAX {
        let mut next = Vec::new();
        for causes in level.chunks(CAUSES_MAX) {
            let ids = causes.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            let first = causes.iter().map(|(_, position)| *position).min().unwrap_or_default();
            for record in paged(first, |after| Ok(log.caused_by(&ids, after, PAGE)?))? {
                let cause = of_meta(&record, "causation").and_then(|id| domain::id::parse_uuid(&id));
                let Some(cause) = cause.filter(|_| known.len() < EVENTS_MAX && known.insert(record.id)) else {
                    continue;
                };
                next.push((record.id, record.position));
                effects.entry(cause).or_default().push(record);
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    Ok(effects)
}

fn tree(records: Vec<Record>, mut effects: Effects, asked: Option<u64>) -> Request {
    let of_first = |field| records.first().and_then(|record| of_meta(record, field));
    let (request_id, actor) = (of_first("request_id"), of_first("actor"));
    let mut commands = commands(records, &mut effects, asked);
    for command in commands.iter_mut().filter(|command| command.actor == actor) {
        command.actor = None;
    }
    Request { request_id, actor, commands }
}

/// The commands that wrote some records, each with what follows from it.
fn commands(records: Vec<Record>, effects: &mut Effects, asked: Option<u64>) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for record in records {
        let (command_id, actor) = (of_meta(&record, "command_id"), of_meta(&record, "actor"));
        let caused = effects.remove(&record.id).unwrap_or_default();
        let event = Event {
            position: record.position,
            id: record.id,
            stream: record.stream,
            version: record.version,
            recorded_at: record.recorded_at,
            asked: asked == Some(record.position),
            name: record.name,
            caused: self::commands(caused, effects, asked),
        };
        match commands.iter_mut().find(|command| command.command_id == command_id) {
            Some(command) => command.events.push(event),
            None => commands.push(Command { command_id, actor, events: vec![event] }),
        }
    }
    commands
}

fn drawn(request: &Request) -> String {
    let id = request.request_id.as_deref().unwrap_or("without an id");
    let mut text = format!("request {id} of {}\n", request.actor.as_deref().unwrap_or("an unknown actor"));
    draw(&request.commands, "", &mut text);
    // What clients send is in there: it must not steer the terminal.
    text.lines().map(|line| output::visible(line) + "\n").collect()
}

fn draw(commands: &[Command], stem: &str, text: &mut String) {
    for (index, command) in commands.iter().enumerate() {
        let (branch, below) = branch(stem, index, commands.len());
        let id = command.command_id.as_deref().unwrap_or("without a key");
        let by = command.actor.as_ref().map_or_else(String::new, |actor| format!(" of {actor}"));
        text.push_str(&format!("{branch} command {id}{by}\n"));
        for (index, event) in command.events.iter().enumerate() {
            let (branch, below) = self::branch(&below, index, command.events.len());
            let Event { position, name, stream, version, recorded_at, .. } = event;
            let mark = if event.asked { "  ←" } else { "" };
            text.push_str(&format!("{branch} {position} {name}  {stream} v{version}  {recorded_at}{mark}\n"));
            draw(&event.caused, &below, text);
        }
    }
}

/// How one of some lines begins, and what is below it.
fn branch(stem: &str, index: usize, of: usize) -> (String, String) {
    let (branch, below) = if index + 1 == of { ("└─", "   ") } else { ("├─", "│  ") };
    (format!("{stem}{branch}"), format!("{stem}{below}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::ProjectionName;
    use domain::projection;
    use store::{Appender, Batch, Folder, NewEvent};

    /// A log of events that say only who asked, and why: each is caused by the one at the position that it names.
    fn log(folder: &std::path::Path, of: &[(&str, Option<usize>)]) -> (Appender, Log) {
        let folder = Folder::create(folder).unwrap();
        let mut appender = Appender::open(&folder, &folder.master_key()).unwrap();
        let log = appender.log(&folder).unwrap();
        for (index, (meta, cause)) in of.iter().enumerate() {
            let mut meta = serde_json::from_str::<serde_json::Value>(meta).unwrap();
            if let Some(position) = cause {
                meta["causation"] = log.read(*position as u64 - 1, 1).unwrap()[0].id.to_string().into();
            }
            let skipped = projection::EventSkipped { position: 1, reason: "a test".to_owned() };
            let name = ProjectionName::parse("trace").unwrap();
            let event = domain::Event::Projection(name, projection::Event::EventSkipped(skipped));
            let events = vec![NewEvent { version: index as u64 + 1, event, meta: meta.to_string() }];
            let batch = Batch { events, ..Batch::default() };
            appender.append(&batch).unwrap();
        }
        (appender, log)
    }

    #[test]
    fn what_couriers_asked_hangs_below_its_cause() {
        let folder = tempfile::TempDir::new().unwrap();
        let (_appender, log) = log(
            folder.path(),
            &[
                (r#"{"actor":"anonymous","request_id":"req-1"}"#, None),
                (r#"{"actor":"anonymous","request_id":"req-2"}"#, None),
                (r#"{"actor":"courier","command_id":"notice"}"#, Some(1)),
                (r#"{"actor":"courier","command_id":"sending"}"#, Some(3)),
                (r#"{"actor":"courier","command_id":"other"}"#, Some(2)),
                (r#"{"actor":"courier","command_id":"accepted"}"#, Some(4)),
            ],
        );
        let drawn = |id: &str| {
            let text = drawn(&traced(&log, id).unwrap().unwrap());
            let line = |line: &str| {
                let words = line
                    .split(' ')
                    .filter(|word| !word.is_empty() && !word.ends_with('Z') && !word.starts_with("projection"));
                words.collect::<Vec<_>>().join(" ")
            };
            text.lines().map(line).collect::<Vec<_>>()
        };
        let whole = [
            "request req-1 of anonymous",
            "└─ command without a key",
            "└─ 1 v1",
            "└─ command notice of courier",
            "└─ 3 v3",
            "└─ command sending of courier",
            "└─ 4 v4",
            "└─ command accepted of courier",
            "└─ 6 v6",
        ];
        assert_eq!(drawn("req-1"), whole);
        // The same tree by any of its events and commands; the event that was asked about is marked.
        assert_eq!(drawn("sending"), whole);
        let mut marked = whole.map(str::to_owned);
        marked[8].push_str(" ←");
        assert_eq!(drawn("6"), marked);
        assert_eq!(drawn("req-2").len(), 5);
    }
}
