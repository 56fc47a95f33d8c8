//! The Redis that nodes share. It holds only what may be lost, and nobody waits for it longer than it can save.

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisError,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a connection may take until it can be used.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// What an answer may take. After a later one, nobody asks until there is a new connection.
const ANSWER_MAX: Duration = Duration::from_millis(100);
/// How long it is left alone after a failure.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// Where Redis is, and how we prove who we are there. Shown and logged without the latter.
#[derive(Clone)]
pub struct Address(ConnectionInfo);

impl Address {
    /// Reads `redis://user:password@host:port/database`, with `rediss://` for TLS; or `unix:///path/of/its.socket`.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<Address, &'static str> {
        const SHAPE: &str = "it must be like redis://user:password@host:6379/0, rediss://… for TLS, or \
                             unix:///path/of/its.socket";
        let info = text.into_connection_info().map_err(|_| SHAPE)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(
                "a certificate that is not checked proves nothing: leave #insecure away, and name its authority \
                        with SSL_CERT_FILE",
            );
        }
        Ok(Address(info))
    }

    fn client(&self) -> Client {
        Client::open(self.0.clone()).expect("what was read as an address can be used as one")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.0.addr(), self.0.redis_settings().db())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Why Redis cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// It refuses us, or there is no way to it.
    #[error("{0}")]
    Refused(#[from] RedisError),
    /// It takes too long.
    #[error("it does not answer within {} s", CONNECT_MAX.as_secs())]
    Silent,
}

/// The version of the Redis at that address.
///
/// # Errors
/// When it cannot be used.
pub async fn look(address: &Address) -> Result<String, Unreachable> {
    let client = address.client();
    let asked = async {
        let mut connection = connect(&client).await?;
        Ok(::redis::cmd("INFO").arg("server").query_async::<String>(&mut connection).await?)
    };
    let told = tokio::time::timeout(CONNECT_MAX, asked).await.unwrap_or(Err(Unreachable::Silent))?;
    let version = told.lines().find_map(|line| line.strip_prefix("redis_version:"));
    Ok(version.unwrap_or("of an unknown version").to_owned())
}

/// A connection to Redis that is made again in the background when it is lost. A cheap handle.
#[derive(Clone)]
pub struct Redis {
    line: Arc<watch::Sender<Line>>,
    /// Ends what makes it again when the last handle is dropped.
    _keeper: Arc<JoinSet<()>>,
}

/// The connection, when there is one, and which it is.
#[derive(Default)]
struct Line {
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Redis {
    /// Begins to connect, and waits for nothing.
    pub(crate) fn new(address: &Address) -> Redis {
        let line = Arc::new(watch::Sender::new(Line::default()));
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(address.clone(), Arc::clone(&line)));
        Redis { line, _keeper: Arc::new(keeper) }
    }

    /// What it answers; none when it does not, or says that it cannot. Without a connection that is at once.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let (number, connection) = {
            let line = self.line.borrow();
            (line.number, line.connection.clone())
        };
        let mut connection = connection?;
        match tokio::time::timeout(ANSWER_MAX, command.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            // It answers, and does not want to: the others need no new connection for that.
            Ok(Err(error)) if error.code().is_some() => tracing::debug!(%error, "Redis refuses"),
            Ok(Err(_)) | Err(_) => self.lose(number),
        }
        metrics::counter!("letopis_redis_errors_total").increment(1);
        None
    }

    fn lose(&self, number: u64) {
        // Not the one that was made meanwhile.
        self.line.send_if_modified(|line| line.number == number && line.connection.take().is_some());
    }
}

