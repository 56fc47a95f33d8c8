use super::*;
use rustls::RootCertStore;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";

fn allowing(text: &str) -> Client {
    Client::new(Allowed::parse(text).unwrap())
}

fn call(url: &str) -> Call {
    Call {
        method: Method::POST,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{\"secret\": \"s3cr3t\"}"),
        redirects: Redirects::Refused,
        answer_bytes_max: 100,
        total_max: Duration::from_secs(30),
    }
}

fn getting(url: &str) -> Call {
    Call { method: Method::GET, body: Bytes::new(), redirects: Redirects::SameOrigin, ..call(url) }
}

/// Reads a request whole.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next().and_then(|number| number.parse::<usize>().ok()));
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut more = [0; 4096];
        let read = stream.read(&mut more).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        bytes.extend_from_slice(&more[..read]);
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers connection by connection with these texts; an empty one hangs up after the request. The requests.
async fn server(replies: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let (listener, address) = listener().await;
    let serving = tokio::spawn(async move {
        let mut requests = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(request(&mut stream).await);
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        requests
    });
    (format!("http://{address}"), serving)
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_called() {
    // Whatever listens there, nothing may come.
    let (listener, address) = listener().await;
    let port = address.port();
    let spellings = "
        127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 127.0.0.1. 127.000.000.001
        ①②⑦.⓪.⓪.① １２７。０。０。１ localhost LOCALHOST localhost. 0.0.0.0 0 0x0 10.0.0.1 10.1 172.16.0.1 192.168.1.1
        192.168.257 169.254.169.254 0xa9fea9fe 2852039166 100.64.0.1 100.100.100.200 168.63.129.16 192.0.0.192
        198.18.0.1 224.0.0.1 255.255.255.255 [::] [::1] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::ffff:127.0.0.1]
        [::ffff:7f00:1] [0:0:0:0:0:ffff:a9fe:a9fe] [::FFFF:10.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [fe80::1]
        [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [2001:db8::1] [2002:7f00:1::] [2001:0:7f00:1::]";
    let client = Client::new(Allowed::default());
    for host in spellings.split_whitespace() {
        for user in ["", "8.8.8.8@", "a.example:x@"] {
            let url = format!("https://{user}{host}:{port}/");
            let error = client.send(call(&url)).await.unwrap_err();
            // Not every machine knows a name that ends in a dot.
            let is_refused = matches!(error, Error::Private { .. } | Error::Unresolved { .. });
            assert!(is_refused, "{url}: {error:?}");
            assert!(!error.may_have_arrived());
            let url = format!("http://{user}{host}:{port}/");
            let error = client.send(call(&url)).await.unwrap_err();
            assert!(matches!(error, Error::Plain { .. }), "{url}: {error:?}");
        }
    }
    let came = tokio::select! {
        biased;
        accepted = listener.accept() => accepted.is_ok(),
        () = std::future::ready(()) => false,
    };
    assert!(!came);
}

#[tokio::test]
async fn only_what_is_on_the_list_is_called_by_http() {
    for allowed in ["127.0.0.1", "127.0.0.0/8", "10.0.0.0/8, localhost"] {
        let (origin, served) = server(vec![OK.to_owned()]).await;
        let url = if allowed.contains("localhost") { origin.replace("127.0.0.1", "localhost") } else { origin };
        let url = url.replace("http://", "http://anna:s3cr3t%20x@") + "/hook?a=b#c";
        let client = allowing(allowed);
        Allowed::parse(allowed).unwrap().check(&url).unwrap();
        let answer = client.send(call(&url)).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_slice(), answer.is_cut), (200, &b"ok"[..], false));
        let request = served.await.unwrap().remove(0);
        assert!(request.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nauthorization: Basic YW5uYTpzM2NyM3QgeA==\r\n"), "{request}");
        assert!(
            request.contains("\r\nuser-agent: letopis/") && request.ends_with("{\"secret\": \"s3cr3t\"}"),
            "{request}"
        );
    }
    for (allowed, url) in [
        ("10.0.0.0/8", "http://127.0.0.1:1/"),
        ("10.0.0.0/8", "http://localhost:1/"),
        ("a.internal", "http://127.0.0.1:1/"),
        ("a.internal", "https://localhost:1/"),
    ] {
        let error = allowing(allowed).send(call(url)).await.unwrap_err();
        assert!(matches!(error, Error::Plain { .. } | Error::Private { .. }), "{url}: {error:?}");
    }
}

#[test]
fn what_never_may_be_called_is_told_at_once() {
    let allowed = Allowed::parse("hooks.internal").unwrap();
    for url in ["https://a.example/x", "https://hooks.internal", "http://hooks.internal/x", "HTTPS://8.8.8.8"] {
        allowed.check(url).unwrap();
    }
    for url in [
        "",
        "a.example",
        "ftp://a.example",
        "file:///etc/passwd",
        "https://",
        "https:///",
        "http://a.example/s3cr3t",
        "https://127.0.0.1/s3cr3t",
        "https://u:s3cr3t@[::1]",
        "data:s3cr3t",
    ] {
        let error = allowed.check(url).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
        assert_eq!(error.phase(), "address");
    }
}

fn moved(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
}

#[tokio::test]
async fn an_answer_leads_to_no_other_origin() {
    let client = allowing("127.0.0.1");
    let (origin, served) = server(vec![moved("/b?x"), OK.to_owned()]).await;
    assert_eq!(client.send(getting(&format!("{origin}/a"))).await.unwrap().body, b"ok");
    assert!(served.await.unwrap()[1].starts_with("GET /b?x HTTP/1.1\r\n"));
    let (other, _other) = server(vec![OK.to_owned()]).await;
    for to in [other.as_str(), "https://127.0.0.1/", "http://169.254.169.254/", "//localhost/", "ftp://x/", "http://["]
    {
        let (origin, _served) = server(vec![moved(to)]).await;
        let error = client.send(getting(&origin)).await.unwrap_err();
        assert!(matches!(error, Error::Redirected { .. }), "{to}: {error:?}");
    }
    let (origin, served) = server(vec![moved("/again"); REDIRECTS_MAX + 1]).await;
    let error = client.send(getting(&origin)).await.unwrap_err();
    assert!(matches!(error, Error::Redirected { .. }), "{error:?}");
    served.await.unwrap();
    let (origin, _served) = server(vec![moved("/b")]).await;
    assert_eq!(client.send(call(&origin)).await.unwrap().status.as_u16(), 302, "it is an answer like any other");
}

#[tokio::test]
async fn a_long_answer_is_cut() {
    let client = allowing("127.0.0.1");
    for (length, is_cut) in [(99, false), (100, false), (101, true), (100_000, true)] {
        let body = "x".repeat(length);
        let reply = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let (origin, _served) = server(vec![reply]).await;
        let answer = client.send(call(&origin)).await.unwrap();
        assert_eq!((answer.body.len(), answer.is_cut), (length.min(100), is_cut), "{length}");
    }
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(2 * HEAD_BYTES_MAX));
    let (origin, _served) = server(vec![head]).await;
    assert!(matches!(client.send(call(&origin)).await.unwrap_err(), Error::Broken { sent: true, .. }));
}

