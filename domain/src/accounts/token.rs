//! A service token: what an application's own backend calls with in the name of its user, until it is revoked.

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
                return Err((Some(number), Unfit("stands there twice")));
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
}

/// Revoke it.
#[derive(Clone, Debug)]
pub struct Revoke {
    /// Whose it must be.
    pub by: UserId,
}

impl Command {
    /// What the rules look at beside the token.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Create(command) => Reads { user: Some(command.user_id), ..Reads::default() },
            Command::Revoke(_) => Reads::default(),
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
    /// Whose.
    pub user_id: UserId,
    /// SHA-256 of its text.
    pub token_hash: TokenHash,
    /// What it may do.
    pub scopes: Scopes,
    /// When.
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

/// Why not.
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
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::NotFound => RefusalKind::TokenNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// Decides on one token. `user` is the state of the account that a new one names, and is not looked at otherwise.
/// How many one user may have is for the door to see: no stream counts them.
pub fn decide(
    id: TokenId,
    state: &State,
    user: &user::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    match (state, command) {
        (State::Absent, Command::Create(command)) => create(id, user, command, at),
        (State::Live(_) | State::Revoked(_), Command::Create(_)) => Err(Refusal::AlreadyExists),
        (State::Live(owner), Command::Revoke(Revoke { by })) if owner == by => {
            let revoked = Event::Revoked(Revoked { user_id: *owner });
            Ok(Decision::of(vec![crate::Event::Token(id, revoked)], Outcome::Done))
        }
        (State::Revoked(owner), Command::Revoke(Revoke { by })) if owner == by => Ok(Decision::nothing(Outcome::Done)),
        (State::Absent | State::Live(_) | State::Revoked(_), Command::Revoke(_)) => Err(Refusal::NotFound),
    }
}

fn create(id: TokenId, user: &user::State, command: &Create, at: Timestamp) -> Result<Decision, Refusal> {
    match user {
        user::State::Open(_) => {}
        user::State::Absent | user::State::Erased => return Err(Refusal::UserNotFound),
    }
    let created = Created {
        user_id: command.user_id,
        token_hash: command.token_hash,
        scopes: command.scopes.clone(),
        at,
        expires_at: command.expires_at,
        name: Personal::Known(command.name.clone()),
    };
    let outcome = Outcome::TokenCreated { token_id: id, created_at: at, expires_at: command.expires_at };
    Ok(Decision::of(vec![crate::Event::Token(id, Event::Created(created))], outcome))
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
mod tests {
    use super::*;
    use crate::text::UserName;
    use uuid::Uuid;

    const ANNA: UserId = UserId(Uuid::from_u128(1));
    const BORIS: UserId = UserId(Uuid::from_u128(2));
    const BOT: TokenId = TokenId(Uuid::from_u128(3));
    const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

    /// Given these facts of a token, when this is wanted, then these are the facts that follow, or the refusal.
    /// Anna has an account.
    fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
        check_with(&account(), given, when, then);
    }

    fn check_with(user: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
        let what = format!("given {given:?}, when {when:?}");
        let mut state = State::default();
        for event in given {
            evolve(&mut state, event);
        }
        let follows = decide(BOT, &state, user, &when, NOON)
            .map(|decision| decision.facts.into_iter().map(of_bot).collect::<Vec<_>>());
        assert_eq!(follows, then, "{what}");
    }

    fn of_bot(event: crate::Event) -> Event {
        let crate::Event::Token(BOT, event) = event else { panic!("{event:?} is no fact of this token") };
        event
    }

    fn account() -> user::State {
        let mut state = user::State::default();
        let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
        user::evolve(ANNA, &mut state, &user::Event::SignedUp(user::SignedUp { at: NOON, personal }));
        state
    }

    fn name() -> TokenName {
        TokenName::parse("the shop's backend").unwrap()
    }

    fn scopes() -> Scopes {
        Scopes::parse(["write", "read"]).unwrap()
    }

    fn create() -> Command {
        let expires_at = Some(NOON.plus_seconds(60));
        Command::Create(Create {
            user_id: ANNA,
            name: name(),
            token_hash: TokenHash([5; 32]),
            scopes: scopes(),
            expires_at,
        })
    }

    fn created() -> Event {
        Event::Created(Created {
            user_id: ANNA,
            token_hash: TokenHash([5; 32]),
            scopes: scopes(),
            at: NOON,
            expires_at: Some(NOON.plus_seconds(60)),
            name: Personal::Known(name()),
        })
    }

    fn revoked() -> Event {
        Event::Revoked(Revoked { user_id: ANNA })
    }

    #[test]
    fn who_has_an_account_creates_a_token() {
        check(&[], create(), Ok(vec![created()]));
        let decision = decide(BOT, &State::Absent, &account(), &create(), NOON).unwrap();
        let expires_at = Some(NOON.plus_seconds(60));
        assert_eq!(decision.outcome, Outcome::TokenCreated { token_id: BOT, created_at: NOON, expires_at });
    }

    #[test]
    fn who_has_no_account_or_no_more_creates_none() {
        for user in [user::State::Absent, user::State::Erased] {
            check_with(&user, &[], create(), Err(Refusal::UserNotFound));
        }
    }

    #[test]
    fn a_token_is_created_once() {
        check(&[created()], create(), Err(Refusal::AlreadyExists));
        check(&[created(), revoked()], create(), Err(Refusal::AlreadyExists));
    }

    #[test]
    fn a_token_is_revoked_by_its_user_and_the_second_time_writes_nothing() {
        check(&[created()], Command::Revoke(Revoke { by: ANNA }), Ok(vec![revoked()]));
        check(&[created(), revoked()], Command::Revoke(Revoke { by: ANNA }), Ok(vec![]));
    }

    #[test]
    fn anothers_token_looks_as_if_there_were_none() {
        for given in [vec![], vec![created()], vec![created(), revoked()]] {
            check(&given, Command::Revoke(Revoke { by: BORIS }), Err(Refusal::NotFound));
        }
    }

    #[test]
    fn scopes_are_each_once_and_in_one_order() {
        assert_eq!(Scopes::parse(["notify", "write", "read"]).unwrap().iter().collect::<Vec<_>>(), Scope::ALL);
        assert!(scopes().contains(Scope::Write) && !scopes().contains(Scope::Notify));
        let fault = |names: &[&str]| Scopes::parse(names.iter().copied()).unwrap_err().0;
        assert_eq!(fault(&[]), None);
        assert_eq!(fault(&["read", "admin"]), Some(1));
        assert_eq!(fault(&["read", "write", "read"]), Some(2));
        assert_eq!(fault(&["Read"]), Some(0));
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_string(&scope).unwrap(), format!("\"{}\"", scope.name()));
        }
    }
}
