//! The rules of second factors.

use super::*;
use crate::text::UserName;
use crate::user::{SignedUp, SignedUpAs};
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const ANNAS: TotpId = TotpId(ANNA.0);
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);
const OLD: RecoveryHash = RecoveryHash([1; 32]);
const OTHER: RecoveryHash = RecoveryHash([2; 32]);
const NEW: RecoveryHash = RecoveryHash([3; 32]);

fn account() -> user::State {
    let personal = Personal::Known(SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    let mut state = user::State::Absent;
    user::evolve(ANNA, &mut state, &user::Event::SignedUp(SignedUp { at: NOON, personal }));
    state
}

fn secret(letter: &str) -> Secret {
    Secret(letter.repeat(32))
}

fn begun(letter: &str) -> Event {
    Event::Begun(Begun { user_id: ANNA, at: NOON, secret: Personal::Known(secret(letter)) })
}

fn confirmed() -> Event {
    Event::Confirmed(Confirmed { at: NOON, step: 60, codes: vec![OLD, OTHER] })
}

fn confirm(secrets: u32) -> Command {
    Command::Confirm(Confirm { secrets, step: 60, codes: vec![OLD, OTHER] })
}

fn code(step: u64) -> Second {
    Second::Code { secrets: 1, step }
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
}

/// Given these facts of Anna's second factor, when this is wanted, then these are the facts that follow, or the refusal.
fn check(given: &[Event], when: &Command, then: Result<Vec<Event>, Refusal>) {
    let follows = decide(ANNAS, &folded(given), &account(), when, NOON).map(|decision| {
        let of_it = |event| if let crate::Event::Totp(ANNAS, event) = event { Some(event) } else { None };
        decision.facts.into_iter().filter_map(of_it).collect::<Vec<_>>()
    });
    assert_eq!(follows, then, "given {given:?}, when {when:?}");
}

#[test]
fn a_secret_is_a_factor_once_its_first_code_was_right() {
    check(&[], &Command::Begin(secret("A")), Ok(vec![begun("A")]));
    assert_eq!(folded(&[begun("A")]).asked(), []);
    check(&[begun("A")], &confirm(1), Ok(vec![confirmed()]));
    assert_eq!(folded(&[begun("A"), confirmed()]).asked(), [Way::Totp, Way::RecoveryCode]);
    check(&[], &confirm(0), Err(Refusal::NotFound));
    check(&[begun("A"), confirmed()], &confirm(1), Err(Refusal::AlreadyOn));
    check(&[begun("A"), confirmed()], &Command::Begin(secret("B")), Err(Refusal::AlreadyOn));
}

#[test]
fn a_secret_that_was_begun_before_is_void() {
    check(&[begun("A")], &Command::Begin(secret("B")), Ok(vec![begun("B")]));
    check(&[begun("A"), begun("B")], &confirm(1), Err(Refusal::BadCode));
    check(&[begun("A"), begun("B")], &confirm(2), Ok(vec![confirmed()]));
    assert_eq!(begun("B").supersedes(), [begun("A").name()]);
}

#[test]
fn a_secret_waits_an_hour_for_its_first_code() {
    let at = |seconds: i64| {
        let decision = decide(ANNAS, &folded(&[begun("A")]), &account(), &confirm(1), NOON.plus_seconds(seconds));
        decision.map(|decision| decision.facts.len())
    };
    assert_eq!((at(3_599), at(3_600)), (Ok(1), Err(Refusal::NotFound)));
    assert!(folded(&[begun("A")]).waiting(NOON.plus_seconds(3_600)).is_err());
}

#[test]
fn a_code_counts_once_and_only_after_the_last_one() {
    let on = [begun("A"), confirmed()];
    let state = folded(&on);
    for old in [59, 60] {
        assert_eq!(used(&state, &code(old), NOON), Err(Refusal::BadCode), "{old}");
    }
    let (proof, events) = used(&state, &code(61), NOON).unwrap();
    assert_eq!((proof.by, events), (Way::Totp, vec![Event::CodeUsed(CodeUsed { step: 61 })]));
    let state = folded(&[begun("A"), confirmed(), Event::CodeUsed(CodeUsed { step: 61 })]);
    assert_eq!(used(&state, &code(61), NOON), Err(Refusal::BadCode));
    assert!(used(&state, &code(62), NOON).is_ok());
    assert_eq!(used(&state, &Second::Code { secrets: 2, step: 62 }, NOON), Err(Refusal::BadCode), "of another secret");
    assert_eq!(used(&folded(&[begun("A")]), &code(62), NOON), Err(Refusal::NotFound));
}

#[test]
fn a_recovery_code_counts_once() {
    let state = folded(&[begun("A"), confirmed()]);
    let (proof, events) = used(&state, &Second::Recovery(OLD), NOON).unwrap();
    let once = Event::RecoveryCodeUsed(RecoveryCodeUsed { code: OLD, left: 1, at: NOON });
    assert_eq!((proof.by, events), (Way::RecoveryCode, vec![once.clone()]));
    let state = folded(&[begun("A"), confirmed(), once.clone()]);
    assert_eq!(used(&state, &Second::Recovery(OLD), NOON), Err(Refusal::BadCode));
    assert_eq!(used(&state, &Second::Recovery(NEW), NOON), Err(Refusal::BadCode));
    let last = Event::RecoveryCodeUsed(RecoveryCodeUsed { code: OTHER, left: 0, at: NOON });
    assert_eq!(folded(&[begun("A"), confirmed(), once, last]).asked(), [Way::Totp]);
}

#[test]
fn new_recovery_codes_make_those_of_before_void() {
    let make = Command::MakeRecoveryCodes(MakeRecoveryCodes { shown: Second::Recovery(OLD), codes: vec![NEW] });
    let made = Event::RecoveryCodesMade(RecoveryCodesMade { at: NOON, codes: vec![NEW] });
    let used_up = Event::RecoveryCodeUsed(RecoveryCodeUsed { code: OLD, left: 1, at: NOON });
    check(&[begun("A"), confirmed()], &make, Ok(vec![used_up, made.clone()]));
    let state = folded(&[begun("A"), confirmed(), made]);
    assert_eq!(used(&state, &Second::Recovery(OTHER), NOON), Err(Refusal::BadCode));
    assert!(used(&state, &Second::Recovery(NEW), NOON).is_ok());
    check(&[], &make, Err(Refusal::NotFound));
}

#[test]
fn who_has_a_code_removes_it_and_its_secret_is_forgotten() {
    let removed = Event::Removed(Removed { at: NOON });
    let remove = Command::Remove(code(61));
    check(&[begun("A"), confirmed()], &remove, Ok(vec![Event::CodeUsed(CodeUsed { step: 61 }), removed.clone()]));
    check(&[begun("A"), confirmed()], &Command::Remove(code(60)), Err(Refusal::BadCode));
    check(&[begun("A")], &remove, Err(Refusal::NotFound));
    let off = folded(&[begun("A"), confirmed(), removed.clone()]);
    assert_eq!((off.factor, off.secret, off.secrets), (None, None, 1));
    assert_eq!(removed.supersedes(), SECRETS);
    check(&[begun("A"), confirmed(), removed], &Command::Begin(secret("B")), Ok(vec![begun("B")]));
}

#[test]
fn an_operator_takes_it_away_and_every_session_ends() {
    let decision = decide(ANNAS, &folded(&[begun("A"), confirmed()]), &account(), &Command::TakeAway, NOON).unwrap();
    let names = decision.facts.iter().map(crate::Event::name).collect::<Vec<_>>();
    assert_eq!(names, ["totp.removed.v1", "user.sessions_ended.v1"]);
    check(&[begun("A")], &Command::TakeAway, Err(Refusal::NotFound));
}

#[test]
fn who_has_no_account_has_no_second_factor() {
    for user in [user::State::Absent, user::State::Erased] {
        let refused = decide(ANNAS, &State::default(), &user, &Command::Begin(secret("A")), NOON);
        assert_eq!(refused, Err(Refusal::UserNotFound));
    }
}

#[test]
fn a_secret_is_shown_to_nobody() {
    let state = folded(&[begun("A"), confirmed()]);
    let shown = format!("{state:?} {} {}", state.to_json(), Event::name(&begun("A")));
    assert!(!shown.contains(&secret("A").0), "{shown}");
    assert!(!crate::Event::Totp(ANNAS, begun("A")).stored().payload.contains(&secret("A").0));
}
