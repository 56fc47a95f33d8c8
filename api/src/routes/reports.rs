//! What is reported of messages, and how it is resolved.

use super::ids::{chat_id, message_id};
use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::{Caller, Moderator};
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use crate::reading::Reading;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::id::parse_uuid;
use domain::report::{self, Action};
use domain::text::{Note, ReportText};
use domain::{ChatId, Command, MessageId, Outcome, ReportId, Timestamp, UserId, chat};
use projections::messages::{self, ReportFilter};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(
            routes!(make),
            Spec::caller().fails(&[
                Code::NotAMember,
                Code::NotAllowed,
                Code::ChatNotFound,
                Code::MessageNotFound,
                Code::WrongState,
            ]),
        )
        .add(
            routes!(list_of_chat),
            Spec::caller().paged().fails(&[Code::NotAMember, Code::NotAllowed, Code::ChatNotFound]),
        )
        .add(routes!(list), Spec::moderator().paged())
        .add(
            routes!(resolve),
            Spec::caller().fails(&[Code::ReportNotFound, Code::NotAllowed, Code::WrongState, Code::TooManyBans]),
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReport, example = json!({"reason": "spam"}))]
pub(super) struct MakeReport {
    /// A word such as `spam`, or a sentence: 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
    /// More about it: 1 to 2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct ReportMade {
    #[schema(value_type = Uuid)]
    report_id: ReportId,
    position: u64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReportResolution, example = json!({"action": "hide"}))]
pub(super) struct ResolveReport {
    /// How to resolve it.
    #[schema(schema_with = action)]
    action: String,
}

/// Whether it is resolved.
fn report_state() -> Ref {
    Ref::from_schema_name("ReportState")
}

/// How a report is resolved.
fn action() -> Ref {
    Ref::from_schema_name("ReportAction")
}

#[derive(Serialize, ToSchema)]
struct Reports {
    reports: Vec<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// What was reported of one message.
#[derive(Serialize, ToSchema)]
struct Report {
    #[schema(value_type = Uuid)]
    report_id: ReportId,
    #[schema(value_type = Uuid)]
    chat_id: ChatId,
    #[schema(value_type = Uuid)]
    message_id: MessageId,
    /// Whether it was reported again since the last resolution.
    #[schema(schema_with = report_state)]
    state: ReportState,
    /// How many have reported it, ever.
    count: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The message's author; absent when the message is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, required = false)]
    user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    /// What the message says, also where it is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Whether others do not see what it says.
    hidden: bool,
    /// Those who reported it, the first 20.
    complaints: Vec<Complaint>,
    /// How it was resolved last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    resolved: Option<Resolution>,
}

#[derive(Serialize, ToSchema)]
struct Complaint {
    #[schema(value_type = Uuid)]
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "spam")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReportResolved)]
struct Resolution {
    #[schema(schema_with = action)]
    action: String,
    /// Who did it; an id that belongs to no account when an operator did it on the command line.
    #[schema(value_type = Uuid)]
    by: UserId,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum ReportState {
    Open,
    Resolved,
}

/// Which reports are asked for.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Asked {
    #[default]
    All,
    Open,
    Resolved,
}

/// Report a message
///
/// For members. The chat's owner and admins and all moderators see the report. A message that ten people have reported
/// is hidden until the report is resolved.
#[utoipa::path(post, path = "/v1/chats/{chat_id}/messages/{message_id}/reports", operation_id = "reportMessage",
    tag = "moderation", request_body = MakeReport, responses(
        (status = 201, body = ReportMade, description = "The message is reported."),
        (status = 200, body = ReportMade, description = "You had reported it before."),
    ))]
async fn make(
    State(app): State<App>,
    caller: Caller,
    Path((chat, message)): Path<(String, String)>,
    context: CommandContext,
    Body(body): Body<MakeReport>,
) -> Result<Response, Error> {
    let (chat_id, message_id) = (chat_id(&chat)?, message_id(&message)?);
    let reason = Note::parse(&body.reason).map_err(|unfit| Error::bad("reason", unfit))?;
    let text = body.text.as_deref().map(ReportText::parse).transpose().map_err(|unfit| Error::bad("text", unfit))?;
    let words = report::Words { reason, text };
    let command = report::Command::Report(report::Report { chat_id, by: caller.user_id, words });
    let answer = app.send(&caller, &context, Command::Report(message_id.into(), command)).await?;
    let Outcome::Reported { report_id, first } = answer.outcome else { return Err(Error::other_answer()) };
    let status = if first { StatusCode::CREATED } else { StatusCode::OK };
    Ok(written(status, &answer, ReportMade { report_id, position: answer.position }))
}

/// List a chat's reports
///
/// The newest first; for its owner and admins, and for moderators.
#[utoipa::path(get, path = "/v1/chats/{chat_id}/reports", operation_id = "listChatReports", tag = "moderation",
    params(("state" = inline(Option<ReportState>), Query, description = "Only those that are open, or resolved.")),
    responses((status = 200, body = Reports, description = "A page of reports.")))]
