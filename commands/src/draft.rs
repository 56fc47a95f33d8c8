//! A batch in the making: commands decided one after the other, each on what those before it made true, before
//! anything is written.

use crate::request::{Answer, Error, Request};
use crate::route;
use crate::states::States;
use domain::{Event, Outcome, StreamId, Timestamp, user};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::{Appender, Batch, Forget, NewEvent, NewReceipt};

/// A batch in the making.
pub(crate) struct Draft {
    pub(crate) batch: Batch,
    position: u64,
    /// Keys that were used in this batch: their receipts are not in the log yet.
    keys: HashMap<[u8; 32], ([u8; 32], Answer)>,
}

impl Draft {
    /// Begins behind the log's head.
    pub(crate) fn new(head: u64, at: Timestamp) -> Draft {
        let batch = Batch { at, events: Vec::new(), receipts: Vec::new(), forget: Vec::new() };
        Draft { batch, position: head, keys: HashMap::new() }
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.events.is_empty() && self.batch.receipts.is_empty()
    }

    /// The streams that have facts in it.
    pub(crate) fn touched(&self) -> impl Iterator<Item = StreamId> {
        self.batch.events.iter().map(|new| new.event.stream())
    }

    /// Decides one command on streams that are known. The answer holds as soon as the batch is written.
    pub(crate) fn decide(
        &mut self,
        states: &mut States,
        appender: &mut Appender,
        request: &Request,
    ) -> Result<Answer, Error> {
        if let Some(first) = self.first_answer(appender, request)? {
            return Ok(first);
        }
        if let Some(stream) = route::wanted(request).find(|stream| !states.knows(*stream)) {
            tracing::error!(%stream, "a stream cannot be read; a command was refused");
            return Err(Error::Unavailable);
        }
        refuse_the_erased(states, request)?;
        refuse_the_suspended(states, request)?;
        let own = request.command.stream();
        let decision = catch_unwind(AssertUnwindSafe(|| route::decide(states, &request.command, request.at)))
            .map_err(|_| {
                // The panic's own message was printed by the panic hook.
                tracing::error!(request_id = request.request_id, "a rule panicked; its command was refused");
                Error::Internal
            })??;
        let version = states.shown(own);
        if version > 0 && request.if_match.as_ref().is_some_and(|expected| !expected.contains(&version)) {
            return Err(Error::Refused(domain::Refusal::VersionChanged));
        }
        self.take(states, request, decision.facts);
        Ok(self.keep(states, request, states.shown(own), decision.outcome))
    }

    fn first_answer(&self, appender: &mut Appender, request: &Request) -> Result<Option<Answer>, Error> {
        let Some(key) = &request.key else { return Ok(None) };
        if let Some((fingerprint, answer)) = self.keys.get(&key.command_id) {
            let same = *fingerprint == key.fingerprint;
            return if same { Ok(Some(Answer { replayed: true, ..answer.clone() })) } else { Err(Error::KeyReused) };
        }
        let Some(receipt) = appender.receipt(&key.command_id).map_err(unavailable)? else {
            return Ok(None);
        };
        Answer::from_receipt(&receipt, key).map(Some)
    }

    fn take(&mut self, states: &mut States, request: &Request, facts: Vec<Event>) {
        let meta = request.meta();
        for event in facts {
            let version = states.evolve(&event);
            self.forget_superseded(version, &event);
            self.batch.events.push(NewEvent { version, event, meta: meta.clone() });
            self.position += 1;
        }
    }

    /// A verifier is forgotten as soon as it is superseded, a person as soon as they are erased (DESIGN 3).
    fn forget_superseded(&mut self, version: u64, event: &Event) {
        for &name in event.supersedes() {
            self.batch.forget.push(Forget::Superseded { stream: event.stream(), name, before_version: version });
        }
        if let Event::User(user_id, user::Event::Erased) = event {
            self.batch.forget.push(Forget::Subject(*user_id));
        }
    }

