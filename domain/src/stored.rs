//! How facts are written down: what all stored shapes have in common. Each aggregate knows its own stored names.
//!
//! Names are written by hand and never derived. A shape that was ever stored stays readable: additive fields get
//! `serde(default)`, anything else becomes a new `.vN` and an arm there. `tests/stored.rs` holds every shape.

use crate::text::MessageText;
use crate::{Event, Personal, StreamId, UserId};
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

/// Payload, and what is personal with whose it is.
pub(crate) type Written = (String, Option<(UserId, String)>);

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("stored shapes have string keys and no floats: they always serialise")
}

/// A value that was erased before it was written (a changed profile of which a part is erased) is written as an
/// absent part, and reads back as erased.
pub(crate) fn sealed<T: Serialize>(subject: UserId, personal: &Personal<T>) -> Option<(UserId, String)> {
    personal.known().map(|value| (subject, json(value)))
}

/// A message's text is sealed as it stands and not as JSON: escaping could make it six times as long, and the
/// longest message would not fit into an event.
pub(crate) fn sealed_text(author: UserId, text: &Personal<MessageText>) -> Option<(UserId, String)> {
    text.known().map(|text| (author, text.as_str().to_owned()))
}

/// The payload of an event whose name says all, or whose rest is personal.
#[derive(Deserialize)]
pub(crate) struct Empty {}

impl<'a> StoredParts<'a> {
    /// The event of what happened to that of which the stream is.
    pub(crate) fn placed<Id: TryFrom<StreamId>, E>(
        &self,
        event: E,
        of: fn(Id, E) -> Event,
    ) -> Result<Event, Unreadable> {
        let id = StreamId::parse(self.stream).and_then(|stream| Id::try_from(stream).ok());
        id.map(|id| of(id, event)).ok_or_else(|| Unreadable::Misplaced(self.name.to_owned()))
    }

    pub(crate) fn payload<T: Deserialize<'a>>(&self) -> Result<T, Unreadable> {
        serde_json::from_str(self.payload).map_err(|_| self.misshapen("payload"))
    }

    pub(crate) fn personal<T: Deserialize<'a>>(&self) -> Result<Personal<T>, Unreadable> {
        match self.personal {
            None => Ok(Personal::Erased),
            Some(text) => serde_json::from_str(text).map(Personal::Known).map_err(|_| self.misshapen("personal part")),
        }
    }

    pub(crate) fn text(&self) -> Result<Personal<MessageText>, Unreadable> {
        match self.personal {
            None => Ok(Personal::Erased),
            Some(text) => MessageText::parse(text).map(Personal::Known).map_err(|_| self.misshapen("personal part")),
        }
    }

    fn misshapen(&self, part: &'static str) -> Unreadable {
        Unreadable::Shape { name: self.name.to_owned(), part }
    }

    pub(crate) fn unknown(&self) -> Unreadable {
        Unreadable::UnknownName(self.name.to_owned())
    }
}
