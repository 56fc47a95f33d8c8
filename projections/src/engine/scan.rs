//! Reading the log for projections: decoded once for all of them.

use crate::ProjectionId;
use domain::{Category, Unreadable};
use store::{Fact, Head, Log, Mark};

/// A stretch of the log.
pub(crate) struct Scan {
    /// The event behind which it begins.
    pub(crate) after: Mark,
    /// In the order of their positions, without holes.
    pub(crate) facts: Vec<Fact>,
    /// The very next event, when it cannot be read; there are no facts then.
    pub(crate) unreadable: Option<UnreadableEvent>,
}

/// An event that cannot be read.
pub(crate) struct UnreadableEvent {
    /// Where it stands, with its hash, which may be damaged itself.
    pub(crate) at: Mark,
    /// Why it cannot be read.
    pub(crate) reason: String,
    /// What it is about; none when nobody can tell.
    category: Option<Category>,
}

impl UnreadableEvent {
    /// Whether that projection must stop at it. What nobody can tell may concern everybody.
    pub(crate) fn concerns(&self, name: ProjectionId) -> bool {
        self.category.is_none_or(|category| name.is_about(category))
    }
}

impl Scan {
    /// The last event that was read, or the one that cannot be.
    pub(crate) fn end(&self) -> Mark {
        let last = self.facts.last().map(Fact::mark);
        last.or(self.unreadable.as_ref().map(|unreadable| unreadable.at)).unwrap_or(self.after)
    }

    /// So many of its facts are known to whoever has come to `mark`; none when it begins further on.
    ///
    /// # Errors
    /// [`store::Error::OtherHistory`] when it does not hold that event: what was folded in is of another history.
    pub(crate) fn known(&self, mark: Mark) -> Result<Option<usize>, store::Error> {
        let Some(behind) = mark.position.checked_sub(self.after.position) else { return Ok(None) };
        let known = usize::try_from(behind).unwrap_or(usize::MAX);
        let here = match known.checked_sub(1).map(|last| self.facts.get(last)) {
            None => self.after,
            Some(Some(fact)) => fact.mark(),
            // Nothing of it is new.
            Some(None) => return Ok(Some(self.facts.len())),
        };
        if here == mark { Ok(Some(known)) } else { Err(store::Error::OtherHistory { position: mark.position }) }
    }
}

/// At most `limit` facts behind the event `after` of a log that ended at `head` a moment ago. What fails is the
/// reading itself, never a single event. It gets further, or says why not, or the log ends there.
pub(crate) fn read(log: &Log, after: Mark, head: Head, limit: usize) -> Result<Scan, store::Error> {
    match log.facts_behind(after, head, limit) {
        Ok(facts) => Ok(Scan { after, facts, unreadable: None }),
        // Answered only when it is the very next one: what is before it came with the scan before.
        Err(error) => {
            let (reason, category) = unreadable(error)?;
            let position = after.position + 1;
            let at = log.mark(position)?.unwrap_or(Mark { position, ..Mark::default() });
            Ok(Scan { after, facts: Vec::new(), unreadable: Some(UnreadableEvent { at, reason, category }) })
        }
    }
}

/// Why an event cannot be read, and what it is about.
fn unreadable(error: store::Error) -> Result<(String, Option<Category>), store::Error> {
    let reason = error.to_string();
    if let store::Error::Unreadable { source, .. } = &error {
        let (Unreadable::UnknownName(name) | Unreadable::Shape { name, .. }) = source;
        Ok((reason, category(name)))
    } else if let store::Error::Corrupt { .. } = &error {
        Ok((reason, None))
    } else {
        Err(error)
    }
}

impl UnreadableEvent {
    /// As it is made of the error of that event.
    #[cfg(test)]
    pub(crate) fn of(at: Mark, error: store::Error) -> UnreadableEvent {
        let (reason, category) = unreadable(error).unwrap();
        UnreadableEvent { at, reason, category }
    }
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
