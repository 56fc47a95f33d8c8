//! What happens to a user's identities, and how it is written down.

use crate::id::{IdentitiesId, IdentityClaim, IdentityId};
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::{Personal, Timestamp};
use serde::{Deserialize, Serialize};

/// What happens to a user's identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// They can sign in by one more.
    Linked(Linked),
    /// They cannot by that one any more.
    Unlinked(Unlinked),
}

/// `identities.linked.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    pub identity_id: IdentityId,
    pub claim: IdentityClaim,
    /// The name of the service in the settings.
    pub provider: String,
    pub issuer: String,
    pub at: Timestamp,
    /// Whether the account was opened by it: nobody is warned of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opened: bool,
    #[serde(skip)]
    pub parts: Personal<IdentityParts>,
}

/// What is personal of an identity, as the service said it when it was linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityParts {
    /// Whom the issuer knows them as.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `identities.unlinked.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlinked {
    pub identity_id: IdentityId,
    /// The name of the service in the settings.
    pub provider: String,
    pub at: Timestamp,
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Linked(_) => "identities.linked.v1",
            Event::Unlinked(_) => "identities.unlinked.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self, id: IdentitiesId) -> Written {
        match self {
            Event::Linked(event) => (stored::json(event), sealed(id.into(), &event.parts)),
            Event::Unlinked(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "identities.linked.v1" => Event::Linked(Linked { parts: parts.personal()?, ..parts.payload()? }),
            "identities.unlinked.v1" => Event::Unlinked(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