#[tokio::test]
async fn a_failure_tells_whether_the_request_may_have_arrived() {
    let client = allowing("127.0.0.1");
    let (listener, address) = listener().await;
    let origin = format!("http://{address}");
    drop(listener);
    let error = client.send(call(&origin)).await.unwrap_err();
    assert!(matches!(error, Error::Unconnected { .. }) && !error.may_have_arrived(), "{error:?}");
    assert_eq!(error.phase(), "connect");
    for reply in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", "what?\r\n\r\n"] {
        let (origin, _served) = server(vec![reply.to_owned()]).await;
        let error = client.send(call(&origin)).await.unwrap_err();
        assert!(matches!(error, Error::Broken { .. }) && error.may_have_arrived(), "{reply:?}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", silent.local_addr().unwrap());
    let error = client.send(Call { total_max: Duration::from_millis(300), ..call(&origin) }).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { sent: true, .. }), "{error:?}");
    assert_eq!(error.phase(), "answer");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told() {
    let error = Client::new(Allowed::default()).send(call("https://nobody.invalid/s3cr3t")).await.unwrap_err();
    assert!(matches!(error, Error::Unresolved { .. }) && !error.may_have_arrived(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
}

/// A server with a certificate for that name; what a client is to trust.
async fn secured(name: &str) -> (SocketAddr, RootCertStore) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                answer(&mut stream).await;
            }
        }
    });
    (address, roots)
}

async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    request(stream).await;
    stream.write_all(OK.as_bytes()).await.unwrap();
    let _ = stream.shutdown().await;
}

#[tokio::test]
async fn tls_needs_a_certificate_for_the_name_by_somebody_trusted() {
    for (name, is_trusted, is_well) in
        [("localhost", true, true), ("localhost", false, false), ("a.example", true, false)]
    {
        let (address, roots) = secured(name).await;
        let roots = if is_trusted { roots } else { RootCertStore::empty() };
        let tls = Arc::new(machine::trusting(roots));
        let client = Client::over(Allowed::parse("localhost").unwrap(), tls);
        let url = format!("https://localhost:{}/", address.port());
        match client.send(call(&url)).await {
            Ok(answer) => assert!(is_well && answer.body == b"ok", "{name} {is_trusted}"),
            Err(error) => {
                assert!(!is_well && matches!(error, Error::Unconnected { .. }), "{name} {is_trusted}: {error:?}");
                assert!(!error.may_have_arrived());
            }
        }
    }
}
