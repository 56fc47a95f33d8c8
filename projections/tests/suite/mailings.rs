//! Runs of mailings take turns; deliveries are found and counted without a walk through all of them.

use crate::support::*;
use domain::delivery::{self, Content, Details};
use domain::mailing::{self, Audience, Plan, Saying, Texts};
use domain::notify::{CategoryKey, Channel, Kind, Semantics};
use domain::text::MailingName;
use domain::{DeliveryId, Event, MailingId, NotificationId, Personal, Timestamp, notification};
use projections::ProjectionId;
use projections::deliveries::{self, DeliveryFilter, NotificationFilter};
use projections::mailings::{self, Which};
use serde_json::Map;
use uuid::Uuid;

const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

fn mailing_id(number: u128) -> MailingId {
    MailingId(Uuid::from_u128(0xA000 + number))
}

fn run_id(number: u128) -> NotificationId {
    NotificationId(Uuid::from_u128(0xB000 + number))
}

fn drafted(number: u128) -> Event {
    let plan = Plan {
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        channels: vec![Channel::Email],
        saying: Saying::Plain,
        audience: Audience::default(),
        send_at: None,
        schedule: None,
        per_second_max: None,
        expires_in: 3_600,
    };
    let name = MailingName::parse("News").unwrap();
    let texts = Personal::Known(Texts::default());
    let drafted = mailing::Drafted { at: NOON, by: user_id(1), name, plan, texts };
    Event::Mailing(mailing_id(number), mailing::Event::Created(Box::new(drafted)))
}

fn started(number: u128, due_at: Timestamp) -> Event {
    Event::Mailing(mailing_id(number), mailing::Event::Started(mailing::Started { at: NOON, by: None, due_at }))
}

fn begun(number: u128) -> Event {
    let begun = mailing::RunBegun {
        at: NOON,
        run: 1,
        notification_id: run_id(number),
        due_at: NOON,
        category: CategoryKey::MARKETING,
        content: Content::Plain,
        author: user_id(1),
        fetched: Personal::Known(mailing::Fetched { variables: Map::new() }),
    };
    Event::Mailing(mailing_id(number), mailing::Event::RunBegun(begun))
}

fn frozen(number: u128, last: bool) -> Event {
    let notification_id = run_id(number);
    let frozen =
        mailing::AudienceFrozen { at: NOON, run: 1, chunk: 0, notification_id, recipients: 1, after: None, last };
    Event::Mailing(mailing_id(number), mailing::Event::AudienceFrozen(frozen))
}

fn paused(number: u128) -> Event {
    let stopped = mailing::Stopped { at: NOON, by: None, reason: None };
    Event::Mailing(mailing_id(number), mailing::Event::Paused(stopped))
}

#[tokio::test]
async fn every_run_has_its_turn() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None)]);
    for number in 1..=6 {
        world.append([drafted(number), started(number, NOON), begun(number), frozen(number, number == 6)]);
    }
    world.follow([paused(5), paused(6)]);
    let db = world.projections.database(ProjectionId::Mailings);
    let turn = async |which, after: Option<u128>, limit| {
        let runs = mailings::under_way(&db, which, after.map(mailing_id), limit).await.unwrap();
        runs.iter().map(|run| run.mailing_id.0.as_u128() - 0xA000).collect::<Vec<_>>()
    };
    assert_eq!(mailings::count_under_way(&db).await.unwrap(), 6);
    // Five is paused in the middle of its audience; of six there is nothing to do until it is resumed.
    assert_eq!(turn(Which::ToDo, None, 10).await, [1, 2, 3, 4, 5]);
    assert_eq!(turn(Which::Sending, None, 10).await, [1, 2, 3, 4]);
    assert_eq!(turn(Which::Sending, Some(2), 10).await, [3, 4, 1, 2], "each once, beginning behind the last one");
    assert_eq!(turn(Which::Sending, Some(4), 10).await, [1, 2, 3, 4]);
    assert_eq!(turn(Which::Sending, Some(9), 10).await, [1, 2, 3, 4], "the last one is over meanwhile");
    let (mut after, mut turns) = (None, Vec::new());
    for _ in 0..4 {
        let some = turn(Which::Sending, after, 3).await;
        after = some.last().copied();
        turns.extend(some);
    }
    assert_eq!(turns, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4]);
    world.assert_verified();
}

