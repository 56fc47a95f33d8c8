//! Who on this node hears what: the chats of everybody who is connected here, up to where the log was followed.

use crate::error::{Code, Error};
use crate::live::facts::{Change, To};
use crate::live::frame::Frame;
use crate::live::outbox::Outbox;
use domain::{ChatId, UserId};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Most streams of one session or service token (CONTRACT 1.3).
const STREAMS_MAX: u32 = 10;
/// So many of the last signals are kept for streams that are catching up: they fit into an outbox.
const GLIMPSES_MAX: usize = 256;

/// The chats that somebody is in, each with the position of their coming.
pub(super) type Memberships = HashMap<ChatId, u64>;

/// Who on this node hears what.
pub(crate) struct Hub {
    state: Mutex<State>,
    /// How far the log was followed; zero while it is not.
    followed: watch::Sender<u64>,
    /// Held over each page, and by a stream that goes over from the log to the hub.
    pub(super) turn: tokio::sync::Mutex<()>,
    entered: Notify,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Streams that are open, with those that catch up: by what they were opened with, and by whose they are.
    open: usize,
    by_credential: HashMap<Uuid, u32>,
    by_user: HashMap<UserId, Vec<Arc<Outbox>>>,
    /// Those whom the hub tells what comes.
    people: HashMap<UserId, Listener>,
    /// Who has come or gone lately.
    changed: HashSet<UserId>,
    /// Those of them who are in a chat, each since when.
    chats: HashMap<ChatId, HashMap<UserId, u64>>,
    glimpses: VecDeque<Glimpse>,
}

/// A signal that was told to everybody who is in any of those chats, but one.
struct Glimpse {
    at: Instant,
    chats: Vec<ChatId>,
    frame: Arc<Frame>,
    but: UserId,
}

/// Somebody who is connected here.
#[derive(Default)]
struct Listener {
    chats: HashSet<ChatId>,
    outboxes: Vec<Arc<Outbox>>,
}

/// The place of one stream. It is free again when this is dropped.
pub(super) struct Seat {
    hub: Arc<Hub>,
    credential: Uuid,
    opened: Instant,
    pub(super) outbox: Arc<Outbox>,
}

