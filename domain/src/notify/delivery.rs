//! A delivery: one thing that one person is told over one channel, from the request to its end.
//!
//! The intent to send is a fact before a byte leaves ([`Command::Attempt`]), and how the attempt ended is another. Between
//! both lies what no sender can know (RFC 1047): it has a name, [`Status::Unknown`], and the semantics of the category
//! say what follows.

use super::category::Semantics;
use crate::{Decision, DeliveryId, Outcome, Personal, RefusalKind, Timestamp, UserId, mailing, user};

mod command;
mod event;
mod retry;
mod status;

pub use command::{
    AddToInbox, Attempt, Cancel, Command, Defer, EndAttempt, Ended, InInboxOf, LoseAttempt, Report, Request, Retry,
    Suppress,
};
pub use event::{
    Accepted, AddedToInbox, Attempted, Cancelled, Content, Deferred, Details, Event, Expired, Fault, InboxItem, Plain,
    Refused, ReportKind, Reported, Requested, Retried, Suppressed, Unknown,
};
pub use status::{Delivery, InInbox, State, Status, evolve};

/// Most attempts of one delivery. Its stream must stay short, and the deadline of every category comes earlier.
pub const ATTEMPTS_MAX: u32 = 60;
/// Most attempts without a known end after which one that must arrive is tried again.
pub const UNKNOWN_REPEATS_MAX: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such delivery.
    #[error("there is no such delivery")]
    NotFound,
    /// Its state does not allow it.
    #[error("the state of this delivery does not allow that; look at it again")]
    WrongState,
    /// It is not due yet.
    #[error("this delivery is not due yet")]
    NotDue,
    /// Another dispatcher has taken over since.
    #[error("another dispatcher sends this delivery")]
    TakenOver,
    /// The mailing that it is a part of is paused, or was called off.
    #[error("the mailing that this delivery is a part of sends nothing now")]
    Held,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::DeliveryNotFound,
            Refusal::WrongState | Refusal::NotDue | Refusal::TakenOver | Refusal::Held => RefusalKind::WrongState,
        }
    }
}

/// Decides on one delivery. `user` is the state of the account that a new one is for, `mailing` that of the mailing by which
/// one is sent; neither is looked at otherwise.
pub fn decide(
    id: DeliveryId,
    state: &State,
    user: &user::State,
    mailing: &mailing::State,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    if command.sent_by().is_some() && !mailing.sends() {
        return Err(Refusal::Held);
    }
    let (events, outcome) = match (state, command) {
        (State::Absent, Command::Request(command)) => (request(user, command, at), Outcome::Done),
        // A second look at the same fact.
        (State::Known(_), Command::Request(_)) => (vec![], Outcome::Done),
        (State::Absent, _) => return Err(Refusal::NotFound),
        (State::Known(delivery), Command::Attempt(command)) => attempt(delivery, command, at)?,
        (State::Known(delivery), command) => (change(delivery, command, at, id)?, Outcome::Done),
    };
    Ok(Decision::of(events.into_iter().map(|event| crate::Event::Delivery(id, event)).collect(), outcome))
}

/// Nobody who was erased is told anything: a new fact about them would need a new key.
fn request(user: &user::State, command: &Request, at: Timestamp) -> Vec<Event> {
    match user {
        user::State::Erased => vec![],
        user::State::Absent if !command.before_sign_up => vec![],
        user::State::Absent | user::State::Open(_) => requested(command, at),
    }
}

/// What these requests make of deliveries that were not there; nothing for people who are gone.
pub(super) fn all_requested(
    requests: &[(DeliveryId, Request)],
    is_gone: impl Fn(UserId) -> bool,
    at: Timestamp,
) -> Vec<crate::Event> {
    let mut facts = Vec::with_capacity(requests.len() * 2 + 1);
    for (delivery_id, request) in requests.iter().filter(|(_, one)| !is_gone(one.user_id)) {
        facts.extend(requested(request, at).into_iter().map(|event| crate::Event::Delivery(*delivery_id, event)));
    }
    facts
}

