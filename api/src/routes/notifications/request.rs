//! The request for a notification, and what of it is refused.

use crate::app::App;
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::routes::templates;
use couriers::render::{Source, render};
use couriers::schedule::{Cron, CronFault};
use domain::delivery::{Content, Details, Plain};
use domain::id::TemplateKey;
use domain::notification::{Audience, NAMED_MAX, Request, Schedule};
use domain::notify::{Category, Channel};
use domain::user::Role;
use domain::{ChatId, Timestamp, UserId, id};
use projections::{ProjectionId, chats, recipients};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// What each recipient is told must fit into an event beside all else.
const DETAILS_BYTES_MAX: usize = 40 * 1024;
/// How far in the past `send_at` may be: clocks differ.
const PAST_SECONDS_MAX: i64 = 60;
/// How far in the future it may be: two years.
const FUTURE_SECONDS_MAX: i64 = 2 * 366 * 24 * 3_600;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNotification, example = json!({
    "content": {"subject": "Maintenance tonight", "text": "We are away from 22:00 to 22:15."},
    "to": {"all": true}, "category": "transactional",
}))]
pub(super) struct NotificationRequest {
    /// A template, or `content`.
    template: Option<TemplateName>,
    /// What it says, or `template`.
    content: Option<PlainContent>,
    to: Recipients,
    /// The key of a category: `GET /v1/notification-categories` lists them.
    #[schema(example = "transactional")]
    category: String,
    /// Over which channels; all of the category where it is left out. `live` shows what is in the inbox, and is none
    /// by itself.
    #[schema(schema_with = channels)]
    channels: Option<Vec<String>>,
    /// What the template is to say.
    #[schema(value_type = Option<Object>)]
    variables: Option<Map<String, Value>>,
    /// When it is sent; now where it is left out.
    #[schema(format = DateTime)]
    send_at: Option<String>,
    /// After how many seconds from then on it is of no use; that of the category where it is left out.
    #[schema(minimum = 60)]
    expires_in: Option<u32>,
    /// Sends it again and again.
    schedule: Option<RepeatedBy>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TemplateName {
    key: Option<String>,
    #[schema(value_type = Option<Uuid>)]
    id: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlainContent {
    /// One line.
    #[schema(min_length = 1, max_length = 255)]
    subject: String,
    #[schema(min_length = 1)]
    text: String,
    /// What is not safe in it is taken out.
    html: Option<String>,
}

/// One of these.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Recipients {
    /// At most 10,000; each once.
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 10_000)]
    user_ids: Option<Vec<String>>,
    /// Everybody who has that role.
    role: Option<String>,
    /// The members of that chat.
    #[schema(value_type = Option<Uuid>)]
    chat_id: Option<String>,
    /// Everybody.
    all: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RepeatedBy {
    /// Five or six fields.
    #[schema(example = "30 9 * * mon")]
    cron: String,
    /// An IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

fn channels() -> utoipa::openapi::Array {
    let channel = utoipa::openapi::Ref::from_schema_name("NotificationChannel");
    utoipa::openapi::ArrayBuilder::new().items(channel).min_items(Some(1)).unique_items(true).build()
}

/// How many people are told, as far as is known now.
async fn count(app: &App, audience: Audience, named: &[UserId]) -> Result<u64, Error> {
    let audience = match audience {
        Audience::Users => return Ok(named.len() as u64),
        Audience::Role { role } => recipients::Audience::Role(role),
        Audience::Chat { chat_id } => recipients::Audience::Chat(chat_id),
        Audience::All => recipients::Audience::Everybody,
    };
    let reading = app.read(ProjectionId::Recipients, 0).await?;
    Ok(recipients::count(&reading.database, audience).await?)
}

impl NotificationRequest {
    /// By what it is sent again and again; not looked at yet.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        let RepeatedBy { cron, time_zone } = self.schedule.as_ref()?;
        Some(Schedule { cron: cron.clone(), time_zone: time_zone.clone() })
    }
}

