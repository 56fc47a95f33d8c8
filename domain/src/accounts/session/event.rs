//! What happens to a session, and how it is written down.

use crate::id::hash_as_text;
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::user::Origin;
use crate::{Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// SHA-256 of the text of a session's token or of a service token. As text: 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

hash_as_text!(TokenHash);

/// A way in which somebody shows who they are, or what they show beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By their password.
    #[default]
    Password,
    /// By a code or link that was mailed to them.
    Mail,
    /// By another service that knows them.
    External,
    /// By a passkey, which stands for two factors.
    Passkey,
    /// Beside another: by a code that a device of theirs makes.
    Totp,
    /// Beside another: by one of the codes that they keep for when they lose that device.
    RecoveryCode,
}

impl Way {
    /// Every way.
    pub const ALL: [Way; 6] = [Way::Password, Way::Mail, Way::External, Way::Passkey, Way::Totp, Way::RecoveryCode];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Way::Password => "password",
            Way::Mail => "mail",
            Way::External => "external",
            Way::Passkey => "passkey",
            Way::Totp => "totp",
            Way::RecoveryCode => "recovery-code",
        }
    }

    /// Whether it is a second factor as well: it needs something that its owner has, and their finger or their code.
    pub fn stands_for_two(self) -> bool {
        match self {
            Way::Passkey => true,
            Way::Password | Way::Mail | Way::External | Way::Totp | Way::RecoveryCode => false,
        }
    }

    fn is_password(&self) -> bool {
        *self == Way::Password
    }
}

/// What a session stands on: that its user has shown who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    pub by: Way,
    pub at: Timestamp,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened.
    SignedIn(SignedIn),
    /// It was ended.
    Ended(Ended),
}

/// `session.signed_in.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub user_id: UserId,
    /// SHA-256 of the token.
    pub token_hash: TokenHash,
    pub at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// How they showed first who they are.
    #[serde(default, skip_serializing_if = "Way::is_password")]
    pub by: Way,
    /// All that it stands on, the first one first. Empty where that is one proof, `by` at `at`: [`SignedIn::stands_on`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
    /// Whether the account had signed in before, and never by such a program: its owner is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_device: bool,
    /// Where from.
    #[serde(skip)]
    pub from: Personal<Origin>,
}

/// `session.ended.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Whose it was.
    pub user_id: UserId,
}

impl SignedIn {
    /// All that it stands on, the first one first; at least one.
    pub fn stands_on(&self) -> Vec<Proof> {
        if self.proofs.is_empty() { vec![Proof { by: self.by, at: self.at }] } else { self.proofs.clone() }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::SignedIn(_) => "session.signed_in.v1",
            Event::Ended(_) => "session.ended.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::SignedIn(event) => (stored::json(event), sealed(event.user_id, &event.from)),
            Event::Ended(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "session.signed_in.v1" => Event::SignedIn(SignedIn { from: parts.personal()?, ..parts.payload()? }),
            "session.ended.v1" => Event::Ended(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
