//! Lines on their way to standard error. `tracing-appender` does the same but for three things: it prints when it ends,
//! which panics where nobody reads, it does not say what is missing, and it bounds lines, not bytes.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

/// Lines that wait to be written.
const LINES_MAX: usize = 8_192;
/// And their bytes.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The pause after a line that could not be written: another one would hardly fare better.
const PAUSE: Duration = Duration::from_millis(50);
/// How long lines are gathered that are then written together: to wake the thread that writes, and to call the system, for
/// each line would cost a busy server more than the line itself.
const GATHER: Duration = Duration::from_millis(5);
/// Bytes that are written together, and the line that goes beyond them.
const BATCH_BYTES_MAX: usize = 64 * 1024;
/// How often a flush looks whether there is room for its question.
const LOOK_EVERY: Duration = Duration::from_millis(5);

enum Message {
    Line(Vec<u8>),
    /// To be answered when everything before it was written, or dropped.
    Flush(SyncSender<()>),
}

#[derive(Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    dropped: AtomicU64,
}

/// Where lines go. Cheap to clone.
#[derive(Clone)]
pub struct Lines {
    queue: SyncSender<Message>,
    counts: Arc<Counts>,
}

/// One line in the making; it is on its way when this is dropped.
pub struct Line {
    lines: Lines,
    bytes: Vec<u8>,
}

impl Lines {
    /// Starts the thread that writes to standard error.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(is_json: bool) -> io::Result<Lines> {
        let (queue, messages) = sync_channel(LINES_MAX);
        let counts = Arc::new(Counts::default());
        let lines = Lines { queue, counts: Arc::clone(&counts) };
        let work = move || write(&messages, &counts, &mut anstream::stderr(), is_json);
        std::thread::Builder::new().name("report".to_owned()).spawn(work)?;
        Ok(lines)
    }

    /// Begins a line.
    pub fn line(&self) -> Line {
        Line { lines: self.clone(), bytes: Vec::new() }
    }

    /// Sends a whole line.
    pub fn say(&self, text: impl Display) {
        let mut line = self.line();
        line.bytes = format!("{text}\n").into_bytes();
    }

    /// Waits until every line before was written or dropped, for so long at most.
    pub fn flush(&self, wait: Duration) {
        let began = Instant::now();
        let (done, flushed) = sync_channel(1);
        while self.queue.try_send(Message::Flush(done.clone())).is_err() {
            if began.elapsed() >= wait {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let _: Result<(), RecvTimeoutError> = flushed.recv_timeout(wait.saturating_sub(began.elapsed()));
    }

    fn send(&self, bytes: Vec<u8>) {
        let length = bytes.len();
        let fits = self.counts.waiting_bytes.fetch_add(length, Ordering::Relaxed) + length <= BYTES_MAX;
        if !fits || self.queue.try_send(Message::Line(bytes)).is_err() {
            self.counts.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
            self.counts.dropped(1);
        }
    }
}

impl Counts {
    fn dropped(&self, lines: u64) {
        let dropped = self.dropped.fetch_add(lines, Ordering::Relaxed) + lines;
        metrics::counter!("letopis_report_lines_dropped_total").absolute(dropped);
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.lines.send(std::mem::take(&mut self.bytes));
        }
    }
}

/// Lines that are written together, after what stands in place of lines that are missing.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