#[tokio::test]
async fn the_longest_due_begin_first_and_the_next_turn_is_behind_them() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None)]);
    for (number, seconds) in [(1, 3), (2, 1), (3, 1), (4, 60)] {
        world.append([drafted(number), started(number, NOON.plus_seconds(seconds))]);
    }
    world.projections.catch_up().unwrap();
    let db = world.projections.database(ProjectionId::Mailings);
    let turn = async |after, limit| {
        let due = mailings::due(&db, NOON.plus_seconds(10), after, limit).await.unwrap();
        let next = due.last().and_then(|last| Some((last.next_at?, last.mailing_id)));
        (due.iter().map(|one| one.mailing_id.0.as_u128() - 0xA000).collect::<Vec<_>>(), next)
    };
    let (all, _) = turn(None, 10).await;
    assert_eq!(all, [2, 3, 1], "one is not due yet");
    let (first, after) = turn(None, 1).await;
    let (second, after) = if first == [2] { turn(after, 1).await } else { panic!("{first:?}") };
    assert_eq!((second, turn(after, 5).await.0), (vec![3], vec![1]), "also of those that are due at the same time");
    assert_eq!(mailings::list(&db, None, None, 2).await.unwrap().len(), 2);
    let scheduled = mailings::list(&db, Some(mailing::Status::Scheduled), None, 9).await.unwrap();
    assert_eq!(scheduled.len(), 4, "by what the time was when they were started");
}

/// A delivery of a notification of its own, or of a run.
fn requested(number: u128, who: u128, category: CategoryKey, of: NotificationId) -> Event {
    let requested = delivery::Requested {
        at: NOON,
        user_id: user_id(who),
        channel: Channel::Email,
        category,
        kind: Kind::Marketing,
        semantics: Semantics::AtMostOnce,
        content: Content::Plain,
        due_at: NOON,
        expires_at: NOON.plus_seconds(3_600),
        notification_id: of,
        cause: None,
        details: Personal::Known(Details::default()),
    };
    to(number, delivery::Event::Requested(requested))
}

fn to(number: u128, event: delivery::Event) -> Event {
    Event::Delivery(DeliveryId(Uuid::from_u128(0xD000 + number)), event)
}

fn attempted(number: u128) -> Event {
    let (provider, node) = ("mx".to_owned(), "one".to_owned());
    to(number, delivery::Event::Attempted(delivery::Attempted { at: NOON, number: 1, provider, node, epoch: 1 }))
}

fn accepted(number: u128) -> Event {
    let detail = "250".to_owned();
    to(number, delivery::Event::Accepted(delivery::Accepted { at: NOON, number: 1, provider_id: None, detail }))
}

fn deferred(number: u128, until: Timestamp) -> Event {
    to(number, delivery::Event::Deferred(delivery::Deferred { at: NOON, until, reason: "retry".to_owned() }))
}

/// Five deliveries, each in another state.
fn with_deliveries() -> Option<World> {
    let mut world = World::new()?;
    world.append([signed_up(user_id(1), "Anna", None), signed_up(user_id(2), "Boris", None)]);
    let (ours, theirs) = (CategoryKey::MARKETING, CategoryKey::TRANSACTIONAL);
    world.append([
        requested(1, 1, ours.clone(), run_id(1)),
        requested(2, 2, ours.clone(), run_id(1)),
        requested(3, 1, theirs.clone(), run_id(2)),
        requested(4, 2, theirs, run_id(3)),
        requested(5, 2, ours, run_id(4)),
    ]);
    let at = NOON;
    world.follow([
        attempted(1),
        accepted(1),
        attempted(2),
        deferred(2, NOON.plus_seconds(60)),
        attempted(3),
        to(4, delivery::Event::Cancelled(delivery::Cancelled { at, by: None })),
    ]);
    Some(world)
}

