//! The request for a mailing, and what of it is refused.

use crate::app::App;
use crate::error::Error;
use crate::http::body;
use crate::routes::outgoing::{self, PlainContent, RepeatedBy, TemplateName, channels};
use crate::routes::templates;
use couriers::render::{Source, preview, render};
use domain::delivery::Details;
use domain::mailing::{Audience, Draft, Plan, Saying, Texts};
use domain::notify::{Category, Channel};
use domain::text::{Locale, MailingName};
use domain::{Timestamp, UserId};
use projections::mailings;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Most deliveries a second that can be asked for.
const PER_SECOND_MAX: u32 = 10_000;

/// A mailing: drafted, then started.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMailing, example = json!({
    "name": "Spring news", "category": "marketing", "audience": {"all": true, "locale": "en"},
    "content": {"subject": "Spring is here", "text": "And so are our new seeds."}, "per_second_max": 20,
}))]
pub(super) struct MailingRequest {
    /// A name for those who work with it; recipients do not see it.
    #[schema(min_length = 1, max_length = 128)]
    pub(super) name: String,
    /// A template, or `content`. Without a version each run takes the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<TemplateName>,
    /// What it says, or `template`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<PlainContent>,
    /// The key of a category: `GET /v1/notification-categories` lists them. No recipient gets a mailing twice, whatever the category.
    #[schema(example = "marketing")]
    pub(super) category: String,
    pub(super) audience: AudienceRequest,
    /// Over which channels; by mail where it is left out, or all of a category that has no mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = channels)]
    pub(super) channels: Option<Vec<String>>,
    /// What the template is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(super) variables: Option<Map<String, Value>>,
    /// An address of an allowed origin: a JSON object of more variables, fetched once a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variables_url: Option<String>,
    /// When it is sent. Without this and `schedule` it is sent when it is started.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(super) send_at: Option<String>,
    /// Sends it again and again, in runs one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<RepeatedBy>,
    /// Most deliveries a second over each channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub(super) per_second_max: Option<u32>,
    /// After how many seconds from when a run is due it is of no use; that of the category where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 60)]
    pub(super) expires_in: Option<u32>,
}

/// The audience: people who match every key that is given. Give at least one.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceRequest {
    /// Everybody, as far as the others do not say less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) all: Option<bool>,
    /// People with this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// The members of that chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub(crate) chat_id: Option<String>,
    /// At most 10,000; each once. Lists of mailings leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Uuid>>, max_items = 10_000)]
    pub(crate) user_ids: Option<Vec<String>>,
    /// People who signed up later than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) signed_up_after: Option<String>,
    /// People who signed in, or used a session or a service token, at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub(crate) active_since: Option<String>,
    /// People who read this language: `en` includes `en-GB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "en")]
    pub(crate) locale: Option<String>,
}

impl MailingRequest {
    /// A mailing as it would be asked for, with those whom it names.
    pub(super) fn of(row: &mailings::Mailing, named: &[UserId]) -> MailingRequest {
        let Plan { audience, .. } = &row.plan;
        let texts = row.texts.clone().unwrap_or_default();
        let content = texts.details.plain.map(|plain| PlainContent {
            subject: plain.subject,
            text: plain.text,
            html: plain.html,
        });
        let template = match row.plan.saying {
            Saying::Template { template_id, version } => {
                Some(TemplateName { key: None, id: Some(template_id.to_string()), version })
            }
            Saying::Plain => None,
        };
        MailingRequest {
            name: row.name.clone(),
            template,
            content,
            category: row.plan.category.to_string(),
            audience: AudienceRequest::of(audience, named),
            channels: Some(row.plan.channels.iter().map(|channel| channel.name().to_owned()).collect()),
            variables: Some(texts.details.variables).filter(|variables| !variables.is_empty()),
            variables_url: texts.variables_url,
            send_at: row.plan.send_at.map(|at| at.to_string()),
            schedule: row.plan.schedule.clone().map(RepeatedBy::from),
            per_second_max: row.plan.per_second_max,
            expires_in: Some(row.plan.expires_in),
        }
    }

    /// Reads one out of the fields of a body.
    ///
    /// # Errors
    /// What of them is not well formed.
    pub(super) fn parse(body: Map<String, Value>) -> Result<MailingRequest, Error> {
        body::parse(Value::Object(body).to_string().as_bytes())
    }
}

impl AudienceRequest {
    fn of(audience: &Audience, named: &[UserId]) -> AudienceRequest {
        let Audience { named: names, role, chat_id, signed_up_after, active_since, locale } = audience;
        AudienceRequest {
            all: (*audience == Audience::default()).then_some(true),
            role: role.map(|role| role.name().to_owned()),
            chat_id: chat_id.map(|id| id.to_string()),
            user_ids: (*names && !named.is_empty()).then(|| named.iter().map(ToString::to_string).collect()),
            signed_up_after: signed_up_after.map(|at| at.to_string()),
            active_since: active_since.map(|at| at.to_string()),
            locale: locale.as_ref().map(|locale| locale.as_str().to_owned()),
        }
    }