async fn list_of_chat(
    State(app): State<App>,
    caller: Caller,
    Path(chat): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let chat_id = chat_id(&chat)?;
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    app.refuse_who_resolves_nothing(chat_id, caller.user_id).await?;
    page(&app, &reading, Some(chat_id), &params).await
}

/// List reports
///
/// Of all chats, the newest first; for moderators and admins.
#[utoipa::path(get, path = "/v1/reports", operation_id = "listReports", tag = "moderation",
    params(("state" = inline(Option<ReportState>), Query, description = "Only those that are open, or resolved.")),
    responses((status = 200, body = Reports, description = "A page of reports.")))]
async fn list(State(app): State<App>, _moderator: Moderator, params: Params) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Messages, params.min_position).await?;
    page(&app, &reading, None, &params).await
}

async fn page(app: &App, reading: &Reading, chat_id: Option<ChatId>, params: &Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let (state, open) = match params.word::<Asked>("state")? {
        Asked::All => ("all", None),
        Asked::Open => ("open", Some(true)),
        Asked::Resolved => ("resolved", Some(false)),
    };
    let chat = chat_id.map(|id| id.to_string()).unwrap_or_default();
    let list = ["reports", state, &chat];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let _place = app.budget.page().await?;
    let filter = ReportFilter { chat_id, open };
    let mut rows = messages::reports(&reading.database, filter, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.position));
    let mut reports = Vec::with_capacity(rows.len());
    for row in rows {
        let complaints = messages::complaints(&reading.database, row.message_id).await?;
        reports.push(shown(row, complaints));
    }
    Ok(read(reading.position, Reports { reports, next }))
}

fn shown(row: messages::Report, complaints: Vec<messages::Complaint>) -> Report {
    let message = row.message;
    Report {
        report_id: row.message_id.into(),
        chat_id: row.chat_id,
        message_id: row.message_id,
        state: if row.open > 0 { ReportState::Open } else { ReportState::Resolved },
        count: row.made,
        at: row.opened_at,
        user_id: message.as_ref().map(|message| message.author),
        hidden: message.as_ref().is_some_and(|message| message.hidden),
        user_name: message.as_ref().and_then(|message| message.user_name.clone()),
        text: message.map(|message| message.text),
        complaints: complaints
            .into_iter()
            .map(|one| Complaint { user_id: one.user_id, reason: one.reason, text: one.text, at: one.at })
            .collect(),
        resolved: row.resolved.map(|one| Resolution { action: one.action, by: one.by, at: one.at }),
    }
}

/// Resolve a report
///
/// `dismiss` shows the message again, `hide` keeps it hidden, `delete` deletes it, `ban` hides it and bans its author
/// from the chat. For the owner and admins of the chat, and for moderators.
#[utoipa::path(post, path = "/v1/reports/{report_id}/resolve", operation_id = "resolveReport", tag = "moderation",
    params(("report_id" = String, Path, description = "The report.")), request_body = ResolveReport,
    responses((status = 200, body = Done, description = "The report is resolved.")))]
async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Path(report): Path<String>,
    context: CommandContext,
    Body(body): Body<ResolveReport>,
) -> Result<Response, Error> {
    let action = Action::parse(&body.action);
    let action = action.ok_or_else(|| Error::bad("action", "must be dismiss, hide, delete or ban"))?;
    let not_found = || Error::new(Code::ReportNotFound, report::Refusal::NotFound);
    let report_id = parse_uuid(&report).map(ReportId).ok_or_else(not_found)?;
    let reading = app.read(ProjectionId::Messages, 0).await?;
    let found = messages::report_of(&reading.database, report_id).await?.ok_or_else(not_found)?;
    let resolve = report::Resolve { chat_id: found.chat_id, by: caller.user_id, action };
    let command = Command::Report(report_id, report::Command::Resolve(resolve));
    let answer = app.send(&caller, &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

impl App {
    /// Whether somebody may resolve what was reported in a chat, and sees what is hidden there.
    pub(super) async fn resolves(&self, chat_id: ChatId, user_id: UserId) -> Result<bool, Error> {
        let reading = self.read(ProjectionId::Chats, 0).await?;
        let member = chats::member(&reading.database, chat_id, user_id).await?;
        Ok(member.is_some_and(|member| member.role.leads()) || self.moderates(user_id).await?)
    }

    async fn refuse_who_resolves_nothing(&self, chat_id: ChatId, user_id: UserId) -> Result<(), Error> {
        let reading = self.read(ProjectionId::Chats, 0).await?;
        if chats::by_id(&reading.database, chat_id).await?.is_none() {
            return Err(Error::new(Code::ChatNotFound, chat::Refusal::NotFound));
        }
        if self.resolves(chat_id, user_id).await? {
            return Ok(());
        }
        match chats::member(&reading.database, chat_id, user_id).await? {
            Some(_) => Err(Error::new(Code::NotAllowed, report::Refusal::NotAllowed)),
            None => Err(Error::new(Code::NotAMember, chat::Refusal::NotAMember)),
        }
    }
}
