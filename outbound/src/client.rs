//! Sends requests.

use crate::connector::Connector;
use crate::sent::{Departure, SentBody};
use crate::{Allowed, Error, machine};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use url::Url;

/// How long a connection that nobody uses is kept.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections to one host that are kept while nobody uses them.
const IDLE_PER_HOST_MAX: usize = 32;
/// How often an answer may lead to another address of the same origin.
const REDIRECTS_MAX: usize = 3;
/// Most bytes of an answer's header.
const HEAD_BYTES_MAX: usize = 64 * 1024;
const OURS: &str = concat!("letopis/", env!("CARGO_PKG_VERSION"));

/// Whether an answer may lead to another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// It is an answer like any other.
    Refused,
    /// Of the same origin only, for requests that may be repeated.
    SameOrigin,
}

/// A request.
#[derive(Clone)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub redirects: Redirects,
    /// Most bytes of an answer that are read.
    pub answer_bytes_max: usize,
    /// From the begin to the whole answer.
    pub total_max: Duration,
}

/// What was answered, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Whether there was more of the body than was to be read.
    pub is_cut: bool,
}

/// The client. A cheap handle on its connections.
#[derive(Clone)]
pub struct Client {
    allowed: Arc<Allowed>,
    inner: legacy::Client<Connector, SentBody>,
}

impl Client {
    /// One that calls public addresses by `https://`, and what is allowed. It uses no proxy, whatever the environment says:
    /// a proxy would connect to addresses that nobody has checked.
    pub fn new(allowed: Allowed) -> Client {
        Client::over(allowed, machine::tls())
    }

    pub(crate) fn over(allowed: Allowed, tls: Arc<rustls::ClientConfig>) -> Client {
        let allowed = Arc::new(allowed);
        let connector = Connector { allowed: Arc::clone(&allowed), tls };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .build(connector);
        Client { allowed, inner }
    }

    /// Sends a request, and reads the answer.
    ///
    /// # Errors
    /// Why there is no answer. An answer of any status is none.
    pub async fn send(&self, call: Call) -> Result<Answer, Error> {
        let host = call.url.host_str().unwrap_or_default().to_owned();
        let (body, departure) = SentBody::new(call.body.clone());
        let limit = call.total_max;
        match timeout(limit, self.follow(call, body, &departure)).await {
            Ok(answered) => answered,
            Err(_) => Err(Error::TimedOut { host, sent: departure.has_left() }),
        }
    }

    async fn follow(&self, mut call: Call, body: SentBody, departure: &Departure) -> Result<Answer, Error> {
        let mut body = Some(body);
        for _ in 0..=REDIRECTS_MAX {
            let sent = body.take().unwrap_or_else(|| SentBody::new(call.body.clone()).0);
            let answer = self.exchange(&call, sent, departure).await?;
            if call.redirects == Redirects::Refused || !answer.status.is_redirection() {
                return Ok(answer);
            }
            let next = answer.headers.get(LOCATION).and_then(|to| call.url.join(to.to_str().ok()?).ok());
            match next {
                Some(next) if next.origin() == call.url.origin() => call.url = next,
                Some(_) | None => break,
            }
        }
        Err(Error::Redirected { host: call.url.host_str().unwrap_or_default().to_owned() })
    }

    async fn exchange(&self, call: &Call, body: SentBody, departure: &Departure) -> Result<Answer, Error> {
        let url = self.allowed.check(call.url.as_str())?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let response = self.inner.request(request(call, &url, body)?).await;
        let response = response.map_err(|error| failed(error, &host, departure))?;
        let (parts, body) = response.into_parts();
        let read = read(body, call.answer_bytes_max).await;
        let (body, is_cut) = read.map_err(|error| {
            let source = Box::new(error);
            Error::Broken { host, sent: true, source }
        })?;
        Ok(Answer { status: parts.status, headers: parts.headers, body, is_cut })
    }
}

fn request(call: &Call, url: &Url, body: SentBody) -> Result<Request<SentBody>, Error> {
    let mut bare = url.clone();
    bare.set_fragment(None);
    let secret = credentials(url);
    // Neither fails for a host: it stands in the Authorization header from here on.
    let _ = (bare.set_username(""), bare.set_password(None));
    let uri = bare.as_str().parse::<Uri>().map_err(|_| Error::Url("it is no address of HTTP"))?;
    let mut request = Request::new(body);
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    *headers = call.headers.clone();
    headers.remove(HOST);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(OURS));
    if let Some(secret) = secret {
        headers.entry(AUTHORIZATION).or_insert(secret);
    }
    Ok(request)
}

/// What a URL holds of a name and a password, as a header.
fn credentials(url: &Url) -> Option<HeaderValue> {
    use base64::Engine;
    use percent_encoding::percent_decode_str;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair = percent_decode_str(url.username()).collect::<Vec<_>>();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let text = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The failure to make a connection, in our words; any other as one of the exchange.
fn failed(error: legacy::Error, host: &str, departure: &Departure) -> Error {
    let (host, is_connect) = (host.to_owned(), error.is_connect());
    if !is_connect {
        return Error::Broken { host, sent: departure.has_left(), source: Box::new(error) };
    }
    match of_connector(&error) {
        Some(Error::Private { host }) => Error::Private { host: host.clone() },
        Some(Error::Plain { host }) => Error::Plain { host: host.clone() },
        Some(Error::Unresolved { .. }) => Error::Unresolved { host, source: None },
        Some(
            Error::Url(_)
            | Error::Unconnected { .. }
            | Error::Redirected { .. }
            | Error::TimedOut { .. }
            | Error::Broken { .. },
        )
        | None => Error::Unconnected { host, source: std::io::Error::other(error) },
    }
}

fn of_connector(error: &legacy::Error) -> Option<&Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(ours) = found.downcast_ref::<Error>() {
            return Some(ours);
        }
        cause = found.source();
    }
    None
}

/// At most so many bytes, and whether there were more.
async fn read(mut body: Incoming, bytes_max: usize) -> Result<(Vec<u8>, bool), hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let room = bytes_max - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((bytes, true));
        }
    }
    Ok((bytes, false))
}

#[cfg(test)]
mod tests;
