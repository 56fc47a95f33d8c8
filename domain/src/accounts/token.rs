//! A service token: what an application's own backend calls with in the name of its user, until it is revoked.

use crate::quota::{self, HeldToken, TokenCounted};
use crate::session::TokenHash;
use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::text::{TokenName, Unfit};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, Timestamp, TokenId, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Whether it goes on. Whether it has expired is for the reader to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was created and not revoked by itself; its user may have lost all of theirs.
    Live(UserId),
    /// It was revoked.
    Revoked(UserId),
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look at what its user may look at.
    Read,
    /// Change what its user may change.
    Write,
    /// Send notifications.
    Notify,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 3] = [Scope::Read, Scope::Write, Scope::Notify];

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Notify => "notify",
        }
    }

    /// The scope of that name.
    pub fn parse(text: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.name() == text)
    }
}

/// The scopes of a token: at least one, each once, in the order of [`Scope::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Reads them by their names. The number is that of the name at fault; none when the list itself is.
    ///
    /// # Errors
    /// When there is none, one that is not known, or one twice.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Scopes, (Option<usize>, Unfit)> {
        let mut scopes = BTreeSet::new();
        for (number, name) in names.into_iter().enumerate() {
            let scope = Scope::parse(name).ok_or((Some(number), Unfit("must be read, write or notify")))?;
            if !scopes.insert(scope) {
                return Err((Some(number), Unfit("is there twice")));
            }
        }
        if scopes.is_empty() {
            return Err((None, Unfit("must name at least one of read, write and notify")));
        }
        Ok(Scopes(scopes))
    }

    /// Whether that one is among them.
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }
}

/// What somebody may want of a token.
#[derive(Clone, Debug)]
pub enum Command {
    /// Create it.
    Create(Create),
    /// Revoke it.
    Revoke(Revoke),
}

/// Create it.
#[derive(Clone, Debug)]
pub struct Create {
    /// Whose it will be.
    pub user_id: UserId,
    /// What they call it.
    pub name: TokenName,
    /// SHA-256 of its text.
    pub token_hash: TokenHash,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends; none when it does not by itself.
    pub expires_at: Option<Timestamp>,
    /// The user's tokens that live, as a read model knows; asked for by [`quota::Refusal::NotAdopted`].
    pub held: Option<Vec<HeldToken>>,
}

/// Revoke it.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// Whose it must be.
    pub by: UserId,
}

impl Command {
    /// What the rules look at beside the token: what counts against its user's limit, and for a new one the account.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Create(Create { user_id, .. }) => {
                Reads { user: Some(*user_id), quota: Some((*user_id).into()), ..Reads::default() }
            }
            Command::Revoke(Revoke { by }) => Reads { quota: Some((*by).into()), ..Reads::default() },
        }
    }
}

/// What happens to a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created.
    Created(Created),
    /// It was revoked.
    Revoked(Revoked),
}

/// `token.created.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub user_id: UserId,
    /// SHA-256 of its text.
    pub token_hash: TokenHash,
    /// What it may do.
    pub scopes: Scopes,
    pub at: Timestamp,
    /// When it ends; none when it does not by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What its user calls it.
    #[serde(skip)]
    pub name: Personal<TokenName>,
}

/// `token.revoked.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Whose it was.
    pub user_id: UserId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no such token, or it is another's.
    #[error("there is no such token")]
    NotFound,
    /// Its id is taken.
    #[error("this token exists already")]
    AlreadyExists,
    /// It does not count against the limit of its user.
    #[error(transparent)]
    Quota(#[from] quota::Refusal),
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::NotFound => RefusalKind::TokenNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
            Refusal::Quota(refusal) => refusal.kind(),
        }
    }
}

/// Decides on one token, together with the `quota` of its user. `user` is the state of the account that a new one names,
/// and is not looked at otherwise.
pub fn decide(
    id: TokenId,
    state: &State,
    user: &user::State,
    quota: &quota::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::Create(command)) => create(id, user, quota, command, at),
        (State::Live(_) | State::Revoked(_), Command::Create(_)) => Err(Refusal::AlreadyExists),
        (State::Live(owner), Command::Revoke(Revoke { by })) if owner == by => {
            let revoked = Event::Revoked(Revoked { user_id: *owner });
            let released = quota::release(quota, id).map(|event| crate::Event::Quota((*owner).into(), event));
            Ok(Decision::of(released.into_iter().chain([crate::Event::Token(id, revoked)]).collect(), Outcome::Done))
        }
        (State::Revoked(owner), Command::Revoke(Revoke { by })) if owner == by => Ok(Decision::nothing(Outcome::Done)),
        (State::Absent | State::Live(_) | State::Revoked(_), Command::Revoke(_)) => Err(Refusal::NotFound),
    }
}

fn create(
    id: TokenId,
    user: &user::State,
    quota: &quota::State,
    command: &Create,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match user {
        user::State::Open(_) => {}
        user::State::Absent | user::State::Erased => return Err(Refusal::UserNotFound),
    }
    let Create { user_id, expires_at, .. } = *command;
    let token = TokenCounted { token_id: id, at, expires_at };
    let counted = quota::count(quota, token, command.held.as_deref())?;
    let created = Event::Created(Created {
        user_id,
        token_hash: command.token_hash,
        scopes: command.scopes.clone(),
        at,
        expires_at,
        name: Personal::Known(command.name.clone()),
    });
    let counted = counted.into_iter().map(|event| crate::Event::Quota(user_id.into(), event));
    let facts = counted.chain([crate::Event::Token(id, created)]).collect();
    Ok(Decision::of(facts, Outcome::TokenCreated { token_id: id, created_at: at, expires_at }))
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    *state = match event {
        Event::Created(Created { user_id, .. }) => State::Live(*user_id),
        Event::Revoked(Revoked { user_id }) => State::Revoked(*user_id),
    };
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Live(user_id) => json!({"is": "live", "user_id": user_id}),
            State::Revoked(user_id) => json!({"is": "revoked", "user_id": user_id}),
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "token.created.v1",
            Event::Revoked(_) => "token.revoked.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Created(event) => (stored::json(event), sealed(event.user_id, &event.name)),
            Event::Revoked(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "token.created.v1" => Event::Created(Created { name: parts.personal()?, ..parts.payload()? }),
            "token.revoked.v1" => Event::Revoked(parts.payload()?),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests;
