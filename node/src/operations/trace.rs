//! What belongs together: a request, the commands in it, the events that each of them wrote, and what couriers asked
//! because of these events.

use super::Error;
use super::events::parsed;
use domain::Timestamp;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
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

/// Some events, and the position of the one that was named.
type Found = (Vec<Record>, Option<u64>);

/// The effects of each event: what couriers asked because of it.
type Effects = HashMap<Uuid, Vec<Record>>;

/// A request.
#[derive(Debug, PartialEq, Serialize)]
pub struct Request {
    /// Absent where it came over no door: from the command line, say.
    pub request_id: Option<String>,
    pub actor: Option<String>,
    pub commands: Vec<Command>,
}

/// What was decided in one go.
#[derive(Debug, PartialEq, Serialize)]
pub struct Command {
    /// Absent where the command had no key.
    pub command_id: Option<String>,
    /// Of the one who asked, where that is not the one of the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    pub events: Vec<Event>,
}

/// An event, and what followed from it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Event {
    pub position: u64,
    pub id: Uuid,
    #[serde(rename = "type")]
    pub name: String,
    pub stream: String,
    pub version: u64,
    pub recorded_at: Timestamp,
    /// Whether it is the one that was asked about.
    pub asked: bool,
    /// What couriers asked because of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caused: Vec<Command>,
}

/// The tree that an id belongs to; `None` when nothing has that id.
///
/// # Errors
/// When the log cannot be read.
pub fn traced(log: &Log, id: &str) -> Result<Option<Request>, Error> {
    let Some((records, asked)) = find(log, id)? else { return Ok(None) };
    let records = from_the_root(log, records)?;
    let effects = effects(log, &records)?;
    Ok(Some(tree(records, effects, asked)))
}

/// The events that belong to an id, and the position of the one that it names.
fn find(log: &Log, id: &str) -> Result<Option<Found>, Error> {
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
fn around(log: &Log, event: Record) -> Result<Found, Error> {
    let asked = Some(event.position);
    for field in ["request_id", "command_id"] {
        if let Some(id) = of_meta(&event, field) {
            return Ok((all(log, field, &id, 0)?, asked));
        }
    }
    Ok((vec![event], asked))
}

fn all(log: &Log, field: &str, id: &str, after: u64) -> Result<Vec<Record>, Error> {
    paged(after, |after| Ok(log.by_meta(field, id, after, PAGE)?))
}

fn paged(mut after: u64, read: impl Fn(u64) -> Result<Vec<Record>, Error>) -> Result<Vec<Record>, Error> {
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
    parsed(&record.meta).get(field)?.as_str().map(str::to_owned)
}

/// The records of the request that began it, where some were caused by what happened before.
fn from_the_root(log: &Log, mut records: Vec<Record>) -> Result<Vec<Record>, Error> {
    for _ in 0..STEPS_MAX {
        let cause = records.first().and_then(|record| of_meta(record, "causation"));
        let Some(cause) = cause.and_then(|id| domain::id::parse_uuid(&id)) else { break };
        let Some(event) = log.by_id(cause)? else { break };
        (records, _) = around(log, event)?;
    }
    Ok(records)
}

/// All that follows from some records.
fn effects(log: &Log, records: &[Record]) -> Result<Effects, Error> {
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
