//! A server for tests that answers as it is told, and keeps what it was sent.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How one connection is answered, after its request was read whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    Status(u16),
    /// With a header line and a body.
    Full(u16, &'static str, &'static str),
    HangUp,
}

pub(super) struct SinkRequest {
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) struct HttpSink {
    address: SocketAddr,
    serving: JoinHandle<Vec<SinkRequest>>,
}

impl HttpSink {
    /// Answers so many connections.
    pub(super) async fn start(replies: Vec<Reply>) -> HttpSink {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let mut requests = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().await.unwrap();
                requests.push(request(&mut stream).await);
                answer(&mut stream, reply).await;
            }
            requests
        });
        HttpSink { address, serving }
    }

    /// The URL of a port where nobody listens.
    pub(super) async fn closed() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What came, once all connections were answered.
    pub(super) async fn requests(self) -> Vec<SinkRequest> {
        self.serving.await.unwrap()
    }
}

impl SinkRequest {
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head)).1
    }
}

async fn request(stream: &mut TcpStream) -> SinkRequest {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let request = SinkRequest { head: format!("{head}\r\n"), body: body.to_owned() };
            let length = if head.starts_with("GET ") { 0 } else { request.header("content-length").parse().unwrap() };
            if body.len() >= length {
                return request;
            }
        }
        let mut more = [0; 8192];
        let read = stream.read(&mut more).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        bytes.extend_from_slice(&more[..read]);
    }
}

async fn answer(stream: &mut TcpStream, reply: Reply) {
    let (status, header, body) = match reply {
        Reply::Status(status) => (status, "x-nothing: 0", ""),
        Reply::Full(status, header, body) => (status, header, body),
        Reply::HangUp => return,
    };
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status} X\r\n{header}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}
