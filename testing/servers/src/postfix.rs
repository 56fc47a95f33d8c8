//! The mail server for tests that comes with Postfix: it takes everything, as fast as it comes.

use super::process::{self, Process};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Connections that wait for it.
const BACKLOG: &str = "256";

/// `smtp-sink` on a free port of 127.0.0.1; it ends when this is dropped. Its calls block the thread.
pub struct PostfixSink {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl PostfixSink {
    /// Starts it with options of its own: `["-q", "RCPT"]` drops the connection there. Fails with the end of its log
    /// when it does not answer within 30 s.
    pub fn start(options: &[&str]) -> anyhow::Result<PostfixSink> {
        let folder = TempDir::with_prefix("letopis-postfix-").context("a temporary folder cannot be made")?;
        let (process, port) = process::on_a_free_port(|port| Ok((launch(&folder, port, options)?, port)))?;
        Ok(PostfixSink { _process: process, _folder: folder, port })
    }

    /// `smtp://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }
}

fn launch(folder: &TempDir, port: u16, options: &[&str]) -> anyhow::Result<Process> {
    let program = find()?;
    let mut command = process::command(&program, "KILL");
    // Unpacked and not installed, it finds its libraries there.
    if let Some(root) = program.parent().and_then(Path::parent) {
        command.env("LD_LIBRARY_PATH", root.join("lib/postfix"));
    }
    if rustix::process::geteuid().is_root() {
        command.args(["-u", "nobody"]);
    }
    command.args(options).arg(format!("127.0.0.1:{port}")).arg(BACKLOG);
    Process::start("smtp-sink", command, &folder.path().join("log"), |_| {
        let greeting = process::ask(port, "QUIT\r\n", 1)?;
        ensure!(greeting.first().is_some_and(|line| line.starts_with(['2', '4', '5'])), "it says {greeting:?}");
        Ok(())
    })
}

/// `smtp-sink` of `$PATH` or of Debian's package, else the one that `scripts/servers` has unpacked.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/servers/postfix/usr/sbin");
    let found = process::find("smtp-sink", &["/usr/sbin".into(), unpacked]);
    found.context("smtp-sink is neither in $PATH nor in target/servers/postfix")
}
