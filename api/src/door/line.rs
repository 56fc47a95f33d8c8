//! A connection that does not wait for ever: it fails when nothing comes, or nothing is taken, in time.

use crate::Limits;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// Whose turn it is to speak on a connection. It is passed when a request's header is there, and when its answer is.
#[derive(Default)]
pub(super) struct Turn(AtomicU64);

impl Turn {
    pub(super) fn pass(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// How often it was passed: even when the caller is to speak.
    fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A TCP stream with clocks.
pub(super) struct Line {
    stream: TcpStream,
    limits: Limits,
    turn: Arc<Turn>,
    /// The turn for which `reading` is set.
    seen: u64,
    /// Whether something of the next header has come.
    begun: bool,
    /// When the caller must have said the next thing: the first byte, then the rest of a header.
    reading: Clock,
    /// When the caller must have taken something of what he is told.
    writing: Clock,
}

impl Line {
    pub(super) fn new(stream: TcpStream, limits: Limits, turn: Arc<Turn>) -> Line {
        let mut reading = Clock::default();
        reading.set(limits.first_byte_max);
        Line { stream, limits, turn, seen: 0, begun: false, reading, writing: Clock::default() }
    }

    /// Fails when an attempt to write has waited too long; whatever is taken sets the clock anew.
    fn written(&mut self, context: &mut Context<'_>, count: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if count.is_ready() {
            self.writing.stop();
            if !self.begun {
                // An answer that takes longer than an idle connection may last is no idle connection.
                self.reading.set(self.limits.idle_max);
            }
            return count;
        }
        if !self.writing.runs() {
            self.writing.set(self.limits.unread_max);
        }
        ready!(self.writing.poll_late(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        let turn = line.turn.count();
        if turn != line.seen {
            (line.seen, line.begun) = (turn, false);
            line.reading.set(line.limits.idle_max);
        }
        // While the server is to speak, what is read is the body of a request: that has a clock of its own, which
        // can still answer (`gate`).
        let of_head = turn.is_multiple_of(2);
        let before = buffer.filled().len();
        if Pin::new(&mut line.stream).poll_read(context, buffer)?.is_ready() {
            if of_head && !line.begun && buffer.filled().len() > before {
                line.begun = true;
                line.reading.set(line.limits.head_max);
            }
            return Poll::Ready(Ok(()));
        }
        if !of_head {
            return Poll::Pending;
        }
        ready!(line.reading.poll_late(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        let count = Pin::new(&mut line.stream).poll_write(context, bytes);
        line.written(context, count)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        let count = Pin::new(&mut line.stream).poll_write_vectored(context, slices);
        line.written(context, count)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// A deadline that is moved with every request: the timer behind it is touched only when it rings too early.
#[derive(Default)]
struct Clock {
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Clock {
    fn set(&mut self, within: Duration) {
        self.deadline = Some(Instant::now() + within);
    }

    fn stop(&mut self) {
        self.deadline = None;
    }

    fn runs(&self) -> bool {
        self.deadline.is_some()
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
    }
}
