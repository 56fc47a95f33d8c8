//! Folding a page of the log into one generation: as far as it can be, and why it stops there.

use crate::engine::generation::Generation;
use crate::{Error, ProjectionId, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::follower::{Page, UnreadableEvent};
use store::{Fact, described};

/// Where a projection stops that no event is to blame for: there is nothing to skip, and resuming it or a restart tries
/// again from its checkpoint. Positions of events begin at 1.
pub(crate) const NO_EVENT: u64 = 0;

/// Why a projection stops.
pub(crate) struct Stop {
    pub(crate) name: ProjectionId,
    pub(crate) position: u64,
    pub(crate) error: Error,
}

impl Stop {
    /// Tells the operator, once; answers what the catalogue keeps.
    pub(crate) fn logged(self) -> (u64, String) {
        let (position, reason) = (self.position, described(&self.error));
        tracing::error!(projection = %self.name, position, error = reason, "the projection stops");
        (position, reason)
    }
}

/// Folds a page of the log into a generation, as far as it can be; answers why it must stop there, if it must.
/// An error is no fault of any event: the same is tried again later. One of them is [`store::Error::OtherHistory`].
pub(crate) fn follow(generation: &mut Generation, name: ProjectionId, page: &Page) -> Result<Option<Stop>> {
    // It was resumed after the log was read for those who are further: the next page begins where it is.
    let Some(known) = page.known(generation.mark())? else { return Ok(None) };
    if let Some(facts) = page.facts.get(known..).filter(|facts| !facts.is_empty())
        && let Some(stop) = apply(generation, name, facts)?
    {
        return Ok(Some(stop));
    }
    let Some(unreadable) =
        page.unreadable.as_ref().filter(|unreadable| unreadable.at.position == generation.position() + 1)
    else {
        return Ok(None);
    };
    if !concerns(unreadable, name) || generation.skips().contains(&unreadable.at.position) {
        generation.step_over(unreadable.at);
        return Ok(None);
    }
    let (position, reason) = (unreadable.at.position, unreadable.reason.clone());
    Ok(Some(Stop { name, position, error: Error::Poison { name, position, reason } }))
}

/// Whether that projection must stop at the event. What cannot be told may concern all of them.
pub(crate) fn concerns(unreadable: &UnreadableEvent, name: ProjectionId) -> bool {
    unreadable.category.is_none_or(|category| name.definition().is_about(category))
}

/// Folds facts in; on a failure in halves, until everything before the fact that fails is folded in.
fn apply(generation: &mut Generation, name: ProjectionId, facts: &[Fact]) -> Result<Option<Stop>> {
    let error = match catch_unwind(AssertUnwindSafe(|| generation.apply(facts))) {
        Ok(Ok(())) => return Ok(None),
        Ok(Err(error)) if may_pass(&error) => return Err(error),
        // What was folded in and not committed is lost with it: it is not tried in halves.
        Ok(Err(error @ (Error::Search(_) | Error::NotOwner { .. }))) if !name.has_tables() => {
            return Ok(Some(Stop { name, position: NO_EVENT, error }));
        }
        // No event is to blame for a file that is damaged; the next start builds it again.
        Ok(Err(error @ Error::Store(store::Error::DamagedFile { .. }))) => {
            return Ok(Some(Stop { name, position: NO_EVENT, error }));
        }
        Ok(Err(error)) => error,
        Err(panic) => {
            let reason = format!("its fold panicked: {}", words(panic.as_ref()));
            Error::Poison { name, position: facts.first().map_or(0, |fact| fact.position), reason }
        }
    };
    match facts {
        [] => Ok(None),
        [fact] => Ok(Some(Stop { name, position: fact.position, error })),
        _ => {
            let (first, rest) = facts.split_at(facts.len() / 2);
            match apply(generation, name, first)? {
                Some(stop) => Ok(Some(stop)),
                None => apply(generation, name, rest),
            }
        }
    }
}

/// Whether the fold failed for a reason that no event has to do with and that may pass: a full disk, a locked file,
/// another node that does it.
fn may_pass(error: &Error) -> bool {
    if let Error::Store(error) = error {
        error.may_pass()
    } else if let Error::Search(error) = error {
        error.may_pass()
    } else {
        matches!(error, Error::File { .. } | Error::TakenOver { .. })
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::handle::Location;
    use domain::{Event, Timestamp, UserId, user};
    use std::collections::BTreeSet;
    use store::Mark;
    use uuid::Uuid;

    #[test]
    fn a_page_that_begins_further_on_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = Location::Tables(store::sql::Place::File(folder.path().join("users.db")));
        let mut generation = Generation::create(&place, (ProjectionId::Users, 1), 0, BTreeSet::new()).unwrap();
        let fact = Fact {
            position: 6,
            version: 1,
            id: Uuid::from_u128(6),
            recorded_at: Timestamp(1),
            event: Event::User(UserId(Uuid::from_u128(1)), user::Event::Erased),
            hash: [6; 32],
        };
        let further_on =
            Page { after: Mark { position: 5, hash: [5; 32] }, facts: vec![fact.clone()], unreadable: None };
        assert!(follow(&mut generation, ProjectionId::Users, &further_on).unwrap().is_none());
        assert_eq!(generation.position(), 0);
        // One that says it begins here and does not is a hole in the log.
        let with_a_hole = Page { after: Mark::default(), facts: vec![fact], unreadable: None };
        assert!(follow(&mut generation, ProjectionId::Users, &with_a_hole).unwrap().is_some());
    }
}
