//! The form that a mailing is drafted and changed by.

use crate::app::App;
use crate::console::form::Fields;
use crate::console::frame::Frame;
use crate::console::tab::Tab;
use crate::console::visitor::{Visitor, done};
use crate::error::{Code, Error};
use crate::http::context::CommandContext;
use crate::routes::mailings as routes;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::mailing::{Refusal, Status};
use domain::notify::Channel;
use domain::user::Role;
use projections::{ProjectionId, templates};
use serde_json::{Map, Value, json};

/// Most templates that the form offers.
const TEMPLATES: u32 = 200;

#[derive(Template)]
#[template(path = "mailing_form.html")]
struct Form {
    frame: Frame,
    /// None: it is a new one.
    id: Option<String>,
    fault: Option<String>,
    fields: FormFields,
    categories: Vec<String>,
    templates: Vec<String>,
    roles: Vec<&'static str>,
    channels: Vec<(&'static str, bool)>,
}

/// What stands in the form, as it was typed.
#[derive(Default)]
struct FormFields {
    /// Of the draft that it was made of.
    version: String,
    name: String,
    category: String,
    template: String,
    template_version: String,
    subject: String,
    text: String,
    html: String,
    all: bool,
    role: String,
    chat_id: String,
    user_ids: String,
    signed_up_after: String,
    active_since: String,
    locale: String,
    variables: String,
    variables_url: String,
    send_at: String,
    cron: String,
    time_zone: String,
    per_second_max: String,
    expires_in: String,
}

pub(super) async fn new(State(app): State<App>, visitor: Visitor) -> Result<Response, Error> {
    let fields = FormFields { all: true, category: "marketing".to_owned(), ..FormFields::default() };
    form(&app, &visitor, None, None, fields, &["email".to_owned()]).await
}

pub(super) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path(id): Path<String>,
) -> Result<Response, Error> {
    let shown = routes::shown(&app, &id, context.at).await?;
    if shown.state != Status::Draft.name() {
        return Err(Error::new(Code::WrongState, Refusal::WrongState));
    }
    let whole = serde_json::to_value(&shown).map_err(|error| Error::ours(&error, Code::Internal))?;
    let channels = shown.channels.clone().unwrap_or_default();
    let fields = FormFields { version: shown.version.to_string(), ..FormFields::of(&whole) };
    form(&app, &visitor, Some(id), None, fields, &channels).await
}

async fn form(
    app: &App,
    visitor: &Visitor,
    id: Option<String>,
    fault: Option<String>,
    fields: FormFields,
    channels: &[String],
) -> Result<Response, Error> {
    let reading = app.read(ProjectionId::Templates, 0).await?;
    let known = templates::list(&reading.database, None, TEMPLATES).await?;
    let over = Channel::ALL.iter().map(|channel| {
        let name = channel.name();
        (name, channels.iter().any(|one| one == name))
    });
    visitor.page(&Form {
        frame: visitor.frame(Tab::Mailings),
        id,
        fault,
        fields,
        categories: app.settings.categories.iter().map(|category| category.key.to_string()).collect(),
        templates: known.iter().map(|template| template.key.to_string()).collect(),
        roles: Role::ALL.iter().map(|role| role.name()).collect(),
        channels: over.collect(),
    })
}

pub(super) async fn create(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    fields: Fields,
) -> Result<Response, Error> {
    let typed = FormFields::typed(&fields);
    let created = match typed.body(&fields) {
        Ok(body) => routes::create_from(&app, visitor.user_id, &context, body).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(mailing_id) => Ok(done(&format!("/console/mailings/{mailing_id}"))),
        Err(error) => form(&app, &visitor, None, Some(told(&error)), typed, &ticked(&fields)).await,
    }
}

