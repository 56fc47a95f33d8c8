//! The claim on a template's key: which template has it. A stream for each key, so that two templates cannot share one,
//! decided together with the template. The key of a template that is deleted is free again.

use crate::TemplateId;
use crate::stored::{self, Empty, StoredParts, Unreadable, Written};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whose key it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// None while it is free.
    pub owner: Option<TemplateId>,
}

/// What happens to the claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A template took the key.
    Claimed(Claimed),
    /// The key is free again.
    Released,
}

/// `template_key.claimed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// Which took it.
    pub template_id: TemplateId,
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Claimed(Claimed { template_id }) => state.owner = Some(*template_id),
        Event::Released => state.owner = None,
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({"owner": self.owner})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Claimed(_) => "template_key.claimed.v1",
            Event::Released => "template_key.released.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Claimed(event) => (stored::json(event), None),
            Event::Released => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "template_key.claimed.v1" => Event::Claimed(parts.payload()?),
            "template_key.released.v1" => parts.payload::<Empty>().map(|_| Event::Released)?,
            _ => return Err(parts.unknown()),
        })
    }
}
