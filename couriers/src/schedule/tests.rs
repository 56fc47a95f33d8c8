//! Both nights on which clocks are changed, held against another library with another copy of the zones.

use super::*;
use chrono::{Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Timelike, Utc};
use chrono_tz::Tz;
use domain::UserId;
use domain::notify::quiet::{Day, Window};
use proptest::prelude::*;
use std::time::Duration;
use uuid::Uuid;

/// Zones whose clocks are changed by an hour, by half an hour, at midnight, in the other half of the year, and never.
const ZONES: [Tz; 8] = [
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::Australia__Lord_Howe,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Australia__Sydney,
    Tz::Asia__Kathmandu,
    Tz::UTC,
];

/// Seconds around the changes of 2026 in all of these zones: the whole year, with the days of the changes more often.
fn instants() -> impl Strategy<Value = i64> {
    const YEAR: i64 = 1_767_225_600;
    // 29 March, 25 October (Berlin), 8 March, 1 November (New York), 5 April, 4 October (Lord Howe, Sydney), 24 April,
    // 29 October (Cairo), 5 April, 6 September (Santiago).
    let changes = [87, 297, 66, 304, 94, 276, 113, 301, 248].map(|day| YEAR + day * 86_400);
    let near = (0..changes.len(), -86_400_i64..2 * 86_400).prop_map(move |(change, offset)| changes[change] + offset);
    prop_oneof![3 => near, 1 => YEAR..YEAR + 365 * 86_400]
}

fn seconds(at: Timestamp) -> i64 {
    assert_eq!(at.0 % 1_000_000, 0);
    at.0 / 1_000_000
}

fn of(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

/// The instant of a local time: the first one at which the clock shows it or a later time.
fn by_chrono(zone: Tz, local: NaiveDateTime) -> i64 {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => at.timestamp(),
        LocalResult::Ambiguous(first, _) => first.timestamp(),
        LocalResult::None => {
            let shown = |second: i64| zone.from_utc_datetime(&Utc.timestamp_opt(second, 0).unwrap().naive_utc());
            // No zone is more than a day from UTC. The change is searched for in halves.
            let middle = local.and_utc().timestamp();
            let (mut before, mut behind) = (middle - 86_400, middle + 86_400);
            while behind - before > 1 {
                let half = before + (behind - before) / 2;
                if shown(half).naive_local() >= local { behind = half } else { before = half }
            }
            behind
        }
    }
}

fn days() -> impl Strategy<Value = Vec<Day>> {
    proptest::sample::subsequence(Day::ALL.to_vec(), 1..=7)
}

/// In steps of a quarter of an hour, so that windows touch and meet changes.
fn times() -> impl Strategy<Value = String> {
    (0..96_u32).prop_map(|quarter| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15))
}

fn windows() -> impl Strategy<Value = Vec<Window>> {
    let window = (days(), times(), times())
        .prop_map(|(days, from, to)| Window::parse(days.into_iter().map(Day::name), &from, &to).unwrap());
    proptest::collection::vec(window, 0..4)
}

