//! The relay: follows the log and tells other services what has happened, each fact once and in order.

use crate::checkpoint::{Checkpoint, Point};
use crate::leadership::Leadership;
use crate::public_message::{self, Page};
use crate::publisher::{IN_FLIGHT_MAX, Publisher};
use crate::{Bus, Error, Limits, Result};
use rand::RngExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::RecordReader;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Without a hint it looks that often.
const POLL: Duration = Duration::from_millis(250);
/// After a failure it waits at first so long, each time twice as long, and as much again at random.
const RETRY_WAIT: Duration = Duration::from_millis(250);
/// And at most so long.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(5);

/// Tells other services what has happened. A cheap handle.
#[derive(Clone)]
pub struct Relay {
    shared: Arc<Shared>,
}

struct Shared {
    log: RecordReader,
    bus: Bus,
    checkpoint: Arc<Mutex<Checkpoint>>,
    /// Whoever writes the stream holds it: the relay, or an operator who has something published again.
    state: tokio::sync::Mutex<RelayState>,
}

/// What only one task at a time may use: the stream's writer, and how far it is.
pub(crate) struct RelayState {
    pub(crate) publisher: Publisher,
    /// How far the relay has come; none until that was looked up, and after anything went wrong.
    pub(crate) point: Option<Point>,
    /// When the stream was looked at last, and over which connection.
    pub(crate) looked: Option<(Instant, u64)>,
    /// Which node led, and when that was checked.
    pub(crate) leadership: Option<(Leadership, Instant)>,
}

impl Relay {
    /// A relay that has not begun: see [`Relay::follow`]. It is handed records only, so it can neither write nor unseal.
    pub fn new(log: RecordReader, bus: Bus, checkpoint: Checkpoint, limits: Limits) -> Relay {
        let state = RelayState { publisher: Publisher::new(&bus, limits), point: None, looked: None, leadership: None };
        let checkpoint = Arc::new(Mutex::new(checkpoint));
        Relay { shared: Arc::new(Shared { log, bus, checkpoint, state: tokio::sync::Mutex::new(state) }) }
    }

    /// Follows the log for ever; `hint` changes when there is something new. What cannot be told now is told later:
    /// it may be dropped at any time, and another one goes on. It stops for good at an event that it cannot read.
    pub async fn follow(&self, mut hint: watch::Receiver<u64>) {
        let mut failures = 0;
        loop {
            if !self.bus().is_connected() {
                self.stand_aside().await;
                self.show(false).await;
                let _ = self.bus().reached(POLL).await;
                continue;
            }
            let done = self.round().await;
            match &done {
                Ok(_) => failures = 0,
                Err(Error::Unreadable { .. }) => {
                    let advice = "the relay stops before it; run the version that wrote it, or a newer one";
                    tracing::error!(error = %described(&done), "{advice}");
                    return self.stand().await;
                }
                Err(_) => {
                    metrics::counter!("letopis_relay_errors_total").increment(1);
                    if failures == 0 {
                        // Once, not at every attempt; everything else goes on meanwhile.
                        tracing::warn!(error = %described(&done), "the relay does not get on; it tries again");
                    }
                    failures += 1;
                }
            }
            self.show(false).await;
            match done {
                Ok(true) => {}
                // Whether there was a hint or a poll: it looks.
                Ok(false) => drop(timeout(POLL, news(&mut hint)).await),
                Err(_) => sleep(retry_wait(failures)).await,
            }
        }
    }

    /// Stopped for good: only shows how far behind it gets.
    async fn stand(&self) {
        loop {
            // Again and again: an operator's `republish` may have taken the lead back.
            self.stand_aside().await;
            self.show(true).await;
            sleep(POLL).await;
        }
    }

    /// Tells one page of the log; false when there was nothing new, or when another node leads.
    ///
    /// # Errors
    /// What kept it from it: nothing is lost, the next round begins there.
    pub async fn round(&self) -> Result<bool> {
        let mut state = self.shared.state.lock().await;
        match self.leadership(&mut state, false).await? {
            Leadership::Ours(_) => {}
            Leadership::Others | Leadership::Disarmed => return Ok(false),
        }
        let point = self.reconcile(&mut state).await?;
        let behind = (point.position, point.event_id);
        let read = self.blocking(move |log, _| public_message::page_behind(log, behind, IN_FLIGHT_MAX)).await;
        if matches!(read, Err(Error::OtherHistory { .. })) {
            // What the next look makes of it.
            state.point = None;
        }
        let page = read?;
        let Some((position, event_id)) = page.last else { return Ok(false) };
        // Unknown until all of it is told: this may be dropped on the way.
        state.point = None;
        let sent = match page.messages.is_empty() {
            true => None,
            false => Some(state.publisher.publish(&page.messages, false).await?),
        };
        let sequence = sent.map_or(point.sequence, |sent| sent.sequence);
        self.note(&mut state, Point { position, event_id, sequence, ..point }).await?;
        metrics::counter!("letopis_relay_published_total").increment(page.messages.len() as u64);
        Ok(true)
    }

    /// How far it has come, after it has looked; none while that is not known, and while another node leads.
    pub async fn position(&self) -> Option<u64> {
        self.shared.state.lock().await.point.as_ref().map(|point| point.position)
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.shared.bus
    }

    pub(crate) async fn state(&self) -> tokio::sync::MutexGuard<'_, RelayState> {
        self.shared.state.lock().await
    }

    pub(crate) async fn page(&self, after: u64, end: u64) -> Result<Page> {
        self.blocking(move |log, _| public_message::page(log, after, end, IN_FLIGHT_MAX)).await
    }

    pub(crate) async fn head(&self) -> Result<u64> {
        self.blocking(|log, _| Ok(log.head()?.position)).await
    }

    /// Figures for who watches.
    async fn show(&self, stopped: bool) {
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        metrics::gauge!("letopis_nats_connected").set(flag(self.bus().is_connected()));
        metrics::gauge!("letopis_relay_stopped").set(flag(stopped));
        let leadership = self.shared.state.lock().await.leadership.map(|(leadership, _)| leadership);
        metrics::gauge!("letopis_relay_active").set(flag(leadership.is_some_and(Leadership::is_ours)));
        metrics::gauge!("letopis_relay_disarmed").set(flag(leadership == Some(Leadership::Disarmed)));
        let at = self.blocking(|log, checkpoint| Ok((log.head()?.position, checkpoint.read()?))).await;
        // What cannot be read is told where it fails.
        if let Ok((head, point)) = at {
            let position = point.map_or(0, |point| point.position);
            metrics::gauge!("letopis_relay_position").set(position as f64);
            metrics::gauge!("letopis_relay_lag_events").set(head.saturating_sub(position) as f64);
        }
    }

    /// The log and the checkpoint are files: not for the threads of async code.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&RecordReader, &mut Checkpoint) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (log, checkpoint) = (self.shared.log.clone(), Arc::clone(&self.shared.checkpoint));
        // A panic leaves no half of a transaction behind: it was rolled back.
        let work = move || work(&log, &mut checkpoint.lock().unwrap_or_else(PoisonError::into_inner));
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

/// Until the log has something new; for ever when nobody hints any more.
async fn news(hint: &mut watch::Receiver<u64>) {
    if hint.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn retry_wait(failures: u32) -> Duration {
    let doubled = RETRY_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(10));
    let wait = doubled.min(RETRY_WAIT_MAX);
    wait + wait.mul_f64(rand::rng().random_range(0.0..1.0))
}

fn described<T>(done: &Result<T>) -> String {
    done.as_ref().err().map(ToString::to_string).unwrap_or_default()
}
