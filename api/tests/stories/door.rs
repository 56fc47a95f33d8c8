//! Callers who hold the door and say nothing, or say it too slowly, or come in crowds.

use super::{WAIT_MAX, until};
use api::{Limits, Settings};
use std::time::{Duration, Instant};
use testkit::TestApp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(120);
const PING: &[u8] = b"GET /ping HTTP/1.1\r\nhost: a\r\n\r\n";

/// No clock rings but those that a story sets.
fn patient() -> Limits {
    Limits {
        first_byte_max: LONG,
        head_max: LONG,
        body_max: LONG,
        answer_max: LONG,
        unread_max: LONG,
        idle_max: LONG,
        ..Limits::default()
    }
}

async fn start(limits: Limits) -> TestApp {
    TestApp::start_with(Settings { limits, ..TestApp::settings() }).await
}

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.url.trim_start_matches("http://")).await.expect("the server listens")
}

/// Everything that is said until the connection is closed.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            said.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(WAIT_MAX, read).await.expect("it is closed in time");
    String::from_utf8_lossy(&said).into_owned()
}

/// One answer, of which the connection stays open.
async fn answer_to(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.expect("it is open");
    let mut buffer = [0; 4096];
    let count = timeout(WAIT_MAX, stream.read(&mut buffer)).await.expect("it is answered").expect("it is open");
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200 ")
}

