//! A session: one sign-in, until it ends.

use crate::id::{EmailClaim, IdentityClaim};
use crate::totp::{self, Second};
use crate::user::{self, Origin};
use crate::{
    Decision, Outcome, PasskeyId, Personal, Reads, RefusalKind, SessionId, Timestamp, UserId, identity, passkeys,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod event;

pub use event::{Ended, Event, Proof, SignedIn, TokenHash, Way};

/// Whether it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was opened and not ended by itself; its user may have ended all of theirs.
    Open(UserId),
    /// It was ended.
    Ended(UserId),
}

/// What somebody may want of a session.
#[derive(Clone, Debug)]
pub enum Command {
    /// Open it.
    SignIn(SignIn),
    /// End it.
    End(End),
}

/// Open it.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Whose it will be.
    pub user_id: UserId,
    /// What they showed first.
    pub shown: Shown,
    /// When they did; none: at this moment.
    pub shown_at: Option<Timestamp>,
    /// What they showed then, where they were asked for it.
    pub second: Option<Second>,
    pub opening: Opening,
}

/// What somebody showed, with what the rules check it against: a password that has changed since shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Their password.
    Password {
        /// The version of the verifier that it was checked against.
        checked: u32,
    },
    /// That they hold a passkey, which has signed for it.
    Passkey { passkey_id: PasskeyId, uses: passkeys::Uses },
    /// That they read the mail of an address.
    Mail { claim: EmailClaim },
    /// That another service knows them by that identity.
    Identity { claim: IdentityClaim },
}

/// A session in the making, whoever's it will be.
#[derive(Clone, Debug)]
pub struct Opening {
    /// SHA-256 of the token.
    pub token_hash: TokenHash,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Where the sign-in comes from.
    pub from: Origin,
    /// Whether the account has signed in before, and never by such a program.
    pub new_device: bool,
}

impl Opening {
    /// The fact that opens the session, on what was shown first and then.
    pub(crate) fn opened(
        &self,
        id: SessionId,
        user_id: UserId,
        first: Proof,
        second: Option<Proof>,
        at: Timestamp,
    ) -> crate::Event {
        let is_said_by_first = second.is_none() && first.at == at;
        let proofs = if is_said_by_first { Vec::new() } else { std::iter::once(first).chain(second).collect() };
        let signed_in = SignedIn {
            user_id,
            token_hash: self.token_hash,
            at,
            expires_at: self.expires_at,
            by: first.by,
            proofs,
            new_device: self.new_device,
            from: Personal::Known(self.from.clone()),
        };
        crate::Event::Session(id, Event::SignedIn(signed_in))
    }
}

/// End it.
#[derive(Clone, Debug)]
pub struct End {
    /// Whose it must be.
    pub by: UserId,
}

