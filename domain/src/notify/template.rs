//! A template: what notifications of an application's own say, in versions that never change. A delivery pins the version
//! that it is rendered from, so every version stays, also of a template that is deleted.

use crate::id::TemplateKey;
use crate::notify::CategoryKey;
use crate::stored::{self, Empty, StoredParts, Unreadable, Written};
use crate::{Decision, Outcome, Reads, RefusalKind, TemplateId, template_key};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod definition;
mod pieces;

pub use definition::{
    Content, Definition, Fault, LOCALES_MAX, SUBJECT_BYTES_MAX, TEXT_BYTES_MAX, VARIABLE_NAME_CHARACTERS_MAX,
    VARIABLES_BYTES_MAX, VARIABLES_MAX, Variable, VariableType, Variables,
};

/// Most versions of one template.
pub const VERSIONS_MAX: u32 = 250;

/// Whether there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It can be sent.
    Live {
        key: TemplateKey,
        /// The newest; the first is 1.
        version: u32,
    },
    /// It was deleted.
    Deleted,
}

/// What somebody may want of a template.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create it with its first version.
    Create(Create),
    /// Publish another version.
    Publish(Publish),
    /// Delete it.
    Delete(Delete),
}

/// Create it with its first version.
#[derive(Clone, Debug)]
pub struct Create {
    pub key: TemplateKey,
    pub category: CategoryKey,
    pub definition: Definition,
}

/// Publish another version.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The key that it is taken to have; none where nothing was said of it.
    pub key: Option<TemplateKey>,
    pub category: CategoryKey,
    pub definition: Definition,
}

/// Delete it.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Its key, which others may take then.
    pub key: TemplateKey,
}

impl Command {
    /// What the rules look at beside the template: the claim on its key, where it is taken or released.
    pub fn reads(&self) -> Reads {
        let template_key = match self {
            Command::Create(Create { key, .. }) | Command::Delete(Delete { key }) => Some(*key),
            Command::Publish(_) => None,
        };
        Reads { template_key, ..Reads::default() }
    }
}

/// What happens to a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created. Its first version follows.
    Created(Created),
    /// What a version says in one locale, or the next piece of that.
    ContentPublished(ContentPublished),
    /// A version is whole, and is what is sent from now on.
    VersionPublished(VersionPublished),
    /// It was deleted.
    Deleted,
}

/// `template.created.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub key: TemplateKey,
}

/// `template.content_published.v1`: what is longer than fits into one event follows in others of the same version and
/// locale, each of which continues the fields that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentPublished {
    pub version: u32,
    pub locale: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// `template.version_published.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPublished {
    pub version: u32,
    pub category: CategoryKey,
    pub variables: Variables,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such template, or no more.
    #[error("there is no such template")]
    NotFound,
    /// Its id is taken.
    #[error("this template exists already")]
    AlreadyExists,
    /// Another template has its key.
    #[error("there is a template with this key already")]
    KeyTaken,
    /// Another key was given for it.
    #[error("a template keeps its key; create another one")]
    KeyFixed,
    /// It has as many versions as allowed.
    #[error("a template has at most 250 versions; create another one")]
    TooManyVersions,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::TemplateNotFound,
            Refusal::AlreadyExists | Refusal::KeyTaken => RefusalKind::AlreadyExists,
            Refusal::KeyFixed => RefusalKind::Malformed,
            Refusal::TooManyVersions => RefusalKind::EditedTooOften,
        }
    }
}

/// Decides on one template, together with the claim on the key that its command names.
pub fn decide(
    id: TemplateId,
    state: &State,
    claim: &template_key::State,
    command: &Command,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::Create(Create { key, category, definition })) => {
            if claim.owner.is_some() {
                return Err(Refusal::KeyTaken);
            }
            let claimed = template_key::Event::Claimed(template_key::Claimed { template_id: id });
            let mut facts = vec![crate::Event::TemplateKey(*key, claimed)];
            facts.push(crate::Event::Template(id, Event::Created(Created { key: *key })));
            facts.extend(published(id, 1, category, definition));
            Ok(Decision::of(facts, Outcome::TemplatePublished { template_id: id, version: 1 }))
        }
        (State::Live { .. } | State::Deleted, Command::Create(_)) => Err(Refusal::AlreadyExists),
        (State::Live { key, version }, Command::Publish(command)) => {
            if command.key.is_some_and(|named| named != *key) {
                return Err(Refusal::KeyFixed);
            }
            if *version >= VERSIONS_MAX {
                return Err(Refusal::TooManyVersions);
            }
            let version = version + 1;
            let facts = published(id, version, &command.category, &command.definition);
            Ok(Decision::of(facts, Outcome::TemplatePublished { template_id: id, version }))
        }
        (State::Live { key, .. }, Command::Delete(command)) if *key == command.key => {
            let released = (claim.owner == Some(id)).then_some(template_key::Event::Released);
            let released = released.map(|event| crate::Event::TemplateKey(*key, event));
            let deleted = crate::Event::Template(id, Event::Deleted);
            Ok(Decision::of(released.into_iter().chain([deleted]).collect(), Outcome::Done))
        }
        (State::Absent | State::Live { .. } | State::Deleted, Command::Publish(_) | Command::Delete(_)) => {
            Err(Refusal::NotFound)
        }
    }
}

/// A version: what it says first, and then that it is whole, so that nobody ever sees half of one.
fn published(id: TemplateId, version: u32, category: &CategoryKey, definition: &Definition) -> Vec<crate::Event> {
    let contents = definition.locales().iter().flat_map(|(locale, content)| pieces::pieces(version, locale, content));
    let whole = VersionPublished { version, category: category.clone(), variables: definition.variables().clone() };
    let events = contents.map(Event::ContentPublished).chain([Event::VersionPublished(whole)]);
    events.map(|event| crate::Event::Template(id, event)).collect()
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Created(Created { key }) => *state = State::Live { key: *key, version: 0 },
        Event::ContentPublished(_) => {}
        Event::VersionPublished(published) => {
            if let State::Live { version, .. } = state {
                *version = published.version;
            }
        }
        Event::Deleted => *state = State::Deleted,
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Live { key, version } => json!({"is": "live", "key": key, "version": version}),
            State::Deleted => json!({"is": "deleted"}),
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "template.created.v1",
            Event::ContentPublished(_) => "template.content_published.v1",
            Event::VersionPublished(_) => "template.version_published.v1",
            Event::Deleted => "template.deleted.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Created(event) => (stored::json(event), None),
            Event::ContentPublished(event) => (stored::json(event), None),
            Event::VersionPublished(event) => (stored::json(event), None),
            Event::Deleted => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "template.created.v1" => Event::Created(parts.payload()?),
            "template.content_published.v1" => Event::ContentPublished(parts.payload()?),
            "template.version_published.v1" => Event::VersionPublished(parts.payload()?),
            "template.deleted.v1" => parts.payload::<Empty>().map(|_| Event::Deleted)?,
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