#[tokio::test]
async fn deliveries_are_counted_as_they_change() {
    let Some(world) = with_deliveries() else { return };
    let db = world.projections.database(ProjectionId::Deliveries);
    let counts = deliveries::by_status(&db).await.unwrap();
    let mut counts = counts.iter().map(|(status, count)| (status.name(), *count)).collect::<Vec<_>>();
    counts.sort_unstable();
    assert_eq!(counts, [("accepted", 1), ("cancelled", 1), ("deferred", 1), ("requested", 1), ("sending", 1)]);
    let backlog = async |seconds| deliveries::backlog(&db, NOON.plus_seconds(seconds)).await.unwrap();
    assert_eq!((backlog(0).await, backlog(60).await, backlog(7_200).await), ((2, 1, 0), (2, 2, 0), (2, 2, 2)));
    world.assert_verified();
}

fn told(number: u128, event: notification::Event) -> Event {
    Event::Notification(run_id(number), event)
}

/// Everybody is to be told.
fn asked(number: u128) -> Event {
    let requested = notification::Requested {
        at: NOON,
        by: user_id(1),
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        semantics: Semantics::AtLeastOnce,
        channels: vec![Channel::Email],
        content: Content::Plain,
        audience: notification::Audience::All,
        due_at: NOON,
        expires_in: 3_600,
        schedule: None,
        details: Personal::Known(Details::default()),
    };
    told(number, notification::Event::Requested(Box::new(requested)))
}

#[tokio::test]
async fn what_waits_of_what_was_called_off_is_found_until_nothing_does() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None), signed_up(user_id(2), "Boris", None)]);
    let (at, later) = (NOON, NOON.plus_seconds(60));
    let ours = CategoryKey::MARKETING;
    world.append([asked(1), asked(2)]);
    world.append([
        requested(1, 1, ours.clone(), run_id(1)),
        requested(2, 2, ours.clone(), run_id(1)),
        requested(3, 1, ours, run_id(2)),
        attempted(1),
        told(1, notification::Event::Cancelled(notification::Cancelled { at, by: None })),
    ]);
    let found = async |world: &mut World, steps: Vec<Event>| {
        world.follow(steps);
        let db = world.projections.database(ProjectionId::Deliveries);
        let whole = deliveries::called_off(&db, 9).await.unwrap();
        let waiting = deliveries::waiting_of_notification(&db, run_id(1), 9).await.unwrap();
        let numbers = waiting.iter().map(|one| one.delivery_id.0.as_u128() - 0xD000).collect::<Vec<_>>();
        (whole.iter().map(|one| one.notification_id.0.as_u128() - 0xB000).collect::<Vec<_>>(), numbers)
    };
    assert_eq!(found(&mut world, vec![]).await, (vec![1], vec![2]), "of one an attempt goes on");
    let cancelled = |number| to(number, delivery::Event::Cancelled(delivery::Cancelled { at, by: None }));
    assert_eq!(found(&mut world, vec![cancelled(2)]).await, (vec![], vec![]));
    assert_eq!(found(&mut world, vec![deferred(1, later)]).await, (vec![1], vec![1]), "it was put off since");
    assert_eq!(found(&mut world, vec![cancelled(1)]).await, (vec![], vec![]));
    world.assert_verified();
}

