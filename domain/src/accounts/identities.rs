//! The identities of an account: whom other services know its owner as, so that they can say who signs in. A stream beside
//! that of the account. Whether a service has said so is checked before the command; what follows from it is decided here.

use crate::email;
use crate::id::{IdentitiesId, IdentityClaim, IdentityId, NameClaim};
use crate::identity::{self, Seen};
use crate::proof::To;
use crate::text::{DisplayName, Email, Locale, UserName};
use crate::user::{self, Account};
use crate::ways_in::{self, LastWayIn};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, name};
use serde_json::{Value, json};
use std::collections::BTreeMap;

mod event;

pub use event::{Event, IdentityParts, Linked, Unlinked};

/// Most identities of one account.
pub const IDENTITIES_MAX: usize = 20;

/// The identities of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub linked: BTreeMap<IdentityId, Known>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub claim: IdentityClaim,
    /// The name of the service in the settings.
    pub provider: String,
}

/// What somebody may want of their identities.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open an account for who has none.
    Open(Box<Open>),
    /// Sign in by one more.
    Link(Box<Link>),
    /// Do not sign in by it any more.
    Unlink(Unlink),
    /// The same by an operator, which ends every session; be it the last way in, an operator opens another.
    TakeAway(Unlink),
}

/// An identity that a service has just said somebody to be.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What it is called from here on.
    pub identity_id: IdentityId,
    pub claim: IdentityClaim,
    /// The owner in its stream; refused with [`Refusal::Incomplete`] when it is another by now.
    pub owner: Option<UserId>,
    /// The name of the service in the settings.
    pub provider: String,
    pub issuer: String,
    pub parts: IdentityParts,
}

/// Open an account under a name that was made up here.
#[derive(Clone, Debug)]
pub struct Open {
    pub shown: Shown,
    pub name: (NameClaim, UserName),
    /// What the service calls them.
    pub display_name: Option<DisplayName>,
    /// Their address, where the service vouches for it: it counts as confirmed.
    pub address: Option<(To, Email)>,
    pub language: Locale,
}

/// Sign in by one more identity.
#[derive(Clone, Debug)]
pub struct Link {
    pub shown: Shown,
    pub because: Because,
}

/// Why an identity is an account's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// Its owner is signed in, and says so.
    Asked,
    /// The service vouches for an address that the account has confirmed.
    SameAddress(To),
}

#[derive(Clone, Copy, Debug)]
pub struct Unlink {
    pub identity_id: IdentityId,
    /// Its claim, as it stands on the list.
    pub claim: IdentityClaim,
}

impl Command {
    /// What the rules look at beside the list, or change with it.
    pub fn reads(&self, id: IdentitiesId) -> Reads {
        let user = Some(UserId::from(id));
        let of = |shown: &Shown, to: Option<To>| Reads {
            user,
            identity: Some(shown.claim),
            other: shown.owner,
            address: to.map(|to| to.claim),
            owner: to.and_then(|to| to.owner),
            ..Reads::default()
        };
        match self {
            Command::Open(open) => {
                let to = open.address.as_ref().map(|(to, _)| *to);
                Reads { claim: Some(open.name.0), ..of(&open.shown, to) }
            }
            Command::Link(link) => match link.because {
                Because::Asked => of(&link.shown, None),
                Because::SameAddress(to) => of(&link.shown, Some(to)),
            },
            Command::Unlink(unlink) => Reads { identity: Some(unlink.claim), ..ways_in::reads(UserId::from(id)) },
            Command::TakeAway(unlink) => Reads { user, identity: Some(unlink.claim), ..Reads::default() },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// The account may not be used.
    #[error("this account is suspended")]
    Suspended {
        /// When that ends by itself; none where somebody has to lift it.
        until: Option<Timestamp>,
    },
    /// It is not on the list.
    #[error("there is no such identity")]
    NotFound,
    /// Another account signs in by it.
    #[error("another account signs in with this identity; remove it there first")]
    Taken,
    /// An account has the address, and is not joined by it.
    #[error("an account has this address; log in there, then link the identity")]
    AccountExists,
    /// There are as many as may be.
    #[error("you have {IDENTITIES_MAX} identities; remove one first")]
    TooMany,
    /// Nobody could sign in to this account any more.
    #[error(transparent)]
    LastWayIn(#[from] LastWayIn),
    /// The name of the new account is taken; the door chooses another.
    #[error("this user name is taken; choose another")]
    NameTaken,
    /// The identity or the address has another owner than the command says.
    #[error("the identity or its address belongs to another account now")]
    Incomplete,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::Suspended { .. } => RefusalKind::Suspended,
            Refusal::NotFound => RefusalKind::IdentityNotFound,
            Refusal::Taken => RefusalKind::IdentityTaken,
            Refusal::AccountExists => RefusalKind::AccountExists,
            Refusal::TooMany => RefusalKind::TooManyIdentities,
            Refusal::LastWayIn(refusal) => refusal.kind(),
            Refusal::NameTaken => RefusalKind::UserExists,
            Refusal::Incomplete => RefusalKind::Incomplete,
        }
    }
}

/// What the rules look at beside the list; what a command does not name is not looked at.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The account.
    pub user: &'a user::State,
    pub identity: Seen<'a>,
    pub address: email::Seen<'a>,
    /// The name of a new account.
    pub claim: name::State,
    /// What signs in to the account.
    pub ways_in: ways_in::Beside<'a>,
}

