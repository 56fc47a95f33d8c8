//! The link in a mail by which its reader gets no more of its category (RFC 8058).

use super::pages::{Page, Reader};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::error::{Code, Error};
use crate::http::admission::unread;
use crate::http::context::CommandContext;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use commands::Actor;
use domain::notify::preferences::{self, How, Unsubscribe};
use domain::notify::{Category, UnsubscribeLink};
use domain::{Command, UserId};
use store::MailedPurpose;
use utoipa_axum::routes;

/// Most bytes of what mail programs send with it, which is one field.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// What a mail program sends, as a field of a form of either kind (RFC 8058, 3.2).
const ONE_CLICK: &[u8] = b"One-Click";

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(show), Spec::anyone())
        .add(routes!(unsubscribe), Spec::anyone().without_key().body_bytes_max(BODY_BYTES_MAX))
}

/// Show the unsubscribe page
///
/// A page with a button. It changes nothing, because programs that scan mail follow its links. An unknown link gets the
/// same page.
#[utoipa::path(get, path = "/u/{token}", operation_id = "showUnsubscribe", tag = "notifications",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = String, content_type = "text/html", description = "The page.")))]
async fn show(State(app): State<App>, reader: Reader, Path(token): Path<String>) -> Response {
    let link = link(&app, &token);
    let reader = reader.of(&app, link.as_ref().map(|(user_id, _)| *user_id)).await;
    reader.page(Page::Unsubscribe { title: link.as_ref().map(|(_, category)| &category.title) })
}

/// Unsubscribe by link
///
/// From the category of the mail that the link is from, without signing in; mail programs do it with one click (RFC
/// 8058), whatever body they send. A repeat gets the same answer as the first time, and so does an unknown link.
#[utoipa::path(post, path = "/u/{token}", operation_id = "unsubscribe", tag = "notifications",
    params(("token" = String, Path, description = "The token from the mailed link.")),
    responses((status = 200, body = String, content_type = "text/html", description = "Done.")))]
async fn unsubscribe(
    State(app): State<App>,
    context: CommandContext,
    reader: Reader,
    Path(token): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Error> {
    let body = body.map_err(|rejection| unread(&rejection))?;
    let link = link(&app, &token);
    let reader = reader.of(&app, link.as_ref().map(|(user_id, _)| *user_id)).await;
    if let Some((user_id, category)) = link {
        let is_one_click = body.windows(ONE_CLICK.len()).any(|part| part == ONE_CLICK);
        let how = if is_one_click { How::OneClick } else { How::Page };
        take_off(&app, context, user_id, &category, how).await?;
    }
    Ok(reader.page(Page::Unsubscribed))
}

/// Who is taken off what, when the link is one of ours and the category is one still.
fn link(app: &App, token: &str) -> Option<(UserId, Category)> {
    let bytes = app.keys.open_mailed_token(MailedPurpose::Unsubscribe, token)?;
    let UnsubscribeLink { user_id, category } = UnsubscribeLink::from_bytes(&bytes)?;
    Some((user_id, app.settings.categories.get(&category)?.clone()))
}

async fn take_off(
    app: &App,
    context: CommandContext,
    user_id: UserId,
    category: &Category,
    how: How,
) -> Result<(), Error> {
    // A category that was locked since: it says so where preferences are set.
    let Ok(unsubscribe) = Unsubscribe::of(category, how) else { return Ok(()) };
    let context = CommandContext { if_match: None, key: None, ..context };
    let command = Command::Preferences(user_id.into(), preferences::Command::Unsubscribe(unsubscribe));
    match app.ask(Actor::Anonymous, &context, command).await {
        // Who was erased gets nothing anyway.
        Err(error) if error.code == Code::UserNotFound => Ok(()),
        other => other.map(drop),
    }
}
