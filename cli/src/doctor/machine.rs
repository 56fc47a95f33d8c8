//! What the machine and the program bring: the disk, the clock, SQLite.

use super::{Advice, Check};
use crate::context::Context;
use domain::Timestamp;
use node::operations::disk::{self, FREE_BYTES_EASY, FREE_BYTES_LEAST};
use serde_json::json;
use std::path::Path;

const MIB: u64 = 1024 * 1024;

/// A clock this far behind the log runs backwards for people.
const BEHIND_MICROSECONDS_MAX: i64 = 60 * SECOND;
const SECOND: i64 = 1_000_000;
/// 2025-01-01: no log of Letopis is older.
const FIRST_YEAR: Timestamp = Timestamp(1_735_689_600 * SECOND);

/// Options that `.cargo/config.toml` takes out of SQLite.
const UNWANTED: [&str; 3] = ["ENABLE_FTS3", "ENABLE_FTS5", "ENABLE_LOAD_EXTENSION"];

/// Variables that look like settings and are none.
pub(super) fn environment(context: &Context) -> Check {
    match context.layers.passed_over() {
        [] => Check::ok("environment", "every LETOPIS_ variable is a setting"),
        names => {
            let found = format!("not settings, but set by Kubernetes for a Service of that name: {}", names.join(", "));
            Check::ok("environment", found)
        }
    }
}

pub(super) fn sqlite() -> Check {
    let build = match store::build_info() {
        Ok(build) => build,
        Err(error) => return Check::problem("sqlite", error.to_string(), Advice::SqliteUnknown),
    };
    let unwanted = build.options.iter().filter(|option| UNWANTED.contains(&option.as_str()));
    let unwanted = unwanted.map(String::as_str).collect::<Vec<_>>();
    let check = if unwanted.is_empty() {
        Check::ok("sqlite", build.version)
    } else {
        let found = format!("{} with {}", build.version, unwanted.join(", "));
        Check::warning("sqlite", found, Advice::SqliteOptions)
    };
    check.with(json!({"version": build.version, "compile_options": build.options}))
}

pub(super) fn disk(data: &Path) -> Check {
    match disk::space(data) {
        Ok(space) => of_disk(data, space.free_bytes, space.size_bytes),
        Err(error) => {
            let found = format!("the disk of {} cannot be read: {}", data.display(), store::described(&error));
            Check::problem("disk", found, Advice::DiskUnknown { path: data.display().to_string() })
        }
    }
}

fn of_disk(data: &Path, free: u64, size: u64) -> Check {
    let found = format!("{} MiB free of {} MiB", free / MIB, size / MIB);
    let advice = Advice::DiskFull { path: data.display().to_string() };
    let check = if free < FREE_BYTES_LEAST {
        Check::problem("disk", found, advice)
    } else if free < FREE_BYTES_EASY {
        Check::warning("disk", found, advice)
    } else {
        Check::ok("disk", found)
    };
    check.with(json!({"free_bytes": free, "size_bytes": size}))
}

/// Whether the clock can be right, for a log whose last event was recorded then.
pub(super) fn clock(now: Timestamp, last: Option<Timestamp>) -> Check {
    let advice = Advice::ClockWrong;
    if now < FIRST_YEAR {
        return Check::problem("clock", format!("{now} cannot be the time"), advice);
    }
    let Some(last) = last else { return Check::ok("clock", now.to_string()) };
    let behind = last.0.saturating_sub(now.0);
    let found = format!("{now}, and the log ends at {last}");
    if behind > BEHIND_MICROSECONDS_MAX {
        Check::problem("clock", found, advice)
    } else if behind > SECOND {
        Check::warning("clock", found, advice)
    } else {
        Check::ok("clock", found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_disk_is_full_before_it_is_full() {
        let data = Path::new("/data");
        assert_eq!(of_disk(data, 10 * MIB, 1024 * MIB).state, State::Problem);
        assert_eq!(of_disk(data, 500 * MIB, 1024 * MIB).state, State::Warning);
        assert_eq!(of_disk(data, 5_000 * MIB, 10_000 * MIB).state, State::Ok);
        assert!(disk(Path::new("/nowhere/at/all")).details.is_some());
    }

    #[test]
    fn a_clock_behind_the_log_is_found() {
        let now = Timestamp(FIRST_YEAR.0 + 1_000 * SECOND);
        let after = |seconds: i64| Some(Timestamp(now.0 + seconds * SECOND));
        assert_eq!(clock(now, None).state, State::Ok);
        assert_eq!(clock(now, after(-5)).state, State::Ok);
        assert_eq!(clock(now, after(5)).state, State::Warning);
        assert_eq!(clock(now, after(500)).state, State::Problem);
        assert_eq!(clock(Timestamp(0), None).state, State::Problem);
    }

    #[test]
    fn sqlite_is_told_with_its_options() {
        let check = sqlite();
        assert_eq!(check.state, State::Ok, "{check:?}");
        assert!(check.details.is_some_and(|details| details["compile_options"].is_array()));
    }
}
