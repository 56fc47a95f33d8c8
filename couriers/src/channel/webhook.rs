//! The channel `webhook`: one signed request to the URL of the settings (Standard Webhooks).

use super::AttemptEnd;
use super::answer::end;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Timestamp, UserId};
use outbound::header::CONTENT_TYPE;
use outbound::{Allowed, Bytes, Call, Client, HeaderMap, HeaderName, HeaderValue, Method, Redirects, Url};
use ring::hmac;
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// From the connection to the whole answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// What is read of an answer; nobody looks at it.
const ANSWER_BYTES_MAX: usize = 4 * 1024;
/// What a secret begins with as people pass it on.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a secret, by the standard.
const SECRET_BYTES_MIN: usize = 24;
const SECRET_BYTES_MAX: usize = 64;

/// What signs the requests. It is not shown.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// Reads `whsec_` and 24 to 64 bytes as base64.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<WebhookSecret, &'static str> {
        const SHAPE: &str =
            "it must be whsec_ and 24 to 64 random bytes as base64: echo whsec_$(openssl rand -base64 32)";
        let bytes = text.strip_prefix(SECRET_PREFIX).and_then(|text| BASE64_STANDARD.decode(text).ok()).ok_or(SHAPE)?;
        if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&bytes.len()) {
            return Err(SHAPE);
        }
        Ok(WebhookSecret(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// `v1,` and the signature of a message.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            context.update(part);
        }
        format!("v1,{}", BASE64_STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WebhookSecret(…)")
    }
}

/// Where requests go, what signs them, and what may be called besides the internet.
#[derive(Clone)]
pub struct WebhookSettings {
    pub url: Url,
    pub secret: WebhookSecret,
    pub allowed: Allowed,
}

/// The path of a URL may hold a secret.
impl fmt::Debug for WebhookSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WebhookSettings({}, {:?})", self.url.host_str().unwrap_or_default(), self.allowed)
    }
}

/// What is told of one delivery.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookData {
    pub delivery_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_id: Option<Uuid>,
    pub user_id: UserId,
    pub category: String,
    pub locale: String,
    pub title: String,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// The body of a request: the same for all attempts.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    data: &'a WebhookData,
}

/// The channel.
#[derive(Clone)]
pub struct Webhook {
    client: Client,
    url: Url,
    secret: WebhookSecret,
}

impl Webhook {
    /// Connects to nothing yet.
    pub fn new(settings: &WebhookSettings) -> Webhook {
        let WebhookSettings { url, secret, allowed } = settings.clone();
        Webhook { client: Client::new(allowed), url, secret }
    }

    /// What it is called in facts and figures: the host, and no more of the URL, which may hold a secret.
    pub fn name(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// Tells of a delivery that was requested at `requested_at`. The receiver tells repeats by `webhook-id`, which is the
    /// delivery's id.
    pub async fn send(&self, data: &WebhookData, requested_at: Timestamp, now: Timestamp) -> AttemptEnd {
        let message = Message { kind: "notification", timestamp: requested_at, data };
        let body = serde_json::to_vec(&message).expect("it is made of text, numbers and ids");
        let call = Call {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers(data.delivery_id, now, &body),
            body: Bytes::from(body),
            redirects: Redirects::Refused,
            answer_bytes_max: ANSWER_BYTES_MAX,
            total_max: ANSWER_WAIT,
        };
        end(self.client.send(call).await, |_| None, |_| String::new())
    }

    fn headers(&self, delivery_id: Uuid, now: Timestamp, body: &[u8]) -> HeaderMap {
        let (id, timestamp) = (delivery_id.to_string(), now.0.div_euclid(1_000_000).to_string());
        let signature = self.secret.sign(&id, &timestamp, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)] {
            let value = HeaderValue::from_str(&value).expect("it is made of letters, digits and signs of base64");
            headers.insert(HeaderName::from_static(name), value);
        }
        headers
    }
}

#[cfg(test)]
mod tests;