/// The request as the rules take it.
///
/// # Errors
/// What is not well formed; a chat or a template that there is none of.
pub(super) async fn checked(
    app: &App,
    by: UserId,
    context: &CommandContext,
    body: NotificationRequest,
) -> Result<Request, Error> {
    let unknown = "is no category; GET /v1/notification-categories lists them";
    let category = app.settings.categories.find(&body.category).ok_or_else(|| Error::bad("category", unknown))?;
    let schedule = body.schedule();
    let channels = over(category, body.channels)?;
    let (audience, user_ids) = to(app, &body.to).await?;
    let recipients = count(app, audience, &user_ids).await?;
    let cron = schedule.as_ref().map(|schedule| repeated(schedule, context.at)).transpose()?;
    let due_at = due_at(body.send_at.as_deref(), cron.as_ref(), context.at)?;
    let (content, details) = said(app, body.template, body.content, body.variables).await?;
    let expires_in = body.expires_in.unwrap_or(category.expires_in);
    if !(Category::EXPIRES_IN_MIN..=Category::EXPIRES_IN_MAX).contains(&expires_in) {
        let (least, most) = (Category::EXPIRES_IN_MIN, Category::EXPIRES_IN_MAX);
        return Err(Error::bad("expires_in", format!("must be a number of seconds from {least} to {most}")));
    }
    Ok(Request {
        by,
        category: category.key.clone(),
        kind: category.kind,
        semantics: category.semantics,
        channels,
        content,
        details,
        audience,
        user_ids,
        recipients,
        due_at,
        expires_in,
        schedule,
    })
}

fn over(category: &Category, wanted: Option<Vec<String>>) -> Result<Vec<Channel>, Error> {
    let Some(wanted) = wanted else { return Ok(category.channels.clone()) };
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

/// What each delivery says: the version of a template that it stays with, or the words themselves.
async fn said(
    app: &App,
    template: Option<TemplateName>,
    content: Option<PlainContent>,
    variables: Option<Map<String, Value>>,
) -> Result<(Content, Details), Error> {
    let variables = variables.unwrap_or_default();
    let (content, details) = match (template, content) {
        (None, Some(_)) if !variables.is_empty() => {
            return Err(Error::bad("variables", "have a meaning for a template only"));
        }
        (None, Some(content)) => (Content::Plain, Details { plain: Some(plain(content)?), ..Details::default() }),
        (Some(name), None) => {
            let content = by_template(app, name, &variables).await?;
            (content, Details { variables, ..Details::default() })
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::bad("content", "must be there, or template: exactly one of them"));
        }
    };
    let bytes = serde_json::to_string(&details).map_or(usize::MAX, |text| text.len());
    if bytes > DETAILS_BYTES_MAX {
        let field = if details.plain.is_some() { "content" } else { "variables" };
        return Err(Error::bad(field, format!("must be at most {DETAILS_BYTES_MAX} bytes as JSON; this is {bytes}")));
    }
    Ok((content, details))
}

/// The template is rendered once, so that variables which it cannot be rendered with are told now.
async fn by_template(app: &App, name: TemplateName, variables: &Map<String, Value>) -> Result<Content, Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let database = &reading.database;
    let template = match (name.key, name.id) {
        (Some(key), None) => {
            let key = TemplateKey::parse(&key).ok_or_else(templates::not_found)?;
            let found = projections::templates::by_key(database, key).await?;
            found.filter(|template| template.live).ok_or_else(templates::not_found)?
        }
        (None, Some(id)) => templates::live(database, &id).await?,
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::bad("template", "must have a key or an id: exactly one of them"));
        }
    };
    let version = templates::version(database, &template, name.version).await?;
    let number = version.version;
    let variables = variables.clone();
    templates::trying::tried(app, "UTC".to_owned(), move |context| {
        render(&Source::Template(&version.definition), "en", &variables, context)
    })
    .await?;
    Ok(Content::Template { template_id: template.template_id.0, version: number })
}

