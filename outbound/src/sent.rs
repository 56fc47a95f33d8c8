//! The body of a request, which remembers whether it was taken to be sent.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Whether a body was taken to be sent.
#[derive(Clone, Default)]
pub(crate) struct Departure(Arc<AtomicBool>);

impl Departure {
    pub(crate) fn has_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body in one piece. One that is empty has left from the beginning: nobody can tell when.
pub(crate) struct SentBody {
    bytes: Option<Bytes>,
    departure: Departure,
}

impl SentBody {
    pub(crate) fn new(bytes: Bytes) -> (SentBody, Departure) {
        let departure = Departure::default();
        departure.0.store(bytes.is_empty(), Ordering::Release);
        (SentBody { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), departure: departure.clone() }, departure)
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let bytes = self.bytes.take();
        if bytes.is_some() {
            self.departure.0.store(true, Ordering::Release);
        }
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
