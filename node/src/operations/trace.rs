//! What belongs together: a request, the commands in it, the events that each of them wrote, and what couriers asked
//! because of these events.

use super::Error;
use super::events::parsed;
use super::pace::last_before;
use domain::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use store::{Log, Record};
use uuid::Uuid;

/// How many events are read at once.
const PAGE: usize = 1_000;
/// More events than this are not one request's.
const EVENTS_MAX: usize = 100_000;
/// A request is over that long after its first event, in microseconds: an hour, an import by a verb included.
const REQUEST_LASTS_MAX: i64 = 3_600_000_000;
/// No command writes more events than these; they are side by side.
const COMMAND_EVENTS_MAX: u64 = 10_000;
/// So much of the log is read for effects before what was found is looked for in turn.
const STRETCH: u64 = 50_000;
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
    let effects = effects(log, &records, STRETCH)?;
    Ok(Some(tree(records, effects, asked)))
}

/// The events that belong to an id, and the position of the one that it names. A number is a position where the log has
/// it: names of requests and commands are looked for in all of the log.
fn find(log: &Log, id: &str) -> Result<Option<Found>, Error> {
    if let Some(event) = super::events::find(log, id)? {
        return Ok(Some(around(log, event)?));
    }
    for field in ["request_id", "command_id"] {
        let found = all(log, (field, id), (0, log.head()?.position))?;
        if !found.is_empty() {
            return Ok(Some((found, None)));
        }
    }
    Ok(None)
}

/// What was written together with an event.
fn around(log: &Log, event: Record) -> Result<Found, Error> {
    let asked = Some(event.position);
    if let Some(id) = of_meta(&event, "request_id") {
        let at = event.recorded_at.0;
        let after = last_before(log, Timestamp(at - REQUEST_LASTS_MAX))?;
        let to = last_before(log, Timestamp(at + REQUEST_LASTS_MAX))?;
        return Ok((all(log, ("request_id", &id), (after, to))?, asked));
    }
    if let Some(id) = of_meta(&event, "command_id") {
        let part = (event.position.saturating_sub(COMMAND_EVENTS_MAX), event.position + COMMAND_EVENTS_MAX);
        return Ok((all(log, ("command_id", &id), part)?, asked));
    }
    Ok((vec![event], asked))
}

