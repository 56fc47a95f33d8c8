//! An account: who somebody is, how they prove it, what they may do.

use crate::id::NameClaim;
use crate::text::{DisplayName, Email, Locale, TimeZone, UserName};
use crate::{Decision, Outcome, Personal, SessionId, Timestamp, UserId, name};
use serde::{Deserialize, Serialize};

mod stored;

pub use stored::VERIFIERS;

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
}

/// Who an account says it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Whose.
    pub user_id: UserId,
    /// The name of the account.
    pub user_name: Personal<UserName>,
    /// How the user wants to be called.
    pub display_name: Personal<DisplayName>,
    /// The address that was given at sign-up; not shown to be theirs until it is confirmed.
    pub email: Option<Email>,
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
    /// All that can be done over HTTP.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Role; 3] = [Role::User, Role::Notifier, Role::Admin];

    /// Its name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Notifier => "notifier",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == text)
    }
}

/// What somebody may want of an account.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open it.
    SignUp {
        /// The claim on `user_name`.
        claim: NameClaim,
        /// Its name.
        user_name: UserName,
        /// An address, not yet confirmed.
        email: Option<Email>,
        /// The password's verifier; none for imported people, who cannot log in before an operator gives them one.
        verifier: Option<Verifier>,
    },
    /// Change what is said; the rest stays.
    ChangeProfile {
        /// How the user wants to be called.
        display_name: Option<DisplayName>,
        /// Where they live.
        time_zone: Option<TimeZone>,
        /// What they read.
        locale: Option<Locale>,
    },
    /// Change the password, and end the sessions that were opened with the old one.
    ChangePassword {
        /// The new password's verifier.
        verifier: Verifier,
        /// The version of the verifier that the old password was checked against; none when an operator sets it.
        checked: Option<u32>,
        /// The session that goes on.
        keep: Option<SessionId>,
    },
    /// Check the same password against another verifier from now on, because the old one was made in an outdated way.
    ReplaceVerifier {
        /// The new verifier of the same password.
        verifier: Verifier,
        /// The version of the verifier that the password was checked against; nothing happens when it is another by now.
        checked: u32,
    },
    /// Remember that sign-ins failed.
    CountFailedSignIns {
        /// In which minute.
        minute: Timestamp,
        /// How many so far in it.
        count: u32,
        /// Where the last one came from.
        from: Origin,
    },
    /// End every session but one.
    EndSessions {
        /// The one that goes on.
        keep: Option<SessionId>,
    },
    /// Let nobody in any more by what they hold: end every session and revoke every service token.
    LockOut,
    /// Give it a role.
    SetRole(Role),
    /// Forget the person.
    Erase,
}

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
    /// Its profile was changed.
    ProfileChanged(ProfileChanged),
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
    /// The person was forgotten.
    Erased,
}

/// `user.signed_up.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedUp {
    /// When.
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

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("this user name is taken; choose another")]
    AlreadyExists,
    /// There is no such account, or no more.
    #[error("there is no such user")]
    NotFound,
    /// The password that was checked is not the account's any more.
    #[error("user name or password is wrong")]
    BadCredentials,
}

/// Decides on one account. `claim` is the state of the name that a sign-up names, and is not looked at otherwise.
pub fn decide(
    id: UserId,
    state: &State,
    claim: &name::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::SignUp { .. }) => sign_up(id, claim, command, at),
        (State::Open(_) | State::Erased, Command::SignUp { .. }) => Err(Refusal::AlreadyExists),
        (State::Erased, Command::Erase) => Ok(Decision::nothing(Outcome::Done)),
        (State::Absent | State::Erased, _) => Err(Refusal::NotFound),
        (State::Open(account), command) => change(id, account, command),
    }
}

