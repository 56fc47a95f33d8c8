//! The menu.

use super::admit::Least;
use super::words::Words;

/// A place in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Overview,
}

impl Tab {
    /// The menu, in its order.
    pub(super) const ALL: &[Tab] = &[Tab::Overview];

    /// Where it leads.
    pub(super) fn path(self) -> &'static str {
        match self {
            Tab::Overview => "/console",
        }
    }

    /// What it is called.
    pub(super) fn title(self, words: &Words) -> &'static str {
        match self {
            Tab::Overview => words.overview,
        }
    }

    /// Whom it is for.
    pub(super) fn least(self) -> Least {
        match self {
            Tab::Overview => Least::Admin,
        }
    }
}
