//! How an account's facts are written down.

use super::{Event, PasswordChanged, ProfileChanged, SignInsFailed, SignedUp, VerifierReplaced};
use crate::UserId;
use crate::stored::{Empty, StoredParts, Unreadable, Written, json, sealed};

/// The stored names of the facts that hold a verifier: each sealed part is forgotten as soon as the next is appended.
pub const VERIFIERS: [&str; 2] = [PASSWORD_CHANGED, VERIFIER_REPLACED];
const PASSWORD_CHANGED: &str = "user.password_changed.v1";
const VERIFIER_REPLACED: &str = "user.verifier_replaced.v1";

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::SignedUp(_) => "user.signed_up.v1",
            Event::ProfileChanged(_) => "user.profile_changed.v1",
            Event::PasswordChanged(_) => PASSWORD_CHANGED,
            Event::VerifierReplaced(_) => VERIFIER_REPLACED,
            Event::SignInsFailed(_) => "user.sign_ins_failed.v1",
            Event::SessionsEnded(_) => "user.sessions_ended.v1",
            Event::TokensRevoked => "user.tokens_revoked.v1",
            Event::RoleSet(_) => "user.role_set.v1",
            Event::Erased => "user.erased.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self, user_id: UserId) -> Written {
        match self {
            Event::SignedUp(event) => (json(event), sealed(user_id, &event.personal)),
            Event::ProfileChanged(event) => (json(event), sealed(user_id, &event.display_name)),
            Event::PasswordChanged(event) => (json(event), sealed(user_id, &event.verifier)),
            Event::VerifierReplaced(event) => (json(event), sealed(user_id, &event.verifier)),
            Event::SignInsFailed(event) => (json(event), sealed(user_id, &event.from)),
            Event::SessionsEnded(event) => (json(event), None),
            Event::RoleSet(event) => (json(event), None),
            Event::TokensRevoked | Event::Erased => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "user.signed_up.v1" => Event::SignedUp(SignedUp { personal: parts.personal()?, ..parts.payload()? }),
            "user.profile_changed.v1" => {
                Event::ProfileChanged(ProfileChanged { display_name: parts.personal()?, ..parts.payload()? })
            }
            PASSWORD_CHANGED => {
                let Empty {} = parts.payload()?;
                let verifier = parts.personal()?;
                Event::PasswordChanged(PasswordChanged { verifier })
            }
            VERIFIER_REPLACED => {
                let Empty {} = parts.payload()?;
                let verifier = parts.personal()?;
                Event::VerifierReplaced(VerifierReplaced { verifier })
            }
            "user.sign_ins_failed.v1" => {
                Event::SignInsFailed(SignInsFailed { from: parts.personal()?, ..parts.payload()? })
            }
            "user.sessions_ended.v1" => Event::SessionsEnded(parts.payload()?),
            "user.tokens_revoked.v1" => {
                let Empty {} = parts.payload()?;
                Event::TokensRevoked
            }
            "user.role_set.v1" => Event::RoleSet(parts.payload()?),
            "user.erased.v1" => {
                let Empty {} = parts.payload()?;
                Event::Erased
            }
            _ => return Err(parts.unknown()),
        })
    }

    /// The stored names of the facts in the same stream whose sealed parts are forgotten as soon as this is appended: a
    /// verifier that nothing is checked against any more.
    pub(crate) fn supersedes(&self) -> &'static [&'static str] {
        match self {
            Event::PasswordChanged(_) | Event::VerifierReplaced(_) => &VERIFIERS,
            Event::SignedUp(_)
            | Event::ProfileChanged(_)
            | Event::SignInsFailed(_)
            | Event::SessionsEnded(_)
            | Event::TokensRevoked
            | Event::RoleSet(_)
            | Event::Erased => &[],
        }
    }

    /// Whether it changes what is shown of the account.
    pub(crate) fn is_shown(&self) -> bool {
        match self {
            Event::SignedUp(_) | Event::ProfileChanged(_) | Event::RoleSet(_) | Event::Erased => true,
            Event::PasswordChanged(_)
            | Event::VerifierReplaced(_)
            | Event::SignInsFailed(_)
            | Event::SessionsEnded(_)
            | Event::TokensRevoked => false,
        }
    }
}
