//! How far the couriers have looked through the log, and the epochs under which they sent.
//!
//! Losing it loses nothing: they look through the log again, and what they asked for before is there already.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::Timestamp;
use store::Mark;

pub(crate) const PART: Part = Part {
    tables: "
    create table if not exists courier (
        one bigint primary key,
        position bigint not null,
        hash bytea not null,
        epoch bigint not null
    );
",
    // It holds nothing of anybody.
    forget: |_, _| Ok(()),
    begin_again: |tx| tx.queue("update courier set position = 0, hash = $1", &[(&Mark::default().hash).into()]),
};

/// How far the couriers of a log are. A cheap handle; its calls block for milliseconds.
#[derive(Clone)]
pub struct CourierProgress {
    storage: Storage,
}

impl CourierProgress {
    pub(crate) fn new(storage: Storage) -> CourierProgress {
        CourierProgress { storage }
    }

    /// The last event that was looked at.
    ///
    /// # Errors
    /// When it could not be read.
    pub fn read(&self) -> Result<Mark> {
        let row = self.storage.database().snapshot()?.row("select position, hash from courier", &[], |row| {
            let hash = row.bytes(1)?.try_into().unwrap_or_default();
            Ok(Mark { position: row.int(0)?.cast_unsigned(), hash })
        })?;
        Ok(row.unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn keep(&self, mark: Mark) -> Result<()> {
        self.storage.change(|tx| {
            tx.queue(
                "insert into courier (one, position, hash, epoch) values (1, $1, $2, 0)
                 on conflict (one) do update set position = excluded.position, hash = excluded.hash",
                &[mark.position.into(), (&mark.hash).into()],
            )
        })
    }

    /// Begins an epoch: higher than every one before, also where this was lost, as far as the clock is right.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn begin_epoch(&self, at: Timestamp) -> Result<u64> {
        let seconds = at.0.div_euclid(1_000_000);
        let mut epoch = 0;
        self.storage.change(|tx| {
            tx.keep()?;
            let row = tx.row(
                "insert into courier (one, position, hash, epoch) values (1, 0, $1, $2)
                 on conflict (one) do update set epoch = case when courier.epoch >= excluded.epoch
                     then courier.epoch + 1 else excluded.epoch end
                 returning epoch",
                &[(&Mark::default().hash).into(), seconds.into()],
                |row| row.int(0),
            )?;
            epoch = row.unwrap_or_default().cast_unsigned();
            Ok(())
        })?;
        Ok(epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sql::Place;

    #[test]
    fn epochs_only_rise_and_the_place_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CourierProgress::new(Storage::open(&Place::File(folder.path().join("state.db"))).unwrap());
        let couriers = open();
        assert_eq!(couriers.read().unwrap(), Mark::default());
        let now = Timestamp(1_800_000_000_000_000);
        let first = couriers.begin_epoch(now).unwrap();
        let mark = Mark { position: 7, hash: [7; 32] };
        couriers.keep(mark).unwrap();
        // The clock went back.
        let second = open().begin_epoch(now.plus_seconds(-3_600)).unwrap();
        let third = open().begin_epoch(now.plus_seconds(3_600)).unwrap();
        assert!(first < second && second < third, "{first} {second} {third}");
        assert_eq!(open().read().unwrap(), mark);
    }
}
