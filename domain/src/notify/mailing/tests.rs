//! The rules of mailings.

use super::*;
use crate::notify::category::{CategoryKey, Channel, Kind, Semantics};
use crate::notify::delivery::{Content, Details};
use crate::notify::notification::Schedule;
use crate::text::MailingName;
use crate::{DeliveryId, NotificationId};
use proptest::prelude::*;
use serde_json::Map;
use std::collections::BTreeSet;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const GONE: UserId = UserId(Uuid::from_u128(2));
const NEWS: MailingId = MailingId(Uuid::from_u128(3));
const RUN: NotificationId = NotificationId(Uuid::from_u128(4));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

fn plan() -> Plan {
    Plan {
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        channels: vec![Channel::Email],
        saying: Saying::Plain,
        audience: Audience { named: true, ..Audience::default() },
        send_at: None,
        schedule: None,
        per_second_max: Some(10),
        expires_in: 3_600,
    }
}

fn draft(name: &str) -> Draft {
    let name = MailingName::parse(name).unwrap();
    Draft { by: ANNA, name, plan: plan(), user_ids: vec![ANNA, GONE], texts: Texts::default() }
}

fn delivery(user_id: UserId) -> (DeliveryId, delivery::Request) {
    let request = delivery::Request {
        user_id,
        channel: Channel::Email,
        category: CategoryKey::MARKETING,
        kind: Kind::Marketing,
        semantics: Semantics::AtMostOnce,
        content: Content::Plain,
        due_at: NOON,
        late_because: String::new(),
        expires_at: NOON.plus_seconds(3_600),
        notification_id: RUN,
        cause: None,
        details: Details::default(),
        suppressed: None,
        before_sign_up: false,
    };
    (DeliveryId(user_id.0), request)
}

fn create() -> Command {
    Command::Create(Box::new(draft("News")))
}

fn change(changes: u32, name: &str) -> Command {
    Command::Change(Box::new(Change { changes, draft: draft(name) }))
}

const BY: By = By { by: Some(ANNA) };

fn start_at(due_at: Timestamp) -> Command {
    Command::Start(Start { by: Some(ANNA), changes: 0, due_at })
}

fn begin(run: u32) -> Command {
    let variables = Map::new();
    Command::BeginRun(Box::new(BeginRun {
        run,
        author: ANNA,
        notification_id: RUN,
        content: Content::Plain,
        variables,
    }))
}

fn freeze(run: u32, chunk: u32, last: bool) -> Command {
    let deliveries = vec![delivery(ANNA), delivery(GONE)];
    Command::Freeze(Freeze { run, chunk, recipients: 2, deliveries, after: Some(GONE), last })
}

fn finish(run: u32, next_due_at: Option<Timestamp>) -> Command {
    Command::FinishRun(FinishRun { run, next_due_at })
}

fn postpone(run: u32) -> Command {
    Command::PostponeRun(PostponeRun { run, reason: "variables-url: 500".to_owned(), until: NOON })
}

fn resume_at(due_at: Timestamp) -> Command {
    Command::Resume(Resume { by: Some(ANNA), due_at })
}

fn apply(state: &mut State, command: &Command, at: Timestamp) -> Result<Vec<&'static str>, Refusal> {
    let decision = decide(NEWS, state, |user_id| user_id == GONE, command, at)?;
    for fact in &decision.facts {
        if let crate::Event::Mailing(_, event) = fact {
            evolve(state, event);
        }
    }
    Ok(decision.facts.iter().map(crate::Event::name).collect())
}

/// After these commands, none of which may be refused.
fn after(commands: &[Command]) -> State {
    let mut state = State::default();
    for command in commands {
        apply(&mut state, command, NOON).unwrap();
    }
    state
}

fn facts(given: &[Command], when: &Command) -> Result<Vec<&'static str>, Refusal> {
    apply(&mut after(given), when, NOON)
}

fn status(given: &[Command]) -> Status {
    let State::Known(known) = after(given) else { panic!("it is there") };
    known.status
}

