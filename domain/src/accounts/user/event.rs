//! What happens to an account, and how it is written down.

use super::Role;
use crate::id::EmailClaim;
use crate::stored::{Empty, StoredParts, Unreadable, Written, json, sealed};
use crate::text::{DisplayName, Email, Locale, Note, TimeZone, UserName};
use crate::{Personal, ProofId, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What a password is checked against: a PHC string. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verifier(pub String);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Verifier(…)")
    }
}

/// Where a sign-in came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The program, as it named itself; at most 200 characters.
    pub device: String,
    /// The network address.
    pub address: String,
}

/// What happens to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened.
    SignedUp(SignedUp),
    /// Its name was made up here: its owner may choose another once.
    NameGiven,
    /// Its owner chose its name.
    NameChosen(NameChosen),
    /// Its profile was changed.
    ProfileChanged(ProfileChanged),
    /// Its owner gave an address, which is not shown to be theirs yet.
    EmailChangeRequested(EmailChangeRequested),
    /// Its owner has shown that they read the mail of an address: it is the account's from now on.
    EmailConfirmed(EmailConfirmed),
    /// It has a new password.
    PasswordChanged(PasswordChanged),
    /// Its password is the same and has another verifier.
    VerifierReplaced(VerifierReplaced),
    /// Sign-ins failed.
    SignInsFailed(SignInsFailed),
    /// Its sessions were ended.
    SessionsEnded(SessionsEnded),
    /// Its service tokens were revoked.
    TokensRevoked,
    /// It has another role.
    RoleSet(RoleSet),
    /// Its owner may not use it.
    Suspended(Suspended),
    /// They may again.
    Unsuspended(Unsuspended),
    /// The person was forgotten.
    Erased,
}

/// `user.signed_up.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedUp {
    pub at: Timestamp,
    /// What is personal in it.
    #[serde(skip)]
    pub personal: Personal<SignedUpAs>,
}

/// The personal part of `user.signed_up.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedUpAs {
    /// The name of the account.
    pub user_name: UserName,
    /// The address, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

/// `user.name_chosen.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameChosen {
    /// The name of the account from now on.
    #[serde(skip)]
    pub user_name: Personal<UserName>,
}

/// `user.email_change_requested.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChangeRequested {
    /// What confirms it. There is none where another account has the address, and nobody is told that.
    pub proof_id: ProofId,
    pub claim: EmailClaim,
    pub at: Timestamp,
    #[serde(skip)]
    pub email: Personal<Email>,
}

/// `user.email_confirmed.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailConfirmed {
    pub claim: EmailClaim,
    /// What is personal in it.
    #[serde(skip)]
    pub personal: Personal<ConfirmedEmail>,
}

/// The personal part of `user.email_confirmed.v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmedEmail {
    pub email: Email,
    /// The confirmed address of before; both are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<Email>,
}

/// `user.profile_changed.v1`: the whole profile as it reads now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// Where they live.
    pub time_zone: TimeZone,
    /// What they read.
    pub locale: Locale,
    /// How they want to be called.
    #[serde(skip)]
    pub display_name: Personal<DisplayName>,
}

/// `user.password_changed.v1`: a verifier stands alone, so that it can be forgotten without anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    /// What the password is checked against from now on.
    #[serde(skip)]
    pub verifier: Personal<Verifier>,
}

/// `user.verifier_replaced.v1`: like a password change it stands alone and supersedes the verifier before it; sessions go
/// on, because the password is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifierReplaced {
    /// What the password is checked against from now on.
    #[serde(skip)]
    pub verifier: Personal<Verifier>,
}

/// `user.sign_ins_failed.v1`: counted by the minute; the last fact of a minute counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInsFailed {
    /// The minute's start.
    pub minute: Timestamp,
    /// How many so far in it.
    pub count: u32,
    /// Where the last one came from.
    #[serde(skip)]
    pub from: Personal<Origin>,
}

/// `user.sessions_ended.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionsEnded {
    /// The one that goes on, if any.
    pub keep: Option<SessionId>,
}

/// `user.role_set.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSet {
    /// The role from now on.
    pub role: Role,
}

/// `user.suspended.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    /// Who did it; [`UserId::OPERATOR`] is nobody's account.
    pub by: UserId,
    /// When it ends by itself; none where somebody has to lift it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Why; their owner is told.
    #[serde(skip)]
    pub reason: Personal<Note>,
}

/// `user.unsuspended.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsuspended {
    /// Who did it.
    pub by: UserId,
}

