//! What was said to a person that they have not read for a while, gathered into one notice. Each stream takes the notices
//! about messages of [`SPAN`] positions of the log, as read marks do, so that none grows without end.

use crate::id::DigestId;
use crate::stored::{self, StoredParts, Unreadable, Written};
use crate::{ChatId, Decision, MessageId, Outcome, Reads, Timestamp, UserId, user};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// So many positions of the log have their notices in one stream: it has at most as many facts.
pub const SPAN: u64 = 1024;
/// Most messages that one notice names; it counts all of them.
pub const NAMED_MAX: usize = 20;
/// How long a message has to stay unread, in seconds.
pub const UNREAD_SECONDS: u64 = 600;

/// How far it was gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The position of the last message that was told of; zero before the first notice.
    pub up_to: u64,
}

/// Why a message is for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was said in the chat of two people.
    Direct,
    /// It answers what they said.
    Reply,
    /// It calls them by their name in the chat.
    Mention,
}

impl Why {
    /// Every one.
    pub const ALL: [Why; 3] = [Why::Direct, Why::Reply, Why::Mention];

    /// Its name in JSON and in read models.
    pub fn name(self) -> &'static str {
        match self {
            Why::Direct => "direct",
            Why::Reply => "reply",
            Why::Mention => "mention",
        }
    }

    /// The one of that name.
    pub fn parse(text: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.name() == text)
    }
}

/// A message that is for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForThem {
    pub why: Why,
    pub chat_id: ChatId,
    pub message_id: MessageId,
}

/// What a courier may want of it.
#[derive(Clone, Debug)]
pub enum Command {
    /// Tell of what is unread.
    Gather(Gathered),
}

impl Command {
    /// What the rules look at beside: the account.
    pub fn reads(&self, id: DigestId) -> Reads {
        Reads { user: Some(id.user_id), ..Reads::default() }
    }
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// They are told of what is unread.
    Gathered(Gathered),
}

/// `digest.gathered.v1`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gathered {
    /// The position of the last message that it counts.
    pub up_to: u64,
    /// How many it counts.
    pub total: u64,
    /// The last of them, in their order; at most [`NAMED_MAX`].
    pub messages: Vec<ForThem>,
    pub at: Timestamp,
}

/// Decides on one notice. Nothing is refused: who is gone is told nothing, and nobody is told twice.
pub fn decide(id: DigestId, state: &State, user: &user::State, command: &Command) -> Decision {
    let Command::Gather(gathered) = command;
    if gathered.up_to <= state.up_to || !matches!(user, user::State::Open(_)) {
        return Decision::nothing(Outcome::Done);
    }
    Decision::of(vec![crate::Event::Digest(id, Event::Gathered(gathered.clone()))], Outcome::Done)
}

/// Folds one fact in.
pub fn evolve(state: &mut State, event: &Event) {
    match event {
        Event::Gathered(gathered) => state.up_to = state.up_to.max(gathered.up_to),
    }
}

impl State {
    /// It as JSON.
    pub(crate) fn to_json(self) -> Value {
        json!({"up_to": self.up_to})
    }
}

impl Event {
    /// The name that it is stored under.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Gathered(_) => "digest.gathered.v1",
        }
    }

    /// Payload; nothing in it is personal.
    pub(crate) fn written(&self) -> Written {
        match self {
            Event::Gathered(event) => (stored::json(event), None),
        }
    }

    /// Reads one of these events back.
    pub(crate) fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        match parts.name {
            "digest.gathered.v1" => Ok(Event::Gathered(parts.payload()?)),
            _ => Err(parts.unknown()),
        }
    }
}

impl DigestId {
    /// Where the notice about messages up to that position is stored.
    pub fn of(user_id: UserId, position: u64) -> DigestId {
        DigestId { user_id, span: position / SPAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ANNA: UserId = UserId(Uuid::from_u128(1));

    fn gathered(up_to: u64) -> Gathered {
        Gathered { up_to, total: 1, messages: Vec::new(), at: Timestamp(7) }
    }

    fn facts(given: &[u64], user: &user::State, up_to: u64) -> Vec<crate::Event> {
        let mut state = State::default();
        given.iter().for_each(|up_to| evolve(&mut state, &Event::Gathered(gathered(*up_to))));
        decide(DigestId::of(ANNA, up_to), &state, user, &Command::Gather(gathered(up_to))).facts
    }

    fn anna() -> user::State {
        let mut state = user::State::default();
        let signed_up = user::SignedUp { at: Timestamp(5), personal: crate::Personal::Erased };
        user::evolve(ANNA, &mut state, &user::Event::SignedUp(signed_up));
        state
    }

    #[test]
    fn nobody_is_told_twice_of_the_same() {
        let expected = crate::Event::Digest(DigestId { user_id: ANNA, span: 0 }, Event::Gathered(gathered(7)));
        assert_eq!(facts(&[], &anna(), 7), [expected]);
        assert_eq!(facts(&[7], &anna(), 7), []);
        assert_eq!(facts(&[9, 8], &anna(), 9), []);
        assert_eq!(facts(&[7], &anna(), 8).len(), 1);
    }

    #[test]
    fn who_is_gone_is_told_nothing() {
        for gone in [user::State::Absent, user::State::Erased] {
            assert_eq!(facts(&[], &gone, 7), []);
        }
    }
}
