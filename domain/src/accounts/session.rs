//! A session: one sign-in, until it ends.

use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::user::{self, Origin};
use crate::{Decision, Outcome, Personal, Reads, RefusalKind, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// The version of the verifier that the password was checked against.
    pub checked: u32,
    /// SHA-256 of the token.
    pub token_hash: TokenHash,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Where the sign-in comes from.
    pub from: Origin,
    /// Whether the account has signed in before, and never by such a program.
    pub new_device: bool,
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

/// SHA-256 of the text of a session's token or of a service token. As text: 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl Serialize for TokenHash {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&crate::id::hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<TokenHash, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        crate::id::parse_hash(&text).map(TokenHash).ok_or_else(|| serde::de::Error::custom("not 64 hex digits"))
    }
}

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By their password.
    #[default]
    Password,
    /// By a code or link that was mailed to them.
    Mail,
}

impl Way {
    fn is_password(&self) -> bool {
        *self == Way::Password
    }
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was opened.
    SignedIn(SignedIn),
    /// It was ended.
    Ended(Ended),
}

/// `session.signed_in.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    pub user_id: UserId,
    /// SHA-256 of the token.
    pub token_hash: TokenHash,
    pub at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// How they showed who they are.
    #[serde(default, skip_serializing_if = "Way::is_password")]
    pub by: Way,
    /// Whether the account had signed in before, and never by such a program: its owner is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_device: bool,
    /// Where from.
    #[serde(skip)]
    pub from: Personal<Origin>,
}