#[test]
fn a_draft_is_changed_and_deleted_until_it_is_started() {
    let changed = vec!["mailing.changed.v1", "mailing.recipients_named.v1"];
    assert_eq!(facts(&[], &create()), Ok(vec!["mailing.created.v1", "mailing.recipients_named.v1"]));
    assert_eq!(facts(&[create()], &create()), Err(Refusal::AlreadyExists));
    assert_eq!(facts(&[create()], &change(0, "Other")), Ok(changed));
    assert_eq!(facts(&[create()], &change(0, "News")), Ok(vec![]), "it is that already");
    assert_eq!(facts(&[create(), change(0, "Other")], &change(0, "News")), Err(Refusal::Outdated));
    assert_eq!(
        facts(&[create(), change(0, "Other")], &start_at(NOON)),
        Err(Refusal::Outdated),
        "its date may be another"
    );
    let State::Known(known) = after(&[create(), change(0, "Other")]) else { panic!("it is there") };
    assert_eq!((known.user_ids, known.changes), (vec![ANNA, GONE], 1), "those of before are replaced");
    assert_eq!(facts(&[create(), start_at(NOON)], &change(0, "Other")), Err(Refusal::WrongState));
    assert_eq!(facts(&[create(), start_at(NOON)], &Command::Delete(BY)), Err(Refusal::WrongState));
    assert_eq!(facts(&[create(), Command::Delete(BY)], &Command::Delete(BY)), Err(Refusal::NotFound));
    assert_eq!(facts(&[create(), Command::Delete(BY)], &create()), Err(Refusal::AlreadyExists));
    assert_eq!(facts(&[], &start_at(NOON)), Err(Refusal::NotFound));
}

#[test]
fn who_is_named_fits_into_facts() {
    let user_ids = (0..2_500).map(|number| UserId(Uuid::from_u128(number))).collect();
    let many = Command::Create(Box::new(Draft { user_ids, ..draft("Many") }));
    assert_eq!(facts(&[], &many).unwrap().len(), 4);
}

#[test]
fn one_that_is_due_later_is_scheduled() {
    let later = NOON.plus_seconds(60);
    assert_eq!(status(&[create(), start_at(later)]), Status::Scheduled);
    assert_eq!(facts(&[create(), start_at(later)], &begin(1)), Ok(vec![]), "not before it is due");
    let mut state = after(&[create(), start_at(later)]);
    assert_eq!(apply(&mut state, &begin(1), later), Ok(vec!["mailing.run_begun.v1"]));
    assert!(state.sends());
}

#[test]
fn a_chunk_is_one_decision_and_a_repeat_of_it_does_nothing() {
    let begun = [create(), start_at(NOON), begin(1)];
    let once = vec!["delivery.requested.v1", "mailing.audience_frozen.v1"];
    assert_eq!(facts(&begun, &freeze(1, 0, false)), Ok(once.clone()), "who is gone gets nothing");
    let frozen = [&begun[..], &[freeze(1, 0, false)]].concat();
    assert_eq!(facts(&frozen, &freeze(1, 0, false)), Ok(vec![]));
    assert_eq!(facts(&begun, &freeze(1, 1, false)), Ok(vec![]), "none is left out");
    assert_eq!(facts(&frozen, &freeze(2, 1, false)), Ok(vec![]), "no other run's");
    let paused = [&frozen[..], &[Command::Pause(BY)]].concat();
    assert_eq!(facts(&paused, &freeze(1, 1, true)), Ok(once), "the audience does not wait");
    let cancelled = [&frozen[..], &[Command::Cancel(BY)]].concat();
    assert_eq!(facts(&cancelled, &freeze(1, 1, true)), Ok(vec![]));
    assert_eq!(freeze(1, 0, true).reads().people, [ANNA, GONE]);
}

#[test]
fn a_run_ends_once_its_audience_is_frozen() {
    let begun = [create(), start_at(NOON), begin(1)];
    assert_eq!(facts(&begun, &finish(1, None)), Ok(vec![]));
    let frozen = [&begun[..], &[freeze(1, 0, true)]].concat();
    assert_eq!(facts(&frozen, &finish(1, None)), Ok(vec!["mailing.run_finished.v1"]));
    assert_eq!(status(&[&frozen[..], &[finish(1, None)]].concat()), Status::Finished);
    let again = [&frozen[..], &[finish(1, Some(NOON.plus_seconds(60)))]].concat();
    assert_eq!(status(&again), Status::Scheduled);
    assert_eq!(facts(&again, &finish(1, None)), Ok(vec![]));
    assert_eq!(facts(&again, &begin(1)), Ok(vec![]), "it was");
    let cancelled = [&begun[..], &[Command::Cancel(BY)]].concat();
    assert_eq!(facts(&cancelled, &finish(1, None)), Ok(vec!["mailing.run_finished.v1"]));
    assert_eq!(status(&[&cancelled[..], &[finish(1, None)]].concat()), Status::Cancelled);
}

