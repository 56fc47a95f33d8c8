//! How facts are written down: the one place that knows a stored name.
//!
//! Names are written by hand and never derived. A shape that was ever stored stays readable: additive fields get
//! `serde(default)`, anything else becomes a new `.vN` and an arm here. `tests/stored.rs` holds every shape.

use crate::text::MessageText;
use crate::{Event, Personal, StreamId, UserId, chat, message, name, projection, session, token, user};
use serde::{Deserialize, Serialize};

/// An event in its stored parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// `message.posted.v1`
    pub name: &'static str,
    /// JSON that holds nothing personal.
    pub payload: String,
    /// The personal part and whose it is: JSON, or a message's text as it stands; to be sealed under that user's
    /// data key.
    pub personal: Option<(UserId, String)>,
}

/// The stored parts of an event on their way back.
#[derive(Clone, Copy, Debug)]
pub struct StoredParts<'a> {
    /// The name of its stream, as [`StreamId`] writes it.
    pub stream: &'a str,
    /// `message.posted.v1`
    pub name: &'a str,
    /// JSON.
    pub payload: &'a str,
    /// The opened personal part: `None` when it was erased, and for events that have none.
    pub personal: Option<&'a str>,
}

/// Why a stored event could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A newer Letopis wrote it: whoever follows the log must stop here.
    #[error("this version of Letopis does not know events named {0}; run the version that wrote it, or a newer one")]
    UnknownName(String),
    /// The name is known, and such events do not happen in that stream.
    #[error("{0} does not belong in its stream: the stream is of another kind")]
    Misplaced(String),
    /// The name is known, the shape is not the one of that name.
    #[error("the {part} of {name} is not of the stored shape")]
    Shape {
        /// The event's stored name.
        name: String,
        /// Which part: payload or personal part.
        part: &'static str,
    },
}

impl Event {
    /// Writes an event down. What is personal in a user's own events is sealed under that user's key.
    pub fn stored(&self) -> Stored {
        let (payload, personal) = match self {
            Event::User(id, event) => user_parts(*id, event),
            Event::Session(_, event) => session_parts(event),
            Event::Token(_, event) => token_parts(event),
            Event::Name(_, name::Event::Claimed(event)) => (json(event), None),
            Event::Chat(_, event) => chat_parts(event),
            Event::Message(_, event) => message_parts(event),
            Event::Projection(_, projection::Event::EventSkipped(event)) => (json(event), None),
        };
        Stored { name: self.name(), payload, personal }
    }

    /// Reads an event from its stored parts.
    ///
    /// # Errors
    /// [`Unreadable`], the name first: an event of a newer version is told as that, whatever else it holds.
    pub fn restore(parts: &StoredParts<'_>) -> Result<Event, Unreadable> {
        Ok(match parts.name.split_once('.') {
            Some(("user", _)) => user_event(parts).and_then(|event| Ok(Event::User(parts.id()?, event)))?,
            Some(("session", _)) => session_event(parts).and_then(|event| Ok(Event::Session(parts.id()?, event)))?,
            Some(("token", _)) => token_event(parts).and_then(|event| Ok(Event::Token(parts.id()?, event)))?,
            Some(("chat", _)) => chat_event(parts).and_then(|event| Ok(Event::Chat(parts.id()?, event)))?,
            Some(("message", _)) => message_event(parts).and_then(|event| Ok(Event::Message(parts.id()?, event)))?,
            _ if parts.name == "projection.event_skipped.v1" => {
                let event = projection::Event::EventSkipped(parts.payload()?);
                Event::Projection(parts.id()?, event)
            }
            _ if parts.name == "name.claimed.v1" => {
                let event = name::Event::Claimed(parts.payload()?);
                Event::Name(parts.id()?, event)
            }
            _ => return Err(parts.unknown()),
        })
    }

