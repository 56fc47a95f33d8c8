//! Templates: which there are, an editor that shows what people would read in each language, and a mail of it to oneself.

use super::Pages;
use super::form::Fields;
use super::frame::Frame;
use super::show;
use super::tab::Tab;
use super::visitor::{Visitor, done};
use crate::app::App;
use crate::auth::caller::Notifier;
use crate::error::{Code, Error};
use crate::http::body::{Body, parse};
use crate::http::context::CommandContext;
use crate::http::request_size::BODY_BYTES_MAX;
use crate::routes::mailbox::mail_page;
use crate::routes::templates::{self as routes, trying};
use askama::Template;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use couriers::render::Rendered;
use domain::template::{Definition, Variables};
use domain::{Timestamp, UserId};
use projections::{ProjectionId, templates};
use serde_json::{Map, Value, json};

/// Languages that the editor has fields for.
const LOCALES: [&str; 2] = ["en", "ru"];
/// Templates that are listed.
const LISTED: u32 = 200;

pub(super) fn pages() -> Pages {
    Pages::default()
        .admin("/console/templates", get(list).post(create).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .admin("/console/templates/new", get(blank))
        .admin("/console/templates/{id}", get(one).post(publish).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .admin("/console/templates/{id}/html/{locale}", get(html))
        .admin("/console/templates/{id}/test", post(test))
        .admin("/console/templates/{id}/delete", post(delete))
}

#[derive(Template)]
#[template(path = "templates.html")]
struct List {
    frame: Frame,
    templates: Vec<templates::Template>,
}

#[derive(Template)]
#[template(path = "template.html")]
struct Editor {
    frame: Frame,
    /// The template that is there already.
    saved: Option<Saved>,
    key: String,
    category: String,
    categories: Vec<String>,
    variables: String,
    texts: Vec<Text>,
    previews: Vec<Rendered>,
    fault: Option<Fault>,
}

struct Saved {
    id: String,
    version: u32,
    updated_at: Timestamp,
}

/// What is written in one language.
#[derive(Default)]
struct Text {
    locale: &'static str,
    subject: String,
    text: String,
    html: String,
}

/// Why a template is not as it should be.
struct Fault {
    detail: String,
    lines: Vec<String>,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        let line = |fault: &crate::error::FieldError| {
            let at = fault.pointer.as_deref().unwrap_or_default();
            let place = fault.line.map(|line| format!(" {line}:{}", fault.column.unwrap_or(1))).unwrap_or_default();
            format!("{at}{place}: {}", fault.detail)
        };
        Fault { lines: error.errors.iter().map(line).collect(), detail: error.detail }
    }
}

async fn list(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let templates = templates::list(&reading.database, None, LISTED).await?;
    visitor.page(&List { frame: visitor.frame(Tab::Templates), templates })
}

fn editor(app: &App, visitor: &Visitor, saved: Option<Saved>) -> Editor {
    let categories = app.settings.categories.iter().map(|one| one.key.as_str().to_owned()).collect();
    Editor {
        frame: visitor.frame(Tab::Templates),
        saved,
        key: String::new(),
        category: "transactional".to_owned(),
        categories,
        variables: "{}".to_owned(),
        texts: LOCALES.map(|locale| Text { locale, ..Text::default() }).into_iter().collect(),
        previews: Vec::new(),
        fault: None,
    }
}

async fn blank(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    visitor.page(&editor(&app, &visitor, None))
}

async fn saved(app: &App, visitor: &Visitor, id: &str) -> Result<(Editor, Definition), Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let found = routes::live(&reading.database, id).await?;
    let version = routes::version(&reading.database, &found, None).await?;
    let there = Saved { id: id.to_owned(), version: version.version, updated_at: version.published_at };
    let mut page = editor(app, visitor, Some(there));
    page.key = found.key.to_string();
    page.category = version.category.as_str().to_owned();
    page.variables = serde_json::to_value(version.definition.variables())
        .map_or_else(|_| "{}".to_owned(), |variables| show::json(&variables));
    for text in &mut page.texts {
        if let Some(content) = version.definition.locales().get(text.locale) {
            text.subject.clone_from(&content.subject);
            text.text = content.text.clone().unwrap_or_default();
            text.html = content.html.clone().unwrap_or_default();
        }
    }
    Ok((page, version.definition))
}

