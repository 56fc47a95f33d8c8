//! How far an operation is.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How far something is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is counted.
    pub what: String,
    /// How many so far.
    pub done: u64,
    /// Which part of the whole, from 0 to 1.
    pub part: f64,
}

impl Progress {
    /// So many of about so many.
    pub fn of(what: impl Into<String>, done: u64, whole: u64) -> Progress {
        Progress { what: what.into(), done, part: done as f64 / whole.max(1) as f64 }
    }
}

/// Where whoever works says how far they are. Only the latest word counts.
pub type Sender = watch::Sender<Progress>;

/// How many in a second; zero when no time has passed.
pub fn per_second(done: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
}