async fn keep(address: Address, line: Arc<watch::Sender<Line>>) {
    let (client, mut lost) = (address.client(), line.subscribe());
    let mut told = false;
    loop {
        match connect(&client).await {
            Ok(connection) => {
                line.send_modify(|line| *line = Line { number: line.number + 1, connection: Some(connection) });
                metrics::gauge!("letopis_redis_up").set(1.0);
                tracing::info!(%address, "Redis answers; rate limits are shared with the other nodes");
                // The sender is ours, too: this waits for nothing else.
                let _ = lost.wait_for(|line| line.connection.is_none()).await;
                tracing::warn!(%address, "Redis does not answer; what it would save is asked of the database, and rate limits are counted by this node alone");
                told = true;
            }
            Err(error) if !told => {
                tracing::warn!(%address, %error, "Redis cannot be used; start it, or correct LETOPIS_REDIS_URL");
                told = true;
            }
            Err(_) => {}
        }
        metrics::gauge!("letopis_redis_up").set(0.0);
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

async fn connect(client: &Client) -> Result<MultiplexedConnection, Unreachable> {
    // Whoever asks says how long they wait.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    Ok(tokio::time::timeout(CONNECT_MAX, connection).await.map_err(|_| Unreachable::Silent)??)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::fuzz::Verdict;

    #[test]
    fn what_is_secret_is_used_and_never_shown() {
        let address = Address::parse("redis://anna:s3cr3t@127.0.0.1:7000/3").unwrap();
        assert_eq!(address.0.redis_settings().password(), Some("s3cr3t"));
        assert_eq!(format!("{address} {address:?}"), "127.0.0.1:7000/3 127.0.0.1:7000/3");
    }

    /// Asks until it answers.
    async fn answered(redis: &Redis) {
        let asked = async {
            while redis.ask::<String>(&::redis::cmd("PING")).await.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_does_not_answer_costs_one_wait_and_one_that_is_back_is_used() {
        if !servers::installed(servers::Server::Redis) {
            return;
        }
        let mut server = servers::Redis::start().unwrap();
        let address = Address::parse(&server.url()).unwrap();
        let redis = Redis::new(&address);
        answered(&redis).await;
        assert!(look(&address).await.unwrap().contains('.'));
        // Refused, and not lost.
        assert!(redis.ask::<String>(&::redis::cmd("NOSUCH")).await.is_none());
        assert!(redis.ask::<String>(&::redis::cmd("PING")).await.is_some());
        // It takes connections and says nothing.
        let mut pause = ::redis::cmd("CLIENT");
        pause.arg("PAUSE").arg(60_000).arg("ALL");
        let () = pause.query_async(&mut connect(&address.client()).await.unwrap()).await.unwrap();
        let began = tokio::time::Instant::now();
        for _ in 0..200 {
            assert!(redis.ask::<String>(&::redis::cmd("PING")).await.is_none());
        }
        assert!(began.elapsed() < ANSWER_MAX * 100, "nobody waits for what has just not answered");
        assert!(matches!(look(&address).await, Err(Unreachable::Silent)));
        server.restart().unwrap();
        answered(&redis).await;
        server.kill();
        assert!(redis.ask::<String>(&::redis::cmd("PING")).await.is_none());
        assert!(matches!(look(&address).await, Err(Unreachable::Refused(_))));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in ["", "redis://", "127.0.0.1:6379", "http://a", "redis://a/b", "redis://a:b:c"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
        assert!(Address::parse("rediss://a/#insecure").unwrap_err().contains("SSL_CERT_FILE"));
        assert!(Address::parse("rediss://a").is_ok());
    }

    #[test]
    fn fuzz_an_address_never_shows_its_secret() {
        let seeds = ["redis://anna:s3cr3t@127.0.0.1:6379/0", "redis://:s3cr3t@redis.example", "unix:///run/redis.sock"];
        ::fuzz::text(&seeds, |text| {
            let read = Address::parse(text);
            if let Ok(address) = &read {
                let secret = address.0.redis_settings().password().unwrap_or_default();
                let shown = format!("{address} {address:?}");
                let told = address.0.addr().to_string();
                assert!(secret.len() < 4 || told.contains(secret) || !shown.contains(secret), "{text}: {shown}");
            }
            Verdict::from(&read)
        });
    }
}
