//! Connections that last, over a listener of their own with routes of their own.

use super::*;
use crate::http::address::{self, Finding};
use crate::http::admission::{self, Admission};
use crate::http::listener::{self, Doors};
use crate::http::{budget, envelope};
use crate::{Limits, Settings};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use http_body_util::channel::{Channel, Sender};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(120);
/// How long a test waits for what must come.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Everything that a request and an idle connection may take is over soon; what lasts may last.
fn hasty() -> Limits {
    Limits {
        first_byte_max: LONG,
        head_max: SHORT,
        body_max: SHORT,
        answer_max: SHORT,
        unread_max: SHORT,
        idle_max: SHORT,
        stream_idle_max: LONG,
        drain_max: LONG,
        in_flight_max: 1,
        ..Limits::default()
    }
}

type Tellers = Arc<Mutex<Vec<Sender<Bytes, axum::Error>>>>;

#[derive(Clone)]
struct Test {
    streams: Arc<Streams>,
    tellers: Tellers,
}

impl FromRef<Test> for Arc<Streams> {
    fn from_ref(test: &Test) -> Arc<Streams> {
        Arc::clone(&test.streams)
    }
}

/// Tells what the test tells.
async fn stream(State(test): State<Test>, slot: StreamSlot) -> Response {
    let (teller, body) = Channel::<Bytes, axum::Error>::new(1);
    test.tellers.lock().unwrap().push(teller);
    slot.answer(Body::new(body), Bytes::from_static(b"too much"))
}

/// Gives back what comes, in another protocol, and says goodbye at a stop.
async fn echo(slot: StreamSlot, request: Request) -> Response {
    switched(slot.upgrade(hyper::upgrade::on(request), async |upgraded, slot| {
        let stop = slot.stop();
        let mut io = TokioIo::new(upgraded);
        let (mut buffer, mut begun) = ([0; 1024], Box::pin(stop.begun()));
        loop {
            let read = tokio::select! {
                read = io.read(&mut buffer) => read,
                () = &mut begun => {
                    let _ = io.write_all(b"goodbye").await;
                    return;
                }
            };
            match read {
                Ok(count @ 1..) if io.write_all(&buffer[..count]).await.is_ok() => {}
                Ok(_) | Err(_) => return,
            }
        }
    }))
}

/// Hears of no stop.
async fn deaf(slot: StreamSlot, request: Request) -> Response {
    switched(slot.upgrade(hyper::upgrade::on(request), async |upgraded, _slot| {
        let mut io = TokioIo::new(upgraded);
        while io.read_u8().await.is_ok() {}
    }))
}

fn switched(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("echo"));
    response
}

