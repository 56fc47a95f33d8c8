//! What a connection is at: whose turn it is to speak, since when nothing is under way, whether it lasts.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Of the clock that tells how long a connection is idle.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// In place of an instant: a request is under way; the connection is sent away.
const BUSY: u64 = 0;
const SENT_AWAY: u64 = u64::MAX;

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Requests and their answers, in turn.
    Exchanges,
    /// An answer that lasts.
    Stream,
    /// Another protocol, until it ends.
    Upgraded,
}

/// Whose turn it is to speak on a connection, and for how long it has not been taken. The turn is passed when a request's
/// header is there, and when its answer is.
pub(super) struct ConnectionState {
    passed: AtomicU64,
    /// Since when nothing is under way, in µs of our clock; else [`BUSY`] or [`SENT_AWAY`].
    idle_since: AtomicU64,
    /// Whether the answer has not been handed over whole.
    answering: AtomicBool,
    mode: AtomicU8,
    away: Notify,
}

impl Default for ConnectionState {
    fn default() -> ConnectionState {
        ConnectionState {
            passed: AtomicU64::default(),
            idle_since: AtomicU64::new(now_us()),
            answering: AtomicBool::default(),
            mode: AtomicU8::new(Mode::Exchanges as u8),
            away: Notify::new(),
        }
    }
}

impl ConnectionState {
    /// Passes the turn. Whether the connection may go on: false when it was sent away before its request was there.
    pub(super) fn pass(&self) -> bool {
        if self.passed.fetch_add(1, Ordering::AcqRel).is_multiple_of(2) {
            self.answering.store(true, Ordering::Release);
            let begin = |since| (since != SENT_AWAY).then_some(BUSY);
            return self.idle_since.fetch_update(Ordering::AcqRel, Ordering::Acquire, begin).is_ok();
        }
        true
    }

    /// Since when nothing is under way.
    pub(super) fn idle_since(&self) -> Option<u64> {
        Some(self.idle_since.load(Ordering::Acquire)).filter(|since| !matches!(*since, BUSY | SENT_AWAY))
    }

    /// Sends an idle connection away; false when it is not idle.
    pub(super) fn send_away(&self) -> bool {
        let Some(since) = self.idle_since() else { return false };
        let sent = self.idle_since.compare_exchange(since, SENT_AWAY, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if sent {
            self.away.notify_one();
        }
        sent
    }

    /// Resolves when the connection was sent away.
    pub(super) async fn sent_away(&self) {
        self.away.notified().await;
    }

    /// How often the turn was passed: even when the caller is to speak.
    pub(super) fn turn(&self) -> u64 {
        self.passed.load(Ordering::Acquire)
    }

    pub(super) fn mode(&self) -> Mode {
        match self.mode.load(Ordering::Acquire) {
            mode if mode == Mode::Stream as u8 => Mode::Stream,
            mode if mode == Mode::Upgraded as u8 => Mode::Upgraded,
            _ => Mode::Exchanges,
        }
    }

    /// What follows is no exchange.
    pub(super) fn enter(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Release);
    }

    /// All that was handed over is written out.
    pub(super) fn written_out(&self) {
        if !self.answering.load(Ordering::Acquire) && self.mode() == Mode::Exchanges {
            let _ = self.idle_since.compare_exchange(BUSY, now_us(), Ordering::AcqRel, Ordering::Acquire);
        }
    }

    fn answered(&self) {
        self.answering.store(false, Ordering::Release);
        if self.mode() == Mode::Stream {
            self.enter(Mode::Exchanges);
        }
    }
}

/// Never [`BUSY`] nor [`SENT_AWAY`].
fn now_us() -> u64 {
    u64::try_from(BEGAN.elapsed().as_micros()).unwrap_or(SENT_AWAY).clamp(1, SENT_AWAY - 1)
}

/// The body of an answer; it knows when hyper has taken all of it, or gives it up.
pub(super) struct Answering {
    body: Body,
    state: Arc<ConnectionState>,
}

impl Answering {
    pub(super) fn new(body: Body, state: Arc<ConnectionState>) -> Answering {
        Answering { body, state }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.state.answered();
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
