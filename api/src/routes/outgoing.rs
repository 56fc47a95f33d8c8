//! What notifications and mailings have in common in a request: what they say, over which channels, when; and what of it is
//! refused.

use super::templates;
use crate::app::App;
use crate::error::{Code, Error};
use couriers::schedule::{self, Cron, CronFault};
use domain::delivery::{Details, Plain};
use domain::id::{self, TemplateKey};
use domain::notification::{NAMED_MAX, Schedule};
use domain::notify::{Category, Channel};
use domain::user::Role;
use domain::{ChatId, Timestamp, UserId};
use projections::{ProjectionId, chats};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What each recipient is told must fit into an event beside all else.
const DETAILS_BYTES_MAX: usize = 40 * 1024;
/// How many runs of a schedule are shown.
const NEXT_RUNS: usize = 10;
/// How far in the past `send_at` may be: clocks differ.
const PAST_SECONDS_MAX: i64 = 60;
/// How far in the future it may be: two years.
const FUTURE_SECONDS_MAX: i64 = 2 * 366 * 24 * 3_600;

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateName {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub(crate) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
}

#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainContent {
    /// One line.
    #[schema(min_length = 1, max_length = 255)]
    pub(crate) subject: String,
    #[schema(min_length = 1)]
    pub(crate) text: String,
    /// What is not safe in it is taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<String>,
}

#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatedBy {
    /// Five or six fields.
    #[schema(example = "30 9 * * mon")]
    pub(crate) cron: String,
    /// An IANA name.
    #[schema(example = "Europe/Berlin")]
    pub(crate) time_zone: String,
}

impl From<RepeatedBy> for Schedule {
    fn from(RepeatedBy { cron, time_zone }: RepeatedBy) -> Schedule {
        Schedule { cron, time_zone }
    }
}

impl From<Schedule> for RepeatedBy {
    fn from(Schedule { cron, time_zone }: Schedule) -> RepeatedBy {
        RepeatedBy { cron, time_zone }
    }
}

/// The next runs of a schedule.
pub(super) fn next_runs(of: &Schedule, after: Timestamp) -> Vec<Timestamp> {
    let cron = Cron::parse(&of.cron, &of.time_zone, after);
    cron.map_or_else(|_| Vec::new(), |cron| schedule::next_runs(&cron, after, NEXT_RUNS))
}

/// The channels of a request, in the document.
pub(super) fn channels() -> utoipa::openapi::Array {
    let channel = utoipa::openapi::Ref::from_schema_name("NotificationChannel");
    utoipa::openapi::ArrayBuilder::new().items(channel).min_items(Some(1)).unique_items(true).build()
}

/// The category of that key.
pub(super) fn category<'a>(app: &'a App, key: &str) -> Result<&'a Category, Error> {
    let unknown = "is no category; GET /v1/notification-categories lists them";
    app.settings.categories.find(key).ok_or_else(|| Error::bad("category", unknown))
}

/// Channels of a category that somebody names, each once.
pub(super) fn over(category: &Category, wanted: &[String]) -> Result<Vec<Channel>, Error> {
    let mut channels = BTreeSet::new();
    for (number, name) in wanted.iter().enumerate() {
        let channel = Channel::parse(name).filter(|channel| category.has(*channel));
        let fault = || Error::bad(&format!("channels/{number}"), "must be a channel of the category");
        channels.insert(channel.ok_or_else(fault)?);
    }
    if channels.iter().all(|channel| *channel == Channel::Live) {
        return Err(Error::bad(
            "channels",
            "must name one besides live, or be left out: live shows what is in the inbox",
        ));
    }
    Ok(channels.into_iter().collect())
}

/// After how many seconds it is of no use: as somebody says, or as the category does.
pub(super) fn expires_in(category: &Category, wanted: Option<u32>) -> Result<u32, Error> {
    let expires_in = wanted.unwrap_or(category.expires_in);
    if !(Category::EXPIRES_IN_MIN..=Category::EXPIRES_IN_MAX).contains(&expires_in) {
        let (least, most) = (Category::EXPIRES_IN_MIN, Category::EXPIRES_IN_MAX);
        return Err(Error::bad("expires_in", format!("must be a number of seconds from {least} to {most}")));
    }
    Ok(expires_in)
}