    /// The name that it is stored under.
    pub fn name(&self) -> &'static str {
        match self {
            Event::User(_, user::Event::SignedUp(_)) => "user.signed_up.v1",
            Event::User(_, user::Event::ProfileChanged(_)) => "user.profile_changed.v1",
            Event::User(_, user::Event::PasswordChanged(_)) => PASSWORD_CHANGED,
            Event::User(_, user::Event::VerifierReplaced(_)) => VERIFIER_REPLACED,
            Event::User(_, user::Event::SignInsFailed(_)) => "user.sign_ins_failed.v1",
            Event::User(_, user::Event::SessionsEnded(_)) => "user.sessions_ended.v1",
            Event::User(_, user::Event::TokensRevoked) => "user.tokens_revoked.v1",
            Event::User(_, user::Event::RoleSet(_)) => "user.role_set.v1",
            Event::User(_, user::Event::Erased) => "user.erased.v1",
            Event::Session(_, session::Event::SignedIn(_)) => "session.signed_in.v1",
            Event::Session(_, session::Event::Ended(_)) => "session.ended.v1",
            Event::Token(_, token::Event::Created(_)) => "token.created.v1",
            Event::Token(_, token::Event::Revoked(_)) => "token.revoked.v1",
            Event::Name(_, name::Event::Claimed(_)) => "name.claimed.v1",
            Event::Chat(_, chat::Event::Created(_)) => "chat.created.v1",
            Event::Chat(_, chat::Event::Renamed(_)) => "chat.renamed.v1",
            Event::Chat(_, chat::Event::Archived(_)) => "chat.archived.v1",
            Event::Chat(_, chat::Event::Unarchived(_)) => "chat.unarchived.v1",
            Event::Chat(_, chat::Event::Deleted(_)) => "chat.deleted.v1",
            Event::Chat(_, chat::Event::MemberJoined(_)) => "chat.member_joined.v1",
            Event::Chat(_, chat::Event::MemberAdded(_)) => "chat.member_added.v1",
            Event::Chat(_, chat::Event::MemberLeft(_)) => "chat.member_left.v1",
            Event::Chat(_, chat::Event::MemberRemoved(_)) => "chat.member_removed.v1",
            Event::Chat(_, chat::Event::RoleChanged(_)) => "chat.role_changed.v1",
            Event::Chat(_, chat::Event::NicknameChanged(_)) => "chat.nickname_changed.v1",
            Event::Message(_, message::Event::Posted(_)) => "message.posted.v1",
            Event::Message(_, message::Event::Edited(_)) => "message.edited.v1",
            Event::Message(_, message::Event::Deleted(_)) => "message.deleted.v1",
            Event::Projection(_, projection::Event::EventSkipped(_)) => "projection.event_skipped.v1",
        }
    }
}

/// The stored names of the facts that hold a verifier: each sealed part is forgotten as soon as the next is appended.
pub const VERIFIERS: [&str; 2] = [PASSWORD_CHANGED, VERIFIER_REPLACED];
const PASSWORD_CHANGED: &str = "user.password_changed.v1";
const VERIFIER_REPLACED: &str = "user.verifier_replaced.v1";

type Written = (String, Option<(UserId, String)>);

fn user_parts(user_id: UserId, event: &user::Event) -> Written {
    match event {
        user::Event::SignedUp(event) => (json(event), sealed(user_id, &event.personal)),
        user::Event::ProfileChanged(event) => (json(event), sealed(user_id, &event.display_name)),
        user::Event::PasswordChanged(event) => (json(event), sealed(user_id, &event.verifier)),
        user::Event::VerifierReplaced(event) => (json(event), sealed(user_id, &event.verifier)),
        user::Event::SignInsFailed(event) => (json(event), sealed(user_id, &event.from)),
        user::Event::SessionsEnded(event) => (json(event), None),
        user::Event::RoleSet(event) => (json(event), None),
        user::Event::TokensRevoked | user::Event::Erased => ("{}".to_owned(), None),
    }
}