pub(super) async fn change(
    State(app): State<App>,
    visitor: Visitor,
    context: CommandContext,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Error> {
    let typed = FormFields::typed(&fields);
    // What somebody else has changed meanwhile is not undone without a word.
    let if_match = typed.version.parse().ok().map(|version| vec![version]);
    let context = CommandContext { if_match, ..context };
    let changed = match typed.body(&fields) {
        Ok(body) => routes::change_to(&app, visitor.user_id, &context, &id, body).await,
        Err(error) => Err(error),
    };
    match changed {
        Ok(()) => Ok(done(&format!("/console/mailings/{id}"))),
        Err(error) => form(&app, &visitor, Some(id), Some(told(&error)), typed, &ticked(&fields)).await,
    }
}

/// What is wrong, with the field that it is wrong with.
fn told(error: &Error) -> String {
    let lines = error.errors.iter().filter_map(|fault| Some(format!("{}: {}", fault.pointer.as_ref()?, fault.detail)));
    let lines = lines.collect::<Vec<_>>();
    if lines.is_empty() { error.detail.clone() } else { lines.join("; ") }
}

fn number(fields: &Fields, name: &str) -> Result<Option<u32>, Error> {
    let number = fields.some(name).map(str::parse::<u32>).transpose();
    number.map_err(|_| Error::bad(name, "must be a number"))
}

fn ticked(fields: &Fields) -> Vec<String> {
    let names = Channel::ALL.iter().map(|channel| channel.name());
    names.filter(|name| fields.is_on(&format!("channel.{name}"))).map(str::to_owned).collect()
}

impl FormFields {
    /// Of the form that was sent.
    fn typed(fields: &Fields) -> FormFields {
        // Browsers send lines with both.
        let text = |name: &str| fields.exact(name).replace("\r\n", "\n");
        FormFields {
            version: text("version"),
            name: text("name"),
            category: text("category"),
            template: text("template"),
            template_version: text("template_version"),
            subject: text("subject"),
            text: text("text"),
            html: text("html"),
            all: fields.is_on("all"),
            role: text("role"),
            chat_id: text("chat_id"),
            user_ids: text("user_ids"),
            signed_up_after: text("signed_up_after"),
            active_since: text("active_since"),
            locale: text("locale"),
            variables: text("variables"),
            variables_url: text("variables_url"),
            send_at: text("send_at"),
            cron: text("cron"),
            time_zone: text("time_zone"),
            per_second_max: text("per_second_max"),
            expires_in: text("expires_in"),
        }
    }

    /// Of a mailing as it is read.
    fn of(whole: &Value) -> FormFields {
        let text = |pointer: &str| match whole.pointer(pointer) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let ids = whole.pointer("/audience/user_ids").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids = ids.iter().filter_map(Value::as_str).collect::<Vec<_>>();
        FormFields {
            version: String::new(),
            name: text("/name"),
            category: text("/category"),
            template: text("/template/id"),
            template_version: text("/template/version"),
            subject: text("/content/subject"),
            text: text("/content/text"),
            html: text("/content/html"),
            all: whole.pointer("/audience/all").is_some(),
            role: text("/audience/role"),
            chat_id: text("/audience/chat_id"),
            user_ids: ids.join("\n"),
            signed_up_after: text("/audience/signed_up_after"),
            active_since: text("/audience/active_since"),
            locale: text("/audience/locale"),
            variables: text("/variables"),
            variables_url: text("/variables_url"),
            send_at: text("/send_at"),
            cron: text("/schedule/cron"),
            time_zone: text("/schedule/time_zone"),
            per_second_max: text("/per_second_max"),
            expires_in: text("/expires_in"),
        }
    }

    /// The request that it stands for: fields that are empty are left out.
    fn body(&self, fields: &Fields) -> Result<Map<String, Value>, Error> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        put("name", json!(self.name.trim()));
        put("category", json!(self.category.trim()));
        if let Some(template) = fields.some("template") {
            let is_id = domain::id::parse_uuid(template).is_some();
            let mut name = Map::from_iter([(if is_id { "id" } else { "key" }.to_owned(), json!(template))]);
            if let Some(version) = number(fields, "template_version")? {
                name.insert("version".to_owned(), json!(version));
            }
            put("template", Value::Object(name));
        } else {
            let mut content = Map::from_iter([
                ("subject".to_owned(), json!(self.subject.trim())),
                ("text".to_owned(), json!(self.text)),
            ]);
            if fields.some("html").is_some() {
                content.insert("html".to_owned(), json!(self.html));
            }
            put("content", Value::Object(content));
        }
        put("audience", self.audience(fields));
        let channels = ticked(fields);
        if !channels.is_empty() {
            put("channels", json!(channels));
        }
        if let Some(text) = fields.some("variables") {
            let variables = serde_json::from_str::<Map<String, Value>>(text);
            put("variables", json!(variables.map_err(|_| Error::bad("variables", "must be a JSON object"))?));
        }
        for name in ["variables_url", "send_at"] {
            if let Some(text) = fields.some(name) {
                put(name, json!(text));
            }
        }
        if let Some(cron) = fields.some("cron") {
            put("schedule", json!({"cron": cron, "time_zone": fields.some("time_zone").unwrap_or("UTC")}));
        }
        for name in ["per_second_max", "expires_in"] {
            if let Some(number) = number(fields, name)? {
                put(name, json!(number));
            }
        }
        Ok(body)
    }

    fn audience(&self, fields: &Fields) -> Value {
        let mut audience = Map::new();
        if self.all {
            audience.insert("all".to_owned(), json!(true));
        }
        for name in ["role", "chat_id", "signed_up_after", "active_since", "locale"] {
            if let Some(text) = fields.some(name) {
                audience.insert(name.to_owned(), json!(text));
            }
        }
        if let Some(ids) = fields.some("user_ids") {
            let ids = ids.split([',', ' ', '\n', '\r', '\t']).filter(|id| !id.is_empty()).collect::<Vec<_>>();
            audience.insert("user_ids".to_owned(), json!(ids));
        }
        Value::Object(audience)
    }
}
