//! When a follower takes its next step.

use crate::described;
use rand::RngExt;
use std::error::Error;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// How often the log is read without a hint: a lost hint costs so much latency, and never an event.
pub const POLL: Duration = Duration::from_millis(250);

/// The loop of one consumer, or of several that are fed from the same pages: a step, a rest, the next step. It ends when
/// it is told to stop, also when nobody is left who could say so; the step in hand is finished first.
pub struct Follower {
    name: &'static str,
    hint: watch::Receiver<u64>,
    urgent: Option<watch::Receiver<u64>>,
    stop: Option<watch::Receiver<bool>>,
    retry: Retry,
    failures: u32,
}

/// When a step that failed is tried again. It is logged at the first failure, not at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At the next hint or poll: other consumers of the same pages go on.
    AtPoll,
    /// After this long at first, each time twice as long, and as much again at random: somebody else's server is to
    /// have time to recover.
    BackOff {
        /// After the first failure.
        first: Duration,
        /// At most, before what is added at random.
        max: Duration,
    },
}

/// Why a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It is the first one.
    Start,
    /// The one before got further.
    Further,
    /// There was a hint that the log has something new.
    Hint,
    /// Something that is there already is waited for.
    Urgent,
    /// Nothing happened for a while.
    Poll,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It got further, and there may be more: the next step, at once.
    Further,
    /// There is nothing more: the next step when the log moves.
    AtHead,
    /// The same; what is new is left to gather until then, unless it is urgent.
    Gather(Instant),
    /// Hints are no help: the next step at the next poll.
    AtPoll,
    /// There is nothing that could be done any more.
    End,
}

/// Between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rest {
    at_most: Duration,
    /// Whether a hint ends it, and not before when.
    hinted: Option<Option<Instant>>,
}

impl Follower {
    /// One that goes on for ever. `hint` changes when the log may have something new: it saves time and nothing else.
    /// `name` is for the operator.
    pub fn new(name: &'static str, hint: watch::Receiver<u64>) -> Follower {
        Follower { name, hint, urgent: None, stop: None, retry: Retry::AtPoll, failures: 0 }
    }

    /// Ends when `stop` becomes true, or when its sender is gone.
    #[must_use]
    pub fn until(self, stop: watch::Receiver<bool>) -> Follower {
        Follower { stop: Some(stop), ..self }
    }

    /// Takes a step, too, when `urgent` changes.
    #[must_use]
    pub fn urged_by(self, mut urgent: watch::Receiver<u64>) -> Follower {
        urgent.mark_unchanged();
        Follower { urgent: Some(urgent), ..self }
    }

    /// Tries a step that failed again in this way.
    #[must_use]
    pub fn retrying(self, retry: Retry) -> Follower {
        Follower { retry, ..self }
    }