fn session_parts(event: &session::Event) -> Written {
    match event {
        session::Event::SignedIn(event) => (json(event), sealed(event.user_id, &event.from)),
        session::Event::Ended(event) => (json(event), None),
    }
}

fn token_parts(event: &token::Event) -> Written {
    match event {
        token::Event::Created(event) => (json(event), sealed(event.user_id, &event.name)),
        token::Event::Revoked(event) => (json(event), None),
    }
}

fn chat_parts(event: &chat::Event) -> Written {
    match event {
        chat::Event::Created(event) => (json(event), None),
        chat::Event::Renamed(event) => (json(event), None),
        chat::Event::Archived(event) | chat::Event::Unarchived(event) | chat::Event::Deleted(event) => {
            (json(event), None)
        }
        chat::Event::MemberJoined(event) => (json(event), sealed(event.user_id, &event.nickname)),
        chat::Event::MemberAdded(event) => (json(event), sealed(event.user_id, &event.nickname)),
        chat::Event::MemberLeft(event) => (json(event), None),
        chat::Event::MemberRemoved(event) => (json(event), None),
        chat::Event::RoleChanged(event) => (json(event), None),
        chat::Event::NicknameChanged(event) => (json(event), sealed(event.user_id, &event.nickname)),
    }
}

fn message_parts(event: &message::Event) -> Written {
    match event {
        message::Event::Posted(event) => (json(event), sealed_text(event.author, &event.text)),
        message::Event::Edited(event) => (json(event), sealed_text(event.author, &event.text)),
        message::Event::Deleted(event) => (json(event), None),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("stored shapes have string keys and no floats: they always serialise")
}

/// A value that was erased before it was written (a changed profile of which a part is erased) is written as an
/// absent part, and reads back as erased.
fn sealed<T: Serialize>(subject: UserId, personal: &Personal<T>) -> Option<(UserId, String)> {
    personal.known().map(|value| (subject, json(value)))
}

/// A message's text is sealed as it stands and not as JSON: escaping could make it six times as long, and the
/// longest message would not fit into an event.
fn sealed_text(author: UserId, text: &Personal<MessageText>) -> Option<(UserId, String)> {
    text.known().map(|text| (author, text.as_str().to_owned()))
}

/// The payload of an event whose name says all, or whose rest is personal.
#[derive(Deserialize)]
struct Empty {}

impl<'a> StoredParts<'a> {
    /// What the stream is of.
    fn id<Id: TryFrom<StreamId>>(&self) -> Result<Id, Unreadable> {
        let id = StreamId::parse(self.stream).and_then(|stream| Id::try_from(stream).ok());
        id.ok_or_else(|| Unreadable::Misplaced(self.name.to_owned()))
    }

    fn payload<T: Deserialize<'a>>(&self) -> Result<T, Unreadable> {
        serde_json::from_str(self.payload).map_err(|_| self.misshapen("payload"))
    }

    fn personal<T: Deserialize<'a>>(&self) -> Result<Personal<T>, Unreadable> {
        match self.personal {
            None => Ok(Personal::Erased),
            Some(text) => serde_json::from_str(text).map(Personal::Known).map_err(|_| self.misshapen("personal part")),
        }
    }

    fn text(&self) -> Result<Personal<MessageText>, Unreadable> {
        match self.personal {
            None => Ok(Personal::Erased),
            Some(text) => MessageText::parse(text).map(Personal::Known).map_err(|_| self.misshapen("personal part")),
        }
    }

    fn misshapen(&self, part: &'static str) -> Unreadable {
        Unreadable::Shape { name: self.name.to_owned(), part }
    }

    fn unknown(&self) -> Unreadable {
        Unreadable::UnknownName(self.name.to_owned())
    }
}