/// A request to make a chat, whose body is announced with this length.
fn head_of_chat(token: &str, length: usize) -> String {
    format!(
        "POST /v1/chats HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[tokio::test]
async fn who_says_nothing_is_shown_out() {
    let app = start(Limits { first_byte_max: SHORT, ..patient() }).await;
    let began = Instant::now();
    let said = until_closed(&mut connect(&app).await).await;
    assert_eq!(said, "");
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn who_never_ends_his_header_is_shown_out_however_busy_he_is() {
    let app = start(Limits { head_max: SHORT, ..patient() }).await;
    let mut stream = connect(&app).await;
    let (mut reading, mut writing) = stream.split();
    writing.write_all(b"GET /ping HTTP/1.1\r\n").await.unwrap();
    let drip = async {
        while writing.write_all(b"x: 1\r\n").await.is_ok() {
            tokio::time::sleep(SHORT / 8).await;
        }
    };
    let mut buffer = [0; 100];
    let closed = async { matches!(reading.read(&mut buffer).await, Ok(0) | Err(_)) };
    let closed = timeout(WAIT_MAX, async {
        tokio::select! {
            closed = closed => closed,
            () = drip => true,
        }
    });
    assert!(closed.await.expect("it is closed in time"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_and_does_not_count_as_under_way() {
    let app = start(Limits { body_max: SHORT * 5, in_flight_max: 1, ..patient() }).await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    for extra in ["", "idempotency-key: slow\r\n"] {
        let head = head_of_chat(&token, 22).replacen("host: a\r\n", &format!("host: a\r\n{extra}"), 1);
        let mut slow = connect(&app).await;
        slow.write_all(format!("{head}{{\"chat_").as_bytes()).await.unwrap();
        // There is one place for requests under way, and whoever waits for a caller does not hold it.
        until(async || anna.get("/v1/me").await.status == 200).await;
        let said = until_closed(&mut slow).await;
        assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("\"request-timeout\""), "{said}");
        assert!(said.to_lowercase().contains("connection: close"), "{said}");
    }
    assert!(anna.get("/v1/chats").await.expect_status(200).body["chats"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let app = start(Limits { idle_max: SHORT, first_byte_max: SHORT * 20, ..patient() }).await;
    let mut busy = connect(&app).await;
    for _ in 0..8 {
        assert!(is_ok(&answer_to(&mut busy, PING).await));
        tokio::time::sleep(SHORT / 4).await;
    }
    let began = Instant::now();
    assert_eq!(until_closed(&mut busy).await, "");
    assert!(began.elapsed() < SHORT * 20, "the clock of an idle connection is another than that of a new one");
}

#[tokio::test]
async fn the_clock_of_a_header_runs_anew_for_every_request() {
    let app = start(Limits { head_max: SHORT, ..patient() }).await;
    let mut stream = connect(&app).await;
    assert!(is_ok(&answer_to(&mut stream, PING).await));
    tokio::time::sleep(SHORT * 2).await;
    assert!(is_ok(&answer_to(&mut stream, PING).await), "being idle is not being slow");
    stream.write_all(b"GET").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn who_does_not_take_his_answer_is_shown_out() {
    let app = start(Limits { unread_max: SHORT, ..patient() }).await;
    let mut stream = connect(&app).await;
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let ended = async {
        // Nothing is read: once the buffers of both sides are full, the server waits, and then no more.
        while stream.write_all(&request.repeat(100)).await.is_ok() {}
    };
    timeout(WAIT_MAX, ended).await.expect("it is closed in time");
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_one_more_is_told_so() {
    crowd(Limits { connections_per_address_max: 4, ..patient() }).await;
}

#[tokio::test]
async fn there_are_so_many_connections_in_all() {
    crowd(Limits { connections_max: 4, ..patient() }).await;
}

/// Somebody whose request is under way: it is asked for its body.
async fn busy(app: &TestApp) -> TcpStream {
    let mut stream = connect(app).await;
    let head = "POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                content-length: 2\r\nexpect: 100-continue\r\n\r\n";
    assert!(answer_to(&mut stream, head.as_bytes()).await.starts_with("HTTP/1.1 100 "));
    stream
}

#[tokio::test]
async fn the_connection_that_is_idle_longest_makes_room_for_a_new_one() {
    for limits in [Limits { connections_max: 4, ..patient() }, Limits { connections_per_address_max: 4, ..patient() }] {
        let app = start(limits).await;
        let mut under_way = busy(&app).await;
        let mut silent = connect(&app).await;
        let (mut first, mut second) = (connect(&app).await, connect(&app).await);
        assert!(is_ok(&answer_to(&mut second, PING).await));
        assert!(is_ok(&answer_to(&mut first, PING).await));
        // Nobody is kept out, however often they come and stay.
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let mut newcomer = connect(&app).await;
            assert!(is_ok(&answer_to(&mut newcomer, PING).await));
            crowd.push(newcomer);
            if crowd.len() == 1 {
                // Who has said nothing was idle longest; then who was answered longest ago.
                assert_eq!(until_closed(&mut silent).await, "");
                assert!(is_ok(&answer_to(&mut first, PING).await));
            }
        }
        assert_eq!(until_closed(&mut second).await, "");
        assert_eq!(until_closed(&mut first).await, "");
        assert!(answer_to(&mut under_way, b"{}").await.starts_with("HTTP/1.1 400 "), "what is under way goes on");
    }
}

#[tokio::test]
async fn answers_that_nobody_takes_are_bounded() {
    const ADDRESS_MAX: usize = 8 * 1024 * 1024;
    let app = start(Limits { answer_bytes_per_address_max: ADDRESS_MAX, ..patient() }).await;
    let anna = app.user("Anna").await;
    let chat = anna.chat("garden").await;
    for _ in 0..12 {
        anna.say(&chat, &"\u{1}".repeat(16_384)).await;
    }
    let path = format!("/v1/chats/{chat}/messages?limit=1000");
    let page = anna.get(&path).await.expect_status(200);
    let shown = page.body["messages"].as_array().unwrap().len();
    assert!(shown < 12 && page.next().is_some(), "a page is bounded by what is sent, not by what is kept");
    assert!(page.text.len() < 1024 * 1024 + 2 * 6 * 16_384, "{}", page.text.len());

    // As many as the kernel never takes unread: 4 MiB on this side, 6 MiB on the other.
    let token = anna.token.as_ref().unwrap();
    let requests = format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n").repeat(16);
    let mut unread = Vec::new();
    let refused = async {
        loop {
            let mut stream = connect(&app).await;
            stream.write_all(requests.as_bytes()).await.unwrap();
            unread.push(stream);
            assert!(unread.len() < 200, "answers are held without end");
            let reply = anna.get(&path).await;
            if reply.status != 200 {
                break reply;
            }
        }
    };
    let refused = refused.await.expect_problem(503, "overloaded");
    assert!(!refused.header("retry-after").is_empty());
    // Who hangs up gives everything back.
    unread.clear();
    until(async || anna.get(&path).await.status == 200).await;
}

async fn crowd(limits: Limits) {
    let app = start(limits).await;
    let mut inside = Vec::new();
    for _ in 0..4 {
        inside.push(busy(&app).await);
    }
    for _ in 0..20 {
        let said = until_closed(&mut connect(&app).await).await;
        assert!(said.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{said}");
        assert!(said.contains("retry-after: 1\r\n") && said.contains("\"code\":\"overloaded\""), "{said}");
        let (head, body) = said.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{said}");
    }
    let answer = answer_to(&mut inside[0], b"{}").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "who is inside does not notice: {answer}");
    inside.clear();
    until(async || {
        let mut stream = connect(&app).await;
        stream.write_all(b"GET /ping HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.is_ok()
            && is_ok(&until_closed(&mut stream).await)
    })
    .await;
}

#[tokio::test]
async fn who_has_said_everything_still_gets_his_answer() {
    let app = start(patient()).await;
    let mut stream = connect(&app).await;
    stream.write_all(PING).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(is_ok(&until_closed(&mut stream).await));

    let mut silent = connect(&app).await;
    silent.shutdown().await.unwrap();
    assert_eq!(until_closed(&mut silent).await, "");
    let mut broken_off = connect(&app).await;
    broken_off.write_all(b"GET /ping HTTP/1.1\r\nhost").await.unwrap();
    broken_off.shutdown().await.unwrap();
    assert!(!is_ok(&until_closed(&mut broken_off).await));
}

#[tokio::test]
async fn slow_callers_keep_nobody_else_waiting() {
    let app = start(Limits { in_flight_max: 8, ..patient() }).await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = connect(&app).await;
        let said = match number % 3 {
            0 => String::new(),
            1 => "GET /ping HTTP/1.1\r\nho".to_owned(),
            _ => format!("{}{{", head_of_chat(&token, 22)),
        };
        stream.write_all(said.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let mut probe = connect(&app).await;
    assert!(is_ok(&answer_to(&mut probe, PING).await));
    until(async || anna.get("/v1/me").await.status == 200).await;
}

#[tokio::test]
async fn when_too_much_is_under_way_one_more_is_refused_at_once_but_an_operator_is_not() {
    let app = start(Limits { in_flight_max: 0, ..patient() }).await;
    let anybody = app.anonymous();
    for path in ["/v1/me", "/v1/chats", "/ping_db"] {
        let refused = anybody.get(path).await.expect_problem(503, "overloaded");
        assert_eq!(refused.header("retry-after"), "1");
    }
    for path in ["/ping", "/livez", "/readyz", "/metrics"] {
        anybody.get(path).await.expect_status(200);
    }
}

#[tokio::test]
async fn what_is_under_way_is_answered_when_the_server_stops() {
    let app = start(patient()).await;
    let anna = app.user("Anna").await;
    let token = anna.token.clone().unwrap();
    let mut idle = connect(&app).await;
    assert!(is_ok(&answer_to(&mut idle, PING).await));
    let mut under_way = connect(&app).await;
    let expecting = head_of_chat(&token, 22).replacen("\r\n\r\n", "\r\nexpect: 100-continue\r\n\r\n", 1);
    // The server asks for the body: the handler waits for it.
    assert!(answer_to(&mut under_way, expecting.as_bytes()).await.starts_with("HTTP/1.1 100 "));
    let address = app.url.trim_start_matches("http://").to_owned();
    let stopping = tokio::spawn(app.stop());
    assert_eq!(until_closed(&mut idle).await, "");
    until(async || TcpStream::connect(&address).await.is_err()).await;
    under_way.write_all(b"{\"chat_name\":\"garden\"}").await.unwrap();
    let said = until_closed(&mut under_way).await;
    assert!(said.starts_with("HTTP/1.1 201 ") && said.to_lowercase().contains("connection: close"), "{said}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let app = start(Limits { drain_max: SHORT, ..patient() }).await;
    let anna = app.user("Anna").await;
    let mut silent = connect(&app).await;
    let mut slow = connect(&app).await;
    slow.write_all(head_of_chat(anna.token.as_ref().unwrap(), 22).as_bytes()).await.unwrap();
    assert!(is_ok(&answer_to(&mut connect(&app).await, PING).await));
    timeout(WAIT_MAX, app.stop()).await.expect("it stops in time");
    assert_eq!(until_closed(&mut silent).await, "");
    assert!(!is_ok(&until_closed(&mut slow).await));
}
