//! An account: who somebody is, how they prove it, what they may do.

use crate::text::TimeZone;
use crate::{Decision, Outcome, Personal, RefusalKind, Timestamp, UserId, name, preferences, quota};

mod account;
mod command;
mod event;

pub use account::{Account, Profile, Role, State, evolve};
pub use command::{
    ChangePassword, ChangeProfile, Command, CountFailedSignIns, EndSessions, ReplaceVerifier, SetRole, SignUp,
};
pub use event::{
    Event, Origin, PasswordChanged, ProfileChanged, RoleSet, SessionsEnded, SignInsFailed, SignedUp, SignedUpAs,
    VERIFIERS, Verifier, VerifierReplaced,
};

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

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::AlreadyExists => RefusalKind::UserExists,
            Refusal::NotFound => RefusalKind::UserNotFound,
            Refusal::BadCredentials => RefusalKind::BadCredentials,
        }
    }
}

/// Decides on one account. `claim` is the state of the name that a sign-up names, and is not looked at otherwise.
pub fn decide(
    id: UserId,
    state: &State,
    claim: &name::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let events = match command {
        Command::SignUp(command) => return sign_up(id, state, claim, command, at),
        Command::ChangeProfile(command) => return Ok(change_profile(id, open(state)?, command)),
        Command::ChangePassword(command) => change_password(open(state)?, command)?,
        Command::ReplaceVerifier(command) => replace_verifier(open(state)?, command),
        Command::CountFailedSignIns(command) => count_failed_sign_ins(open(state)?, command),
        Command::EndSessions(command) => {
            open(state)?;
            vec![Event::SessionsEnded(SessionsEnded { keep: command.keep })]
        }
        Command::LockOut => {
            open(state)?;
            return Ok(lock_out(id));
        }
        Command::SetRole(command) => set_role(open(state)?, command),
        Command::Erase => match state {
            State::Absent => return Err(Refusal::NotFound),
            State::Open(_) => vec![Event::Erased],
            State::Erased => vec![],
        },
    };
    Ok(Decision::of(events.into_iter().map(|event| crate::Event::User(id, event)).collect(), Outcome::Done))
}

fn open(state: &State) -> Result<&Account, Refusal> {
    match state {
        State::Open(account) => Ok(account),
        State::Absent | State::Erased => Err(Refusal::NotFound),
    }
}

fn sign_up(
    id: UserId,
    state: &State,
    claim: &name::State,
    command: &SignUp,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match state {
        State::Absent if claim.owner.is_none() => {}
        State::Absent | State::Open(_) | State::Erased => return Err(Refusal::AlreadyExists),
    }
    let names = SignedUpAs { user_name: command.user_name.clone(), email: command.email.clone() };
    let signed_up = Event::SignedUp(SignedUp { at, personal: Personal::Known(names) });
    let mut facts = vec![
        crate::Event::Name(command.claim, name::Event::Claimed(name::Claimed { user_id: id })),
        crate::Event::User(id, signed_up),
    ];
    if let Some(verifier) = &command.verifier {
        facts.push(crate::Event::User(id, password_changed(verifier)));
    }
    Ok(Decision::of(facts, Outcome::SignedUp { user_id: id }))
}

fn change_profile(id: UserId, account: &Account, command: &ChangeProfile) -> Decision {
    let mut profile = account.profile.clone();
    if let Some(display_name) = &command.display_name {
        profile.display_name = Personal::Known(display_name.clone());
    }
    profile.time_zone = command.time_zone.clone().unwrap_or(profile.time_zone);
    profile.locale = command.locale.clone().unwrap_or(profile.locale);
    if profile == account.profile {
        return Decision::nothing(Outcome::Profile(profile));
    }
    let mut facts = vec![crate::Event::User(id, profile_changed(&profile))];
    if profile.time_zone != account.profile.time_zone {
        facts.push(crate::Event::Preferences(id.into(), preferences::Event::TimeZoneChanged));
    }
    Decision::of(facts, Outcome::Profile(profile))
}

/// What happens to an account whose user lives in that zone from now on; nothing when they do already.
pub(crate) fn moved(account: &Account, time_zone: &TimeZone) -> Option<Event> {
    let moved = Profile { time_zone: time_zone.clone(), ..account.profile.clone() };
    (moved != account.profile).then(|| profile_changed(&moved))
}

fn profile_changed(profile: &Profile) -> Event {
    Event::ProfileChanged(ProfileChanged {
        time_zone: profile.time_zone.clone(),
        locale: profile.locale.clone(),
        display_name: profile.display_name.clone(),
    })
}

fn change_password(account: &Account, command: &ChangePassword) -> Result<Vec<Event>, Refusal> {
    if command.checked.is_some_and(|checked| checked != account.passwords) {
        return Err(Refusal::BadCredentials);
    }
    let mut events = vec![password_changed(&command.verifier)];
    // Nobody can have signed in before the first password.
    if account.passwords > 0 {
        events.push(Event::SessionsEnded(SessionsEnded { keep: command.keep }));
    }
    Ok(events)
}

fn replace_verifier(account: &Account, command: &ReplaceVerifier) -> Vec<Event> {
    if command.checked != account.passwords {
        return vec![];
    }
    vec![Event::VerifierReplaced(VerifierReplaced { verifier: Personal::Known(command.verifier.clone()) })]
}

fn count_failed_sign_ins(account: &Account, command: &CountFailedSignIns) -> Vec<Event> {
    let CountFailedSignIns { minute, count, from } = command;
    if account.failures.0 > *minute || (account.failures.0 == *minute && account.failures.1 >= *count) {
        return vec![];
    }
    let failed = SignInsFailed { minute: *minute, count: *count, from: Personal::Known(from.clone()) };
    vec![Event::SignInsFailed(failed)]
}

fn lock_out(id: UserId) -> Decision {
    let events = [Event::SessionsEnded(SessionsEnded { keep: None }), Event::TokensRevoked];
    let cleared = crate::Event::Quota(id.into(), quota::Event::TokensCleared);
    let facts = std::iter::once(cleared).chain(events.map(|event| crate::Event::User(id, event)));
    Decision::of(facts.collect(), Outcome::Done)
}

fn set_role(account: &Account, command: &SetRole) -> Vec<Event> {
    if command.role == account.profile.role { vec![] } else { vec![Event::RoleSet(RoleSet { role: command.role })] }
}

fn password_changed(verifier: &Verifier) -> Event {
    Event::PasswordChanged(PasswordChanged { verifier: Personal::Known(verifier.clone()) })
}

#[cfg(test)]
mod tests;