    async fn checked(&self, app: &App) -> Result<(Audience, Vec<UserId>), Error> {
        let AudienceRequest { all, role, chat_id, user_ids, signed_up_after, active_since, locale } = self;
        if *all == Some(false) {
            return Err(Error::bad("audience/all", "must be true, or left out"));
        }
        let instant = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| outgoing::instant(&format!("audience/{name}"), text)).transpose()
        };
        let locale = locale.as_deref().map(Locale::parse).transpose();
        let audience = Audience {
            named: user_ids.is_some(),
            role: role.as_deref().map(|role| outgoing::role("audience/role", role)).transpose()?,
            chat_id: match chat_id {
                Some(chat) => Some(outgoing::chat(app, chat).await?),
                None => None,
            },
            signed_up_after: instant("signed_up_after", signed_up_after)?,
            active_since: instant("active_since", active_since)?,
            locale: locale.map_err(|unfit| Error::bad("audience/locale", unfit))?,
        };
        if audience == Audience::default() && all.is_none() {
            let keys =
                "must have at least one of all, role, chat_id, user_ids, signed_up_after, active_since and locale";
            return Err(Error::bad("audience", keys));
        }
        let named = user_ids.as_deref().map(|ids| outgoing::named("audience/user_ids", ids)).transpose()?;
        Ok((audience, named.unwrap_or_default()))
    }
}

/// The draft as the rules take it. `past` says whether it may have a time that has come: that of a draft that only keeps it.
///
/// # Errors
/// What is not well formed; a chat or a template that there is none of.
pub(super) async fn checked(
    app: &App,
    by: UserId,
    now: Timestamp,
    body: MailingRequest,
    past: Option<Timestamp>,
) -> Result<Draft, Error> {
    let name = MailingName::parse(&body.name).map_err(|unfit| Error::bad("name", unfit))?;
    let category = outgoing::category(app, &body.category)?;
    let channels = match &body.channels {
        None => by_mail(category),
        Some(wanted) => outgoing::over(category, wanted)?,
    };
    let (audience, user_ids) = body.audience.checked(app).await?;
    if body.send_at.is_some() && body.schedule.is_some() {
        return Err(Error::bad("schedule", "must be left out when send_at is given: only one of them sets the time"));
    }
    let schedule = body.schedule.map(domain::notification::Schedule::from);
    if let Some(schedule) = &schedule {
        outgoing::repeated(schedule, now)?;
    }
    let send_at = match body.send_at.as_deref() {
        None => None,
        Some(text) if past.is_some_and(|past| past.to_string() == text) => past,
        Some(text) => Some(outgoing::send_at(text, now)?),
    };
    if body.per_second_max.is_some_and(|rate| !(1..=PER_SECOND_MAX).contains(&rate)) {
        return Err(Error::bad("per_second_max", format!("must be a number from 1 to {PER_SECOND_MAX}")));
    }
    if let Some(url) = &body.variables_url {
        app.settings.variables.check(url).map_err(|why| Error::bad("variables_url", why))?;
    }
    let expires_in = outgoing::expires_in(category, body.expires_in)?;
    let variables = body.variables.unwrap_or_default();
    let fetches = body.variables_url.is_some();
    let (saying, details) = said(app, body.template, body.content, variables, fetches).await?;
    let plan = Plan {
        category: category.key.clone(),
        kind: category.kind,
        channels,
        saying,
        audience,
        send_at,
        schedule,
        per_second_max: body.per_second_max,
        expires_in,
    };
    Ok(Draft { by, name, plan, user_ids, texts: Texts { details, variables_url: body.variables_url } })
}

/// A mailing is a mail, where nobody says more.
fn by_mail(category: &Category) -> Vec<Channel> {
    if category.has(Channel::Email) { vec![Channel::Email] } else { category.channels.clone() }
}

/// What it says. A template is rendered once, so that variables which it cannot be rendered with are told now; those that
/// are fetched are as in its examples.
async fn said(
    app: &App,
    name: Option<TemplateName>,
    content: Option<PlainContent>,
    variables: Map<String, Value>,
    fetches: bool,
) -> Result<(Saying, Details), Error> {
    let (saying, details) = match (name, content) {
        (None, Some(_)) if !variables.is_empty() => {
            return Err(Error::bad("variables", "are for templates only"));
        }
        (None, Some(_)) if fetches => return Err(Error::bad("variables_url", "is for templates only")),
        (None, Some(content)) => {
            (Saying::Plain, Details { plain: Some(outgoing::plain(content)?), ..Details::default() })
        }
        (Some(name), None) => {
            let (template, version) = outgoing::template(app, &name).await?;
            let given = variables.clone();
            templates::trying::tried(app, "UTC".to_owned(), move |context| {
                let render = if fetches { preview } else { render };
                render(&Source::Template(&version.definition), "en", &given, context)
            })
            .await?;
            let saying = Saying::Template { template_id: template.template_id.0, version: name.version };
            (saying, Details { variables, ..Details::default() })
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Error::bad("content", "is missing: send exactly one of content and template"));
        }
    };
    Ok((saying, outgoing::fitting(details)?))
}