impl Batch {
    fn add(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// Writes it as far as that goes; how many lines were not written.
    fn write(&self, to: &mut impl Write) -> u64 {
        let mut written = 0;
        while written < self.bytes.len() {
            match to.write(&self.bytes[written..]) {
                Ok(0) => break,
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.ends.iter().filter(|end| **end > written).count() as u64
    }
}

/// Writes until nobody can say anything more.
fn write(messages: &Receiver<Message>, counts: &Counts, to: &mut impl Write, is_json: bool) {
    let mut told = 0;
    while let Ok(first) = messages.recv() {
        let (batch, flushed) = gather(first, messages, counts);
        if !batch.ends.is_empty() {
            let dropped = counts.dropped.load(Ordering::Relaxed);
            let mut is_told = true;
            if dropped > told {
                is_told = to.write_all(missing(dropped - told, is_json).as_bytes()).is_ok();
                told = if is_told { dropped } else { told };
            }
            let lost = if is_told { batch.write(to) } else { batch.ends.len() as u64 };
            if lost > 0 {
                counts.dropped(lost);
                std::thread::sleep(PAUSE);
            }
        }
        if let Some(done) = flushed {
            let _ = done.try_send(());
        }
    }
}

/// Takes what comes within a moment of the first, up to where somebody waits until it is written.
fn gather(first: Message, messages: &Receiver<Message>, counts: &Counts) -> (Batch, Option<SyncSender<()>>) {
    let mut batch = Batch::default();
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Line(line) => {
                if batch.ends.is_empty() {
                    std::thread::sleep(GATHER);
                }
                counts.waiting_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                batch.add(&line);
            }
            Message::Flush(done) => return (batch, Some(done)),
        }
        next = if batch.bytes.len() < BATCH_BYTES_MAX { messages.try_recv().ok() } else { None };
    }
    (batch, None)
}

/// What stands in place of lines that are missing.
fn missing(lines: u64, is_json: bool) -> String {
    let said = "lines of this log are missing here: standard error did not take them in time";
    if is_json {
        return format!("{}\n", json_line("WARN", serde_json::json!({"message": said, "missing": lines})));
    }
    format!("{}  WARN letopis: {lines} {said}\n", present())
}

/// A line in the form that the formatter gives to all others.
pub fn json_line(level: &str, fields: serde_json::Value) -> serde_json::Value {
    serde_json::json!({"timestamp": present(), "level": level, "fields": fields, "target": "letopis"})
}

fn present() -> String {
    jiff::Timestamp::try_from(SystemTime::now()).map(|at| format!("{at:.6}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Condvar, Mutex};

    /// Takes lines while it is open; fails while it is closed.
    #[derive(Clone, Default)]
    struct Sink(Arc<(Mutex<(bool, String)>, Condvar)>);

    impl Sink {
        fn open(&self, open: bool) {
            self.0.0.lock().unwrap().0 = open;
        }

        fn text(&self) -> String {
            self.0.0.lock().unwrap().1.clone()
        }
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.0.lock().unwrap();
            if !state.0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.1.push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() -> (Lines, Receiver<Message>) {
        let (queue, messages) = sync_channel(LINES_MAX);
        (Lines { queue, counts: Arc::default() }, messages)
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_told() {
        let (lines, messages) = lines();
        let (sink, counts) = (Sink::default(), Arc::clone(&lines.counts));
        let writing = std::thread::spawn({
            let mut sink = sink.clone();
            move || write(&messages, &counts, &mut sink, false)
        });
        lines.say("one");
        lines.say("two");
        lines.flush(Duration::from_secs(60));
        sink.open(true);
        lines.say("three");
        lines.say("four");
        lines.flush(Duration::from_secs(60));
        let text = sink.text();
        let told = text.lines().collect::<Vec<_>>();
        assert!(told[0].contains("WARN letopis: 2 lines of this log are missing here"), "{text}");
        assert_eq!(told[1..], ["three", "four"]);
        drop(lines);
        writing.join().unwrap();
    }

    #[test]
    fn a_queue_that_nobody_empties_keeps_nobody_waiting() {
        let (lines, messages) = lines();
        for number in 0..LINES_MAX + 10 {
            lines.say(number);
        }
        assert_eq!(lines.counts.dropped.load(Ordering::Relaxed), 10);
        lines.flush(Duration::ZERO);
        drop(messages);
        lines.say("nobody is left");
        assert_eq!(lines.counts.dropped.load(Ordering::Relaxed), 11);
    }

    #[test]
    fn bytes_are_bounded_as_well() {
        let (lines, messages) = lines();
        let long = "x".repeat(BYTES_MAX / 4);
        for _ in 0..8 {
            lines.say(&long);
        }
        assert_eq!(lines.counts.dropped.load(Ordering::Relaxed), 5);
        let (mut sink, counts) = (Sink::default(), Arc::clone(&lines.counts));
        sink.open(true);
        drop(lines);
        write(&messages, &counts, &mut sink, true);
        assert_eq!(counts.waiting_bytes.load(Ordering::Relaxed), 0);
        let text = sink.text();
        let told = serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap();
        assert_eq!(told["fields"]["missing"], 5, "{told}");
    }
}
