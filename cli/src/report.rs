//! What the process reports of itself while it works: on standard error, as text or as JSON.

use crate::context::Context;
use crate::exit::{Code, failure};
use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

/// Begins to report. The server reports what is set; a verb only what goes wrong, unless more was asked for.
///
/// # Errors
/// When the levels cannot be read.
pub fn begin(context: &Context, is_server: bool) -> Result<()> {
    let was_set = context.layers.get("log").is_some_and(|set| set.origin != "default");
    let levels = if is_server || was_set { context.settings.log.as_str() } else { "warn" };
    // What PostgreSQL notes in passing is for those who ask for it.
    let levels = if was_set { levels.to_owned() } else { format!("{levels},tokio_postgres=warn") };
    let filter = EnvFilter::try_new(&levels).map_err(|error| {
        let message = format!("log is {levels:?}: {error}; it must be like info, or info,api=debug");
        failure(Code::Usage, message)
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = if context.settings.log_json {
        subscriber.json().try_init()
    } else {
        // Colours would be written into files as well; what somebody sent is escaped by the formatter.
        subscriber.with_ansi(false).try_init()
    };
    begun.map_err(|error| anyhow!("reporting could not begin: {error}"))
}
