//! How the stream stands to what the relay remembers: after a start, and after anything went wrong.

use crate::checkpoint::Point;
use crate::publisher::Found;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
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
pub(crate) fn compare(known: Option<&Point>, found: &Found) -> Standing {
    let last = found.last.map(|last| last.position);
    let Some(point) = known else {
        return match (last, found.sequence) {
            (Some(last), _) => Standing::Begun(last),
            (None, 0) => Standing::Begun(0),
            (None, _) => Standing::Unknown,
        };
    };
    if point.stream_made != found.made {
        return if point.sequence > 0 { Standing::Lost } else { Standing::AsLeft };
    }
    match last {
        Some(last) if found.sequence > point.sequence && last > point.position => Standing::Further(last),
        Some(last) if found.sequence < point.sequence && last < point.position => Standing::Shorter(last),
        Some(_) | None if found.sequence < point.sequence => Standing::Lost,
        Some(_) | None => Standing::AsLeft,
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

    fn found(made: &str, sequence: u64, last: Option<u64>) -> Found {
        let last = last.map(|position| Last { position, event_id: Uuid::nil() });
        Found { made: made.to_owned(), sequence, last }
    }

    #[test]
    fn what_is_to_be_done_follows_from_both() {
        let as_told = point(100, "a", 60);
        for (known, there, expected) in [
            (None, found("a", 0, None), Standing::Begun(0)),
            (None, found("a", 60, Some(100)), Standing::Begun(100)),
            // Emptied by its limits or by hand, of another log, or published again last.
            (None, found("a", 60, None), Standing::Unknown),
            (Some(&as_told), found("a", 60, Some(99)), Standing::AsLeft),
            (Some(&as_told), found("a", 60, None), Standing::AsLeft),
            (Some(&as_told), found("a", 63, Some(105)), Standing::Further(105)),
            // Somebody else's, or published again by hand.
            (Some(&as_told), found("a", 63, None), Standing::AsLeft),
            (Some(&as_told), found("a", 40, Some(71)), Standing::Shorter(71)),
            (Some(&as_told), found("a", 40, None), Standing::Lost),
            (Some(&as_told), found("b", 0, None), Standing::Lost),
            (Some(&as_told), found("b", 99, Some(100)), Standing::Lost),
            (Some(&point(9, "", 0)), found("b", 0, None), Standing::AsLeft),
        ] {
            assert_eq!(compare(known, &there), expected, "{known:?} {there:?}");
        }
    }
}