/// From when to when each window is, of every day near an instant.
fn all_bounds(windows: &[Window], zone: Tz, at: i64) -> Vec<(i64, i64)> {
    let today = zone.from_utc_datetime(&Utc.timestamp_opt(at, 0).unwrap().naive_utc()).date_naive();
    let mut bounds = Vec::new();
    for window in windows {
        for date in (-3..=10).map(|offset| today + TimeDelta::days(offset)) {
            let day = Day::ALL[date.weekday().num_days_from_monday() as usize];
            if window.days.contains(&day) {
                let last = if window.to <= window.from { date + TimeDelta::days(1) } else { date };
                let instant = |date: NaiveDate, time: String| {
                    let midnight = date.and_time(NaiveTime::MIN);
                    let (hours, minutes) = time.split_once(':').unwrap();
                    let since = TimeDelta::hours(hours.parse().unwrap()) + TimeDelta::minutes(minutes.parse().unwrap());
                    by_chrono(zone, midnight + since)
                };
                bounds.push((instant(date, window.from.to_string()), instant(last, window.to.to_string())));
            }
        }
    }
    bounds
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn quiet_hours_end_where_the_other_library_says(
        zone in proptest::sample::select(ZONES.to_vec()),
        windows in windows(),
        at in instants(),
        person in any::<u128>(),
    ) {
        let bounds = all_bounds(&windows, zone, at);
        let is_quiet = |at: i64| bounds.iter().any(|(from, to)| (*from..*to).contains(&at));
        let latest = at + WAIT_DAYS_MAX * 86_400;
        let mut end = at;
        while end < latest && is_quiet(end) {
            end = bounds.iter().filter(|(from, to)| (*from..*to).contains(&end)).map(|(_, to)| *to).max().unwrap();
        }
        let end = end.min(latest);
        let released = release(&windows, zone.name(), of(at), UserId(Uuid::from_u128(person))).map(seconds);
        prop_assert_eq!(released.is_some(), is_quiet(at));
        if let Some(released) = released {
            let jitter = released - end;
            prop_assert!((0..=i64::from(JITTER_SECONDS_MAX)).contains(&jitter), "{} s behind the end", jitter);
            prop_assert!(jitter == 0 || !is_quiet(released), "the next window has begun");
        }
    }

    #[test]
    fn a_daily_run_is_where_the_other_library_says(
        zone in proptest::sample::select(ZONES.to_vec()),
        (hour, minute) in (0..24_u32, 0..60_u32),
        at in instants(),
    ) {
        let cron = Cron::parse(&format!("{minute} {hour} * * *"), zone.name(), of(at)).unwrap();
        let today = zone.from_utc_datetime(&Utc.timestamp_opt(at, 0).unwrap().naive_utc()).date_naive();
        let expected = (-1..20)
            .map(|offset| by_chrono(zone, (today + TimeDelta::days(offset)).and_hms_opt(hour, minute, 0).unwrap()))
            .filter(|run| *run > at)
            .take(10)
            .collect::<Vec<_>>();
        let runs = next_runs(&cron, of(at), 10).into_iter().map(seconds).collect::<Vec<_>>();
        prop_assert_eq!(runs, expected);
    }

    #[test]
    fn a_repeating_run_is_at_every_instant_at_which_the_clock_shows_it(
        zone in proptest::sample::select(ZONES.to_vec()),
        step in proptest::sample::select(vec![5_u32, 10, 15, 20, 30]),
        at in instants(),
    ) {
        let cron = Cron::parse(&format!("*/{step} * * * *"), zone.name(), of(at)).unwrap();
        let shows = |second: i64| {
            let shown = zone.from_utc_datetime(&Utc.timestamp_opt(second, 0).unwrap().naive_utc());
            shown.minute().is_multiple_of(step)
        };
        // In all of these zones minutes are whole.
        let minutes = (at.div_euclid(60) + 1..).map(|minute| minute * 60);
        let expected = minutes.filter(|second| shows(*second)).take(10).collect::<Vec<_>>();
        let runs = next_runs(&cron, of(at), 10).into_iter().map(seconds).collect::<Vec<_>>();
        prop_assert_eq!(runs, expected);
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn runs(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(text, zone, at(after)).unwrap();
    let local =
        |run: Timestamp| super::of_jiff(run).unwrap().to_zoned(super::zone(zone)).strftime("%d %H:%M%:z").to_string();
    next_runs(&cron, at(after), count).into_iter().map(local).collect()
}

#[test]
fn a_local_time_that_does_not_exist_runs_at_the_first_instant_behind_the_gap() {
    let gap = "2026-03-28T12:00:00Z";
    assert_eq!(runs("30 2 * * *", "Europe/Berlin", gap, 2), ["29 03:00+02:00", "30 02:30+02:00"]);
    // Also where there are several times of day; those that meet are one run.
    let several = ["29 01:45+01:00", "29 03:00+02:00", "29 03:15+02:00"];
    assert_eq!(runs("15,45 1-3 * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", 3), several);
    let repeating = ["29 01:30+01:00", "29 03:00+02:00", "29 03:30+02:00"];
    assert_eq!(runs("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:10:00Z", 3), repeating);
    assert_eq!(runs("*/30 2 * * *", "Europe/Berlin", gap, 1), ["30 02:00+02:00"]);
}

#[test]
fn a_local_time_that_exists_twice_runs_once() {
    let fold = "2026-10-24T12:00:00Z";
    assert_eq!(runs("30 2 * * *", "Europe/Berlin", fold, 2), ["25 02:30+02:00", "26 02:30+01:00"]);
    let several = ["25 02:10+02:00", "25 02:50+02:00", "26 02:10+01:00"];
    assert_eq!(runs("10,50 2 * * *", "Europe/Berlin", fold, 3), several);
    // Asked for between the first and the second time.
    assert_eq!(runs("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", 1), ["26 02:30+01:00"]);
}

#[test]
fn what_is_no_schedule_is_refused() {
    let fault = |text: &str, zone: &str| Cron::parse(text, zone, at("2026-01-01T00:00:00Z")).unwrap_err();
    let long = format!("{} * * * *", "1,".repeat(200));
    for bad in ["", "* * * *", "* * * * * * *", "61 * * * *", "a b c d e", "@daily", "* * * * * 2026", &long] {
        assert_eq!(fault(bad, "UTC"), CronFault::Malformed, "{bad}");
    }
    assert_eq!(fault("0 9 * * *", "Mars/Olympus"), CronFault::Zone);
    assert_eq!(fault("0 0 30 2 *", "UTC"), CronFault::Never);
    for good in ["0 9 * * mon-fri", "0 0 L * *", "*/10 * * * * *", "0 9 29 2 *", "  0  9 * * 7 "] {
        assert!(Cron::parse(good, "europe/berlin", at("2026-01-01T00:00:00Z")).is_ok(), "{good}");
    }
}

#[test]
fn a_missed_run_is_left_out_or_made_up_for_once() {
    let grace = Duration::from_secs(300);
    let cron = Cron::parse("0 * * * *", "UTC", at("2026-01-01T00:00:00Z")).unwrap();
    let due = |misfire, now| cron.due(at("2026-01-01T00:30:00Z"), at(now), misfire, grace);
    let (two, six) = (at("2026-01-01T01:00:00Z"), at("2026-01-01T06:00:00Z"));
    for misfire in [Misfire::Skip, Misfire::Once] {
        assert_eq!(due(misfire, "2026-01-01T00:59:59Z"), None);
        assert_eq!(due(misfire, "2026-01-01T01:05:00Z"), Some(Run::Due(two)));
        assert_eq!(due(misfire, "2026-01-01T06:04:00Z"), Some(Run::Due(six)), "the others are late, this one is not");
    }
    assert_eq!(due(Misfire::Skip, "2026-01-01T06:30:00Z"), Some(Run::Skipped(six)));
    assert_eq!(due(Misfire::Once, "2026-01-01T06:30:00Z"), Some(Run::Due(six)));
}

#[test]
fn a_person_is_told_at_the_same_time_each_time_and_not_everybody_at_once() {
    let night = [Window::parse(Day::ALL.iter().map(|day| day.name()), "22:00", "07:00").unwrap()];
    let released = |person: u128| {
        let released = release(&night, "Europe/Berlin", at("2026-03-28T23:00:00Z"), UserId(Uuid::from_u128(person)));
        seconds(released.unwrap()) - seconds(at("2026-03-29T05:00:00Z"))
    };
    let all = (0..2_000).map(released).collect::<Vec<_>>();
    assert!(all.iter().all(|behind| (0..=600).contains(behind)));
    assert!(all.iter().collect::<std::collections::BTreeSet<_>>().len() > 500);
    assert_eq!(all, (0..2_000).map(released).collect::<Vec<_>>());
}

#[test]
fn quiet_hours_without_an_end_are_waited_for_a_week() {
    let always = [Window::parse(Day::ALL.iter().map(|day| day.name()), "00:00", "24:00").unwrap()];
    let begin = at("2026-03-28T23:00:00Z");
    let released = release(&always, "Europe/Berlin", begin, UserId(Uuid::nil()));
    assert_eq!(released, Some(begin.plus_seconds(WAIT_DAYS_MAX * 86_400)));
    assert_eq!(release(&[], "Europe/Berlin", begin, UserId(Uuid::nil())), None);
    // A zone that nobody knows any more counts as UTC.
    let night = [Window::parse(["sat"], "22:00", "23:30").unwrap()];
    let released = release(&night, "Mars/Olympus", begin, UserId(Uuid::nil()));
    assert_eq!(released, Some(at("2026-03-28T23:30:00Z")));
}
