//! When runs are due.

use super::*;
use domain::Timestamp;
use domain::mailing::{Audience, Plan, Saying};
use domain::notification::Schedule;
use domain::notify::{CategoryKey, Channel, Kind};

/// 2027-01-15, 8 in the morning in UTC.
const EIGHT: Timestamp = Timestamp(1_800_000_000_000_000);

fn plan(send_at: Option<Timestamp>, cron: Option<&str>) -> Plan {
    let schedule = cron.map(|cron| Schedule { cron: cron.to_owned(), time_zone: "UTC".to_owned() });
    Plan {
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        channels: vec![Channel::Email],
        saying: Saying::Plain,
        audience: Audience::default(),
        send_at,
        schedule,
        per_second_max: None,
        expires_in: 3_600,
    }
}

fn hours(number: i64) -> Timestamp {
    EIGHT.plus_seconds(number * 3_600)
}

#[test]
fn the_first_run_is_at_once_or_when_the_plan_says() {
    assert_eq!(first_due_at(&plan(None, None), EIGHT), Some(EIGHT));
    assert_eq!(first_due_at(&plan(Some(hours(2)), None), EIGHT), Some(hours(2)));
    assert_eq!(first_due_at(&plan(Some(hours(-2)), None), EIGHT), Some(EIGHT), "not before it is started");
    assert_eq!(first_due_at(&plan(None, Some("0 9 * * *")), EIGHT), Some(hours(1)));
    assert_eq!(first_due_at(&plan(None, Some("0 9 30 2 *")), EIGHT), None);
}

#[test]
fn what_came_due_during_a_pause_is_passed_over_by_a_schedule_and_late_otherwise() {
    let (once, daily) = (plan(Some(hours(1)), None), plan(None, Some("0 9 * * *")));
    // Paused at 8, due at 9 of that day or another, resumed so many hours later.
    for (plan, due_at, resumed_at, expected) in [
        (&once, 1, 0, 1),
        (&once, 1, 30, 1),
        (&daily, 1, 0, 1),
        (&daily, 1, 2, 25),
        (&daily, 1, 24 * 7, 24 * 7 + 1),
        (&daily, 49, 2, 49),
        // It was due before, and could not begin: somebody has looked.
        (&once, -1, 2, -1),
        (&daily, 0, 2, 0),
    ] {
        let due = resumed_due_at(plan, Some(hours(due_at)), EIGHT, hours(resumed_at));
        assert_eq!(due, hours(expected), "due {due_at} h, resumed {resumed_at} h after the pause");
    }
    assert_eq!(resumed_due_at(&once, None, EIGHT, hours(2)), hours(2));
}
