//! `letopis moderation`: who misbehaves, for who has the data folder.

use crate::arguments::Moderation as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{Column, Listing};
use crate::{control, report};
use anyhow::Result;
use domain::id::parse_uuid;
use domain::report::Action;
use domain::{ChatId, ReportId, Timestamp, UserId};
use node::operations::Request;
use projections::ProjectionId;
use projections::messages::{self, ReportFilter};
use serde::Serialize;

const COLUMNS: &[Column] = &[
    Column::new("report_id"),
    Column::new("chat_id").yields(3),
    Column::new("state"),
    Column::new("count").yields(2),
    Column::new("hidden").yields(2),
    Column::new("text").yields(1),
    Column::new("at").yields(2),
    Column::new("action").yields(4),
];
/// How many reports are read at once.
const PAGE: u32 = 500;

/// What was reported of one message. Scripts rely on the names of the fields.
#[derive(Serialize)]
struct Row {
    report_id: ReportId,
    chat_id: ChatId,
    state: &'static str,
    count: u64,
    at: Timestamp,
    hidden: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 2 for a time that is none, 3 for an unknown user.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    let request = match verb {
        Verb::Ls { state, limit } => return ls(context, state.as_deref(), limit).await,
        Verb::Resolve { id, action } => {
            let gone =
                || failure(Code::NotFound, format!("there is no report {id:?}; `letopis moderation ls` lists them"));
            let unknown = || failure(Code::Usage, "an action is dismiss, hide, delete or ban");
            let report_id = parse_uuid(&id).map(ReportId).ok_or_else(gone)?;
            Request::Resolve { report_id, action: Action::parse(&action).ok_or_else(unknown)? }
        }
        Verb::Suspend { user, reason, until } => {
            let until = until.as_deref().map(instant).transpose()?;
            Request::Suspend { user, reason, until }
        }
        Verb::Unsuspend { user } => Request::Unsuspend { user },
    };
    report::show(context.output, &control::carry_out(context, request).await?)
}

async fn ls(context: &Context, state: Option<&str>, limit: Option<u64>) -> Result<()> {
    let db = context.current(&[ProjectionId::Messages]).await?.database(ProjectionId::Messages);
    let filter = ReportFilter { chat_id: None, open: state.map(|state| state == "open") };
    let mut listing = Listing::new(context.output, COLUMNS);
    let (mut left, mut before) = (context.output.limit(limit), None);
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let rows = messages::reports(&db, filter, before, page).await?;
        left -= rows.len() as u64;
        let is_last = rows.len() < page as usize;
        before = rows.last().map(|row| row.position);
        rows.into_iter().try_for_each(|report| listing.row(&row(report)))?;
        if is_last {
            break;
        }
    }
    context.output.note_limit(limit, left, "reports");
    listing.end()
}

fn row(report: messages::Report) -> Row {
    Row {
        report_id: report.message_id.into(),
        chat_id: report.chat_id,
        state: if report.open > 0 { "open" } else { "resolved" },
        count: report.made,
        at: report.opened_at,
        hidden: report.message.as_ref().is_some_and(|message| message.hidden),
        user_id: report.message.as_ref().map(|message| message.author),
        text: report.message.map(|message| message.text),
        action: report.resolved.map(|resolved| resolved.action),
    }
}

fn instant(text: &str) -> Result<Timestamp> {
    let advice = || failure(Code::Usage, format!("{text} is no time; write it like 2030-01-31T12:00:00Z"));
    Timestamp::parse(text).ok_or_else(advice)
}
