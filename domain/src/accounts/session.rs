//! A session: one sign-in, until it ends.

use crate::user::{self, Origin};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, SessionId, Timestamp, UserId};
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
    pub opening: Opening,
}

/// What somebody showed, with what the rules check it against: a password that has changed since shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Their password.
    Password {
        /// The version of the verifier that it was checked against.
        checked: u32,
    },
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
            Command::SignIn(command) => Reads { user: Some(command.user_id), ..Reads::default() },
            Command::End(_) => Reads::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or its password has changed since it was checked.
    #[error("user name or password is wrong")]
    BadCredentials,
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
            Refusal::NotFound => RefusalKind::SessionNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// Decides on one session. `user` is the state of the account that a sign-in names, and is not looked at otherwise.
pub fn decide(
    id: SessionId,
    state: &State,
    user: &user::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::SignIn(command)) => sign_in(id, user, command, at),
        (State::Open(_) | State::Ended(_), Command::SignIn(_)) => Err(Refusal::AlreadyExists),
        (State::Open(owner), Command::End(End { by })) if owner == by => {
            let ended = Event::Ended(Ended { user_id: *owner });
            Ok(Decision::of(vec![crate::Event::Session(id, ended)], Outcome::Done))
        }
        (State::Ended(owner), Command::End(End { by })) if owner == by => Ok(Decision::nothing(Outcome::Done)),
        (State::Absent | State::Open(_) | State::Ended(_), Command::End(_)) => Err(Refusal::NotFound),
    }
}

fn sign_in(id: SessionId, user: &user::State, command: &SignIn, at: Timestamp) -> Result<Decision, Refusal> {
    let user::State::Open(account) = user else { return Err(Refusal::BadCredentials) };
    let by = command.shown.holds(account)?;
    let signed_in = command.opening.opened(id, command.user_id, Proof { by, at }, None, at);
    Ok(Decision::of(vec![signed_in], Outcome::SignedIn { session_id: id }))
}

impl Shown {
    /// Whether it shows still that somebody is the owner of that account, and as which way that counts.
    fn holds(self, account: &user::Account) -> Result<Way, Refusal> {
        match self {
            Shown::Password { checked } if checked > 0 && account.passwords == checked => Ok(Way::Password),
            Shown::Password { .. } => Err(Refusal::BadCredentials),
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
