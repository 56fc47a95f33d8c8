//! Who may hash next: addresses take turns, so that one of them cannot keep the others out.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Waiting for one of a few threads. Cheap to clone.
#[derive(Clone)]
pub(super) struct Queue {
    state: Arc<Mutex<State>>,
    waiting_max: usize,
}

struct State {
    free: usize,
    waiting: usize,
    next_id: u64,
    /// Who waits, by address; no list is empty.
    lines: HashMap<Option<IpAddr>, VecDeque<Waiter>>,
    /// Whose turn it is: each address that has somebody waiting, once.
    turns: VecDeque<Option<IpAddr>>,
}

struct Waiter {
    id: u64,
    thread: oneshot::Sender<Thread>,
}

/// A thread to hash on; the next one gets it when this is dropped.
pub(super) struct Thread {
    queue: Queue,
}

/// Somebody's place in a line; who hangs up leaves it.
struct Place<'a> {
    queue: &'a Queue,
    address: Option<IpAddr>,
    id: u64,
}

impl Queue {
    /// So many threads, and so many that may wait for them.
    pub(super) fn new(threads: usize, waiting_max: usize) -> Queue {
        let (lines, turns) = (HashMap::new(), VecDeque::new());
        let state = State { free: threads, waiting: 0, next_id: 0, lines, turns };
        Queue { state: Arc::new(Mutex::new(state)), waiting_max }
    }

    /// Waits for a thread. None at once when too many wait; also when somebody of an address that has fewer waiting
    /// came later and took the place.
    pub(super) async fn thread(&self, address: Option<IpAddr>) -> Option<Thread> {
        let (place, thread) = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Some(Thread { queue: self.clone() });
            }
            if state.waiting >= self.waiting_max && !state.make_room(address) {
                return None;
            }
            let (sender, thread) = oneshot::channel();
            let id = state.join(address, sender);
            (Place { queue: self, address, id }, thread)
        };
        let thread = thread.await.ok();
        drop(place);
        thread
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting
    }
}

impl State {
    fn join(&mut self, address: Option<IpAddr>, thread: oneshot::Sender<Thread>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.waiting += 1;
        let line = self.lines.entry(address).or_default();
        if line.is_empty() {
            self.turns.push_back(address);
        }
        line.push_back(Waiter { id, thread });
        id
    }

    /// Sends away the last of the longest line for somebody whose line is shorter, also after they have joined it.
    fn make_room(&mut self, address: Option<IpAddr>) -> bool {
        let own = self.lines.get(&address).map_or(0, VecDeque::len);
        let longest = self.lines.iter().max_by_key(|(_, line)| line.len());
        let Some((longest, length)) = longest.map(|(address, line)| (*address, line.len())) else { return false };
        if length <= own + 1 {
            return false;
        }
        let last = self.lines.get_mut(&longest).and_then(VecDeque::pop_back);
        self.waiting -= usize::from(last.is_some());
        last.is_some()
    }

    /// Who is next, and has not left.
    fn next(&mut self) -> Option<Waiter> {
        let address = self.turns.pop_front()?;
        let line = self.lines.get_mut(&address)?;
        let next = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.waiting -= usize::from(next.is_some());
        next
    }

    fn leave(&mut self, address: Option<IpAddr>, id: u64) {
        let Some(line) = self.lines.get_mut(&address) else { return };
        let before = line.len();
        line.retain(|waiting| waiting.id != id);
        self.waiting -= before - line.len();
        if line.is_empty() {
            self.lines.remove(&address);
            self.turns.retain(|turn| *turn != address);
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        let next = {
            let mut state = self.queue.state();
            let next = state.next();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some(next) = next {
            // Who has left meanwhile drops it at once, and so it goes on to the one behind.
            let _ = next.thread.send(Thread { queue: self.queue.clone() });
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.state().leave(self.address, self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    fn ip(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, 0, last]))
    }

    type PendingTurn<'a> = Pin<Box<dyn Future<Output = Option<Thread>> + 'a>>;

    fn ask(queue: &Queue, address: Option<IpAddr>) -> PendingTurn<'_> {
        let mut asked: PendingTurn<'_> = Box::pin(queue.thread(address));
        assert!(poll(&mut asked).is_pending());
        asked
    }

    fn poll(asked: &mut PendingTurn<'_>) -> Poll<Option<Thread>> {
        asked.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn addresses_take_turns() {
        let queue = Queue::new(1, 10);
        let Poll::Ready(Some(mut thread)) = poll(&mut (Box::pin(queue.thread(ip(1))) as PendingTurn<'_>)) else {
            panic!("a thread is free")
        };
        let mut asked = [1, 1, 1, 1, 2, 2, 3].map(|last| Some((last, ask(&queue, ip(last)))));
        let mut order = Vec::new();
        while queue.waiting() > 0 {
            drop(thread);
            let served = asked.iter_mut().find_map(|slot| {
                let (last, asked) = slot.as_mut()?;
                let Poll::Ready(Some(thread)) = poll(asked) else { return None };
                let last = *last;
                *slot = None;
                Some((last, thread))
            });
            let (last, next) = served.expect("somebody is served");
            order.push(last);
            thread = next;
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1, 1]);
        drop(thread);
        assert_eq!(queue.state().free, 1);
    }

    #[test]
    fn a_full_queue_makes_room_for_who_has_less() {
        let queue = Queue::new(0, 4);
        let mut crowd = (0..4).map(|_| ask(&queue, ip(1))).collect::<Vec<_>>();
        assert!(matches!(poll(&mut (Box::pin(queue.thread(ip(1))) as PendingTurn<'_>)), Poll::Ready(None)));
        let _second = ask(&queue, ip(2));
        assert!(matches!(poll(&mut crowd[3]), Poll::Ready(None)), "the last of the longest line is sent away");
        let _third = ask(&queue, ip(2));
        assert!(
            matches!(poll(&mut (Box::pin(queue.thread(ip(2))) as PendingTurn<'_>)), Poll::Ready(None)),
            "half is a share"
        );
        assert_eq!(queue.waiting(), 4);
    }

    #[test]
    fn who_hangs_up_leaves_no_gap() {
        let queue = Queue::new(1, 4);
        let Poll::Ready(Some(thread)) = pin!(queue.thread(ip(9))).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("a thread is free")
        };
        let mut crowd = (0..4).map(|_| ask(&queue, ip(1))).collect::<Vec<_>>();
        drop(crowd.remove(0));
        assert_eq!(queue.waiting(), 3);
        drop(thread);
        assert!(queue.waiting() == 2 && queue.state().free == 0);
        // It was given a thread and hangs up before it has noticed.
        drop(crowd.remove(0));
        assert_eq!(queue.waiting(), 1);
        drop(crowd);
        assert_eq!((queue.waiting(), queue.state().free), (0, 1));
        assert!(queue.state().lines.is_empty() && queue.state().turns.is_empty());
    }
}
