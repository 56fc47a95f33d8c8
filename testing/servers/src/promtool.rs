//! The tool that comes with Prometheus and checks what is told to it, and its rules.

use super::process;
use anyhow::Context;
use std::path::PathBuf;

/// `promtool` of `$PATH`.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    process::find("promtool", &[]).context("promtool is not in $PATH")
}
