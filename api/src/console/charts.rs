//! Small pictures of the last day, drawn here as SVG: figures over time, a line each.

use super::words::Words;
use state::{FigureMinute, MINUTES_KEPT};
use std::fmt::Write;

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// What of a picture is for the numbers at its edge.
const EDGE: f64 = 14.0;
/// Classes of lines, in their order.
const LOOKS: [&str; 3] = ["a", "b", "c"];

/// A picture of the last day.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// The highest value.
    pub(super) most: u64,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) title: &'static str,
    pub(super) look: &'static str,
    /// As an SVG path.
    pub(super) path: String,
}

/// The pictures of the overview; none while there are not two minutes to join.
pub(super) fn of_day(words: &Words, minutes: &[FigureMinute]) -> Vec<Chart> {
    let Some(last) = minutes.last().filter(|_| minutes.len() > 1).map(|last| last.minute) else { return Vec::new() };
    let each = |value: fn(&FigureMinute) -> u64| minutes.iter().map(|one| (one.minute, value(one))).collect::<Vec<_>>();
    let grown = |value: fn(&FigureMinute) -> u64| {
        let pairs = minutes.windows(2).map(|pair| {
            let apart = (pair[1].minute - pair[0].minute).max(1);
            (pair[1].minute, value(&pair[1]).saturating_sub(value(&pair[0])) / apart)
        });
        pairs.collect::<Vec<_>>()
    };
    vec![
        chart(words.chart_appends, last, &[(words.appends, grown(|one| one.head))]),
        chart(words.chart_lag, last, &[(words.lag_seconds, each(|one| one.lag_seconds))]),
        chart(
            words.chart_deliveries,
            last,
            &[
                (words.deliveries_waiting, each(|one| one.waiting)),
                (words.deliveries_failed, grown(|one| one.failed)),
                (words.deliveries_accepted, grown(|one| one.accepted)),
            ],
        ),
    ]
}

fn chart(title: &'static str, last: u64, lines: &[(&'static str, Vec<(u64, u64)>)]) -> Chart {
    let most = lines.iter().flat_map(|(_, points)| points).map(|(_, value)| *value).max().unwrap_or_default();
    let lines = lines.iter().zip(LOOKS);
    let lines = lines.map(|((title, points), look)| Line { title, look, path: path(points, last, most) });
    Chart { title, most, lines: lines.collect() }
}

/// A line through the points; where minutes are missing it is broken.
fn path(points: &[(u64, u64)], last: u64, most: u64) -> String {
    let mut path = String::with_capacity(points.len() * 12);
    let mut before = None;
    for (minute, value) in points {
        let x = WIDTH - (last - minute) as f64 * WIDTH / MINUTES_KEPT as f64;
        let y = HEIGHT - EDGE - (*value as f64 / most.max(1) as f64) * (HEIGHT - 2.0 * EDGE);
        let joins = before.is_some_and(|before: u64| minute - before <= 2);
        // Writing into a string does not fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if joins { 'L' } else { 'M' });
        before = Some(*minute);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::notify::Language;

    fn minute(minute: u64, head: u64, lag_seconds: u64) -> FigureMinute {
        FigureMinute { minute, head, lag_seconds, ..FigureMinute::default() }
    }

    #[test]
    fn growth_and_levels_are_drawn_from_the_right_edge() {
        let words = Words::in_language(Language::En);
        let charts = of_day(words, &[minute(100, 10, 0), minute(101, 30, 4), minute(102, 30, 0), minute(110, 110, 2)]);
        assert_eq!(charts.iter().map(|chart| chart.most).collect::<Vec<_>>(), [20, 4, 0]);
        let lag = &charts[1].lines[0].path;
        assert_eq!(lag.matches('M').count(), 2, "a gap breaks the line: {lag}");
        assert!(lag.ends_with("M600.0 60.0"), "{lag}");
    }

    #[test]
    fn one_minute_is_no_picture() {
        assert!(of_day(Words::in_language(Language::Ru), &[minute(100, 10, 0)]).is_empty());
    }
}
