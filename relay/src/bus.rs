//! The connection to NATS: made once, and made again for ever in the background.

use crate::{Address, Error, Result};
use async_nats::connection::State;
use async_nats::{Client, Event};
use rand::RngExt;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Opening a connection takes no longer.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Nothing that is asked takes longer.
pub(crate) const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// A server that is silent for twice this time is gone.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Between two attempts to connect it takes at most this long, and as much again at random.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(4);
/// The first one waits so long.
const RETRY_WAIT: Duration = Duration::from_millis(50);
/// Wake-ups that wait to be taken; what is more is dropped.
const UNTAKEN_MAX: usize = 64;
/// Commands to the client that wait while there is no connection.
const WAITING_MAX: usize = 512;
/// How often to check whether the connection is there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A connection to NATS, cheap to clone. While it is lost it is tried again for ever, and the rest of the process
/// notices nothing.
#[derive(Clone)]
pub struct Bus {
    client: Client,
    address: Arc<Address>,
}

impl Bus {
    /// Begins to connect, and does not wait for it: see [`Bus::reached`].
    ///
    /// # Errors
    /// [`Error::Refused`] when the address cannot be used at all.
    pub async fn connect(address: Address) -> Result<Bus> {
        let address = Arc::new(address);
        let events = ConnectionLog { address: Arc::clone(&address), lost: AtomicBool::new(false) };
        let events = Arc::new(events);
        let options = address
            .options()
            .name("letopis")
            .no_echo()
            .retry_on_initial_connect()
            .connection_timeout(CONNECT_WAIT)
            .request_timeout(Some(ANSWER_WAIT))
            .ping_interval(PING_EVERY)
            .subscription_capacity(UNTAKEN_MAX)
            .client_capacity(WAITING_MAX)
            .reconnect_delay_callback(retry_wait)
            .event_callback(move |event| {
                let events = Arc::clone(&events);
                async move { events.tell(&event) }
            });
        let client = options.connect(address.servers()).await.map_err(|error| Error::Refused(error.to_string()))?;
        Ok(Bus { client, address })
    }

    /// Whether it is there now.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until it is there.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it is not by then.
    pub async fn reached(&self, wait: Duration) -> Result<()> {
        let began = Instant::now();
        while !self.is_connected() {
            if began.elapsed() >= wait {
                return Err(Error::Unreachable(format!("no connection to {} within {wait:?}", self.address)));
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// How often it was made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Where it leads to; nothing in it is secret.
    pub fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends what waits, for at most a few seconds.
    pub async fn flush(&self) -> Result<()> {
        let flushed = timeout(ANSWER_WAIT, self.client.flush()).await;
        match flushed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::Unreachable(error.to_string())),
            Err(_) => Err(Error::Unreachable("it takes nothing".to_owned())),
        }
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Bus({})", self.address)
    }
}

/// The first attempt comes at once, each later one after twice the time, and a herd of nodes does not come together.
fn retry_wait(attempts: usize) -> Duration {
    if attempts <= 1 {
        return Duration::ZERO;
    }
    let doubled = RETRY_WAIT.saturating_mul(1 << attempts.saturating_sub(2).min(10));
    let wait = doubled.min(RETRY_WAIT_MAX);
    wait + wait.mul_f64(rand::rng().random_range(0.0..1.0))
}

/// Says once that it is lost, and once that it is back.
struct ConnectionLog {
    address: Arc<Address>,
    lost: AtomicBool,
}

impl ConnectionLog {
    fn tell(&self, event: &Event) {
        let address = &self.address;
        match event {
            Event::Connected => {
                self.lost.store(false, Ordering::Relaxed);
                metrics::gauge!("letopis_nats_connected").set(1.0);
                tracing::info!(%address, "connected to NATS");
            }
            Event::Disconnected | Event::ClientError(_) | Event::Closed => {
                metrics::gauge!("letopis_nats_connected").set(0.0);
                if !self.lost.swap(true, Ordering::Relaxed) {
                    let advice = "everything else goes on, and it is tried again; see LETOPIS_NATS_URL";
                    tracing::warn!(%address, why = %event, "NATS cannot be reached; {advice}");
                }
            }
            Event::ServerError(error) => tracing::warn!(%address, %error, "NATS complains"),
            // Wake-ups were dropped: that costs nothing.
            Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_less_and_less_often_but_never_end() {
        assert_eq!(retry_wait(1), Duration::ZERO);
        assert!(retry_wait(2) <= RETRY_WAIT * 2);
        for attempts in [10, 100, usize::MAX] {
            let wait = retry_wait(attempts);
            assert!(wait >= RETRY_WAIT_MAX && wait <= RETRY_WAIT_MAX * 2, "{wait:?}");
        }
    }
}