impl Hub {
    pub(crate) fn new() -> Hub {
        Hub {
            state: Mutex::default(),
            followed: watch::Sender::new(0),
            turn: tokio::sync::Mutex::new(()),
            entered: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// A place for a stream of that user, opened with that session or service token.
    ///
    /// # Errors
    /// `too-many-streams`.
    pub(super) fn enter(self: &Arc<Hub>, user_id: UserId, credential: Uuid) -> Result<Seat, Error> {
        let mut state = self.lock();
        let streams = state.by_credential.entry(credential).or_default();
        if *streams >= STREAMS_MAX {
            let detail = format!("this session has {STREAMS_MAX} streams open; close one of them");
            return Err(Error { retry_after_seconds: Some(1), ..Error::new(Code::TooManyStreams, detail) });
        }
        *streams += 1;
        state.open += 1;
        let outbox = Arc::new(Outbox::of(user_id));
        state.by_user.entry(user_id).or_default().push(Arc::clone(&outbox));
        drop(state);
        self.entered.notify_one();
        Ok(Seat { hub: Arc::clone(self), credential, opened: Instant::now(), outbox })
    }

    /// How far the log was followed; zero while it is not.
    pub(super) fn position(&self) -> u64 {
        *self.followed.borrow()
    }

    pub(super) fn come_to(&self, position: u64) {
        self.followed.send_replace(position);
    }

    /// Resolves when the log was followed that far, which is not zero.
    pub(super) async fn reached(&self, position: u64) {
        let mut followed = self.followed.subscribe();
        // The sender lives as long as this does.
        let _ = followed.wait_for(|reached| *reached >= position).await;
    }

    /// How many streams there are.
    pub(crate) fn open(&self) -> usize {
        self.lock().open
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open() == 0
    }

    /// Resolves when there is somebody.
    pub(super) async fn somebody(&self) {
        while self.is_empty() {
            self.entered.notified().await;
        }
    }

    /// Hands streams what is told to them from here on, and the signals since they were opened. Whoever calls holds the
    /// turn, and `memberships` is as of where the log was followed to.
    pub(super) fn attach(&self, seat: &Seat, memberships: &Memberships) {
        let mut state = self.lock();
        let user_id = seat.outbox.user_id;
        let listener = state.people.entry(user_id).or_default();
        listener.outboxes.push(Arc::clone(&seat.outbox));
        if listener.outboxes.len() == 1 {
            state.changed.insert(user_id);
            self.changed.notify_one();
            let listener = state.people.entry(user_id).or_default();
            listener.chats = memberships.keys().copied().collect();
            for (chat_id, since) in memberships {
                state.chats.entry(*chat_id).or_default().insert(user_id, *since);
            }
        }
        for glimpse in &state.glimpses {
            let is_shared = || glimpse.chats.iter().any(|chat_id| memberships.contains_key(chat_id));
            if glimpse.at >= seat.opened && glimpse.but != user_id && is_shared() {
                seat.outbox.push(&glimpse.frame);
            }
        }
    }

    /// Heeds what a fact at that position changes, after those whom it concerns were found.
    pub(super) fn heed(&self, change: Change, position: u64) {
        let mut state = self.lock();
        match change {
            Change::Came(chat_id, user_id) => {
                if let Some(listener) = state.people.get_mut(&user_id) {
                    listener.chats.insert(chat_id);
                    state.chats.entry(chat_id).or_default().insert(user_id, position);
                }
            }
            Change::Went(chat_id, user_id) => state.part(chat_id, user_id),
            Change::Gone(chat_id) => {
                for user_id in state.chats.remove(&chat_id).unwrap_or_default().into_keys() {
                    if let Some(listener) = state.people.get_mut(&user_id) {
                        listener.chats.remove(&chat_id);
                    }
                }
            }
            Change::Ended(user_id) => {
                state.by_user.get(&user_id).into_iter().flatten().for_each(|outbox| outbox.doubt(position));
            }
        }
    }

    /// The streams that something is told to at that position. Of what is in an inbox it has to be said whose it is.
    pub(super) fn concerned(&self, to: To, position: u64, recipient: Option<UserId>) -> Vec<Arc<Outbox>> {
        let state = self.lock();
        match to {
            To::Chat(chat_id) | To::LastOf(chat_id) => state.members(chat_id, position),
            To::ChatAnd(chat_id, user_id) => {
                let mut streams = state.members(chat_id, position);
                if !state.chats.get(&chat_id).is_some_and(|members| members.contains_key(&user_id)) {
                    streams.extend(state.of(user_id));
                }
                streams
            }
            To::One(user_id) => state.of(user_id).collect(),
            To::Recipient(_) => recipient.map(|user_id| state.of(user_id).collect()).unwrap_or_default(),
        }
    }

    /// Tells everybody here who is in a chat, but one.
    pub(super) fn tell(&self, chat_id: ChatId, frame: &Arc<Frame>, but: UserId) {
        self.tell_all([chat_id], frame, but);
    }

    /// Tells everybody here who is in any of those chats, but one; each once.
    pub(super) fn tell_all(&self, chats: impl IntoIterator<Item = ChatId>, frame: &Arc<Frame>, but: UserId) {
        let chats = chats.into_iter().collect::<Vec<_>>();
        let mut state = self.lock();
        let members = chats.iter().filter_map(|chat_id| state.chats.get(chat_id)).flat_map(HashMap::keys);
        let people = members.filter(|user_id| **user_id != but).copied().collect::<HashSet<_>>();
        people.into_iter().flat_map(|user_id| state.of(user_id)).for_each(|stream| stream.push(frame));
        if state.glimpses.len() == GLIMPSES_MAX {
            state.glimpses.pop_front();
        }
        state.glimpses.push_back(Glimpse { at: Instant::now(), chats, frame: Arc::clone(frame), but });
    }

    /// Whether a stream of somebody is open here.
    pub(super) fn is_here(&self, user_id: UserId) -> bool {
        self.lock().people.contains_key(&user_id)
    }

    /// Who has come or gone since this was asked.
    pub(super) fn changed(&self) -> HashSet<UserId> {
        std::mem::take(&mut self.lock().changed)
    }

    /// Resolves when somebody has come or gone.
    pub(super) async fn somebody_changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&self, user_id: UserId) -> impl Iterator<Item = Arc<Outbox>> + '_ {
        self.people.get(&user_id).into_iter().flat_map(|listener| listener.outboxes.iter().cloned())
    }

