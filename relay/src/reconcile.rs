//! Where the relay is, as the checkpoint, the stream and the log say together.

use crate::checkpoint::Point;
use crate::publisher::StreamEnd;
use crate::relay::{RelayPosition, RelayState};
use crate::{Error, Relay, Result};
use std::time::Duration;
use store::{Mark, Record, RecordReader};
use tokio::time::Instant;
use uuid::Uuid;

/// A stream that is not written is looked at that often: somebody may have deleted it.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Nothing is remembered: the stream tells, or it has never held anything and begins with the log.
    Begun(u64),
    /// Nothing is remembered, and the stream has held something that does not tell how far the relay was: it begins
    /// at the log's end. What was not told before that is for an operator.
    Unknown,
    /// As it was left.
    AsLeft,
    /// The stream took more than was noted down: it goes on behind that.
    Further(u64),
    /// The stream has lost its end, as a server does that was cut off the power: what was behind is told again.
    Shorter(u64),
    /// The stream has lost everything. The relay goes on where it was; the rest is for an operator.
    Lost,
}

/// Compares. `known` is a point that the log holds, and the stream's last message counts only when the log holds it.
pub(crate) fn compare(known: Option<&Point>, found: &StreamEnd) -> Comparison {
    let last = found.last.map(|last| last.position);
    let Some(point) = known else {
        return match (last, found.sequence) {
            (Some(last), _) => Comparison::Begun(last),
            (None, 0) => Comparison::Begun(0),
            (None, _) => Comparison::Unknown,
        };
    };
    if point.stream_made != found.made {
        return if point.sequence > 0 { Comparison::Lost } else { Comparison::AsLeft };
    }
    match last {
        Some(last) if found.sequence > point.sequence && last > point.position => Comparison::Further(last),
        Some(last) if found.sequence < point.sequence && last < point.position => Comparison::Shorter(last),
        Some(_) | None if found.sequence < point.sequence => Comparison::Lost,
        Some(_) | None => Comparison::AsLeft,
    }
}

impl Relay {
    /// Where the relay stands; looked up when that is not known.
    pub(crate) async fn reconcile(&self, state: &mut RelayState) -> Result<RelayPosition> {
        let connections = self.bus().connections();
        let is_fresh = state.looked.is_some_and(|(at, over)| over == connections && at.elapsed() < LOOK_EVERY);
        if let Some(position) = state.position.as_ref().filter(|_| is_fresh) {
            return Ok(position.clone());
        }
        let mut found = state.publisher.look().await?;
        let last = found.last;
        let looked = self
            .blocking(move |log, checkpoint| {
                // At zero nothing was told yet: the stream knows better.
                let known = match checkpoint.read()?.filter(|point| point.position > 0) {
                    None => None,
                    Some(point) => match mark(log, point.position, point.event_id)? {
                        Some(mark) => Some(RelayPosition { point, mark }),
                        None => {
                            // As with a copy: somebody is to look before others are told what does not follow from
                            // what they were told. Whoever arms it again begins without this point.
                            checkpoint.arm(false)?;
                            checkpoint.write(&Point::default())?;
                            return Err(Error::OtherHistory { position: point.position });
                        }
                    },
                };
                let told = last.map_or(Ok(None), |last| mark(log, last.position, last.event_id))?;
                Ok((known, told, end(log)?))
            })
            .await;
        if matches!(looked, Err(Error::OtherHistory { .. })) {
            state.leadership = None;
        }
        let (known, told, end) = looked?;
        // What another log has told does not count.
        found.last = found.last.filter(|_| told.is_some());
        let known_point = known.as_ref().map(|known| &known.point);
        let comparison = compare(known_point, &found);
        // Before the first fact it is the same at every look.
        if comparison != Comparison::Begun(0) || state.looked.is_none() {
            tell(comparison, known_point, end.mark.position);
        }
        let mut position = known.unwrap_or_default();
        match comparison {
            Comparison::Begun(_) | Comparison::Further(_) | Comparison::Shorter(_) => {
                if let (Some(last), Some(mark)) = (found.last, told) {
                    position = position.at(mark, last.event_id);
                }
            }
            Comparison::Unknown => position = position.at(end.mark, end.point.event_id),
            Comparison::AsLeft | Comparison::Lost => {}
        }
        state.looked = Some((Instant::now(), connections));
        (position.point.stream_made, position.point.sequence) = (found.made, found.sequence);
        self.note(state, position.clone()).await?;
        Ok(position)
    }

