//! The rules of deliveries.

use super::*;
use crate::notify::category::{CategoryKey, Channel, Kind};
use crate::text::UserName;
use crate::{NotificationId, UserId};
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const MAIL: DeliveryId = DeliveryId(Uuid::from_u128(3));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);
const DAY: i64 = 24 * 3_600;

fn account() -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    user::evolve(ANNA, &mut state, &user::Event::SignedUp(user::SignedUp { at: NOON, personal }));
    state
}

fn wanted() -> Request {
    Request {
        user_id: ANNA,
        channel: Channel::Email,
        category: CategoryKey::SECURITY,
        kind: Kind::Security,
        semantics: Semantics::AtLeastOnce,
        content: Content::BuiltIn { template: "security.password-changed".to_owned() },
        due_at: NOON,
        late_because: "schedule".to_owned(),
        expires_at: NOON.plus_seconds(DAY),
        notification_id: NotificationId(Uuid::from_u128(4)),
        cause: None,
        details: Details::default(),
        suppressed: None,
        before_sign_up: false,
    }
}

fn requested() -> Event {
    Event::Requested(wanted().requested(NOON))
}

fn requested_once() -> Event {
    Event::Requested(Request { semantics: Semantics::AtMostOnce, ..wanted() }.requested(NOON))
}

fn attempted(number: u32, epoch: u64) -> Event {
    let (provider, node) = ("mail.example.org".to_owned(), "one".to_owned());
    Event::Attempted(Attempted { at: NOON, number, provider, node, epoch })
}

fn fault() -> Fault {
    Fault { phase: "rcpt".to_owned(), code: Some(451), detail: "try again later".to_owned() }
}

fn try_it(epoch: u64) -> Command {
    Command::Attempt(Attempt { provider: "mail.example.org".to_owned(), node: "one".to_owned(), epoch, mailing: None })
}

fn end(attempt: u32, end: Ended) -> Command {
    Command::EndAttempt(EndAttempt { attempt, end })
}

fn accepted() -> Ended {
    Ended::Accepted { provider_id: None, detail: "250 2.0.0 Ok".to_owned() }
}

fn decided(given: &[Event], when: &Command, at: Timestamp) -> Result<Decision, Refusal> {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    decide(MAIL, &state, &account(), &mailing::State::Absent, when, at)
}

/// The names of the facts that follow, and how far the delivery is with them.
#[track_caller]
fn check(given: &[Event], when: &Command, then: Result<(&[&str], Status), Refusal>) {
    check_at(NOON, given, when, then);
}

#[track_caller]
fn check_at(at: Timestamp, given: &[Event], when: &Command, then: Result<(&[&str], Status), Refusal>) {
    let decision = decided(given, when, at);
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    let follows = decision.map(|decision| {
        let names = decision.facts.iter().map(crate::Event::name).collect::<Vec<_>>();
        for fact in &decision.facts {
            let crate::Event::Delivery(MAIL, event) = fact else { panic!("of another stream: {fact:?}") };
            evolve(&mut state, event);
        }
        let State::Known(delivery) = &state else { panic!("there is none") };
        (names, delivery.status)
    });
    assert_eq!(follows, then.map(|(names, status)| (names.to_vec(), status)), "given {given:?}, when {when:?}");
}

#[test]
fn a_delivery_is_requested_once_and_explains_why_it_is_not_sent() {
    check(&[], &Command::Request(Box::new(wanted())), Ok((&["delivery.requested.v1"], Status::Requested)));
    check(&[requested()], &Command::Request(Box::new(wanted())), Ok((&[], Status::Requested)));
    let later = Request { due_at: NOON.plus_seconds(60), ..wanted() };
    check(&[], &Command::Request(Box::new(later)), Ok((&["delivery.requested.v1"], Status::Scheduled)));
    let silent = Request { suppressed: Some("switched-off".to_owned()), ..wanted() };
    let facts: &[&str] = &["delivery.requested.v1", "delivery.suppressed.v1"];
    check(&[], &Command::Request(Box::new(silent)), Ok((facts, Status::Suppressed)));
    let too_late = Request { due_at: NOON.plus_seconds(DAY), ..wanted() };
    let facts: &[&str] = &["delivery.requested.v1", "delivery.expired.v1"];
    check(&[], &Command::Request(Box::new(too_late)), Ok((facts, Status::Expired)));
}

