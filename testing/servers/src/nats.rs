//! A throwaway NATS server with JetStream.

use super::Identity;
use super::process::{self, Process};
use anyhow::{Context, bail, ensure};
use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Signal;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const OLDEST: (u32, u32) = (2, 10);
/// Each test takes one, and none is given twice.
pub(super) const ACCOUNTS: u64 = 256;
/// The account whose one stream counts how many of the others were given away.
pub(super) const LEDGER: &str = "ledger";
const SECRET_CHARACTERS: usize = 24;

/// What becomes of the streams when a server starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// They are still there, on the disk.
    Kept,
    /// The server starts empty, as after the loss of its disk.
    Lost,
}

/// A NATS server of one's own; it ends, and its data go, when this is dropped. Its calls block the thread.
pub struct Nats {
    process: Process,
    place: Place,
    port: u16,
}

impl Nats {
    /// Starts it on a free port, with JetStream. Fails with the end of its log when it does not answer within 30 s.
    pub fn start() -> anyhow::Result<Nats> {
        Nats::make(0, None)
    }

    /// Starts one that lets nobody in who does not speak TLS. Fails as [`Nats::start`] does.
    pub fn start_with_tls(identity: &Identity) -> anyhow::Result<Nats> {
        Nats::make(0, Some((identity.certificate(), identity.key())))
    }

    /// Starts one for many tests: with 256 accounts apart from each other, besides the one that counts which were
    /// given away. They cost it half a second. Fails as [`Nats::start`] does.
    pub fn shared() -> anyhow::Result<Nats> {
        Nats::make(ACCOUNTS, None)
    }

    fn make(accounts: u64, identity: Option<(PathBuf, PathBuf)>) -> anyhow::Result<Nats> {
        let folder = TempDir::with_prefix("letopis-nats-").context("a temporary folder cannot be made")?;
        let secret = Alphanumeric.sample_string(&mut rand::rng(), SECRET_CHARACTERS);
        let place = Place { folder, secret, accounts, identity };
        let (process, port) = process::on_a_free_port(|port| Ok((place.launch(port)?, port)))?;
        Ok(Nats { process, place, port })
    }

    /// `nats://ledger:…@127.0.0.1:port`, for [`super::connect_nats`]; `tls://ledger:…@localhost:port` where it wants TLS.
    pub fn url(&self) -> String {
        let (scheme, host) = if self.place.identity.is_some() { ("tls", "localhost") } else { ("nats", "127.0.0.1") };
        format!("{scheme}://{LEDGER}:{}@{host}:{}", self.place.secret, self.port)
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

    /// Starts it again on the same port, after a kill if it runs. Fails as [`Nats::start`] does.
    pub fn restart(&mut self, streams: Streams) -> anyhow::Result<()> {
        self.kill();
        match streams {
            Streams::Kept => {}
            Streams::Lost => fs::remove_dir_all(self.place.streams())?,
        }
        self.process = process::again(|| self.place.launch(self.port))?;
        Ok(())
    }
}

/// What stays over a restart.
struct Place {
    folder: TempDir,
    secret: String,
    accounts: u64,
    /// The files of its certificate and its key, where it wants TLS.
    identity: Option<(PathBuf, PathBuf)>,
}

impl Place {
    fn launch(&self, port: u16) -> anyhow::Result<Process> {
        let program = find()?;
        let settings = self.folder.path().join("nats.conf");
        fs::write(&settings, self.settings(port)?).context("the server's settings cannot be written")?;
        let mut command = process::command(&program, "KILL");
        command.arg("-c").arg(settings);
        Process::start("nats-server", command, &self.folder.path().join("log"), |_| self.answers(port))
    }

    fn settings(&self, port: u16) -> anyhow::Result<String> {
        let secret = &self.secret;
        let mut text = format!("listen: \"127.0.0.1:{port}\"\nserver_name: \"{}\"\n", self.name());
        writeln!(text, "jetstream {{ store_dir: {:?}, max_mem: 256MB, max_file: 8GB }}", self.streams())?;
        if let Some((certificate, key)) = &self.identity {
            writeln!(text, "tls {{ cert_file: {certificate:?}, key_file: {key:?} }}")?;
        }
        writeln!(text, "accounts {{")?;
        for user in (1..=self.accounts).map(account).chain([LEDGER.to_owned()]) {
            writeln!(text, "{user} {{ jetstream: enabled, users: [{{ user: {user}, password: \"{secret}\" }}] }}")?;
        }
        writeln!(text, "}}")?;
        Ok(text)
    }

    fn streams(&self) -> PathBuf {
        self.folder.path().join("streams")
    }

    /// The name that it greets with, by which it is known from any other server.
    fn name(&self) -> String {
        let folder = self.folder.path().file_name().unwrap_or_default();
        folder.to_string_lossy().into_owned()
    }

    /// It greets with a line about itself, and answers a ping after having checked who asks; after the greeting, one that
    /// wants TLS hears nothing else.
    fn answers(&self, port: u16) -> anyhow::Result<()> {
        let secret = &self.secret;
        let question = format!("CONNECT {{\"verbose\":false,\"user\":\"{LEDGER}\",\"pass\":\"{secret}\"}}\r\nPING\r\n");
        let encrypted = self.identity.is_some();
        let told = process::ask(port, if encrypted { "" } else { &question }, if encrypted { 1 } else { 2 })?;
        let ours = told.first().is_some_and(|greeting| greeting.contains(&format!("\"{}\"", self.name())));
        ensure!(ours, "another server answers on port {port}");
        let answers = encrypted || told.get(1).is_some_and(|answer| answer == "PONG");
        ensure!(answers, "it does not let us in: {:?}", told.get(1));
        Ok(())
    }
}

/// The name of an account and of its user.
pub(super) fn account(number: u64) -> String {
    format!("t{number}")
}

/// `nats-server` of `$PATH`, else the one that `scripts/servers` has installed.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/servers/bin");
    let mut too_old = None;
    for program in process::candidates("nats-server", &[installed]) {
        let version = process::version(&program)?;
        if version >= OLDEST {
            return Ok(program);
        }
        too_old = Some((program, version));
    }
    let (program, (major, minor)) = too_old.context("nats-server is neither in $PATH nor in target/servers/bin")?;
    bail!("{} is {major}.{minor}, older than {}.{}", program.display(), OLDEST.0, OLDEST.1);
}
