use super::*;
use crate::text::UserName;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const LAPTOP: SessionId = SessionId(Uuid::from_u128(3));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of a session, when this is wanted, then these are the facts that follow, or the refusal.
/// Anna has an account and has had two passwords.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_with(&account(2), given, when, then);
}

fn check_with(user: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let what = format!("given {given:?}, when {when:?}");
    let follows = decide(LAPTOP, &folded(given), user, &when, NOON)
        .map(|decision| decision.facts.into_iter().map(of_laptop).collect::<Vec<_>>());
    assert_eq!(follows, then, "{what}");
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    for event in given {
        evolve(&mut state, event);
    }
    state
}

fn of_laptop(event: crate::Event) -> Event {
    let crate::Event::Session(LAPTOP, event) = event else { panic!("{event:?} is no fact of this session") };
    event
}

fn account(passwords: usize) -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    let signed_up = user::Event::SignedUp(user::SignedUp { at: NOON, personal });
    let has_password = user::Event::PasswordChanged(user::PasswordChanged { verifier: Personal::Erased });
    for event in std::iter::once(signed_up).chain(std::iter::repeat_n(has_password, passwords)) {
        user::evolve(ANNA, &mut state, &event);
    }
    state
}

fn from() -> Origin {
    Origin { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() }
}

fn opening() -> Opening {
    Opening { token_hash: TokenHash([5; 32]), expires_at: NOON.plus_seconds(3_600), from: from(), new_device: false }
}

fn sign_in(checked: u32) -> Command {
    Command::SignIn(SignIn { user_id: ANNA, shown: Shown::Password { checked }, opening: opening() })
}

fn signed_in() -> Event {
    Event::SignedIn(SignedIn {
        user_id: ANNA,
        token_hash: TokenHash([5; 32]),
        at: NOON,
        expires_at: NOON.plus_seconds(3_600),
        by: Way::Password,
        proofs: Vec::new(),
        new_device: false,
        from: Personal::Known(from()),
    })
}

fn ended() -> Event {
    Event::Ended(Ended { user_id: ANNA })
}

#[test]
fn the_right_password_opens_a_session() {
    check(&[], sign_in(2), Ok(vec![signed_in()]));
    let decision = decide(LAPTOP, &State::Absent, &account(2), &sign_in(2), NOON).unwrap();
    assert_eq!(decision.outcome, Outcome::SignedIn { session_id: LAPTOP });
}

#[test]
fn a_password_that_was_changed_after_it_was_checked_opens_nothing() {
    for stale in [0, 1, 3] {
        check(&[], sign_in(stale), Err(Refusal::BadCredentials));
    }
}

#[test]
fn who_has_no_password_cannot_sign_in() {
    check_with(&account(0), &[], sign_in(0), Err(Refusal::BadCredentials));
}

#[test]
fn who_has_no_account_or_no_more_cannot_sign_in() {
    for user in [user::State::Absent, user::State::Erased] {
        check_with(&user, &[], sign_in(1), Err(Refusal::BadCredentials));
    }
}

#[test]
fn a_session_is_opened_once() {
    check(&[signed_in()], sign_in(2), Err(Refusal::AlreadyExists));
    check(&[signed_in(), ended()], sign_in(2), Err(Refusal::AlreadyExists));
}

#[test]
fn a_session_is_ended_by_its_user() {
    check(&[signed_in()], Command::End(End { by: ANNA }), Ok(vec![ended()]));
}

#[test]
fn a_session_is_ended_even_when_its_account_is_gone() {
    check_with(&user::State::Erased, &[signed_in()], Command::End(End { by: ANNA }), Ok(vec![ended()]));
}

#[test]
fn ending_it_twice_writes_nothing_the_second_time() {
    check(&[signed_in(), ended()], Command::End(End { by: ANNA }), Ok(vec![]));
}

#[test]
fn anothers_session_looks_as_if_there_were_none() {
    for given in [vec![], vec![signed_in()], vec![signed_in(), ended()]] {
        check(&given, Command::End(End { by: BORIS }), Err(Refusal::NotFound));
    }
    check(&[], Command::End(End { by: ANNA }), Err(Refusal::NotFound));
}

#[test]
fn where_a_sign_in_came_from_can_be_forgotten() {
    let Event::SignedIn(known) = signed_in() else { unreachable!("it was made so") };
    let forgotten = Event::SignedIn(SignedIn { from: Personal::Erased, ..known });
    assert_eq!(folded(std::slice::from_ref(&forgotten)), State::Open(ANNA));
    check(&[forgotten], Command::End(End { by: ANNA }), Ok(vec![ended()]));
}

#[test]
fn a_token_hash_is_64_hex_digits() {
    let text = format!("\"{}\"", "05".repeat(32));
    assert_eq!(serde_json::to_string(&TokenHash([5; 32])).unwrap(), text);
    assert_eq!(serde_json::from_str::<TokenHash>(&text).unwrap(), TokenHash([5; 32]));
    assert!(serde_json::from_str::<TokenHash>("\"05\"").is_err());
}

#[test]
fn a_session_stands_on_what_was_shown_first_and_then() {
    let proof = |by, minute: i64| Proof { by, at: NOON.plus_seconds(60 * minute) };
    let opened = |first, second| {
        let Event::SignedIn(signed_in) = of_laptop(opening().opened(LAPTOP, ANNA, first, second, NOON)) else {
            unreachable!("it opens")
        };
        signed_in
    };
    let alone = opened(proof(Way::Mail, 0), None);
    assert_eq!((alone.proofs.len(), alone.stands_on()), (0, vec![proof(Way::Mail, 0)]));
    let both = [proof(Way::Mail, -2), proof(Way::Totp, 0)];
    let two = opened(both[0], Some(both[1]));
    assert_eq!((two.by, two.at, two.stands_on()), (Way::Mail, NOON, both.to_vec()));
    let earlier = opened(proof(Way::External, -1), None);
    assert_eq!(earlier.stands_on(), [proof(Way::External, -1)]);
}

#[test]
fn ways_are_stored_by_their_names() {
    for way in Way::ALL {
        assert_eq!(serde_json::to_value(way).unwrap(), way.name());
    }
}
