//! What happens, as it happens: over SSE, and over a WebSocket.

use super::ids::chat_id;
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::standing::{Standing, refuse_token_in_address};
use crate::error::{Code, Error};
use crate::http::params::Params;
use crate::http::reply::POSITION;
use crate::http::request_log::Notes;
use crate::http::streams::StreamSlot;
use crate::live::outbox::Bye;
use crate::live::stream::{Said, Stream};
use crate::live::web_socket;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::chat::Role;
use futures_util::stream;
use projections::{ProjectionId, chats};
use relay::signals::Signal;
use serde_json::json;
use std::convert::Infallible;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(typing), Spec::caller().without_key().fails(&[Code::NotAMember, Code::Muted, Code::ChatNotFound]))
        .add(routes!(events), Spec::caller().fails(&[Code::TooManyStreams, Code::CrossSite]))
        .add(
            routes!(socket),
            Spec::anyone().fails(&[
                Code::AuthFailed,
                Code::InvalidSession,
                Code::SessionExpired,
                Code::ScopeMissing,
                Code::CrossSite,
            ]),
        )
}

/// What a WebSocket of ours speaks.
const SUBPROTOCOL: &str = "letopis.v1";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const SOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const SOCKET_VERSION: HeaderName = HeaderName::from_static("sec-websocket-version");
const SOCKET_PROTOCOL: HeaderName = HeaderName::from_static("sec-websocket-protocol");
/// What proxies must not gather (nginx).
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Open a live stream
///
/// Server-sent events. `id` is the log position: a client that reconnects with `Last-Event-ID` or `from` gets what it
/// missed, each event once and in order, on any node; without either it gets what happens from now on. The first event
/// is `hello` with `{position}`; the last one `bye` with `{reason}`: `session-ended`, `too-slow` (resume), `stopping`
/// (resume). `docs/live.md` has every event.
#[utoipa::path(get, path = "/v1/live", operation_id = "hearEvents", tag = "live", params(
    ("from" = Option<u64>, Query, description = "Send what happened after this log position first."),
    ("Last-Event-ID" = Option<u64>, Header, description = "The same, as a browser sends it."),
), responses((status = 200, content_type = "text/event-stream", body = String, description = "The events.")))]
async fn events(State(app): State<App>, params: Params, slot: StreamSlot, request: Request) -> Result<Response, Error> {
    let (parts, _) = request.into_parts();
    refuse_token_in_address(&parts.uri)?;
    let standing = standing(&app, &parts).await?;
    let standing =
        standing.ok_or_else(|| Error::new(Code::AuthFailed, "send Authorization: Bearer, or the session cookie"))?;
    let from = from(&params, &parts.headers)?;
    let stream = Stream::open(app, standing, from, slot.stop()).await?;
    let said = stream::unfold(stream, async |mut stream| {
        let bytes = match stream.next().await? {
            Said::Frame(frame) => frame.event_text(),
            Said::Quiet => Bytes::from_static(b":\n\n"),
            Said::Bye(bye) => bye_text(bye),
        };
        Some((Ok::<_, Infallible>(bytes), stream))
    });
    let mut response = slot.answer(Body::from_stream(said), bye_text(Bye::TooSlow));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

fn bye_text(bye: Bye) -> Bytes {
    Bytes::from(format!("event: bye\ndata: {}\n\n", json!({"reason": bye})))
}

/// Open a live WebSocket
///
/// The same as `GET /v1/live`, in frames `{event, position?, data}`, with the subprotocol `letopis.v1`. A browser,
/// which cannot set a header, sends `{"event": "auth", "data": {"token", "from"?}}` first, within 10 seconds. Close
/// codes: 4401 the session has ended, 4408 the client does not read, 1001 the server stops.
#[utoipa::path(get, path = "/v1/ws", operation_id = "hearEventsOverWebSocket", tag = "live", params(
    ("from" = Option<u64>, Query, description = "Send what happened after this log position first."),
), responses((status = 101, description = "The connection speaks WebSocket from here on.")))]
async fn socket(State(app): State<App>, params: Params, slot: StreamSlot, request: Request) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    refuse_token_in_address(&parts.uri)?;
    let headers = &parts.headers;
    let accept = accept(headers)?;
    let standing = standing(&app, &parts).await?;
    let speaks = |line: &HeaderValue| {
        line.as_bytes().split(|byte| *byte == b',').any(|word| word.trim_ascii() == SUBPROTOCOL.as_bytes())
    };
    let speaks = headers.get_all(SOCKET_PROTOCOL).iter().any(speaks);
    let from = from(&params, headers)?;
    let upgrade = hyper::upgrade::on(Request::from_parts(parts, body));
    let mut response = slot.upgrade(upgrade, async move |upgraded, slot| {
        web_socket::serve(app, upgraded, standing, from, slot).await;
    });
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(SOCKET_ACCEPT, accept);
    if speaks {
        answer.insert(SOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// Say that I am typing
///
/// Members who are connected now get it, and nothing is stored. Repeat it every few seconds.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/typing", operation_id = "sayTyping", tag = "live",
    responses((status = 204, description = "The signal was sent.")))]
async fn typing(State(app): State<App>, caller: Caller, Path(chat): Path<String>) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let reading = app.read(ProjectionId::Chats, 0).await?;
    match chats::member(&reading.database, chat_id, caller.user_id).await?.map(|member| member.role) {
        Some(Role::Owner | Role::Admin | Role::Member) => {}
        Some(Role::Muted) => return Err(Error::new(Code::Muted, "you are muted in this chat")),
        None if chats::by_id(&reading.database, chat_id).await?.is_none() => {
            return Err(Error::new(Code::ChatNotFound, "there is no such chat"));
        }
        None => return Err(Error::new(Code::NotAMember, "you are not a member of this chat; join it first")),
    }
    app.signals.say(Signal::Typing { chat_id, user_id: caller.user_id }).await;
    Ok((StatusCode::NO_CONTENT, [(POSITION, reading.position.to_string())]).into_response())
}

/// By what a stream is asked for; none where the request carries nothing of the kind.
async fn standing(app: &App, parts: &Parts) -> Result<Option<Standing>, Error> {
    let standing = app.standing(parts).await?;
    if let Some(standing) = &standing {
        Notes::of(&parts.extensions).caller(standing.user_id);
    }
    Ok(standing)
}

/// From where a client wants to hear.
fn from(params: &Params, headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let header = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let (name, text) = match (header, params.get("from")) {
        (Some(text), _) if !text.is_empty() => ("Last-Event-ID", text),
        (_, Some(text)) => ("from", text),
        (_, None) => return Ok(None),
    };
    text.parse().map(Some).map_err(|_| Error::bad_parameter(name, "must be a log position"))
}

/// What proves to a client that it is understood (RFC 6455, 4.2).
fn accept(headers: &HeaderMap) -> Result<HeaderValue, Error> {
    let is = |name: HeaderName, wanted: &str| {
        let words = headers.get_all(name).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        words.into_iter().any(|word| word.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    let key = headers.get(SOCKET_KEY).filter(|key| key.len() == 24);
    match key {
        Some(key) if is(UPGRADE, "websocket") && is(CONNECTION, "upgrade") && is(SOCKET_VERSION, "13") => {
            let accept = derive_accept_key(key.as_bytes());
            Ok(HeaderValue::from_str(&accept).expect("base64 fits a header"))
        }
        Some(_) | None => Err(Error::new(
            Code::BadParameters,
            "this address accepts only a WebSocket handshake (RFC 6455, version 13)",
        )),
    }
}
