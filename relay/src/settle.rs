//! Where the relay stands, as the checkpoint, the stream and the log say together.

use crate::checkpoint::Point;
use crate::publisher::Found;
use crate::relay::Desk;
use crate::standing::{Standing, compare};
use crate::{Error, Relay, Result};
use std::time::Duration;
use store::Log;
use tokio::time::Instant;
use uuid::Uuid;

/// A stream that is not written is looked at that often: somebody may have deleted it.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Relay {
    /// Where the relay stands; looked up when that is not known.
    pub(crate) async fn settle(&self, desk: &mut Desk) -> Result<Point> {
        let connections = self.bus().connections();
        let is_fresh = desk.looked.is_some_and(|(at, over)| over == connections && at.elapsed() < LOOK_EVERY);
        if let Some(point) = desk.point.as_ref().filter(|_| is_fresh) {
            return Ok(point.clone());
        }
        let mut found = desk.publisher.look().await?;
        let last = found.last;
        let looked = self
            .blocking(move |log, checkpoint| {
                // At zero nothing was told yet: the stream knows better.
                let known = checkpoint.read()?.filter(|point| point.position > 0);
                if let Some(point) = &known
                    && !holds(log, point.position, point.event_id)?
                {
                    // As with a copy: somebody is to look before others are told what does not follow from what they
                    // were told. Whoever arms it again begins without this point.
                    checkpoint.arm(false)?;
                    checkpoint.write(&Point::default())?;
                    return Err(Error::OtherHistory { position: point.position });
                }
                let is_ours = last.map_or(Ok(false), |last| holds(log, last.position, last.event_id))?;
                Ok((known, is_ours, end(log)?))
            })
            .await;
        if matches!(looked, Err(Error::OtherHistory { .. })) {
            desk.turn = None;
        }
        let (known, is_ours, end) = looked?;
        found.last = found.last.filter(|_| is_ours);
        let standing = compare(known.as_ref(), &found);
        // Before the first fact it is the same at every look.
        if standing != Standing::Begun(0) || desk.looked.is_none() {
            tell(standing, known.as_ref(), end.position);
        }
        let mut point = known.unwrap_or_default();
        match standing {
            Standing::Begun(_) | Standing::Further(_) | Standing::Shorter(_) => {
                if let Some(last) = found.last {
                    (point.position, point.event_id) = (last.position, last.event_id);
                }
            }
            Standing::Unknown => (point.position, point.event_id) = (end.position, end.event_id),
            Standing::AsLeft | Standing::Lost => {}
        }
        desk.looked = Some((Instant::now(), connections));
        let Found { made: stream_made, sequence, .. } = found;
        self.note(desk, Point { stream_made, sequence, ..point.clone() }).await?;
        Ok(desk.point.clone().unwrap_or(point))
    }

    /// Notes down how far it has come.
    pub(crate) async fn note(&self, desk: &mut Desk, point: Point) -> Result<()> {
        let written = point.clone();
        let noted = self.blocking(move |_, checkpoint| checkpoint.write(&written)).await;
        if noted.is_err() {
            (desk.point, desk.turn) = (None, None);
        } else {
            desk.point = Some(point);
        }
        noted
    }
}

/// Whether the log has that event there: every log has nothing at zero.
fn holds(log: &Log, position: u64, event_id: Uuid) -> Result<bool> {
    let Some(after) = position.checked_sub(1) else { return Ok(true) };
    let records = log.read(after, 1)?;
    Ok(records.iter().any(|record| record.position == position && record.id == event_id))
}

/// The last event of a log, as if it was told.
fn end(log: &Log) -> Result<Point> {
    let Some(after) = log.head()?.position.checked_sub(1) else { return Ok(Point::default()) };
    let last = log.read(after, 1)?.into_iter().next();
    Ok(last.map_or_else(Point::default, |last| Point {
        position: last.position,
        event_id: last.id,
        ..Point::default()
    }))
}

fn tell(standing: Standing, known: Option<&Point>, end: u64) {
    let position = known.map_or(0, |point| point.position);
    match standing {
        Standing::AsLeft | Standing::Further(_) => {}
        Standing::Begun(behind) => tracing::info!(behind, "the relay begins behind this position"),
        Standing::Unknown => {
            metrics::counter!("letopis_relay_stream_lost_total").increment(1);
            let advice = "it begins at the log's end; `letopis events republish --from N` tells what listeners lack";
            tracing::warn!(end, "neither the relay nor the stream in NATS knows what was told: {advice}");
        }
        Standing::Shorter(kept) => {
            let what = "the stream in NATS has lost its end: what is behind it is told again";
            tracing::warn!(told = position, kept, "{what}");
        }
        Standing::Lost => {
            metrics::counter!("letopis_relay_stream_lost_total").increment(1);
            let advice = "the relay goes on behind what it has told; `letopis events republish --from N` tells the \
                          rest again";
            tracing::warn!(told = position, "the stream in NATS has lost everything; {advice}");
        }
    }
}
