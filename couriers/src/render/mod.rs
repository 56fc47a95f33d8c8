//! What people read: a template and its variables become a subject, a text and an HTML.
//!
//! A template is one that is built in, one of an application's own, or plain words without variables. Rendering is
//! bounded in steps, memory and length, knows no files, and escapes what it puts into HTML. It sends nothing.

mod builtin;
mod check;
mod engine;
mod error;
mod html;
mod layout;
#[cfg(test)]
mod tests;
mod variables;
mod words;

pub use builtin::BuiltIn;
pub use check::{check, check_content};
pub use error::{FAULTS_MAX, RenderError, TemplateFault, VariableFault};

use domain::notify::Language;
use domain::notify::template::{Content, Definition};
use engine::{Failure, Format};
use minijinja::Value;
use minijinja::value::Serde;
use serde_json::Map;
use variables::Missing;

/// Most characters of a subject; what is longer is cut.
const SUBJECT_CHARACTERS_MAX: usize = 255;
/// Most characters of what the inbox shows below the title.
const SUMMARY_CHARACTERS_MAX: usize = 1_000;

/// What is rendered.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// A message that is built in.
    BuiltIn(BuiltIn),
    /// A version of a template.
    Template(&'a Definition),
    /// Words without variables: braces in them stand for themselves, and their HTML is sanitised.
    Plain(&'a Content),
}

/// What every template knows beside its own variables, by these names.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What the product calls itself.
    pub product: &'a str,
    /// Where it is found, without a slash at the end.
    pub public_url: &'a str,
    /// Where the reader switches off what they get; none of what cannot be switched off.
    pub unsubscribe_url: Option<&'a str>,
    /// The reader's (IANA); UTC where it is not known.
    pub time_zone: &'a str,
}

impl Context<'static> {
    /// Where a template is only tried.
    pub const TRIED: Context<'static> = Context {
        product: "Letopis",
        public_url: "https://letopis.example",
        unsubscribe_url: Some("https://letopis.example/u/preview"),
        time_zone: "UTC",
    };
}

/// The names of a [`Context`], and `locale`: no template may declare them.
pub const RESERVED: [&str; 5] = ["locale", "product", "public_url", "time_zone", "unsubscribe_url"];

/// What a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Of the locales that there are, the one that it is written in.
    pub locale: String,
    /// One line, at most 255 characters.
    pub subject: String,
    /// What a mail says without HTML.
    pub text: String,
    /// None: the mail is text only.
    pub html: Option<String>,
    /// For the inbox: a title of one line.
    pub title: String,
    /// For the inbox: what is to be known, without HTML, at most 1,000 characters.
    pub summary: String,
}

/// Renders it in the locale that fits best: that one, its language, English, or whatever there is.
///
/// # Errors
/// [`RenderError`]; of a template that [`check()`] accepted mostly by its variables.
pub fn render(
    source: &Source<'_>,
    locale: &str,
    variables: &Map<String, serde_json::Value>,
    context: &Context<'_>,
) -> Result<Rendered, RenderError> {
    rendered(source, locale, variables, context, Missing::Refused)
}

/// The same with the examples of all variables that are left out, also of those that are not required.
///
/// # Errors
/// [`RenderError`].
pub fn preview(
    source: &Source<'_>,
    locale: &str,
    variables: &Map<String, serde_json::Value>,
    context: &Context<'_>,
) -> Result<Rendered, RenderError> {
    rendered(source, locale, variables, context, Missing::Example)
}

