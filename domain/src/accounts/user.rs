//! An account: who somebody is, how they prove it, what they may do.

use crate::email::Seen;
use crate::proof::Purpose;
use crate::text::{DisplayName, TimeZone};
use crate::{Decision, Outcome, Personal, RefusalKind, Timestamp, UserId, name, preferences, quota};

mod account;
mod address;
mod command;
mod event;
mod suspension;

pub use account::{Account, PendingAddress, Profile, Role, State, Suspension, evolve};
pub(crate) use address::{confirmed, opened_by_mail, opened_by_others, replaced_password};
pub use command::{
    ChangePassword, ChangeProfile, Command, CountFailedSignIns, EndSessions, NewAddress, ReplaceVerifier, SetRole,
    SignUp, Suspend, Unsuspend,
};
pub use event::{
    ConfirmedEmail, EmailChangeRequested, EmailConfirmed, Event, NameChosen, Origin, PasswordChanged, ProfileChanged,
    RoleSet, SessionsEnded, SignInsFailed, SignedUp, SignedUpAs, Suspended, Unsuspended, VERIFIERS, Verifier,
    VerifierReplaced,
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
    /// The name was chosen, and is not chosen again.
    #[error("a user name is chosen once; yours cannot be changed")]
    NameFixed,
    /// The account may not be used.
    #[error("this account is suspended")]
    Suspended {
        /// When that ends by itself; none where somebody has to lift it.
        until: Option<Timestamp>,
    },
    /// Only moderators and admins suspend, nobody themselves, and moderators no admin.
    #[error("your role does not allow this")]
    NotAllowed,
    /// A suspension ends later than it begins.
    #[error("a suspension must end in the future")]
    EndsInThePast,
    /// The address has another owner than the command says.
    #[error("the address belongs to another account now")]
    Incomplete,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::AlreadyExists => RefusalKind::UserExists,
            Refusal::NotFound => RefusalKind::UserNotFound,
            Refusal::BadCredentials => RefusalKind::BadCredentials,
            Refusal::NameFixed => RefusalKind::NameFixed,
            Refusal::Suspended { .. } => RefusalKind::Suspended,
            Refusal::NotAllowed => RefusalKind::NotAllowed,
            Refusal::EndsInThePast => RefusalKind::Malformed,
            Refusal::Incomplete => RefusalKind::Incomplete,
        }
    }
}

/// What the rules look at beside the account; what a command does not name is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The name that is chosen.
    pub claim: name::State,
    /// The address that is given.
    pub address: Seen<'a>,
    /// The account of who decides about another's.
    pub by: &'a State,
}

/// Decides on one account.
pub fn decide(
    id: UserId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let Beside { claim, address, by } = beside;
    let events = match command {
        Command::SignUp(command) => return sign_up(id, state, claim, address, command, at),
        Command::ChangeProfile(command) => return change_profile(id, open(state)?, claim, command),
        Command::ChangeEmail(command) => return address::change(id, open(state)?, address, command, at),
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
        Command::Suspend(command) => suspension::suspend(id, open(state)?, by, command, at)?,
        Command::Unsuspend(command) => suspension::unsuspend(id, open(state)?, by, command, at)?,
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
    address: &Seen<'_>,
    command: &SignUp,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match state {
        State::Absent if claim.owner.is_none() => {}
        State::Absent | State::Open(_) | State::Erased => return Err(Refusal::AlreadyExists),
    }
    let email = command.email.as_ref().map(|given| given.email.clone());
    let mut facts = address::opened(id, (command.claim, &command.user_name), email, at);
    if let Some(verifier) = &command.verifier {
        facts.push(crate::Event::User(id, password_changed(verifier)));
    }
    if let Some(given) = &command.email {
        facts.extend(address::speaks(id, &command.user_name, &given.language));
        facts.extend(address::want(id, Purpose::Welcome, address, given, at)?);
    }
    Ok(Decision::of(facts, Outcome::SignedUp { user_id: id }))
}

fn change_profile(
    id: UserId,
    account: &Account,
    claim: &name::State,
    command: &ChangeProfile,
) -> Result<Decision, Refusal> {
    let mut profile = account.profile.clone();
    let mut facts = Vec::new();
    let other = command.user_name.as_ref().filter(|(_, name)| profile.user_name.known() != Some(name));
    if let Some((name_claim, user_name)) = other {
        if !account.is_name_given {
            return Err(Refusal::NameFixed);
        }
        if claim.owner.is_some_and(|owner| owner != id) {
            return Err(Refusal::AlreadyExists);
        }
        if claim.owner.is_none() {
            facts.push(crate::Event::Name(*name_claim, name::Event::Claimed(name::Claimed { user_id: id })));
        }
        let former = profile.user_name.known().map(DisplayName::of).map_or(Personal::Erased, Personal::Known);
        if profile.display_name == former {
            profile.display_name = Personal::Known(DisplayName::of(user_name));
        }
        profile.user_name = Personal::Known(user_name.clone());
        facts.push(crate::Event::User(id, Event::NameChosen(NameChosen { user_name: profile.user_name.clone() })));
    }
    if let Some(display_name) = &command.display_name {
        profile.display_name = Personal::Known(display_name.clone());
    }
    profile.time_zone = command.time_zone.clone().unwrap_or(profile.time_zone);
    profile.locale = command.locale.clone().unwrap_or(profile.locale);
    let changed = profile_changed(&profile);
    if changed != profile_changed(&account.profile) {
        facts.push(crate::Event::User(id, changed));
    }
    if profile.time_zone != account.profile.time_zone {
        facts.push(crate::Event::Preferences(id.into(), preferences::Event::TimeZoneChanged));
    }
    Ok(Decision::of(facts, Outcome::Profile(profile)))
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
    // Nobody can have signed in without a password, unless by mail.
    if account.passwords > 0 || account.address.is_some() {
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
