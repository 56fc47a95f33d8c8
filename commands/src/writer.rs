//! The one loop that appends.

use crate::clock::{ClockGuard, REFUSED_AHEAD_US};
use crate::draft::Draft;
use crate::request::{Answer, Error, Request, WriterError};
use crate::route;
use crate::states::States;
use domain::{Category, Timestamp, UserId};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::{Appender, BatchNeeds, Reading, failpoint};
use tokio::sync::{mpsc, oneshot, watch};

/// Where nodes share the log: how long a batch gathers at most, and how long it waits for the next one to come.
const GATHER_MAX: Duration = Duration::from_millis(1);
const GATHER_PAUSE: Duration = Duration::from_micros(50);
/// How long of that it sleeps where other nodes write as well.
const GATHER_BESIDE: Duration = Duration::from_micros(150);
/// How long a batch learns what other nodes wrote before it is refused: the next one goes on from there.
const LEARN_MAX: Duration = Duration::from_secs(2);
/// Commands that wait for the writer; one more is refused as overloaded.
const QUEUE_MAX: usize = 4_096;
/// Commands of one batch: enough that the disk's sync is shared, few enough that a batch takes milliseconds.
const BATCH_MAX: usize = 1_024;
/// Receipts are kept this long, in microseconds: the 24 hours that CONTRACT 1.1 promises, also when the clock jumps ahead as
/// far as it is believed.
const RECEIPTS_KEPT_US: i64 = 24 * 3600 * 1_000_000 + REFUSED_AHEAD_US;
/// How often old receipts are looked for, and how many go at a time.
const PRUNE_EVERY: Duration = Duration::from_secs(10);
const PRUNE_MAX: usize = 1_000;

/// How long a stop waits for the writer.
const STOP_MAX: Duration = Duration::from_secs(10);

enum QueueItem {
    Decide(Box<Request>, oneshot::Sender<Result<Answer, Error>>),
    Probe(PendingProbe),
    Stop,
}

/// Sends commands to the one task that appends. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<QueueItem>,
    head: watch::Receiver<u64>,
    acknowledged: Arc<[AtomicU64; Category::ALL.len()]>,
}

/// The writer's thread.
pub struct WriterThread {
    queue: mpsc::Sender<QueueItem>,
    thread: JoinHandle<()>,
    failure: watch::Receiver<Option<String>>,
}

impl Writer {
    /// Starts the thread that owns the appender.
    pub fn start(appender: Appender, clock: ClockGuard) -> (Writer, WriterThread) {
        let (queue, asks) = mpsc::channel(QUEUE_MAX);
        let head = appender.head().position;
        let (head_sender, head_receiver) = watch::channel(head);
        let (failure_sender, failure) = watch::channel(None);
        let acknowledged = Arc::new(std::array::from_fn(|_| AtomicU64::new(head)));
        let writing = WriterLoop {
            appender,
            clock,
            states: States::new(),
            head: head_sender,
            acknowledged: Arc::clone(&acknowledged),
            failure: failure_sender,
            pruned: Instant::now(),
            before: 0,
            beside_others: false,
        };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || writing.run_to_the_end(asks))
            .expect("a thread can be started when the process starts");
        (Writer { queue: queue.clone(), head: head_receiver, acknowledged }, WriterThread { queue, thread, failure })
    }

    /// Asks for a command and waits until what it changed is durable.
    ///
    /// # Errors
    /// [`Error::Overloaded`] at once when the queue is full; else what the rules or the log say.
    pub async fn send(&self, request: Request) -> Result<Answer, Error> {
        let (sender, receiver) = oneshot::channel();
        self.queue.try_send(QueueItem::Decide(Box::new(request), sender)).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::Unavailable,
        })?;
        receiver.await.unwrap_or(Err(Error::Unavailable))
    }

    /// Whether the log can be written now: asks the whole way through the queue, and lets a batch begin that writes
    /// nothing. A queue that is full and worked on has room in time.
    ///
    /// # Errors
    /// Why not.
    pub async fn probe(&self, wait: Duration) -> Result<(), WriterError> {
        let asked = async {
            let (sender, receiver) = oneshot::channel();
            self.queue.send(QueueItem::Probe(sender)).await.map_err(|_| WriterError::Ended)?;
            receiver.await.unwrap_or(Err(WriterError::Ended))
        };
        tokio::time::timeout(wait, asked).await.unwrap_or(Err(WriterError::Silent))
    }

    /// The log's head, as it moves: a hint for whoever follows the log.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }

    /// The highest position of these categories that was acknowledged to anybody on this node; after a start, the
    /// log's head.
    pub fn acknowledged(&self, categories: &[Category]) -> u64 {
        let of = |category: &Category| self.acknowledged[*category as usize].load(Ordering::Acquire);
        categories.iter().map(of).max().unwrap_or(0)
    }

    /// How many commands wait.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