#[test]
fn a_run_that_cannot_begin_is_tried_a_few_times_and_then_somebody_has_to_look() {
    let mut given = vec![create(), start_at(NOON)];
    for _ in 1..TRIES_MAX {
        assert_eq!(facts(&given, &postpone(1)), Ok(vec!["mailing.run_postponed.v1"]));
        given.push(postpone(1));
    }
    assert_eq!(facts(&given, &postpone(1)), Ok(vec!["mailing.run_postponed.v1", "mailing.paused.v1"]));
    given.push(postpone(1));
    assert_eq!(status(&given), Status::Paused);
    assert_eq!(facts(&given, &postpone(1)), Ok(vec![]));
    given.push(resume_at(NOON));
    assert_eq!(facts(&given, &postpone(1)), Ok(vec!["mailing.run_postponed.v1"]), "with new tries");
    assert_eq!(facts(&given, &begin(1)), Ok(vec!["mailing.run_begun.v1"]));
}

#[test]
fn what_it_says_is_forgotten_with_who_wrote_it() {
    let mut state = after(&[create(), start_at(NOON)]);
    let decision = decide(NEWS, &state, |user_id| user_id == ANNA, &begin(1), NOON).unwrap();
    assert_eq!(decision.facts[0].name(), "mailing.cancelled.v1");
    if let State::Known(known) = &mut state {
        known.texts = Personal::Erased;
    }
    assert_eq!(apply(&mut state, &begin(1), NOON), Ok(vec!["mailing.cancelled.v1"]));
    assert_eq!(begin(1).reads().people, [ANNA]);
}

#[test]
fn a_schedule_goes_on_from_where_it_is_resumed() {
    let (hour, day) = (NOON.plus_seconds(3_600), NOON.plus_seconds(86_400));
    let paused = [create(), start_at(hour), Command::Pause(BY)];
    let State::Known(known) = after(&[&paused[..], &[resume_at(day)]].concat()) else { panic!("it is there") };
    assert_eq!((known.status, known.due_at), (Status::Scheduled, Some(day)));
    let under_way = [create(), start_at(NOON), begin(1), Command::Pause(BY), resume_at(day)];
    let State::Known(known) = after(&under_way) else { panic!("it is there") };
    assert_eq!((known.status, known.due_at), (Status::Running, Some(NOON)), "the run that is under way goes on");
}

/// What somebody does, or a courier.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start {
        later: bool,
    },
    Begin,
    Postpone,
    Freeze {
        last: bool,
    },
    Finish {
        again: bool,
    },
    Pause,
    Resume,
    Cancel,
    Delete,
    /// A minute goes by.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<bool>().prop_map(|later| Step::Start { later }),
        Just(Step::Begin),
        Just(Step::Begin),
        Just(Step::Postpone),
        any::<bool>().prop_map(|last| Step::Freeze { last }),
        any::<bool>().prop_map(|last| Step::Freeze { last }),
        any::<bool>().prop_map(|again| Step::Finish { again }),
        Just(Step::Pause),
        Just(Step::Resume),
        Just(Step::Resume),
        Just(Step::Cancel),
        Just(Step::Delete),
        Just(Step::Wait),
    ];
    proptest::collection::vec(step, 0..60)
}

