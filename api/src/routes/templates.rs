//! Templates of notifications: publishing, reading and deleting them; `trying` shows them, for notifiers and admins.

pub(crate) mod trying;

use super::page::{Next, cut};
use super::spec::{Routes, Spec};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error, FieldError};
use crate::http::body::Body;
use crate::http::conditional::tag;
use crate::http::context::CommandContext;
use crate::http::cursor;
use crate::http::params::Params;
use crate::http::reply::{Done, changed, read, read_one, written};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use commands::{Actor, Answer};
use couriers::render::{self, BuiltIn, RenderError};
use domain::id::{self, TemplateKey};
use domain::notify::CategoryKey;
use domain::template::{self, Content, Definition, Variables};
use domain::{Command, Outcome, TemplateId, Timestamp};
use projections::{ProjectionId, templates};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;
use uuid::Uuid;

/// Most bytes of a body: a template with all its locales (CONTRACT 1.1).
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How a template is found to be no good.
const CHECKED: &[Code] = &[Code::TemplateInvalid, Code::TemplateTooExpensive, Code::AlreadyExists];
const CHECKED_AGAIN: &[Code] =
    &[Code::TemplateInvalid, Code::TemplateTooExpensive, Code::TemplateNotFound, Code::EditedTooOften];
const TESTED: &[Code] = &[Code::TemplateInvalid, Code::TemplateTooExpensive, Code::TemplateNotFound, Code::WrongState];
const TRIED: &[Code] = &[Code::TemplateInvalid, Code::TemplateTooExpensive, Code::TemplateNotFound];

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(routes!(list), Spec::notifier().paged())
        .add(routes!(create), Spec::notifier().body_bytes_max(BODY_BYTES_MAX).fails(CHECKED))
        .add(routes!(one), Spec::notifier().tagged().fails(&[Code::TemplateNotFound]))
        .add(routes!(publish), Spec::notifier().body_bytes_max(BODY_BYTES_MAX).fails(CHECKED_AGAIN))
        .add(routes!(delete), Spec::notifier().fails(&[Code::TemplateNotFound]))
        .add(routes!(trying::preview), Spec::notifier().without_key().fails(TRIED))
        .add(routes!(trying::test), Spec::notifier().fails(TESTED))
}

/// A template's texts and the variables that they may use. The texts are [MiniJinja](https://docs.rs/minijinja): `{{ name }}`,
/// `{% if … %}`, `{% for … %}`. Beside their own variables all know `product`, `public_url`, `unsubscribe_url`, `locale` and
/// `time_zone`, the filter `datetime` and the function `plural`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTemplate, example = json!({
    "key": "orders.shipped",
    "category": "transactional",
    "variables": {"order": {"type": "string", "required": true, "example": "17-204"}},
    "locales": {
        "en": {"subject": "Order {{ order }} is on its way", "text": "Your order {{ order }} was sent today."},
        "ru": {"subject": "Заказ {{ order }} отправлен", "text": "Ваш заказ {{ order }} отправлен сегодня."},
    },
}))]
pub(crate) struct CreateTemplate {
    /// What notifications name it by: unique, and never changed.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z]([a-z0-9._-]*[a-z0-9])?$")]
    key: String,
    /// The category that is sent by it.
    #[schema(min_length = 1, max_length = 48, pattern = "^[a-z]([a-z0-9-]*[a-z0-9])?$", example = "transactional")]
    category: String,
    /// What the texts may use, by name: at most 64.
    #[schema(value_type = BTreeMap<String, TemplateVariable>)]
    variables: Variables,
    /// What it says, by language tag: at most 16.
    #[schema(value_type = BTreeMap<String, TemplateContent>)]
    locales: BTreeMap<String, Content>,
}

