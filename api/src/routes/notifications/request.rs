//! The request for a notification, and what of it is refused.

use crate::app::App;
use crate::error::Error;
use crate::http::context::CommandContext;
use crate::routes::outgoing::{self, PlainContent, RepeatedBy, TemplateName, channels};
use crate::routes::templates;
use couriers::render::{Source, render};
use couriers::schedule::Cron;
use domain::delivery::{Content, Details};
use domain::notification::{Audience, Request, Schedule};
use domain::{Timestamp, UserId};
use projections::{ProjectionId, recipients};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

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
    /// When to send it; now if it is left out.
    #[schema(format = DateTime)]
    send_at: Option<String>,
    /// After how many seconds from then on it is of no use; that of the category where it is left out.
    #[schema(minimum = 60)]
    expires_in: Option<u32>,
    /// Sends it again and again.
    schedule: Option<RepeatedBy>,
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

/// How many people get it, as far as is known now.
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
        self.schedule.clone().map(Schedule::from)
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
    let category = outgoing::category(app, &body.category)?;
    let schedule = body.schedule();
    let channels = match body.channels {
        None => category.channels.clone(),
        Some(wanted) => outgoing::over(category, &wanted)?,
    };
    let (audience, user_ids) = to(app, &body.to).await?;
    let recipients = count(app, audience, &user_ids).await?;
    let cron = schedule.as_ref().map(|schedule| outgoing::repeated(schedule, context.at)).transpose()?;
    let due_at = due_at(body.send_at.as_deref(), cron.as_ref(), context.at)?;
    let (content, details) = said(app, body.template, body.content, body.variables).await?;
    let expires_in = outgoing::expires_in(category, body.expires_in)?;
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
            return Err(Error::bad("variables", "are for templates only"));
        }
        (None, Some(content)) => {
            (Content::Plain, Details { plain: Some(outgoing::plain(content)?), ..Details::default() })
        }
        (Some(name), None) => {
            let content = by_template(app, name, &variables).await?;
            (content, Details { variables, ..Details::default() })
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::bad("content", "is missing: send exactly one of content and template"));
        }
    };
    Ok((content, outgoing::fitting(details)?))
}

/// The template is rendered once, so that variables which it cannot be rendered with are told now.
async fn by_template(app: &App, name: TemplateName, variables: &Map<String, Value>) -> Result<Content, Error> {
    let (template, version) = outgoing::template(app, &name).await?;
    let number = version.version;
    let variables = variables.clone();
    templates::trying::tried(app, "UTC".to_owned(), move |context| {
        render(&Source::Template(&version.definition), "en", &variables, context)
    })
    .await?;
    Ok(Content::Template { template_id: template.template_id.0, version: number })
}

async fn to(app: &App, to: &Recipients) -> Result<(Audience, Vec<UserId>), Error> {
    let exactly_one = || Error::bad("to", "must have exactly one of user_ids, role, chat_id and all");
    match to {
        Recipients { user_ids: Some(ids), role: None, chat_id: None, all: None } => {
            Ok((Audience::Users, outgoing::named("to/user_ids", ids)?))
        }
        Recipients { user_ids: None, role: Some(role), chat_id: None, all: None } => {
            Ok((Audience::Role { role: outgoing::role("to/role", role)? }, Vec::new()))
        }
        Recipients { user_ids: None, role: None, chat_id: Some(chat), all: None } => {
            Ok((Audience::Chat { chat_id: outgoing::chat(app, chat).await? }, Vec::new()))
        }
        Recipients { user_ids: None, role: None, chat_id: None, all: Some(true) } => Ok((Audience::All, Vec::new())),
        Recipients { .. } => Err(exactly_one()),
    }
}

/// A repeated one is first sent at its first run behind `send_at`.
fn due_at(send_at: Option<&str>, cron: Option<&Cron>, now: Timestamp) -> Result<Timestamp, Error> {
    let from = send_at.map_or(Ok(now), |text| outgoing::send_at(text, now))?;
    match cron {
        None => Ok(from),
        Some(cron) => cron.next(from).ok_or_else(|| Error::bad("schedule/cron", "never runs")),
    }
}
