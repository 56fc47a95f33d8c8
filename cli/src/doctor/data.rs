//! What lies in the data folder: its rights, the master key, the log, the read models.

use super::{Check, machine};
use crate::context::Context;
use projections::{State, Status};
use rustix::fs::{Access, access};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use store::{Folder, Log, now};

/// A read model this many events behind a server that runs does not keep up.
const LAG_EVENTS_MAX: u64 = 10_000;
/// The rights that nobody but the owner should have.
const OTHERS: u32 = 0o077;

pub(super) fn folder(context: &Context) -> Check {
    let data = &context.settings.data;
    let shown = data.display();
    if !data.exists() {
        return Check::warning(
            "data folder",
            format!("{shown} is not there yet"),
            "`letopis serve` makes it; if there should be data, name its folder with --data or LETOPIS_DATA",
        );
    }
    let reach = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if !data.is_dir() || access(data, reach).is_err() {
        let advice = "it must be a folder that this user may read and write: `chown` it, or run as the server's user";
        return Check::problem("data folder", format!("{shown} cannot be used"), advice);
    }
    let log = Folder::existing(data).map(|folder| folder.database());
    if let Ok(log) = &log
        && access(log, Access::READ_OK | Access::WRITE_OK).is_err()
    {
        let advice = "`chown` it to the user that serves, or run this as that user";
        return Check::problem("data folder", format!("{} cannot be read and written", log.display()), advice);
    }
    for path in std::iter::once(data).chain(log.as_ref().ok()) {
        if let Some(mode) = mode(path).filter(|mode| mode & OTHERS != 0) {
            let advice = format!("close it to other users: `chmod go= {}`", path.display());
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
            let advice = format!("no other user may read it: `chmod 600 {shown}`; a server does not start before");
            Check::problem("master key", format!("{shown} has the rights {mode:o}"), advice)
        }
        Some(mode) => Check::ok("master key", format!("{shown}, rights {mode:o}; keep a copy elsewhere")),
        None if !has_log(context) => {
            Check::ok("master key", format!("{shown} is made at the first start; keep a copy elsewhere then"))
        }
        None => {
            let advice = "bring it back from its copy, or from another node, or name it by LETOPIS_MASTER_KEY_FILE: the \
                          log cannot be read without it";
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
            let advice = "do what the message says; without that no server starts";
            vec![Check::problem("log", format!("{error:#}"), advice), machine::clock(now, None)]
        }
    }
}

fn last(log: &Log) -> Result<(u64, Option<domain::Timestamp>), store::Error> {
    let head = log.head()?.position;
    let last = log.read(head.saturating_sub(1), 1)?;
    Ok((head, last.first().map(|record| record.recorded_at)))
}

/// One check for each read model, or one for all of them where they cannot be opened.
pub(super) fn read_models(context: &Context, serves: bool) -> Vec<Check> {
    let is_embedded = context.settings.database.is_none();
    if is_embedded && Folder::existing(&context.settings.data).is_err() {
        return vec![Check::ok("read models", "none yet")];
    }
    let status = || {
        let projections = context.projections()?;
        projections.names().into_iter().try_for_each(|name| projections.check_files(name))?;
        let (folder, log) = context.log()?;
        state::check(&folder, &log)?;
        Ok(projections.status()?)
    };
    match status() {
        // What nodes share may well be fed by another one.
        Ok(status) => status.iter().map(|status| read_model(status, serves || !is_embedded)).collect(),
        Err(error) if is_unused(&error) => vec![Check::ok("read models", "none yet")],
        Err(error) => {
            let advice = "the next `letopis serve` builds them from the log, where that can be read";
            let found = format!("{error:#}");
            let check = if serves { Check::problem } else { Check::warning };
            vec![check("read models", found, advice.to_owned())]
        }
    }
}

fn read_model(status: &Status, is_fed: bool) -> Check {
    let (name, state, lag) = (status.name.as_str(), status.state.as_str(), status.lag_events);
    let found = format!("{name}: {state}, {lag} events behind");
    let check = if let Some(error) = &status.error {
        let advice = match status.failed_position {
            Some(at) if at > 0 => format!(
                "it stopped at {at}: `letopis events show {at}` shows the event; then `letopis projections skip {name}`, \
                 or `rebuild {name}`"
            ),
            // No event is to blame.
            Some(_) | None => {
                format!("`letopis projections resume {name}` goes on from its checkpoint; or `rebuild {name}`")
            }
        };
        Check::problem("read models", format!("{found}: {error}"), advice)
    } else if status.state == State::Paused {
        Check::warning("read models", found, format!("it was paused by hand: `letopis projections resume {name}`"))
    } else if is_fed && lag > LAG_EVENTS_MAX {
        let advice = "look again: when it does not shrink, the log of the server that feeds it tells why";
        Check::warning("read models", found, advice)
    } else {
        // Without a server nothing follows the log: the next one catches up.
        Check::ok("read models", found)
    };
    check.with(json!({"name": name, "state": state, "lag_events": lag, "lag_seconds": status.lag_seconds}))
}

fn mode(path: &Path) -> Option<u32> {
    Some(std::fs::metadata(path).ok()?.permissions().mode() & 0o777)
}
