//! `letopis templates`: those of applications, for who has the data folder, and those that are built in.

use crate::arguments::Templates as Verb;
use crate::context::Context;
use crate::exit::{Code, failure};
use crate::output::{self, Column, Listing, note};
use anyhow::{Context as _, Result};
use couriers::render::{self, BuiltIn, RenderError, Source, TemplateFault};
use domain::id::TemplateKey;
use domain::notify::CategoryKey;
use domain::template::{Content, Definition, Variables};
use projections::{ProjectionId, templates};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

const COLUMNS: &[Column] = &[
    Column::new("key"),
    Column::new("category"),
    Column::new("version"),
    Column::new("updated_at").yields(1),
    Column::new("template_id").yields(2),
];
/// How many templates are read at once.
const PAGE: u32 = 1_000;
/// The largest file that is checked: what the server takes at most.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A line of the list.
#[derive(Serialize)]
struct Row {
    key: String,
    category: String,
    /// None: it is built in.
    version: Option<u32>,
    updated_at: Option<domain::Timestamp>,
    template_id: Option<domain::TemplateId>,
}

/// A template, as it is sent.
#[derive(Serialize)]
struct Shown {
    key: String,
    category: String,
    version: Option<u32>,
    variables: Variables,
    locales: BTreeMap<String, Content>,
}

/// A template in a file: what `POST /v1/templates` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    key: String,
    category: String,
    variables: Variables,
    locales: BTreeMap<String, Content>,
}

/// What a template that is valid says, from its examples.
#[derive(Serialize)]
struct Checked {
    key: String,
    locales: BTreeMap<String, Preview>,
}

#[derive(Serialize)]
struct Preview {
    subject: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
}

/// Does what was asked.
///
/// # Errors
/// What went wrong: code 3 for a template that is not there, 5 for one that is not valid.
pub async fn verb(context: &Context, verb: Verb) -> Result<()> {
    match verb {
        Verb::Ls { limit } => ls(context, limit).await,
        Verb::Show { key } => show(context, &key).await,
        Verb::Check { file } => check(context, &file),
    }
}

async fn ls(context: &Context, limit: Option<u64>) -> Result<()> {
    let database = context.current(&[ProjectionId::Templates]).await?.database(ProjectionId::Templates);
    let mut listing = Listing::new(context.output, COLUMNS);
    let (mut left, mut before) = (context.output.limit(limit), None);
    while left > 0 {
        let page = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let rows = templates::list(&database, before, page).await?;
        left -= rows.len() as u64;
        before = rows.last().map(|row| row.created);
        let is_last = rows.len() < page as usize;
        rows.into_iter().try_for_each(|row| {
            listing.row(&Row {
                key: row.key.to_string(),
                category: row.category.to_string(),
                version: Some(row.version),
                updated_at: Some(row.updated_at),
                template_id: Some(row.template_id),
            })
        })?;
        if is_last {
            break;
        }
    }
    context.output.note_limit(limit, left, "templates");
    BuiltIn::ALL.into_iter().try_for_each(|built_in| {
        let (key, category) = (built_in.key().to_owned(), built_in.category().to_string());
        listing.row(&Row { key, category, version: None, updated_at: None, template_id: None })
    })?;
    listing.end()
}

async fn show(context: &Context, key: &str) -> Result<()> {
    if let Some(built_in) = BuiltIn::parse(key) {
        return output::show(context.output, &shown_built_in(built_in, &tried(context))?);
    }
    let unknown = || failure(Code::NotFound, format!("there is no template with the key {key:?}; see templates ls"));
    let parsed = TemplateKey::parse(key).ok_or_else(unknown)?;
    let database = context.current(&[ProjectionId::Templates]).await?.database(ProjectionId::Templates);
    let found = templates::by_key(&database, parsed).await?.ok_or_else(unknown)?;
    let version = templates::version(&database, found.template_id, found.version).await?.ok_or_else(unknown)?;
    let shown = Shown {
        key: found.key.to_string(),
        category: version.category.to_string(),
        version: Some(version.version),
        variables: version.definition.variables().clone(),
        locales: version.definition.locales().clone(),
    };
    output::show(context.output, &shown)
}

/// Where templates are only tried, under the product's own name.
fn tried(context: &Context) -> render::Context<'_> {
    render::Context { product: &context.settings.product_name, ..render::Context::TRIED }
}

/// What is built in has no source of its own for each format: it is shown as it reads.
fn shown_built_in(built_in: BuiltIn, tried: &render::Context<'_>) -> Result<Shown> {
    let mut locales = BTreeMap::new();
    for language in domain::notify::Language::ALL {
        let said = render::preview(&Source::BuiltIn(built_in), language.tag(), &Map::new(), tried)?;
        let content = Content { subject: said.subject, text: Some(said.text), html: said.html };
        locales.insert(language.tag().to_owned(), content);
    }
    let (key, category) = (built_in.key().to_owned(), built_in.category().to_string());
    Ok(Shown { key, category, version: None, variables: built_in.variables().clone(), locales })
}

