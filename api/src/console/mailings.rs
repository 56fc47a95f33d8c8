//! Mailings: drafted by a form, previewed, started and stopped, their progress, and what became of each recipient.

use super::Pages;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::routes::mailbox::mail_page;
use crate::routes::mailings as routes;
use crate::routes::mailings::{Listed, Mailing, MailingDelivery, MailingPreview, MailingRun};
use crate::routes::page::cut_behind;
use askama::Template;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use domain::delivery;
use domain::mailing::Status;
use node::operations::mailings as operations;
use node::operations::mailings::MailingVerb;
use projections::{ProjectionId, mailings};

mod form;

/// Mailings, runs, recipients of a page.
const PAGE: u32 = 50;
/// Most bytes of the form: ten thousand ids, and what they are told.
const FORM_BYTES_MAX: usize = 2 * 1024 * 1024;

pub(super) fn pages() -> Pages {
    let body = DefaultBodyLimit::max(FORM_BYTES_MAX);
    Pages::default()
        .admin("/console/mailings", get(list).post(form::create).layer(body))
        .admin("/console/mailings/new", get(form::new))
        .admin("/console/mailings/{id}", get(one).post(form::change).layer(body))
        .admin("/console/mailings/{id}/edit", get(form::edit))
        .admin("/console/mailings/{id}/progress", get(progress))
        .admin("/console/mailings/{id}/preview", get(preview))
        .admin("/console/mailings/{id}/preview/{number}", get(preview_html))
        .admin("/console/mailings/{id}/deliveries", get(deliveries))
        .admin("/console/mailings/{id}/do/{verb}", post(carry_out))
}

#[derive(Template)]
#[template(path = "mailings.html")]
struct List {
    frame: Frame,
    state: String,
    states: Vec<&'static str>,
    mailings: Vec<Mailing>,
    next: Option<u64>,
}

#[derive(Template)]
#[template(path = "mailing.html")]
struct One {
    frame: Frame,
    mailing: Mailing,
    verbs: Vec<(&'static str, &'static str, bool)>,
    runs: Vec<MailingRun>,
}

impl One {
    /// Who gets it, when and how, as far as somebody has said so.
    fn plan(&self) -> Vec<(&'static str, String)> {
        let (words, mailing, to) = (self.frame.words, &self.mailing, &self.mailing.audience);
        let ids = to.user_ids.as_ref().map(|ids| ids.len().to_string());
        let template = mailing.template.as_ref().and_then(|template| template.key.clone().or(template.id.clone()));
        let repeated = mailing.schedule.as_ref().map(|by| format!("{} ({})", by.cron, by.time_zone));
        let lines = [
            (words.audience, to.all.filter(|all| *all).map(|_| words.everybody.to_owned())),
            (words.role, to.role.clone()),
            (words.chat_members, to.chat_id.clone()),
            (words.named_people, ids),
            (words.signed_up_after, to.signed_up_after.clone()),
            (words.active_since, to.active_since.clone()),
            (words.locale, to.locale.clone()),
            (words.channel, mailing.channels.as_ref().map(|channels| channels.join(", "))),
            (words.send_at, mailing.send_at.clone()),
            (words.repeated, repeated),
            (words.template, template),
            (words.per_second_max, mailing.per_second_max.map(|rate| rate.to_string())),
        ];
        lines.into_iter().filter_map(|(title, text)| Some((title, text?))).collect()
    }
}

#[derive(Template)]
#[template(path = "mailing_now.html")]
struct Now {
    frame: Frame,
    mailing: Mailing,
    runs: Vec<MailingRun>,
}

#[derive(Template)]
#[template(path = "mailing_preview.html")]
struct Previewed {
    frame: Frame,
    id: String,
    preview: MailingPreview,
}

impl Previewed {
    /// Why some do not get it, in the reader's language.
    fn because<'a>(&self, reason: &'a str) -> &'a str {
        let words = self.frame.words;
        match reason {
            "suppressed-address" => words.suppressed_address,
            "switched-off" => words.switched_off,
            "no-address" => words.no_address,
            "erased" => words.account_erased,
            "suspended" => words.account_suspended,
            _ => reason,
        }
    }
}

#[derive(Template)]
#[template(path = "mailing_deliveries.html")]
struct Rows {
    frame: Frame,
    id: String,
    state: String,
    states: Vec<&'static str>,
    deliveries: Vec<MailingDelivery>,
    next: Option<u64>,
}