impl Command {
    /// What the rules look at beside the session.
    pub fn reads(&self) -> Reads {
        match self {
            Command::SignIn(SignIn { user_id, shown, .. }) => {
                let reads = Reads { user: Some(*user_id), totp: Some((*user_id).into()), ..Reads::default() };
                match shown {
                    Shown::Identity { claim } => Reads { identity: Some(*claim), ..reads },
                    Shown::Passkey { .. } => Reads { passkeys: Some((*user_id).into()), ..reads },
                    Shown::Password { .. } | Shown::Mail { .. } => reads,
                }
            }
            Command::End(_) => Reads::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, its password has changed since it was checked, or the identity is not on its list any more.
    #[error("user name or password is wrong")]
    BadCredentials,
    /// The passkey is not the account's any more, or there is a copy of it that should not be.
    #[error("this passkey does not sign in here; use another way")]
    BadPasskey,
    /// What was shown beside the first proof does not hold.
    #[error(transparent)]
    Second(#[from] totp::Refusal),
    /// There is no such session, or it is another's.
    #[error("there is no such session")]
    NotFound,
    /// Its id is taken.
    #[error("this session exists already")]
    AlreadyExists,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::BadCredentials => RefusalKind::BadCredentials,
            // Removed meanwhile: there is nothing to show any more.
            Refusal::Second(totp::Refusal::NotFound) => RefusalKind::BadCode,
            Refusal::Second(refusal) => refusal.kind(),
            Refusal::BadPasskey => RefusalKind::BadPasskey,
            Refusal::NotFound => RefusalKind::SessionNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// What rules look at beside the session: of who signs in, and not looked at otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// Their account.
    pub user: &'a user::State,
    /// Their second factor.
    pub totp: &'a totp::State,
    /// The identity by which they are known elsewhere.
    pub identity: identity::State,
    pub passkeys: &'a passkeys::State,
}

/// Decides on one session.
pub fn decide(
    id: SessionId,
    state: &State,
    beside: &Beside<'_>,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::SignIn(command)) => sign_in(id, beside, command, at),
        (State::Open(_) | State::Ended(_), Command::SignIn(_)) => Err(Refusal::AlreadyExists),
        (State::Open(owner), Command::End(End { by })) if owner == by => {
            let ended = Event::Ended(Ended { user_id: *owner });
            Ok(Decision::of(vec![crate::Event::Session(id, ended)], Outcome::Done))
        }
        (State::Ended(owner), Command::End(End { by })) if owner == by => Ok(Decision::nothing(Outcome::Done)),
        (State::Absent | State::Open(_) | State::Ended(_), Command::End(_)) => Err(Refusal::NotFound),
    }
}

fn sign_in(id: SessionId, beside: &Beside<'_>, command: &SignIn, at: Timestamp) -> Result<Decision, Refusal> {
    let user::State::Open(account) = beside.user else { return Err(Refusal::BadCredentials) };
    let first = Proof {
        by: command.shown.holds(command.user_id, account, beside.identity)?,
        at: command.shown_at.unwrap_or(at),
    };
    match &command.second {
        Some(second) => {
            let totp_id = command.user_id.into();
            let (second, events) = totp::used(beside.totp, second, at)?;
            let mut facts = events.into_iter().map(|event| crate::Event::Totp(totp_id, event)).collect::<Vec<_>>();
            facts.push(command.opening.opened(id, command.user_id, first, Some(second), at));
            Ok(Decision::of(facts, Outcome::SignedIn { session_id: id }))
        }
        None => {
            let used = command.shown.used(command.user_id, beside.passkeys, at)?;
            let mut decision = open_or_ask(id, command.user_id, first, beside.totp, &command.opening, at);
            decision.facts.splice(0..0, used);
            Ok(decision)
        }
    }
}

/// Opens the session of who has shown one proof, or asks for a second one where they have a second factor and the first does
/// not stand for two. Every way in that has rules of its own ends here.
pub(crate) fn open_or_ask(
    id: SessionId,
    user_id: UserId,
    first: Proof,
    totp: &totp::State,
    opening: &Opening,
    at: Timestamp,
) -> Decision {
    let ways = if first.by.stands_for_two() { Vec::new() } else { totp.asked() };
    if !ways.is_empty() {
        return Decision::nothing(Outcome::SecondFactorNeeded { ways });
    }
    Decision::of(vec![opening.opened(id, user_id, first, None, at)], Outcome::SignedIn { session_id: id })
}

impl Shown {
    /// Whether it shows still that somebody is the owner of that account, and as which way that counts.
    fn holds(self, user_id: UserId, account: &user::Account, identity: identity::State) -> Result<Way, Refusal> {
        match self {
            Shown::Password { checked } if checked > 0 && account.passwords == checked => Ok(Way::Password),
            Shown::Passkey { .. } => Ok(Way::Passkey),
            Shown::Mail { claim } if account.address == Some(claim) => Ok(Way::Mail),
            Shown::Identity { .. } if identity.owner == Some(user_id) => Ok(Way::External),
            Shown::Password { .. } | Shown::Mail { .. } | Shown::Identity { .. } => Err(Refusal::BadCredentials),
        }
    }

    /// The fact that a passkey was used, where one was.
    fn used(self, user_id: UserId, passkeys: &passkeys::State, at: Timestamp) -> Result<Option<crate::Event>, Refusal> {
        match self {
            Shown::Password { .. } | Shown::Mail { .. } | Shown::Identity { .. } => Ok(None),
            Shown::Passkey { passkey_id, uses } => {
                passkeys.used(user_id.into(), passkey_id, uses, at).map(Some).ok_or(Refusal::BadPasskey)
            }
        }
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    *state = match event {
        Event::SignedIn(SignedIn { user_id, .. }) => State::Open(*user_id),
        Event::Ended(Ended { user_id }) => State::Ended(*user_id),
    };
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Open(user_id) => json!({"is": "open", "user_id": user_id}),
            State::Ended(user_id) => json!({"is": "ended", "user_id": user_id}),
        }
    }
}

#[cfg(test)]
mod tests;
