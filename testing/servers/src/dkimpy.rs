//! DKIM as others verify it: Python's `dkim`, which needs no network when it is handed the key's record.

use super::process;
use anyhow::Context;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A `python3` that has it, with what Ed25519 needs.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let has_it = |python: &PathBuf| {
        let mut asked = Command::new(python);
        asked.args(["-c", "import dkim, nacl"]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let folders = ["/usr/bin".into()];
    process::candidates("python3", &folders).find(has_it).context("no python3 has the modules dkim and nacl")
}