/// The stored names of the facts that hold a verifier: each sealed part is forgotten as soon as the next is appended.
pub const VERIFIERS: [&str; 2] = [PASSWORD_CHANGED, VERIFIER_REPLACED];
const PASSWORD_CHANGED: &str = "user.password_changed.v1";
const VERIFIER_REPLACED: &str = "user.verifier_replaced.v1";

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::SignedUp(_) => "user.signed_up.v1",
            Event::NameGiven => "user.name_given.v1",
            Event::NameChosen(_) => "user.name_chosen.v1",
            Event::ProfileChanged(_) => "user.profile_changed.v1",
            Event::EmailChangeRequested(_) => "user.email_change_requested.v1",
            Event::EmailConfirmed(_) => "user.email_confirmed.v1",
            Event::PasswordChanged(_) => PASSWORD_CHANGED,
            Event::VerifierReplaced(_) => VERIFIER_REPLACED,
            Event::SignInsFailed(_) => "user.sign_ins_failed.v1",
            Event::SessionsEnded(_) => "user.sessions_ended.v1",
            Event::TokensRevoked => "user.tokens_revoked.v1",
            Event::RoleSet(_) => "user.role_set.v1",
            Event::Suspended(_) => "user.suspended.v1",
            Event::Unsuspended(_) => "user.unsuspended.v1",
            Event::Erased => "user.erased.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self, user_id: UserId) -> Written {
        match self {
            Event::SignedUp(event) => (json(event), sealed(user_id, &event.personal)),
            Event::NameChosen(event) => (json(event), sealed(user_id, &event.user_name)),
            Event::ProfileChanged(event) => (json(event), sealed(user_id, &event.display_name)),
            Event::EmailChangeRequested(event) => (json(event), sealed(user_id, &event.email)),
            Event::EmailConfirmed(event) => (json(event), sealed(user_id, &event.personal)),
            Event::PasswordChanged(event) => (json(event), sealed(user_id, &event.verifier)),
            Event::VerifierReplaced(event) => (json(event), sealed(user_id, &event.verifier)),
            Event::SignInsFailed(event) => (json(event), sealed(user_id, &event.from)),
            Event::SessionsEnded(event) => (json(event), None),
            Event::RoleSet(event) => (json(event), None),
            Event::Suspended(event) => (json(event), sealed(user_id, &event.reason)),
            Event::Unsuspended(event) => (json(event), None),
            Event::NameGiven | Event::TokensRevoked | Event::Erased => ("{}".to_owned(), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "user.signed_up.v1" => Event::SignedUp(SignedUp { personal: parts.personal()?, ..parts.payload()? }),
            "user.name_given.v1" => {
                let Empty {} = parts.payload()?;
                Event::NameGiven
            }
            "user.name_chosen.v1" => {
                let Empty {} = parts.payload()?;
                Event::NameChosen(NameChosen { user_name: parts.personal()? })
            }
            "user.email_change_requested.v1" => {
                Event::EmailChangeRequested(EmailChangeRequested { email: parts.personal()?, ..parts.payload()? })
            }
            "user.email_confirmed.v1" => {
                Event::EmailConfirmed(EmailConfirmed { personal: parts.personal()?, ..parts.payload()? })
            }
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
            "user.suspended.v1" => Event::Suspended(Suspended { reason: parts.personal()?, ..parts.payload()? }),
            "user.unsuspended.v1" => Event::Unsuspended(parts.payload()?),
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
            | Event::NameGiven
            | Event::NameChosen(_)
            | Event::ProfileChanged(_)
            | Event::EmailChangeRequested(_)
            | Event::EmailConfirmed(_)
            | Event::SignInsFailed(_)
            | Event::SessionsEnded(_)
            | Event::TokensRevoked
            | Event::RoleSet(_)
            | Event::Suspended(_)
            | Event::Unsuspended(_)
            | Event::Erased => &[],
        }
    }

    /// The addresses that it holds: what is kept of them elsewhere is forgotten with the person.
    pub fn addresses(&self) -> Vec<&Email> {
        match self {
            Event::SignedUp(SignedUp { personal, .. }) => {
                personal.known().and_then(|names| names.email.as_ref()).into_iter().collect()
            }
            Event::EmailChangeRequested(EmailChangeRequested { email, .. }) => email.known().into_iter().collect(),
            Event::EmailConfirmed(EmailConfirmed { personal, .. }) => {
                let confirmed = personal.known();
                confirmed.into_iter().flat_map(|of| of.former.iter().chain([&of.email])).collect()
            }
            Event::NameGiven
            | Event::NameChosen(_)
            | Event::ProfileChanged(_)
            | Event::PasswordChanged(_)
            | Event::VerifierReplaced(_)
            | Event::SignInsFailed(_)
            | Event::SessionsEnded(_)
            | Event::TokensRevoked
            | Event::RoleSet(_)
            | Event::Suspended(_)
            | Event::Unsuspended(_)
            | Event::Erased => Vec::new(),
        }
    }

    /// Whether it changes what is shown of the account.
    pub(crate) fn is_shown(&self) -> bool {
        match self {
            Event::SignedUp(_) | Event::ProfileChanged(_) | Event::RoleSet(_) | Event::Erased => true,
            Event::NameChosen(_) | Event::EmailChangeRequested(_) | Event::EmailConfirmed(_) => true,
            Event::NameGiven
            | Event::PasswordChanged(_)
            | Event::VerifierReplaced(_)
            | Event::SignInsFailed(_)
            | Event::SessionsEnded(_)
            | Event::Suspended(_)
            | Event::Unsuspended(_)
            | Event::TokensRevoked => false,
        }
    }
}
