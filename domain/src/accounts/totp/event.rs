//! What happens to a second factor, and how it is written down.

use crate::id::hash_as_text;
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::{Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// The stored names of what holds a secret.
pub const SECRETS: &[&str] = &["totp.begun.v1"];

/// A secret that a device shares with us, in base32 (RFC 4648) without padding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// The keyed hash of a recovery code. As text: 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecoveryHash(pub [u8; 32]);

hash_as_text!(RecoveryHash);

/// What happens to a second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A secret was shared.
    Begun(Begun),
    /// A first code of it was right: from now on it is a second factor.
    Confirmed(Confirmed),
    /// A code counted.
    CodeUsed(CodeUsed),
    /// A recovery code counted.
    RecoveryCodeUsed(RecoveryCodeUsed),
    /// There are new recovery codes in place of those before.
    RecoveryCodesMade(RecoveryCodesMade),
    /// It is a second factor no more.
    Removed(Removed),
}

/// `totp.begun.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    pub user_id: UserId,
    pub at: Timestamp,
    #[serde(skip)]
    pub secret: Personal<Secret>,
}

/// `totp.confirmed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub at: Timestamp,
    /// The step of the code.
    pub step: u64,
    pub codes: Vec<RecoveryHash>,
}

/// `totp.code_used.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeUsed {
    /// The step of the code: it and all before it count no more.
    pub step: u64,
}

/// `totp.recovery_code_used.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodeUsed {
    pub code: RecoveryHash,
    /// How many there are still.
    pub left: u32,
    pub at: Timestamp,
}

/// `totp.recovery_codes_made.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryCodesMade {
    pub at: Timestamp,
    pub codes: Vec<RecoveryHash>,
}

/// `totp.removed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub at: Timestamp,
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Begun(_) => "totp.begun.v1",
            Event::Confirmed(_) => "totp.confirmed.v1",
            Event::CodeUsed(_) => "totp.code_used.v1",
            Event::RecoveryCodeUsed(_) => "totp.recovery_code_used.v1",
            Event::RecoveryCodesMade(_) => "totp.recovery_codes_made.v1",
            Event::Removed(_) => "totp.removed.v1",
        }
    }

    /// The stored names of the facts in its stream whose sealed parts are forgotten as soon as it is appended: a secret that
    /// is replaced or removed is of no use to anybody.
    pub(crate) fn supersedes(&self) -> &'static [&'static str] {
        match self {
            Event::Begun(_) | Event::Removed(_) => SECRETS,
            Event::Confirmed(_) | Event::CodeUsed(_) | Event::RecoveryCodeUsed(_) | Event::RecoveryCodesMade(_) => &[],
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Begun(event) => (stored::json(event), sealed(event.user_id, &event.secret)),
            Event::Confirmed(event) => (stored::json(event), None),
            Event::CodeUsed(event) => (stored::json(event), None),
            Event::RecoveryCodeUsed(event) => (stored::json(event), None),
            Event::RecoveryCodesMade(event) => (stored::json(event), None),
            Event::Removed(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "totp.begun.v1" => Event::Begun(Begun { secret: parts.personal()?, ..parts.payload()? }),
            "totp.confirmed.v1" => Event::Confirmed(parts.payload()?),
            "totp.code_used.v1" => Event::CodeUsed(parts.payload()?),
            "totp.recovery_code_used.v1" => Event::RecoveryCodeUsed(parts.payload()?),
            "totp.recovery_codes_made.v1" => Event::RecoveryCodesMade(parts.payload()?),
            "totp.removed.v1" => Event::Removed(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}
