//! Reading the log for projections: decoded once for all of them.

use crate::Name;
use domain::{Category, Unreadable};
use store::{Fact, Log};

/// A stretch of the log.
pub(crate) struct Scan {
    /// The position behind which it begins.
    pub(crate) after: u64,
    /// In the order of their positions, without holes.
    pub(crate) facts: Vec<Fact>,
    /// The very next event, when it cannot be read; there are no facts then.
    pub(crate) unreadable: Option<Stumble>,
}

/// An event that cannot be read.
pub(crate) struct Stumble {
    /// Where it stands.
    pub(crate) position: u64,
    /// Why it cannot be read.
    pub(crate) reason: String,
    /// What it is about; none when nobody can tell.
    category: Option<Category>,
}

impl Stumble {
    /// Whether that projection must stop at it. What nobody can tell may concern everybody.
    pub(crate) fn concerns(&self, name: Name) -> bool {
        self.category.is_none_or(|category| name.is_about(category))
    }
}

impl Scan {
    /// The last position that was read, or the one that cannot be.
    pub(crate) fn end(&self) -> u64 {
        let last = self.facts.last().map(|fact| fact.position);
        last.or(self.unreadable.as_ref().map(|stumble| stumble.position)).unwrap_or(self.after)
    }
}

/// At most `limit` facts behind the position `after`. What fails is the reading itself, never a single event.
pub(crate) fn read(log: &Log, after: u64, limit: usize) -> Result<Scan, store::Error> {
    match log.facts(after, limit) {
        Ok(facts) => Ok(Scan { after, facts, unreadable: None }),
        // Answered only when it is the very next one: what is before it came with the scan before.
        Err(error) => Ok(Scan { after, facts: Vec::new(), unreadable: Some(stumble(error)?) }),
    }
}

pub(crate) fn stumble(error: store::Error) -> Result<Stumble, store::Error> {
    let reason = error.to_string();
    let (position, category) = if let store::Error::Unreadable { position, source } = &error {
        let (Unreadable::UnknownName(name) | Unreadable::Shape { name, .. }) = source;
        (*position, category(name))
    } else if let store::Error::Corrupt { position, .. } = &error {
        (*position, None)
    } else {
        return Err(error);
    };
    Ok(Stumble { position, reason, category })
}

/// The category of events of that stored name: its first word is the one of the stream.
fn category(name: &str) -> Option<Category> {
    match name.split_once('.')?.0 {
        "user" => Some(Category::User),
        "session" => Some(Category::Session),
        "token" => Some(Category::Token),
        "name" => Some(Category::Name),
        "chat" => Some(Category::Chat),
        "message" => Some(Category::Message),
        "projection" => Some(Category::Projection),
        _ => None,
    }
}