fn check(context: &Context, path: &Path) -> Result<()> {
    let name = path.display();
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    read.with_context(|| format!("could not read {name}"))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(failure(Code::Failure, format!("{name} is longer than 1 MiB, which no server takes")));
    }
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let checked = parsed(&text, is_toml).and_then(|template| checked(template, &tried(context)));
    match checked {
        Ok(checked) => output::show(context.output, &checked),
        Err(faults) => {
            faults.iter().for_each(|fault| note(format_args!("{name}: {}", line(fault))));
            Err(failure(Code::Unhealthy, format!("{name} is no valid template: {} faults", faults.len())))
        }
    }
}

fn parsed(text: &str, is_toml: bool) -> Result<Template, Vec<TemplateFault>> {
    let at = |line, column, detail: String| {
        vec![TemplateFault { pointer: String::new(), line: Some(line), column: Some(column), detail }]
    };
    if is_toml {
        return toml::from_str(text).map_err(|error| {
            let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            at(before.matches('\n').count() + 1, column, error.message().to_owned())
        });
    }
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        let detail = said.split(" at line ").next().unwrap_or_default().to_owned();
        at(error.line(), error.column(), detail)
    })
}

fn checked(template: Template, tried: &render::Context<'_>) -> Result<Checked, Vec<TemplateFault>> {
    let whole =
        |pointer: &str, detail: String| TemplateFault { pointer: pointer.to_owned(), line: None, column: None, detail };
    let mut faults = Vec::new();
    if TemplateKey::parse(&template.key).is_none() {
        faults.push(whole(
            "/key",
            "is no key: 1 to 64 lower-case letters, digits, dots, hyphens, underscores".to_owned(),
        ));
    } else if BuiltIn::parse(&template.key).is_some() {
        faults.push(whole("/key", "belongs to a built-in message".to_owned()));
    }
    if let Err(unfit) = CategoryKey::parse(&template.category) {
        faults.push(whole("/category", unfit.to_string()));
    }
    let definition = match Definition::new(template.variables, template.locales) {
        Ok(definition) => definition,
        Err(bounds) => {
            faults.extend(bounds.into_iter().map(|fault| whole(&fault.pointer, fault.detail.to_string())));
            return Err(faults);
        }
    };
    if let Err(error) = render::check(&definition) {
        faults.extend(told(error));
    }
    let mut locales = BTreeMap::new();
    if faults.is_empty() {
        for locale in definition.locales().keys() {
            let said = render::preview(&Source::Template(&definition), locale, &Map::new(), tried).map_err(told)?;
            let preview = Preview { subject: said.subject, text: said.text, html: said.html };
            locales.insert(locale.clone(), preview);
        }
    }
    if faults.is_empty() { Ok(Checked { key: template.key, locales }) } else { Err(faults) }
}

fn told(error: RenderError) -> Vec<TemplateFault> {
    match error {
        RenderError::Invalid(faults) | RenderError::TooExpensive(faults) => faults,
        RenderError::Variables(faults) => {
            let pointer = |name: Option<String>| format!("/variables/{}", name.unwrap_or_default());
            let fault = |fault: render::VariableFault| TemplateFault {
                pointer: pointer(fault.name),
                line: None,
                column: None,
                detail: fault.detail,
            };
            faults.into_iter().map(fault).collect()
        }
    }
}

/// A fault as compilers write theirs.
fn line(fault: &TemplateFault) -> String {
    let TemplateFault { pointer, line, column, detail } = fault;
    match (line, column) {
        (Some(line), Some(column)) => format!("{pointer}:{line}:{column}: {detail}"),
        (Some(line), None) => format!("{pointer}:{line}: {detail}"),
        (None, _) => format!("{pointer}: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "key = \"orders.shipped\"\ncategory = \"transactional\"\n\
        [variables]\norder = { type = \"string\", required = true, example = \"17-204\" }\n\
        [locales.en]\nsubject = \"Order {{ order }}\"\ntext = \"\"\"\nSent:\n{{ ORDER }}\"\"\"\n";

    fn lines(text: &str, is_toml: bool) -> Vec<String> {
        let faults = parsed(text, is_toml)
            .and_then(|template| checked(template, &render::Context::TRIED))
            .err()
            .unwrap_or_default();
        faults.iter().map(line).collect()
    }

    #[test]
    fn a_file_that_is_valid_is_previewed() {
        let tried = render::Context { product: "Garden & Co", ..render::Context::TRIED };
        let template = parsed(&TOML.replace("ORDER", "order").replace("Sent:", "{{ product }}:"), true);
        let checked = template.and_then(|template| checked(template, &tried)).unwrap();
        assert_eq!(checked.locales["en"].text, "Garden & Co:\n17-204");
        assert_eq!(checked.locales["en"].subject, "Order 17-204");
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let undeclared = lines(TOML, true);
        assert_eq!(undeclared, ["/locales/en/text:2:4: uses ORDER, which is not declared among the variables"]);
        assert!(lines("{\n  \"key\": 1}", false)[0].starts_with(":2:"), "{:?}", lines("{\n  \"key\": 1}", false));
        assert!(lines("key = \"a\"\ncolour = 1\n", true)[0].starts_with(":2:1: "));
        let taken = TOML.replace("ORDER", "order").replace("orders.shipped", "account.welcome");
        assert_eq!(lines(&taken, true), ["/key: belongs to a built-in message"]);
    }
}
