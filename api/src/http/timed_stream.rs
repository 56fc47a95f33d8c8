//! A connection that does not wait for ever: it fails when nothing comes, or nothing is taken, in time.

use crate::Limits;
use crate::error::{Code, Error};
use crate::http::clock::Clock;
use crate::http::connection_limits::Permit;
use crate::http::connection_state::{ConnectionState, Mode};
use crate::http::cors::ORIGIN_BYTES_MAX;
use crate::http::envelope;
use crate::http::stop::Stop;
use axum::body::Bytes;
use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A TCP stream with clocks. While requests and answers are exchanged they ask for the next request and for progress
/// with the answer; a connection that lasts, as a stream or with another protocol, is only asked to move at all.
pub(super) struct TimedStream {
    tcp: TcpStream,
    limits: Limits,
    state: Arc<ConnectionState>,
    /// The turn for which `reading` is set.
    seen: u64,
    /// Whether something of the next header has come.
    begun: bool,
    /// When the caller must have said the next thing: the first byte, then the rest of a header.
    reading: Clock,
    /// When the caller must have taken something of what it is told.
    writing: Clock,
    /// When something must have moved, in either direction, on a connection that lasts.
    lasting: Clock,
    /// What came of the present header, as far as its `Origin` is looked for.
    head: Vec<u8>,
    origins: Arc<[String]>,
    /// What is still to be said in place of hyper's own words.
    instead: Option<Bytes>,
    stop: Stop,
    /// Resolves when a connection with another protocol is cut off.
    cut_off: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// Last, so that the place is free only when the connection is closed.
    _permit: Permit,
}

impl TimedStream {
    pub(super) fn new(
        tcp: TcpStream,
        limits: Limits,
        origins: Arc<[String]>,
        state: Arc<ConnectionState>,
        stop: Stop,
        permit: Permit,
    ) -> TimedStream {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = tcp.set_nodelay(true);
        let mut reading = Clock::default();
        reading.set(limits.first_byte_max);
        TimedStream {
            tcp,
            limits,
            state,
            seen: 0,
            begun: false,
            reading,
            writing: Clock::default(),
            lasting: Clock::default(),
            head: Vec::new(),
            origins,
            instead: None,
            stop,
            cut_off: None,
            _permit: permit,
        }
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
            match Pin::new(&mut self.tcp).poll_write(context, &rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
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

    /// Fails when an attempt to write has waited too long; whatever is taken sets the clock again.
    fn written(&mut self, context: &mut Context<'_>, count: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if count.is_ready() {
            self.writing.stop();
            if self.state.mode() != Mode::Exchanges {
                self.lasting.set(self.limits.stream_idle_max);
            } else if !self.begun {
                // An answer that takes longer than an idle connection may last is no idle connection.
                self.reading.set(self.limits.idle_max);
            }
            return count;
        }
        if !self.writing.runs() {
            self.writing.set(self.limits.unread_max);
        }
        match self.writing.poll_late(context) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => self.poll_lasting(context).map(Err),
        }
    }

    /// A part of the next header, in time. While the server is to speak, what is read is the body of a request: that
    /// has a clock of its own, which can still answer (`admission`).
    fn read_exchange(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let turn = self.state.turn();
        if turn != self.seen {
            (self.seen, self.begun) = (turn, false);
            self.reading.set(self.limits.idle_max);
            self.lasting.stop();
            self.head = Vec::new();
        }
        let of_head = turn.is_multiple_of(2);
        let before = buffer.filled().len();
        if Pin::new(&mut self.tcp).poll_read(context, buffer)?.is_ready() {
            let came = &buffer.filled()[before..];
            if of_head && !self.begun && !came.is_empty() {
                self.begun = true;
                self.reading.set(self.limits.head_max);
            }
            if of_head && !self.origins.is_empty() {
                let room = ORIGIN_BYTES_MAX.saturating_sub(self.head.len());
                self.head.extend_from_slice(&came[..came.len().min(room)]);
            }
            return Poll::Ready(Ok(()));
        }
        if !of_head {
            return Poll::Pending;
        }
        ready!(self.reading.poll_late(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// What comes on a connection that lasts, for as long as anything moves on it.
    fn read_lasting(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if Pin::new(&mut self.tcp).poll_read(context, buffer)?.is_ready() {
            self.lasting.set(self.limits.stream_idle_max);
            return Poll::Ready(Ok(()));
        }
        self.poll_lasting(context).map(Err)
    }

    /// Why a connection that lasts must end now: nothing moves on it, the caller of a stream has gone, or what has
    /// taken it over does not end although the server stops.
    fn poll_lasting(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let mode = self.state.mode();
        if mode == Mode::Exchanges {
            return Poll::Pending;
        }
        if !self.lasting.runs() {
            self.lasting.set(self.limits.stream_idle_max);
        }
        if self.lasting.poll_late(context).is_ready() {
            return Poll::Ready(ErrorKind::TimedOut.into());
        }
        match mode {
            Mode::Stream if self.has_gone(context) => return Poll::Ready(ErrorKind::ConnectionAborted.into()),
            Mode::Upgraded => {
                let stop = &self.stop;
                let cut_off = self.cut_off.get_or_insert_with(|| Box::pin(stop.cut_off()));
                ready!(cut_off.as_mut().poll(context));
                return Poll::Ready(ErrorKind::ConnectionAborted.into());
            }
            Mode::Stream | Mode::Exchanges => {}
        }
        Poll::Pending
    }

    /// Whether the caller has closed its side. hyper reads nothing while it writes an answer, and would not notice.
    fn has_gone(&self, context: &mut Context<'_>) -> bool {
        let mut byte = [0];
        matches!(self.tcp.poll_peek(context, &mut ReadBuf::new(&mut byte)), Poll::Ready(Ok(0) | Err(_)))
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        match timed.state.mode() {
            Mode::Exchanges => timed.read_exchange(context, buffer),
            Mode::Stream | Mode::Upgraded => timed.read_lasting(context, buffer),
        }
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let timed = self.get_mut();
        let count = if timed.is_hypers() {
            timed.refuse(context, bytes).map_ok(|()| bytes.len())
        } else {
            Pin::new(&mut timed.tcp).poll_write(context, bytes)
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
            Pin::new(&mut timed.tcp).poll_write_vectored(context, slices)
        };
        timed.written(context, count)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// hyper flushes whenever an answer that lasts has nothing to say: its clock is asked here.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timed = self.get_mut();
        ready!(Pin::new(&mut timed.tcp).poll_flush(context))?;
        timed.state.written_out();
        match timed.poll_lasting(context) {
            Poll::Ready(error) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(context)
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
