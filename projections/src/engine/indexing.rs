//! The body of a generation that is an index: what is folded in waits for a commit, which shows it and stores the
//! checkpoint with it, in one step.

use crate::models::texts;
use std::path::Path;
use std::time::Instant;
use store::{Fact, Mark, failpoint};

/// An index, open for writing.
pub(crate) struct Indexing {
    writer: search::Writer,
    /// When the oldest change came that is not committed.
    oldest: Option<Instant>,
    /// Somebody was erased, and what they said may be in a file, although nobody finds it.
    residue: bool,
}

impl Indexing {
    pub(crate) fn create(folder: &Path) -> search::Result<Indexing> {
        Ok(Indexing { writer: search::Writer::create(folder)?, oldest: None, residue: false })
    }

    pub(crate) fn open(folder: &Path) -> search::Result<Indexing> {
        let writer = search::Writer::open(folder)?;
        let residue = writer.is_to_purge();
        Ok(Indexing { writer, oldest: None, residue })
    }

    /// What is read of it.
    pub(crate) fn index(&self) -> &search::Index {
        self.writer.index()
    }

    /// The checkpoint of the last commit.
    pub(crate) fn stored(&self) -> Mark {
        Mark { position: self.writer.committed(), hash: self.writer.committed_hash() }
    }

    /// When the oldest change came that nobody finds yet.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.oldest
    }

    /// Whether deleted text must be gone from the files by now, and may still be there.
    pub(crate) fn has_residue(&self) -> bool {
        self.residue || self.writer.is_to_purge()
    }

    /// About that many facts are to be folded in.
    pub(crate) fn prepare_for(&mut self, facts: u64) {
        self.writer.prepare_for(facts);
    }

    /// Folds facts in, up to that event. After a failure everything since the last commit is to be folded in again;
    /// a fold that panics has changed nothing.
    pub(crate) fn change(&mut self, facts: &[&Fact], mark: Mark) -> search::Result<()> {
        self.writer.hold()?;
        let changes = texts::DEFINITION.changes(facts);
        if changes.is_empty() {
            return Ok(());
        }
        self.oldest.get_or_insert_with(Instant::now);
        let changed = changes.into_iter().try_for_each(|change| self.writer.change(change));
        failpoint::pass("index-changed");
        if changed.is_err() {
            self.oldest = None;
            return changed;
        }
        if self.writer.is_full() { self.commit(mark) } else { Ok(()) }
    }

    /// Shows what was folded in, as of that event.
    pub(crate) fn commit(&mut self, mark: Mark) -> search::Result<()> {
        let began = Instant::now();
        self.oldest = None;
        self.writer.commit_as_of(mark.position, mark.hash)?;
        self.residue = self.writer.is_to_purge();
        failpoint::pass("index-committed");
        metrics::counter!("letopis_search_commits_total").increment(1);
        metrics::histogram!("letopis_search_commit_seconds").record(began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Goes on with taking deleted text out of the files. What is folded in and not committed stays so.
    pub(crate) fn purge(&mut self) -> search::Result<()> {
        let purged = self.writer.purge();
        if purged.is_err() {
            self.oldest = None;
        }
        if self.residue {
            failpoint::pass("index-purged");
        }
        self.residue = self.writer.is_to_purge();
        purged.map(drop)
    }
}
