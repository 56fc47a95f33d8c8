//! What happens to a proof, and how it is written down.

use super::State;
use crate::id::EmailClaim;
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::text::{Email, Locale};
use crate::{Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a proof is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Confirms the address that a new account was registered with.
    Welcome,
    /// Confirms another address.
    Confirm,
    /// Sets a new password.
    Reset,
    /// Signs in.
    SignIn,
    /// Opens an account and signs in.
    SignUp,
}

impl Purpose {
    /// Its name in JSON.
    fn name(self) -> &'static str {
        match self {
            Purpose::Welcome => "welcome",
            Purpose::Confirm => "confirm",
            Purpose::Reset => "reset",
            Purpose::SignIn => "sign-in",
            Purpose::SignUp => "sign-up",
        }
    }
}

/// What happens to a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was asked for; where it is about an account, it is mailed.
    Issued(Issued),
    /// A wrong code was tried.
    Tried(Tried),
    /// It did what it is good for.
    Used(Used),
}

/// `proof.issued.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    pub purpose: Purpose,
    /// Whose mail it is; none where no account has the address and nothing is mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub claim: EmailClaim,
    /// How many passwords the account had.
    pub passwords: u32,
    /// The language of the page that asked, for who has no account yet.
    pub language: Locale,
    pub at: Timestamp,
    pub expires_at: Timestamp,
    /// Where it is mailed to.
    #[serde(skip)]
    pub email: Personal<Email>,
}

/// `proof.tried.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Wrong codes so far.
    pub count: u32,
}

/// `proof.used.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {}

impl State {
    /// It as JSON; what is personal in it only on request.
    pub(crate) fn to_json(&self, personal: bool) -> Value {
        let proof = match self {
            State::Absent => return json!({"is": "absent"}),
            State::Spent => return json!({"is": "spent"}),
            State::Open(proof) => proof,
        };
        let mut shown = json!({
            "is": "open", "purpose": proof.purpose.name(), "user_id": proof.user_id, "expires_at": proof.expires_at,
            "tries": proof.tries,
        });
        if personal {
            shown["email"] = json!(proof.email.known());
        }
        shown
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Issued(_) => "proof.issued.v1",
            Event::Tried(_) => "proof.tried.v1",
            Event::Used(_) => "proof.used.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Issued(event) => {
                let personal = event.user_id.and_then(|user_id| sealed(user_id, &event.email));
                (stored::json(event), personal)
            }
            Event::Tried(event) => (stored::json(event), None),
            Event::Used(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "proof.issued.v1" => {
                let issued: Issued = parts.payload()?;
                // Of nobody's address nothing is sealed.
                let email = if issued.user_id.is_some() { parts.personal()? } else { Personal::Erased };
                Event::Issued(Issued { email, ..issued })
            }
            "proof.tried.v1" => Event::Tried(parts.payload()?),
            "proof.used.v1" => Event::Used(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