fn rendered(
    source: &Source<'_>,
    locale: &str,
    given: &Map<String, serde_json::Value>,
    context: &Context<'_>,
    missing: Missing,
) -> Result<Rendered, RenderError> {
    match source {
        Source::BuiltIn(built_in) => {
            let bound = variables::bind(built_in.variables(), given, missing).map_err(RenderError::Variables)?;
            let language = Language::of_tag(locale).unwrap_or_default();
            let said = layout::say(*built_in, language, &known(bound, language.tag(), context)).map_err(failed)?;
            Ok(Rendered {
                locale: language.tag().to_owned(),
                subject: cut(&said.subject, SUBJECT_CHARACTERS_MAX),
                text: said.text,
                html: Some(said.html),
                title: said.title,
                summary: cut(&said.summary, SUMMARY_CHARACTERS_MAX),
            })
        }
        Source::Template(definition) => {
            let bound = variables::bind(definition.variables(), given, missing).map_err(RenderError::Variables)?;
            // A definition without a locale cannot be made.
            let (locale, content) = definition.content(locale).ok_or(RenderError::Invalid(Vec::new()))?;
            let pointer = format!("/locales/{locale}");
            from_content(&pointer, locale, content, &known(bound, locale, context)).map_err(failed)
        }
        Source::Plain(content) => {
            if let Some(name) = given.keys().next() {
                let detail = "cannot be used in plain words; use a template".to_owned();
                return Err(RenderError::Variables(vec![VariableFault { name: Some(name.clone()), detail }]));
            }
            let html = content.html.as_deref().map(html::sanitised).transpose();
            let html = html.map_err(|fault| failed(html_failure("/html", fault)))?;
            let text = content.text.clone();
            finished("", locale, content.subject.clone(), text, html).map_err(failed)
        }
    }
}

/// The variables of a template with what every template knows.
fn known(bound: Map<String, serde_json::Value>, locale: &str, context: &Context<'_>) -> Value {
    let mut all = bound;
    let Context { product, public_url, unsubscribe_url, time_zone } = *context;
    let texts = [locale, product, public_url, time_zone, unsubscribe_url.unwrap_or_default()];
    all.extend(RESERVED.into_iter().zip(texts).map(|(name, text)| (name.to_owned(), text.into())));
    Value::from(Serde(&all))
}

/// Renders one locale of a template. A pointer leads to it.
fn from_content(pointer: &str, locale: &str, content: &Content, variables: &Value) -> Result<Rendered, Failure> {
    let run = |field: &str, source: &str, format| engine::run(&format!("{pointer}{field}"), source, format, variables);
    let subject = run("/subject", &content.subject, Format::Text)?;
    let text = content.text.as_deref().map(|text| run("/text", text, Format::Text)).transpose()?;
    let html = content.html.as_deref().map(|html| run("/html", html, Format::Html)).transpose()?;
    finished(pointer, locale, subject, text, html)
}

fn finished(
    pointer: &str,
    locale: &str,
    subject: String,
    text: Option<String>,
    html: Option<String>,
) -> Result<Rendered, Failure> {
    let at = format!("{pointer}/html");
    let text = match (text.filter(|text| !text.trim().is_empty()), &html) {
        (Some(text), _) => text,
        (None, Some(html)) => html::to_text(html).map_err(|fault| html_failure(&at, fault))?,
        (None, None) => String::new(),
    };
    let html = html.map(|html| html::inlined(html).map_err(|fault| html_failure(&at, fault))).transpose()?;
    let html = html.map(|html| engine::bounded(&at, html)).transpose()?;
    let text = engine::bounded(&at, text)?;
    let subject = cut(&words::one_line(&subject), SUBJECT_CHARACTERS_MAX);
    let (title, summary) = (subject.clone(), cut(text.trim(), SUMMARY_CHARACTERS_MAX));
    Ok(Rendered { locale: locale.to_owned(), subject, text, html, title, summary })
}

fn html_failure(pointer: &str, fault: html::HtmlFault) -> Failure {
    let detail = fault.to_string();
    let fault_there = TemplateFault { pointer: pointer.to_owned(), line: None, column: None, detail };
    match fault {
        html::HtmlFault::Tags | html::HtmlFault::Formatting => Failure::TooExpensive(fault_there),
        html::HtmlFault::Styles | html::HtmlFault::Text | html::HtmlFault::NoThread => Failure::Invalid(fault_there),
    }
}

fn failed(failure: Failure) -> RenderError {
    match failure {
        Failure::Invalid(fault) => RenderError::Invalid(vec![fault]),
        Failure::TooExpensive(fault) => RenderError::TooExpensive(vec![fault]),
    }
}

/// At most so many characters, with an ellipsis where something was cut off.
fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters_max.saturating_sub(1)).chain(['…']).collect(),
    }
}