/// The next version. Older ones stay for the deliveries that use them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTemplateVersion, example = json!({
    "category": "transactional",
    "variables": {"order": {"type": "string", "required": true, "example": "17-204"}},
    "locales": {"en": {"subject": "Order {{ order }} was sent", "text": "Your order {{ order }} was sent today."}},
}))]
pub(crate) struct PublishTemplate {
    /// Where it is given, that of the template.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z]([a-z0-9._-]*[a-z0-9])?$")]
    key: Option<String>,
    #[schema(min_length = 1, max_length = 48, pattern = "^[a-z]([a-z0-9-]*[a-z0-9])?$", example = "transactional")]
    category: String,
    #[schema(value_type = BTreeMap<String, TemplateVariable>)]
    variables: Variables,
    #[schema(value_type = BTreeMap<String, TemplateContent>)]
    locales: BTreeMap<String, Content>,
}

/// A variable that the texts may use.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes `domain::template::Variable`")]
pub(super) struct TemplateVariable {
    /// `string`, `number`, `boolean` or `list`.
    #[schema(pattern = "^(string|number|boolean|list)$", example = "string")]
    r#type: String,
    /// Whether nothing can be sent without it; it is when nothing is said.
    #[schema(default = true, required = false)]
    required: bool,
    /// What a preview shows; of the variable's type.
    #[schema(value_type = Value)]
    example: Value,
}

/// What is said in one locale: a text, an HTML, or both. Where there is no text it is made of the HTML.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes `domain::template::Content`")]
pub(super) struct TemplateContent {
    /// One line, at most 2 KiB.
    #[schema(min_length = 1, max_length = 2048)]
    subject: String,
    /// At most 512 KiB.
    text: Option<String>,
    /// At most 512 KiB. What variables put into it is escaped; the rules of `<style>` are written to its elements.
    html: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct TemplateWritten {
    #[schema(value_type = Uuid)]
    template_id: TemplateId,
    /// Counted from 1.
    version: u32,
    position: u64,
}

#[derive(Serialize, ToSchema)]
struct Templates {
    templates: Vec<TemplateListed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

#[derive(Serialize, ToSchema)]
struct TemplateListed {
    #[schema(value_type = Uuid)]
    template_id: TemplateId,
    #[schema(value_type = String, example = "orders.shipped")]
    key: TemplateKey,
    #[schema(value_type = String, example = "transactional")]
    category: CategoryKey,
    /// The newest version.
    version: u32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
struct Template {
    #[schema(value_type = Uuid)]
    template_id: TemplateId,
    #[schema(value_type = String, example = "orders.shipped")]
    key: TemplateKey,
    #[schema(value_type = String, example = "transactional")]
    category: CategoryKey,
    /// The version that is shown.
    version: u32,
    #[schema(value_type = BTreeMap<String, TemplateVariable>)]
    variables: Variables,
    #[schema(value_type = BTreeMap<String, TemplateContent>)]
    locales: BTreeMap<String, Content>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When that version was published.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// List templates
///
/// The newest first.
#[utoipa::path(get, path = "/v1/templates", operation_id = "listTemplates", tag = "notifications",
    responses((status = 200, body = Templates, description = "A page of templates.")))]
async fn list(State(app): State<App>, _notifier: Notifier, params: Params) -> Result<Response, Error> {
    const LIST: [&str; 1] = ["templates"];
    let limit = params.limit()?;
    let before = params.get("from").map(|from| cursor::read_position(&app.keys, &LIST, from)).transpose()?;
    let reading = app.read(ProjectionId::Templates, params.min_position).await?;
    let _place = app.budget.page().await?;
    let mut rows = templates::list(&reading.database, before, limit + 1).await?;
    let next = cut(&mut rows, limit, |last| cursor::write_position(&app.keys, &LIST, last.created));
    let listed = rows.into_iter().map(|row| TemplateListed {
        template_id: row.template_id,
        key: row.key,
        category: row.category,
        version: row.version,
        created_at: row.created_at,
        updated_at: row.updated_at,
    });
    Ok(read(reading.position, Templates { templates: listed.collect(), next }))
}

/// Create a template
#[utoipa::path(post, path = "/v1/templates", operation_id = "createTemplate", tag = "notifications",
    request_body = CreateTemplate,
    responses((status = 201, body = TemplateWritten, description = "Its first version can be sent.")))]
