//! The dev mailbox: what is in it, and what became of a mail's delivery.

use super::Error;
use crate::NodeHandle;
use couriers::channel::mailbox::content;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::{Mail, MailSummary};
use std::collections::BTreeMap;
use store::{Filter, Log, Record};
use uuid::Uuid;

/// Most events of a delivery that are shown.
const HISTORY_EVENTS_MAX: usize = 1_000;

/// A mail in a list. Scripts rely on the names of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailRow {
    pub id: Uuid,
    pub to: String,
    pub from: String,
    pub subject: String,
    pub at: Timestamp,
    pub delivery_id: Uuid,
    /// Counted from 1.
    pub attempt: u32,
    /// Of the event that let it be sent.
    pub position: u64,
}

/// A mail with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailDetails {
    #[serde(flatten)]
    pub mail: MailRow,
    /// By name; the values of one that comes more than once are lines.
    pub headers: BTreeMap<String, String>,
    /// Empty where the mail has no text.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    pub links: Vec<String>,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeliveryHistory {
    /// The event that caused it; none where it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<HistoryEvent>,
    /// The events of its stream, the oldest first.
    pub events: Vec<HistoryEvent>,
}

/// An event without its personal part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryEvent {
    pub position: u64,
    pub id: Uuid,
    #[serde(rename = "type")]
    pub name: String,
    pub stream: String,
    pub recorded_at: Timestamp,
    pub payload: Value,
}

/// The mailbox was emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxCleared {
    /// How many mails there were.
    pub deleted: u64,
}

impl From<MailSummary> for MailRow {
    fn from(mail: MailSummary) -> MailRow {
        MailRow {
            id: mail.mail_id,
            to: mail.recipient,
            from: mail.sender,
            subject: mail.subject,
            at: mail.at,
            delivery_id: mail.delivery_id,
            attempt: mail.attempt,
            position: mail.position,
        }
    }
}

impl From<Mail> for MailDetails {
    fn from(mail: Mail) -> MailDetails {
        let content = content(&mail.raw);
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in content.headers {
            let values = headers.entry(name).or_default();
            if !values.is_empty() {
                values.push('\n');
            }
            values.push_str(&value);
        }
        MailDetails {
            mail: mail.summary.into(),
            headers,
            text: content.text.unwrap_or_default(),
            html: content.html,
            links: content.links,
        }
    }
}

impl From<Record> for HistoryEvent {
    fn from(record: Record) -> HistoryEvent {
        HistoryEvent {
            position: record.position,
            id: record.id,
            name: record.name,
            stream: record.stream,
            recorded_at: record.recorded_at,
            payload: serde_json::from_str(&record.payload).unwrap_or_default(),
        }
    }
}

/// What became of a delivery, and what caused it. Of one that the log does not know there is nothing to tell.
///
/// # Errors
/// When the log cannot be read.
pub fn history(log: &Log, delivery_id: Uuid) -> Result<DeliveryHistory, Error> {
    let filter = Filter { stream: Some(format!("delivery-{delivery_id}")), ..Filter::default() };
    let records = log.read_filtered(&filter, HISTORY_EVENTS_MAX)?;
    let cause = records.first().and_then(cause).map(|id| log.by_id(id)).transpose()?.flatten();
    let events = records.into_iter().map(HistoryEvent::from).collect();
    Ok(DeliveryHistory { cause: cause.map(HistoryEvent::from), events })
}

/// The id of the event that made a courier ask.
fn cause(record: &Record) -> Option<Uuid> {
    let meta = serde_json::from_str::<Value>(&record.meta).ok()?;
    domain::id::parse_uuid(meta.get("causation")?.as_str()?)
}

/// Removes every mail.
///
/// # Errors
/// When that cannot be written.
pub async fn clear(node: &NodeHandle) -> Result<MailboxCleared, Error> {
    let mailbox = node.state.mailbox().clone();
    let cleared = tokio::task::spawn_blocking(move || mailbox.clear()).await;
    let deleted = cleared.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    Ok(MailboxCleared { deleted })
}
