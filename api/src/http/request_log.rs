//! One line a request in the server's log. It holds what an operator needs to find a fault, and nothing that a caller has
//! written: no query, no body, no token, no name.

use crate::error::Error;
use crate::http::web_origin::web_origin;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use domain::UserId;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What layers and handlers find out about a request, for its line.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Noted>);

#[derive(Default)]
struct Noted {
    user_id: OnceLock<UserId>,
    address: OnceLock<IpAddr>,
    reason: OnceLock<&'static str>,
    origin: OnceLock<String>,
}

impl Notes {
    /// Those of a request, which the outermost layer has begun.
    pub(crate) fn of(extensions: &Extensions) -> Notes {
        extensions.get::<Notes>().cloned().unwrap_or_default()
    }

    /// Who calls, once their credentials are known to be good.
    pub(crate) fn caller(&self, user_id: UserId) {
        let _ = self.0.user_id.set(user_id);
    }

    /// Where the request comes from; noted only where an operator wants addresses in the log.
    pub(crate) fn address(&self, address: IpAddr) {
        let _ = self.0.address.set(address);
    }

    /// Why the request is refused, where its code does not say it all.
    pub(crate) fn reason(&self, reason: &'static str) {
        let _ = self.0.reason.set(reason);
    }

    /// Why a page's request is refused, and the origin of that page where it is one.
    pub(crate) fn refused_origin(&self, reason: &'static str, headers: &HeaderMap) {
        self.reason(reason);
        let sent = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        if let Some(origin) = sent.and_then(web_origin) {
            let _ = self.0.origin.set(origin);
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Notes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Notes, Infallible> {
        Ok(Notes::of(&parts.extensions))
    }
}

/// The line of a request that is under way. Where the request is given up before there is an answer, since the caller has
/// left or the server has stopped, that is its line.
pub(crate) struct Line {
    began: Instant,
    method: Method,
    route: Option<MatchedPath>,
    request_id: String,
    /// The origin of a page that asks whether it may call.
    preflight: Option<HeaderValue>,
    notes: Notes,
    is_written: bool,
}

impl Line {
    pub(crate) fn begin(
        method: &Method,
        route: Option<MatchedPath>,
        request_id: &str,
        headers: &HeaderMap,
        notes: Notes,
    ) -> Line {
        let asks = *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let preflight = headers.get(header::ORIGIN).filter(|_| asks).cloned();
        let (method, request_id) = (method.clone(), request_id.to_owned());
        Line { began: Instant::now(), method, route, request_id, preflight, notes, is_written: false }
    }

    /// Writes it. Its duration ends here: an answer may still be on its way.
    pub(crate) fn answered(mut self, response: &Response) {
        let is_allowed = response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        if let Some(origin) = self.preflight.take().filter(|_| !is_allowed) {
            let headers = [(header::ORIGIN, origin)].into_iter().collect();
            self.notes.refused_origin("this origin is not among the allowed ones", &headers);
        }
        let code = response.extensions().get::<Error>().map(|error| error.code.text());
        self.write(Some(response.status()), code);
    }

    fn write(&mut self, status: Option<StatusCode>, code: Option<&'static str>) {
        self.is_written = true;
        let noted = &self.notes.0;
        tracing::info!(
            target: "api::request",
            method = method_name(&self.method),
            route = self.route.as_ref().map(MatchedPath::as_str),
            status = status.map(|status| status.as_u16()),
            duration_ms = self.began.elapsed().as_micros() as f64 / 1_000.0,
            request_id = self.request_id,
            user_id = noted.user_id.get().map(tracing::field::display),
            address = noted.address.get().map(tracing::field::display),
            code,
            reason = noted.reason.get(),
            origin = noted.origin.get().map(String::as_str),
            "{}",
            if status.is_some() { "answered" } else { "given up before there was an answer" },
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_written {
            self.write(None, None);
        }
    }
}

/// The name of a method, one of a few: a client can make up others, which must neither fill
/// a log nor make series of figures, which are never forgotten.
pub(crate) fn method_name(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    const NAMES: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.iter().position(|known| known == method).map_or("other", |known| NAMES[known])
}
