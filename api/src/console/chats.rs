//! Chats, what was reported in them, and searching all of them.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::params::Params;
use crate::routes::admin::chats;
use crate::routes::page::cut_behind;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::ReportId;
use domain::report::Action;
use node::operations::chats::{ChatDetails, ChatRow};
use node::operations::moderation;
use projections::messages::{Complaint, Report, ReportFilter};
use projections::{ProjectionId, messages};

/// Chats, reports, hits of a page.
const PAGE: u32 = 50;
/// Members of a chat that are listed.
const MEMBERS_SHOWN: usize = 500;

pub(super) fn pages() -> Pages {
    Pages::default()
        .admin("/console/chats", get(list))
        .admin("/console/chats/{chat}", get(one))
        .moderator("/console/reports", get(reports))
        .moderator("/console/reports/{report}/resolve", post(resolve))
}

/// Searching them is a module of its own.
pub(super) fn search_pages() -> Pages {
    Pages::default().admin("/console/search", get(search))
}

#[derive(Template)]
#[template(path = "chats.html")]
struct List {
    frame: Frame,
    name: String,
    chats: Vec<ChatRow>,
    next: Option<u64>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct One {
    frame: Frame,
    details: ChatDetails,
    /// How many of its members are not listed.
    more: usize,
}

#[derive(Template)]
#[template(path = "reports.html")]
struct Reports {
    frame: Frame,
    is_open: bool,
    reports: Vec<(Report, Vec<Complaint>)>,
    next: Option<u64>,
    actions: Vec<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Found {
    frame: Frame,
    question: String,
    hits: Vec<Hit>,
    total: u64,
    notes: Vec<String>,
}

/// A message that was found, in parts of which some answer the question.
struct Hit {
    hit: search::Hit,
    parts: Vec<(String, bool)>,
}

async fn list(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let name = params.get("name").unwrap_or_default().trim().to_owned();
    let before = params.get("before").and_then(|text| text.parse().ok());
    let mut rows = chats::page(&app, &name, before, PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |(position, _)| *position);
    let chats = rows.into_iter().map(|(_, row)| row).collect();
    visitor.page(&List { frame: visitor.frame(Tab::Chats), name, chats, next })
}

async fn one(State(app): State<App>, visitor: Visitor, Path(chat): Path<String>) -> Result<Response, Error> {
    let mut details = chats::details(&app, &chat).await?;
    let more = details.people.len().saturating_sub(MEMBERS_SHOWN);
    details.people.truncate(MEMBERS_SHOWN);
    visitor.page(&One { frame: visitor.frame(Tab::Chats), details, more })
}

async fn reports(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let words = visitor.words();
    let is_open = params.get("state") != Some("resolved");
    let before = params.get("before").and_then(|text| text.parse().ok());
    let reading = app.read(ProjectionId::Messages, 0).await?;
    let filter = ReportFilter { chat_id: None, open: Some(is_open) };
    let mut rows = messages::reports(&reading.database, filter, before, PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |last| last.position);
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        let complaints = messages::complaints(&reading.database, row.message_id).await?;
        reports.push((row, complaints));
    }
    let actions = vec![("dismiss", words.dismiss), ("hide", words.hide), ("delete", words.delete), ("ban", words.ban)];
    visitor.page(&Reports { frame: visitor.frame(Tab::Reports), is_open, reports, next, actions })
}

async fn resolve(
    State(app): State<App>,
    visitor: Visitor,
    Path(report): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let action = Action::parse(fields.get("action"));
    let action = action.ok_or_else(|| Error::bad("action", "must be dismiss, hide, delete or ban"))?;
    let nothing = || Error::new(Code::ReportNotFound, "there is no such report");
    let report_id = domain::id::parse_uuid(&report).map(ReportId).ok_or_else(nothing)?;
    moderation::resolve(&visitor.node(&app), report_id, action).await?;
    Ok(done(Tab::Reports.path()))
}

async fn search(State(app): State<App>, visitor: Visitor, params: Params) -> Result<Response, Error> {
    let question = params.get("q").unwrap_or_default().trim().to_owned();
    let frame = visitor.frame(Tab::Search);
    if question.is_empty() {
        return visitor.page(&Found { frame, question, hits: Vec::new(), total: 0, notes: Vec::new() });
    }
    let found = chats::find(&app, &question, PAGE as usize).await?;
    let hits = found.hits.into_iter().map(|hit| Hit { parts: parts(&hit.text, &hit.highlights), hit }).collect();
    let notes = found.notes.iter().map(ToString::to_string).collect();
    visitor.page(&Found { frame, question, hits, total: found.total, notes })
}

/// A text cut at what answers the question; `highlights` are in characters, in order, without overlap.
fn parts(text: &str, highlights: &[(usize, usize)]) -> Vec<(String, bool)> {
    let letters = text.chars().collect::<Vec<_>>();
    let cut = |from: usize, to: usize| letters.get(from..to.min(letters.len())).unwrap_or_default().iter().collect();
    let (mut parts, mut at) = (Vec::new(), 0);
    for (from, to) in highlights {
        parts.push((cut(at, *from), false));
        parts.push((cut(*from, *to), true));
        at = *to;
    }
    parts.push((cut(at, letters.len()), false));
    parts.retain(|(part, _): &(String, bool)| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_answers_is_marked() {
        let shown = |text, highlights: &[_]| {
            let parts = parts(text, highlights).into_iter();
            parts.map(|(part, is_hit)| if is_hit { format!("[{part}]") } else { part }).collect::<String>()
        };
        assert_eq!(shown("помидоры спелы", &[(0, 8)]), "[помидоры] спелы");
        assert_eq!(shown("a b c", &[(0, 1), (4, 5)]), "[a] b [c]");
        assert_eq!(shown("abc", &[(1, 9)]), "a[bc]");
        assert_eq!(shown("abc", &[(7, 9)]), "abc");
    }
}
