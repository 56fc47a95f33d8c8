//! What comes over the wire from those who do not keep to HTTP.

use super::WAIT_MAX;
use std::time::Duration;
use testkit::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes as they stand; what was answered until `enough` of it was there, or the connection was closed.
async fn send(app: &TestApp, bytes: &[u8], enough: &str) -> String {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("the server listens");
    // Who is refused early may be cut off before everything was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.contains(enough) {
        let read = tokio::time::timeout(WAIT_MAX, stream.read(&mut buffer)).await.expect("nobody is left waiting");
        match read {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    answer
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_harms_nobody() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let many = (0..150).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let requests = [
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\r\n\r\n".to_owned(), "400"),
        ("GET\r\n\r\n".to_owned(), "400"),
        ("GET /ping HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), "400"),
        ("POST /ping HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned(), "400"),
        ("POST /ping HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".to_owned(), "400"),
        (format!("GET /ping HTTP/1.1\r\nhost: a\r\n{many}\r\n"), "431"),
        (format!("GET /ping HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(600_000)), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(100_000)), "431"),
        ("GET /ping HTTP/1.0\r\n\r\n".to_owned(), "200"),
    ];
    for (request, status) in requests {
        let answer = send(&app, request.as_bytes(), "\r\n\r\n").await;
        let start = request.chars().take(60).collect::<String>();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{start:?}: {answer}");
        assert!(!answer.contains("server:") && answer.contains("\r\nx-request-id: "), "{answer}");
        let is_problem = answer.contains("\r\ncontent-type: application/problem+json\r\n");
        assert_eq!(is_problem, status != "200", "a failure is told as every other: {answer}");
    }
    anna.get("/v1/me").await.expect_status(200);
}

#[tokio::test]
async fn a_page_may_read_why_its_request_was_refused_however_early() {
    const PAGE: &str = "https://chat.example.org";
    let mut settings = TestApp::settings();
    settings.allowed_origins = vec!["https://other.example.org".to_owned(), PAGE.to_owned()];
    settings.limits.body_max = Duration::from_millis(100);
    let app = TestApp::start_with(settings).await;
    let large = "x".repeat(20_000);
    let many = (0..150).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let json = "content-type: application/json\r\n";
    let requests = [
        ("GET /nothing HTTP/1.1\r\nhost: a\r\n{o}\r\n".to_owned(), "404"),
        ("DELETE /v1/chats HTTP/1.1\r\nhost: a\r\n{o}\r\n".to_owned(), "405"),
        ("GET /v1/me HTTP/1.1\r\nhost: a\r\n{o}\r\n".to_owned(), "401"),
        (format!("GET /ping HTTP/1.1\r\nhost: a\r\n{{o}}x: {large}\r\n\r\n"), "431"),
        (format!("GET /ping HTTP/1.1\r\nhost: a\r\n{{o}}{many}\r\n"), "431"),
        (format!("GET /ping HTTP/1.1\r\nhost: a\r\n{{o}}x: {}\r\n\r\n", "x".repeat(600_000)), "431"),
        ("POST /v1/chats HTTP/1.1\r\nhost: a\r\n{o}content-length: 131073\r\n\r\n".to_owned(), "413"),
        (format!("POST /v1/auth/login HTTP/1.1\r\nhost: a\r\n{{o}}{json}content-length: 9\r\n\r\n{{"), "408"),
        ("GET /ping HTTP/1.1\r\nhost: a\r\n{o}no colon\r\n\r\n".to_owned(), "400"),
        ("POST /ping HTTP/1.1\r\n{o}content-length: -1\r\n\r\n".to_owned(), "400"),
    ];
    for (request, status) in &requests {
        for (origin, allowed) in [(PAGE, true), ("https://evil.example", false)] {
            let request = request.replacen("{o}", &format!("Origin: {origin}\r\n"), 1);
            let answer = send(&app, request.as_bytes(), "\r\n\r\n").await;
            assert_eq!(answer.split(' ').nth(1), Some(*status), "{answer}");
            readable(&answer, allowed.then_some(PAGE));
        }
    }
    // Who is turned away before a word is heard says where they come from all the same.
    let mut settings = TestApp::settings();
    settings.allowed_origins = vec![PAGE.to_owned()];
    settings.limits.connections_max = 0;
    let app = TestApp::start_with(settings).await;
    let request = format!("GET /ping HTTP/1.1\r\nhost: a\r\norigin: {PAGE}\r\n\r\n");
    let answer = send(&app, request.as_bytes(), "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    readable(&answer, Some(PAGE));
}

#[track_caller]
fn readable(answer: &str, origin: Option<&str>) {
    let header = |name: &str| {
        let mut lines =
            answer.split("\r\n").take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
        lines.find(|(is, _)| is.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    assert_eq!(header("access-control-allow-origin").as_deref(), origin, "{answer}");
    assert_eq!(header("access-control-allow-credentials").is_some(), origin.is_some() || header("vary").is_some());
    assert!(header("x-request-id").is_some(), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_is_sent() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.as_ref().unwrap();
    let head = |size: usize| {
        format!(
            "POST /v1/chats HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {size}\r\nexpect: 100-continue\r\n\r\n"
        )
    };
    let refused = send(&app, head(128 * 1024 + 1).as_bytes(), "body-too-large").await;
    assert!(refused.starts_with("HTTP/1.1 413 ") && refused.contains("body-too-large"), "{refused}");
    let welcome = send(&app, head(100).as_bytes(), "\r\n\r\n").await;
    assert!(welcome.starts_with("HTTP/1.1 100 "), "{welcome}");
}

#[tokio::test]
async fn a_body_of_unknown_length_has_the_same_limit() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.as_ref().unwrap();
    for key in ["", "idempotency-key: k\r\n"] {
        let request = format!(
            "POST /v1/chats HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{key}\
             content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n30000\r\n{}\r\n0\r\n\r\n",
            " ".repeat(0x30000)
        );
        let refused = send(&app, request.as_bytes(), "body-too-large").await;
        assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    }
}

#[tokio::test]
async fn whoever_hangs_up_in_the_middle_leaves_nothing_behind() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let token = anna.token.as_ref().unwrap();
    for sent in ["", "{\"chat_name\":", "{\"chat_name\":\"garden\""] {
        let head = format!(
            "POST /v1/chats HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: 22\r\n\r\n{sent}"
        );
        let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    assert_eq!(anna.get("/v1/chats").await.expect_status(200).body["chats"].as_array().unwrap().len(), 0);
    let app = app.restart().await;
    app.again(&anna).get("/v1/me").await.expect_status(200);
}
