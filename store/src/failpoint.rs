//! Places between two effects, by name, where a test lets the process end or the next effect fail. A development
//! build reads the variable [`VARIABLE`] once; a release build holds no trace of any of this.

use std::io;

/// Names a place, what happens there, and the how-manieth time (from one; the first when it is left out):
/// `log-written=crash@3`, `log-commit=error`, `batch-taken=panic` or `batch-taken=hang`.
pub const VARIABLE: &str = "LETOPIS_FAILPOINT";

/// Ends the process here, as a crash would, when a test wants it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn pass(_name: &'static str) {}

/// Ends the process here, as a crash would, when a test wants it.
#[cfg(debug_assertions)]
pub fn pass(name: &'static str) {
    armed::pass(name);
}

/// The same, and the next effect can be made to fail as well.
///
/// # Errors
/// When a test wants it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn io(_name: &'static str) -> io::Result<()> {
    Ok(())
}

/// The same, and the next effect can be made to fail as well.
///
/// # Errors
/// When a test wants it.
#[cfg(debug_assertions)]
pub fn io(name: &'static str) -> io::Result<()> {
    if armed::pass(name) { Err(io::Error::other(format!("failpoint {name}"))) } else { Ok(()) }
}

/// The same for an effect on a database.
pub(crate) fn sql(name: &'static str) -> rusqlite::Result<()> {
    let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    io(name).map_err(|error| rusqlite::Error::SqliteFailure(failed, Some(error.to_string())))
}

#[cfg(debug_assertions)]
mod armed {
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug, PartialEq, Eq)]
    pub(super) enum Action {
        Crash,
        Error,
        Panic,
        /// For ever.
        Hang,
    }

    #[derive(Debug)]
    pub(super) struct Armed {
        pub(super) name: String,
        pub(super) action: Action,
        /// How often it is still passed before it happens.
        pub(super) left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var(super::VARIABLE).ok()?;
        Some(
            parse(&text)
                .unwrap_or_else(|| panic!("{} is not `name=crash@1`, `error`, `panic` or `hang`", super::VARIABLE)),
        )
    });

    pub(super) fn parse(text: &str) -> Option<Armed> {
        let (name, what) = text.split_once('=')?;
        let (action, left) = what.split_once('@').unwrap_or((what, "1"));
        let action = match action {
            "crash" => Action::Crash,
            "error" => Action::Error,
            "panic" => Action::Panic,
            "hang" => Action::Hang,
            _ => return None,
        };
        Some(Armed { name: name.to_owned(), action, left: AtomicU64::new(left.parse().ok()?) })
    }

    /// Whether the next effect is to fail.
    pub(super) fn pass(name: &str) -> bool {
        let Some(armed) = ARMED.as_ref().filter(|armed| armed.name == name) else { return false };
        // Once: the pass that brings it to nothing.
        if armed.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)) != Ok(1) {
            return false;
        }
        // What is tried may be that nobody takes this any more.
        let _ = writeln!(std::io::stderr(), "failpoint {name}: {:?}", armed.action);
        match armed.action {
            // No destructor runs, nothing is flushed.
            Action::Crash => std::process::abort(),
            Action::Error => true,
            Action::Panic => panic!("failpoint {name}"),
            Action::Hang => loop {
                std::thread::park();
            },
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::armed::{Action, parse};
    use std::sync::atomic::Ordering;

    #[test]
    fn the_variable_is_read() {
        let third = parse("log-written=crash@3").unwrap();
        assert_eq!(
            (third.name.as_str(), third.action, third.left.load(Ordering::Relaxed)),
            ("log-written", Action::Crash, 3)
        );
        let first = parse("log-commit=error").unwrap();
        assert_eq!((first.action, first.left.load(Ordering::Relaxed)), (Action::Error, 1));
        for bad in ["", "log-commit", "log-commit=sleep", "log-commit=crash@", "log-commit=crash@x"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
