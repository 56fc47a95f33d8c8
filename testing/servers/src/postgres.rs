//! A throwaway PostgreSQL cluster.

use super::Identity;
use super::process::{self, Process};
use anyhow::{Context, ensure};
use rand::distr::{Alphanumeric, SampleString};
use rustix::process::Signal;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const OLDEST: u32 = 13;
const CONNECTIONS_MAX: u32 = 300;
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const USER: &str = "letopis";
const PASSWORD_CHARACTERS: usize = 24;

/// Who may connect to a throwaway cluster over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody on this machine.
    Trust,
    /// Who knows the random password in its address (SCRAM-SHA-256, RFC 7677).
    Password,
}

/// How a throwaway cluster is made.
#[derive(Debug, Clone, Copy)]
pub struct PostgresOptions {
    /// Whether commits wait for the disk. Killing the process loses nothing either way: only a power cut can.
    pub fsync: bool,
    /// Who may connect.
    pub access: Access,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions { fsync: false, access: Access::Password }
    }
}

/// A PostgreSQL of one's own; it ends, and its data go, when this is dropped. Its calls block the thread: 1 to 2 s
/// for a start.
pub struct Postgres {
    process: Process,
    cluster: Cluster,
    port: u16,
}

impl Postgres {
    /// Makes a cluster with data checksums and starts it on a free port. Fails with the end of its log when it does
    /// not answer within 30 s.
    pub fn start(options: PostgresOptions) -> anyhow::Result<Postgres> {
        Postgres::of(Cluster::make(options)?)
    }

    /// The same; over TCP it lets nobody in who does not speak TLS.
    pub fn start_with_tls(options: PostgresOptions, identity: &Identity) -> anyhow::Result<Postgres> {
        let mut cluster = Cluster::make(options)?;
        cluster.encrypt(identity).context("the cluster cannot be made to speak TLS")?;
        Postgres::of(cluster)
    }

    fn of(cluster: Cluster) -> anyhow::Result<Postgres> {
        let (process, port) = process::on_a_free_port(|port| Ok((cluster.launch(port)?, port)))?;
        Ok(Postgres { process, cluster, port })
    }

    /// Where the database `postgres` is, for its superuser: `postgres://letopis:…@127.0.0.1:port/postgres`, or
    /// `…@localhost:port/postgres?sslmode=require` where it wants TLS.
    pub fn url(&self) -> String {
        let secret = match self.cluster.options.access {
            Access::Trust => String::new(),
            Access::Password => format!(":{}", self.cluster.password),
        };
        let (host, mode) = if self.cluster.encrypted { ("localhost", "?sslmode=require") } else { ("127.0.0.1", "") };
        format!("postgres://{USER}{secret}@{host}:{}/postgres{mode}", self.port)
    }

    /// The port on 127.0.0.1, the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket, open to everybody whatever the access over TCP.
    pub fn socket_folder(&self) -> &Path {
        self.cluster.folder.path()
    }

    /// `kill -9` for the postmaster. Its children notice and end by themselves.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// `pg_ctl stop -m immediate`: everybody is thrown out, the next start recovers from the WAL.
    pub fn stop_immediate(&mut self) {
        self.process.signal(Signal::QUIT);
    }

    /// `pg_ctl stop -m fast`: transactions under way are rolled back, the next start has nothing to recover.
    pub fn stop(&mut self) {
        self.process.signal(Signal::INT);
    }

    /// Starts it again on the same port over the same data, after an immediate stop if it runs. Fails as
    /// [`Postgres::start`] does.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.stop_immediate();
        self.process = process::again(|| self.cluster.launch(self.port))?;
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A postmaster that is killed leaves its children behind for a moment, and they the folder in use.
        self.stop_immediate();
    }
}

/// What stays over a restart.
struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    owner: Option<Owner>,
    options: PostgresOptions,
    password: String,
    encrypted: bool,
}

