//! Who keeps whom from using their account, and for how long.

use super::{
    Account, Event, Refusal, Role, SessionsEnded, State, Suspend, Suspended, Suspension, Unsuspend, Unsuspended,
};
use crate::{Personal, Timestamp, UserId};

/// Every session ends with it. Service tokens stay, and do not work as long as it lasts.
pub(super) fn suspend(
    id: UserId,
    account: &Account,
    by: &State,
    command: &Suspend,
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let Suspend { by: by_id, reason, until } = command;
    refuse_who_may_not(id, account, *by_id, by, at)?;
    if until.is_some_and(|until| until <= at) {
        return Err(Refusal::EndsInThePast);
    }
    let reason = Personal::Known(reason.clone());
    let wanted = Suspension { until: *until, reason: reason.clone() };
    if account.suspended_at(at) == Some(&wanted) {
        return Ok(vec![]);
    }
    let suspended = Suspended { by: *by_id, until: *until, reason };
    Ok(vec![Event::Suspended(suspended), Event::SessionsEnded(SessionsEnded { keep: None })])
}

pub(super) fn unsuspend(
    id: UserId,
    account: &Account,
    by: &State,
    command: &Unsuspend,
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    refuse_who_may_not(id, account, command.by, by, at)?;
    let lifts = account.suspended_at(at).is_some();
    Ok(lifts.then_some(Event::Unsuspended(Unsuspended { by: command.by })).into_iter().collect())
}

/// An operator may always: they have the data folder.
fn refuse_who_may_not(id: UserId, account: &Account, by_id: UserId, by: &State, at: Timestamp) -> Result<(), Refusal> {
    if by_id == UserId::OPERATOR {
        return Ok(());
    }
    let State::Open(judge) = by else { return Err(Refusal::NotAllowed) };
    let outranked = account.profile.role == Role::Admin && judge.profile.role != Role::Admin;
    if by_id == id || outranked || !judge.profile.role.moderates() || judge.suspended_at(at).is_some() {
        return Err(Refusal::NotAllowed);
    }
    Ok(())
}
