//! The clock of whoever asks the writer from within the process.

use domain::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present instant.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX))
}
