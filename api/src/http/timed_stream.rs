//! A connection that does not wait for ever: it fails when nothing comes, or nothing is taken, in time.

use crate::Limits;
use crate::error::{Code, Error};
use crate::http::clock::Clock;
use crate::http::connection_state::ConnectionState;
use crate::http::cors::ORIGIN_BYTES_MAX;
use crate::http::envelope;
use axum::body::Bytes;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream with clocks.
pub(super) struct TimedStream {
    stream: TcpStream,
    limits: Limits,
    state: Arc<ConnectionState>,
    /// The turn for which `reading` is set.
    seen: u64,
    /// Whether something of the next header has come.
    begun: bool,
    /// When the caller must have said the next thing: the first byte, then the rest of a header.
    reading: Clock,
    /// When the caller must have taken something of what he is told.
    writing: Clock,
    /// What came of the present header, as far as its `Origin` is looked for.
    head: Vec<u8>,
    origins: Arc<[String]>,
    /// What is still to be said in place of hyper's own words.
    instead: Option<Bytes>,
}

impl TimedStream {
    pub(super) fn new(
        stream: TcpStream,
        limits: Limits,
        origins: Arc<[String]>,
        state: Arc<ConnectionState>,
    ) -> TimedStream {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let mut reading = Clock::default();
        reading.set(limits.first_byte_max);
        TimedStream {
            stream,
            limits,
            state,
            seen: 0,
            begun: false,
            reading,
            writing: Clock::default(),
            head: Vec::new(),
            origins,
            instead: None,
        }
    }

    pub(super) fn state(&self) -> Arc<ConnectionState> {
        Arc::clone(&self.state)
    }

    /// Whether what is written is no answer of ours: hyper could not read a request, and says so in its own words.
    fn is_hypers(&self) -> bool {
        self.state.idle_since().is_some()
    }

    /// Says why a request could not be read, as every other failure is said, in place of hyper's `words`.
    fn refuse(&mut self, context: &mut Context<'_>, words: &[u8]) -> Poll<io::Result<()>> {
        let mut rest = match self.instead.take() {
            Some(rest) => rest,
            None => envelope::alone(&unreadable(words), &self.origins, &self.head).into(),
        };
        while !rest.is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, &rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => drop(rest.split_to(count)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.instead = Some(rest);
                    return Poll::Pending;
                }
            }
        }
        self.instead = Some(rest);
        Poll::Ready(Ok(()))
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

impl AsyncRead for TimedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        let turn = timed.state.count();
        if turn != timed.seen {
            (timed.seen, timed.begun) = (turn, false);
            timed.reading.set(timed.limits.idle_max);
            timed.head = Vec::new();
        }
        // While the server is to speak, what is read is the body of a request: that has a clock of its own, which
        // can still answer (`gate`).
        let of_head = turn.is_multiple_of(2);
        let before = buffer.filled().len();
        if Pin::new(&mut timed.stream).poll_read(context, buffer)?.is_ready() {
            let came = &buffer.filled()[before..];
            if of_head && !timed.begun && !came.is_empty() {
                timed.begun = true;
                timed.reading.set(timed.limits.head_max);
            }
            if of_head && !timed.origins.is_empty() {
                let room = ORIGIN_BYTES_MAX.saturating_sub(timed.head.len());
                timed.head.extend_from_slice(&came[..came.len().min(room)]);
            }
            return Poll::Ready(Ok(()));
        }
        if !of_head {
            return Poll::Pending;
        }
        ready!(timed.reading.poll_late(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let timed = self.get_mut();
        let count = if timed.is_hypers() {
            timed.refuse(context, bytes).map_ok(|()| bytes.len())
        } else {
            Pin::new(&mut timed.stream).poll_write(context, bytes)
        };
        timed.written(context, count)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let timed = self.get_mut();
        let count = if timed.is_hypers() {
            let words = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
            timed.refuse(context, words).map_ok(|()| slices.iter().map(|slice| slice.len()).sum())
        } else {
            Pin::new(&mut timed.stream).poll_write_vectored(context, slices)
        };
        timed.written(context, count)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        let flushed = Pin::new(&mut timed.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            timed.state.written_out();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Why hyper did not take a request, by the status line that it writes.
fn unreadable(words: &[u8]) -> Error {
    match words.get(9..12) {
        Some(b"431" | b"414") => {
            Error::new(Code::HeadersTooLarge, "the address and the headers are too large or too many")
        }
        Some(_) | None => Error::new(Code::BadParameters, "the request is not well-formed HTTP/1.1"),
    }
}
