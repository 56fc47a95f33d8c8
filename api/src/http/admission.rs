//! How many requests are under way at once, and for how long. A request counts while the server works on it, not
//! while it waits for the caller to send the body: else a few slow callers would keep everybody out.

use crate::Limits;
use crate::error::{Code, Error};
use crate::http::request_size;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};

/// The slots for requests under way, and how long one of them may be held.
pub(crate) struct Admission {
    slots: Arc<Semaphore>,
    /// Addresses that need none.
    exempt: Vec<String>,
    body_max: Duration,
    answer_max: Duration,
}

impl Admission {
    pub(crate) fn new(limits: &Limits, exempt: Vec<String>) -> Admission {
        Admission {
            slots: Arc::new(Semaphore::new(limits.in_flight_max)),
            exempt,
            body_max: limits.body_max,
            answer_max: limits.answer_max,
        }
    }
}

/// Lets a request through when there is a slot for it, and gives it up when it takes too long.
pub(crate) async fn pass(State(admission): State<Arc<Admission>>, request: Request, next: Next) -> Response {
    let slot = Arc::new(Slot { slots: Arc::clone(&admission.slots), held: Mutex::default() });
    if !admission.exempt.iter().any(|path| path == request.uri().path()) && slot.take().is_err() {
        return full().into_response();
    }
    let request = if request.body().is_end_stream() {
        request
    } else {
        request.map(|body| Body::new(TimedBody::new(body, admission.body_max, Arc::clone(&slot))))
    };
    match timeout(admission.body_max + admission.answer_max, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("a request was given up: its answer took too long");
            let advice =
                "the answer took too long; a write may have happened: repeat the request with the same Idempotency-Key";
            Error::new(Code::Unavailable, advice).into_response()
        }
    }
}

/// Why the body of a request could not be read.
pub(crate) fn unread(rejection: &BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return request_size::too_large();
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(rejection);
    while let Some(error) = cause {
        match error.downcast_ref::<Unread>() {
            Some(Unread::Late) => return Error::new(Code::TooSlow, "the body did not arrive in time"),
            Some(Unread::Full) => return full(),
            None => {}
        }
        cause = error.source();
    }
    Error::new(Code::BadParameters, "the body ended early")
}

fn full() -> Error {
    Error::new(Code::Overloaded, "too many requests are under way; try again in a moment")
}

/// The slot of one request among those under way.
struct Slot {
    slots: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Slot {
    fn take(&self) -> Result<(), Unread> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Some(Arc::clone(&self.slots).try_acquire_owned().map_err(|_| Unread::Full)?);
        }
        Ok(())
    }

    fn leave(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// What a body that arrives fails with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unread {
    #[error("the body did not arrive in time")]
    Late,
    #[error("too many requests are under way")]
    Full,
}

/// The body of a request, as it arrives: all of it in time, and without a slot while nothing comes.
struct TimedBody {
    body: Body,
    late: Pin<Box<Sleep>>,
    slot: Arc<Slot>,
}

impl TimedBody {
    fn new(body: Body, within: Duration, slot: Arc<Slot>) -> TimedBody {
        TimedBody { body, late: Box::pin(sleep(within)), slot }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let arriving = self.get_mut();
        match Pin::new(&mut arriving.body).poll_frame(context) {
            Poll::Pending => {
                arriving.slot.leave();
                arriving.late.as_mut().poll(context).map(|()| Some(Err(axum::Error::new(Unread::Late))))
            }
            Poll::Ready(frame) => Poll::Ready(match arriving.slot.take() {
                Ok(()) => frame,
                Err(full) => Some(Err(axum::Error::new(full))),
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
