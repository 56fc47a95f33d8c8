//! The texts of the messages that are built in: one file for each message and language, which says everything once. Two
//! layouts make an HTML and a text of it.

use super::builtin::BuiltIn;
use super::engine::{self, Failure, Format};
use super::html;
use super::words::one_line;
use domain::notify::Language;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Captured, Environment, Value};
use std::sync::OnceLock;

/// A built-in message, said in one language.
pub(super) struct Said {
    pub(super) subject: String,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// How a message is laid out in each format, and the parts that it is made of.
const HTML: (&str, &str) =
    (include_str!("../../templates/layout.html.jinja"), include_str!("../../templates/parts.html.jinja"));
const TEXT: (&str, &str) =
    (include_str!("../../templates/layout.text.jinja"), include_str!("../../templates/parts.text.jinja"));

macro_rules! files {
    ($($variant:ident = $key:literal),+ $(,)?) => {
        /// The file of a message in English and in Russian.
        fn files(built_in: BuiltIn) -> [&'static str; 2] {
            match built_in {
                $(BuiltIn::$variant => [
                    include_str!(concat!("../../templates/en/", $key, ".jinja")),
                    include_str!(concat!("../../templates/ru/", $key, ".jinja")),
                ],)+
            }
        }
    };
}

files! {
    Welcome = "account.welcome",
    Confirm = "account.confirm",
    Reset = "account.reset",
    Code = "account.code",
    AddressInUse = "account.address-in-use",
    PasswordChanged = "security.password-changed",
    NewDevice = "security.new-device",
    EmailChanged = "security.email-changed",
    FactorAdded = "security.factor-added",
    FactorRemoved = "security.factor-removed",
    RecoveryCodeUsed = "security.recovery-code-used",
    RecoveryCodesMade = "security.recovery-codes-made",
    WaysInChanged = "security.ways-in-changed",
    Unread = "messages.unread",
    Added = "chats.added",
    Invited = "chats.invited",
    RoleChanged = "chats.role-changed",
    Moderation = "moderation.notice",
}

/// The words around every message, in English and in Russian.
const WORDS: [&str; 2] =
    [include_str!("../../templates/en/words.jinja"), include_str!("../../templates/ru/words.jinja")];

/// Says a message.
pub(super) fn say(built_in: BuiltIn, language: Language, variables: &Value) -> Result<Said, Failure> {
    let html = render(built_in, language, Format::Html, variables)?;
    let mut said = render(built_in, language, Format::Text, variables)?;
    let mut block = |name| {
        let block = said.with_state_mut(|state| state.render_block(name));
        block.map(|text| one_line(&text)).map_err(|error| engine::failure(built_in.key(), "", &error))
    };
    let (subject, title, summary) = (block("subject")?, block("title")?, block("summary")?);
    let html = html::inlined(html.into_output()).map_err(|fault| html_failure(built_in, &fault))?;
    let (key, text) = (built_in.key(), paragraphs(said.output()));
    Ok(Said { subject, title, summary, text: engine::bounded(key, text)?, html: engine::bounded(key, html)? })
}

fn render(
    built_in: BuiltIn,
    language: Language,
    format: Format,
    variables: &Value,
) -> Result<Captured<'static>, Failure> {
    let template = environments(language, format).get_template(built_in.key());
    let rendered = template.and_then(|template| template.render_captured(variables.clone()));
    rendered.map_err(|error| engine::failure(built_in.key(), "", &error))
}

fn html_failure(built_in: BuiltIn, fault: &html::HtmlFault) -> Failure {
    let detail = fault.to_string();
    Failure::Invalid(super::TemplateFault { pointer: built_in.key().to_owned(), line: None, column: None, detail })
}

/// All messages in one language and one format.
fn environments(language: Language, format: Format) -> &'static Environment<'static> {
    static ENGLISH: [OnceLock<Environment<'static>>; 2] = [const { OnceLock::new() }; 2];
    static RUSSIAN: [OnceLock<Environment<'static>>; 2] = [const { OnceLock::new() }; 2];
    let [html, text] = match language {
        Language::En => &ENGLISH,
        Language::Ru => &RUSSIAN,
    };
    let place = match format {
        Format::Html => html,
        Format::Text => text,
    };
    place.get_or_init(|| load(language, format))
}

fn load(language: Language, format: Format) -> Environment<'static> {
    let mut environment = engine::environment(format);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the delimiters are the usual ones"));
    let (layout, parts) = match format {
        Format::Html => HTML,
        Format::Text => TEXT,
    };
    let of = |[english, russian]: [&'static str; 2]| match language {
        Language::En => english,
        Language::Ru => russian,
    };
    let shared = [("layout", layout), ("parts", parts), ("words", of(WORDS))];
    let messages = BuiltIn::ALL.map(|built_in| (built_in.key(), of(files(built_in))));
    for (name, source) in shared.into_iter().chain(messages) {
        environment.add_template(name, source).expect("a test renders every built-in message");
    }
    environment
}

/// Paragraphs with one empty line between them, whatever the templates left there.
fn paragraphs(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}
