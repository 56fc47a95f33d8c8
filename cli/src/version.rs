//! `letopis version`: what this program is.

use crate::context::Context;
use crate::output::show;
use anyhow::Result;
use serde::Serialize;

#[derive(Serialize)]
struct Version {
    version: &'static str,
    sqlite: &'static str,
    system: &'static str,
    machine: &'static str,
    debug_build: bool,
}

/// Shows it.
///
/// # Errors
/// When nobody reads any more.
pub fn verb(context: &Context) -> Result<()> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        sqlite: store::build_info()?.version,
        system: std::env::consts::OS,
        machine: std::env::consts::ARCH,
        debug_build: cfg!(debug_assertions),
    };
    show(context.output, &version)
}
