//! What the process reports of itself while it works: on standard error, as text or as JSON.
//!
//! Reporting never panics and keeps nobody waiting, whatever becomes of standard error: lines go into a bounded queue
//! and a thread of their own writes them. What does not fit, or cannot be written, is dropped and counted; as soon as
//! a line can be written again, one says how many are missing.

mod lines;
mod recent;

use crate::context::Context;
use crate::exit::{Code, failure};
use crate::settings::levels;
use anyhow::{Result, anyhow};
use lines::Lines;
pub use lines::json_line;
use recent::RecentErrors;
use serde_json::json;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How long the end of a server waits for what it said last to be written.
const SERVER_WAIT: Duration = Duration::from_secs(1);
/// The same for a verb, whose reader may be a pager.
const VERB_WAIT: Duration = Duration::from_secs(30);

/// The one of the process.
static LINES: OnceLock<(Lines, Duration)> = OnceLock::new();

/// Whether what a server says last is JSON as well.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Settings may be wrong: then this is said in the form that the environment asks for.
pub fn prepare(is_server: bool) {
    let is_json = std::env::var_os("LETOPIS_LOG_FORMAT").is_some_and(|format| format == "json");
    IS_JSON.store(is_server && is_json, Ordering::Relaxed);
}

/// Begins to report. The server reports what is set; a verb only what goes wrong, unless more was asked for.
///
/// # Errors
/// When the levels cannot be read.
pub fn begin(context: &Context, is_server: bool) -> Result<()> {
    let was_set = context.layers.get("log").is_some_and(|set| set.origin != "default");
    let levels = if is_server || was_set { context.settings.log.as_str() } else { "warn" };
    let filter = EnvFilter::try_new(levels::filter(levels)).map_err(|error| {
        let message = format!("log is {levels:?}: {error}; it must be like info, or info,api=debug");
        failure(Code::Usage, message)
    })?;
    let is_json = context.settings.log_json;
    IS_JSON.store(is_server && is_json, Ordering::Relaxed);
    let lines = Lines::start(is_json).map_err(|error| anyhow!("reporting could not begin: {error}"))?;
    let writer = lines.clone();
    LINES.set((lines, if is_server { SERVER_WAIT } else { VERB_WAIT })).map_err(|_| anyhow!("it reports already"))?;
    // What it cannot format it would write to standard error by itself.
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let subscriber = subscriber.with_writer(move || writer.line());
    let begun = if is_json {
        subscriber.json().finish().with(RecentErrors).try_init()
    } else {
        // Colours would be written into files as well; what somebody sent is escaped by the formatter.
        subscriber.with_ansi(false).finish().with(RecentErrors).try_init()
    };
    begun.map_err(|error| anyhow!("reporting could not begin: {error}"))?;
    if is_server {
        // The hook that is there writes to standard error by itself, and may wait for it.
        std::panic::set_hook(Box::new(panicked));
    }
    Ok(())
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("no message");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    let backtrace = std::backtrace::Backtrace::capture();
    tracing::error!(said, at, thread, %backtrace, "a thread panicked");
}

/// Says why the process ends.
pub fn last_words(text: &str) {
    let told = match IS_JSON.load(Ordering::Relaxed) {
        true => json_line("ERROR", json!({"message": text})).to_string(),
        false => format!("\u{1b}[1;31merror:\u{1b}[0m {text}"),
    };
    match LINES.get() {
        Some((lines, _)) => lines.say(told),
        None => crate::output::note(told),
    }
}

/// Waits until what was said so far is written, for no longer than it may take.
pub fn flush() {
    if let Some((lines, wait)) = LINES.get() {
        lines.flush(*wait);
    }
}
