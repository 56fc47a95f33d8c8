//! A throwaway Redis (or Valkey).

use super::process::{self, Process};
use anyhow::{Context, ensure};
use rustix::process::Signal;
use std::path::PathBuf;
use tempfile::TempDir;

/// Each test takes one, and none is given twice.
pub(super) const DATABASES: u32 = 4096;
const INFO_LINES_MAX: usize = 40;

/// A Redis of one's own without persistence; it ends when this is dropped. Its calls block the thread.
pub struct Redis {
    process: Process,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// Starts it on a free port. Fails with the end of its log when it does not answer within 30 s.
    pub fn start() -> anyhow::Result<Redis> {
        let folder = TempDir::with_prefix("letopis-redis-").context("a temporary folder cannot be made")?;
        let (process, port) = process::on_a_free_port(|port| Ok((launch(&folder, port)?, port)))?;
        Ok(Redis { process, folder, port })
    }

    /// `redis://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1, the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops it as an operator would.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
    }

    /// Starts it again on the same port, empty, after a kill if it runs. Fails as [`Redis::start`] does.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        self.process = process::again(|| launch(&self.folder, self.port))?;
        Ok(())
    }
}

fn launch(folder: &TempDir, port: u16) -> anyhow::Result<Process> {
    let mut command = process::command(&find()?, "KILL");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--databases", &DATABASES.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"]).arg(folder.path());
    Process::start("Redis", command, &folder.path().join("log"), |pid| answers(port, pid))
}

/// Whether it is this process that answers, and not another one that was quicker to take the port.
fn answers(port: u16, pid: u32) -> anyhow::Result<()> {
    let expected = format!("process_id:{pid}");
    let told = process::ask(port, "INFO server\r\nQUIT\r\n", INFO_LINES_MAX)?;
    ensure!(told.contains(&expected), "another server answers on port {port}");
    Ok(())
}

/// `redis-server`, or else `valkey-server`.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map(PathBuf::from);
    let program = process::find("redis-server", &folders).or_else(|| process::find("valkey-server", &folders));
    program.context("neither redis-server nor valkey-server is in $PATH")
}