async fn one(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Result<Response, Error> {
    let (mut page, definition) = saved(&app, &visitor, &id).await?;
    page.previews = rendered(&app, visitor.user_id, definition).await?;
    visitor.page(&page)
}

/// What people would read in each language of a template, with its examples.
async fn rendered(app: &App, user_id: UserId, definition: Definition) -> Result<Vec<Rendered>, Error> {
    let mut shown = Vec::new();
    for locale in LOCALES.into_iter().filter(|locale| definition.locales().contains_key(*locale)) {
        shown.push(trying::shown(app, user_id, definition.clone(), Some(locale.to_owned()), Map::new()).await?);
    }
    Ok(shown)
}

/// What the editor's fields say, as the body of the call that creates or publishes a template.
fn body(fields: &Fields, is_new: bool) -> Result<Value, Error> {
    let variables = fields.some("variables").unwrap_or("{}");
    let variables = serde_json::from_str::<Value>(variables)
        .map_err(|error| Error::bad("variables", format!("must be a JSON object: line {}", error.line())))?;
    let mut locales = Map::new();
    for locale in LOCALES {
        let field = |name: &str| fields.exact(&format!("{locale}.{name}")).replace("\r\n", "\n");
        let (subject, text, html) = (field("subject"), field("text"), field("html"));
        if subject.is_empty() && text.is_empty() && html.is_empty() {
            continue;
        }
        let mut content = json!({"subject": subject});
        for (name, value) in [("text", text), ("html", html)] {
            if !value.is_empty() {
                content[name] = value.into();
            }
        }
        locales.insert(locale.to_owned(), content);
    }
    let mut body = json!({"category": fields.get("category"), "variables": variables, "locales": locales});
    if is_new {
        body["key"] = fields.get("key").into();
    }
    Ok(body)
}

/// The editor with what was typed, and what people would read, or why they would not.
async fn typed(app: &App, visitor: &Visitor, saved: Option<Saved>, fields: &Fields, fault: Option<Error>) -> Editor {
    let mut page = editor(app, visitor, saved);
    page.key = fields.get("key").to_owned();
    page.category = fields.get("category").to_owned();
    page.variables = fields.exact("variables").to_owned();
    for text in &mut page.texts {
        let field = |name: &str| fields.exact(&format!("{}.{name}", text.locale)).to_owned();
        (text.subject, text.text, text.html) = (field("subject"), field("text"), field("html"));
    }
    match fault {
        Some(error) => page.fault = Some(error.into()),
        None => match tried(app, visitor.user_id, fields).await {
            Ok(previews) => page.previews = previews,
            Err(error) => page.fault = Some(error.into()),
        },
    }
    page
}

async fn tried(app: &App, user_id: UserId, fields: &Fields) -> Result<Vec<Rendered>, Error> {
    let body = body(fields, false)?;
    let variables = serde_json::from_value::<Variables>(body["variables"].clone());
    let variables = variables.map_err(|error| Error::bad("variables", error))?;
    let locales = serde_json::from_value(body["locales"].clone()).map_err(|error| Error::bad("locales", error))?;
    rendered(app, user_id, routes::checked(variables, locales).await?).await
}

/// Whether the fault is in what was typed: then the editor shows it and keeps the text.
fn is_of_text(error: &Error) -> bool {
    matches!(
        error.code,
        Code::BadParameters
            | Code::TemplateInvalid
            | Code::TemplateTooExpensive
            | Code::AlreadyExists
            | Code::WrongState
    )
}

async fn create(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    if fields.get("do") == "preview" {
        return visitor.page(&typed(&app, &visitor, None, &fields, None).await);
    }
    let created = async {
        let body = parse(body(&fields, true)?.to_string().as_bytes())?;
        routes::create(State(app.clone()), Notifier { user_id: visitor.user_id }, context, Body(body)).await
    };
    match created.await {
        Ok(_) => Ok(done(Tab::Templates.path())),
        Err(error) if is_of_text(&error) => visitor.page(&typed(&app, &visitor, None, &fields, Some(error)).await),
        Err(error) => Err(error),
    }
}

async fn publish(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    let there = saved(&app, &visitor, &id).await?.0;
    let key = there.key;
    let page = async |fault| {
        let mut page = typed(&app, &visitor, there.saved, &fields, fault).await;
        page.key = key;
        visitor.page(&page)
    };
    if fields.get("do") == "preview" {
        return page(None).await;
    }
    let published = async {
        let body = parse(body(&fields, false)?.to_string().as_bytes())?;
        let notifier = Notifier { user_id: visitor.user_id };
        routes::publish(State(app.clone()), notifier, Path(id.clone()), context, Body(body)).await
    };
    match published.await {
        Ok(_) => Ok(done(&format!("/console/templates/{id}"))),
        Err(error) if is_of_text(&error) => page(Some(error)).await,
        Err(error) => Err(error),
    }
}

/// The HTML of the newest version, for a frame: it runs no scripts and loads nothing from other hosts.
async fn html(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, locale)): Path<(String, String)>,
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let found = routes::live(&reading.database, &id).await?;
    let definition = routes::version(&reading.database, &found, None).await?.definition;
    let html = trying::shown(&app, visitor.user_id, definition, Some(locale), Map::new()).await?.html;
    let html = html.ok_or_else(|| Error::new(Code::NotFound, "this template has no HTML"))?;
    Ok(mail_page(html))
}

async fn test(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    let body = parse(json!({"locale": fields.get("locale")}).to_string().as_bytes())?;
    let notifier = Notifier { user_id: visitor.user_id };
    trying::test(State(app), notifier, context, Path(id.clone()), Body(body)).await?;
    Ok(done(&format!("/console/templates/{id}")))
}

async fn delete(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    context: CommandContext,
) -> Result<Response, Error> {
    routes::delete(State(app), Notifier { user_id: visitor.user_id }, Path(id), context).await?;
    Ok(done(Tab::Templates.path()))
}
