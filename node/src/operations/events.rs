//! The events of the log, as an operator reads them.

use super::Error;
use super::pace::last_before;
use domain::{Personal, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Filter, Log, Record};
use uuid::Uuid;

/// An event as it is shown; scripts rely on these fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventRow {
    pub position: u64,
    pub stream: String,
    pub version: u64,
    pub id: Uuid,
    #[serde(rename = "type")]
    pub name: String,
    pub recorded_at: Timestamp,
    pub payload: Value,
    pub meta: Value,
    pub hash: String,
    /// Absent when it was not asked for and when there is none; null when it is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub personal: Option<Value>,
    /// Whose what is personal in it is.
    #[serde(skip)]
    pub subject: Option<UserId>,
}

/// A record as it is shown, with what is personal where that is wanted.
///
/// # Errors
/// When the log cannot be read.
pub fn shown(log: &Log, record: Record, personal: bool) -> Result<EventRow, Error> {
    let personal = if personal { log.personal(&record)? } else { None };
    Ok(EventRow {
        personal: personal.map(|personal| match personal {
            // What a password is checked against is sealed as well, but nobody looks for it here.
            Personal::Known(_) if domain::VERIFIERS.contains(&record.name.as_str()) => json!("********"),
            // A message's text is sealed as it stands, and a text of digits is not a number.
            Personal::Known(text) if record.name.starts_with("message.") => Value::String(text),
            Personal::Known(text) => parsed(&text),
            Personal::Erased => Value::Null,
        }),
        position: record.position,
        version: record.version,
        id: record.id,
        recorded_at: record.recorded_at,
        payload: parsed(&record.payload),
        meta: parsed(&record.meta),
        hash: domain::id::hex(&record.hash),
        subject: record.subject,
        stream: record.stream,
        name: record.name,
    })
}

/// The JSON, or the text where it is none: then somebody has changed it, and it is shown all the same.
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A type without a version stands for all its versions.
pub fn pattern(name: &str) -> String {
    let version = name.rsplit_once(".v").map(|(_, version)| version);
    let has_version = version.is_some_and(|version| version.parse::<u32>().is_ok());
    if has_version || name.contains('*') { name.to_owned() } else { format!("{name}.v*") }
}

/// The record at a position, or with an event's id; none where there is none, or the text is neither.
///
/// # Errors
/// When the log cannot be read.
pub fn find(log: &Log, event: &str) -> Result<Option<Record>, Error> {
    if let Ok(position) = event.parse::<u64>() {
        let read = log.read(position.saturating_sub(1), 1)?;
        return Ok(read.into_iter().find(|record| record.position == position));
    }
    match domain::id::parse_uuid(event) {
        Some(id) => Ok(log.by_id(id)?),
        None => Ok(None),
    }
}

/// How a page of events is read.
#[derive(Clone, Debug)]
pub struct Page {
    pub filter: Filter,
    /// Only recorded before this instant.
    pub until: Option<Timestamp>,
    /// Only those of that request.
    pub request_id: Option<String>,
    /// Most events of it.
    pub limit: usize,
}

/// A page of events in the order of the filter.
///
/// # Errors
/// When the log cannot be read.
pub fn page(log: &Log, page: &Page) -> Result<Vec<EventRow>, Error> {
    let mut filter = page.filter.clone();
    if let Some(until) = page.until {
        // Times never fall along the log.
        let last = last_before(log, until)?;
        filter.up_to = Some(filter.up_to.map_or(last, |up_to| up_to.min(last)));
    }
    let records = match &page.request_id {
        None => log.read_filtered(&filter, page.limit)?,
        Some(request_id) => of_request(log, &filter, page.limit, request_id)?,
    };
    records.into_iter().map(|record| shown(log, record, false)).collect()
}

/// Those of a request: few, so that what else is asked of them is looked at here.
fn of_request(log: &Log, filter: &Filter, limit: usize, request_id: &str) -> Result<Vec<Record>, Error> {
    /// More events than these are not one request's.
    const EVENTS_MAX: usize = 1_000;
    let Filter { after, up_to, .. } = filter;
    let to = match up_to {
        Some(to) => *to,
        None => log.head()?.position,
    };
    let mut found = log.by_meta(("request_id", request_id), (*after, to), EVENTS_MAX)?;
    if filter.newest_first {
        found.reverse();
    }
    found.truncate(limit);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_without_a_version_is_every_version_of_it() {
        assert_eq!(pattern("message.posted"), "message.posted.v*");
        assert_eq!(pattern("message.posted.v1"), "message.posted.v1");
        assert_eq!(pattern("message.*"), "message.*");
        assert_eq!(pattern("user.verifier"), "user.verifier.v*");
    }

    #[test]
    fn what_is_no_json_is_shown_all_the_same() {
        assert_eq!(parsed("{\"a\":1}"), json!({"a": 1}));
        assert_eq!(parsed("{"), json!("{"));
    }
}