fn sign_up(id: UserId, claim: &name::State, command: &Command, at: Timestamp) -> Result<Decision, Refusal> {
    let Command::SignUp { claim: name, user_name, email, verifier } = command else {
        return Err(Refusal::NotFound);
    };
    if claim.owner.is_some() {
        return Err(Refusal::AlreadyExists);
    }
    let names = SignedUpAs { user_name: user_name.clone(), email: email.clone() };
    let signed_up = Event::SignedUp(SignedUp { at, personal: Personal::Known(names) });
    let mut facts = vec![
        crate::Event::Name(*name, name::Event::Claimed(name::Claimed { user_id: id })),
        crate::Event::User(id, signed_up),
    ];
    if let Some(verifier) = verifier {
        facts.push(crate::Event::User(id, password_changed(verifier)));
    }
    Ok(Decision::of(facts, Outcome::SignedUp { user_id: id }))
}

fn change(id: UserId, account: &Account, command: &Command) -> Result<Decision, Refusal> {
    let events = match command {
        Command::SignUp { .. } => return Err(Refusal::AlreadyExists),
        Command::ChangeProfile { .. } => return Ok(change_profile(id, account, command)),
        Command::ChangePassword { verifier, checked, keep } => {
            if checked.is_some_and(|checked| checked != account.passwords) {
                return Err(Refusal::BadCredentials);
            }
            let mut events = vec![password_changed(verifier)];
            // Nobody can have signed in before the first password.
            if account.passwords > 0 {
                events.push(Event::SessionsEnded(SessionsEnded { keep: *keep }));
            }
            events
        }
        Command::ReplaceVerifier { checked, .. } if *checked != account.passwords => vec![],
        Command::ReplaceVerifier { verifier, .. } => {
            vec![Event::VerifierReplaced(VerifierReplaced { verifier: Personal::Known(verifier.clone()) })]
        }
        Command::CountFailedSignIns { minute, count, from } => {
            if account.failures.0 > *minute || (account.failures.0 == *minute && account.failures.1 >= *count) {
                return Ok(Decision::nothing(Outcome::Done));
            }
            let failed = SignInsFailed { minute: *minute, count: *count, from: Personal::Known(from.clone()) };
            vec![Event::SignInsFailed(failed)]
        }
        Command::EndSessions { keep } => vec![Event::SessionsEnded(SessionsEnded { keep: *keep })],
        Command::LockOut => vec![Event::SessionsEnded(SessionsEnded { keep: None }), Event::TokensRevoked],
        Command::SetRole(role) if *role == account.profile.role => vec![],
        Command::SetRole(role) => vec![Event::RoleSet(RoleSet { role: *role })],
        Command::Erase => vec![Event::Erased],
    };
    Ok(Decision::of(events.into_iter().map(|event| crate::Event::User(id, event)).collect(), Outcome::Done))
}

fn change_profile(id: UserId, account: &Account, command: &Command) -> Decision {
    let mut profile = account.profile.clone();
    if let Command::ChangeProfile { display_name, time_zone, locale } = command {
        if let Some(display_name) = display_name {
            profile.display_name = Personal::Known(display_name.clone());
        }
        profile.time_zone = time_zone.clone().unwrap_or(profile.time_zone);
        profile.locale = locale.clone().unwrap_or(profile.locale);
    }
    if profile == account.profile {
        return Decision::nothing(Outcome::Profile(profile));
    }
    let changed = Event::ProfileChanged(ProfileChanged {
        time_zone: profile.time_zone.clone(),
        locale: profile.locale.clone(),
        display_name: profile.display_name.clone(),
    });
    Decision::of(vec![crate::Event::User(id, changed)], Outcome::Profile(profile))
}

fn password_changed(verifier: &Verifier) -> Event {
    Event::PasswordChanged(PasswordChanged { verifier: Personal::Known(verifier.clone()) })
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
        Event::PasswordChanged(_) => account.passwords += 1,
        Event::SignInsFailed(failed) => account.failures = (failed.minute, failed.count),
        Event::VerifierReplaced(_) | Event::SessionsEnded(_) | Event::TokensRevoked => {}
        Event::RoleSet(RoleSet { role }) => account.profile.role = *role,
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
            time_zone: TimeZone::default(),
            locale: Locale::default(),
            role: Role::default(),
            created_at: signed_up.at,
        },
        passwords: 0,
        failures: (Timestamp(i64::MIN), 0),
    }
}

#[cfg(test)]
mod tests;
