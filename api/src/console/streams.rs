//! Streams: which there are, and what one of them was at a version, beside what it was before.

use super::Pages;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::Visitor;
use crate::app::App;
use crate::error::Error;
use crate::http::params::Params;
use crate::routes::admin::events::{folded, page, streams_page};
use crate::routes::page::cut_behind;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use domain::Category;
use node::operations::events::{EventRow, Page as Wanted};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::{Filter, StreamRow};

/// Streams of a page.
const PAGE: usize = 50;
/// Events of a stream that are listed, the newest ones.
const EVENTS_SHOWN: usize = 200;

pub(super) fn pages() -> Pages {
    Pages::default().admin("/console/streams", get(list)).admin("/console/streams/{stream}", get(one))
}

#[derive(Template)]
#[template(path = "streams.html")]
struct List {
    frame: Frame,
    prefix: String,
    categories: Vec<&'static str>,
    streams: Vec<StreamRow>,
    /// The last name of this page, where there is another.
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "stream.html")]
struct One {
    frame: Frame,
    stream: String,
    version: u64,
    /// The version that it is compared with; 0 is before its first event.
    with: u64,
    lines: Vec<Line>,
    events: Vec<EventRow>,
}

/// A field of the state at two versions.
struct Line {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

impl Line {
    fn has_changed(&self) -> bool {
        self.before != self.after
    }
}

async fn list(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let prefix = params.get("prefix").unwrap_or_default().trim().to_owned();
    let after = params.get("after").unwrap_or_default().to_owned();
    let wanted = Some(prefix.clone()).filter(|prefix| !prefix.is_empty());
    let mut streams = streams_page(&app, wanted, after, PAGE + 1).await?;
    let next = cut_behind(&mut streams, PAGE, |last| last.stream.clone());
    let categories = Category::ALL.map(Category::word).into_iter().collect();
    visitor.page(&List { frame: visitor.frame(Tab::Streams), prefix, categories, streams, next })
}

async fn one(
    State(app): State<App>,
    visitor: Visitor,
    Path(stream): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let number = |name: &str| params.get(name).and_then(|text| text.trim().parse::<u64>().ok());
    let at = folded(&app, &stream, number("at").filter(|at| *at > 0)).await?;
    let with = number("with").unwrap_or(at.version - 1).min(at.version);
    let before = match with {
        0 => Value::Object(serde_json::Map::new()),
        with => folded(&app, &stream, Some(with)).await?.state,
    };
    let filter = Filter { stream: Some(at.stream.clone()), newest_first: true, ..Filter::default() };
    let events = page(&app, Wanted { filter, until: None, request_id: None, limit: EVENTS_SHOWN }).await?;
    let lines = compared(&before, &at.state);
    let frame = visitor.frame(Tab::Streams);
    visitor.page(&One { frame, stream: at.stream, version: at.version, with, lines, events })
}

/// Every field of either, by its path.
fn compared(before: &Value, after: &Value) -> Vec<Line> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    flatten("", before, &mut old);
    flatten("", after, &mut new);
    let mut paths = new.keys().chain(old.keys()).cloned().collect::<Vec<_>>();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| Line { before: old.remove(&path), after: new.remove(&path), path }).collect()
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| flatten(&below(name), value, into));
        }
        Value::Array(values) if !values.is_empty() => {
            values.iter().zip(names(values)).for_each(|(value, name)| flatten(&below(&name), value, into));
        }
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        Value::Object(_) if path.is_empty() => {}
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Array(_) => {
            into.insert(path.to_owned(), value.to_string());
        }
    }
}

/// What the things of a list are called: by their ids, so that each is compared with itself wherever it stands; by their
/// places where they have none, or share one.
fn names(values: &[Value]) -> Vec<String> {
    let ids = values.iter().filter_map(id_of).map(str::to_owned).collect::<Vec<_>>();
    let each = ids.iter().collect::<BTreeSet<_>>();
    if each.len() == values.len() { ids } else { (0..values.len()).map(|place| place.to_string()).collect() }
}

fn id_of(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => domain::id::parse_uuid(text).map(|_| &**text),
        Value::Object(fields) => fields.iter().find(|(name, _)| name.ends_with("_id"))?.1.as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_versions_are_compared_field_by_field() {
        let (before, after) = (json!({"a": {"b": 1}, "c": "x"}), json!({"a": {"b": 2}, "c": "x", "d": [true]}));
        let lines = compared(&before, &after);
        let shown = lines
            .iter()
            .map(|line| (line.path.as_str(), line.before.as_deref(), line.after.as_deref(), line.has_changed()));
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                ("a.b", Some("1"), Some("2"), true),
                ("c", Some("x"), Some("x"), false),
                ("d.0", None, Some("true"), true),
            ]
        );
        assert!(compared(&json!({}), &json!({})).is_empty());
    }

    #[test]
    fn members_of_a_list_are_compared_each_with_itself() {
        let changed = |before: Value, after: Value| {
            let lines = compared(&before, &after);
            let changed = lines.into_iter().filter(Line::has_changed);
            changed.map(|line| (line.path, line.before, line.after)).collect::<Vec<_>>()
        };
        let (anna, boris) = (json!({"user_id": "b", "role": "owner"}), json!({"user_id": "a", "role": "member"}));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            changed(json!([anna]), json!([boris, anna])),
            [("a.role".to_owned(), None, text("member")), ("a.user_id".to_owned(), None, text("a"))]
        );
        let (one, other) = ("01a22bed-f7f1-76f9-90cf-fe508026d6bb", "01a22bed-f7f1-76f9-90cf-fe508026d6bc");
        assert_eq!(changed(json!([one, other]), json!([other])), [(one.to_owned(), text(one), None)]);
        // Twice the same id: nothing is hidden.
        let thumb = |emoji: &str| json!({"user_id": "a", "emoji": emoji});
        assert_eq!(
            changed(json!([thumb("+"), thumb("-")]), json!([thumb("+")])),
            [
                ("0.emoji".to_owned(), text("+"), None),
                ("0.user_id".to_owned(), text("a"), None),
                ("1.emoji".to_owned(), text("-"), None),
                ("1.user_id".to_owned(), text("a"), None),
                ("a.emoji".to_owned(), None, text("+")),
                ("a.user_id".to_owned(), None, text("a")),
            ]
        );
    }
}
