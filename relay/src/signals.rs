//! Signals: what nodes tell each other only while it happens, and nobody keeps: who is writing, who is there. One that is
//! lost costs somebody a glimpse, and never an event.

use crate::Bus;
use domain::{ChatId, UserId};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::sleep;
use uuid::Uuid;

/// Where they go, outside of JetStream.
pub const SUBJECT: &str = "letopis.nudge.signal";

/// Signals that wait to be heard in this process; whoever is slower misses the oldest.
const WAITING_MAX: usize = 1024;
/// Most people of one signal.
pub const PEOPLE_MAX: usize = 500;
/// Longer ones are not ours.
const BYTES_MAX: usize = 64 * 1024;
/// Before it is tried again to listen.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Something that is told while it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Signal {
    /// Somebody is writing in a chat.
    Typing { chat_id: ChatId, user_id: UserId },
    /// These have come to a node.
    Came { people: Vec<UserId> },
    /// These have left a node.
    Went { people: Vec<UserId> },
    /// These are still at a node: at most [`PEOPLE_MAX`] of them.
    Here { people: Vec<UserId> },
}

/// A signal, and from which node it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub node: Uuid,
    pub signal: Signal,
}

/// What a node tells and hears. A cheap handle.
#[derive(Clone)]
pub struct Signals {
    node: Uuid,
    heard: broadcast::Sender<Heard>,
    bus: Option<Bus>,
}

impl Signals {
    /// Over that bus; without one they stay in this process.
    pub fn new(bus: Option<Bus>) -> Signals {
        Signals { node: Uuid::now_v7(), heard: broadcast::channel(WAITING_MAX).0, bus }
    }

    /// By what the others know this node.
    pub fn node(&self) -> Uuid {
        self.node
    }

    /// Whether there are others who could hear it.
    pub fn is_shared(&self) -> bool {
        self.bus.is_some()
    }

    /// Tells everybody, this node included.
    pub async fn say(&self, signal: Signal) {
        let heard = Heard { node: self.node, signal };
        if let Some(bus) = self.bus.as_ref().filter(|bus| bus.is_connected()) {
            let payload = serde_json::to_vec(&heard).expect("a signal is made of ids");
            // What could not be said is not said later.
            let _ = bus.client().publish(SUBJECT, payload.into()).await;
        }
        let _ = self.heard.send(heard);
    }

    /// What is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }

    /// Passes on what other nodes tell, for ever.
    pub async fn hear_others(self) {
        let Some(bus) = &self.bus else { return };
        loop {
            // The subscription lasts over any number of lost connections.
            if let Ok(mut told) = bus.client().subscribe(SUBJECT).await {
                while let Some(message) = told.next().await {
                    if let Some(heard) = read(&message.payload) {
                        let _ = self.heard.send(heard);
                    }
                }
            }
            sleep(RETRY_WAIT).await;
        }
    }
}

/// What another node has told; none when it is not ours.
fn read(payload: &[u8]) -> Option<Heard> {
    if payload.len() > BYTES_MAX {
        return None;
    }
    let heard = serde_json::from_slice::<Heard>(payload).ok()?;
    match &heard.signal {
        Signal::Typing { .. } => Some(heard),
        Signal::Came { people } | Signal::Went { people } | Signal::Here { people } => {
            (people.len() <= PEOPLE_MAX).then_some(heard)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fuzz::Verdict;

    fn written(signal: Signal) -> Vec<u8> {
        serde_json::to_vec(&Heard { node: Uuid::nil(), signal }).unwrap()
    }

    #[tokio::test]
    async fn without_a_bus_it_is_heard_in_this_process() {
        let signals = Signals::new(None);
        let mut heard = signals.listen();
        let signal = Signal::Came { people: vec![UserId(Uuid::nil())] };
        signals.say(signal.clone()).await;
        assert_eq!(heard.recv().await.unwrap(), Heard { node: signals.node(), signal });
        assert!(!signals.is_shared());
    }

    #[test]
    fn fuzz_a_signal_is_read_as_it_was_written_or_not_at_all() {
        let (chat_id, user_id) = (ChatId(Uuid::from_u128(7)), UserId(Uuid::from_u128(8)));
        let typing = written(Signal::Typing { chat_id, user_id });
        let here = written(Signal::Here { people: vec![user_id; 3] });
        assert!(read(&written(Signal::Here { people: vec![user_id; PEOPLE_MAX + 1] })).is_none());
        fuzz::bytes(&[&typing, &here], |payload| {
            let heard = read(payload);
            if let Some(heard) = &heard {
                assert_eq!(read(&serde_json::to_vec(heard).unwrap()).as_ref(), Some(heard));
            }
            Verdict::from(&heard)
        });
    }
}
