//! What others have written in Python and tests compare with: DKIM as others verify it, codes as other devices make them.

use super::process;
use anyhow::Context;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A `python3` that has these modules.
pub(super) fn find(modules: &'static str) -> anyhow::Result<PathBuf> {
    let has_them = |python: &PathBuf| {
        let mut asked = Command::new(python);
        asked.args(["-c", &format!("import {modules}")]).stdout(Stdio::null()).stderr(Stdio::null());
        asked.status().is_ok_and(|status| status.success())
    };
    let folders = ["/usr/bin".into()];
    let python = process::candidates("python3", &folders).find(has_them);
    python.with_context(|| format!("no python3 has the modules {modules}"))
}
