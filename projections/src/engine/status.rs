//! How far each projection is, for operators and health checks.

use crate::engine::folding::NO_EVENT;
use crate::engine::handle::Handle;
use crate::engine::runner::Runner;
use crate::{Error, ProjectionId, Projections, Result};
use store::{described, now};

/// What a projection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It follows the log.
    Running,
    /// An event stopped it; the others go on.
    Stopped,
    /// An operator has paused it; it goes on when they resume it.
    Paused,
    /// A new generation is being built beside the one that serves.
    Rebuilding,
}

impl State {
    /// Every state.
    pub const ALL: [State; 4] = [State::Running, State::Stopped, State::Paused, State::Rebuilding];

    /// Its name in JSON and in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Stopped => "stopped",
            State::Paused => "paused",
            State::Rebuilding => "rebuilding",
        }
    }
}

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub name: ProjectionId,
    /// Of its tables and its fold.
    pub version: u32,
    /// Which build of it serves.
    pub generation: u64,
    /// The last event that is folded in.
    pub position: u64,
    /// The last event of the log.
    pub head: u64,
    /// How many events are not folded in yet.
    pub lag_events: u64,
    /// How old the oldest of those is; zero when there is none.
    pub lag_seconds: u64,
    /// What it does.
    pub state: State,
    /// The event that stopped it; 0 when it stopped and no event is to blame.
    pub failed_position: Option<u64>,
    /// Why that event stopped it.
    pub error: Option<String>,
    /// How large it is, when it is an index.
    pub size: Option<search::Size>,
}

impl Projections {
    /// How far each projection is. It reads files or asks the database: not for the threads of
    /// async code.
    pub fn status(&self) -> Result<Vec<Status>> {
        // A node that serves knows what it has; whoever only reads may have found it damaged.
        let has = |runner: &&Runner| !self.may_write() || !matches!(runner.handle(), Handle::Elsewhere);
        let looked = self.runners().iter().filter(has).map(|runner| match self.status_of(runner.name) {
            // It was thrown away between the look at the catalogue and the one at its files.
            Err(Error::Search(_)) => self.status_of(runner.name),
            looked => looked,
        });
        let known = looked.zip(self.runners().iter().filter(has)).filter_map(|(looked, runner)| match looked {
            // This machine has none.
            Err(Error::NotBuilt) if matches!(runner.handle(), Handle::Elsewhere) => None,
            Err(Error::Search(error)) if !error.may_pass() => Some(self.damaged_status(runner.name, &error)),
            looked => Some(looked),
        });
        known.collect()
    }

    /// Of an index that cannot be read.
    fn damaged_status(&self, name: ProjectionId, error: &search::Error) -> Result<Status> {
        let runner = self.runner(name);
        let entry = runner.catalog().entry(name)?.unwrap_or_else(|| runner.entry());
        let head = self.log().head()?.position;
        Ok(Status {
            name,
            version: entry.version,
            generation: entry.generation,
            position: 0,
            head,
            lag_events: head,
            lag_seconds: if head > 0 { self.age_of(1)? } else { 0 },
            state: State::Stopped,
            failed_position: Some(NO_EVENT),
            error: Some(described(error).to_string()),
            size: None,
        })
    }

    fn status_of(&self, name: ProjectionId) -> Result<Status> {
        let runner = self.runner(name);
        let (entry, handle) = self.present(name)?;
        let position = match self.may_write() && runner.epoch().is_some() {
            true => runner.position(),
            // Another process moves it.
            false => handle.mark()?.position,
        };
        let head = self.log().head()?.position;
        let size = match &handle {
            // Files that go at this moment have no size.
            Handle::Index(index) => index.size().ok(),
            Handle::Tables(_) | Handle::Elsewhere => None,
        };
        let state = entry.state();
        let (failed_position, error) = entry.failed.unzip();
        Ok(Status {
            name,
            version: entry.version,
            generation: entry.generation,
            position,
            head,
            lag_events: head.saturating_sub(position),
            lag_seconds: if position < head { self.age_of(position + 1)? } else { 0 },
            state,
            failed_position,
            error,
            size,
        })
    }

    /// How many seconds ago the event at that position was recorded.
    fn age_of(&self, position: u64) -> Result<u64> {
        let event = self.log().read(position - 1, 1)?;
        let age = event.first().map_or(0, |event| now().0.saturating_sub(event.recorded_at.0) / 1_000_000);
        Ok(age.max(0).unsigned_abs())
    }
}