#[tokio::test]
async fn what_an_operator_retries_is_sent_though_it_was_called_off_before_and_not_if_that_comes_after() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None)]);
    let (at, ours) = (NOON, CategoryKey::MARKETING);
    let dead = |number| to(number, delivery::Event::DeadLettered { at });
    let retried = |number| {
        let expires_at = at.plus_seconds(60);
        to(number, delivery::Event::Retried(delivery::Retried { at, by: None, expires_at }))
    };
    world.append([asked(1), requested(1, 1, ours.clone(), run_id(1)), requested(2, 1, ours, run_id(1))]);
    let called_off = told(1, notification::Event::Cancelled(notification::Cancelled { at, by: None }));
    // In one page of the log, and an event at a time.
    world.follow([dead(1), dead(2), retried(1), called_off, retried(2)]);
    world.assert_verified();
    let db = world.projections.database(ProjectionId::Deliveries);
    let numbers = |rows: Vec<deliveries::Delivery>| {
        rows.iter().map(|one| one.delivery_id.0.as_u128() - 0xD000).collect::<Vec<_>>()
    };
    assert_eq!(numbers(deliveries::due(&db, Channel::Email, at, 9).await.unwrap()), [2]);
    assert_eq!(numbers(deliveries::waiting_of_notification(&db, run_id(1), 9).await.unwrap()), [1]);
    assert_eq!(deliveries::called_off(&db, 9).await.unwrap().len(), 1);
    world.follow([to(1, delivery::Event::Cancelled(delivery::Cancelled { at, by: None }))]);
    assert_eq!(deliveries::called_off(&db, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_retried_before_its_mailing_was_called_off_is_called_off_with_it() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None)]);
    world.append([drafted(1), started(1, NOON), begun(1), requested(1, 1, CategoryKey::MARKETING, run_id(1))]);
    let expires_at = NOON.plus_seconds(60);
    let retried = || to(1, delivery::Event::Retried(delivery::Retried { at: NOON, by: None, expires_at }));
    let stopped = mailing::Stopped { at: NOON, by: None, reason: None };
    world.follow([retried(), Event::Mailing(mailing_id(1), mailing::Event::Cancelled(stopped))]);
    let db = world.projections.database(ProjectionId::Deliveries);
    let of_mailing = async || deliveries::retried_of_mailing(&db, mailing_id(1), 9).await.unwrap().len();
    let due = async || deliveries::due(&db, Channel::Email, NOON, 9).await.unwrap().len();
    assert_eq!((of_mailing().await, due().await), (1, 0));
    world.follow([retried()]);
    assert_eq!((of_mailing().await, due().await), (0, 1), "an operator wants it all the same");
    world.assert_verified();
}

#[tokio::test]
async fn pages_of_one_step_and_of_many_make_the_same_rows() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None), signed_up(user_id(2), "Boris", None)]);
    let (at, later) = (NOON, NOON.plus_seconds(60));
    let fault = || delivery::Fault { phase: "rcpt".to_owned(), code: Some(451), detail: "later".to_owned() };
    let again = |number| {
        let (provider, node) = ("mx".to_owned(), "one".to_owned());
        to(1, delivery::Event::Attempted(delivery::Attempted { at, number, provider, node, epoch: 3 }))
    };
    let steps = [
        requested(1, 1, CategoryKey::MARKETING, run_id(1)),
        requested(2, 2, CategoryKey::MARKETING, run_id(1)),
        again(1),
        to(1, delivery::Event::Refused(delivery::Refused { at, number: 1, permanent: false, fault: fault() })),
        deferred(1, later),
        to(2, delivery::Event::Cancelled(delivery::Cancelled { at, by: None })),
        again(2),
        to(1, delivery::Event::AttemptUnknown(delivery::Unknown { at, number: 2, fault: fault() })),
        to(1, delivery::Event::DeadLettered { at }),
        to(1, delivery::Event::Retried(delivery::Retried { at, by: None, expires_at: later })),
        again(3),
        accepted(1),
    ];
    for step in steps {
        world.follow([step]);
        // It folds the whole log in one page.
        world.assert_verified();
    }
    let db = world.projections.database(ProjectionId::Deliveries);
    let one = deliveries::delivery(&db, DeliveryId(Uuid::from_u128(0xD001))).await.unwrap().unwrap();
    assert_eq!((one.status, one.attempts, one.due_at), (delivery::Status::Accepted, 3, at));
    let history = deliveries::steps(&db, one.delivery_id).await.unwrap();
    let history = history.iter().map(|step| step.status.name()).collect::<Vec<_>>().join(" ");
    let expected = "requested sending refused deferred sending unknown dead-lettered scheduled sending accepted";
    assert_eq!(history, expected);
    let counts = deliveries::counts(&db, run_id(1)).await.unwrap();
    assert_eq!(counts, [(delivery::Status::Accepted, 1), (delivery::Status::Cancelled, 1)]);
}

