//! The log as a whole: how much there is of what, whether it holds, and where its anchor says that it ends.

use super::progress::whole_per_second;
use super::{Error, Progress, Unit};
use crate::NodeOptions;
use serde::Serialize;
use std::time::Instant;
use store::{AcceptedLog, Folder, Log};

/// What is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogStats {
    /// The last position.
    pub head: u64,
    /// How many events.
    pub events: u64,
    /// How many of each type, by name.
    pub types: Vec<TypeCount>,
}

/// How many events of a type there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeCount {
    /// The stored name.
    #[serde(rename = "type")]
    pub name: String,
    /// How many.
    pub count: u64,
}

/// Counts the events of each type.
///
/// # Errors
/// When the log cannot be read.
pub fn stats(log: &Log) -> Result<LogStats, Error> {
    let stats = log.stats()?;
    let types = stats.types.into_iter().map(|(name, count)| TypeCount { name, count }).collect();
    Ok(LogStats { head: stats.head.position, events: stats.events, types })
}

/// What a verification of the log found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LogVerification {
    /// The log holds.
    Holds {
        /// True.
        verified: bool,
        /// How many events were checked.
        events: u64,
        /// The last of them.
        head: u64,
        /// Its hash, in hex.
        hash: String,
        /// Up to where the anchor knows the log, where the log's end was checked.
        anchor: Option<u64>,
        /// How long it took.
        seconds: f64,
        /// A whole number.
        events_per_second: f64,
    },
    /// The log does not hold.
    Broken {
        /// False.
        verified: bool,
        /// The first position where it does not hold.
        position: u64,
        /// What is wrong there.
        what: String,
    },
}

/// Checks the chain of the events `first` to `last`.
///
/// # Errors
/// [`Error::NotVerified`] when the log cannot be read to that end: nothing was found out then.
pub fn verify(
    log: &Log,
    (first, last): (u64, u64),
    show: &mut impl FnMut(&Progress),
) -> Result<LogVerification, Error> {
    let began = Instant::now();
    let end = log.head().map_or(last, |head| head.position).min(last).max(first);
    let verified = log.verify(first, last, |position| {
        show(&Progress::of(Unit::Events, (position + 1).saturating_sub(first), (end - first).saturating_add(1)));
    });
    match verified {
        Ok(verified) => {
            let seconds = began.elapsed().as_secs_f64();
            Ok(LogVerification::Holds {
                verified: true,
                events: verified.events,
                head: verified.head.position,
                hash: domain::id::hex(&verified.head.hash),
                anchor: verified.anchor,
                seconds,
                events_per_second: whole_per_second(verified.events, seconds),
            })
        }
        Err(store::Error::NotHeld { source: broken }) => {
            Ok(LogVerification::Broken { verified: false, position: broken.position, what: broken.what })
        }
        Err(error) => Err(Error::NotVerified(error)),
    }
}

/// Where the anchor says that the log ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AnchorReport {
    /// The last position.
    pub position: u64,
    /// Its hash, in hex.
    pub hash: String,
}

/// Reads the anchor. The log is not opened: that may be refused.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn anchor(options: &NodeOptions) -> Result<AnchorReport, Error> {
    let anchor = folder(options)?.read_anchor()?;
    Ok(AnchorReport { position: anchor.head.position, hash: domain::id::hex(&anchor.head.hash) })
}

/// A log that was taken for whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcceptReport {
    /// True.
    pub accepted: bool,
    /// Where the log ends now.
    pub position: u64,
    /// The hash of its last event, in hex.
    pub hash: String,
    /// Where the anchor had it end; none where there was no anchor.
    pub before: Option<u64>,
    /// How many events are missing compared with that.
    pub lost: u64,
    /// Whether the log has another history than the anchor knew.
    pub other_history: bool,
}

/// Verifies the whole log and takes its end for the true one.
///
/// # Errors
/// When a process serves the folder, or the log does not hold.
pub fn accept_anchor(options: &NodeOptions) -> Result<AcceptReport, Error> {
    let folder = folder(options)?;
    let lock = folder.lock()?;
    let before = folder.read_anchor().ok().map(|anchor| anchor.head.position);
    let AcceptedLog { verified, is_other } = match &options.database {
        None => store::accept_anchor(&folder, &lock, |_| {})?,
        Some(cluster) => store::postgres::accept_anchor(cluster, &folder, &lock, |_| {})?,
    };
    if is_other {
        // What came of the history that is gone. What nodes share is built again by the one that starts first.
        projections::discard(&folder)?;
    }
    Ok(AcceptReport {
        accepted: true,
        position: verified.head.position,
        hash: domain::id::hex(&verified.head.hash),
        before,
        lost: before.unwrap_or_default().saturating_sub(verified.head.position),
        other_history: is_other,
    })
}

fn folder(options: &NodeOptions) -> Result<Folder, Error> {
    Ok(match options.database {
        None => Folder::existing(&options.data)?,
        Some(_) => Folder::create(&options.data)?,
    })
}