#[test]
fn nothing_is_written_for_those_who_are_gone() {
    let request = Command::Request(Box::new(wanted()));
    for (user, before_sign_up, written) in [
        (user::State::Erased, false, 0),
        (user::State::Erased, true, 0),
        (user::State::Absent, false, 0),
        (user::State::Absent, true, 1),
    ] {
        let request = Command::Request(Box::new(Request { before_sign_up, ..wanted() }));
        let decision = decide(MAIL, &State::Absent, &user, &mailing::State::Absent, &request, NOON).unwrap();
        assert_eq!(decision.facts.len(), written, "{user:?}");
    }
    assert_eq!(request.reads().user, Some(ANNA));
}

#[test]
fn the_intent_is_written_once_and_not_too_early_and_not_too_late() {
    check(&[requested()], &try_it(1), Ok((&["delivery.attempted.v1"], Status::Sending)));
    let decision = decided(&[requested()], &try_it(1), NOON).unwrap();
    assert_eq!(decision.outcome, Outcome::Sending { attempt: 1 });
    check(&[requested(), attempted(1, 1)], &try_it(1), Err(Refusal::WrongState));
    check(&[requested(), attempted(1, 1)], &try_it(2), Err(Refusal::WrongState));
    check_at(NOON.plus_seconds(-1), &[requested()], &try_it(1), Err(Refusal::NotDue));
    let late = NOON.plus_seconds(DAY);
    check_at(late, &[requested()], &try_it(1), Ok((&["delivery.expired.v1"], Status::Expired)));
    check(&[], &try_it(1), Err(Refusal::NotFound));
}

#[test]
fn a_dispatcher_that_was_taken_over_begins_nothing() {
    let deferred = Event::Deferred(Deferred { at: NOON, until: NOON, reason: "retry".to_owned() });
    let given = [requested(), attempted(1, 7), deferred];
    check(&given, &try_it(6), Err(Refusal::TakenOver));
    check(&given, &try_it(7), Ok((&["delivery.attempted.v1"], Status::Sending)));
}

#[test]
fn an_attempt_ends_as_the_provider_says() {
    let given = [requested(), attempted(1, 1)];
    check(&given, &end(1, accepted()), Ok((&["delivery.accepted.v1"], Status::Accepted)));
    let postponed = |next_provider_at| Ended::Postponed { fault: fault(), next_provider_at };
    let facts: &[&str] = &["delivery.refused.v1", "delivery.deferred.v1"];
    check(&given, &end(1, postponed(None)), Ok((facts, Status::Deferred)));
    let at_once = decided(&given, &end(1, postponed(Some(NOON))), NOON).unwrap();
    let until = |decision: &Decision| {
        let crate::Event::Delivery(_, Event::Deferred(deferred)) = &decision.facts[1] else { panic!("{decision:?}") };
        deferred.until
    };
    assert_eq!(until(&at_once), NOON, "another provider is tried at once");
    let rested = decided(&given, &end(1, postponed(None)), NOON).unwrap();
    assert!(until(&rested) >= NOON.plus_seconds(30) && until(&rested) <= NOON.plus_seconds(60), "within a minute");
    let facts: &[&str] = &["delivery.refused.v1", "delivery.failed.v1"];
    check(&given, &end(1, Ended::Rejected { fault: fault() }), Ok((facts, Status::Failed)));
    check(&given, &end(2, accepted()), Err(Refusal::TakenOver));
    check(&[requested()], &end(0, accepted()), Err(Refusal::WrongState));
}

#[test]
fn attempts_end_with_the_deadline() {
    let given = [requested(), attempted(1, 1)];
    let postponed = end(1, Ended::Postponed { fault: fault(), next_provider_at: None });
    let facts: &[&str] = &["delivery.refused.v1", "delivery.dead_lettered.v1"];
    check_at(NOON.plus_seconds(DAY - 10), &given, &postponed, Ok((facts, Status::DeadLettered)));
    let given = [requested(), attempted(ATTEMPTS_MAX, 1)];
    let postponed = end(ATTEMPTS_MAX, Ended::Postponed { fault: fault(), next_provider_at: None });
    check(&given, &postponed, Ok((facts, Status::DeadLettered)));
}

