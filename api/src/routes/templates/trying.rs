//! Trying a template: what somebody would read, and a mail of it to oneself.

use super::{apart, live, version};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::body::Body;
use crate::http::context::CommandContext;
use crate::http::params::Params;
use crate::http::reply::{read, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::Actor;
use couriers::render::{self, Context, RenderError, Rendered, Source};
use domain::delivery::{Content, Details};
use domain::notification::{self, Audience, Request};
use domain::notify::{CategoryKey, Channel};
use domain::template::Definition;
use domain::{Command, NotificationId, Outcome, UserId};
use projections::{ProjectionId, users};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// After so many seconds a mail that was to try a template is of no use any more.
const TEST_EXPIRES_IN: u32 = 3_600;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"variables": {"order": "17-205"}, "locale": "ru"}))]
pub(crate) struct TemplatePreview {
    /// Those that are left out are as in their examples.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Value>, required = false)]
    variables: Map<String, Value>,
    /// A language tag; without it, that of your profile.
    #[schema(min_length = 2, max_length = 35)]
    locale: Option<String>,
    /// Without it, the newest.
    #[schema(minimum = 1)]
    version: Option<u32>,
}

/// What somebody would read.
#[derive(Serialize, ToSchema)]
struct TemplatePreviewed {
    /// Which of the template's locales it is written in.
    #[schema(example = "ru")]
    locale: String,
    version: u32,
    subject: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// Preview a template
///
/// What a recipient would read; nothing is sent.
#[utoipa::path(post, path = "/v1/templates/{id}/preview", operation_id = "previewTemplate", tag = "notifications",
    params(("id" = Uuid, Path, description = "A template from the list.")), request_body = TemplatePreview,
    responses((status = 200, body = TemplatePreviewed, description = "The texts.")))]
pub(super) async fn preview(
    State(app): State<App>,
    notifier: Notifier,
    Path(template): Path<String>,
    params: Params,
    Body(body): Body<TemplatePreview>,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Templates, params.min_position).await?;
    let found = live(&reading.database, &template).await?;
    let version = version(&reading.database, &found, body.version).await?;
    let number = version.version;
    let rendered = shown(&app, notifier.user_id, version.definition, body.locale, body.variables);
    let Rendered { locale, subject, text, html, .. } = rendered.await?;
    Ok(read(reading.position, TemplatePreviewed { locale, version: number, subject, text, html }))
}

/// What somebody would read, in that locale or in that of who looks.
///
/// # Errors
/// What it cannot be rendered with.
pub(crate) async fn shown(
    app: &App,
    user_id: UserId,
    definition: Definition,
    locale: Option<String>,
    variables: Map<String, Value>,
) -> Result<Rendered, Error> {
    let accounts = app.read(ProjectionId::Users, 0).await?;
    let reader = users::by_id(&accounts.database, user_id).await?;
    let (own_locale, time_zone) = reader.map(|account| (account.locale, account.time_zone)).unwrap_or_default();
    let locale = locale.unwrap_or(own_locale);
    let rendered = tried(app, time_zone, move |context| {
        render::preview(&Source::Template(&definition), &locale, &variables, context)
    });
    rendered.await
}

#[derive(Serialize, ToSchema)]
struct TemplateTested {
    /// What `GET /v1/notifications/{id}` shows it by.
    #[schema(value_type = Uuid)]
    notification_id: NotificationId,
    position: u64,
}

/// Mail a template to yourself
///
/// One mail to your confirmed address, as a recipient would get it. It is an account mail: your preferences and quiet
/// hours do not hold it back.
#[utoipa::path(post, path = "/v1/templates/{id}/test", operation_id = "testTemplate", tag = "notifications",
    params(("id" = Uuid, Path, description = "A template from the list.")), request_body = TemplatePreview,
    responses((status = 202, body = TemplateTested, description = "The mail is on its way.")))]
pub(crate) async fn test(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Path(template): Path<String>,
    Body(body): Body<TemplatePreview>,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let answer = match app.first_answer(actor, &context).await? {
        // A template or an address that is gone meanwhile makes no other request of it.
        Some(answer) => answer,
        None => {
            let request = tested(&app, notifier, &context, &template, body).await?;
            let command = notification::Command::Request(Box::new(request));
            app.ask(actor, &context, Command::Notification(NotificationId(Uuid::now_v7()), command)).await?
        }
    };
    let Outcome::NotificationRequested { notification_id, .. } = answer.outcome else {
        return Err(Error::other_answer());
    };
    let position = answer.position;
    Ok(written(StatusCode::ACCEPTED, &answer, TemplateTested { notification_id, position }))
}

/// The notification that tries a template: to whoever asks, by mail alone, now.
async fn tested(
    app: &App,
    Notifier { user_id }: Notifier,
    context: &CommandContext,
    template: &str,
    body: TemplatePreview,
) -> Result<Request, Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let found = live(&reading.database, template).await?;
    let version = version(&reading.database, &found, body.version).await?;
    let accounts = app.read(ProjectionId::Users, 0).await?;
    let reader = users::by_id(&accounts.database, user_id).await?.filter(|account| account.email_confirmed);
    let Some(reader) = reader else {
        let advice =
            "you have no confirmed address; set one with PUT /v1/me/email and use the link that is mailed there";
        return Err(Error::new(Code::WrongState, advice));
    };
    let content = Content::Template { template_id: found.template_id.0, version: version.version };
    let (wanted, given) = (body.locale, body.variables);
    let variables = with_examples(&version.definition, given.clone());
    let locale = wanted.clone().unwrap_or(reader.locale);
    // What it cannot be rendered with is told now, of what was given and not of the examples.
    tried(app, reader.time_zone, move |context| {
        render::preview(&Source::Template(&version.definition), &locale, &given, context)
    })
    .await?;
    let category = app.settings.categories.find(CategoryKey::ACCOUNT.as_str());
    let category = category.ok_or_else(|| Error::new(Code::Internal, "the category of account mail is built in"))?;
    Ok(Request {
        by: user_id,
        category: category.key.clone(),
        kind: category.kind,
        semantics: category.semantics,
        channels: vec![Channel::Email],
        content,
        details: Details { locale: wanted, variables, ..Details::default() },
        audience: Audience::Users,
        user_ids: vec![user_id],
        recipients: 1,
        due_at: context.at,
        expires_in: TEST_EXPIRES_IN,
        schedule: None,
    })
}

/// The variables that were given, and the examples of all others.
fn with_examples(definition: &Definition, given: Map<String, Value>) -> Map<String, Value> {
    let examples = definition.variables().iter().map(|(name, variable)| (name.clone(), variable.example.clone()));
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    examples.chain(given).collect()
}

/// Renders as for a mail, on a thread that may be kept busy.
pub(in crate::routes) async fn tried(
    app: &App,
    time_zone: String,
    render: impl FnOnce(&Context<'_>) -> Result<Rendered, RenderError> + Send + 'static,
) -> Result<Rendered, Error> {
    let (product, public_url) = (app.settings.product_name.clone(), app.settings.public_url.clone());
    apart(move || {
        let tried = Context { product: &product, time_zone: &time_zone, ..Context::TRIED };
        let Some(public_url) = public_url else { return render(&tried) };
        let unsubscribe_url = format!("{public_url}/u/preview");
        render(&Context { public_url: &public_url, unsubscribe_url: Some(&unsubscribe_url), ..tried })
    })
    .await
}