fn user_event(parts: &StoredParts<'_>) -> Result<user::Event, Unreadable> {
    Ok(match parts.name {
        "user.signed_up.v1" => {
            user::Event::SignedUp(user::SignedUp { personal: parts.personal()?, ..parts.payload()? })
        }
        "user.profile_changed.v1" => {
            user::Event::ProfileChanged(user::ProfileChanged { display_name: parts.personal()?, ..parts.payload()? })
        }
        PASSWORD_CHANGED => {
            let Empty {} = parts.payload()?;
            let verifier = parts.personal()?;
            user::Event::PasswordChanged(user::PasswordChanged { verifier })
        }
        VERIFIER_REPLACED => {
            let Empty {} = parts.payload()?;
            let verifier = parts.personal()?;
            user::Event::VerifierReplaced(user::VerifierReplaced { verifier })
        }
        "user.sign_ins_failed.v1" => {
            user::Event::SignInsFailed(user::SignInsFailed { from: parts.personal()?, ..parts.payload()? })
        }
        "user.sessions_ended.v1" => user::Event::SessionsEnded(parts.payload()?),
        "user.tokens_revoked.v1" => {
            let Empty {} = parts.payload()?;
            user::Event::TokensRevoked
        }
        "user.role_set.v1" => user::Event::RoleSet(parts.payload()?),
        "user.erased.v1" => {
            let Empty {} = parts.payload()?;
            user::Event::Erased
        }
        _ => return Err(parts.unknown()),
    })
}

fn session_event(parts: &StoredParts<'_>) -> Result<session::Event, Unreadable> {
    Ok(match parts.name {
        "session.signed_in.v1" => {
            session::Event::SignedIn(session::SignedIn { from: parts.personal()?, ..parts.payload()? })
        }
        "session.ended.v1" => session::Event::Ended(parts.payload()?),
        _ => return Err(parts.unknown()),
    })
}

fn token_event(parts: &StoredParts<'_>) -> Result<token::Event, Unreadable> {
    Ok(match parts.name {
        "token.created.v1" => token::Event::Created(token::Created { name: parts.personal()?, ..parts.payload()? }),
        "token.revoked.v1" => token::Event::Revoked(parts.payload()?),
        _ => return Err(parts.unknown()),
    })
}

fn chat_event(parts: &StoredParts<'_>) -> Result<chat::Event, Unreadable> {
    Ok(match parts.name {
        "chat.created.v1" => chat::Event::Created(parts.payload()?),
        "chat.renamed.v1" => chat::Event::Renamed(parts.payload()?),
        "chat.archived.v1" => chat::Event::Archived(parts.payload()?),
        "chat.unarchived.v1" => chat::Event::Unarchived(parts.payload()?),
        "chat.deleted.v1" => chat::Event::Deleted(parts.payload()?),
        "chat.member_joined.v1" => {
            chat::Event::MemberJoined(chat::MemberJoined { nickname: parts.personal()?, ..parts.payload()? })
        }
        "chat.member_added.v1" => {
            chat::Event::MemberAdded(chat::MemberAdded { nickname: parts.personal()?, ..parts.payload()? })
        }
        "chat.member_left.v1" => chat::Event::MemberLeft(parts.payload()?),
        "chat.member_removed.v1" => chat::Event::MemberRemoved(parts.payload()?),
        "chat.role_changed.v1" => chat::Event::RoleChanged(parts.payload()?),
        "chat.nickname_changed.v1" => {
            chat::Event::NicknameChanged(chat::NicknameChanged { nickname: parts.personal()?, ..parts.payload()? })
        }
        _ => return Err(parts.unknown()),
    })
}

fn message_event(parts: &StoredParts<'_>) -> Result<message::Event, Unreadable> {
    Ok(match parts.name {
        "message.posted.v1" => message::Event::Posted(message::Posted { text: parts.text()?, ..parts.payload()? }),
        "message.edited.v1" => message::Event::Edited(message::Edited { text: parts.text()?, ..parts.payload()? }),
        "message.deleted.v1" => message::Event::Deleted(parts.payload()?),
        _ => return Err(parts.unknown()),
    })
}
