//! How far an operation is.

use serde::{Deserialize, Serialize};
use std::fmt;
use tokio::sync::watch;

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What is counted.
    pub unit: Unit,
    /// How many so far.
    pub done: u64,
    /// Which part of the whole, from 0 to 1; 0 where the whole is unknown.
    pub part: f64,
}

/// What is counted while an operation goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bytes of a backup's files.
    BytesCopied,
    /// Events that are read or written.
    Events,
    /// Events that are folded into the read model of that name.
    EventsInto(String),
    /// Events whose place in the chain was checked.
    EventsVerified,
    /// Messages of a chat log.
    Messages,
    /// Data keys that are wrapped by the new master key.
    KeysWrapped,
    /// Facts that other services are told again.
    FactsPublished,
}

impl fmt::Display for Unit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::BytesCopied => out.write_str("bytes copied"),
            Unit::Events => out.write_str("events"),
            Unit::EventsInto(name) => write!(out, "events into {name}"),
            Unit::EventsVerified => out.write_str("events verified"),
            Unit::Messages => out.write_str("messages"),
            Unit::KeysWrapped => out.write_str("keys wrapped again"),
            Unit::FactsPublished => out.write_str("facts published again"),
        }
    }
}

impl Progress {
    /// So many of about so many.
    pub fn of(unit: Unit, done: u64, whole: u64) -> Progress {
        Progress { unit, done, part: done as f64 / whole.max(1) as f64 }
    }
}

/// Where an operation says how far it is. Only the latest value counts; none before the first one.
pub type Sender = watch::Sender<Option<Progress>>;

/// How many in a second; zero when no time has passed.
pub fn per_second(done: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
}

/// The same as a whole number, for reports.
pub(super) fn whole_per_second(done: u64, seconds: f64) -> f64 {
    per_second(done, seconds).round()
}