#[test]
fn what_nobody_knows_follows_the_semantics() {
    let unknown = |attempt| end(attempt, Ended::Unknown { fault: fault() });
    let again: &[&str] = &["delivery.attempt_unknown.v1", "delivery.deferred.v1"];
    let stays: &[&str] = &["delivery.attempt_unknown.v1"];
    check(&[requested(), attempted(1, 1)], &unknown(1), Ok((again, Status::Deferred)));
    check(&[requested_once(), attempted(1, 1)], &unknown(1), Ok((stays, Status::Unknown)));
    // At most one repeat.
    let lost = Event::AttemptUnknown(Unknown { at: NOON, number: 1, fault: fault() });
    let deferred = Event::Deferred(Deferred { at: NOON, until: NOON, reason: "unknown".to_owned() });
    let given = [requested(), attempted(1, 1), lost, deferred, attempted(2, 1)];
    check(&given, &unknown(2), Ok((stays, Status::Unknown)));
    // Without time for a repeat it stays unknown, and is no dead letter: that would say that nobody has it.
    let late = NOON.plus_seconds(DAY - 10);
    check_at(late, &[requested(), attempted(1, 1)], &unknown(1), Ok((stays, Status::Unknown)));
}

#[test]
fn an_attempt_is_lost_with_the_process_that_made_it() {
    let lose = |attempt, epoch| Command::LoseAttempt(LoseAttempt { attempt, epoch });
    let given = [requested(), attempted(1, 1)];
    let facts: &[&str] = &["delivery.attempt_unknown.v1", "delivery.deferred.v1"];
    check(&given, &lose(1, 2), Ok((facts, Status::Deferred)));
    check(&given, &lose(1, 1), Ok((&[], Status::Sending)));
    check(&given, &lose(2, 2), Ok((&[], Status::Sending)));
    // The process was only stopped, and knows after all.
    let lost = Event::AttemptUnknown(Unknown { at: NOON, number: 1, fault: fault() });
    let deferred = Event::Deferred(Deferred { at: NOON, until: NOON, reason: "unknown".to_owned() });
    let given = [requested(), attempted(1, 1), lost, deferred];
    check(&given, &end(1, accepted()), Ok((&["delivery.accepted.v1"], Status::Accepted)));
    check(&given, &end(1, Ended::Rejected { fault: fault() }), Ok((&[], Status::Deferred)));
}

#[test]
fn what_waits_can_wait_longer_but_not_beyond_its_deadline() {
    let defer = |seconds| Command::Defer(Defer { until: NOON.plus_seconds(seconds), reason: "quiet-hours".to_owned() });
    check(&[requested()], &defer(3_600), Ok((&["delivery.deferred.v1"], Status::Deferred)));
    check(&[requested()], &defer(DAY), Ok((&["delivery.expired.v1"], Status::Expired)));
    let decision = decided(&[requested()], &defer(DAY), NOON).unwrap();
    let reason = serde_json::from_str::<serde_json::Value>(&decision.facts[0].stored().payload).unwrap();
    assert_eq!(reason["reason"], "quiet-hours-beyond-deadline");
    check(&[requested(), attempted(1, 1)], &defer(60), Err(Refusal::WrongState));
}

