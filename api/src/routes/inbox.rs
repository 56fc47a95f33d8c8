//! My inbox: what the house tells me where I am.

use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Caller;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Answer;
use domain::delivery::{self, InInboxOf};
use domain::{Command, DeliveryId, InboxId, Timestamp, id};
use projections::{ProjectionId, inbox};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::caller().paged())
        .add(routes!(read_item), Spec::caller().fails(&[Code::DeliveryNotFound]))
        .add(routes!(archive), Spec::caller().fails(&[Code::DeliveryNotFound]))
        .add(routes!(read_all), Spec::caller())
}

#[derive(Serialize, ToSchema)]
struct Inbox {
    items: Vec<InboxItem>,
    /// How many are neither read nor archived, of all.
    unread: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

/// An item of my inbox.
#[derive(Serialize, ToSchema)]
pub(crate) struct InboxItem {
    #[schema(value_type = Uuid)]
    id: DeliveryId,
    #[schema(example = "security")]
    category: String,
    #[schema(example = "Your password was changed")]
    title: String,
    #[schema(example = "If it was not you, set a new one now.")]
    text: String,
    /// Where what it is about can be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://letopis.example/chats/garden")]
    link: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    read_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<Timestamp>,
}

/// List my inbox
///
/// The newest first.
#[utoipa::path(get, path = "/v1/inbox", operation_id = "listInbox", tag = "notifications",
    params(("unread" = Option<bool>, Query, description = "Only those that are unread, or only the others."),
        ("archived" = Option<bool>, Query, description = "Only those that are archived, or only the others.")),
    responses((status = 200, body = Inbox, description = "A page of the inbox.")))]
async fn list(State(app): State<App>, caller: Caller, params: Params) -> Result<Response, Error> {
    let limit = params.limit()?;
    let filter = inbox::Filter { unread: flag(&params, "unread")?, archived: flag(&params, "archived")? };
    let names = ["inbox".to_owned(), format!("{:?} {:?}", filter.unread, filter.archived), caller.user_id.to_string()];
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &names, from)).transpose()?;
    let reading = app.read(ProjectionId::Inbox, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = inbox::of_user(&reading.database, caller.user_id, filter, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &names, last.position));
    let unread = inbox::unread(&reading.database, caller.user_id).await?;
    Ok(read(reading.position, Inbox { items: rows.into_iter().map(InboxItem::of).collect(), unread, next }))
}

fn flag(params: &Params, name: &str) -> Result<Option<bool>, Error> {
    match params.get(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Error::bad_parameter(name, "must be true or false")),
    }
}

impl InboxItem {
    /// As it is shown.
    pub(crate) fn of(row: inbox::Item) -> InboxItem {
        let inbox::Item { id, category, title, text, link, at, read_at, archived_at, position: _ } = row;
        InboxItem { id, category, title, text, link, at, read_at, archived_at }
    }
}

/// Mark an item as read
#[utoipa::path(post, path = "/v1/inbox/{id}/read", operation_id = "readInboxItem", tag = "notifications",
    params(("id" = Uuid, Path, description = "An item from the list.")),
    responses((status = 200, body = Done, description = "The item is read.")))]
async fn read_item(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    Path(item): Path<String>,
) -> Result<Response, Error> {
    let of = InInboxOf { user_id: caller.user_id };
    done(&app.send(&caller, &context, of_item(&item, delivery::Command::Read(of))?).await?)
}

/// Archive an item
///
/// It no longer counts as unread.
#[utoipa::path(post, path = "/v1/inbox/{id}/archive", operation_id = "archiveInboxItem", tag = "notifications",
    params(("id" = Uuid, Path, description = "An item from the list.")),
    responses((status = 200, body = Done, description = "It is archived.")))]
async fn archive(
    State(app): State<App>,
    caller: Caller,
    context: CommandContext,
    Path(item): Path<String>,
) -> Result<Response, Error> {
    let of = InInboxOf { user_id: caller.user_id };
    done(&app.send(&caller, &context, of_item(&item, delivery::Command::Archive(of))?).await?)
}

/// Mark everything as read
#[utoipa::path(post, path = "/v1/inbox/read-all", operation_id = "readInbox", tag = "notifications",
    responses((status = 200, body = Done, description = "Everything that was in the inbox is read.")))]
async fn read_all(State(app): State<App>, caller: Caller, context: CommandContext) -> Result<Response, Error> {
    let command = Command::Inbox(InboxId(caller.user_id.0), domain::inbox::Command::ReadAll);
    done(&app.send(&caller, &context, command).await?)
}

fn of_item(item: &str, command: delivery::Command) -> Result<Command, Error> {
    let item = id::parse_uuid(item).map(DeliveryId);
    let item = item.ok_or_else(|| Error::new(Code::DeliveryNotFound, delivery::Refusal::NotFound))?;
    Ok(Command::Delivery(item, command))
}

fn done(answer: &Answer) -> Result<Response, Error> {
    Ok(written(StatusCode::OK, answer, Done { position: answer.position }))
}