fn plain(content: PlainContent) -> Result<Plain, Error> {
    let PlainContent { subject, text, html } = content;
    if subject.trim().is_empty() || subject.chars().count() > 255 || subject.chars().any(char::is_control) {
        return Err(Error::bad("content/subject", "must be one line of 1 to 255 characters"));
    }
    if text.trim().is_empty() {
        return Err(Error::bad("content/text", "must not be empty"));
    }
    Ok(Plain { subject, text, html })
}

async fn to(app: &App, to: &Recipients) -> Result<(Audience, Vec<UserId>), Error> {
    let exactly_one = || Error::bad("to", "must have exactly one of user_ids, role, chat_id and all");
    match to {
        Recipients { user_ids: Some(ids), role: None, chat_id: None, all: None } => Ok((Audience::Users, named(ids)?)),
        Recipients { user_ids: None, role: Some(role), chat_id: None, all: None } => {
            let role =
                Role::parse(role).ok_or_else(|| Error::bad("to/role", "must be user, notifier, moderator or admin"))?;
            Ok((Audience::Role { role }, Vec::new()))
        }
        Recipients { user_ids: None, role: None, chat_id: Some(chat), all: None } => {
            let not_found = || Error::new(Code::ChatNotFound, "there is no such chat");
            let chat_id = id::parse_uuid(chat).map(ChatId).ok_or_else(not_found)?;
            if !app.projections.has(ProjectionId::Chats) {
                return Err(not_found());
            }
            let reading = app.read(ProjectionId::Chats, 0).await?;
            chats::by_id(&reading.database, chat_id).await?.ok_or_else(not_found)?;
            Ok((Audience::Chat { chat_id }, Vec::new()))
        }
        Recipients { user_ids: None, role: None, chat_id: None, all: Some(true) } => Ok((Audience::All, Vec::new())),
        Recipients { .. } => Err(exactly_one()),
    }
}

fn named(ids: &[String]) -> Result<Vec<UserId>, Error> {
    if ids.is_empty() || ids.len() > NAMED_MAX {
        return Err(Error::bad("to/user_ids", format!("must have 1 to {NAMED_MAX} ids")));
    }
    let mut named = BTreeSet::new();
    for (number, text) in ids.iter().enumerate() {
        let fault = || Error::bad(&format!("to/user_ids/{number}"), "must be the id of a user");
        named.insert(id::parse_uuid(text).map(UserId).ok_or_else(fault)?);
    }
    Ok(named.into_iter().collect())
}

fn repeated(schedule: &Schedule, now: Timestamp) -> Result<Cron, Error> {
    Cron::parse(&schedule.cron, &schedule.time_zone, now).map_err(|fault| match fault {
        CronFault::Zone => Error::bad("schedule/time_zone", fault),
        CronFault::Malformed | CronFault::Never => Error::bad("schedule/cron", fault),
    })
}

/// A repeated one is first sent at its first run behind `send_at`.
fn due_at(send_at: Option<&str>, cron: Option<&Cron>, now: Timestamp) -> Result<Timestamp, Error> {
    let from = match send_at {
        None => now,
        Some(text) => {
            let at = Timestamp::parse(text).ok_or_else(|| Error::bad("send_at", "must be an RFC 3339 time"))?;
            if at < now.plus_seconds(-PAST_SECONDS_MAX) {
                return Err(Error::bad("send_at", "is in the past"));
            }
            if at > now.plus_seconds(FUTURE_SECONDS_MAX) {
                return Err(Error::bad("send_at", "is more than two years ahead"));
            }
            at.max(now)
        }
    };
    match cron {
        None => Ok(from),
        Some(cron) => cron.next(from).ok_or_else(|| Error::bad("schedule/cron", "never comes")),
    }
}
