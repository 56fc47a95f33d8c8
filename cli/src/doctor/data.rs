//! What the data folder holds: its rights, the master key, the log, the read models.

use super::{Advice, Check, machine};
use crate::context::Context;
use projections::{State, Status};
use rustix::fs::{Access, access};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use store::{Folder, Log, now};

/// A read model this many events behind a server that runs does not keep up.
const LAG_EVENTS_MAX: u64 = 10_000;
/// What is said of a read model whose file is too long to be read while somebody waits.
const UNREAD: &str = "whether its file is whole, `letopis doctor` says";
/// The rights that nobody but the owner should have.
const OTHERS: u32 = 0o077;

pub(super) fn folder(context: &Context) -> Check {
    let data = &context.settings.data;
    let shown = data.display();
    if !data.exists() {
        return Check::warning("data folder", format!("{shown} is not there yet"), Advice::FolderMissing);
    }
    let reach = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if !data.is_dir() || access(data, reach).is_err() {
        let advice = Advice::NotReadable { path: shown.to_string() };
        let found = format!("{shown} is not a folder that this user can read and write");
        return Check::problem("data folder", found, advice);
    }
    let log = Folder::existing(data).map(|folder| folder.database());
    if let Ok(log) = &log
        && access(log, Access::READ_OK | Access::WRITE_OK).is_err()
    {
        let advice = Advice::NotReadable { path: shown.to_string() };
        let found = format!("this user cannot read and write {}", log.display());
        return Check::problem("data folder", found, advice);
    }
    for path in std::iter::once(data).chain(log.as_ref().ok()) {
        if let Some(mode) = mode(path).filter(|mode| mode & OTHERS != 0) {
            let advice = Advice::RightsTooWide { path: path.display().to_string() };
            return Check::warning("data folder", format!("{} has the rights {mode:o}", path.display()), advice);
        }
    }
    Check::ok("data folder", shown.to_string())
}

pub(super) fn master_key(context: &Context) -> Check {
    let path = context.settings.master_key_file.clone().unwrap_or_else(|| in_folder(context));
    let shown = path.display();
    match mode(&path) {
        Some(mode) if mode & OTHERS != 0 => {
            let advice = Advice::KeyReadableByOthers { path: shown.to_string() };
            Check::problem("master key", format!("{shown} has the rights {mode:o}"), advice)
        }
        Some(mode) => Check::ok("master key", format!("{shown}, rights {mode:o}; keep a copy elsewhere")),
        None if !has_log(context) => {
            Check::ok("master key", format!("{shown} is made at the first start; keep a copy elsewhere then"))
        }
        None => {
            let advice = Advice::KeyMissing { path: shown.to_string() };
            Check::problem("master key", format!("{shown} cannot be read"), advice)
        }
    }
}

/// Whether there is a log already: in the folder, or by what the database says of the key that seals it.
fn has_log(context: &Context) -> bool {
    match context.settings.database {
        None => Folder::existing(&context.settings.data).is_ok(),
        Some(_) => context
            .log()
            .is_err_and(|error| matches!(error.downcast_ref(), Some(store::Error::MissingMasterKey { .. }))),
    }
}

/// Whether it means that no node has used the database yet. What its tables are of, its own check says.
fn is_unused(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(store::Error::OlderSchema { .. }))
}

fn in_folder(context: &Context) -> PathBuf {
    context.settings.data.join("master.key")
}

/// The log, and the clock against its last event.
pub(super) fn log(context: &Context) -> Vec<Check> {
    let now = now();
    let is_embedded = context.settings.database.is_none();
    if is_embedded && matches!(Folder::existing(&context.settings.data), Err(store::Error::NoData { .. })) {
        return vec![Check::ok("log", "none yet"), machine::clock(now, None)];
    }
    let looked = context.log().and_then(|(_, log)| Ok(last(&log)?));
    match looked {
        Ok((head, last)) => {
            let found = format!("{head} events; `letopis events verify` checks them");
            vec![Check::ok("log", found).with(json!({"head": head})), machine::clock(now, last)]
        }
        Err(error) if is_unused(&error) => vec![Check::ok("log", "none yet"), machine::clock(now, None)],
        Err(error) => {
            vec![Check::problem("log", format!("{error:#}"), Advice::LogUnusable), machine::clock(now, None)]
        }
    }
}

fn last(log: &Log) -> Result<(u64, Option<domain::Timestamp>), store::Error> {
    let head = log.head()?.position;
    let last = log.read(head.saturating_sub(1), 1)?;
    Ok((head, last.first().map(|record| record.recorded_at)))
}

/// One check for each read model, or one for all of them where they cannot be opened. Files longer than `bytes_max` are
/// not read.
pub(super) fn read_models(context: &Context, serves: bool, bytes_max: u64) -> Vec<Check> {
    let is_embedded = context.settings.database.is_none();
    if is_embedded && Folder::existing(&context.settings.data).is_err() {
        return vec![Check::ok("read models", "none yet")];
    }
    let status = || {
        let projections = context.projections()?;
        let mut unread = Vec::new();
        for name in projections.names() {
            if !projections.check_files(name, bytes_max)? {
                unread.push(name);
            }
        }
        let (folder, log) = context.log()?;
        state::check(&folder, &log, bytes_max)?;
        Ok((projections.status()?, unread))
    };
    match status() {
        // What nodes share may well be fed by another one.
        Ok((status, unread)) => {
            let check = |status: &Status| match unread.contains(&status.name) {
                false => read_model(status, serves || !is_embedded),
                true => read_model(status, serves || !is_embedded).noting(UNREAD),
            };
            status.iter().map(check).collect()
        }
        Err(error) if is_unused(&error) => vec![Check::ok("read models", "none yet")],
        Err(error) => {
            let check = if serves { Check::problem } else { Check::warning };
            vec![check("read models", format!("{error:#}"), Advice::ReadModelsUnusable)]
        }
    }
}

fn read_model(status: &Status, is_fed: bool) -> Check {
    let (name, state, lag) = (status.name.as_str(), status.state.as_str(), status.lag_events);
    let found = format!("{name}: {state}, {lag} events behind");
    let check = if let Some(error) = &status.error {
        let advice = match status.failed_position {
            Some(position) if position > 0 => Advice::StoppedByEvent { name: name.to_owned(), position },
            // No event is to blame.
            Some(_) | None => Advice::Stopped { name: name.to_owned() },
        };
        Check::problem("read models", format!("{found}: {error}"), advice)
    } else if status.state == State::Paused {
        Check::warning("read models", found, Advice::Paused { name: name.to_owned() })
    } else if is_fed && lag > LAG_EVENTS_MAX {
        Check::warning("read models", found, Advice::Lagging { name: name.to_owned() })
    } else {
        // Without a server nothing follows the log: the next one catches up.
        Check::ok("read models", found)
    };
    check.with(json!({"name": name, "state": state, "lag_events": lag, "lag_seconds": status.lag_seconds}))
}

fn mode(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}
