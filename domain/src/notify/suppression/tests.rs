//! The rules of suppressed addresses.

use super::*;
use uuid::Uuid;

const IT: SuppressionId = SuppressionId([0xab; 32]);
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

#[track_caller]
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_with(&user::State::Absent, given, when, then);
}

#[track_caller]
fn check_with(recipient: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    let follows = decide(IT, &state, recipient, &when, NOON).map(|decision| decision.facts);
    let then = then.map(|events| events.into_iter().map(|event| crate::Event::Suppression(IT, event)).collect());
    assert_eq!(follows, then, "given {given:?}, when {when:?}");
}

fn address(note: Option<&str>) -> Address {
    let email = Email::parse("anna@example.org").unwrap();
    Address { email, note: note.map(|note| Note::parse(note).unwrap()) }
}

fn suppress(reason: Reason) -> Command {
    Command::Suppress(Suppress { address: address(None), reason, recipient: None })
}

fn suppressed(reason: Reason) -> Event {
    Event::Suppressed(Suppressed { at: NOON, reason, address: Personal::Known(address(None)) })
}

fn unsuppressed() -> Event {
    Event::Unsuppressed(Unsuppressed { at: NOON })
}

#[test]
fn an_address_is_suppressed_once_for_each_reason() {
    check(&[], suppress(Reason::HardBounce), Ok(vec![suppressed(Reason::HardBounce)]));
    check(&[suppressed(Reason::HardBounce)], suppress(Reason::HardBounce), Ok(vec![]));
    check(&[suppressed(Reason::HardBounce)], suppress(Reason::Manual), Ok(vec![suppressed(Reason::Manual)]));
    let email = Email::parse("Anna@Example.ORG").unwrap();
    let spelled = Suppress { address: Address { email, note: None }, reason: Reason::Manual, recipient: None };
    check(&[suppressed(Reason::Manual)], Command::Suppress(spelled), Ok(vec![]));
    let noted = Suppress { address: address(Some("asked for it")), reason: Reason::Manual, recipient: None };
    let fact = Suppressed { at: NOON, reason: Reason::Manual, address: Personal::Known(noted.address.clone()) };
    check(&[suppressed(Reason::Manual)], Command::Suppress(noted), Ok(vec![Event::Suppressed(fact)]));
}

#[test]
fn only_what_is_suppressed_is_let_go() {
    check(&[suppressed(Reason::Complaint)], Command::Unsuppress, Ok(vec![unsuppressed()]));
    check(&[], Command::Unsuppress, Err(Refusal::NotFound));
    check(&[suppressed(Reason::Complaint), unsuppressed()], Command::Unsuppress, Err(Refusal::NotFound));
    let again = vec![suppressed(Reason::Complaint)];
    check(&[suppressed(Reason::Complaint), unsuppressed()], suppress(Reason::Complaint), Ok(again));
}

#[test]
fn an_address_that_is_forgotten_stays_suppressed() {
    let given = [suppressed(Reason::Manual)];
    check(&given, Command::ForgetAddress, Ok(vec![Event::AddressForgotten]));
    let given = [suppressed(Reason::Manual), Event::AddressForgotten];
    check(&given, Command::ForgetAddress, Ok(vec![]));
    check(&given, Command::Unsuppress, Ok(vec![unsuppressed()]));
    check(&[], Command::ForgetAddress, Ok(vec![]));
    check(&[suppressed(Reason::Manual), unsuppressed()], Command::ForgetAddress, Ok(vec![]));
    // Somebody says which one it is.
    check(&given, suppress(Reason::Manual), Ok(vec![suppressed(Reason::Manual)]));
}

#[test]
fn the_address_of_somebody_who_is_erased_is_not_kept() {
    let command = |reason| {
        let recipient = Some(UserId(Uuid::from_u128(1)));
        Command::Suppress(Suppress { address: address(None), reason, recipient })
    };
    let reason = Reason::HardBounce;
    let unknown = Event::Suppressed(Suppressed { at: NOON, reason, address: Personal::Erased });
    check_with(&user::State::Erased, &[], command(reason), Ok(vec![unknown.clone()]));
    check_with(&user::State::Erased, std::slice::from_ref(&unknown), command(reason), Ok(vec![]));
    check_with(&user::State::Erased, &[suppressed(reason)], command(reason), Ok(vec![unknown]));
}

#[test]
fn its_subject_is_nobody_who_has_an_account() {
    let subject = IT.subject();
    assert_eq!((subject.0.get_version_num(), subject), (8, IT.subject()));
    assert_ne!(subject, SuppressionId([0xac; 32]).subject());
}
