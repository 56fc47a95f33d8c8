//! The dev mailbox: the mails that go nowhere else, where no way to send mail is set (CONTRACT 1.5).

use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::operator::MailboxVisitor;
use crate::error::{Code, Error};
use crate::http::cursor;
use crate::http::params::Params;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, id};
use node::operations::mailbox::{DeliveryHistory, HistoryEvent, MailDetails, MailRow, history};
use serde::Serialize;
use serde_json::Value;
use state::Mail;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Why somebody does not see it.
const REFUSALS: &[Code] = &[
    Code::BadParameters,
    Code::AuthFailed,
    Code::InvalidSession,
    Code::SessionExpired,
    Code::ScopeMissing,
    Code::NotAllowed,
    Code::CrossSite,
    Code::NotFound,
    Code::MailNotFound,
    Code::ProjectionBehind,
];
/// A mail's page may bring its own styles and pictures, and runs and loads nothing. Its links open elsewhere.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
     style-src 'unsafe-inline'; img-src 'self' data:; form-action 'none'; frame-ancestors 'self'";

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::anyone().paged().fails(REFUSALS))
        .add(routes!(clear), Spec::anyone().without_key().fails(REFUSALS))
        .add(routes!(one), Spec::anyone().fails(REFUSALS))
        .add(routes!(raw), Spec::anyone().fails(REFUSALS))
        .add(routes!(html), Spec::anyone().fails(REFUSALS))
        .add(routes!(delivery_history), Spec::anyone().fails(REFUSALS))
}

#[derive(Serialize, ToSchema)]
struct Mails {
    messages: Vec<MailInList>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct MailInList {
    id: Uuid,
    /// The address that it was sent to.
    #[schema(example = "anna@example.org")]
    to: String,
    #[schema(example = "Letopis <letopis@chat.example.org>")]
    from: String,
    #[schema(example = "Confirm your address")]
    subject: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    delivery_id: Uuid,
    /// The attempt of the delivery that made it, counted from 1.
    attempt: u32,
    /// Of the event that let it be sent.
    position: u64,
}

/// A mail with what is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
struct WholeMail {
    #[serde(flatten)]
    mail: MailInList,
    /// By name; the values of a header that comes more than once are lines.
    headers: BTreeMap<String, String>,
    /// Empty where the mail has no text.
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    /// Addresses of pages that the mail links to, each once.
    links: Vec<String>,
}

/// The history of a mail's delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = MailHistory)]
struct History {
    /// The event that caused the delivery; absent when it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<EventOfMail>,
    /// The events of the delivery, the oldest first.
    events: Vec<EventOfMail>,
}

/// An event without its personal part.
#[derive(Serialize, ToSchema)]
#[schema(as = MailEvent)]
struct EventOfMail {
    position: u64,
    id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "user.signed_up.v1")]
    name: String,
    stream: String,
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    #[schema(value_type = Object)]
    payload: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = MailboxCleared)]
struct Cleared {
    /// How many mails there were.
    deleted: u64,
}

impl From<MailRow> for MailInList {
    fn from(mail: MailRow) -> MailInList {
        let MailRow { id, to, from, subject, at, delivery_id, attempt, position } = mail;
        MailInList { id, to, from, subject, at, delivery_id, attempt, position }
    }
}

impl From<HistoryEvent> for EventOfMail {
    fn from(event: HistoryEvent) -> EventOfMail {
        let HistoryEvent { position, id, name, stream, recorded_at, payload } = event;
        EventOfMail { position, id, name, stream, recorded_at, payload }
    }
}

/// List mails
///
/// The newest first. The mailbox exists while no mail server is set, for callers on the server's machine and for
/// admins. It keeps the last 10,000 mails.
#[utoipa::path(get, path = "/mailbox/messages", operation_id = "listMails", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])), params(
    ("to" = Option<String>, Query, description = "The address that they were sent to; case does not matter."),
), responses((status = 200, body = Mails, description = "A page of mails.")))]
async fn list(State(app): State<App>, _visitor: MailboxVisitor, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let to = params.get("to").filter(|to| !to.is_empty());
    let key = to.unwrap_or_default().to_lowercase();
    let list = ["mailbox", &key];
    let below = params.get("from").map(|from| cursor::read_position(&app.keys, &list, from)).transpose()?;
    let _place = app.budget.page().await?;
    let mut rows = app.state.mailbox().reader().list(to, below, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &list, last.number));
    let messages = rows.into_iter().map(|mail| MailRow::from(mail).into()).collect();
    Ok(Json(Mails { messages, next }).into_response())
}

