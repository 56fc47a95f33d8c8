//! The last errors that this process reported: for an operator who has no log at hand. Whoever writes the log hands each
//! line on (`cli/src/logging.rs`); nothing is kept that is not in the log as well.

use domain::Timestamp;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most errors that are kept; an older one makes room.
pub const KEPT_MAX: usize = 200;
/// Longest line that is kept, in characters; the rest is cut off.
const LINE_CHARACTERS_MAX: usize = 1_000;

/// An error that was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentError {
    pub at: Timestamp,
    /// Where in the program.
    pub target: String,
    pub line: String,
}

static RECENT: Mutex<VecDeque<RecentError>> = Mutex::new(VecDeque::new());

/// Keeps one.
pub fn keep(at: Timestamp, target: &str, line: &str) {
    let line = line.chars().take(LINE_CHARACTERS_MAX).collect();
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    if recent.len() == KEPT_MAX {
        recent.pop_front();
    }
    recent.push_back(RecentError { at, target: target.to_owned(), line });
}

/// Those since that instant, the newest first.
pub fn since(at: Timestamp) -> Vec<RecentError> {
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.iter().rev().take_while(|error| error.at >= at).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_and_told_newest_first() {
        let long = "x".repeat(LINE_CHARACTERS_MAX + 1);
        for number in 0..KEPT_MAX as i64 + 3 {
            keep(Timestamp(number), "store", if number == 5 { &long } else { "broken" });
        }
        let all = since(Timestamp(0));
        assert_eq!(all.len(), KEPT_MAX);
        assert_eq!((all[0].at, all[KEPT_MAX - 1].at), (Timestamp(KEPT_MAX as i64 + 2), Timestamp(3)));
        assert!(all.iter().all(|error| error.line.len() <= LINE_CHARACTERS_MAX));
        assert_eq!(since(Timestamp(KEPT_MAX as i64 + 1)).len(), 2);
    }
}
