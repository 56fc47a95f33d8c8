//! Reading the log a page at a time, decoded once for everything that is fed from it.

use crate::{Error, Fact, Head, Log, Mark};
use domain::{Category, Unreadable};
use std::time::Instant;

/// A part of the log. A page of a log that has more holds at least one fact, or says which event cannot be read.
#[derive(Debug)]
pub struct Page {
    /// The event behind which it begins.
    pub after: Mark,
    /// In the order of their positions, without holes.
    pub facts: Vec<Fact>,
    /// The very next event, when it cannot be read; there are no facts then.
    pub unreadable: Option<UnreadableEvent>,
}

/// An event that cannot be read: no consumer that it concerns gets past it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableEvent {
    /// Where it is, with its hash, which may be damaged itself.
    pub at: Mark,
    /// Why it cannot be read, for an operator.
    pub reason: String,
    /// What it is about; `None` when that cannot be told, so that it may concern every consumer.
    pub category: Option<Category>,
}

/// What one look at the log found.
#[derive(Debug)]
pub struct Reading {
    /// Where the log ended.
    pub head: Head,
    /// Before that was asked.
    pub asked: Instant,
    /// What is behind the lowest position; `None` when every position is at the head, or when there was none.
    pub page: Option<Page>,
}

impl Page {
    /// The last event that was read, or the one that cannot be.
    pub fn end(&self) -> Mark {
        let last = self.facts.last().map(Fact::mark);
        last.or(self.unreadable.as_ref().map(|event| event.at)).unwrap_or(self.after)
    }

    /// How many of its facts a consumer at `mark` has had already; `None` when the page begins behind that consumer.
    ///
    /// # Errors
    /// [`Error::OtherHistory`] when the page does not hold that event: the consumer has followed another history.
    pub fn known(&self, mark: Mark) -> Result<Option<usize>, Error> {
        let Some(behind) = mark.position.checked_sub(self.after.position) else { return Ok(None) };
        let known = usize::try_from(behind).unwrap_or(usize::MAX);
        let here = match known.checked_sub(1).map(|last| self.facts.get(last)) {
            None => self.after,
            Some(Some(fact)) => fact.mark(),
            // Nothing of it is new.
            Some(None) => return Ok(Some(self.facts.len())),
        };
        if here == mark { Ok(Some(known)) } else { Err(Error::OtherHistory { position: mark.position }) }
    }
}

/// Reads once for consumers that are at `positions`: at most `limit` facts behind the lowest of them. The positions
/// must be known before this is called: the log's head is read after them, so that a log which does not hold them is
/// one that came back with another history.
///
/// # Errors
/// [`Error::OtherHistory`], and as [`read_page`].
pub fn read(log: &Log, positions: impl IntoIterator<Item = Mark>, limit: usize) -> Result<Reading, Error> {
    let positions = positions.into_iter().collect::<Vec<_>>();
    let asked = Instant::now();
    let head = log.head()?;
    positions.iter().try_for_each(|position| position.check(head))?;
    Ok(Reading { head, asked, page: read_to(log, positions, head, limit)? })
}

/// The same of a log that ended at `head` a moment ago. Positions at or behind that head are left out.
///
/// # Errors
/// As [`read_page`].
pub fn read_to(
    log: &Log,
    positions: impl IntoIterator<Item = Mark>,
    head: Head,
    limit: usize,
) -> Result<Option<Page>, Error> {
    let lowest = positions.into_iter().min_by_key(|position| position.position);
    let behind = lowest.filter(|lowest| lowest.position < head.position);
    behind.map(|after| read_page(log, after, head, limit)).transpose()
}

/// At most `limit` facts right behind the event `after` of a log that ended at `head` a moment ago.
///
/// # Errors
/// [`Error::OtherHistory`] when the log does not hold `after`; [`Error::Database`], [`Error::Unreachable`] …: the
/// reading failed. A single event that cannot be read is no error.
pub fn read_page(log: &Log, after: Mark, head: Head, limit: usize) -> Result<Page, Error> {
    match log.facts_behind(after, head, limit) {
        Ok(facts) => Ok(Page { after, facts, unreadable: None }),
        // Answered only when it is the very next one: what is before it came with the page before.
        Err(error) => {
            let (reason, category) = unreadable(error)?;
            let position = after.position + 1;
            let at = log.mark(position)?.unwrap_or(Mark { position, ..Mark::default() });
            Ok(Page { after, facts: Vec::new(), unreadable: Some(UnreadableEvent { at, reason, category }) })
        }
    }
}

impl UnreadableEvent {
    /// As the error of reading that event tells it.
    ///
    /// # Errors
    /// The same error, when it says nothing of the event itself.
    pub fn of(at: Mark, error: Error) -> Result<UnreadableEvent, Error> {
        let (reason, category) = unreadable(error)?;
        Ok(UnreadableEvent { at, reason, category })
    }
}

/// Why an event cannot be read, and what it is about.
fn unreadable(error: Error) -> Result<(String, Option<Category>), Error> {
    let reason = error.to_string();
    if let Error::Unreadable { source, .. } = &error {
        let category = match source {
            Unreadable::UnknownName(name) | Unreadable::Shape { name, .. } => Category::of_event(name),
            // What it is about is what nobody knows.
            Unreadable::Misplaced(_) => None,
        };
        Ok((reason, category))
    } else if let Error::Corrupt { .. } = &error {
        Ok((reason, None))
    } else {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Event, Timestamp, UserId, user};
    use uuid::Uuid;

    fn mark(position: u64) -> Mark {
        Mark { position, hash: [position as u8; 32] }
    }

    fn page(after: u64, positions: std::ops::RangeInclusive<u64>) -> Page {
        let fact = |position| Fact {
            position,
            version: position,
            id: Uuid::from_u128(position.into()),
            recorded_at: Timestamp(1),
            event: Event::User(UserId(Uuid::from_u128(1)), user::Event::Erased),
            hash: mark(position).hash,
        };
        Page { after: mark(after), facts: positions.map(fact).collect(), unreadable: None }
    }

    #[test]
    fn a_page_serves_consumers_that_are_at_different_positions() {
        let page = page(5, 6..=8);
        assert_eq!(page.end(), mark(8));
        assert_eq!(page.known(mark(4)).unwrap(), None, "it begins behind that one");
        for (position, known) in [(5, 0), (6, 1), (8, 3), (9, 3), (99, 3)] {
            assert_eq!(page.known(mark(position)).unwrap(), Some(known), "{position}");
        }
        for position in [5, 6, 8] {
            let other = Mark { hash: [77; 32], ..mark(position) };
            let error = page.known(other).unwrap_err();
            assert!(matches!(error, Error::OtherHistory { position: at } if at == position), "{error}");
        }
    }

    #[test]
    fn an_event_that_cannot_be_read_says_whom_it_may_concern() {
        let of = |name: &str| Error::Unreadable { position: 7, source: Unreadable::UnknownName(name.to_owned()) };
        let about = |error| UnreadableEvent::of(mark(7), error).map(|event| event.category);
        assert_eq!(about(of("chat.painted.v1")).unwrap(), Some(Category::Chat));
        assert_eq!(about(of("moon.rose.v1")).unwrap(), None);
        assert_eq!(about(Error::Corrupt { position: 7, what: "its hash is damaged" }).unwrap(), None);
        assert!(matches!(about(Error::Unanswered), Err(Error::Unanswered)), "that says nothing of the event");
    }
}
