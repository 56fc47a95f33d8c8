//! What an operator does with a projection: pausing it, letting it go on, letting it step over an event. Whichever node
//! they ask feeds the projection from then on.

use crate::engine::folding::NO_EVENT;
use crate::{Error, ProjectionId, Projections, Result};

/// Skipped, it would leave what it erases in the read model.
const ERASED: &str = "user.erased.v1";

impl Projections {
    /// Stops following, until [`Projections::resume`]; a restart changes nothing about that. What is being folded in
    /// is finished first. It writes files: not for the threads of async code.
    pub fn pause(&self, name: ProjectionId) -> Result<()> {
        let runner = self.runner(name);
        self.take_over(name)?;
        let mut writing = runner.lock();
        let generation = writing.as_mut().ok_or(Error::ReadOnly)?;
        runner.note(|entry| entry.paused = true)?;
        store::failpoint::pass("pause-noted");
        tracing::info!(projection = %name, position = generation.position(), "paused");
        // Whoever reads beside this process sees how far it is.
        generation.persist()
    }

    /// Lets a paused projection follow again, and one that an event has stopped try that event again.
    pub fn resume(&self, name: ProjectionId) -> Result<()> {
        self.take_over(name)?;
        self.runner(name).note(|entry| {
            entry.paused = false;
            entry.failed = None;
        })?;
        tracing::info!(projection = %name, position = self.position(name), "goes on");
        Ok(())
    }

    /// The position of the event that has stopped the projection, when that event may be skipped, and by this node.
    pub fn skippable(&self, name: ProjectionId) -> Result<u64> {
        self.check_feeds(name)?;
        self.look()?;
        let failed = self.runner(name).entry().failed.filter(|(position, _)| *position != NO_EVENT);
        let (position, _) = failed.ok_or(Error::NotStopped { name })?;
        let event = self.log().read(position - 1, 1)?;
        match event.first().filter(|event| event.position == position) {
            Some(event) if event.name == ERASED => Err(Error::Erasure { name, position }),
            Some(_) => Ok(position),
            None => Err(Error::NotStopped { name }),
        }
    }

    /// Steps over the event at that position, which has stopped the projection. That it is skipped stands in the log
    /// already.
    pub fn skip(&self, name: ProjectionId, position: u64) -> Result<()> {
        let runner = self.runner(name);
        self.take_over(name)?;
        let mut writing = runner.lock();
        let generation = writing.as_mut().ok_or(Error::ReadOnly)?;
        if generation.position() >= position {
            // It was resumed or built again meanwhile.
            return Err(Error::FoldedMeanwhile { name, position });
        }
        generation.skip(position);
        tracing::warn!(projection = %name, position, "an event is skipped");
        runner.note(|entry| entry.failed = entry.failed.take().filter(|(stopped_at, _)| *stopped_at != position))
    }
}