/// What a request makes of a delivery that was not there.
fn requested(command: &Request, at: Timestamp) -> Vec<Event> {
    let requested = Event::Requested(command.requested(at));
    let ended = match (&command.suppressed, command.due_at >= command.expires_at) {
        (Some(reason), _) => Some(Event::Suppressed(Suppressed { at, reason: reason.clone() })),
        (None, true) => Some(Event::Expired(Expired { at, reason: command.late_because.clone() })),
        (None, false) => None,
    };
    std::iter::once(requested).chain(ended).collect()
}

fn attempt(delivery: &Delivery, command: &Attempt, at: Timestamp) -> Result<(Vec<Event>, Outcome), Refusal> {
    if !delivery.status.waits() {
        return Err(Refusal::WrongState);
    }
    if command.epoch < delivery.epoch {
        return Err(Refusal::TakenOver);
    }
    // The deadline is looked at last before the intent.
    if at >= delivery.expires_at {
        return Ok((vec![Event::Expired(Expired { at, reason: "deadline".to_owned() })], Outcome::Done));
    }
    if at < delivery.due_at {
        return Err(Refusal::NotDue);
    }
    let number = delivery.attempts + 1;
    let attempted =
        Attempted { at, number, provider: command.provider.clone(), node: command.node.clone(), epoch: command.epoch };
    Ok((vec![Event::Attempted(attempted)], Outcome::Sending { attempt: number }))
}

fn change(delivery: &Delivery, command: &Command, at: Timestamp, id: DeliveryId) -> Result<Vec<Event>, Refusal> {
    let waits = delivery.status.waits();
    match command {
        Command::Request(_) | Command::Attempt(_) => Ok(vec![]),
        Command::EndAttempt(command) => end_attempt(delivery, command, at, id),
        Command::LoseAttempt(LoseAttempt { attempt, epoch }) => {
            let lost = delivery.status == Status::Sending && delivery.attempts == *attempt && delivery.epoch < *epoch;
            let fault = Fault::of("lease", "the process that sent it ended before it knew how it ended");
            Ok(if lost { unknown(delivery, *attempt, fault, at, id) } else { vec![] })
        }
        Command::Defer(command) if waits => Ok(vec![defer(delivery, command.until, &command.reason, at)]),
        Command::Suppress(Suppress { reason }) if waits => {
            Ok(vec![Event::Suppressed(Suppressed { at, reason: reason.clone() })])
        }
        Command::AddToInbox(command) if waits => Ok(add_to_inbox(delivery, command, at)),
        Command::Defer(_) | Command::Suppress(_) | Command::AddToInbox(_) => Err(Refusal::WrongState),
        Command::Report(command) => Ok(report(delivery, command, at)),
        Command::Cancel(_) if delivery.status == Status::Cancelled => Ok(vec![]),
        Command::Cancel(Cancel { by }) if waits || delivery.status.can_be_retried() => {
            Ok(vec![Event::Cancelled(Cancelled { at, by: *by })])
        }
        Command::Retry(Retry { by, expires_at }) if delivery.status.can_be_retried() => {
            Ok(vec![Event::Retried(Retried { at, by: *by, expires_at: *expires_at })])
        }
        Command::Cancel(_) | Command::Retry(_) => Err(Refusal::WrongState),
        Command::Read(by) => {
            let item = in_inbox(delivery, by)?;
            Ok(item.read_at.is_none().then_some(Event::Read { at }).into_iter().collect())
        }
        Command::Archive(by) => {
            let item = in_inbox(delivery, by)?;
            Ok(item.archived_at.is_none().then_some(Event::Archived { at }).into_iter().collect())
        }
    }
}

/// What is in another's inbox is as if it were not there.
fn in_inbox<'a>(delivery: &'a Delivery, by: &InInboxOf) -> Result<&'a InInbox, Refusal> {
    delivery.in_inbox.as_ref().filter(|_| delivery.user_id == by.user_id).ok_or(Refusal::NotFound)
}

