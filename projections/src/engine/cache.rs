//! What was looked up in a read model a moment ago. `docs/decisions/0014` says why no end can be overlooked.

use crate::ProjectionId;
use crate::engine::folding::concerns;
use domain::UserId;
use domain::session::TokenHash;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use store::follower::Page;
use store::{Fact, Head, Mark};

/// Most entries of one cache. Those that nobody asked for lately go first.
const KEPT_MAX: usize = 100_000;
/// Users share a place for "something of theirs ended here": an end costs who shares it one look into the read model.
const PLACES: usize = 1 << 16;
/// Where other nodes append, what is kept counts for so long after this node has read the log to its head. An end is
/// heeded everywhere within a second (CONTRACT 1.2), also by a node that cannot read the log any more.
const TRUSTED: Duration = Duration::from_millis(750);

/// So many events that were heeded are known by their hashes: what other nodes have kept of an earlier one is read again.
/// Half a MiB.
const TRAIL_MAX: usize = 1 << 16;

/// Which state of a read model something was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The generation that served, asked for before the read model was.
    pub generation: u64,
    /// How far it was, at least; with the hash, as another history of the log has the same positions.
    pub mark: Mark,
}

/// What was looked up by a token's hash in one read model, for as long as nothing of its user has ended since.
pub struct Cache<T> {
    name: ProjectionId,
    ends: fn(&Fact) -> Option<UserId>,
    /// Whether others append to the log.
    shared: bool,
    state: Mutex<State<T>>,
}

struct State<T> {
    generation: u64,
    /// Every fact up to here was heeded.
    followed: Mark,
    /// The hashes of the last events that were heeded, shortened; the newest is that of `followed`.
    trail: VecDeque<u64>,
    /// When the log was last seen to end there.
    looked: Option<Instant>,
    /// By place: the last position at which something of a user ended.
    ended: Vec<u64>,
    /// Asked for lately.
    young: HashMap<TokenHash, Entry<T>>,
    /// Asked for before that; whatever is asked for again becomes young.
    old: HashMap<TokenHash, Entry<T>>,
}

#[derive(Clone)]
struct Entry<T> {
    user_id: UserId,
    stamp: Stamp,
    value: T,
}

impl<T: Clone> Cache<T> {
    /// An empty one. What has ended up to `head` is not known to it: nothing that is older counts.
    pub(crate) fn new(name: ProjectionId, ends: fn(&Fact) -> Option<UserId>, generation: u64, head: Mark) -> Cache<T> {
        let state = State {
            generation,
            followed: head,
            trail: VecDeque::from([shortened(head)]),
            looked: None,
            ended: vec![head.position; PLACES],
            young: HashMap::new(),
            old: HashMap::new(),
        };
        Cache { name, ends, shared: false, state: Mutex::new(state) }
    }

    /// The same over a log that others append to as well.
    pub(crate) fn of_many_nodes(self) -> Cache<T> {
        Cache { shared: true, ..self }
    }

    /// The read model that it is in front of.
    pub fn name(&self) -> ProjectionId {
        self.name
    }

    /// What is kept of that token, when it is known to hold good at the position `floor` of the log.
    pub fn get(&self, token_hash: &TokenHash, floor: u64) -> Option<T> {
        self.get_at(token_hash, floor, Instant::now())
    }

    fn get_at(&self, token_hash: &TokenHash, floor: u64, now: Instant) -> Option<T> {
        let mut state = self.lock();
        let known = state.young.get(token_hash).or_else(|| state.old.get(token_hash))?;
        if !self.holds(&state, known.user_id, known.stamp, floor, now) {
            return None;
        }
        let value = known.value.clone();
        if let Some(entry) = state.old.remove(token_hash) {
            state.insert(*token_hash, entry);
        }
        Some(value)
    }

    /// Keeps what was read from the read model under that stamp. It may come late: what has ended meanwhile does not
    /// count.
    pub fn put(&self, token_hash: TokenHash, user_id: UserId, stamp: Stamp, value: T) {
        self.lock().insert(token_hash, Entry { user_id, stamp, value });
    }

    /// Whether what somebody else has kept of that user under that stamp holds good at the position `floor`.
    pub fn vouches(&self, user_id: UserId, stamp: Stamp, floor: u64) -> bool {
        let state = self.lock();
        // Of an event that this node has not heeded lately: it may be of a history that was lost.
        state.heeded(stamp.mark.position) == Some(shortened(stamp.mark))
            && self.holds(&state, user_id, stamp, floor, Instant::now())
    }