pub(crate) async fn create(
    State(app): State<App>,
    notifier: Notifier,
    context: CommandContext,
    Body(body): Body<CreateTemplate>,
) -> Result<Response, Error> {
    let key = key(&body.key)?;
    if BuiltIn::parse(&body.key).is_some() {
        return Err(Error::field(Code::AlreadyExists, "key", "belongs to a built-in message"));
    }
    let category = category(&body.category)?;
    let definition = checked(body.variables, body.locales).await?;
    let command = template::Command::Create(template::Create { key, category, definition });
    let command = Command::Template(TemplateId(Uuid::now_v7()), command);
    let answer = app.ask(Actor::User(notifier.user_id), &context, command).await?;
    Ok(written(StatusCode::CREATED, &answer, published(&answer)?))
}

/// Read a template
#[utoipa::path(get, path = "/v1/templates/{id}", operation_id = "readTemplate", tag = "notifications", params(
    ("id" = Uuid, Path, description = "A template from the list."),
    ("version" = Option<u32>, Query, minimum = 1, description = "By default the newest."),
), responses((status = 200, body = Template, description = "The template.")))]
async fn one(
    State(app): State<App>,
    _notifier: Notifier,
    Path(template): Path<String>,
    params: Params,
) -> Result<Response, Error> {
    let number = params.get("version").map(str::parse::<u32>).transpose();
    let number = number.map_err(|_| Error::bad_parameter("version", "must be a version of the template"))?;
    let reading = app.read(ProjectionId::Templates, params.min_position).await?;
    let found = live(&reading.database, &template).await?;
    let version = version(&reading.database, &found, number).await?;
    let shown = Template {
        template_id: found.template_id,
        key: found.key,
        category: version.category,
        version: version.version,
        variables: version.definition.variables().clone(),
        locales: version.definition.locales().clone(),
        created_at: found.created_at,
        updated_at: version.published_at,
    };
    Ok(read_one(reading.position, tag(found.stream_version), shown))
}

/// Publish another version
#[utoipa::path(put, path = "/v1/templates/{id}", operation_id = "publishTemplate", tag = "notifications",
    params(("id" = Uuid, Path, description = "A template from the list.")), request_body = PublishTemplate,
    responses((status = 200, body = TemplateWritten, description = "The new version is used from now on.")))]
pub(crate) async fn publish(
    State(app): State<App>,
    notifier: Notifier,
    Path(template): Path<String>,
    context: CommandContext,
    Body(body): Body<PublishTemplate>,
) -> Result<Response, Error> {
    let template_id = template_id(&template)?;
    let key = body.key.as_deref().map(key).transpose()?;
    let category = category(&body.category)?;
    let definition = checked(body.variables, body.locales).await?;
    let command = template::Command::Publish(template::Publish { key, category, definition });
    let answer = app.ask(Actor::User(notifier.user_id), &context, Command::Template(template_id, command)).await?;
    Ok(changed(&answer, published(&answer)?))
}

/// Delete a template
///
/// Deliveries that already wait are still sent with it. Its key is free for another template.
#[utoipa::path(delete, path = "/v1/templates/{id}", operation_id = "deleteTemplate", tag = "notifications",
    params(("id" = Uuid, Path, description = "A template from the list.")),
    responses((status = 200, body = Done, description = "It can no longer be used.")))]
pub(crate) async fn delete(
    State(app): State<App>,
    notifier: Notifier,
    Path(template): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    let actor = Actor::User(notifier.user_id);
    let template_id = template_id(&template)?;
    if let Some(answer) = app.first_answer(actor, &context).await? {
        return Ok(written(StatusCode::OK, &answer, Done { position: answer.position }));
    }
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let key = live(&reading.database, &template).await?.key;
    let command = Command::Template(template_id, template::Command::Delete(template::Delete { key }));
    let answer = app.ask(actor, &context, command).await?;
    Ok(written(StatusCode::OK, &answer, Done { position: answer.position }))
}

