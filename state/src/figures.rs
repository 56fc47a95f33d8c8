//! What the server was like in each minute of the last day: for charts. A bounded ring, a row a minute; losing it loses
//! pictures and nothing else. It holds counts of everybody, and nothing of anybody.

use crate::Result;
use crate::parts::Part;
use crate::storage::Storage;
use domain::Timestamp;

/// Minutes that are kept: a day.
pub const MINUTES_KEPT: u64 = 24 * 60;
const MINUTE_MICROSECONDS: i64 = 60 * 1_000_000;

pub(crate) const PART: Part = Part {
    tables: "
    create table if not exists figure_minute (
        minute bigint primary key,
        head bigint not null,
        lag_events bigint not null,
        lag_seconds bigint not null,
        waiting bigint not null,
        accepted bigint not null,
        failed bigint not null
    );
",
    forget: |_, _| Ok(()),
    begin_again: |tx| tx.queue("delete from figure_minute", &[]),
};

/// What one minute was like, at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FigureMinute {
    /// Minutes since 1970.
    pub minute: u64,
    /// The log's last position.
    pub head: u64,
    /// Of the read model that was furthest behind.
    pub lag_events: u64,
    pub lag_seconds: u64,
    /// Deliveries that waited to be sent.
    pub waiting: u64,
    /// Deliveries that were ever accepted or delivered.
    pub accepted: u64,
    /// Deliveries that ever failed, bounced, expired or were given up.
    pub failed: u64,
}

impl FigureMinute {
    /// The minute that an instant is in.
    pub fn of(at: Timestamp) -> u64 {
        at.0.div_euclid(MINUTE_MICROSECONDS).max(0).cast_unsigned()
    }
}

/// The last day. A cheap handle; its calls block for milliseconds.
#[derive(Clone)]
pub struct FigureRing {
    storage: Storage,
}

impl FigureRing {
    pub(crate) fn new(storage: Storage) -> FigureRing {
        FigureRing { storage }
    }

    /// Keeps a minute, and forgets what is older than a day.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn keep(&self, figures: &FigureMinute) -> Result<()> {
        self.storage.change(|tx| {
            tx.queue(
                "insert into figure_minute (minute, head, lag_events, lag_seconds, waiting, accepted, failed)
                 values ($1, $2, $3, $4, $5, $6, $7)
                 on conflict (minute) do update set head = excluded.head, lag_events = excluded.lag_events,
                     lag_seconds = excluded.lag_seconds, waiting = excluded.waiting, accepted = excluded.accepted,
                     failed = excluded.failed",
                &[
                    figures.minute.into(),
                    figures.head.into(),
                    figures.lag_events.into(),
                    figures.lag_seconds.into(),
                    figures.waiting.into(),
                    figures.accepted.into(),
                    figures.failed.into(),
                ],
            )?;
            let oldest = figures.minute.saturating_sub(MINUTES_KEPT);
            tx.queue("delete from figure_minute where minute <= $1", &[oldest.into()])
        })
    }

    /// What is kept since a minute, the oldest first.
    ///
    /// # Errors
    /// When it could not be read.
    pub fn since(&self, minute: u64) -> Result<Vec<FigureMinute>> {
        let sql = "select minute, head, lag_events, lag_seconds, waiting, accepted, failed from figure_minute
                   where minute >= $1 order by minute limit $2";
        let limit = i64::try_from(MINUTES_KEPT).unwrap_or(i64::MAX) + 1;
        self.storage.database().snapshot()?.rows(sql, &[minute.into(), limit.into()], |row| {
            let number = |index| row.int(index).map(i64::cast_unsigned);
            Ok(FigureMinute {
                minute: number(0)?,
                head: number(1)?,
                lag_events: number(2)?,
                lag_seconds: number(3)?,
                waiting: number(4)?,
                accepted: number(5)?,
                failed: number(6)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::sql::Place;

    #[test]
    fn a_day_is_kept_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let ring = FigureRing::new(Storage::open(&Place::File(folder.path().join("state.db"))).unwrap());
        let figures = |minute, head| FigureMinute { minute, head, ..FigureMinute::default() };
        ring.keep(&figures(10, 1)).unwrap();
        ring.keep(&figures(11, 2)).unwrap();
        ring.keep(&figures(11, 3)).unwrap();
        assert_eq!(ring.since(0).unwrap(), [figures(10, 1), figures(11, 3)]);
        assert_eq!(ring.since(11).unwrap(), [figures(11, 3)]);
        ring.keep(&figures(10 + MINUTES_KEPT, 9)).unwrap();
        assert_eq!(ring.since(0).unwrap(), [figures(11, 3), figures(10 + MINUTES_KEPT, 9)]);
        assert_eq!(FigureMinute::of(Timestamp(125_000_000)), 2);
    }
}
