//! A throwaway Redis (or Valkey).

use super::Identity;
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
    encrypted: Option<Encrypted>,
}

/// Where it speaks TLS, besides.
struct Encrypted {
    port: u16,
    certificate: PathBuf,
    key: PathBuf,
}

impl Redis {
    /// Starts it on a free port. Fails with the end of its log when it does not answer within 30 s.
    pub fn start() -> anyhow::Result<Redis> {
        Redis::make(None)
    }

    /// Starts one that speaks TLS on another port, besides. Fails as [`Redis::start`] does.
    pub fn start_with_tls(identity: &Identity) -> anyhow::Result<Redis> {
        Redis::make(Some(identity))
    }

    fn make(identity: Option<&Identity>) -> anyhow::Result<Redis> {
        let folder = TempDir::with_prefix("letopis-redis-").context("a temporary folder cannot be made")?;
        let (process, port, encrypted) = process::on_a_free_port(|port| {
            let encrypted = identity.map(Encrypted::as_one).transpose()?;
            Ok((launch(&folder, port, encrypted.as_ref())?, port, encrypted))
        })?;
        Ok(Redis { process, folder, port, encrypted })
    }

    /// `redis://127.0.0.1:port`, or `rediss://localhost:port` where it speaks TLS.
    pub fn url(&self) -> String {
        match &self.encrypted {
            None => format!("redis://127.0.0.1:{}", self.port),
            Some(encrypted) => format!("rediss://localhost:{}", encrypted.port),
        }
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
        self.process = process::again(|| launch(&self.folder, self.port, self.encrypted.as_ref()))?;
        Ok(())
    }
}

impl Encrypted {
    fn as_one(identity: &Identity) -> anyhow::Result<Encrypted> {
        Ok(Encrypted { port: process::free_port()?, certificate: identity.certificate(), key: identity.key() })
    }
}

fn launch(folder: &TempDir, port: u16, encrypted: Option<&Encrypted>) -> anyhow::Result<Process> {
    let mut command = process::command(&find()?, "KILL");
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--databases", &DATABASES.to_string()]);
    command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"]).arg(folder.path());
    if let Some(Encrypted { port, certificate, key }) = encrypted {
        command.args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no", "--tls-cert-file"]).arg(certificate);
        command.arg("--tls-key-file").arg(key);
    }
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
