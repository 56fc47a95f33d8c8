//! Whether a template can be rendered: in every locale, with all of its variables and with the required ones only.

use super::engine::{self, Failure, Format};
use super::variables::{self, Missing};
use super::{Context, FAULTS_MAX, RESERVED, RenderError, TemplateFault, failed, from_content, known};
use domain::notify::template::{Content, Definition};
use serde_json::Map;

/// Checks a version of a template before it is published.
///
/// # Errors
/// Every fault that can be found, with line and column, at most [`FAULTS_MAX`]; or [`RenderError::TooExpensive`].
pub fn check(definition: &Definition) -> Result<(), RenderError> {
    let mut faults = reserved(definition);
    for (locale, content) in definition.locales() {
        faults.extend(undeclared(definition, locale, content)?);
    }
    if faults.is_empty() {
        faults = tried(definition)?;
    }
    faults.truncate(FAULTS_MAX);
    if faults.is_empty() { Ok(()) } else { Err(RenderError::Invalid(faults)) }
}

/// Checks words without variables.
///
/// # Errors
/// Every bound that they do not keep.
pub fn check_content(content: &Content) -> Result<(), RenderError> {
    let faults = content.faults("");
    if !faults.is_empty() {
        let whole = |fault: domain::notify::template::Fault| TemplateFault {
            pointer: fault.pointer,
            line: None,
            column: None,
            detail: fault.detail.to_string(),
        };
        return Err(RenderError::Invalid(faults.into_iter().map(whole).collect()));
    }
    super::render(&super::Source::Plain(content), "en", &Map::new(), &Context::TRIED).map(|_| ())
}

fn reserved(definition: &Definition) -> Vec<TemplateFault> {
    let names = RESERVED.into_iter().filter(|name| definition.variables().contains_key(*name));
    let detail = "has a name that every template knows already".to_owned();
    let fault = |name| TemplateFault {
        pointer: format!("/variables/{name}"),
        line: None,
        column: None,
        detail: detail.clone(),
    };
    names.map(fault).collect()
}

/// What the texts of one locale use without declaring it, or why they cannot be read.
fn undeclared(definition: &Definition, locale: &str, content: &Content) -> Result<Vec<TemplateFault>, RenderError> {
    let is_known = |name: &str| RESERVED.contains(&name) || definition.variables().contains_key(name);
    let parts = [
        ("subject", Some(&content.subject), Format::Text),
        ("text", content.text.as_ref(), Format::Text),
        ("html", content.html.as_ref(), Format::Html),
    ];
    let mut faults = Vec::new();
    for (field, source, format) in parts {
        let Some(source) = source else { continue };
        match engine::undeclared(&format!("/locales/{locale}/{field}"), source, format, is_known) {
            Ok(found) => faults.extend(found),
            Err(Failure::Invalid(fault)) => faults.push(fault),
            Err(expensive @ Failure::TooExpensive(_)) => return Err(failed(expensive)),
        }
    }
    Ok(faults)
}

/// What fails when it is rendered with examples.
fn tried(definition: &Definition) -> Result<Vec<TemplateFault>, RenderError> {
    let mut faults = Vec::new();
    for missing in [Missing::Example, Missing::Refused] {
        let given = variables::required_examples(definition.variables());
        let bound = variables::bind(definition.variables(), &given, missing).map_err(RenderError::Variables)?;
        for (locale, content) in definition.locales() {
            let variables = known(bound.clone(), locale, &Context::TRIED);
            match from_content(&format!("/locales/{locale}"), locale, content, &variables) {
                Ok(_) => {}
                Err(Failure::Invalid(fault)) if faults.contains(&fault) => {}
                Err(Failure::Invalid(fault)) => faults.push(fault),
                Err(expensive @ Failure::TooExpensive(_)) => return Err(failed(expensive)),
            }
        }
    }
    Ok(faults)
}
