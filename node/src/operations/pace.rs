//! How fast the log grows, by what is in it: the same on every node, and right after a start.

use super::Error;
use domain::Timestamp;
use store::Log;

/// How many events were recorded in the `seconds` before that instant.
///
/// # Errors
/// When the log cannot be read.
pub fn appended_within(log: &Log, seconds: u32, at: Timestamp) -> Result<u64, Error> {
    let head = log.head()?.position;
    let since = Timestamp(at.0 - i64::from(seconds) * 1_000_000);
    Ok(head.saturating_sub(last_before(log, since)?))
}

/// The last position that was recorded before an instant; 0 where there is none. Positions and times grow together.
pub(super) fn last_before(log: &Log, since: Timestamp) -> Result<u64, Error> {
    let (mut before, mut from) = (0, log.head()?.position + 1);
    while before + 1 < from {
        let middle = before + (from - before) / 2;
        let is_before = log.read(middle - 1, 1)?.first().is_some_and(|record| record.recorded_at < since);
        if is_before { before = middle } else { from = middle }
    }
    Ok(before)
}