    fn keep(&mut self, states: &States, request: &Request, version: u64, outcome: Outcome) -> Answer {
        let answer = Answer { position: self.position, version, outcome, replayed: false };
        // A receipt of somebody who is erased would be sealed with a new key of theirs.
        let erased = |key: &crate::Key| key.subject.is_some_and(|id| *states.user(Some(id)) == user::State::Erased);
        if let Some(key) = request.key.as_ref().filter(|key| !erased(key)) {
            self.batch.receipts.push(NewReceipt {
                command_id: key.command_id,
                fingerprint: key.fingerprint,
                at: self.batch.at,
                position: self.position,
                subject: key.subject,
                outcome: serde_json::to_string(&StoredAnswer { version, outcome: answer.outcome.clone() })
                    .expect("an outcome has string keys and no floats: it always serialises"),
            });
            self.keys.insert(key.command_id, (key.fingerprint, answer.clone()));
        }
        answer
    }
}

/// What a receipt holds of an answer, beside its position.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredAnswer {
    version: u64,
    outcome: Outcome,
}

impl StoredAnswer {
    /// Reads it; earlier releases kept the outcome alone.
    fn read(text: &str) -> serde_json::Result<StoredAnswer> {
        serde_json::from_str(text)
            .or_else(|_| serde_json::from_str(text).map(|outcome| StoredAnswer { version: 0, outcome }))
    }
}

impl Answer {
    /// The first answer to a key; [`Error::KeyReused`] when it was given to another request.
    pub fn from_receipt(receipt: &store::Receipt, key: &crate::Key) -> Result<Answer, Error> {
        if receipt.fingerprint != key.fingerprint {
            return Err(Error::KeyReused);
        }
        // Erased with its subject: nobody is left who could have asked, so this is somebody else's request.
        let outcome = receipt.outcome.known().ok_or(Error::KeyReused)?;
        let kept = StoredAnswer::read(outcome).map_err(|error| {
            tracing::error!(%error, position = receipt.position, "a receipt cannot be read");
            Error::Unavailable
        })?;
        let (position, version) = (receipt.position, kept.version);
        Ok(Answer { position, version, outcome: kept.outcome, replayed: true })
    }
}

/// Nothing is said or done in the name of somebody who was erased: a new fact about them would need a new key, and they
/// would be known again.
fn refuse_the_erased(states: &States, request: &Request) -> Result<(), Error> {
    let mut people = route::people(request).into_iter().flatten();
    if people.any(|person| *states.user(Some(person)) == user::State::Erased) {
        return Err(Error::Refused(user::Refusal::NotFound.into()));
    }
    Ok(())
}

/// Nobody does anything by an account that is suspended at that moment, nor gets in. What others do about it or in its
/// name (an import, an erasure) goes on.
fn refuse_the_suspended(states: &States, request: &Request) -> Result<(), Error> {
    let [actor, _] = route::people(request);
    if let user::State::Open(account) = states.user(actor)
        && let Some(suspension) = account.suspended_at(request.at)
    {
        return Err(Error::Refused(user::Refusal::Suspended { until: suspension.until }.into()));
    }
    Ok(())
}

fn unavailable(error: store::Error) -> Error {
    tracing::error!(error = &error as &dyn std::error::Error, "the log cannot be read; a command was refused");
    Error::Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_an_earlier_release_kept_is_read() {
        let outcome = Outcome::ChatCreated { chat_id: domain::ChatId(uuid::Uuid::from_u128(7)) };
        for earlier in [outcome, Outcome::Done] {
            let kept = StoredAnswer::read(&serde_json::to_string(&earlier).unwrap()).unwrap();
            assert_eq!((kept.version, &kept.outcome), (0, &earlier));
            let now = serde_json::to_string(&StoredAnswer { version: 3, outcome: earlier.clone() }).unwrap();
            let kept = StoredAnswer::read(&now).unwrap();
            assert_eq!((kept.version, kept.outcome), (3, earlier));
        }
        assert!(StoredAnswer::read("{}").is_err());
    }
}
