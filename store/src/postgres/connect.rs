//! Connections to PostgreSQL: one that appends, and a small pool for everybody else.
//!
//! Statements go without names, and whatever a transaction needs is set inside it: so that a pooler between us and
//! the server may give every transaction another backend (PgBouncer, `pool_mode = transaction`).

use super::reading::Reading;
use super::runtime::{Alone, handle, wait};
use super::tls;
use crate::Error;
use crate::error::described;
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolConfig, RecyclingMethod, Runtime, Timeouts};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

/// PostgreSQL's own, where the address names none.
const PORT: u16 = 5432;
/// Connections that read, and that write read models.
const CONNECTIONS_MAX: usize = 16;
/// How long a connection may take to be made, or to become free.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long we wait for an answer before the connection is given up: longer than the server's own time-outs.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(40);
/// How long a question of somebody who answers a caller may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long we try to tell the server that nobody waits for an answer any more.
const CANCEL_MAX: Duration = Duration::from_secs(1);

/// What every transaction that changes something says, whatever the role, the database or the server would have in its
/// place: how it is isolated, that it writes, where names are looked up; and what bounds it, on the server, so that it
/// also holds when we are gone.
pub(crate) const BEGIN: &str = "begin isolation level read committed, read write; set local search_path = pg_catalog;
    set local timezone = 'UTC'; set local lock_timeout = '10s'; set local statement_timeout = '30s';
    set local idle_in_transaction_session_timeout = '15s'; set local synchronous_commit = on";

/// A database, and how to reach it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    config: Arc<Config>,
    tls: MakeRustlsConnect,
    pool: Pool,
    patience: Duration,
    node: Option<NodeProcess>,
}

/// A process, and the node that it is: no other process is that node as long as this one runs.
#[derive(Clone, Copy)]
pub(crate) struct NodeProcess {
    pub(crate) node: Uuid,
    pub(crate) process: Uuid,
}

impl Cluster {
    /// Takes a URL such as `postgres://user:password@host:5432/database`; `?sslmode=require` is TLS, with a certificate for
    /// that host. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`].
    pub fn new(url: &str) -> Result<Cluster, Error> {
        let bad = |what: &str| Error::DatabaseUrl { what: what.to_owned() };
        Cluster::of(url.parse::<Config>().map_err(|error| bad(&described(&error)))?)
    }

    /// The same for what the driver's own configuration says.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`].
    pub fn of(mut config: Config) -> Result<Cluster, Error> {
        let tls = tls::connector(&mut config);
        config.application_name("letopis").connect_timeout(CONNECT_MAX).keepalives_idle(Duration::from_secs(30));
        config.tcp_user_timeout(ANSWER_MAX);
        let recycled = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), tls.clone(), recycled);
        let mut limits = PoolConfig::new(CONNECTIONS_MAX);
        limits.timeouts = Timeouts { wait: Some(CONNECT_MAX), create: Some(CONNECT_MAX), recycle: Some(CONNECT_MAX) };
        let pool = Pool::builder(manager).config(limits).runtime(Runtime::Tokio1).build();
        let pool = pool.map_err(|_| Error::DatabaseUrl { what: "no pool of connections can be made".to_owned() })?;
        Ok(Cluster { config: Arc::new(config), tls, pool, patience: PATIENCE, node: None })
    }

    /// How long whoever answers a caller waits for one question to a read model, the connection included; 5 s unless it
    /// is set.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Cluster {
        Cluster { patience, ..self }
    }

    /// For the node of that data folder ([`crate::Folder::node_id`]): what it took when it was another process, it takes
    /// again at once.
    #[must_use]
    pub fn of_node(self, node: Uuid) -> Cluster {
        Cluster { node: Some(NodeProcess { node, process: Uuid::now_v7() }), ..self }
    }

    pub(crate) fn node(&self) -> Option<NodeProcess> {
        self.node
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// How it is reached, the password included.
    pub fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> MakeRustlsConnect {
        self.tls.clone()
    }

    /// A connection of the pool.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub(crate) async fn take(&self) -> Result<Object, Error> {
        // The task that speaks for a new connection belongs to our runtime, not to the caller's.
        let pool = self.pool.clone();
        let taken = handle().spawn(async move { pool.get().await }).await;
        let taken = taken.map_err(|_| Error::Unreachable { what: "the connection's task ended".to_owned() })?;
        taken.map_err(|error| unreachable(&error))
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        self.connect_in(handle()).await
    }

    /// A connection of its own, outside of any limit; the task that speaks for it belongs to that runtime.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn connect_in(&self, runtime: &Handle) -> Result<Client, Error> {
        let (config, tls) = (Arc::clone(&self.config), self.tls.clone());
        // The driver's own time-out ends with the TCP connection: who answers that may still be silent.
        let connecting = runtime.spawn(async move { timeout(CONNECT_MAX, config.connect(tls)).await });
        let connected = connecting.await.map_err(|error| unreachable(&error))?;
        let connected = connected.map_err(|error| unreachable(&error))?;
        let (client, connection) = connected.map_err(|error| unreachable(&error))?;
        runtime.spawn(async move {
            // Why it ended is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(client)
    }

    /// A connection of its own that is driven by whoever waits for its answers.
    pub(crate) fn connect_driven(&self) -> Result<Driven, Error> {
        let runtime = Alone::new()?;
        let client = runtime.wait(self.connect_in(runtime.handle()))?;
        Ok(Driven { client, runtime })
    }

    /// Reads in a transaction that inherits nothing: waits for a connection and then for the answer, both bounded.
    pub(crate) fn read<T, F>(&self, question: impl FnOnce(Reading) -> F + Send) -> Result<T, Error>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
    {
        wait(async {
            let client = self.take().await?;
            let cancel = client.cancel_token();
            let answer = bounded(question(Reading::begin(client))).await;
            if matches!(answer, Err(Error::Unanswered)) {
                // The connection goes back to the pool: the next one is not to wait for this question's answer.
                let _ = timeout(CANCEL_MAX, cancel.cancel_query(self.tls.clone())).await;
            }
            answer
        })
    }
}