fn template_id(text: &str) -> Result<TemplateId, Error> {
    id::parse_uuid(text).map(TemplateId).ok_or_else(not_found)
}

pub(super) fn not_found() -> Error {
    Error::new(Code::TemplateNotFound, "there is no such template")
}

/// The template of that id, if it was not deleted.
pub(crate) async fn live(database: &store::sql::Database, text: &str) -> Result<templates::Template, Error> {
    let found = templates::by_id(database, template_id(text)?).await?;
    found.filter(|template| template.live).ok_or_else(not_found)
}

pub(crate) async fn version(
    database: &store::sql::Database,
    of: &templates::Template,
    number: Option<u32>,
) -> Result<templates::Version, Error> {
    let found = templates::version(database, of.template_id, number.unwrap_or(of.version)).await?;
    found.ok_or_else(|| Error::new(Code::TemplateNotFound, "this template has no such version"))
}

fn key(text: &str) -> Result<TemplateKey, Error> {
    let rule = "must be 1 to 64 lower-case letters, digits, dots, hyphens and underscores, a letter first";
    TemplateKey::parse(text).ok_or_else(|| Error::bad("key", rule))
}

fn category(text: &str) -> Result<CategoryKey, Error> {
    CategoryKey::parse(text).map_err(|unfit| Error::bad("category", unfit))
}

/// A version that is within its bounds and can be rendered.
pub(crate) async fn checked(variables: Variables, locales: BTreeMap<String, Content>) -> Result<Definition, Error> {
    let definition = Definition::new(variables, locales).map_err(|faults| {
        let faults = faults.into_iter().map(|fault| FieldError::at(fault.pointer, fault.detail));
        Error { errors: faults.collect(), ..Error::new(Code::BadParameters, "the template exceeds its limits") }
    })?;
    apart(move || render::check(&definition).map(|()| definition)).await
}

/// Renders on a thread that may be kept busy.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RenderError> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|failed| Error::ours(&failed, Code::Internal))?;
    done.map_err(|error| unrenderable(&error))
}

/// What is wrong with a template, where in its texts; or with the variables that were given.
fn unrenderable(error: &RenderError) -> Error {
    let (code, errors) = match error {
        RenderError::Invalid(faults) => (Code::TemplateInvalid, template_faults(faults)),
        RenderError::TooExpensive(faults) => (Code::TemplateTooExpensive, template_faults(faults)),
        RenderError::Variables(faults) => {
            let pointer = |name: &Option<String>| {
                name.iter().fold("/variables".to_owned(), |at, name| {
                    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
                })
            };
            let faults = faults.iter().map(|fault| FieldError::at(pointer(&fault.name), &fault.detail));
            (Code::BadParameters, faults.collect())
        }
    };
    let first = errors.first().map(|fault: &FieldError| match (&fault.pointer, fault.line, fault.column) {
        (Some(pointer), Some(line), Some(column)) => {
            format!("{pointer} at line {line} column {column} {}", fault.detail)
        }
        (Some(pointer), _, _) => format!("{pointer} {}", fault.detail),
        (None, _, _) => fault.detail.clone(),
    });
    Error { errors, ..Error::new(code, first.unwrap_or_else(|| error.to_string())) }
}

fn template_faults(faults: &[render::TemplateFault]) -> Vec<FieldError> {
    let fault = |fault: &render::TemplateFault| FieldError {
        line: fault.line,
        column: fault.column,
        ..FieldError::at(fault.pointer.clone(), &fault.detail)
    };
    faults.iter().map(fault).collect()
}

fn published(answer: &Answer) -> Result<TemplateWritten, Error> {
    let Outcome::TemplatePublished { template_id, version } = answer.outcome else {
        return Err(Error::other_answer());
    };
    Ok(TemplateWritten { template_id, version, position: answer.position })
}