/// `session.ended.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Whose it was.
    pub user_id: UserId,
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
    match user {
        user::State::Open(account) if account.passwords == command.checked && command.checked > 0 => {}
        user::State::Absent | user::State::Open(_) | user::State::Erased => return Err(Refusal::BadCredentials),
    }
    let signed_in = SignedIn {
        user_id: command.user_id,
        token_hash: command.token_hash,
        at,
        expires_at: command.expires_at,
        by: Way::Password,
        new_device: command.new_device,
        from: Personal::Known(command.from.clone()),
    };
    let events = vec![crate::Event::Session(id, Event::SignedIn(signed_in))];
    Ok(Decision::of(events, Outcome::SignedIn { session_id: id }))
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

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::SignedIn(_) => "session.signed_in.v1",
            Event::Ended(_) => "session.ended.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::SignedIn(event) => (stored::json(event), sealed(event.user_id, &event.from)),
            Event::Ended(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "session.signed_in.v1" => Event::SignedIn(SignedIn { from: parts.personal()?, ..parts.payload()? }),
            "session.ended.v1" => Event::Ended(parts.payload()?),
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
    const LAPTOP: SessionId = SessionId(Uuid::from_u128(3));
    const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

    /// Given these facts of a session, when this is wanted, then these are the facts that follow, or the refusal.
    /// Anna has an account and has had two passwords.
    fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
        check_with(&account(2), given, when, then);
    }

    fn check_with(user: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
        let what = format!("given {given:?}, when {when:?}");
        let follows = decide(LAPTOP, &folded(given), user, &when, NOON)
            .map(|decision| decision.facts.into_iter().map(of_laptop).collect::<Vec<_>>());
        assert_eq!(follows, then, "{what}");
    }

    fn folded(given: &[Event]) -> State {
        let mut state = State::default();
        for event in given {
            evolve(&mut state, event);
        }
        state
    }

    fn of_laptop(event: crate::Event) -> Event {
        let crate::Event::Session(LAPTOP, event) = event else { panic!("{event:?} is no fact of this session") };
        event
    }

    fn account(passwords: usize) -> user::State {
        let mut state = user::State::default();
        let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
        let signed_up = user::Event::SignedUp(user::SignedUp { at: NOON, personal });
        let has_password = user::Event::PasswordChanged(user::PasswordChanged { verifier: Personal::Erased });
        for event in std::iter::once(signed_up).chain(std::iter::repeat_n(has_password, passwords)) {
            user::evolve(ANNA, &mut state, &event);
        }
        state
    }

    fn from() -> Origin {
        Origin { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() }
    }

    fn sign_in(checked: u32) -> Command {
        Command::SignIn(SignIn {
            user_id: ANNA,
            checked,
            token_hash: TokenHash([5; 32]),
            expires_at: NOON.plus_seconds(3_600),
            from: from(),
            new_device: false,
        })
    }

    fn signed_in() -> Event {
        Event::SignedIn(SignedIn {
            user_id: ANNA,
            token_hash: TokenHash([5; 32]),
            at: NOON,
            expires_at: NOON.plus_seconds(3_600),
            by: Way::Password,
            new_device: false,
            from: Personal::Known(from()),
        })
    }

    fn ended() -> Event {
        Event::Ended(Ended { user_id: ANNA })
    }

    #[test]
    fn the_right_password_opens_a_session() {
        check(&[], sign_in(2), Ok(vec![signed_in()]));
        let decision = decide(LAPTOP, &State::Absent, &account(2), &sign_in(2), NOON).unwrap();
        assert_eq!(decision.outcome, Outcome::SignedIn { session_id: LAPTOP });
    }

    #[test]
    fn a_password_that_was_changed_after_it_was_checked_opens_nothing() {
        for stale in [0, 1, 3] {
            check(&[], sign_in(stale), Err(Refusal::BadCredentials));
        }
    }

    #[test]
    fn who_has_no_password_cannot_sign_in() {
        check_with(&account(0), &[], sign_in(0), Err(Refusal::BadCredentials));
    }

    #[test]
    fn who_has_no_account_or_no_more_cannot_sign_in() {
        for user in [user::State::Absent, user::State::Erased] {
            check_with(&user, &[], sign_in(1), Err(Refusal::BadCredentials));
        }
    }

    #[test]
    fn a_session_is_opened_once() {
        check(&[signed_in()], sign_in(2), Err(Refusal::AlreadyExists));
        check(&[signed_in(), ended()], sign_in(2), Err(Refusal::AlreadyExists));
    }

    #[test]
    fn a_session_is_ended_by_its_user() {
        check(&[signed_in()], Command::End(End { by: ANNA }), Ok(vec![ended()]));
    }

    #[test]
    fn a_session_is_ended_even_when_its_account_is_gone() {
        check_with(&user::State::Erased, &[signed_in()], Command::End(End { by: ANNA }), Ok(vec![ended()]));
    }

    #[test]
    fn ending_it_twice_writes_nothing_the_second_time() {
        check(&[signed_in(), ended()], Command::End(End { by: ANNA }), Ok(vec![]));
    }

    #[test]
    fn anothers_session_looks_as_if_there_were_none() {
        for given in [vec![], vec![signed_in()], vec![signed_in(), ended()]] {
            check(&given, Command::End(End { by: BORIS }), Err(Refusal::NotFound));
        }
        check(&[], Command::End(End { by: ANNA }), Err(Refusal::NotFound));
    }

    #[test]
    fn where_a_sign_in_came_from_can_be_forgotten() {
        let Event::SignedIn(known) = signed_in() else { unreachable!("it was made so") };
        let forgotten = Event::SignedIn(SignedIn { from: Personal::Erased, ..known });
        assert_eq!(folded(std::slice::from_ref(&forgotten)), State::Open(ANNA));
        check(&[forgotten], Command::End(End { by: ANNA }), Ok(vec![ended()]));
    }

    #[test]
    fn a_token_hash_is_64_hex_digits() {
        let text = format!("\"{}\"", "05".repeat(32));
        assert_eq!(serde_json::to_string(&TokenHash([5; 32])).unwrap(), text);
        assert_eq!(serde_json::from_str::<TokenHash>(&text).unwrap(), TokenHash([5; 32]));
        assert!(serde_json::from_str::<TokenHash>("\"05\"").is_err());
    }
}