    /// The streams of those who were in a chat at that position, and still are.
    fn members(&self, chat_id: ChatId, position: u64) -> Vec<Arc<Outbox>> {
        let members = self.chats.get(&chat_id).into_iter().flatten();
        members.filter(|(_, since)| **since <= position).flat_map(|(user_id, _)| self.of(*user_id)).collect()
    }

    fn part(&mut self, chat_id: ChatId, user_id: UserId) {
        if let Some(listener) = self.people.get_mut(&user_id) {
            listener.chats.remove(&chat_id);
        }
        if let Entry::Occupied(mut members) = self.chats.entry(chat_id) {
            members.get_mut().remove(&user_id);
            if members.get().is_empty() {
                members.remove();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.open -= 1;
        if let Entry::Occupied(mut streams) = state.by_credential.entry(self.credential) {
            *streams.get_mut() -= 1;
            if *streams.get() == 0 {
                streams.remove();
            }
        }
        let user_id = self.outbox.user_id;
        if let Entry::Occupied(mut streams) = state.by_user.entry(user_id) {
            streams.get_mut().retain(|outbox| !Arc::ptr_eq(outbox, &self.outbox));
            if streams.get().is_empty() {
                streams.remove();
            }
        }
        let Some(listener) = state.people.get_mut(&user_id) else { return };
        listener.outboxes.retain(|outbox| !Arc::ptr_eq(outbox, &self.outbox));
        if listener.outboxes.is_empty() {
            let gone = state.people.remove(&user_id).unwrap_or_default();
            gone.chats.into_iter().for_each(|chat_id| state.part(chat_id, user_id));
            state.changed.insert(user_id);
            self.hub.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::outbox::News;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn whoever_catches_up_hears_the_signals_of_the_meantime_and_no_others() {
        let hub = Arc::new(Hub::new());
        let [shared, foreign] = [1, 2].map(|number| ChatId(Uuid::from_u128(number)));
        let memberships = Memberships::from([(shared, 1)]);
        let signal = |name| Frame::new(None, name, &());
        hub.tell(shared, &signal("before"), user(9));
        let seat = hub.enter(user(1), Uuid::nil()).unwrap();
        hub.tell(shared, &signal("meanwhile"), user(9));
        hub.tell(foreign, &signal("elsewhere"), user(9));
        hub.tell(shared, &signal("own"), user(1));
        hub.attach(&seat, &memberships);
        let second = hub.enter(user(1), Uuid::nil()).unwrap();
        hub.attach(&second, &memberships);
        hub.tell(shared, &signal("after"), user(9));
        for (seat, expected) in [(&seat, &["meanwhile", "after"][..]), (&second, &["after"])] {
            for name in expected {
                let News::Frame(frame) = seat.outbox.next().await else { panic!("it goes on") };
                let text = String::from_utf8(frame.event_text().to_vec()).unwrap();
                assert!(text.contains(name), "{name}: {text}");
            }
        }
        for number in 0..GLIMPSES_MAX {
            hub.tell(shared, &signal("more"), user(u128::try_from(number).unwrap()));
        }
        assert_eq!(hub.lock().glimpses.len(), GLIMPSES_MAX, "so many are kept");
    }
}
