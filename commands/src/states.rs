//! What the writer knows of the streams: their folded states, read from the log when first named and kept up to
//! date by its own facts.

use domain::{Event, State, StreamId};
use std::collections::{HashMap, HashSet};
use store::BatchStart;

/// Streams kept after a batch; above it the longest unused go. A user's state is below 1 KiB, a chat's grows by
/// about 200 bytes with each member.
const STREAMS_MAX: usize = 100_000;

struct Entry {
    version: u64,
    /// The version of the last fact that changed what is shown of it: the one that `ETag` tells.
    shown: u64,
    state: State,
    /// The number of the batch that named it last.
    used: u64,
}

/// The states of the streams that were named lately.
pub(crate) struct States {
    entries: HashMap<StreamId, Entry>,
    /// Streams of this batch that are not kept, because they are rarely named twice.
    passing: Vec<StreamId>,
    batch: u64,
    streams_max: usize,
}

impl States {
    pub(crate) fn new() -> States {
        States { entries: HashMap::new(), passing: Vec::new(), batch: 0, streams_max: STREAMS_MAX }
    }

    /// The streams among these whose states are not known; each once.
    pub(crate) fn unknown(&mut self, streams: impl Iterator<Item = StreamId>) -> Vec<StreamId> {
        let mut unknown = HashSet::new();
        for stream in streams {
            match self.entries.get_mut(&stream) {
                Some(entry) => entry.used = self.batch,
                None => drop(unknown.insert(stream)),
            }
        }
        unknown.into_iter().collect()
    }

    /// Whether a stream's state is known.
    pub(crate) fn knows(&self, stream: StreamId) -> bool {
        self.entries.contains_key(&stream)
    }

    /// Folds what a batch begins with: streams that were unknown, and what others have appended.
    pub(crate) fn learn(&mut self, begun: BatchStart) {
        for (stream, facts) in begun.streams {
            match facts {
                Ok(facts) => {
                    let mut entry =
                        Entry { version: 0, shown: 0, state: State::empty(stream.category()), used: self.batch };
                    facts.iter().for_each(|fact| entry.evolve(&fact.event));
                    self.insert(stream, entry);
                }
                // Only the commands that need it are refused.
                Err(error) => tracing::error!(%stream, error = &error as &dyn std::error::Error, "is not readable"),
            }
        }
        for other in begun.others {
            let Some(entry) = self.entries.get_mut(&other.stream) else { continue };
            match other.event {
                _ if other.version <= entry.version => {}
                Some(event) if other.version == entry.version + 1 => entry.evolve(&event),
                Some(_) | None => drop(self.entries.remove(&other.stream)),
            }
        }
    }

    /// Folds a new fact in. Answers the version that it has in its stream.
    pub(crate) fn evolve(&mut self, event: &Event) -> u64 {
        let stream = event.stream();
        if !self.entries.contains_key(&stream) {
            self.insert(
                stream,
                Entry { version: 0, shown: 0, state: State::empty(stream.category()), used: self.batch },
            );
        }
        let entry = self.entries.get_mut(&stream).expect("it was put in just now, if it was not there");
        entry.evolve(event);
        entry.version
    }

    /// The version of the last fact of a loaded stream that changed what is shown of it; zero when it is empty.
    pub(crate) fn shown(&self, stream: StreamId) -> u64 {
        self.entries.get(&stream).map_or(0, |entry| entry.shown)
    }

    /// The state of a stream, where one is named and known.
    pub(crate) fn state(&self, stream: Option<impl Into<StreamId>>) -> Option<&State> {
        self.entries.get(&stream?.into()).map(|entry| &entry.state)
    }

    /// Forgets what was folded in but not written.
    pub(crate) fn drop_touched(&mut self, streams: impl Iterator<Item = StreamId>) {
        for stream in streams {
            self.entries.remove(&stream);
        }
    }

    /// Ends a batch, in time that does not grow with what is kept.
    pub(crate) fn end_batch(&mut self) {
        for stream in self.passing.drain(..) {
            self.entries.remove(&stream);
        }
        if self.entries.len() > self.streams_max {
            // Half of the batches since the oldest use go at once, so that this is rare.
            let mut used = self.entries.values().map(|entry| entry.used).collect::<Vec<_>>();
            let middle = used.len() / 2;
            let (_, median, _) = used.select_nth_unstable(middle);
            let median = *median;
            self.entries.retain(|_, entry| entry.used > median);
        }
        self.batch += 1;
    }

    fn insert(&mut self, stream: StreamId, entry: Entry) {
        if stream.category().is_rarely_named_again() {
            self.passing.push(stream);
        }
        self.entries.insert(stream, entry);
    }
}

impl Entry {
    fn evolve(&mut self, event: &Event) {
        self.state.evolve(event);
        self.version += 1;
        if event.is_shown() {
            self.shown = self.version;
        }
    }
}