    /// Notes down how far it has come.
    pub(crate) async fn note(&self, state: &mut RelayState, position: RelayPosition) -> Result<()> {
        let written = position.point.clone();
        let noted = self.blocking(move |_, checkpoint| checkpoint.write(&written)).await;
        if noted.is_err() {
            (state.position, state.leadership) = (None, None);
        } else {
            state.position = Some(position);
        }
        noted
    }
}

/// That event as the log has it there; `None` when it has another one, or none. Every log has nothing at zero.
fn mark(log: &RecordReader, position: u64, event_id: Uuid) -> Result<Option<Mark>> {
    let Some(after) = position.checked_sub(1) else { return Ok(Some(Mark::default())) };
    let records = log.read(after, 1)?;
    Ok(records.iter().find(|record| record.position == position && record.id == event_id).map(Record::mark))
}

/// The last event of a log, as if it was told.
fn end(log: &RecordReader) -> Result<RelayPosition> {
    let Some(after) = log.head()?.position.checked_sub(1) else { return Ok(RelayPosition::default()) };
    let last = log.read(after, 1)?.into_iter().next();
    Ok(last.map_or_else(RelayPosition::default, |last| RelayPosition::default().at(last.mark(), last.id)))
}

fn tell(comparison: Comparison, known: Option<&Point>, end: u64) {
    let position = known.map_or(0, |point| point.position);
    match comparison {
        Comparison::AsLeft | Comparison::Further(_) => {}
        Comparison::Begun(behind) => tracing::info!(behind, "the relay begins behind this position"),
        Comparison::Unknown => {
            metrics::counter!("letopis_relay_stream_lost_total").increment(1);
            let advice = "it begins at the log's end; `letopis events republish --from N` sends what listeners lack";
            tracing::warn!(end, "neither the relay nor the stream in NATS knows what was sent: {advice}");
        }
        Comparison::Shorter(kept) => {
            let what = "the stream in NATS has lost its end: the relay sends it again";
            tracing::warn!(told = position, kept, "{what}");
        }
        Comparison::Lost => {
            metrics::counter!("letopis_relay_stream_lost_total").increment(1);
            let advice = "the relay goes on behind what it has told; `letopis events republish --from N` tells the \
                          rest again";
            tracing::warn!(told = position, "the stream in NATS has lost everything; {advice}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::Last;
    use uuid::Uuid;

    fn point(position: u64, made: &str, sequence: u64) -> Point {
        Point { position, event_id: Uuid::nil(), stream_made: made.to_owned(), sequence }
    }

    fn found(made: &str, sequence: u64, last: Option<u64>) -> StreamEnd {
        let last = last.map(|position| Last { position, event_id: Uuid::nil() });
        StreamEnd { made: made.to_owned(), sequence, last }
    }

    #[test]
    fn what_is_to_be_done_follows_from_both() {
        let as_told = point(100, "a", 60);
        for (known, there, expected) in [
            (None, found("a", 0, None), Comparison::Begun(0)),
            (None, found("a", 60, Some(100)), Comparison::Begun(100)),
            // Emptied by its limits or by hand, of another log, or published again last.
            (None, found("a", 60, None), Comparison::Unknown),
            (Some(&as_told), found("a", 60, Some(99)), Comparison::AsLeft),
            (Some(&as_told), found("a", 60, None), Comparison::AsLeft),
            (Some(&as_told), found("a", 63, Some(105)), Comparison::Further(105)),
            // Somebody else's, or published again by hand.
            (Some(&as_told), found("a", 63, None), Comparison::AsLeft),
            (Some(&as_told), found("a", 40, Some(71)), Comparison::Shorter(71)),
            (Some(&as_told), found("a", 40, None), Comparison::Lost),
            (Some(&as_told), found("b", 0, None), Comparison::Lost),
            (Some(&as_told), found("b", 99, Some(100)), Comparison::Lost),
            (Some(&point(9, "", 0)), found("b", 0, None), Comparison::AsLeft),
        ] {
            assert_eq!(compare(known, &there), expected, "{known:?} {there:?}");
        }
    }
}