/// What CONTRACT 1.6 says becomes of a state, by itself: none is a refusal. `last` is what was done last.
fn expected(status: Status, last: Option<Step>, step: Step) -> Option<Status> {
    use Status::{Cancelled, Draft, Finished, Paused, Running, Scheduled};
    match (step, status, last) {
        (Step::Start { later: true }, Draft, _) => Some(Scheduled),
        (Step::Start { later: false }, Draft, _) => Some(Running),
        (Step::Start { .. }, Scheduled | Running, Some(Step::Start { .. })) => Some(status),
        (Step::Start { .. }, Scheduled | Running | Paused | Finished | Cancelled, _) => None,
        (Step::Pause, Scheduled | Running | Paused, _) => Some(Paused),
        (Step::Pause, Draft | Finished | Cancelled, _) => None,
        (Step::Resume, Paused, _) => Some(Running),
        (Step::Resume, Scheduled | Running, Some(Step::Resume)) => Some(status),
        (Step::Resume, Draft | Scheduled | Running | Finished | Cancelled, _) => None,
        (Step::Cancel, Scheduled | Running | Paused | Cancelled, _) => Some(Cancelled),
        (Step::Cancel, Draft | Finished, _) => None,
        (Step::Delete, Draft, _) => Some(Draft),
        (Step::Delete, Scheduled | Running | Paused | Finished | Cancelled, _) => None,
        (Step::Begin | Step::Postpone | Step::Freeze { .. } | Step::Finish { .. } | Step::Wait, _, _) => Some(status),
    }
}

proptest! {
    /// Whatever is done in whatever order: states are those of the contract, each chunk of each run is frozen once and in
    /// order, and nothing is sent but by one that runs.
    #[test]
    fn states_are_those_of_the_contract(steps in steps()) {
        let mut state = after(&[create()]);
        let (mut at, mut last) = (NOON, None);
        let (mut frozen, mut begun) = (BTreeSet::new(), 0);
        for step in steps {
            let State::Known(before) = state.clone() else { break };
            let run = before.run;
            let chunk = before.under_way.as_ref().map_or(0, |run| run.chunk);
            let command = match step {
                Step::Start { later } => start_at(if later { at.plus_seconds(60) } else { at }),
                Step::Begin => begin(run),
                Step::Postpone => postpone(run),
                Step::Freeze { last } => freeze(run, chunk, last),
                Step::Finish { again } => finish(run, again.then(|| at.plus_seconds(60))),
                Step::Pause => Command::Pause(BY),
                Step::Resume => resume_at(at),
                Step::Cancel => Command::Cancel(BY),
                Step::Delete => Command::Delete(BY),
                Step::Wait => {
                    at = at.plus_seconds(60);
                    continue;
                }
            };
            let wanted = expected(before.status, last, step);
            let answer = apply(&mut state, &command, at);
            prop_assert_eq!(answer.is_ok(), wanted.is_some(), "{:?} of {:?}", step, before.status);
            let Ok(facts) = answer else { continue };
            let State::Known(now) = &state else { break };
            let is_by_people = !matches!(step, Step::Begin | Step::Postpone | Step::Finish { .. } | Step::Freeze { .. });
            if is_by_people {
                prop_assert_eq!(Some(now.status), wanted);
                last = if facts.is_empty() { last } else { Some(step) };
            }
            if now.status == Status::Paused && before.status != Status::Paused {
                last = Some(Step::Pause);
            }
            if facts.contains(&"mailing.run_begun.v1") {
                prop_assert_eq!(run, begun + 1, "runs follow one another");
                begun = run;
            }
            if facts.contains(&"delivery.requested.v1") {
                prop_assert!(matches!(before.status, Status::Running | Status::Paused));
                prop_assert!(frozen.insert((run, chunk)), "a chunk is frozen once");
                prop_assert!(chunk == 0 || frozen.contains(&(run, chunk - 1)));
            }
            prop_assert_eq!(state.sends(), now.status == Status::Running);
            // The same once more changes nothing.
            if !matches!(step, Step::Postpone) {
                let again = decide(NEWS, &state, |user_id| user_id == GONE, &command, at);
                prop_assert!(again.is_err() || again.is_ok_and(|decision| decision.facts.is_empty()), "{:?}", step);
            }
        }
    }
}

#[test]
fn a_schedule_is_kept_with_the_plan() {
    let schedule = Some(Schedule { cron: "0 9 * * mon".to_owned(), time_zone: "Europe/Berlin".to_owned() });
    let regular = Draft { plan: Plan { schedule: schedule.clone(), ..plan() }, ..draft("Weekly") };
    let State::Known(known) = after(&[Command::Create(Box::new(regular))]) else { panic!("it is there") };
    assert_eq!(known.plan.schedule, schedule);
    assert_eq!(after(&[create()]).to_json()["is"], "draft");
}
