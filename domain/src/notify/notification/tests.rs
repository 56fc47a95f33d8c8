//! The rules of notifications.

use super::*;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const GONE: UserId = UserId(Uuid::from_u128(2));
const NEWS: NotificationId = NotificationId(Uuid::from_u128(3));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

fn wanted() -> Request {
    Request {
        by: ANNA,
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        semantics: Semantics::AtMostOnce,
        channels: vec![Channel::Inbox],
        content: Content::Plain,
        details: Details::default(),
        audience: Audience::Users,
        user_ids: vec![ANNA],
        recipients: 1,
        due_at: NOON,
        expires_in: 3_600,
        schedule: None,
    }
}

fn delivery(user_id: UserId) -> (DeliveryId, delivery::Request) {
    let request = delivery::Request {
        user_id,
        channel: Channel::Inbox,
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        semantics: Semantics::AtMostOnce,
        content: Content::Plain,
        due_at: NOON,
        late_because: String::new(),
        expires_at: NOON.plus_seconds(3_600),
        notification_id: NEWS,
        cause: None,
        details: Details::default(),
        suppressed: None,
        before_sign_up: false,
    };
    (DeliveryId(user_id.0), request)
}

fn expand(run: u32, chunk: u32, end: Option<RunEnd>) -> Command {
    let deliveries = vec![delivery(ANNA), delivery(GONE)];
    Command::Expand(Expand { run, chunk, recipients: 2, deliveries, after: Some(GONE), end })
}

fn state(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
}

fn facts(given: &[Event], when: &Command) -> Result<Vec<&'static str>, Refusal> {
    let decision = decide(NEWS, &state(given), |user_id| user_id == GONE, when, NOON)?;
    Ok(decision.facts.iter().map(crate::Event::name).collect())
}

fn requested() -> Event {
    request(&wanted(), NOON).remove(0)
}

fn done(run: u32, chunk: u32, end: Option<RunEnd>) -> Event {
    Event::Expanded(Expanded { at: NOON, run, chunk, recipients: 2, after: Some(GONE), end })
}

#[test]
fn recipients_who_are_named_fit_into_facts() {
    let user_ids = (0..2_500).map(|number| UserId(Uuid::from_u128(number))).collect();
    let many = Command::Request(Box::new(Request { user_ids, ..wanted() }));
    let named = "notification.recipients_named.v1";
    assert_eq!(facts(&[], &many), Ok(vec!["notification.requested.v1", named, named, named]));
    assert_eq!(facts(&[requested()], &many), Err(Refusal::AlreadyExists));
    let longest = RecipientsNamed { user_ids: vec![GONE; NAMED_IN_ONE_FACT_MAX] };
    assert!(stored::json(&longest).len() < 60_000);
    assert_eq!(many.by(), Some(ANNA));
}

#[test]
fn a_chunk_is_one_decision_and_a_repeat_of_it_does_nothing() {
    let first = expand(1, 0, None);
    let once = vec!["delivery.requested.v1", "notification.expanded.v1"];
    assert_eq!(facts(&[requested()], &first), Ok(once.clone()), "who is gone gets nothing");
    assert_eq!(facts(&[requested(), done(1, 0, None)], &first), Ok(vec![]));
    assert_eq!(facts(&[requested(), done(1, 0, None)], &expand(1, 1, None)), Ok(once));
    assert_eq!(facts(&[requested()], &expand(1, 1, None)), Ok(vec![]), "none is left out");
    assert_eq!(facts(&[], &first), Err(Refusal::NotFound));
    assert_eq!(first.reads().people, [ANNA, GONE]);
}

#[test]
fn runs_follow_each_other_until_there_is_none() {
    let next_due_at = Some(NOON.plus_seconds(60));
    let given = [requested(), done(1, 0, Some(RunEnd { next_due_at }))];
    let State::Known(known) = state(&given) else { panic!("it was requested") };
    assert_eq!((known.run, known.chunk, known.due_at), (2, 0, next_due_at));
    assert_eq!(facts(&given, &expand(1, 1, None)), Ok(vec![]));
    assert_eq!(facts(&given, &expand(2, 0, None)).unwrap().len(), 2);
    let over = [requested(), done(1, 0, Some(RunEnd { next_due_at: None }))];
    assert_eq!(facts(&over, &expand(2, 0, None)), Ok(vec![]));
}

#[test]
fn nothing_is_named_after_it_was_called_off() {
    let cancel = Command::Cancel(Cancel { by: Some(ANNA) });
    assert_eq!(facts(&[requested()], &cancel), Ok(vec!["notification.cancelled.v1"]));
    let cancelled = Event::Cancelled(Cancelled { at: NOON, by: Some(ANNA) });
    assert_eq!(facts(&[requested(), cancelled.clone()], &cancel), Ok(vec![]));
    assert_eq!(facts(&[requested(), cancelled], &expand(1, 0, None)), Ok(vec![]));
    assert_eq!(facts(&[], &cancel), Err(Refusal::NotFound));
}