#[test]
fn an_operator_cancels_and_retries_only_where_that_means_something() {
    let (cancel, retry) = (
        Command::Cancel(Cancel { by: Some(BORIS) }),
        Command::Retry(Retry { by: None, expires_at: NOON.plus_seconds(2 * DAY) }),
    );
    let failed = [requested(), attempted(1, 1), Event::Failed { at: NOON }];
    check(&[requested()], &cancel, Ok((&["delivery.cancelled.v1"], Status::Cancelled)));
    check(&[requested(), attempted(1, 1)], &cancel, Err(Refusal::WrongState));
    check(&failed, &cancel, Ok((&["delivery.cancelled.v1"], Status::Cancelled)));
    check(&failed, &retry, Ok((&["delivery.retried.v1"], Status::Scheduled)));
    check(&[requested()], &retry, Err(Refusal::WrongState));
    for status in Status::ALL {
        assert!(!(status.waits() && status.can_be_retried()), "{status:?}");
        assert!(!status.can_be_retried() || status.is_final(), "{status:?}");
        assert_eq!(Status::parse(status.name()), Some(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.name());
    }
    let cancelled = Event::Cancelled(Cancelled { at: NOON, by: None });
    check(&[requested(), cancelled.clone()], &cancel, Ok((&[], Status::Cancelled)));
    check(&[requested(), cancelled], &try_it(1), Err(Refusal::WrongState));
}

#[test]
fn what_a_provider_reports_later_is_news_once() {
    let report = |reported| Command::Report(Report { reported, detail: String::new() });
    let took = Event::Accepted(Accepted { at: NOON, number: 1, provider_id: None, detail: String::new() });
    let given = [requested(), attempted(1, 1), took];
    check(&given, &report(ReportKind::Delivered), Ok((&["delivery.reported.v1"], Status::Delivered)));
    check(&given, &report(ReportKind::Bounced), Ok((&["delivery.reported.v1"], Status::Bounced)));
    let delivered = Event::Reported(Reported { at: NOON, reported: ReportKind::Delivered, detail: String::new() });
    let given = [&given[..], &[delivered]].concat();
    check(&given, &report(ReportKind::Delivered), Ok((&[], Status::Delivered)));
    check(&given, &report(ReportKind::Complained), Ok((&["delivery.reported.v1"], Status::Complained)));
    check(&[requested()], &report(ReportKind::Delivered), Ok((&[], Status::Requested)));
}

#[test]
fn an_inbox_is_only_its_owners() {
    let item = InboxItem { title: "Hello".to_owned(), text: "It is me.".to_owned(), link: None };
    let add = Command::AddToInbox(AddToInbox { item, mailing: None });
    check(&[requested()], &add, Ok((&["delivery.added_to_inbox.v1"], Status::Delivered)));
    let category = CategoryKey::SECURITY;
    let added = Event::AddedToInbox(AddedToInbox { at: NOON, user_id: ANNA, category, item: Personal::Erased });
    let given = [requested(), added];
    check(&given, &add, Err(Refusal::WrongState));
    let of = |user_id| InInboxOf { user_id };
    check(&given, &Command::Read(of(ANNA)), Ok((&["delivery.read.v1"], Status::Delivered)));
    check(&given, &Command::Read(of(BORIS)), Err(Refusal::NotFound));
    check(&given, &Command::Archive(of(BORIS)), Err(Refusal::NotFound));
    check(&[requested()], &Command::Read(of(ANNA)), Err(Refusal::NotFound));
    let read = [&given[..], &[Event::Read { at: NOON }]].concat();
    check(&read, &Command::Read(of(ANNA)), Ok((&[], Status::Delivered)));
    check(&read, &Command::Archive(of(ANNA)), Ok((&["delivery.archived.v1"], Status::Delivered)));
}

#[test]
fn nothing_is_sent_by_a_mailing_that_does_not_run() {
    let mailing = Some(crate::MailingId(Uuid::from_u128(7)));
    let item = InboxItem { title: "Hello".to_owned(), text: "It is me.".to_owned(), link: None };
    let Command::Attempt(attempt) = try_it(1) else { panic!("it is an attempt") };
    for command in [Command::Attempt(Attempt { mailing, ..attempt }), Command::AddToInbox(AddToInbox { item, mailing })]
    {
        assert_eq!(command.reads().mailing, mailing);
        check(&[requested()], &command, Err(Refusal::Held));
    }
}

#[test]
fn every_end_of_an_attempt_has_its_name_in_the_list() {
    let ends = [
        accepted(),
        Ended::Postponed { fault: fault(), next_provider_at: None },
        Ended::Rejected { fault: fault() },
        Ended::Unknown { fault: fault() },
    ];
    assert_eq!(ends.map(|end| end.name()), Ended::NAMES);
}
