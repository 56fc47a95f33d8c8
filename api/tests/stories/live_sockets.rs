//! Live over a WebSocket: the same frames, another way of asking for them.

use super::WAIT_MAX;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use testkit::{Actor, TestApp};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

type Answer = Response<Option<Vec<u8>>>;

struct Socket(WebSocketStream<TcpStream>);

/// Opens one with those headers.
async fn asked(app: &TestApp, path: &str, headers: &[(&'static str, &str)]) -> Result<(Socket, Answer), Box<Error>> {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (socket, answer) = client_async(request, TcpStream::connect(address).await.unwrap()).await?;
    Ok((Socket(socket), answer))
}

/// As a program does it: with the header.
async fn opened(app: &TestApp, by: &Actor, path: &str) -> Socket {
    let bearer = format!("Bearer {}", by.token.as_ref().unwrap());
    let (mut socket, _) = asked(app, path, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.heard().await["event"], "hello");
    socket
}

/// As a browser does it: with a first frame.
async fn introduced(app: &TestApp, first: &str) -> Socket {
    let (mut socket, _) = asked(app, "/v1/ws", &[]).await.unwrap();
    socket.say(first).await;
    socket
}

impl Socket {
    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next frame, which is one of ours.
    async fn heard(&mut self) -> Value {
        loop {
            match timeout(WAIT_MAX, self.0.next()).await.expect("something is heard in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("it ended: {other:?}"),
            }
        }
    }

    /// The code of the close frame behind all that is heard before it, and the last of that.
    async fn closed(&mut self) -> (u16, Value) {
        let mut last = Value::Null;
        loop {
            match timeout(WAIT_MAX, self.0.next()).await.expect("it ends in time") {
                Some(Ok(Message::Text(text))) => last = serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), last),
                Some(Ok(_)) => {}
                other => panic!("it ended without a word: {other:?}"),
            }
        }
    }
}

async fn pair(app: &TestApp) -> (Actor, Actor, String) {
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let chat = anna.chat("garden").await;
    boris.join(&chat).await;
    (anna, boris, chat)
}

#[tokio::test]
async fn the_same_frames_go_over_a_socket() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let (mut socket, mut live) = (opened(&app, &boris, "/v1/ws").await, boris.live().await);
    anna.say(&chat, "hello 🌱").await;
    let (frame, event) = (socket.heard().await, live.expect("message.posted").await);
    assert_eq!(frame, json!({"event": "message.posted", "position": event.id, "data": event.data}));
    let from = event.id.unwrap() - 1;
    let mut again = opened(&app, &boris, &format!("/v1/ws?from={from}")).await;
    assert_eq!(again.heard().await, frame, "and again for who comes back");
}

#[tokio::test]
async fn a_browser_says_first_who_it_is() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let head = app.node.log.head().unwrap().position;
    anna.say(&chat, "missed").await;
    let data = json!({"token": boris.token, "from": head});
    let mut socket = introduced(&app, &json!({"event": "auth", "data": data}).to_string()).await;
    assert_eq!(socket.heard().await, json!({"event": "hello", "position": head, "data": {"position": head}}));
    assert_eq!(socket.heard().await["data"]["message"]["text"], "missed");
    let (_, answer) = asked(&app, "/v1/ws", &[("sec-websocket-protocol", "other, letopis.v1")]).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "letopis.v1");
    assert!(!answer.headers().contains_key("sec-websocket-extensions"), "nothing is compressed");
    for bad in [
        "",
        "nonsense",
        "{}",
        r#"{"event": "auth"}"#,
        r#"{"event": "auth", "data": {"token": "x"}}"#,
        r#"{"event": "hello", "data": {"token": "x"}}"#,
    ] {
        let (code, last) = introduced(&app, bad).await.closed().await;
        assert_eq!((code, &last), (4401, &json!({"event": "bye", "data": {"reason": "auth-failed"}})), "{bad:?}");
    }
}

#[tokio::test]
async fn a_socket_is_closed_with_its_reason() {
    let app = TestApp::start().await;
    let (anna, boris, _) = pair(&app).await;
    let (mut ended, mut stopped) = (opened(&app, &boris, "/v1/ws").await, opened(&app, &anna, "/v1/ws").await);
    boris.post("/v1/auth/logout", json!({})).await.expect_status(200);
    assert_eq!(ended.closed().await, (4401, json!({"event": "bye", "data": {"reason": "session-ended"}})));
    let (closed, _) = tokio::join!(stopped.closed(), app.restart());
    assert_eq!(closed, (1001, json!({"event": "bye", "data": {"reason": "stopping"}})));
}

#[tokio::test]
async fn who_does_not_read_is_cut_and_others_are_not() {
    let app = TestApp::start().await;
    let (anna, boris, chat) = pair(&app).await;
    let (mut slow, mut quick) = (opened(&app, &boris, "/v1/ws").await, boris.live().await);
    let long = "ы".repeat(16_000);
    // More than the kernel holds for the slow one.
    for _ in 0..400 {
        anna.say(&chat, &long).await;
        let heard = quick.up_to("message.posted").await;
        assert_eq!(heard.last().unwrap().data["message"]["text"], long);
    }
    let (code, last) = slow.closed().await;
    assert_eq!((CloseCode::from(code), &last["data"]["reason"]), (CloseCode::Library(4408), &json!("too-slow")));
}

#[tokio::test]
async fn pages_of_other_sites_get_none_by_the_users_cookie() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let cookie = format!("__Host-letopis={}", anna.token.clone().unwrap());
    let refused = asked(&app, "/v1/ws", &[("cookie", &cookie), ("origin", "https://evil.example")]).await;
    assert!(matches!(refused.map_err(|error| *error), Err(Error::Http(answer)) if answer.status() == 403));
    let (mut socket, _) = asked(&app, "/v1/ws", &[("cookie", &cookie), ("origin", &app.url)]).await.unwrap();
    assert_eq!(socket.heard().await["event"], "hello");
}

#[tokio::test]
async fn who_talks_too_much_is_cut() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let mut socket = opened(&app, &anna, "/v1/ws").await;
    let flood = async {
        loop {
            if socket.0.send(Message::text("{}")).await.is_err() {
                return;
            }
        }
    };
    timeout(WAIT_MAX, flood).await.expect("it is cut");
    let mut long = opened(&app, &anna, "/v1/ws").await;
    let _ = long.0.send(Message::text("x".repeat(64 * 1024))).await;
    while let Ok(Some(Ok(_))) = timeout(WAIT_MAX, long.0.next()).await {}
}