    /// Takes steps on this thread, which they may block, until it is to end. `runtime` is for the rests only, and has
    /// its clock enabled.
    pub fn run<E: Error + 'static>(mut self, runtime: &Runtime, mut step: impl FnMut(Woken) -> Result<Next, E>) {
        let mut woken = self.begin();
        while let Some(why) = woken {
            let done = step(why);
            woken = runtime.block_on(self.after(done));
        }
    }

    /// Why the first step is taken; `None` when it was stopped before.
    pub fn begin(&self) -> Option<Woken> {
        (!self.is_stopped()).then_some(Woken::Start)
    }

    /// Rests after a step, for as long as what came of it says. Answers why the next one is taken; `None` at the end.
    /// It may be dropped at any time.
    pub async fn after<E: Error + 'static>(&mut self, done: Result<Next, E>) -> Option<Woken> {
        let woken = match self.rest_after(done) {
            Some(Some(rest)) => self.wait(rest).await,
            Some(None) => Woken::Further,
            None => return None,
        };
        if let Some(urgent) = &mut self.urgent {
            // The step sees to it.
            urgent.mark_unchanged();
        }
        (!self.is_stopped()).then_some(woken)
    }

    /// How it rests after a step: not at all within, and outside when it has ended.
    fn rest_after<E: Error + 'static>(&mut self, done: Result<Next, E>) -> Option<Option<Rest>> {
        let at_head = Rest { at_most: POLL, hinted: Some(None) };
        match done {
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let (name, is_first, error) = (self.name, self.failures == 1, described(&error));
                Some(Some(match self.retry {
                    Retry::AtPoll => {
                        if is_first {
                            tracing::error!(name, error, "the log cannot be followed; it is tried again");
                        }
                        at_head
                    }
                    Retry::BackOff { first, max } => {
                        if is_first {
                            tracing::warn!(name, error, "it does not get further; it is tried again");
                        }
                        let wait = back_off(first, max, self.failures);
                        Rest { at_most: wait + wait.mul_f64(rand::rng().random_range(0.0..1.0)), hinted: None }
                    }
                }))
            }
            Ok(next) => {
                self.failures = 0;
                match next {
                    Next::Further => Some(None),
                    Next::AtHead => Some(Some(at_head)),
                    Next::Gather(until) => Some(Some(Rest { hinted: Some(Some(until)), ..at_head })),
                    Next::AtPoll => Some(Some(Rest { hinted: None, ..at_head })),
                    Next::End => None,
                }
            }
        }
    }

    async fn wait(&mut self, rest: Rest) -> Woken {
        let Follower { hint, urgent, stop, .. } = self;
        let hinted = async {
            match rest.hinted {
                Some(gather_until) if hint.changed().await.is_ok() => {
                    if let Some(until) = gather_until {
                        tokio::time::sleep_until(until.into()).await;
                    }
                }
                // Nobody hints any more: the poll goes on.
                Some(_) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = hinted => Woken::Hint,
            () = changed(urgent.as_mut()) => Woken::Urgent,
            () = stopped(stop.as_mut()) => Woken::Poll,
            () = tokio::time::sleep(rest.at_most) => Woken::Poll,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.has_changed().is_err() || *stop.borrow())
    }
}

/// Twice as long after each failure.
fn back_off(first: Duration, max: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(max)
}

/// Until it changes; for ever when nobody can change it any more.
async fn changed(urgent: Option<&mut watch::Receiver<u64>>) {
    let is_changed = match urgent {
        Some(urgent) => urgent.changed().await.is_ok(),
        None => false,
    };
    if !is_changed {
        std::future::pending::<()>().await;
    }
}

