//! The door: accepts connections, at most so many at once, and lets each speak for so long. `axum::serve` has neither
//! a limit nor a time-out.

use crate::error::{Code, Error};
use crate::http::address::Network;
use crate::http::budget::BUFFER_BYTES_MAX;
use crate::http::connection_limits::{ConnectionLimits, Full, Permit};
use crate::http::connection_state::{Answering, ConnectionState, Mode};
use crate::http::cors::ORIGIN_BYTES_MAX;
use crate::http::envelope;
use crate::http::peer::Peer;
use crate::http::stop::Stopper;
use crate::http::timed_stream::TimedStream;
use crate::{Limits, Settings};
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tower::Service;

/// Most headers of a request.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's first line and headers that are read at all. From 16 KiB on they are refused in our own
/// words; from here on by hyper, which says nothing but the status.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The pause after a connection could not be accepted (no file descriptor is free): the queue of the kernel waits.
const PAUSE: Duration = Duration::from_millis(100);
/// How often that is logged: it comes in waves.
const COMPLAINT_EVERY: Duration = Duration::from_secs(60);

/// How long a connection that is sent away may take to be gone.
const LEAVE_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long somebody who is turned away may take to say where their page comes from, so that it may read why; and how
/// many are waited for at once.
const ORIGIN_WAIT_MAX: Duration = Duration::from_millis(200);
const ORIGINS_AWAITED_MAX: usize = 64;

/// What the doors need to know of the settings.
pub(crate) struct Doors {
    limits: Limits,
    trusted_proxies: Vec<Network>,
    origins: Arc<[String]>,
}

impl Doors {
    pub(crate) fn of(settings: &Settings) -> Doors {
        Doors {
            limits: settings.limits,
            trusted_proxies: settings.trusted_proxies.clone(),
            origins: settings.allowed_origins.clone().into(),
        }
    }
}

/// Serves until `stop` resolves, then lets requests under way finish, for at most [`Limits::drain_max`].
pub(crate) async fn open(listener: TcpListener, router: Router, doors: Doors, stop: impl Future<Output = ()>) {
    let Doors { limits, trusted_proxies, origins } = doors;
    let connection_limits = ConnectionLimits::new(&limits, trusted_proxies);
    let awaited = Arc::new(Semaphore::new(ORIGINS_AWAITED_MAX));
    // Makes the routes once, and not for every request.
    let router = router.with_state::<()>(());
    let stopper = Stopper::new();
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    let mut complained: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let state = Arc::new(ConnectionState::default());
                let admitted = connection_limits.admit(address.ip(), &state);
                let peer = Peer { address, stop: stopper.signal() };
                let newcomer = Newcomer { stream, peer, state, limits, origins: Arc::clone(&origins) };
                match admitted {
                    Ok(permit) => drop(connections.spawn(newcomer.serve(permit, router.clone()))),
                    Err(Full::Leaving(place)) => {
                        drop(connections.spawn(newcomer.wait(place, router.clone(), Arc::clone(&awaited))));
                    }
                    Err(Full::Busy) => match awaited.try_acquire() {
                        // Only so many are worth a task.
                        Ok(_) if !origins.is_empty() => drop(connections.spawn(newcomer.reject(Arc::clone(&awaited)))),
                        Ok(_) | Err(_) => reject(&newcomer.stream, &origins, &[]),
                    },
                }
            }
            // Somebody hung up while they waited to be let in.
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= COMPLAINT_EVERY) {
                    tracing::error!(%error, "connections cannot be accepted; raise the limit of open files");
                    complained = Some(Instant::now());
                }
                // Not without an ear for the stop.
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = &mut stop => break,
                }
            }
        }
    }
    drop(listener);
    let drained = async {
        stopper.stop().await;
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(limits.drain_max, drained).await.is_err() {
        tracing::warn!("requests under way were cut off: they took too long to stop");
        stopper.cut_off();
    }
    connections.shutdown().await;
}

/// A connection that was accepted, and perhaps not let in yet.
struct Newcomer {
    stream: TcpStream,
    peer: Peer,
    state: Arc<ConnectionState>,
    limits: Limits,
    origins: Arc<[String]>,
}

impl Newcomer {
    fn serve(self, permit: Permit, router: Router) -> impl Future<Output = ()> + Send {
        let Newcomer { stream, peer, state, limits, origins } = self;
        let stream = TimedStream::new(stream, limits, origins, Arc::clone(&state), peer.stop.clone(), permit);
        serve_connection(stream, Arc::new(peer), state, router)
    }

    /// Waits for the place of a connection that was sent away, beside whoever else connects meanwhile.
    async fn wait(self, place: oneshot::Receiver<Permit>, router: Router, awaited: Arc<Semaphore>) {
        // The other connection has only to be dropped.
        match tokio::time::timeout(LEAVE_WAIT_MAX, place).await {
            Ok(Ok(permit)) => self.serve(permit, router).await,
            Ok(Err(_)) | Err(_) => self.reject(awaited).await,
        }
    }

    /// Says that there is no room, to a page that may read it where not too many are waited for.
    async fn reject(self, awaited: Arc<Semaphore>) {
        let head = match awaited.try_acquire() {
            Ok(_place) if !self.origins.is_empty() => begun(&self.stream).await,
            Ok(_) | Err(_) => Vec::new(),
        };
        reject(&self.stream, &self.origins, &head);
    }
}

/// Answers the requests of one connection, one after the other, until it ends or another protocol takes it over. What it
/// is made from is not kept beside it: thousands of connections may be idle.
fn serve_connection(
    stream: TimedStream,
    peer: Arc<Peer>,
    state: Arc<ConnectionState>,
    router: Router,
) -> impl Future<Output = ()> + Send {
    let (away, stop) = (Arc::clone(&state), peer.stop.begun());
    let service = service_fn(move |request| answer(request, Arc::clone(&peer), router.clone(), Arc::clone(&state)));
    let connection = http1::Builder::new()
        // The stream has clocks of its own: hyper's one clock cannot tell an idle connection from a slow header.
        .header_read_timeout(None)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        // Who has said all that they will say still get their answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    async move {
        // How it ended is the caller's business: hung up, not HTTP, too slow.
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = away.sent_away() => return,
            () = stop => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: Arc<Peer>,
    mut router: Router,
    state: Arc<ConnectionState>,
) -> Result<Response<Body>, Infallible> {
    if !state.pass() {
        // It was idle until now, and another has its place: it is closed, and nothing of the request has happened.
        return std::future::pending().await;
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    let response = router.call(request).await?;
    if let Some(mode) = response.extensions().get::<Mode>() {
        state.enter(*mode);
    }
    state.pass();
    Ok(response.map(|body| Body::new(Answering::new(body, state))))
}

/// Says in one breath that there is no room, without waiting until it is taken: who is not let in holds nothing.
fn reject(stream: &TcpStream, origins: &[String], head: &[u8]) {
    let full = Error::new(Code::Overloaded, "too many connections; try again in a moment");
    let _ = stream.try_write(envelope::alone(&full, origins, head).as_bytes());
}

/// The beginning of a request, as far as it came at once.
async fn begun(stream: &TcpStream) -> Vec<u8> {
    let mut head = vec![0; ORIGIN_BYTES_MAX];
    let readable = tokio::time::timeout(ORIGIN_WAIT_MAX, stream.readable()).await;
    let count = if matches!(readable, Ok(Ok(()))) { stream.try_read(&mut head).unwrap_or(0) } else { 0 };
    head.truncate(count);
    head
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection ended with a panic");
    }
}

/// Whether an error of `accept` is that of one caller, and the next may well succeed.
fn is_of_the_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
    )
}