    /// The generation of the read model that serves: for a [`Stamp`], and to be asked for before the read model is.
    pub fn generation(&self) -> u64 {
        self.lock().generation
    }

    /// Whether what has ended up to the position `floor`, and up to a moment ago, is known: this node has heeded the
    /// log that far, and has lately read it to its head or is the only one that appends to it.
    pub fn knows_ends(&self, floor: u64) -> bool {
        self.lock().knows_ends(self.shared, floor, Instant::now())
    }

    /// The position at which something of that user has ended, at the latest. A read model that is not as far yet
    /// may still show it.
    pub fn ended(&self, user_id: UserId) -> u64 {
        self.lock().ended[place(user_id)]
    }

    /// Keeps nothing any more, as after a start.
    pub fn clear(&self) {
        let mut state = self.lock();
        (state.young, state.old) = (HashMap::new(), HashMap::new());
    }

    fn holds(&self, state: &State<T>, user_id: UserId, stamp: Stamp, floor: u64, now: Instant) -> bool {
        state.knows_ends(self.shared, floor, now)
            && stamp.generation == state.generation
            && stamp.mark.position >= state.ended[place(user_id)]
    }

    /// Heeds a page of the log, unless it begins further on.
    ///
    /// # Errors
    /// [`store::Error::OtherHistory`] when it does not hold what was heeded before.
    pub(crate) fn heed(&self, page: &Page) -> Result<(), store::Error> {
        let mut state = self.lock();
        let Some(known) = page.known(state.followed)? else { return Ok(()) };
        for fact in page.facts.iter().skip(known) {
            if let Some(user_id) = (self.ends)(fact) {
                state.ended[place(user_id)] = fact.position;
            }
            state.come_to(fact.mark());
        }
        let next = state.followed.position + 1;
        if let Some(unreadable) = page.unreadable.as_ref().filter(|unreadable| unreadable.at.position == next) {
            if concerns(unreadable, self.name) {
                // Nobody can tell what it ends.
                state.ended.fill(next);
            }
            state.come_to(unreadable.at);
        }
        Ok(())
    }

    /// The event up to which every fact was heeded.
    pub(crate) fn followed(&self) -> Mark {
        self.lock().followed
    }

    /// The log ended no further than that at that instant.
    ///
    /// # Errors
    /// [`store::Error::OtherHistory`] when that is no end of what was heeded before.
    pub(crate) fn saw(&self, head: Head, at: Instant) -> Result<(), store::Error> {
        let mut state = self.lock();
        if state.followed.position < head.position {
            return Ok(());
        }
        match state.heeded(head.position) {
            // Somebody else has heeded much more since the log was looked at: they know better.
            None => Ok(()),
            Some(hash) if hash == shortened(head.into()) => {
                state.looked = Some(at);
                Ok(())
            }
            Some(_) => Err(store::Error::OtherHistory { position: head.position }),
        }
    }

    /// Another generation serves: what was read from the one before does not count any more.
    pub(crate) fn switched(&self, generation: u64) {
        self.lock().generation = generation;
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing in here leaves it half changed: a panic between two steps can only forget something.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn come_to(&mut self, mark: Mark) {
        self.followed = mark;
        self.trail.push_back(shortened(mark));
        if self.trail.len() > TRAIL_MAX {
            self.trail.pop_front();
        }
    }

    /// The shortened hash of the event at that position, when it is one of the last that were heeded.
    fn heeded(&self, position: u64) -> Option<u64> {
        let back = usize::try_from(self.followed.position.checked_sub(position)?).ok()?;
        self.trail.get(self.trail.len().checked_sub(back + 1)?).copied()
    }

    fn knows_ends(&self, shared: bool, floor: u64, now: Instant) -> bool {
        let lately = |looked: Instant| now.saturating_duration_since(looked) <= TRUSTED;
        self.followed.position >= floor && (!shared || self.looked.is_some_and(lately))
    }

    fn insert(&mut self, token_hash: TokenHash, entry: Entry<T>) {
        if self.young.len() >= KEPT_MAX / 2 && !self.young.contains_key(&token_hash) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&token_hash);
        self.young.insert(token_hash, entry);
    }
}

/// Enough of a hash to tell one history from another.
fn shortened(mark: Mark) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = mark.hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn place(user_id: UserId) -> usize {
    // The end of an id is random, its beginning a time.
    let [.., high, low] = user_id.0.into_bytes();
    usize::from(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests;
