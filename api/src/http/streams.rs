//! Connections that last: an answer that goes on for as long as there is something to tell, or another protocol in place
//! of HTTP. They hold no slot for requests under way, of which they would leave none; they have so many of their own.
//! What is written to them counts as an answer until it is taken, so that one on which nothing happens costs nothing there.
//! When the server stops they end at once, with what they have to say of it.

use crate::error::{Code, Error};
use crate::http::address::ClientAddress;
use crate::http::budget::{Budget, BudgetShare, charged};
use crate::http::connection_state::Mode;
use crate::http::peer::Peer;
use crate::http::stop::Stop;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use hyper::upgrade::{OnUpgrade, Upgraded};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots for connections that last.
pub(crate) struct Streams {
    max: usize,
    slots: Arc<Semaphore>,
    budget: Arc<Budget>,
}

impl Streams {
    pub(crate) fn new(max: usize, budget: Arc<Budget>) -> Streams {
        Streams { max, slots: Arc::new(Semaphore::new(max)), budget }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.max.saturating_sub(self.slots.available_permits())
    }
}

/// A slot for one connection that lasts. A handler takes it as an argument; it is free again when it is dropped.
pub(crate) struct StreamSlot {
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    stop: Stop,
    _slot: OwnedSemaphorePermit,
}

impl<S: Send + Sync> FromRequestParts<S> for StreamSlot
where
    Arc<Streams>: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<StreamSlot, Error> {
        let streams = Arc::<Streams>::from_ref(state);
        let full = |_| Error::new(Code::Overloaded, "too many streams are open; try again in a moment");
        let slot = Arc::clone(&streams.slots).try_acquire_owned().map_err(full)?;
        let address = parts.extensions.get::<ClientAddress>().and_then(|address| address.0);
        let peer = parts.extensions.get::<Arc<Peer>>();
        let peer = peer.ok_or_else(|| Error::new(Code::Internal, "a stream needs a connection of its own"))?;
        Ok(StreamSlot { budget: Arc::clone(&streams.budget), address, stop: peer.stop.clone(), _slot: slot })
    }
}

impl StreamSlot {
    /// Hears of a stop of the server.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Counts so many bytes as not taken yet, until what is answered is dropped.
    ///
    /// # Errors
    /// `overloaded` when too many bytes wait, of this address or in all: the stream is to end.
    pub(crate) fn charge(&self, bytes: usize) -> Result<Arc<BudgetShare>, Error> {
        self.budget.take(self.address, bytes, None)
    }

    /// An answer that lasts for as long as its body does; at a stop it ends once the body has nothing more to say. When
    /// too many bytes of answers wait to be taken, it ends at once with `too_slow` in place of what comes next.
    pub(crate) fn answer(self, body: Body, too_slow: Bytes) -> Response {
        let stop = Box::pin(self.stop.begun());
        let lasting = LastingBody { body, stop, too_slow, is_cut: false, slot: self };
        let mut response = Response::new(Body::new(lasting));
        response.extensions_mut().insert(Mode::Stream);
        response
    }

    /// Takes the connection over from HTTP once the answer, `101 Switching Protocols` without headers, is written.
    /// `serve` holds the slot until it ends, hears of a stop from it and is to end then; after
    /// [`Limits::drain_max`](crate::Limits::drain_max) the connection is cut off.
    pub(crate) fn upgrade<F>(
        self,
        upgrade: OnUpgrade,
        serve: impl FnOnce(Upgraded, StreamSlot) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        tokio::spawn(async move {
            // It fails when the caller leaves before.
            if let Ok(upgraded) = upgrade.await {
                serve(upgraded, self).await;
            }
        });
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        response.extensions_mut().insert(Mode::Upgraded);
        response
    }
}

/// The body of an answer that lasts.
struct LastingBody {
    body: Body,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// What it says last when it is cut.
    too_slow: Bytes,
    is_cut: bool,
    slot: StreamSlot,
}

impl HttpBody for LastingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let lasting = self.get_mut();
        if lasting.is_cut {
            return Poll::Ready(None);
        }
        match Pin::new(&mut lasting.body).poll_frame(context) {
            Poll::Pending => lasting.stop.as_mut().poll(context).map(|()| None),
            Poll::Ready(Some(Ok(frame))) => {
                let Some(bytes) = frame.data_ref().map(Bytes::len) else { return Poll::Ready(Some(Ok(frame))) };
                let said = match lasting.slot.charge(bytes) {
                    Ok(held) => frame.map_data(|bytes| charged(bytes, held)),
                    Err(_) => {
                        lasting.is_cut = true;
                        Frame::data(lasting.too_slow.clone())
                    }
                };
                Poll::Ready(Some(Ok(said)))
            }
            end => end,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // It may end before its body does.
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