/// Empty the mailbox
#[utoipa::path(delete, path = "/mailbox/messages", operation_id = "clearMailbox", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Cleared, description = "Every mail is gone.")))]
async fn clear(State(app): State<App>, _visitor: MailboxVisitor) -> Result<Response, Error> {
    let mailbox = app.state.mailbox().clone();
    let deleted = app.ask_log(app.settings.storage_wait, move || mailbox.clear()).await??;
    Ok(Json(Cleared { deleted }).into_response())
}

/// Read a mail
#[utoipa::path(get, path = "/mailbox/messages/{id}", operation_id = "readMail", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "A mail from the list.")),
    responses((status = 200, body = WholeMail, description = "The mail with what is in it.")))]
async fn one(State(app): State<App>, _visitor: MailboxVisitor, Path(id): Path<String>) -> Result<Response, Error> {
    let MailDetails { mail, headers, text, html, links } = mail(&app, &id).await?.into();
    Ok(Json(WholeMail { mail: mail.into(), headers, text, html, links }).into_response())
}

/// Read a mail's source
///
/// As a mail server would get it.
#[utoipa::path(get, path = "/mailbox/messages/{id}/raw", operation_id = "readMailSource", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "A mail from the list.")),
    responses((status = 200, body = String, content_type = "message/rfc822", description = "The mail's bytes.")))]
async fn raw(State(app): State<App>, _visitor: MailboxVisitor, Path(id): Path<String>) -> Result<Response, Error> {
    let mail = mail(&app, &id).await?;
    Ok(([(CONTENT_TYPE, "message/rfc822")], mail.raw).into_response())
}

/// Show a mail's page
///
/// Its HTML, for a frame: it runs no scripts and loads nothing from other hosts.
#[utoipa::path(get, path = "/mailbox/messages/{id}/html", operation_id = "showMail", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "A mail from the list.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn html(State(app): State<App>, _visitor: MailboxVisitor, Path(id): Path<String>) -> Result<Response, Error> {
    let nothing = || Error::new(Code::MailNotFound, "this mail has no HTML");
    let html = MailDetails::from(mail(&app, &id).await?).html.ok_or_else(nothing)?;
    Ok(mail_page(opening_elsewhere(&html)))
}

/// The HTML of a mail, for a frame.
pub(crate) fn mail_page(html: String) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, MAIL_POLICY)];
    (headers, html).into_response()
}

/// Read a mail's history
///
/// The history of its delivery, and the event that caused it.
#[utoipa::path(get, path = "/mailbox/messages/{id}/history", operation_id = "readMailHistory", tag = "mailbox",
    security((), ("bearer" = []), ("cookie" = [])),
    params(("id" = Uuid, Path, description = "A mail from the list.")),
    responses((status = 200, body = History, description = "The events.")))]
async fn delivery_history(
    State(app): State<App>,
    _visitor: MailboxVisitor,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let (log, delivery_id) = (app.log.clone(), mail(&app, &id).await?.summary.delivery_id);
    let asked = app.ask_log(app.settings.storage_wait, move || history(&log, delivery_id)).await?;
    let DeliveryHistory { cause, events } = asked?;
    let events = events.into_iter().map(EventOfMail::from).collect();
    Ok(Json(History { cause: cause.map(EventOfMail::from), events }).into_response())
}

async fn mail(app: &App, id: &str) -> Result<Mail, Error> {
    let nothing = || Error::new(Code::MailNotFound, "there is no such mail, or no longer");
    let id = id::parse_uuid(id).ok_or_else(nothing)?;
    app.state.mailbox().reader().by_id(id).await?.ok_or_else(nothing)
}

/// The page of a mail with links that open in a tab of their own, and not in the frame.
fn opening_elsewhere(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let head = html.to_ascii_lowercase().find("<head").and_then(|at| Some(at + html[at..].find('>')? + 1));
    // Without a head a browser begins one here; but a mail that says what kind of document it is stays that kind.
    let at = head.or_else(|| html.trim_start().starts_with("<!").then(|| html.find('>').map(|at| at + 1)).flatten());
    let (before, behind) = html.split_at(at.unwrap_or(0));
    format!("{before}{BASE}{behind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_mail_open_elsewhere_and_its_kind_of_document_stays() {
        let cases = [
            ("<!doctype html><html><head lang=\"en\"><title>x", "<!doctype html><html><head lang=\"en\">|<title>x"),
            ("<!DOCTYPE html><p>x", "<!DOCTYPE html>|<p>x"),
            ("<HTML><HEAD></HEAD>", "<HTML><HEAD>|</HEAD>"),
            ("<p>x", "|<p>x"),
            ("", "|"),
            ("<head", "|<head"),
        ];
        for (html, shown) in cases {
            assert_eq!(opening_elsewhere(html), shown.replace('|', "<base target=\"_blank\">"), "{html}");
        }
    }
}