/// Where it is: the database, and hosts or sockets with their ports. Not who asks, and no password.
impl std::fmt::Display for Cluster {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(number, host)| {
            let host = match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            };
            // One port may stand for all hosts.
            let port = ports.get(number).or(ports.first()).copied().unwrap_or(PORT);
            format!("{host}:{port}")
        });
        let hosts = hosts.collect::<Vec<_>>().join(", ");
        write!(out, "{} at {hosts}", self.config.get_dbname().unwrap_or("the default database"))
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address holds a password.
        write!(out, "Cluster({:?} on {:?})", self.config.get_dbname(), self.config.get_hosts())
    }
}

/// A connection that is driven by whoever waits for its answers. It ends at once when it is dropped.
pub(crate) struct Driven {
    client: Client,
    runtime: Alone,
}

impl Driven {
    /// To ask, inside of [`Driven::wait`].
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for its answers, wherever the caller runs.
    pub(crate) fn wait<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        self.runtime.wait(future)
    }
}

/// Why there is no connection, and what to do about it.
pub(super) fn unreachable(error: &dyn std::error::Error) -> Error {
    let mut what = described(error);
    if let Some(advice) = tls::advice(&what) {
        what = format!("{what} ({advice})");
    }
    Error::Unreachable { what }
}

/// Gives an answer up that does not come.
pub(crate) async fn bounded<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(ANSWER_MAX, answer).await.unwrap_or(Err(Error::Unanswered))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also on a thread of async code, which may neither wait nor drop a runtime that waits.
    fn is_refused_where_nobody_listens() {
        let nobody = Cluster::new("postgres://anna@127.0.0.1:1/letopis").unwrap();
        assert!(matches!(nobody.connect_driven().err(), Some(Error::Unreachable { .. })));
    }

    #[test]
    fn a_plain_thread_is_told_that_nobody_listens() {
        is_refused_where_nobody_listens();
    }

    #[tokio::test]
    async fn a_thread_that_cannot_be_spared_is_told_that_nobody_listens() {
        is_refused_where_nobody_listens();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_of_several_threads_is_told_that_nobody_listens() {
        is_refused_where_nobody_listens();
    }

    #[test]
    fn it_tells_where_and_not_who() {
        let of = |url: &str| Cluster::new(url).unwrap().to_string();
        assert_eq!(of("postgres://anna:s3cr3t@db.example:6432/letopis"), "letopis at db.example:6432");
        assert_eq!(of("postgres://anna:s3cr3t@10.0.0.1/x"), "x at 10.0.0.1:5432");
        assert_eq!(of("postgres://anna:s3cr3t@%2Frun%2Fpostgresql/x"), "x at /run/postgresql:5432");
        assert_eq!(of("host=a,b port=1 dbname=x user=anna password=s3cr3t"), "x at a:1, b:1");
    }
}
