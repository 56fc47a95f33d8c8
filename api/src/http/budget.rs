//! How many bytes of answers may wait until they are taken, in all and for one address. What is handed to hyper counts
//! until it is written out or given up: a place that is given back before its thing is gone bounds nothing.

use crate::error::{Code, Error};
use crate::http::address::{ClientAddress, household};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use metrics::Gauge;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Most bytes that are held of what one connection sent, and of what it is sent.
pub(super) const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Answers of many rows that are put together at once: what they are made from is not counted, and is some MiB each.
const PAGES_AT_ONCE_MAX: usize = 32;
/// How long an answer waits for one of those places.
const PAGE_WAIT_MAX: Duration = Duration::from_secs(1);

/// The bytes of answers that were not taken yet.
pub(crate) struct Budget {
    held: Mutex<Counts>,
    all_max: usize,
    per_address_max: usize,
    pages: Semaphore,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// So many bytes of the budget; they are given back when this is dropped.
pub(crate) struct BudgetShare {
    budget: Arc<Budget>,
    address: Option<IpAddr>,
    bytes: usize,
    /// A place among exports, which lasts as long.
    _place: Option<SemaphorePermit<'static>>,
}

impl Budget {
    pub(crate) fn new(all_max: usize, per_address_max: usize) -> Budget {
        Budget { held: Mutex::default(), all_max, per_address_max, pages: Semaphore::new(PAGES_AT_ONCE_MAX) }
    }

    /// A place for putting a page together, when one is free in time.
    pub(crate) async fn page(&self) -> Result<SemaphorePermit<'_>, Error> {
        match timeout(PAGE_WAIT_MAX, self.pages.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(full()),
        }
    }

    /// Takes so many bytes for an answer, with a place that lasts as long.
    ///
    /// # Errors
    /// `overloaded` at once when there are not so many left.
    pub(crate) fn take(
        self: &Arc<Budget>,
        address: Option<IpAddr>,
        bytes: usize,
        place: Option<SemaphorePermit<'static>>,
    ) -> Result<Arc<BudgetShare>, Error> {
        let address = address.map(household);
        let mut counts = self.counts();
        let of_address = address.and_then(|address| counts.by_address.get(&address)).copied().unwrap_or(0);
        let limit = if counts.all.saturating_add(bytes) > self.all_max {
            Some("all")
        } else if address.is_some() && of_address.saturating_add(bytes) > self.per_address_max {
            Some("address")
        } else {
            None
        };
        if let Some(limit) = limit {
            metrics::counter!("letopis_answers_refused_total", "limit" => limit).increment(1);
            return Err(full());
        }
        counts.all += bytes;
        if let Some(address) = address.filter(|_| bytes > 0) {
            counts.by_address.insert(address, of_address + bytes);
        }
        gauge().set(counts.all as f64);
        drop(counts);
        Ok(Arc::new(BudgetShare { budget: Arc::clone(self), address, bytes, _place: place }))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        let mut counts = self.budget.counts();
        counts.all -= self.bytes;
        if let Some(Entry::Occupied(mut entry)) = self.address.map(|address| counts.by_address.entry(address)) {
            *entry.get_mut() -= self.bytes;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        gauge().set(counts.all as f64);
    }
}

/// Counts every answer until it is taken. One that comes piece by piece brings what it has taken along.
pub(crate) async fn charge(State(budget): State<Arc<Budget>>, request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ClientAddress>().and_then(|address| address.0);
    let mut response = next.run(request).await;
    let held = match (response.extensions_mut().remove::<Arc<BudgetShare>>(), response.body().size_hint().exact()) {
        (Some(held), _) => held,
        (None, Some(0) | None) => return response,
        (None, Some(bytes)) => match budget.take(address, usize::try_from(bytes).unwrap_or(usize::MAX), None) {
            Ok(held) => held,
            Err(error) => return error.into_response(),
        },
    };
    response.map(|body| Body::new(ChargedBody { body, held }))
}

/// Looked for once, and not with every answer.
fn gauge() -> &'static Gauge {
    static GAUGE: OnceLock<Gauge> = OnceLock::new();
    // Only answers ask for it: the router, which makes the recorder, was there before them.
    GAUGE.get_or_init(|| metrics::gauge!("letopis_answer_bytes"))
}

fn full() -> Error {
    Error::new(Code::Overloaded, "too many answers wait to be read; read those, or try again in a moment")
}

/// The same bytes, which keep what was taken for them until they are dropped.
pub(super) fn charged(bytes: Bytes, held: Arc<BudgetShare>) -> Bytes {
    Bytes::from_owner(Part { bytes, _held: held })
}

/// The body of an answer; each part of it keeps what was taken for the whole.
struct ChargedBody {
    body: Body,
    held: Arc<BudgetShare>,
}

/// A part of a body.
struct Part {
    bytes: Bytes,
    _held: Arc<BudgetShare>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for ChargedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let charged = self.get_mut();
        let held = &charged.held;
        let part = |bytes| self::charged(bytes, Arc::clone(held));
        Pin::new(&mut charged.body).poll_frame(context).map_ok(|frame| frame.map_data(part))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn bytes_are_counted_in_all_and_by_address_and_given_back() {
        let budget = Arc::new(Budget::new(100, 60));
        let first = budget.take(ip("2001:db8::1"), 60, None).unwrap();
        assert!(budget.take(ip("2001:db8::2"), 1, None).is_err(), "a network of IPv6 is one address");
        let second = budget.take(ip("10.0.0.1"), 40, None).unwrap();
        assert!(budget.take(ip("10.0.0.2"), 1, None).is_err_and(|error| error.code == Code::Overloaded));
        assert!(budget.take(None, 1, None).is_err() && budget.take(None, usize::MAX, None).is_err());
        drop(first);
        assert!(budget.take(ip("2001:db8::2"), 60, None).is_ok());
        drop(second);
        assert!(budget.counts().by_address.is_empty());
        assert_eq!(budget.counts().all, 0);
    }

    #[tokio::test]
    async fn what_was_handed_over_counts_until_it_is_dropped() {
        let budget = Arc::new(Budget::new(100, 100));
        let held = budget.take(ip("10.0.0.1"), 70, None).unwrap();
        let mut body = ChargedBody { body: Body::from(vec![1; 70]), held };
        let mut frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        // hyper drops the body as soon as it has its last part, long before that is written.
        drop(body);
        let written = frame.split_to(50);
        drop(written);
        assert_eq!(budget.counts().all, 70);
        drop(frame);
        assert_eq!(budget.counts().all, 0);
    }
}
