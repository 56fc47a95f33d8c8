//! A mailing: what many people are told, once or in runs one after the other, and how far it is.
//!
//! Its life is draft → scheduled → running ⇄ paused → finished or cancelled. The audience of a run is frozen in chunks: the
//! fact that a chunk is frozen and the facts of its deliveries are one decision, so that a crash between two chunks
//! skips nobody and tells nobody twice. A run ends when every one of its deliveries is final.

use super::{delivery, notification};
use crate::{Decision, MailingId, Outcome, Personal, RefusalKind, Timestamp, UserId};

mod command;
mod event;
mod state;

pub use command::{BeginRun, By, Change, Command, Draft, FinishRun, Freeze, PostponeRun, Resume, Start};
pub use event::{
    Audience, AudienceFrozen, Deleted, Drafted, Event, Fetched, Plan, RecipientsNamed, Resumed, RunBegun, RunFinished,
    RunPostponed, Saying, Started, Stopped, Texts,
};
pub use state::{Mailing, Run, State, Status, Verb, evolve};

/// Most tries to begin a run; after the last one the mailing is paused, and somebody has to look.
pub const TRIES_MAX: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such mailing, or no more.
    #[error("there is no such mailing")]
    NotFound,
    /// Its id is taken.
    #[error("this mailing exists already")]
    AlreadyExists,
    /// Only drafts are changed, deleted and started; only what is started and not over is paused or cancelled.
    #[error("the state of this mailing does not allow that; look at it again")]
    WrongState,
    /// It was changed since the change, or the first date, was made of it.
    #[error("this mailing was changed at the same time; look at it again")]
    Outdated,
}

impl Refusal {
    pub(crate) fn kind(self) -> RefusalKind {
        match self {
            Refusal::NotFound => RefusalKind::MailingNotFound,
            Refusal::AlreadyExists => RefusalKind::AlreadyExists,
            Refusal::WrongState => RefusalKind::WrongState,
            Refusal::Outdated => RefusalKind::VersionChanged,
        }
    }
}

/// Decides on one mailing. `is_gone` says who was erased: of the recipients of a chunk, and of who wrote what a run says.
pub fn decide(
    id: MailingId,
    state: &State,
    is_gone: impl Fn(UserId) -> bool,
    command: &Command,
    at: Timestamp,
) -> Result<Decision, Refusal> {
    let own = |events: Vec<Event>| events.into_iter().map(|event| crate::Event::Mailing(id, event)).collect();
    let known = match (state, command) {
        (State::Absent, Command::Create(draft)) => {
            let facts = own(drafted(draft, Event::Created, at));
            return Ok(Decision::of(facts, Outcome::MailingCreated { mailing_id: id }));
        }
        (State::Known(_) | State::Deleted, Command::Create(_)) => return Err(Refusal::AlreadyExists),
        (State::Absent | State::Deleted, _) => return Err(Refusal::NotFound),
        (State::Known(known), _) => known,
    };
    let events = match command {
        Command::Create(_) => vec![],
        Command::Change(command) => change(known, command, at)?,
        Command::Delete(By { by }) if known.status == Status::Draft => vec![Event::Deleted(Deleted { at, by: *by })],
        Command::Delete(_) => return Err(Refusal::WrongState),
        Command::Start(command) => start(known, *command, at)?,
        Command::BeginRun(command) => begin_run(known, is_gone(known.author), command, at),
        Command::PostponeRun(command) => postpone_run(known, command, at),
        Command::Freeze(command) => return Ok(Decision::of(freeze(id, known, is_gone, command, at), Outcome::Done)),
        Command::FinishRun(command) => finish_run(known, *command, at),
        Command::Pause(command) => pause(known, *command, at)?,
        Command::Resume(command) => resume(known, *command, at)?,
        Command::Cancel(command) => cancel(known, *command, at)?,
    };
    Ok(Decision::of(own(events), Outcome::Done))
}

fn drafted(draft: &Draft, event: fn(Box<Drafted>) -> Event, at: Timestamp) -> Vec<Event> {
    let Draft { by, name, plan, user_ids, texts } = draft.clone();
    let drafted = Drafted { at, by, name, plan, texts: Personal::Known(texts) };
    let named = user_ids.chunks(notification::NAMED_IN_ONE_FACT_MAX);
    let named = named.map(|some| Event::RecipientsNamed(RecipientsNamed { user_ids: some.to_vec() }));
    std::iter::once(event(Box::new(drafted))).chain(named).collect()
}

fn change(known: &Mailing, command: &Change, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    if known.status != Status::Draft {
        return Err(Refusal::WrongState);
    }
    if known.changes != command.changes {
        return Err(Refusal::Outdated);
    }
    let Draft { by: _, name, plan, user_ids, texts } = &command.draft;
    let is_same = known.name == *name && known.plan == *plan && known.user_ids == *user_ids;
    if is_same && known.texts.known() == Some(texts) {
        return Ok(vec![]);
    }
    Ok(drafted(&command.draft, Event::Changed, at))
}