/// What each recipient is told, where it fits into an event.
pub(super) fn fitting(details: Details) -> Result<Details, Error> {
    let bytes = serde_json::to_string(&details).map_or(usize::MAX, |text| text.len());
    if bytes > DETAILS_BYTES_MAX {
        let field = if details.plain.is_some() { "content" } else { "variables" };
        return Err(Error::bad(field, format!("must be at most {DETAILS_BYTES_MAX} bytes as JSON; this is {bytes}")));
    }
    Ok(details)
}

/// The template of that name, and the version of it that is asked for, else the newest.
pub(super) async fn template(
    app: &App,
    name: &TemplateName,
) -> Result<(projections::templates::Template, projections::templates::Version), Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let database = &reading.database;
    let template = match (&name.key, &name.id) {
        (Some(key), None) => {
            let key = TemplateKey::parse(key).ok_or_else(templates::not_found)?;
            let found = projections::templates::by_key(database, key).await?;
            found.filter(|template| template.live).ok_or_else(templates::not_found)?
        }
        (None, Some(id)) => templates::live(database, id).await?,
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::bad("template", "must have a key or an id: exactly one of them"));
        }
    };
    let version = templates::version(database, &template, name.version).await?;
    Ok((template, version))
}

/// Plain words.
pub(super) fn plain(content: PlainContent) -> Result<Plain, Error> {
    let PlainContent { subject, text, html } = content;
    if subject.trim().is_empty() || subject.chars().count() > 255 || subject.chars().any(char::is_control) {
        return Err(Error::bad("content/subject", "must be one line of 1 to 255 characters"));
    }
    if text.trim().is_empty() {
        return Err(Error::bad("content/text", "must not be empty"));
    }
    Ok(Plain { subject, text, html })
}

/// The role of that name.
pub(super) fn role(field: &str, text: &str) -> Result<Role, Error> {
    Role::parse(text).ok_or_else(|| Error::bad(field, "must be user, notifier, moderator or admin"))
}

/// The chat of that id, where there is one.
pub(super) async fn chat(app: &App, text: &str) -> Result<ChatId, Error> {
    let not_found = || Error::new(Code::ChatNotFound, "there is no such chat");
    let chat_id = id::parse_uuid(text).map(ChatId).ok_or_else(not_found)?;
    if !app.projections.has(ProjectionId::Chats) {
        return Err(not_found());
    }
    let reading = app.read(ProjectionId::Chats, 0).await?;
    chats::by_id(&reading.database, chat_id).await?.ok_or_else(not_found)?;
    Ok(chat_id)
}

/// People who are named, each once, in order.
pub(super) fn named(field: &str, ids: &[String]) -> Result<Vec<UserId>, Error> {
    if ids.is_empty() || ids.len() > NAMED_MAX {
        return Err(Error::bad(field, format!("must have 1 to {NAMED_MAX} ids")));
    }
    let mut named = BTreeSet::new();
    for (number, text) in ids.iter().enumerate() {
        let fault = || Error::bad(&format!("{field}/{number}"), "must be the id of a user");
        named.insert(id::parse_uuid(text).map(UserId).ok_or_else(fault)?);
    }
    Ok(named.into_iter().collect())
}

/// A schedule that has a run.
pub(super) fn repeated(schedule: &Schedule, now: Timestamp) -> Result<Cron, Error> {
    Cron::parse(&schedule.cron, &schedule.time_zone, now).map_err(|fault| match fault {
        CronFault::Zone => Error::bad("schedule/time_zone", fault),
        CronFault::Malformed | CronFault::Never => Error::bad("schedule/cron", fault),
    })
}

/// An instant.
pub(super) fn instant(field: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).ok_or_else(|| Error::bad(field, "must be an RFC 3339 time"))
}

/// When it is to be sent: not in the past, and not in years.
pub(super) fn send_at(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    let at = instant("send_at", text)?;
    if at < now.plus_seconds(-PAST_SECONDS_MAX) {
        return Err(Error::bad("send_at", "is in the past"));
    }
    if at > now.plus_seconds(FUTURE_SECONDS_MAX) {
        return Err(Error::bad("send_at", "is more than two years ahead"));
    }
    Ok(at.max(now))
}
