//! A part of the servers that a whole run shares, for one test alone.

use super::nats::{ACCOUNTS, LEDGER, account};
use super::redis::DATABASES;
use super::{Server, leave_out};
use anyhow::{Context, ensure};
use async_nats::jetstream;
use std::time::Duration;
use tokio_postgres::NoTls;
use uuid::Uuid;

const CLEANED_WITHIN: Duration = Duration::from_secs(10);
/// In the first database of Redis, which no test gets: how many of the others were given away.
const COUNTER: &str = "databases";

/// An empty PostgreSQL database; it goes when this is dropped, and throws out who is still connected.
pub struct Database {
    server: String,
    name: String,
}

/// An empty database of Redis; it is emptied when this is dropped. `FLUSHALL` would empty those of other tests:
/// a test that wants it starts its own [`super::Redis`].
pub struct KeySpace {
    url: String,
}

/// An account of NATS, which sees no other one's subjects and streams. Its streams go with the server.
pub struct Account {
    url: String,
}

/// A database for this test; `None`, after having said so, where nobody provides a PostgreSQL.
pub async fn postgres() -> Option<Database> {
    let server = provided(Server::Postgres)?;
    Some(Database::create(server).await.expect("the PostgreSQL of this run makes a database"))
}

/// A database of Redis for this test; `None`, after having said so, where nobody provides a Redis.
pub async fn redis() -> Option<KeySpace> {
    let server = provided(Server::Redis)?;
    Some(KeySpace::take(&server).await.expect("the Redis of this run has a database left"))
}

/// An account of NATS for this test; `None`, after having said so, where nobody provides a NATS server.
pub async fn nats() -> Option<Account> {
    let server = provided(Server::Nats)?;
    Some(Account::take(&server).await.expect("the NATS server of this run has an account left"))
}

/// A connection as the user in this address. The client itself leaves user and password in an address aside.
pub async fn connect_nats(url: &str) -> anyhow::Result<async_nats::Client> {
    let address: async_nats::ServerAddr = url.parse()?;
    let (user, password) = (address.username().unwrap_or_default(), address.password().unwrap_or_default());
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    Ok(options.connect(address.clone()).await?)
}

fn provided(server: Server) -> Option<String> {
    let variable = server.variable();
    let set = std::env::var(variable).ok().filter(|url| !url.is_empty());
    if set.is_none() {
        leave_out(server, &format!("{variable} is not set; run the tests by scripts/test"));
    }
    set
}

impl Database {
    async fn create(server: String) -> anyhow::Result<Database> {
        let database = Database { name: format!("test_{}", Uuid::now_v7().simple()), server };
        // Nobody is ever connected to template0, so that any number of tests may copy it at once.
        database.run(format!("create database {} template template0", database.name)).await?;
        Ok(database)
    }

    /// `postgres://…/test_…`: its owner is a superuser.
    pub fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{server}/{}", self.name)
    }

    async fn run(&self, sql: String) -> anyhow::Result<()> {
        let (client, connection) = tokio_postgres::connect(&self.server, NoTls).await?;
        let asked = async {
            let done = client.batch_execute(&sql).await;
            // The connection ends when nobody can ask any more.
            drop(client);
            done
        };
        let (done, ended) = tokio::join!(asked, connection);
        Ok(done.and(ended)?)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database {} with (force)", self.name);
        clean(&format!("the database {}", self.name), self.run(sql));
    }
}

impl KeySpace {
    async fn take(server: &str) -> anyhow::Result<KeySpace> {
        let mut connection = ::redis::Client::open(server)?.get_multiplexed_async_connection().await?;
        let number: u32 = ::redis::cmd("INCR").arg(COUNTER).query_async(&mut connection).await?;
        ensure!(number < DATABASES, "all {DATABASES} are taken");
        Ok(KeySpace { url: format!("{server}/{number}") })
    }

    /// `redis://127.0.0.1:port/number`.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn empty(&self) -> anyhow::Result<()> {
        let mut connection = ::redis::Client::open(self.url())?.get_multiplexed_async_connection().await?;
        Ok(::redis::cmd("FLUSHDB").query_async(&mut connection).await?)
    }
}

impl Drop for KeySpace {
    fn drop(&mut self) {
        clean("a database of Redis", self.empty());
    }
}

impl Account {
    async fn take(server: &str) -> anyhow::Result<Account> {
        let ledger = jetstream::new(connect_nats(server).await?);
        let subjects = vec!["taken".to_owned()];
        let storage = jetstream::stream::StorageType::Memory;
        let stream = jetstream::stream::Config { name: LEDGER.into(), subjects, storage, ..Default::default() };
        ledger.get_or_create_stream(stream).await?;
        let number = ledger.publish("taken", "".into()).await?.await?.sequence;
        ensure!(number <= ACCOUNTS, "all {ACCOUNTS} are taken");
        let url = server.replacen(LEDGER, &account(number), 1);
        ensure!(url != server, "the address does not name the user {LEDGER}");
        Ok(Account { url })
    }

    /// `nats://user:…@127.0.0.1:port`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Runs to its end within a drop, also inside of a runtime. A failure is only told: the server goes soon, too.
fn clean(what: &str, work: impl Future<Output = anyhow::Result<()>> + Send) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(CLEANED_WITHIN, work).await.context("it takes too long")? })
    };
    let cleaned = std::thread::scope(|scope| scope.spawn(run).join());
    if let Ok(Err(error)) = cleaned {
        eprintln!("{what} cannot be cleaned up: {error:#}");
    }
}
