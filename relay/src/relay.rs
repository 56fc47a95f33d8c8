//! The relay: follows the log and tells other services what has happened, each fact once and in order.

use crate::checkpoint::{Checkpoint, Point};
use crate::leadership::Leadership;
use crate::public_message::{self, Page};
use crate::publisher::{IN_FLIGHT_MAX, Publisher};
use crate::{Bus, Error, Limits, Result};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::follower::{Follower, Next, POLL, Retry};
use store::{Mark, RecordReader};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// How it tries again after a failure: NATS is somebody else's server.
const RETRY: Retry = Retry::BackOff { first: Duration::from_millis(250), max: Duration::from_secs(5) };

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
    pub(crate) position: Option<RelayPosition>,
    /// When the stream was looked at last, and over which connection.
    pub(crate) looked: Option<(Instant, u64)>,
    /// Which node led, and when that was checked.
    pub(crate) leadership: Option<(Leadership, Instant)>,
}

/// How far the relay has come: what its checkpoint keeps, and the event there as the log has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct RelayPosition {
    pub(crate) point: Point,
    pub(crate) mark: Mark,
}

impl RelayPosition {
    /// The same of the stream, at another event of the log.
    pub(crate) fn at(self, mark: Mark, event_id: Uuid) -> RelayPosition {
        RelayPosition { point: Point { position: mark.position, event_id, ..self.point }, mark }
    }
}

impl Relay {
    /// A relay that has not begun: see [`Relay::follow`]. It is handed records only, so it can neither write nor unseal.
    pub fn new(log: RecordReader, bus: Bus, checkpoint: Checkpoint, limits: Limits) -> Relay {
        let state =
            RelayState { publisher: Publisher::new(&bus, limits), position: None, looked: None, leadership: None };
        let checkpoint = Arc::new(Mutex::new(checkpoint));
        Relay { shared: Arc::new(Shared { log, bus, checkpoint, state: tokio::sync::Mutex::new(state) }) }
    }

    /// Follows the log for ever; `hint` changes when there is something new. What cannot be told now is told later:
    /// it may be dropped at any time, and another one goes on. It stops for good at an event that it cannot read.
    pub async fn follow(&self, hint: watch::Receiver<u64>) {
        let mut follower = Follower::new("relay", hint).retrying(RETRY);
        let mut stopped = false;
        let mut woken = follower.begin();
        while woken.is_some() {
            let done = match stopped {
                true => self.stand().await,
                false => self.step(&mut stopped).await,
            };
            woken = follower.after(done).await;
        }
    }

    /// One page, once there is a connection.
    async fn step(&self, stopped: &mut bool) -> Result<Next> {
        while !self.bus().is_connected() {
            self.stand_aside().await;
            self.show(false).await;
            let _ = self.bus().reached(POLL).await;
        }
        let done = self.round().await;
        match &done {
            Ok(_) => {}
            Err(error @ Error::Unreadable { .. }) => {
                let advice = "the relay stops before it; run the version that wrote it, or a newer one";
                tracing::error!(%error, "{advice}");
                *stopped = true;
                return Ok(Next::Further);
            }
            Err(_) => metrics::counter!("letopis_relay_errors_total").increment(1),
        }
        self.show(false).await;
        Ok(if done? { Next::Further } else { Next::AtHead })
    }

    /// Stopped for good: only shows how far behind it gets.
    async fn stand(&self) -> Result<Next> {
        // Again and again: an operator's `republish` may have taken the lead back.
        self.stand_aside().await;
        self.show(true).await;
        Ok(Next::AtPoll)
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
        let position = self.reconcile(&mut state).await?;
        let after = position.mark;
        let read = self.blocking(move |log, _| public_message::page_behind(log, after, IN_FLIGHT_MAX)).await;
        if matches!(read, Err(Error::OtherHistory { .. })) {
            // What the next look makes of it.
            state.position = None;
        }
        let page = read?;
        let Some((mark, event_id)) = page.last else { return Ok(false) };
        // Unknown until all of it is told: this may be dropped on the way.
        state.position = None;
        let sent = match page.messages.is_empty() {
            true => None,
            false => Some(state.publisher.publish(&page.messages, false).await?),
        };
        let mut position = position.at(mark, event_id);
        position.point.sequence = sent.map_or(position.point.sequence, |sent| sent.sequence);
        self.note(&mut state, position).await?;
        metrics::counter!("letopis_relay_published_total").increment(page.messages.len() as u64);
        Ok(true)
    }

    /// How far it has come, after it has looked; none while that is not known, and while another node leads.
    pub async fn position(&self) -> Option<u64> {
        self.shared.state.lock().await.position.as_ref().map(|position| position.mark.position)
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