/// Until it is to stop, also when nobody can say so any more.
async fn stopped(stop: Option<&mut watch::Receiver<bool>>) {
    match stop {
        Some(stop) => drop(stop.wait_for(|stopped| *stopped).await),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::io;

    /// A rest that ends by itself at once, and one that never does.
    const NONE: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(3600);

    fn follower() -> (watch::Sender<u64>, Follower) {
        let (hint, hinted) = watch::channel(0);
        (hint, Follower::new("test", hinted))
    }

    fn ok(next: Next) -> Result<Next, Infallible> {
        Ok(next)
    }

    fn failed() -> Result<Next, io::Error> {
        Err(io::Error::other("no"))
    }

    #[test]
    fn what_a_step_came_to_says_how_long_it_rests() {
        let (_hint, mut follower) = follower();
        let until = Instant::now();
        for (next, expected) in [
            (Next::Further, Some(None)),
            (Next::AtHead, Some(Some(Rest { at_most: POLL, hinted: Some(None) }))),
            (Next::Gather(until), Some(Some(Rest { at_most: POLL, hinted: Some(Some(until)) }))),
            (Next::AtPoll, Some(Some(Rest { at_most: POLL, hinted: None }))),
            (Next::End, None),
        ] {
            assert_eq!(follower.rest_after(ok(next)), expected, "{next:?}");
        }
        assert_eq!(follower.rest_after(failed()), Some(Some(Rest { at_most: POLL, hinted: Some(None) })));
    }

    #[test]
    fn failures_are_tried_again_ever_later() {
        let (first, max) = (Duration::from_millis(250), Duration::from_secs(5));
        let (_hint, follower) = follower();
        let mut follower = follower.retrying(Retry::BackOff { first, max });
        for wait in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000].map(Duration::from_millis) {
            let Some(Some(Rest { at_most, hinted: None })) = follower.rest_after(failed()) else { panic!("no rest") };
            assert!((wait..=2 * wait).contains(&at_most), "{at_most:?}");
        }
        assert_eq!(back_off(first, max, u32::MAX), max);
        follower.rest_after(ok(Next::AtHead)).unwrap();
        let Some(Some(Rest { at_most, .. })) = follower.rest_after(failed()) else { panic!("no rest") };
        assert!(at_most <= 2 * first, "once it got on it begins again");
    }

    #[tokio::test]
    async fn hints_and_what_is_urgent_end_a_rest() {
        let (hint, follower) = follower();
        let (urgent, urged) = watch::channel(0);
        let mut follower = follower.urged_by(urged);
        let rest = |hinted| Rest { at_most: LONG, hinted };
        hint.send_replace(1);
        assert_eq!(follower.wait(rest(Some(None))).await, Woken::Hint);
        hint.send_replace(2);
        assert_eq!(follower.wait(rest(Some(Some(Instant::now())))).await, Woken::Hint);
        // It is left to gather, and hints do not matter; what is urgent does.
        for hinted in [Some(Some(Instant::now() + LONG)), None] {
            hint.send_replace(3);
            urgent.send_replace(1);
            assert_eq!(follower.wait(rest(hinted)).await, Woken::Urgent);
        }
        follower.hint.mark_unchanged();
        assert_eq!(follower.wait(Rest { at_most: NONE, hinted: Some(None) }).await, Woken::Poll);
        drop((hint, urgent));
        // Nobody says anything any more.
        assert_eq!(follower.wait(Rest { at_most: NONE, hinted: Some(None) }).await, Woken::Poll);
    }

    #[tokio::test]
    async fn what_was_urgent_before_a_step_is_seen_to_by_that_step() {
        let (hint, follower) = follower();
        let (urgent, urged) = watch::channel(0);
        let mut follower = follower.urged_by(urged);
        urgent.send_replace(1);
        assert_eq!(follower.after(ok(Next::Further)).await, Some(Woken::Further));
        hint.send_replace(1);
        assert_eq!(follower.after(ok(Next::AtHead)).await, Some(Woken::Hint), "and is not urgent afterwards");
    }

    #[tokio::test]
    async fn it_ends_when_it_is_told_and_when_nobody_could_tell() {
        for is_told in [true, false] {
            let (_hint, follower) = follower();
            let (stop, stopped) = watch::channel(false);
            let mut follower = follower.until(stopped);
            assert_eq!(follower.begin(), Some(Woken::Start));
            let _stop = is_told.then(|| stop.send_replace(true)).map(|_| stop);
            assert_eq!(follower.after(ok(Next::AtPoll)).await, None);
            assert_eq!(follower.after(ok(Next::Further)).await, None, "also where there is more");
            assert_eq!(follower.begin(), None);
        }
        let (_hint, mut follower) = follower();
        assert_eq!(follower.after(ok(Next::End)).await, None, "nothing can be done any more");
    }

    #[test]
    fn steps_are_taken_until_there_is_nothing_more_to_do() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (hint, follower) = follower();
        let (mut left, mut taken) = (3, Vec::new());
        follower.run(&runtime, |woken| {
            taken.push(woken);
            left -= 1;
            match left {
                2 => ok(Next::Further),
                1 => {
                    hint.send_replace(7);
                    ok(Next::AtHead)
                }
                _ => ok(Next::End),
            }
        });
        assert_eq!(taken, [Woken::Start, Woken::Further, Woken::Hint]);
    }
}