impl Cluster {
    fn make(options: PostgresOptions) -> anyhow::Result<Cluster> {
        let programs = find()?;
        let owner = Owner::needed()?;
        let folder = TempDir::with_prefix("letopis-postgres-").context("a temporary folder cannot be made")?;
        let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARACTERS);
        let cluster = Cluster { folder, programs, owner, options, password, encrypted: false };
        cluster.init()?;
        Ok(cluster)
    }

    fn init(&self) -> anyhow::Result<()> {
        let secret = self.folder.path().join("password");
        fs::write(&secret, &self.password)?;
        if let Some(owner) = self.owner {
            for path in [self.folder.path(), &secret] {
                chown(path, Some(owner.user), Some(owner.group))?;
            }
        }
        let mut command = Command::new(self.programs.join("initdb"));
        command.args(["--data-checksums", "--no-sync", "--encoding=UTF8", "--locale=C", "--username", USER]);
        command.args([
            "--auth-local=trust",
            match self.options.access {
                Access::Trust => "--auth-host=trust",
                Access::Password => "--auth-host=scram-sha-256",
            },
        ]);
        command.arg("--pwfile").arg(&secret).arg("-D").arg(self.data()).stdin(Stdio::null());
        let output = self.as_owner(&mut command).output().context("initdb cannot be started")?;
        fs::remove_file(&secret)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "initdb failed ({}) and said:\n{said}", output.status);
        Ok(())
    }

    /// Puts certificate and key where the server looks for them, as files of its own, and refuses what is not encrypted.
    fn encrypt(&mut self, identity: &Identity) -> anyhow::Result<()> {
        for (from, name) in [(identity.certificate(), "server.crt"), (identity.key(), "server.key")] {
            let to = self.data().join(name);
            fs::copy(from, &to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
            if let Some(owner) = self.owner {
                chown(&to, Some(owner.user), Some(owner.group))?;
            }
        }
        let access = self.data().join("pg_hba.conf");
        fs::write(&access, fs::read_to_string(&access)?.replace("\nhost ", "\nhostssl "))?;
        self.encrypted = true;
        Ok(())
    }

    fn launch(&self, port: u16) -> anyhow::Result<Process> {
        let folder = self.folder.path();
        let mut command = process::command(&self.programs.join("postgres"), "QUIT");
        command.arg("-D").arg(self.data()).arg("-k").arg(folder).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        let fsync = if self.options.fsync { "on" } else { "off" };
        command.args(["-c", &format!("fsync={fsync}"), "-c", &format!("full_page_writes={fsync}")]);
        command.args(["-c", &format!("max_connections={CONNECTIONS_MAX}")]);
        if self.encrypted {
            command.args(["-c", "ssl=on"]);
        }
        self.as_owner(&mut command);
        let socket = folder.join(format!(".s.PGSQL.{port}"));
        Process::start("PostgreSQL", command, &folder.join("log"), |_| accepts(&socket))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// In a folder that the owner may enter, too.
    fn as_owner<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command.current_dir(self.folder.path())
    }
}

/// Who runs the server when root runs the tests: PostgreSQL refuses to be root.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Owner {
    pub(super) fn needed() -> anyhow::Result<Option<Owner>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").context("/etc/passwd cannot be read")?;
        let named = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some(Owner { user: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
        };
        let owner = named("postgres").or_else(|| named("nobody"));
        Ok(Some(owner.context("PostgreSQL does not run as root, and there is no user postgres or nobody")?))
    }
}

/// What `pg_isready` asks: the server names a way to authenticate as soon as it lets anybody in, and an error before
/// (protocol 3.0, "Start-up"). Over the socket in its own folder, so that no other server can answer.
fn accepts(socket: &Path) -> anyhow::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let parameters = format!("user\0{USER}\0database\0postgres\0\0");
    let length = u32::try_from(parameters.len() + 8)?;
    stream.write_all(&[&length.to_be_bytes()[..], &(3_u32 << 16).to_be_bytes(), parameters.as_bytes()].concat())?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    ensure!(kind == *b"R", "it is starting up");
    Ok(())
}

/// The folder with `initdb` and `postgres`: of `$PATH`, else the newest of Debian's.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let numbered = |version: &fs::DirEntry| version.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions = versions.filter_map(|entry| Some((numbered(&entry)?, entry.path()))).collect::<Vec<_>>();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    let folders = versions.into_iter().map(|(_, path)| path.join("bin")).collect::<Vec<_>>();
    let initdb = process::find("initdb", &folders).context("initdb is neither in $PATH nor in /usr/lib/postgresql")?;
    let folder = initdb.parent().context("initdb lies in no folder")?.to_owned();
    let (major, _) = process::version(&folder.join("postgres"))?;
    ensure!(major >= OLDEST, "PostgreSQL {major} in {} is older than {OLDEST}", folder.display());
    Ok(folder)
}
