//! What a template is made of, and how large it may be. Whether its texts are well formed is for who renders them.

use crate::text::{Locale, Unfit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most variables of a template.
pub const VARIABLES_MAX: usize = 64;
/// Most characters in the name of a variable.
pub const VARIABLE_NAME_CHARACTERS_MAX: usize = 64;
/// Most bytes of all variables with their examples, and of the variables of one delivery, as JSON.
pub const VARIABLES_BYTES_MAX: usize = 32 * 1024;
/// Most locales of a template.
pub const LOCALES_MAX: usize = 16;
/// Most bytes of a subject.
pub const SUBJECT_BYTES_MAX: usize = 2 * 1024;
/// Most bytes of a text, and of an HTML.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VariableType {
    String,
    Number,
    Boolean,
    List,
}

impl VariableType {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            VariableType::String => "string",
            VariableType::Number => "number",
            VariableType::Boolean => "boolean",
            VariableType::List => "list",
        }
    }

    /// Whether a value is one.
    pub fn fits(self, value: &Value) -> bool {
        match self {
            VariableType::String => value.is_string(),
            VariableType::Number => value.is_number(),
            VariableType::Boolean => value.is_boolean(),
            VariableType::List => value.is_array(),
        }
    }

    /// What stands for one that may be left out and is.
    pub fn empty(self) -> Value {
        match self {
            VariableType::String => Value::from(""),
            VariableType::Number => Value::from(0),
            VariableType::Boolean => Value::from(false),
            VariableType::List => Value::Array(Vec::new()),
        }
    }
}

/// A variable that a template may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(rename = "type")]
    pub of: VariableType,
    /// Whether nothing can be sent without it.
    #[serde(default = "yes")]
    pub required: bool,
    /// What a preview shows.
    pub example: Value,
}

fn yes() -> bool {
    true
}

/// The variables of a template, by their names.
pub type Variables = BTreeMap<String, Variable>;

/// What is said in one locale: at least one of a text and an HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// One line.
    pub subject: String,
    /// None: it is made of the HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// One version of a template. Its bounds are kept; its texts may still be malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    variables: Variables,
    locales: BTreeMap<String, Content>,
}

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Into the template as JSON (RFC 6901).
    pub pointer: String,
    /// Completes "it …".
    pub detail: Unfit,
}

impl Definition {
    /// Puts a version together.
    ///
    /// # Errors
    /// Each bound that it does not keep.
    pub fn new(variables: Variables, locales: BTreeMap<String, Content>) -> Result<Definition, Vec<Fault>> {
        let mut faults = variable_faults(&variables);
        faults.extend(locale_faults(&locales));
        for (locale, content) in &locales {
            faults.extend(content.faults(&format!("/locales/{}", escaped(locale))));
        }
        if faults.is_empty() { Ok(Definition { variables, locales }) } else { Err(faults) }
    }

    /// One that was published: its bounds were kept then.
    pub fn restored(variables: Variables, locales: BTreeMap<String, Content>) -> Definition {
        Definition { variables, locales }
    }

    /// What it may use.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// What it says, by locale.
    pub fn locales(&self) -> &BTreeMap<String, Content> {
        &self.locales
    }

    /// What it says to people of a locale: in that, in its language, in English, or in whatever there is.
    pub fn content(&self, locale: &str) -> Option<(&str, &Content)> {
        let found = [locale, language(locale), "en"].into_iter().find_map(|wanted| {
            let same = self.locales.iter().find(|(locale, _)| locale.eq_ignore_ascii_case(wanted));
            same.or_else(|| self.locales.iter().find(|(locale, _)| language(locale).eq_ignore_ascii_case(wanted)))
        });
        found.or_else(|| self.locales.iter().next()).map(|(locale, content)| (locale.as_str(), content))
    }
}

impl Content {
    /// The bounds that it does not keep; it is at that place.
    pub fn faults(&self, pointer: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |field: &str, detail| faults.push(Fault { pointer: format!("{pointer}{field}"), detail });
        if self.subject.trim().is_empty() {
            add("/subject", Unfit("must not be empty"));
        } else if self.subject.len() > SUBJECT_BYTES_MAX {
            add("/subject", Unfit("must have at most 2048 bytes of UTF-8"));
        } else if self.subject.contains(char::is_control) {
            add("/subject", Unfit("must be one line without control characters"));
        }
        for (field, part) in [("/text", &self.text), ("/html", &self.html)] {
            let Some(part) = part else { continue };
            if part.len() > TEXT_BYTES_MAX {
                add(field, Unfit("must have at most 524288 bytes of UTF-8"));
            } else if part.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                add(field, Unfit("must not contain control characters but tabs and ends of lines"));
            }
        }
        let empty = |part: &Option<String>| part.as_deref().is_none_or(|part| part.trim().is_empty());
        if empty(&self.text) && empty(&self.html) {
            add("", Unfit("must have a text or an HTML that is not empty"));
        }
        faults
    }
}

fn variable_faults(variables: &Variables) -> Vec<Fault> {
    let of =
        |name: &str, field: &str, detail| Fault { pointer: format!("/variables/{}{field}", escaped(name)), detail };
    let mut faults = Vec::new();
    for (name, variable) in variables {
        if !is_name(name) {
            let rule = "must be named by 1 to 64 letters of a to z, digits and underscores, no digit first";
            faults.push(of(name, "", Unfit(rule)));
        }
        if !variable.of.fits(&variable.example) {
            faults.push(of(name, "/example", Unfit("must be of the type of its variable")));
        }
    }
    let whole = |detail| Fault { pointer: "/variables".to_owned(), detail };
    if variables.len() > VARIABLES_MAX {
        faults.push(whole(Unfit("must be at most 64")));
    }
    if crate::stored::json(variables).len() > VARIABLES_BYTES_MAX {
        faults.push(whole(Unfit("must have at most 32768 bytes as JSON")));
    }
    faults
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=VARIABLE_NAME_CHARACTERS_MAX).contains(&name.len())
        && name.bytes().all(fits)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn locale_faults(locales: &BTreeMap<String, Content>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for locale in locales.keys() {
        let pointer = format!("/locales/{}", escaped(locale));
        if let Err(detail) = Locale::parse(locale) {
            faults.push(Fault { pointer, detail });
        } else if !seen.insert(locale.to_ascii_lowercase()) {
            faults.push(Fault { pointer, detail: Unfit("must not be there twice, whatever the case of its letters") });
        }
    }
    if !(1..=LOCALES_MAX).contains(&locales.len()) {
        faults.push(Fault { pointer: "/locales".to_owned(), detail: Unfit("must be 1 to 16") });
    }
    faults
}

/// The first part of a language tag.
fn language(locale: &str) -> &str {
    locale.split('-').next().unwrap_or(locale)
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
