//! The events that an operator lets a projection step over. They stand in the log, so that whoever folds it again
//! steps over the same ones.

use crate::{ProjectionId, Result};
use domain::id::ProjectionName;
use domain::{Event, projection};
use std::collections::BTreeSet;
use store::Log;

impl ProjectionId {
    /// What names the stream of decisions about it.
    pub fn in_log(self) -> ProjectionName {
        ProjectionName::parse(self.as_str()).expect("names of projections are lower-case letters and hyphens")
    }
}

/// The positions of the events that the log says are stepped over.
pub(crate) fn read(log: &Log, name: ProjectionId) -> Result<BTreeSet<u64>> {
    let mut state = projection::State::default();
    for fact in log.stream(name.in_log().into())? {
        // Nothing else is in this stream: no code of ours writes it, and a fold never judges.
        if let Event::Projection(_, event) = &fact.event {
            projection::evolve(&mut state, event);
        }
    }
    Ok(state.skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_projection_has_its_stream() {
        for name in ProjectionId::ALL {
            assert_eq!(name.in_log().to_string(), name.as_str());
        }
    }
}