impl WriterThread {
    /// Resolves when the writer gave up because the log could not be written: the process must end.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        loop {
            if let Some(why) = failure.borrow_and_update().clone() {
                return why;
            }
            if failure.changed().await.is_err() {
                // It ended without a failure: it was stopped, and there is nothing to report, ever.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Writes what is in the queue, answers it, and ends the thread. False when that takes longer than it may: the
    /// process is to end without it, which loses nothing that was acknowledged.
    pub async fn stop(self) -> bool {
        let ended = async {
            // A full queue drains; a closed one means that the thread has ended already.
            let _ = self.queue.send(QueueItem::Stop).await;
            let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
        };
        tokio::time::timeout(STOP_MAX, ended).await.is_ok()
    }
}

struct WriterLoop {
    appender: Appender,
    clock: ClockGuard,
    states: States,
    head: watch::Sender<u64>,
    acknowledged: Arc<[AtomicU64; Category::ALL.len()]>,
    failure: watch::Sender<Option<String>>,
    pruned: Instant,
    /// How many commands were in the batch before.
    before: usize,
    /// Whether other nodes wrote since the batch before.
    beside_others: bool,
}

impl WriterLoop {
    /// However the thread ends: when nobody asked for that, it is told why.
    fn run_to_the_end(mut self, asks: mpsc::Receiver<QueueItem>) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.run(asks)));
        if let Err(why) = ended.unwrap_or_else(|_| Err("the writer panicked".to_owned())) {
            // First of all: nothing else is to keep it from being told.
            self.failure.send_replace(Some(why.clone()));
            tracing::error!(why, "the log can no longer be written: the process must stop");
        }
    }

    fn run(&mut self, mut asks: mpsc::Receiver<QueueItem>) -> Result<(), String> {
        let mut batch = PendingBatch { requests: Vec::with_capacity(BATCH_MAX), probes: Vec::new() };
        // A panic in here is not a rule's (those are caught one by one): what is in memory may be half folded.
        while let Some(first) = asks.blocking_recv() {
            failpoint::pass("batch-taken");
            let stop = take(first, &mut batch) || self.gather(&mut asks, &mut batch);
            self.before = batch.requests.len();
            // Whoever still waits gets `Unavailable`, because the queue goes away with this thread.
            self.write(&mut batch)?;
            if stop {
                self.clock.keep();
                return Ok(());
            }
            self.prune()?;
        }
        // Nobody is left who could ask for anything.
        Ok(())
    }

    /// Takes what waits. Where nodes share the log a batch costs a flush of their server whatever is in it: there whoever
    /// was just answered and asks again is waited for, as long as somebody keeps coming. Whether to stop after this batch.
    fn gather(&self, asks: &mut mpsc::Receiver<QueueItem>, batch: &mut PendingBatch) -> bool {
        let waits = self.appender.is_shared() && self.before > 1;
        let mut sleeps = waits && self.beside_others;
        let began = Instant::now();
        let mut came = began;
        while batch.requests.len() + batch.probes.len() < BATCH_MAX {
            match asks.try_recv() {
                Ok(next) => {
                    if take(next, batch) {
                        return true;
                    }
                    came = Instant::now();
                }
                // Another node probably has the head, and needs the processor more than a loop that waits.
                Err(_) if sleeps && batch.requests.len() < self.before => {
                    sleeps = false;
                    std::thread::sleep(GATHER_BESIDE);
                }
                // Not asleep: the system would wake us too late.
                Err(_) if waits && came.elapsed() < GATHER_PAUSE && began.elapsed() < GATHER_MAX => {
                    std::thread::yield_now();
                }
                Err(_) => break,
            }
        }
        false
    }

    /// Decides, writes and answers one batch. An error means that nothing may be written any more.
    fn write(&mut self, batch: &mut PendingBatch) -> Result<(), String> {
        let began = Instant::now();
        let now = Reading::take();
        if let Err(ahead) = self.clock.check(now, self.appender.head().recorded_at) {
            batch.refuse(&ahead);
            return Ok(());
        }
        let begun = self.begin(&batch.requests);
        if let Err(failure) = begun {
            tracing::error!(error = &failure as &dyn std::error::Error, "a batch could not begin");
            batch.tell(Err(&failure));
            for (_, answer) in batch.requests.drain(..) {
                let _ = answer.send(Err(Error::Unavailable));
            }
            return if is_fatal(&failure) { Err(failure.to_string()) } else { Ok(()) };
        }
        let mut draft = Draft::new(self.appender.head().position, now.at);
        let answers = batch
            .requests
            .iter()
            .map(|(request, _)| draft.decide(&mut self.states, &mut self.appender, request))
            .collect::<Vec<_>>();
        metrics::histogram!("letopis_batch_commands").record(batch.requests.len() as f64);
        let written = if draft.is_empty() {
            self.appender.cancel();
            Ok(())
        } else {
            self.append(&draft)
        };
        self.states.end_batch();
        if !batch.probes.is_empty() {
            match &written {
                Ok(()) => {
                    let room = self.appender.check_room();
                    batch.tell(room.as_ref().err().map_or(Ok(()), Err));
                }
                Err(failure) => batch.tell(Err(failure)),
            }
        }
        let fatal = match written {
            Ok(()) => None,
            Err(failure) => {
                tracing::error!(error = &failure as &dyn std::error::Error, "a batch could not be written");
                self.states.drop_touched(draft.touched());
                for (_, answer) in batch.requests.drain(..) {
                    let _ = answer.send(Err(Error::Unavailable));
                }
                is_fatal(&failure).then(|| failure.to_string())
            }
        };
        failpoint::pass("batch-published");
        for ((_, asker), answer) in batch.requests.drain(..).zip(answers) {
            // Who asked may be gone; what they asked for is done all the same.
            let _ = asker.send(answer);
            failpoint::pass("answer-given");
        }
        metrics::histogram!("letopis_batch_seconds").record(began.elapsed().as_secs_f64());
        fatal.map_or(Ok(()), Err)
    }

    /// Takes the head, and learns what these requests are decided on.
    fn begin(&mut self, requests: &[PendingRequest]) -> Result<(), store::Error> {
        let named = requests.iter().flat_map(|(request, _)| route::wanted(request)).collect::<HashSet<_>>();
        let subjects = named.iter().filter_map(|stream| UserId::try_from(*stream).ok());
        let receipts = requests.iter().filter_map(|(request, _)| request.key.as_ref().map(|key| key.command_id));
        let mut needs = BatchNeeds { streams: Vec::new(), receipts: receipts.collect(), subjects: subjects.collect() };
        let began = Instant::now();
        self.beside_others = false;
        // Each time it is nearer to the head.
        loop {
            needs.streams = self.states.unknown(named.iter().copied());
            let begun = self.appender.begin(&needs)?;
            let is_behind = begun.is_behind;
            self.beside_others |= !begun.others.is_empty();
            self.states.learn(begun);
            // Others may have moved it.
            self.head.send_if_modified(|known| {
                let head = self.appender.head().position;
                std::mem::replace(known, head) != head
            });
            if !is_behind {
                return Ok(());
            }
            if began.elapsed() >= LEARN_MAX {
                // Nobody waits longer for what others wrote; the next batch goes on from here.
                return Err(store::Error::Unanswered);
            }
        }
    }

    fn append(&mut self, draft: &Draft) -> Result<(), store::Error> {
        let head = self.appender.head().position;
        let written = self.appender.append(&draft.batch)?;
        failpoint::pass("batch-appended");
        for (position, stream) in (head + 1..).zip(draft.touched()) {
            self.acknowledged[stream.category() as usize].store(position, Ordering::Release);
        }
        self.head.send_replace(written.position);
        metrics::counter!("letopis_events_appended_total").increment(draft.batch.events.len() as u64);
        metrics::gauge!("letopis_log_head").set(written.position as f64);
        Ok(())
    }

    /// Removes old receipts, a few at a time; goes on after the next batch when there are more.
    fn prune(&mut self) -> Result<(), String> {
        if self.pruned.elapsed() < PRUNE_EVERY {
            return Ok(());
        }
        let older_than = Timestamp(self.clock.believed().at.0 - RECEIPTS_KEPT_US);
        match self.appender.prune_receipts(older_than, PRUNE_MAX) {
            Ok(removed) if removed >= PRUNE_MAX as u64 => {}
            Ok(_) => self.pruned = Instant::now(),
            Err(error) if is_fatal(&error) => return Err(error.to_string()),
            Err(error) => {
                self.pruned = Instant::now();
                tracing::warn!(error = &error as &dyn std::error::Error, "old receipts could not be removed");
            }
        }
        Ok(())
    }
}

