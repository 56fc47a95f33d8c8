//! A stream over a WebSocket (RFC 6455), with the subprotocol `letopis.v1`.

use crate::app::App;
use crate::auth::standing::Standing;
use crate::http::stop::Stop;
use crate::http::streams::StreamSlot;
use crate::live::frame::Frame;
use crate::live::outbox::Bye;
use crate::live::stream::{Said, Stream};
use axum::body::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// How long a client that could not set a header may take to say who it is (CONTRACT 1.3).
const AUTH_MAX: Duration = Duration::from_secs(10);
/// Most bytes that a client sends at once: it has nothing to say but who it is.
const SENT_BYTES_MAX: usize = 8 * 1024;
/// Most messages that a client sends in a second, also where limits are off.
const SENT_PER_SECOND_MAX: u32 = 100;
/// How long the last words of a stream may take: its client may have to read what is before them.
const LAST_WORDS_MAX: Duration = Duration::from_secs(30);
/// How long the client may take to close as well.
const CLOSE_MAX: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;
type Sending = SplitSink<Socket, Message>;

/// The first message of a client that cannot set a header.
#[derive(Deserialize)]
struct First {
    event: String,
    data: Auth,
}

#[derive(Deserialize)]
struct Auth {
    token: String,
    from: Option<u64>,
}

/// Why a socket is closed.
struct Closing {
    code: CloseCode,
    reason: &'static str,
}

impl Closing {
    fn of(bye: Bye) -> Closing {
        match bye {
            Bye::SessionEnded => Closing { code: CloseCode::Library(4401), reason: "session-ended" },
            Bye::TooSlow => Closing { code: CloseCode::Library(4408), reason: "too-slow" },
            Bye::Stopping => Closing { code: CloseCode::Away, reason: "stopping" },
        }
    }

    const fn unknown() -> Closing {
        Closing { code: CloseCode::Library(4401), reason: "auth-failed" }
    }

    const fn policy(reason: &'static str) -> Closing {
        Closing { code: CloseCode::Policy, reason }
    }
}

/// Serves a connection that was taken over from HTTP, until it ends. Without a standing the client says first who it is.
pub(crate) async fn serve(
    app: App,
    upgraded: Upgraded,
    standing: Option<Standing>,
    from: Option<u64>,
    slot: StreamSlot,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(SENT_BYTES_MAX))
        .max_frame_size(Some(SENT_BYTES_MAX))
        .read_buffer_size(1024)
        .write_buffer_size(0);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut sending, mut sent) = socket.split();
    let closing = match open(&app, &mut sent, standing, from, slot.stop()).await {
        Ok(mut stream) => talk(&mut stream, &mut sending, &mut sent, &slot).await,
        Err(closing) => Some(closing),
    };
    if let Some(closing) = closing {
        say_goodbye(&mut sending, &mut sent, closing).await;
    }
}

async fn open(
    app: &App,
    sent: &mut SplitStream<Socket>,
    standing: Option<Standing>,
    from: Option<u64>,
    stop: Stop,
) -> Result<Stream, Closing> {
    let (standing, from) = match standing {
        Some(standing) => (standing, from),
        None => {
            let first = tokio::select! {
                first = timeout(AUTH_MAX, first(sent)) => first.ok().flatten().ok_or(Closing::unknown())?,
                () = stop.begun() => return Err(Closing::of(Bye::Stopping)),
            };
            let standing = app.standing_of(first.token).await.map_err(|_| Closing::unknown())?;
            (standing, first.from.or(from))
        }
    };
    Stream::open(app.clone(), standing, from, stop).await.map_err(|error| Closing::policy(error.code.text()))
}

/// Who the client says that it is.
async fn first(sent: &mut SplitStream<Socket>) -> Option<Auth> {
    loop {
        match sent.next().await? {
            Ok(Message::Text(text)) => {
                let first = serde_json::from_str::<First>(&text).ok()?;
                return (first.event == "auth").then_some(first.data);
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Binary(_) | Message::Close(_) | Message::Frame(_)) | Err(_) => return None,
        }
    }
}

/// Says what there is to say. Answers why it ends; none when the client has left.
async fn talk(
    stream: &mut Stream,
    sending: &mut Sending,
    sent: &mut SplitStream<Socket>,
    slot: &StreamSlot,
) -> Option<Closing> {
    let (mut second, mut count) = (Instant::now(), 0);
    loop {
        let said = tokio::select! {
            said = stream.next() => said?,
            message = sent.next() => match message? {
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {
                    if second.elapsed() >= Duration::from_secs(1) {
                        (second, count) = (Instant::now(), 0);
                    }
                    count += 1;
                    if count > SENT_PER_SECOND_MAX || !stream.may_say().await {
                        return Some(Closing::policy("request-limit-exceeded"));
                    }
                    continue;
                }
            },
        };
        let message = match said {
            Said::Frame(frame) => text(frame.message_text()),
            Said::Quiet => Message::Ping(Bytes::new()),
            Said::Bye(bye) => return Some(Closing::of(bye)),
        };
        let Ok(_held) = slot.charge(message.len()) else { return Some(Closing::of(Bye::TooSlow)) };
        let written = tokio::select! {
            written = sending.send(message) => written,
            () = stream.is_full() => return Some(Closing::of(Bye::TooSlow)),
        };
        if written.is_err() {
            return None;
        }
    }
}

/// The last words, and the closing handshake.
async fn say_goodbye(sending: &mut Sending, sent: &mut SplitStream<Socket>, closing: Closing) {
    let bye = Frame::new(None, "bye", &json!({"reason": closing.reason}));
    let close = CloseFrame { code: closing.code, reason: Utf8Bytes::from_static(closing.reason) };
    let said = async {
        sending.send(text(bye.message_text())).await?;
        sending.send(Message::Close(Some(close))).await
    };
    // A client that is gone, or does not read, does not hear it.
    if let Ok(Ok(())) = timeout(LAST_WORDS_MAX, said).await {
        // What is closed before the client has answered may lose what was said.
        let _ = timeout(CLOSE_MAX, async { while let Some(Ok(_)) = sent.next().await {} }).await;
    }
}

fn text(bytes: Bytes) -> Message {
    Message::Text(Utf8Bytes::try_from(bytes).expect("JSON is UTF-8"))
}
