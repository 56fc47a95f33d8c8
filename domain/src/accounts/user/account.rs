//! An account as it is, and how each fact changes it.

use super::event::{EmailChangeRequested, EmailConfirmed, Event, RoleSet, SignedUp, Suspended};
use crate::id::EmailClaim;
use crate::text::{DisplayName, Email, Locale, Note, TimeZone, UserName};
use crate::{Personal, ProofId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is known of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    Open(Box<Account>),
    /// There was one; the person is forgotten.
    Erased,
}

/// An open account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its profile; the personal parts as they are known.
    pub profile: Profile,
    /// How many passwords it has had: the version of the current verifier, zero before the first.
    pub passwords: u32,
    /// The minute of the last failed sign-in, and how many failed in it.
    pub failures: (Timestamp, u32),
    /// Its confirmed address.
    pub address: Option<EmailClaim>,
    /// The address that it wants to have.
    pub pending: Option<PendingAddress>,
    /// Why and until when its owner may not use it, unless that has passed.
    pub suspension: Option<Suspension>,
    /// Its name was made up here, and nobody has chosen another yet.
    pub is_name_given: bool,
}

/// An account that may not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// When it may be used again; none where somebody has to say so.
    pub until: Option<Timestamp>,
    pub reason: Personal<Note>,
}

impl Account {
    /// What keeps it from being used at that time: it ends by itself, without a fact.
    pub fn suspended_at(&self, at: Timestamp) -> Option<&Suspension> {
        self.suspension.as_ref().filter(|suspension| suspension.until.is_none_or(|until| until > at))
    }
}

/// An address that is not confirmed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingAddress {
    /// What confirms it.
    pub proof_id: ProofId,
    pub claim: EmailClaim,
    /// When its owner gave it.
    pub at: Timestamp,
}

/// Who an account says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub user_id: UserId,
    /// The name of the account.
    pub user_name: Personal<UserName>,
    /// How the user wants to be called.
    pub display_name: Personal<DisplayName>,
    /// Their confirmed address, or the one that they gave last.
    pub email: Option<Email>,
    /// Whether it is shown to be theirs.
    #[serde(default)]
    pub email_confirmed: bool,
    /// Where they live.
    pub time_zone: TimeZone,
    /// What they read.
    pub locale: Locale,
    /// What they may do.
    pub role: Role,
    /// When they signed up.
    pub created_at: Timestamp,
}

/// What an account may do beyond its own affairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing.
    #[default]
    User,
    /// Send notifications, see deliveries.
    Notifier,
    /// See what was reported in every chat, resolve it, suspend accounts.
    Moderator,
    /// All that can be done over HTTP.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Role; 4] = [Role::User, Role::Notifier, Role::Moderator, Role::Admin];

    /// Whether it may see and resolve what was reported in every chat, and suspend accounts.
    pub fn moderates(self) -> bool {
        match self {
            Role::Moderator | Role::Admin => true,
            Role::User | Role::Notifier => false,
        }
    }

    /// Its name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Notifier => "notifier",
            Role::Moderator => "moderator",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == text)
    }
}

impl State {
    /// It as JSON; what is personal in it only on request.
    pub(crate) fn to_json(&self, personal: bool) -> Value {
        let account = match self {
            State::Absent => return json!({"is": "absent"}),
            State::Erased => return json!({"is": "erased"}),
            State::Open(account) => account,
        };
        let profile = &account.profile;
        let mut shown = json!({
            "is": "open", "time_zone": profile.time_zone, "locale": profile.locale, "role": profile.role,
            "created_at": profile.created_at, "passwords": account.passwords,
            "email_confirmed": profile.email_confirmed, "is_name_given": account.is_name_given,
            "suspended_until": account.suspension.as_ref().map(|suspension| suspension.until),
        });
        if personal {
            shown["user_name"] = json!(profile.user_name.known());
            shown["display_name"] = json!(profile.display_name.known());
            shown["email"] = json!(profile.email);
        }
        shown
    }
}

/// Folds one fact in.
pub fn evolve(id: UserId, state: &mut State, event: &Event) {
    if let Event::SignedUp(signed_up) = event {
        *state = State::Open(Box::new(opened(id, signed_up)));
        return;
    }
    let State::Open(account) = state else { return };
    match event {
        Event::SignedUp(_) => {}
        Event::ProfileChanged(changed) => {
            account.profile.display_name = changed.display_name.clone();
            account.profile.time_zone = changed.time_zone.clone();
            account.profile.locale = changed.locale.clone();
        }
        Event::NameGiven => account.is_name_given = true,
        Event::NameChosen(chosen) => {
            account.profile.user_name = chosen.user_name.clone();
            account.is_name_given = false;
        }
        Event::EmailChangeRequested(EmailChangeRequested { proof_id, claim, at, email }) => {
            account.pending = Some(PendingAddress { proof_id: *proof_id, claim: *claim, at: *at });
            if account.address.is_none() {
                account.profile.email = email.known().cloned();
            }
        }
        Event::EmailConfirmed(EmailConfirmed { claim, personal }) => {
            account.pending = None;
            account.address = Some(*claim);
            account.profile.email = personal.known().map(|confirmed| confirmed.email.clone());
            account.profile.email_confirmed = true;
        }
        Event::PasswordChanged(_) => account.passwords += 1,
        Event::SignInsFailed(failed) => account.failures = (failed.minute, failed.count),
        Event::VerifierReplaced(_) | Event::SessionsEnded(_) | Event::TokensRevoked => {}
        Event::RoleSet(RoleSet { role }) => account.profile.role = *role,
        Event::Suspended(Suspended { until, reason, .. }) => {
            account.suspension = Some(Suspension { until: *until, reason: reason.clone() });
        }
        Event::Unsuspended(_) => account.suspension = None,
        Event::Erased => *state = State::Erased,
    }
}

fn opened(id: UserId, signed_up: &SignedUp) -> Account {
    let (user_name, display_name, email) = match &signed_up.personal {
        Personal::Known(names) => (
            Personal::Known(names.user_name.clone()),
            Personal::Known(DisplayName::of(&names.user_name)),
            names.email.clone(),
        ),
        Personal::Erased => (Personal::Erased, Personal::Erased, None),
    };
    Account {
        profile: Profile {
            user_id: id,
            user_name,
            display_name,
            email,
            email_confirmed: false,
            time_zone: TimeZone::default(),
            locale: Locale::default(),
            role: Role::default(),
            created_at: signed_up.at,
        },
        passwords: 0,
        failures: (Timestamp(i64::MIN), 0),
        address: None,
        pending: None,
        suspension: None,
        is_name_given: false,
    }
}
