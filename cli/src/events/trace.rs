//! `letopis events trace`: what belongs together, as a tree.

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output;
use anyhow::Result;
use node::operations::trace::{Command, Event, Request, traced};
use std::io::Write;
use store::Log;

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
