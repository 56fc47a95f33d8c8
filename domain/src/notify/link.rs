//! A short link: a code that leads to an address of ours, or of an origin that is allowed, until it ends.

use crate::stored::{self, StoredParts, Unreadable, Written, sealed};
use crate::text::Unfit;
use crate::{Decision, LinkId, Outcome, Personal, Reads, RefusalKind, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whether it was made. Whether it has expired is for the reader to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none.
    #[default]
    Absent,
    /// It was made.
    Created(UserId),
}

/// What stands in the short address: 11 letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkCode(String);

impl LinkCode {
    /// Characters of a code.
    pub const CHARACTERS: usize = 11;
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// The code of a number: another one for each.
    pub fn of(number: u64) -> LinkCode {
        let (mut number, mut code) = (number, String::with_capacity(LinkCode::CHARACTERS));
        let base = LinkCode::LETTERS.len() as u64;
        for _ in 0..LinkCode::CHARACTERS {
            code.push(char::from(LinkCode::LETTERS[(number % base) as usize]));
            number /= base;
        }
        LinkCode(code)
    }

    /// Reads a code by its form; none when it is none.
    pub fn parse(text: &str) -> Option<LinkCode> {
        let fits = text.len() == LinkCode::CHARACTERS && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| LinkCode(text.to_owned()))
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a link leads: an address of at most 2,048 bytes. Whether it may lead there is for the door to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkTarget(String);

impl LinkTarget {
    /// Most bytes.
    pub const BYTES_MAX: usize = 2_048;

    /// Reads an address by its form.
    ///
    /// # Errors
    /// When it is empty, too long, or has other characters than an address.
    pub fn parse(text: &str) -> Result<LinkTarget, Unfit> {
        if text.is_empty() || text.len() > LinkTarget::BYTES_MAX {
            return Err(Unfit("must have 1 to 2048 bytes"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Unfit("must be an address as browsers send it, in ASCII and without spaces"));
        }
        Ok(LinkTarget(text.to_owned()))
    }

    /// It as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody may want of a link.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make it.
    Create(Create),
}

/// Make it.
#[derive(Clone, Debug)]
pub struct Create {
    /// Who makes it.
    pub user_id: UserId,
    pub code: LinkCode,
    pub target: LinkTarget,
    /// When it ends; none when it does not.
    pub expires_at: Option<Timestamp>,
}

impl Command {
    /// What the rules look at beside the link: the account of who makes it.
    pub fn reads(&self) -> Reads {
        match self {
            Command::Create(Create { user_id, .. }) => Reads { user: Some(*user_id), ..Reads::default() },
        }
    }
}

/// What happens to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was made.
    Created(Created),
}

/// `link.created.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub user_id: UserId,
    pub code: LinkCode,
    pub at: Timestamp,
    /// When it ends; none when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where it leads: addresses can name people.
    #[serde(skip)]
    pub target: Personal<LinkTarget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such account, or no more.
    #[error("there is no such user")]
    UserNotFound,
    /// Its id is taken.
    #[error("this link exists already")]
    AlreadyExists,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::UserNotFound => RefusalKind::UserNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
        }
    }
}

/// Decides on one link. `user` is the state of the account that makes it.
pub fn decide(
    id: LinkId,
    state: State,
    user: &user::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let Command::Create(Create { user_id, code, target, expires_at }) = command;
    match (state, user) {
        (State::Created(_), _) => Err(Refusal::AlreadyExists),
        (State::Absent, user::State::Absent | user::State::Erased) => Err(Refusal::UserNotFound),
        (State::Absent, user::State::Open(_)) => {
            let (user_id, code, expires_at) = (*user_id, code.clone(), *expires_at);
            let target = Personal::Known(target.clone());
            let created = Event::Created(Created { user_id, code: code.clone(), at, expires_at, target });
            Ok(Decision::of(vec![crate::Event::Link(id, created)], Outcome::LinkCreated { code, expires_at }))
        }
    }
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    *state = match event {
        Event::Created(created) => State::Created(created.user_id),
    };
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        match self {
            State::Absent => json!({"is": "absent"}),
            State::Created(user_id) => json!({"is": "created", "user_id": user_id}),
        }
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Created(_) => "link.created.v1",
        }
    }

    /// Payload, and what is personal with whose it is.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Created(event) => (stored::json(event), sealed(event.user_id, &event.target)),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name {
            "link.created.v1" => Event::Created(Created { target: parts.personal()?, ..parts.payload()? }),
            _ => return Err(parts.unknown()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::UserName;
    use uuid::Uuid;

    const ID: LinkId = LinkId(Uuid::from_u128(9));
    const ANNA: UserId = UserId(Uuid::from_u128(1));

    fn create() -> Command {
        let target = LinkTarget::parse("https://chat.example/c/1").unwrap();
        Command::Create(Create { user_id: ANNA, code: LinkCode::of(7), target, expires_at: Some(Timestamp(90)) })
    }

    #[test]
    fn a_link_is_made_once_and_by_somebody_who_is_there() {
        let mut open = user::State::default();
        let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
        user::evolve(ANNA, &mut open, &user::Event::SignedUp(user::SignedUp { at: Timestamp(1), personal }));
        let decision = decide(ID, State::Absent, &open, &create(), Timestamp(5)).unwrap();
        let [crate::Event::Link(ID, event)] = decision.facts.as_slice() else { panic!("{decision:?}") };
        let mut state = State::default();
        evolve(&mut state, event);
        assert_eq!(state, State::Created(ANNA));
        assert_eq!(decide(ID, state, &open, &create(), Timestamp(5)), Err(Refusal::AlreadyExists));
        for user in [user::State::Absent, user::State::Erased] {
            assert_eq!(decide(ID, State::Absent, &user, &create(), Timestamp(5)), Err(Refusal::UserNotFound));
        }
    }

    #[test]
    fn a_code_is_of_letters_and_digits_and_another_for_each_number() {
        let codes = [0, 1, 61, 62, u64::MAX, u64::MAX - 1].map(LinkCode::of);
        for (place, code) in codes.iter().enumerate() {
            assert_eq!(LinkCode::parse(code.as_str()).as_ref(), Some(code));
            assert!(!codes[place + 1..].contains(code), "{code:?}");
        }
        for bad in ["", "0000000000", "000000000000", "0000000000-", "0000000000é"] {
            assert_eq!(LinkCode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_target_is_an_address_by_its_form() {
        assert!(LinkTarget::parse(&"x".repeat(LinkTarget::BYTES_MAX)).is_ok());
        for bad in ["", "https://a b", "https://a\r\nx", "https://é", &"x".repeat(LinkTarget::BYTES_MAX + 1)] {
            assert!(LinkTarget::parse(bad).is_err(), "{bad}");
        }
    }
}