struct Server {
    address: SocketAddr,
    test: Test,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Server {
        let budget = Arc::new(Budget::new(limits.answer_bytes_max, limits.answer_bytes_per_address_max));
        let streams = Arc::new(Streams::new(limits.streams_max, Arc::clone(&budget)));
        let test = Test { streams, tellers: Tellers::default() };
        let router = Router::new()
            .route("/stream", get(stream))
            .route("/echo", get(echo))
            .route("/deaf", get(deaf))
            .route("/never", get(std::future::pending::<()>))
            .route("/", get(StatusCode::OK))
            .layer(from_fn_with_state(Arc::new(Admission::new(&limits, Vec::new())), admission::pass))
            .layer(from_fn_with_state(budget, budget::charge))
            .layer(from_fn_with_state(Finding { trusted: Arc::from([]), is_logged: false }, address::find))
            .layer(from_fn(envelope::finish))
            .with_state(test.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let doors = Doors::of(&Settings { limits, ..Settings::default() });
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(listener::open(listener, router, doors, async { drop(stopped.await) }));
        Server { address, test, stop, served }
    }

    /// A connection on which that was asked, and the head of the answer.
    async fn ask(&self, path: &str, headers: &str) -> (TcpStream, String) {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n{headers}\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let head = until(&mut connection, "\r\n\r\n").await;
        (connection, head)
    }

    async fn upgraded(&self, path: &str) -> TcpStream {
        let (connection, head) = self.ask(path, "connection: upgrade\r\nupgrade: echo\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        connection
    }

    async fn tell(&self, text: &'static str) {
        let mut teller = self.test.tellers.lock().unwrap().pop().expect("a stream is open");
        teller.send_data(Bytes::from_static(text.as_bytes())).await.expect("it is taken");
        self.test.tellers.lock().unwrap().push(teller);
    }

    /// Lets every clock of requests and idle connections ring, one after the other.
    async fn outlast(&self) {
        let (mut idle, head) = self.ask("/", "").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(rest(&mut idle).await, "", "it is closed because it is idle");
        let (_, head) = self.ask("/never", "").await;
        assert!(head.starts_with("HTTP/1.1 503 "), "it is given up: {head}");
    }

    async fn stop(self) {
        let Server { stop, served, test, .. } = self;
        stop.send(()).unwrap();
        timeout(WAIT_MAX, served).await.expect("it does not wait for the grace time").unwrap();
        drop(test);
    }
}

/// What is said until that has been said.
async fn until(connection: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut said = Vec::new();
    let read = async {
        while !said.ends_with(end.as_bytes()) {
            said.push(connection.read_u8().await.expect("more is said"));
        }
    };
    timeout(WAIT_MAX, read).await.unwrap_or_else(|_| panic!("{end:?} is said in time"));
    String::from_utf8(said).unwrap()
}

/// What is said until the connection is closed.
async fn rest(connection: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that was cut off may be reset.
    let _ = timeout(WAIT_MAX, connection.read_to_end(&mut said)).await.expect("it is closed in time");
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn a_stream_outlives_the_clocks_of_requests_and_ends_with_the_server() {
    let server = Server::start(hasty()).await;
    let (mut connection, head) = server.ask("/stream", "").await;
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("transfer-encoding: chunked"), "{head}");
    for text in ["one", "two", "three"] {
        // There is one slot for requests under way, and the stream does not hold it.
        server.outlast().await;
        server.tell(text).await;
        until(&mut connection, &format!("{text}\r\n")).await;
    }
    server.stop().await;
    assert_eq!(rest(&mut connection).await, "0\r\n\r\n", "it ends like any answer");
}

#[tokio::test]
async fn a_connection_goes_on_with_requests_when_its_stream_has_ended() {
    let server = Server::start(Limits { head_max: LONG, idle_max: LONG, ..hasty() }).await;
    let (mut connection, _) = server.ask("/stream", "").await;
    for _ in 0..2 {
        server.test.tellers.lock().unwrap().clear();
        until(&mut connection, "0\r\n\r\n").await;
        connection.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        until(&mut connection, "\r\n\r\n").await;
    }
    server.tell("again").await;
    until(&mut connection, "again\r\n").await;
}

#[tokio::test]
async fn another_protocol_passes_bytes_both_ways_and_says_goodbye_when_the_server_stops() {
    let server = Server::start(Limits { connections_max: 3, ..hasty() }).await;
    let mut connection = server.upgraded("/echo").await;
    for text in ["one", "two", "three"] {
        server.outlast().await;
        connection.write_all(text.as_bytes()).await.unwrap();
        assert_eq!(until(&mut connection, text).await, text);
    }
    // It is not idle, and makes no room for others.
    let others = [server.ask("/", "").await, server.ask("/", "").await, server.ask("/", "").await];
    connection.write_all(b"still").await.unwrap();
    assert_eq!(until(&mut connection, "still").await, "still");
    server.stop().await;
    assert_eq!(rest(&mut connection).await, "goodbye");
    drop(others);
}

#[tokio::test]
async fn who_hears_of_no_stop_is_cut_off() {
    let server = Server::start(Limits { drain_max: SHORT, ..hasty() }).await;
    let mut connection = server.upgraded("/deaf").await;
    server.stop().await;
    assert_eq!(rest(&mut connection).await, "");
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_is_closed() {
    let server = Server::start(Limits { stream_idle_max: SHORT, ..hasty() }).await;
    let (mut silent, _) = server.ask("/stream", "").await;
    assert_eq!(rest(&mut silent).await, "", "it is cut off, and not ended");
    assert_eq!(rest(&mut server.upgraded("/echo").await).await, "");
}

#[tokio::test]
async fn there_are_so_many_at_once_and_who_leaves_gives_theirs_back() {
    let server = Server::start(Limits { streams_max: 1, ..hasty() }).await;
    for path in ["/stream", "/echo"] {
        let open = async || match path {
            "/echo" => server.upgraded(path).await,
            _ => server.ask(path, "").await.0,
        };
        let connection = open().await;
        let (mut refused, head) = server.ask("/stream", "").await;
        assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("retry-after: 1"), "{head}");
        assert!(rest(&mut refused).await.contains("\"overloaded\""));
        drop(connection);
        let free = async {
            while server.test.streams.slots.available_permits() == 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(WAIT_MAX, free).await.expect("the server notices that the caller has gone");
    }
}

#[tokio::test]
async fn who_does_not_take_what_is_told_is_shown_out() {
    let server = Server::start(hasty()).await;
    let (_connection, _) = server.ask("/stream", "").await;
    let mut teller = server.test.tellers.lock().unwrap().pop().unwrap();
    let flood = Bytes::from(vec![b'x'; 64 * 1024]);
    let ended = async { while teller.send_data(flood.clone()).await.is_ok() {} };
    timeout(WAIT_MAX, ended).await.expect("it is closed in time");
}

#[tokio::test]
async fn only_what_waits_to_be_taken_counts_and_too_much_of_it_ends_the_stream() {
    let limits = Limits { answer_bytes_max: 1_000, unread_max: LONG, answer_max: LONG, ..hasty() };
    let server = Server::start(limits).await;
    let mut callers = Vec::new();
    for _ in 0..50 {
        let (caller, head) = server.ask("/stream", "").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        callers.push(caller);
    }
    let mut tellers = std::mem::take(&mut *server.test.tellers.lock().unwrap());
    for (teller, caller) in tellers.iter_mut().zip(&mut callers) {
        // Each is half of what may wait in all: it is given back when it is written.
        teller.send_data(Bytes::from(vec![b'x'; 500])).await.unwrap();
        until(caller, &"x".repeat(500)).await;
    }
    tellers[0].send_data(Bytes::from(vec![b'y'; 1_001])).await.unwrap();
    let rest = rest(&mut callers[0]).await;
    assert!(rest.contains("too much") && !rest.contains('y'), "it ends with its last words: {rest}");
    tellers[1].send_data(Bytes::from_static(b"z")).await.unwrap();
    until(&mut callers[1], "z").await;
}