async fn list(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    params: Params,
) -> Result<Response, Error> {
    let state = params.get("state").unwrap_or_default().to_owned();
    let before = params.get("before").and_then(|text| text.parse().ok());
    let reading = app.read(ProjectionId::Mailings, 0).await?;
    let mut rows = mailings::list(&reading.database, Status::parse(&state), before, PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |row| row.position);
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(routes::mailing_shown(&app, &reading.database, row, &[], context.at).await?);
    }
    let states = Status::ALL.iter().map(|status| status.name()).collect();
    visitor.page(&List { frame: visitor.frame(Tab::Mailings), state, states, mailings: shown, next })
}

/// What may be done with a mailing of that state: the verb, its word, whether it is asked for once more.
fn verbs(frame: &Frame, status: Status) -> Vec<(&'static str, &'static str, bool)> {
    let words = frame.words;
    let (start, pause, resume) =
        (("start", words.start, true), ("pause", words.pause, false), ("resume", words.resume, false));
    let (cancel, delete) = (("cancel", words.cancel, true), ("delete", words.delete, true));
    match status {
        Status::Draft => vec![start, delete],
        Status::Scheduled | Status::Running => vec![pause, cancel],
        Status::Paused => vec![resume, cancel],
        Status::Finished | Status::Cancelled => vec![],
    }
}

/// How a state looks.
fn look(state: &str) -> &'static str {
    match state {
        "running" | "finished" | "accepted" | "delivered" => "good",
        "paused" | "scheduled" => "warn",
        "failed" | "unknown" | "bounced" | "complained" | "dead-lettered" | "expired" => "fault",
        _ => "",
    }
}

/// How many of a run's deliveries nothing more happens to.
fn ended(run: &MailingRun) -> u64 {
    let is_final = |name: &str| delivery::Status::parse(name).is_some_and(delivery::Status::is_final);
    run.counts.iter().filter(|(name, _)| is_final(name)).map(|(_, count)| count).sum()
}

/// How many deliveries it has.
fn all(run: &MailingRun) -> u64 {
    run.counts.values().sum()
}

async fn one(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mailing = routes::shown(&app, &id, context.at).await?;
    let runs = routes::runs_of(&app, &id, PAGE).await?;
    let frame = visitor.frame(Tab::Mailings);
    let verbs = verbs(&frame, Status::parse(mailing.state).unwrap_or(Status::Finished));
    visitor.page(&One { frame, mailing, verbs, runs })
}

async fn progress(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let mailing = routes::shown(&app, &id, context.at).await?;
    let runs = routes::runs_of(&app, &id, PAGE).await?;
    visitor.page(&Now { frame: visitor.frame(Tab::Mailings), mailing, runs })
}

async fn preview(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let preview = routes::previewed(&app, &id, context.at, false).await?;
    visitor.page(&Previewed { frame: visitor.frame(Tab::Mailings), id, preview })
}

/// The HTML of one of its samples, for a frame.
async fn preview_html(
    State(app): State<App>,
    _visitor: Visitor,
    context: CommandContext,
    Path((id, number)): Path<(String, usize)>,
) -> Result<Response, Error> {
    let mut preview = routes::previewed(&app, &id, context.at, true).await?;
    let html = (number < preview.samples.len()).then(|| preview.samples.swap_remove(number).html).flatten();
    let html = html.ok_or_else(|| Error::new(Code::NotFound, "this mailing has no such sample"))?;
    Ok(mail_page(html))
}

async fn deliveries(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let state = params.get("state").unwrap_or_default().to_owned();
    let after = params.get("after").and_then(|text| text.parse().ok()).unwrap_or_default();
    let listed = Listed::find(&app, &id, delivery::Status::parse(&state), None, 0).await?;
    let mut rows = listed.rows(after, PAGE + 1).await?;
    let next = cut_behind(&mut rows, PAGE as usize, |row| row.position);
    let deliveries = listed.named(rows).await?;
    let states = delivery::Status::ALL.iter().map(|status| status.name()).collect();
    visitor.page(&Rows { frame: visitor.frame(Tab::Mailings), id, state, states, deliveries, next })
}

async fn carry_out(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path((id, verb)): Path<(String, String)>,
) -> Result<Response, Error> {
    let verb = match verb.as_str() {
        "start" => MailingVerb::Start,
        "pause" => MailingVerb::Pause,
        "resume" => MailingVerb::Resume,
        "cancel" => MailingVerb::Cancel,
        "delete" => {
            routes::delete_draft(&app, visitor.user_id, &context, &id).await?;
            return Ok(done("/console/mailings"));
        }
        _ => return Err(Error::new(Code::NotFound, "there is no such action")),
    };
    operations::change(&visitor.node(&app), routes::parse(&id)?, verb).await?;
    Ok(done(&format!("/console/mailings/{id}")))
}
