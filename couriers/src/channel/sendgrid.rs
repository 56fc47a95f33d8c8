//! Mail through SendGrid (`POST /v3/mail/send`). It knows no idempotency: what was sent without an answer is unknown. What
//! becomes of a mail later comes over its event webhook (`events`).

mod events;

pub use events::{EventKey, Report, ReportedKind, Unverified, reports};

use super::answer::end;
use super::smtp::MaySend;
use super::{AttemptEnd, Fault};
use crate::mail::{Mail, Unmailable, one_line};
use outbound::header::{AUTHORIZATION, CONTENT_TYPE};
use outbound::{Allowed, Answer, Bytes, Call, Client, HeaderMap, HeaderValue, Method, Redirects, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

/// Where the API is; accounts in Europe have another host.
pub const API: &str = "https://api.sendgrid.com";
/// From the connection to the whole answer.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Hundreds of scopes.
const SCOPES_BYTES_MAX: usize = 256 * 1024;
/// What a look may take: somebody waits.
const LOOK_WAIT: Duration = Duration::from_secs(5);
/// What an answer says of where a request is at fault, where the recipient's address is.
const RECIPIENT: &str = "personalizations.0.to";

/// The key of an account. It is not shown.
#[derive(Clone)]
pub struct SendgridKey(HeaderValue);

impl SendgridKey {
    /// Reads a key.
    ///
    /// # Errors
    /// What it must be like.
    pub fn parse(text: &str) -> Result<SendgridKey, &'static str> {
        const SHAPE: &str = "it must be a key of SendGrid, like SG.….…";
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SHAPE);
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| SHAPE)?;
        value.set_sensitive(true);
        Ok(SendgridKey(value))
    }
}

impl fmt::Debug for SendgridKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SendgridKey(…)")
    }
}

/// An account of SendGrid, and what may be called besides the internet.
#[derive(Clone, Debug)]
pub struct SendgridSettings {
    pub key: SendgridKey,
    /// [`API`], or another host with the same API.
    pub api: Url,
    pub allowed: Allowed,
}

/// The channel.
#[derive(Clone)]
pub struct Sendgrid {
    client: Client,
    url: Url,
    key: SendgridKey,
}

impl Sendgrid {
    /// Connects to nothing yet.
    pub fn new(settings: &SendgridSettings) -> Sendgrid {
        let SendgridSettings { key, api, allowed } = settings.clone();
        let mut url = api;
        url.set_path("/v3/mail/send");
        Sendgrid { client: Client::new(allowed), url, key }
    }

    /// What it is called in facts and figures.
    pub fn name(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }

    /// Hands over one mail. That it is accepted says that it waits there, and no more.
    ///
    /// # Errors
    /// When this mail can never be sent.
    pub async fn send(&self, mail: &Mail, may_send: MaySend<'_>) -> Result<AttemptEnd, Unmailable> {
        let body = body(mail)?;
        if !may_send() {
            let detail = "another dispatcher has taken over this attempt".to_owned();
            return Ok(AttemptEnd::Postponed(Fault { phase: "lease", code: None, detail }));
        }
        Ok(self.hand_over(body).await)
    }

    /// Whether it would take mail: whether it knows the key, and lets it send.
    ///
    /// # Errors
    /// What keeps it from it, in words.
    pub async fn look(&self) -> Result<String, String> {
        let mut url = self.url.clone();
        url.set_path("/v3/scopes");
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.key.0.clone());
        let call = Call {
            method: Method::GET,
            url,
            headers,
            body: Bytes::new(),
            redirects: Redirects::Refused,
            answer_bytes_max: SCOPES_BYTES_MAX,
            total_max: LOOK_WAIT,
        };
        let answer = self.client.send(call).await.map_err(|error| error.to_string())?;
        match answer.status {
            StatusCode::OK if may_send_mail(&answer) => Ok("its key may send mail".to_owned()),
            StatusCode::OK => Err("its key lacks the scope mail.send".to_owned()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err("it does not know the key".to_owned()),
            other => Err(format!("it answered {}", other.as_u16())),
        }
    }

    async fn hand_over(&self, body: Value) -> AttemptEnd {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, self.key.0.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let call = Call {
            method: Method::POST,
            url: self.url.clone(),
            headers,
            body: Bytes::from(body.to_string()),
            redirects: Redirects::Refused,
            answer_bytes_max: ANSWER_BYTES_MAX,
            total_max: ANSWER_WAIT,
        };
        let answered = self.client.send(call).await;
        let blames_recipient = |answer: &Answer| at_fault(answer).iter().any(|field| field.starts_with(RECIPIENT));
        let is_recipient = answered.as_ref().is_ok_and(blames_recipient);
        match end(answered, message_id, |answer| at_fault(answer).join(", ")) {
            AttemptEnd::Rejected { fault, .. } => AttemptEnd::Rejected { fault, address_at_fault: is_recipient },
            end @ (AttemptEnd::Accepted { .. } | AttemptEnd::Postponed(Fault { .. }) | AttemptEnd::Unknown(_)) => end,
        }
    }
}

fn may_send_mail(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Scopes {
        scopes: Vec<String>,
    }
    let found = serde_json::from_slice::<Scopes>(&answer.body);
    found.is_ok_and(|found| found.scopes.iter().any(|scope| scope == "mail.send"))
}

/// Links are left as they are, and nobody counts who opens a mail: links hold secrets, and what is counted lies.
fn body(mail: &Mail) -> Result<Value, Unmailable> {
    let mut content = vec![json!({"type": "text/plain", "value": not_empty(&mail.text)})];
    content.extend(mail.html.as_deref().map(|html| json!({"type": "text/html", "value": not_empty(html)})));
    let further = mail.headers()?.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    let headers = std::iter::once(("Message-ID".to_owned(), mail.message_id().into())).chain(further);
    let mut from = json!({"email": mail.from.address()});
    if let Some(name) = mail.from.name() {
        from["name"] = name.into();
    }
    Ok(json!({
        "personalizations": [{"to": [{"email": mail.recipient()?}], "custom_args": {"delivery_id": mail.delivery_id}}],
        "from": from,
        "subject": one_line(&mail.subject),
        "content": content,
        "headers": headers.collect::<Map<_, _>>(),
        "categories": [mail.category],
        "tracking_settings": {
            "click_tracking": {"enable": false, "enable_text": false},
            "open_tracking": {"enable": false},
            "subscription_tracking": {"enable": false},
        },
    }))
}

/// SendGrid refuses content of no characters.
fn not_empty(text: &str) -> &str {
    if text.is_empty() { " " } else { text }
}

fn message_id(answer: &Answer) -> Option<String> {
    answer.headers.get("x-message-id")?.to_str().ok().map(str::to_owned)
}

/// The parts of a request that an answer blames; its words may repeat the recipient's address.
fn at_fault(answer: &Answer) -> Vec<String> {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<Blamed>,
    }
    #[derive(Deserialize)]
    struct Blamed {
        field: Option<String>,
    }
    let errors = serde_json::from_slice::<Errors>(&answer.body).map(|found| found.errors).unwrap_or_default();
    errors.into_iter().filter_map(|blamed| blamed.field).collect()
}

#[cfg(test)]
mod tests;