/// Whether nothing may be written any more: what is on the disk is not known.
fn is_fatal(error: &store::Error) -> bool {
    use store::Error::{CommitFailed, NotHeld, Rotated, Stopped};
    matches!(error, CommitFailed { .. } | Stopped | NotHeld { .. } | Rotated { .. })
}

type PendingRequest = (Box<Request>, oneshot::Sender<Result<Answer, Error>>);
type PendingProbe = oneshot::Sender<Result<(), WriterError>>;

/// What one batch answers.
#[derive(Default)]
struct PendingBatch {
    requests: Vec<PendingRequest>,
    probes: Vec<PendingProbe>,
}

impl PendingBatch {
    /// Answers everybody that nothing is written now.
    fn refuse(&mut self, why: &Error) {
        for probe in self.probes.drain(..) {
            let _ = probe.send(Err(WriterError::Refused(why.to_string())));
        }
        for (_, answer) in self.requests.drain(..) {
            let _ = answer.send(Err(why.clone()));
        }
    }

    /// Says whether the log can be written to all who wait to hear just that.
    fn tell(&mut self, state: Result<(), &store::Error>) {
        for probe in self.probes.drain(..) {
            let _ = probe.send(state.map_err(|error| WriterError::Refused(error.to_string())));
        }
    }
}

/// Takes a request into the batch; true when it is the sign to stop.
fn take(ask: QueueItem, batch: &mut PendingBatch) -> bool {
    match ask {
        QueueItem::Decide(request, answer) => {
            batch.requests.push((request, answer));
            false
        }
        QueueItem::Probe(asker) => {
            batch.probes.push(asker);
            false
        }
        QueueItem::Stop => true,
    }
}
