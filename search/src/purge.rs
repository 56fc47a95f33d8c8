//! Taking deleted text out of the files. A commit hides it; the files hold it until the segment that it is in is
//! rewritten; a question that is just being answered may read the old one until it is done.

use crate::error::caught;
use crate::writer::{Writer, now};
use crate::{Error, Result};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tantivy::index::{SegmentId, SegmentMeta};

/// How often a segment that could not be rewritten, because it was just being merged, is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Segments that hold deleted text, and what became of them.
#[derive(Default)]
pub(crate) struct Purge {
    /// Every segment that was looked at.
    seen: HashSet<SegmentId>,
    /// Those of them that held something deleted, and whose files may still be there.
    holding: HashSet<SegmentId>,
    tried: Option<Instant>,
    /// When text that was deleted since must be gone.
    pub(crate) later: Option<u64>,
}

/// The earlier of two times, where none is never.
pub(crate) fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.map_or(other, |one| Some(other.map_or(one, |other| one.min(other))))
}

impl Writer {
    /// Goes on with taking deleted text out of the files, when its time has come; [`Writer::commit`] has made it
    /// unfindable before. It does not wait: segments are rewritten by threads of the index. Answers whether there is
    /// nothing left to do for now.
    ///
    /// # Errors
    /// As [`Writer::change`].
    pub fn purge(&mut self) -> Result<bool> {
        if self.purge.is_none() {
            if self.purge_by().is_none_or(|by| by > now()) {
                return Ok(true);
            }
            self.purge = Some(Purge::default());
        }
        let done = match caught(|| self.rewrite()) {
            Ok(done) => done,
            Err(error) => {
                self.roll_back();
                return Err(error);
            }
        };
        if done && let Some(purge) = self.purge.take() {
            self.purged(purge.later)?;
        }
        Ok(done)
    }

    /// One look at the segments. Whether none holds what was deleted before the purge began.
    fn rewrite(&mut self) -> Result<bool> {
        // Later questions look through the new segments.
        self.index().look()?;
        let segments = self.index().tantivy().searchable_segment_metas()?;
        let Some(purge) = self.purge.as_mut() else { return Ok(true) };
        for segment in &segments {
            // One that comes later may be merged of what began before the text was deleted.
            if purge.seen.insert(segment.id()) && segment.has_deletes() {
                purge.holding.insert(segment.id());
            }
        }
        let there = |id: &SegmentId| segments.iter().any(|segment: &SegmentMeta| segment.id() == *id);
        let to_do = purge.holding.iter().copied().filter(there).collect::<Vec<_>>();
        let holding = purge.holding.clone();
        if !to_do.is_empty() {
            if purge.tried.is_none_or(|tried| tried.elapsed() >= AGAIN) {
                purge.tried = Some(Instant::now());
                for id in to_do {
                    // Answered by what the next look finds; one that is being merged is tried again.
                    drop(self.writer()?.merge(&[id]));
                }
            }
            return Ok(false);
        }
        self.writer()?.garbage_collect_files().wait()?;
        self.are_gone(&holding)
    }

    /// Whether no file of these segments is there.
    fn are_gone(&self, segments: &HashSet<SegmentId>) -> Result<bool> {
        let names = segments.iter().map(SegmentId::uuid_string).collect::<Vec<_>>();
        let folder = self.index().folder();
        let failed = || Error::file("read the folder", folder);
        for file in std::fs::read_dir(folder).map_err(failed())? {
            let file = file.map_err(failed())?.file_name();
            if names.iter().any(|name| file.to_str().is_some_and(|file| file.starts_with(name))) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
