use super::*;
use crate::identities;
use crate::text::UserName;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const PHONE: PasskeyId = PasskeyId(Uuid::from_u128(4));
const LAPTOP: PasskeyId = PasskeyId(Uuid::from_u128(5));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of the passkeys of an account with so many passwords, when this is wanted, then these are the facts that
/// follow, or the refusal.
fn check(passwords: usize, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let what = format!("given {given:?}, when {when:?}");
    let (user, state) = (account(passwords), folded(given));
    let identities = identities::State::default();
    let beside = Beside { user: &user, identities: &identities, passkeys: &state };
    let follows = decide(ANNA.into(), &state, &beside, &when, NOON)
        .map(|decision| decision.facts.into_iter().map(of_anna).collect::<Vec<_>>());
    assert_eq!(follows, then, "{what}");
}

fn of_anna(event: crate::Event) -> Event {
    let crate::Event::Passkeys(PasskeysId(id), event) = event else { panic!("{event:?} is no fact of passkeys") };
    assert_eq!(id, ANNA.0);
    event
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
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

fn uses(counter: u32) -> Uses {
    Uses { counter, backed_up: false }
}

fn parts() -> Parts {
    Parts { name: PasskeyName::parse("phone").unwrap(), credential: "{}".to_owned() }
}

fn add(passkey_id: PasskeyId) -> Command {
    Command::Add(Box::new(Add { passkey_id, uses: uses(0), parts: parts() }))
}

fn added(passkey_id: PasskeyId) -> Event {
    Event::Added(Added { user_id: ANNA, passkey_id, at: NOON, uses: uses(0), parts: Personal::Known(parts()) })
}

fn remove(passkey_id: PasskeyId) -> Command {
    Command::Remove(Remove { passkey_id })
}

fn removed(passkey_id: PasskeyId) -> Event {
    Event::Removed(Removed { passkey_id, at: NOON })
}

#[test]
fn one_is_added_and_removed() {
    check(1, &[], add(PHONE), Ok(vec![added(PHONE)]));
    check(1, &[added(PHONE)], remove(PHONE), Ok(vec![removed(PHONE)]));
    check(1, &[added(PHONE)], remove(LAPTOP), Err(Refusal::NotFound));
    check(1, &[added(PHONE), removed(PHONE)], remove(PHONE), Err(Refusal::NotFound));
}

#[test]
fn the_last_way_in_stays() {
    check(0, &[added(PHONE)], remove(PHONE), Err(Refusal::LastWayIn(ways_in::LastWayIn)));
    check(0, &[added(PHONE), added(LAPTOP)], remove(PHONE), Ok(vec![removed(PHONE)]));
}

#[test]
fn an_operator_takes_one_away_be_it_the_last_way_in_and_every_session_ends() {
    let take = Command::TakeAway(Remove { passkey_id: PHONE });
    check(0, &[added(LAPTOP)], take.clone(), Err(Refusal::NotFound));
    let (user, state) = (account(0), folded(&[added(PHONE)]));
    let identities = identities::State::default();
    let beside = Beside { user: &user, identities: &identities, passkeys: &state };
    let decision = decide(ANNA.into(), &state, &beside, &take, NOON).unwrap();
    let names = decision.facts.iter().map(crate::Event::name).collect::<Vec<_>>();
    assert_eq!(names, ["passkeys.removed.v1", "user.sessions_ended.v1"]);
}

#[test]
fn there_are_twenty_at_most() {
    let many = (0..20).map(|number| added(PasskeyId(Uuid::from_u128(100 + number)))).collect::<Vec<_>>();
    check(1, &many[1..], add(PHONE), Ok(vec![added(PHONE)]));
    check(1, &many, add(PHONE), Err(Refusal::TooMany));
}

#[test]
fn a_key_that_does_not_count_may_be_used_again_and_again() {
    let state = folded(&[added(PHONE)]);
    for counter in [0, 1, 70] {
        assert!(state.used(ANNA.into(), PHONE, uses(counter), NOON).is_some(), "{counter}");
    }
}

#[test]
fn a_key_that_counts_counts_on() {
    let used = Event::Used(Used { passkey_id: PHONE, at: NOON, uses: uses(7) });
    let state = folded(&[added(PHONE), used]);
    for (counter, is_good) in [(8, true), (u32::MAX, true), (7, false), (6, false), (0, false)] {
        assert_eq!(state.used(ANNA.into(), PHONE, uses(counter), NOON).is_some(), is_good, "{counter}");
    }
    assert_eq!(state.used(ANNA.into(), LAPTOP, uses(8), NOON), None);
}
