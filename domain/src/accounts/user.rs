//! An account: who somebody is, how they prove it, what they may do.

use crate::{Decision, Outcome, Personal, Timestamp, UserId, name};

mod account;
mod command;
mod event;

pub use account::{Account, Profile, Role, State, evolve};
pub use command::Command;
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

#[cfg(test)]
mod tests;