fn start(known: &Mailing, Start { by, changes, due_at }: Start, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    match known.status {
        Status::Draft if known.changes != changes => Err(Refusal::Outdated),
        Status::Draft => Ok(vec![Event::Started(Started { at, by, due_at })]),
        Status::Scheduled | Status::Running if known.last == Some(Verb::Start) => Ok(vec![]),
        Status::Scheduled | Status::Running | Status::Paused | Status::Finished | Status::Cancelled => {
            Err(Refusal::WrongState)
        }
    }
}

/// Whether that run is to begin now.
fn is_due(known: &Mailing, run: u32, at: Timestamp) -> bool {
    let waits = match known.status {
        Status::Scheduled | Status::Running => known.under_way.is_none(),
        Status::Draft | Status::Paused | Status::Finished | Status::Cancelled => false,
    };
    waits && known.run == run && known.due_at.is_some_and(|due_at| due_at <= at)
}

fn begin_run(known: &Mailing, is_author_gone: bool, command: &BeginRun, at: Timestamp) -> Vec<Event> {
    let Some(due_at) = known.due_at.filter(|_| is_due(known, command.run, at)) else { return vec![] };
    // What it says is forgotten with who wrote it.
    if is_author_gone || known.texts == Personal::Erased || known.author != command.author {
        return vec![Event::Cancelled(Stopped { at, by: None, reason: Some("author-erased".to_owned()) })];
    }
    vec![Event::RunBegun(RunBegun {
        at,
        run: command.run,
        notification_id: command.notification_id,
        due_at,
        category: known.plan.category.clone(),
        content: command.content.clone(),
        author: known.author,
        fetched: Personal::Known(Fetched { variables: command.variables.clone() }),
    })]
}

fn postpone_run(known: &Mailing, command: &PostponeRun, at: Timestamp) -> Vec<Event> {
    if !is_due(known, command.run, at) {
        return vec![];
    }
    let tries = known.tries + 1;
    let reason = command.reason.clone();
    let postponed = RunPostponed { at, run: command.run, tries, reason: reason.clone(), until: command.until };
    let paused = (tries >= TRIES_MAX).then_some(Event::Paused(Stopped { at, by: None, reason: Some(reason) }));
    std::iter::once(Event::RunPostponed(postponed)).chain(paused).collect()
}

/// The audience is frozen while it is paused, too: who gets it does not depend on when it is resumed.
fn freeze(
    id: MailingId,
    known: &Mailing,
    is_gone: impl Fn(UserId) -> bool,
    command: &Freeze,
    at: Timestamp,
) -> Vec<crate::Event> {
    let goes_on = match known.status {
        Status::Running | Status::Paused => known.run == command.run,
        Status::Draft | Status::Scheduled | Status::Finished | Status::Cancelled => false,
    };
    let run = known.under_way.as_ref().filter(|run| goes_on && !run.is_frozen && run.chunk == command.chunk);
    let Some(run) = run else { return vec![] };
    let mut facts = delivery::all_requested(&command.deliveries, is_gone, at);
    let Freeze { run: number, chunk, recipients, after, last, .. } = *command;
    let notification_id = run.notification_id;
    let frozen = AudienceFrozen { at, run: number, chunk, notification_id, recipients, after, last };
    facts.push(crate::Event::Mailing(id, Event::AudienceFrozen(frozen)));
    facts
}

/// That every delivery is final is seen by who asks for it. One that was called off ends in the middle of its audience.
fn finish_run(known: &Mailing, FinishRun { run, next_due_at }: FinishRun, at: Timestamp) -> Vec<Event> {
    let is_under_way = known.run == run && known.under_way.is_some();
    let is_frozen = known.under_way.as_ref().is_some_and(|run| run.is_frozen);
    let next_due_at = match known.status {
        Status::Running if is_frozen => next_due_at,
        Status::Cancelled => None,
        Status::Draft | Status::Scheduled | Status::Running | Status::Paused | Status::Finished => return vec![],
    };
    is_under_way.then_some(Event::RunFinished(RunFinished { at, run, next_due_at })).into_iter().collect()
}

fn pause(known: &Mailing, By { by }: By, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    match known.status {
        Status::Scheduled | Status::Running => Ok(vec![Event::Paused(Stopped { at, by, reason: None })]),
        Status::Paused => Ok(vec![]),
        Status::Draft | Status::Finished | Status::Cancelled => Err(Refusal::WrongState),
    }
}

fn resume(known: &Mailing, Resume { by, due_at }: Resume, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    match known.status {
        Status::Paused => {
            let under_way = known.due_at.filter(|_| known.under_way.is_some());
            Ok(vec![Event::Resumed(Resumed { at, by, due_at: under_way.unwrap_or(due_at) })])
        }
        Status::Scheduled | Status::Running if known.last == Some(Verb::Resume) => Ok(vec![]),
        Status::Draft | Status::Scheduled | Status::Running | Status::Finished | Status::Cancelled => {
            Err(Refusal::WrongState)
        }
    }
}

fn cancel(known: &Mailing, By { by }: By, at: Timestamp) -> Result<Vec<Event>, Refusal> {
    match known.status {
        Status::Scheduled | Status::Running | Status::Paused => {
            Ok(vec![Event::Cancelled(Stopped { at, by, reason: None })])
        }
        Status::Cancelled => Ok(vec![]),
        Status::Draft | Status::Finished => Err(Refusal::WrongState),
    }
}

#[cfg(test)]
mod tests;