/// Decides on the identities of one account.
pub fn decide(
    id: IdentitiesId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let user_id = UserId::from(id);
    match command {
        Command::Open(command) => open(id, beside, command, at),
        Command::Link(command) => link(id, state, beside, command, at),
        Command::Unlink(command) => {
            let account = account(beside.user)?;
            let facts = unlinked(id, state, command, at)?;
            beside.ways_in.one_less(account)?;
            Ok(Decision::of(facts, Outcome::Done))
        }
        Command::TakeAway(command) => {
            account(beside.user)?;
            let mut facts = unlinked(id, state, command, at)?;
            let ended = user::Event::SessionsEnded(user::SessionsEnded { keep: None });
            facts.push(crate::Event::User(user_id, ended));
            Ok(Decision::of(facts, Outcome::Done))
        }
    }
}

/// The facts that an identity is on the list no more, and free.
fn unlinked(id: IdentitiesId, state: &State, command: &Unlink, at: Timestamp) -> Result<Vec<crate::Event>, Refusal> {
    let Unlink { identity_id, claim } = *command;
    let known = state.linked.get(&identity_id).filter(|known| known.claim == claim).ok_or(Refusal::NotFound)?;
    let unlinked = Event::Unlinked(Unlinked { identity_id, provider: known.provider.clone(), at });
    Ok(vec![identity::released(claim, id.into()), crate::Event::Identities(id, unlinked)])
}

fn account(user: &user::State) -> Result<&Account, Refusal> {
    match user {
        user::State::Open(account) => Ok(account),
        user::State::Absent | user::State::Erased => Err(Refusal::UserNotFound),
    }
}

fn open(id: IdentitiesId, beside: &Beside<'_>, command: &Open, at: Timestamp) -> Result<Decision, Refusal> {
    let user_id = UserId::from(id);
    let Open { shown, name, display_name, address, language } = command;
    match beside.user {
        user::State::Absent => {}
        user::State::Open(_) | user::State::Erased => return Err(Refusal::UserNotFound),
    }
    if beside.identity.holder(shown.owner).ok_or(Refusal::Incomplete)?.is_some() {
        return Err(Refusal::Taken);
    }
    if beside.claim.owner.is_some() {
        return Err(Refusal::NameTaken);
    }
    let email = address.as_ref().map(|(_, email)| email);
    let mut facts = user::opened_by_others(user_id, (name.0, &name.1), email, (language, display_name.as_ref()), at);
    if let Some((to, email)) = address {
        if beside.address.holder(to.claim, to.owner).ok_or(Refusal::Incomplete)?.is_some() {
            return Err(Refusal::AccountExists);
        }
        facts.extend(user::confirmed(user_id, to.claim, email, None));
    }
    facts.extend(linked(id, shown, true, at));
    Ok(Decision::of(facts, Outcome::SignedUp { user_id }))
}

fn link(
    id: IdentitiesId,
    state: &State,
    beside: &Beside<'_>,
    command: &Link,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let user_id = UserId::from(id);
    let Link { shown, because } = command;
    if let Some(suspension) = account(beside.user)?.suspended_at(at) {
        return Err(Refusal::Suspended { until: suspension.until });
    }
    match beside.identity.holder(shown.owner).ok_or(Refusal::Incomplete)? {
        Some(holder) if holder == user_id => return Ok(Decision::nothing(Outcome::Done)),
        Some(_) => return Err(Refusal::Taken),
        None => {}
    }
    match because {
        Because::Asked => {}
        Because::SameAddress(to) => match beside.address.holder(to.claim, to.owner).ok_or(Refusal::Incomplete)? {
            Some(holder) if holder == user_id => {}
            Some(_) | None => return Err(Refusal::AccountExists),
        },
    }
    if state.linked.len() >= IDENTITIES_MAX {
        return Err(Refusal::TooMany);
    }
    Ok(Decision::of(linked(id, shown, false, at).into(), Outcome::Done))
}

/// An identity is the account's from now on.
fn linked(id: IdentitiesId, shown: &Shown, opened: bool, at: Timestamp) -> [crate::Event; 2] {
    let Shown { identity_id, claim, provider, issuer, parts, .. } = shown.clone();
    let parts = Personal::Known(parts);
    let linked = Linked { identity_id, claim, provider, issuer, at, opened, parts };
    [identity::claimed(claim, id.into()), crate::Event::Identities(id, Event::Linked(linked))]
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Linked(linked) => {
            let known = Known { claim: linked.claim, provider: linked.provider.clone() };
            state.linked.insert(linked.identity_id, known);
        }
        Event::Unlinked(Unlinked { identity_id, .. }) => {
            state.linked.remove(identity_id);
        }
    }
}

impl State {
    /// Before the first fact.
    pub const EMPTY: State = State { linked: BTreeMap::new() };

    /// It as JSON.
    pub(crate) fn to_json(&self) -> Value {
        json!({"linked": self.linked.keys().collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests;
