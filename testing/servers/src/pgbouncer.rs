//! A throwaway PgBouncer before a PostgreSQL.

use super::postgres::Owner;
use super::process::{self, Process};
use anyhow::Context;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A PgBouncer of one's own that gives every *transaction* a connection to the server (`pool_mode = transaction`); it
/// ends, and its files go, when this is dropped.
pub struct PgBouncer {
    _process: Process,
    _folder: TempDir,
    port: u16,
    database: String,
}

impl PgBouncer {
    /// Starts one on a free port, before the database at `url` (`postgres://user:password@127.0.0.1:port/database`).
    /// It lets everybody in, and has two connections to the server for all of them: so they are shared. Fails with
    /// the end of its log when it does not answer within 30 s.
    pub fn before(url: &str) -> anyhow::Result<PgBouncer> {
        let server: tokio_postgres::Config = url.parse().context("the database's address")?;
        let folder = TempDir::with_prefix("letopis-pgbouncer-").context("a temporary folder cannot be made")?;
        let database = server.get_dbname().context("the address names no database")?.to_owned();
        let server_port = server.get_ports().first().context("the address names no port")?;
        let user = server.get_user().context("the address names no user")?;
        let password = String::from_utf8_lossy(server.get_password().unwrap_or_default()).into_owned();
        let owner = Owner::needed()?;
        let start = |port: u16| {
            let settings = folder.path().join("pgbouncer.ini");
            fs::write(
                &settings,
                format!(
                    "[databases]\n{database} = host=127.0.0.1 port={server_port} user={user} password={password}\n\
                     [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
                     pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 200\n"
                ),
            )?;
            let mut command = process::command(&find()?, "KILL");
            command.arg(&settings).current_dir(folder.path());
            if let Some(owner) = owner {
                for path in [folder.path(), &settings] {
                    chown(path, Some(owner.user), Some(owner.group))?;
                }
                command.uid(owner.user).gid(owner.group);
            }
            let answers = |_| Ok(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop)?);
            Ok((Process::start("PgBouncer", command, &folder.path().join("log"), answers)?, port))
        };
        let (process, port) = process::on_a_free_port(start)?;
        Ok(PgBouncer { _process: process, _folder: folder, port, database })
    }

    /// `postgres://letopis@127.0.0.1:port/database`.
    pub fn url(&self) -> String {
        format!("postgres://letopis@127.0.0.1:{}/{}", self.port, self.database)
    }
}

/// `pgbouncer` of `$PATH`, else Debian's.
pub(super) fn find() -> anyhow::Result<PathBuf> {
    let program = process::find("pgbouncer", &[PathBuf::from("/usr/sbin")]);
    program.context("pgbouncer is neither in $PATH nor in /usr/sbin")
}