#[tokio::test]
async fn deliveries_are_found_by_whatever_is_asked() {
    let Some(world) = with_deliveries() else { return };
    let db = world.projections.database(ProjectionId::Deliveries);
    let by_status = |name: &str| delivery::Status::parse(name);
    let (anna, boris) = (Some(user_id(1)), Some(user_id(2)));
    for (status, who, category, expected) in [
        (None, None, None, vec![5, 4, 3, 2, 1]),
        (None, None, Some("marketing"), vec![5, 2, 1]),
        (by_status("accepted"), None, None, vec![1]),
        (by_status("accepted"), None, Some("transactional"), vec![]),
        (by_status("deferred"), None, Some("marketing"), vec![2]),
        (None, anna, None, vec![3, 1]),
        (by_status("sending"), anna, None, vec![3]),
        (None, boris, Some("marketing"), vec![5, 2]),
        (by_status("requested"), boris, Some("marketing"), vec![5]),
    ] {
        let filter = DeliveryFilter { status, user_id: who, category };
        let whole = deliveries::list(&db, filter, None, 9).await.unwrap();
        let numbers = whole.iter().map(|one| one.delivery_id.0.as_u128() - 0xD000).collect::<Vec<_>>();
        assert_eq!(numbers, expected, "{filter:?}");
        let (mut before, mut paged) = (None, Vec::new());
        while let [one] = deliveries::list(&db, filter, before, 1).await.unwrap().as_slice() {
            before = Some(one.position);
            paged.push(one.delivery_id);
        }
        assert_eq!(paged, whole.iter().map(|one| one.delivery_id).collect::<Vec<_>>(), "{filter:?}");
    }
}

#[tokio::test]
async fn notifications_are_found_by_whatever_is_asked() {
    let Some(world) = with_deliveries() else { return };
    let db = world.projections.database(ProjectionId::Deliveries);
    let by_status = |name: &str| delivery::Status::parse(name);
    let (anna, boris) = (Some(user_id(1)), Some(user_id(2)));
    for (status, who, category, expected) in [
        (None, None, None, vec![4, 3, 2, 1]),
        (None, None, Some("transactional"), vec![3, 2]),
        (by_status("cancelled"), None, None, vec![3]),
        (by_status("deferred"), None, Some("transactional"), vec![]),
        (by_status("accepted"), None, Some("marketing"), vec![1]),
        (None, anna, None, vec![2, 1]),
        (by_status("deferred"), boris, None, vec![1]),
        (None, boris, Some("transactional"), vec![3]),
    ] {
        let filter = NotificationFilter { status, user_id: who, category };
        let whole = deliveries::notifications(&db, filter, None, 9).await.unwrap();
        let numbers = whole.iter().map(|one| one.notification_id.0.as_u128() - 0xB000).collect::<Vec<_>>();
        assert_eq!(numbers, expected, "{filter:?}");
        let (mut before, mut paged) = (None, Vec::new());
        while let [one] = deliveries::notifications(&db, filter, before, 1).await.unwrap().as_slice() {
            before = Some(one.position);
            paged.push(one.notification_id);
        }
        assert_eq!(paged, whole.iter().map(|one| one.notification_id).collect::<Vec<_>>(), "{filter:?}");
    }
    let of_run = async |status| {
        let rows = deliveries::in_state(&db, run_id(1), status, 0, 9).await.unwrap();
        rows.iter().map(|one| one.delivery_id.0.as_u128() - 0xD000).collect::<Vec<_>>()
    };
    assert_eq!((of_run(None).await, of_run(by_status("deferred")).await), (vec![1, 2], vec![2]));
}