fn all(log: &Log, field: (&str, &str), (after, to): (u64, u64)) -> Result<Vec<Record>, Error> {
    paged(after, |after| Ok(log.by_meta(field, (after, to), PAGE)?))
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

/// All that follows from some records. An effect is behind its cause, so the log is read once, from the first of them on;
/// a stretch in which something is found is read again for what followed from that.
fn effects(log: &Log, records: &[Record], stretch: u64) -> Result<Effects, Error> {
    let mut effects = Effects::new();
    let Some(first) = records.first() else { return Ok(effects) };
    // By how many steps each of them followed.
    let mut steps = records.iter().map(|record| (record.id, 0)).collect::<HashMap<_, _>>();
    let (mut after, head) = (first.position, log.head()?.position);
    while after < head && steps.len() < EVENTS_MAX {
        let to = after.saturating_add(stretch).min(head);
        let mut causes = steps.iter().filter(|(_, step)| **step < STEPS_MAX).map(|(id, _)| *id).collect::<Vec<_>>();
        while !causes.is_empty() {
            let found = paged(after, |after| Ok(log.caused_by(&causes, (after, to), PAGE)?))?;
            causes.clear();
            for record in found {
                let cause = of_meta(&record, "causation").and_then(|id| domain::id::parse_uuid(&id));
                let Some(cause) = cause.filter(|_| !steps.contains_key(&record.id)) else { continue };
                let step = steps.get(&cause).map_or(0, |step| step + 1);
                steps.insert(record.id, step);
                if step < STEPS_MAX {
                    causes.push(record.id);
                }
                effects.entry(cause).or_default().push(record);
            }
        }
        after = to;
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
    let mut places = HashMap::new();
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
        let place = *places.entry(command_id.clone()).or_insert(commands.len());
        match commands.get_mut(place) {
            Some(command) => command.events.push(event),
            None => commands.push(Command { command_id, actor, events: vec![event] }),
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{UserId, user};
    use store::{Appender, Batch, Folder, NewEvent};

    struct House {
        appender: Appender,
        log: Log,
        _place: tempfile::TempDir,
    }

    impl House {
        fn new() -> House {
            let place = tempfile::tempdir().unwrap();
            let folder = Folder::create(place.path()).unwrap();
            let appender = Appender::open(&folder, &folder.master_key()).unwrap();
            let log = appender.log(&folder).unwrap();
            House { appender, log, _place: place }
        }

        /// Appends one event with this metadata; answers its id.
        fn append(&mut self, minute: i64, meta: &str) -> Uuid {
            let change = user::Event::RoleSet(user::RoleSet { role: user::Role::User });
            let event = domain::Event::User(UserId(Uuid::now_v7()), change);
            let events = vec![NewEvent { version: 1, event, meta: meta.to_owned() }];
            let at = Timestamp(1_700_000_000_000_000 + minute * 60_000_000);
            let head = self.appender.append(&Batch { at, events, ..Batch::default() }).unwrap();
            self.log.read(head.position - 1, 1).unwrap().remove(0).id
        }

        fn effect(&mut self, minute: i64, cause: Uuid) -> Uuid {
            self.append(minute, &format!(r#"{{"actor":"courier","causation":"{cause}"}}"#))
        }
    }

    /// The positions of a tree, each with those that followed from it.
    fn drawn(commands: &[Command]) -> String {
        let events = commands.iter().flat_map(|command| &command.events);
        let drawn = events.map(|event| match event.caused.is_empty() {
            true => event.position.to_string(),
            false => format!("{}({})", event.position, drawn(&event.caused)),
        });
        drawn.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn effects_of_effects_are_found_however_much_of_the_log_is_read_at_once() {
        let mut house = House::new();
        let first = house.append(0, "{}");
        let near = house.effect(0, first);
        let nothing = house.append(1, r#"{"actor":"system"}"#);
        house.effect(1, nothing);
        let far = house.effect(9, near);
        house.effect(9, first);
        let further = house.effect(99_999, far);
        house.effect(99_999, further);
        let records = house.log.read(0, 1).unwrap();
        for stretch in [1, 2, 3, 7, STRETCH] {
            let found = effects(&house.log, &records, stretch).unwrap();
            let tree = tree(records.clone(), found, None);
            assert_eq!(drawn(&tree.commands), "1(2(5(7(8))) 6)", "{stretch}");
        }
        let whole = traced(&house.log, &further.to_string()).unwrap().unwrap();
        assert_eq!(drawn(&whole.commands), "1(2(5(7(8))) 6)", "also when one in the middle is named");
    }

    #[test]
    fn a_name_that_a_client_uses_again_later_is_another_request() {
        let mut house = House::new();
        let meta = r#"{"request_id":"r"}"#;
        let asked = house.append(0, meta);
        house.append(59, meta);
        house.append(61, meta);
        assert_eq!(drawn(&traced(&house.log, &asked.to_string()).unwrap().unwrap().commands), "1 2");
        assert_eq!(drawn(&traced(&house.log, "r").unwrap().unwrap().commands), "1 2 3", "by that name all of them");
    }

    #[test]
    fn a_chain_of_causes_has_an_end() {
        let mut house = House::new();
        let mut cause = house.append(0, "{}");
        for _ in 0..STEPS_MAX + 5 {
            cause = house.effect(0, cause);
        }
        let found = effects(&house.log, &house.log.read(0, 1).unwrap(), STRETCH).unwrap();
        assert_eq!(found.len(), STEPS_MAX);
    }
}
