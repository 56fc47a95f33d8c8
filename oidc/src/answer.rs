//! What providers answer, as JSON within bounds.

use crate::Error;
use outbound::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use outbound::{Answer, Bytes, Call, HeaderMap, HeaderValue, Method, Redirects, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use url::form_urlencoded;

/// Most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long one answer may take.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

/// What RFC 6749 has for failures.
#[derive(Deserialize)]
struct Failure {
    error: String,
}

/// Gets a document.
pub(crate) async fn get<T: DeserializeOwned>(
    http: &outbound::Client,
    what: &'static str,
    url: Url,
    authorization: Option<HeaderValue>,
) -> Result<T, Error> {
    ask(http, what, call(Method::GET, url, authorization, Bytes::new())).await
}

/// Posts a form.
pub(crate) async fn post<T: DeserializeOwned>(
    http: &outbound::Client,
    what: &'static str,
    url: Url,
    authorization: Option<HeaderValue>,
    form: &[(&str, &str)],
) -> Result<T, Error> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    ask(http, what, call(Method::POST, url, authorization, body.into())).await
}

/// An access token as a header; none where it cannot be one.
pub(crate) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn call(method: Method, url: Url, authorization: Option<HeaderValue>, body: Bytes) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if method == Method::POST {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization);
    }
    Call {
        method,
        url,
        headers,
        body,
        redirects: Redirects::Refused,
        answer_bytes_max: ANSWER_BYTES_MAX,
        total_max: ANSWER_WAIT,
    }
}

async fn ask<T: DeserializeOwned>(http: &outbound::Client, what: &'static str, call: Call) -> Result<T, Error> {
    let unavailable = |why: String| Error::Unavailable { what, why };
    let answer = http.send(call).await.map_err(|error| unavailable(error.to_string()))?;
    if answer.is_cut {
        return Err(unavailable(format!("the answer has more than {ANSWER_BYTES_MAX} bytes")));
    }
    // VK ID answers failures with 200.
    if let Some(refusal) = refusal(&answer) {
        return Err(refusal);
    }
    if answer.status != StatusCode::OK {
        return Err(unavailable(format!("the answer is {}", answer.status.as_u16())));
    }
    serde_json::from_slice(&answer.body).map_err(|_| unavailable("the answer is not what it must be".to_owned()))
}

/// The refusal that an answer is, if it is one.
fn refusal(answer: &Answer) -> Option<Error> {
    let may_refuse = answer.status.is_client_error() || answer.status == StatusCode::OK;
    let failure = serde_json::from_slice::<Failure>(&answer.body).ok().filter(|_| may_refuse)?;
    Some(Error::refused(&failure.error))
}
