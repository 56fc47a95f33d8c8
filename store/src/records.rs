//! The log for readers that must neither write nor unseal.

use crate::{Error, Head, Log, Mark, Record};

/// Reads the log's records without their sealed parts. It gives out neither the log nor a key, so its holder can open
/// nothing and append nothing. Cheap to clone; every call blocks its thread for micro- to milliseconds.
#[derive(Clone)]
pub struct RecordReader {
    log: Log,
}

impl RecordReader {
    pub(crate) fn new(log: Log) -> RecordReader {
        RecordReader { log }
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// Those of [`Log::head`].
    pub fn head(&self) -> Result<Head, Error> {
        self.log.head()
    }

    /// Records above a position, in order; at most `limit` and [`crate::PAGE_MAX`]. Their sealed parts are left out.
    ///
    /// # Errors
    /// Those of [`Log::read`].
    pub fn read(&self, after: u64, limit: usize) -> Result<Vec<Record>, Error> {
        let mut records = self.log.read(after, limit)?;
        for record in &mut records {
            record.sealed = None;
        }
        Ok(records)
    }

    /// The same right behind an event that is known; at most `limit`, and one less than [`crate::PAGE_MAX`].
    ///
    /// # Errors
    /// [`Error::OtherHistory`] when the log does not hold that event, and those of [`Log::read`].
    pub fn behind(&self, after: Mark, limit: usize) -> Result<Vec<Record>, Error> {
        let Some(before) = after.position.checked_sub(1) else { return self.read(0, limit) };
        let mut records = self.read(before, limit.saturating_add(1))?;
        if records.first().map(Record::mark) != Some(after) {
            return Err(Error::OtherHistory { position: after.position });
        }
        records.remove(0);
        Ok(records)
    }
}