/// What is told late is told even when another attempt has not begun: a provider that has it has it.
fn end_attempt(
    delivery: &Delivery,
    command: &EndAttempt,
    at: Timestamp,
    id: DeliveryId,
) -> Result<Vec<Event>, Refusal> {
    let number = command.attempt;
    if delivery.attempts != number {
        return Err(Refusal::TakenOver);
    }
    let late = match delivery.status {
        Status::Sending => false,
        Status::Unknown | Status::Deferred if delivery.unknown_attempt == Some(number) => true,
        Status::Requested | Status::Scheduled | Status::Deferred | Status::Accepted | Status::Delivered => {
            return Err(Refusal::WrongState);
        }
        Status::Bounced | Status::Complained | Status::Refused | Status::Failed | Status::Unknown => {
            return Err(Refusal::WrongState);
        }
        Status::DeadLettered | Status::Expired | Status::Suppressed | Status::Cancelled => {
            return Err(Refusal::WrongState);
        }
    };
    let refused = |fault: &Fault, permanent| Event::Refused(Refused { at, number, permanent, fault: fault.clone() });
    Ok(match &command.end {
        Ended::Accepted { provider_id, detail } => {
            vec![Event::Accepted(Accepted { at, number, provider_id: provider_id.clone(), detail: detail.clone() })]
        }
        // Only that it arrived after all is news of an attempt that was given up.
        _ if late => vec![],
        Ended::Postponed { fault, next_provider_at } => {
            let until = next_provider_at.unwrap_or_else(|| at.plus(retry::pause(id, number, delivery.kind)));
            vec![refused(fault, false), retry(delivery, until, "retry", at)]
        }
        Ended::Rejected { fault } => vec![refused(fault, true), Event::Failed { at }],
        Ended::Unknown { fault } => unknown(delivery, number, fault.clone(), at, id),
    })
}

fn unknown(delivery: &Delivery, number: u32, fault: Fault, at: Timestamp, id: DeliveryId) -> Vec<Event> {
    let unknown = Event::AttemptUnknown(Unknown { at, number, fault });
    let again = match delivery.semantics {
        Semantics::AtLeastOnce => delivery.unknowns < UNKNOWN_REPEATS_MAX,
        Semantics::AtMostOnce => false,
    };
    let until = at.plus(retry::pause(id, number, delivery.kind));
    // Where there is no time for another attempt it stays unknown, which says more.
    let next = again.then(|| retry(delivery, until, "unknown", at)).filter(|next| matches!(next, Event::Deferred(_)));
    std::iter::once(unknown).chain(next).collect()
}

/// The next attempt, or the end of them.
fn retry(delivery: &Delivery, until: Timestamp, reason: &str, at: Timestamp) -> Event {
    if until >= delivery.expires_at || delivery.attempts >= ATTEMPTS_MAX {
        return Event::DeadLettered { at };
    }
    Event::Deferred(Deferred { at, until, reason: reason.to_owned() })
}

/// Later; or never, when that is too late, which is said at once.
fn defer(delivery: &Delivery, until: Timestamp, reason: &str, at: Timestamp) -> Event {
    if until >= delivery.expires_at {
        return Event::Expired(Expired { at, reason: format!("{reason}-beyond-deadline") });
    }
    Event::Deferred(Deferred { at, until, reason: reason.to_owned() })
}

fn add_to_inbox(delivery: &Delivery, command: &AddToInbox, at: Timestamp) -> Vec<Event> {
    if at >= delivery.expires_at {
        return vec![Event::Expired(Expired { at, reason: "deadline".to_owned() })];
    }
    vec![Event::AddedToInbox(AddedToInbox {
        at,
        user_id: delivery.user_id,
        category: delivery.category.clone(),
        item: Personal::Known(command.item.clone()),
    })]
}

/// What a provider says afterwards, as often as it says it.
fn report(delivery: &Delivery, command: &Report, at: Timestamp) -> Vec<Event> {
    let news = match command.reported {
        ReportKind::Delivered => delivery.status.may_be_delivered(),
        ReportKind::Bounced => delivery.status.may_be_delivered() || delivery.status == Status::Delivered,
        ReportKind::Complained => delivery.status.was_sent() && delivery.status != Status::Complained,
    };
    let reported = Reported { at, reported: command.reported, detail: command.detail.clone() };
    news.then_some(Event::Reported(reported)).into_iter().collect()
}

#[cfg(test)]
mod tests;
