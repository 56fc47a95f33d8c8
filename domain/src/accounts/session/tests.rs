use super::*;
use crate::text::UserName;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const LAPTOP: SessionId = SessionId(Uuid::from_u128(3));
const PHONE: PasskeyId = PasskeyId(Uuid::from_u128(4));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of a session, when this is wanted, then these are the facts that follow, or the refusal.
/// Anna has an account and has had two passwords.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_with(&account(2), given, when, then);
}

fn check_with(user: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let what = format!("given {given:?}, when {when:?}");
    let beside = Beside { user, totp: &totp::State::default(), identity: identity(), passkeys: &passkeys() };
    let follows = decide(LAPTOP, &folded(given), &beside, &when, NOON)
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

/// Anna has a passkey that has signed seven times.
fn passkeys() -> passkeys::State {
    passkeys::State { passkeys: [(PHONE, uses(7))].into() }
}

fn uses(counter: u32) -> passkeys::Uses {
    passkeys::Uses { counter, backed_up: false }
}

/// Anna has an identity.
fn identity() -> identity::State {
    identity::State { owner: Some(ANNA) }
}

fn from() -> Origin {
    Origin { device: "Firefox".to_owned(), address: "192.0.2.1".to_owned() }
}

fn opening() -> Opening {
    Opening { token_hash: TokenHash([5; 32]), expires_at: NOON.plus_seconds(3_600), from: from(), new_device: false }
}

fn sign_in(checked: u32) -> Command {
    let shown = Shown::Password { checked };
    Command::SignIn(SignIn { user_id: ANNA, shown, shown_at: None, second: None, opening: opening() })
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
    let beside =
        Beside { user: &account(2), totp: &totp::State::default(), identity: identity(), passkeys: &passkeys() };
    let decision = decide(LAPTOP, &State::Absent, &beside, &sign_in(2), NOON).unwrap();
    assert_eq!(decision.outcome, Outcome::SignedIn { session_id: LAPTOP });
}

#[test]
fn a_password_that_was_changed_after_it_was_checked_opens_nothing() {
    for stale in [0, 1, 3] {
        check(&[], sign_in(stale), Err(Refusal::BadCredentials));
    }
}

#[test]
fn a_passkey_opens_a_session_while_it_is_the_accounts_and_counts_on() {
    let shown = |passkey_id, counter| {
        let shown = Shown::Passkey { passkey_id, uses: uses(counter) };
        Command::SignIn(SignIn { user_id: ANNA, shown, shown_at: None, second: None, opening: opening() })
    };
    let (user, totp) = (account(0), totp::State::default());
    let passkeys = passkeys();
    let beside = Beside { user: &user, totp: &totp, identity: identity(), passkeys: &passkeys };
    let decided = |command| decide(LAPTOP, &State::Absent, &beside, &command, NOON).map(|decision| decision.facts);
    let used = passkeys::Event::Used(passkeys::Used { passkey_id: PHONE, at: NOON, uses: uses(8) });
    let Event::SignedIn(signed_in) = signed_in() else { unreachable!("it is one") };
    let signed_in = Event::SignedIn(SignedIn { by: Way::Passkey, ..signed_in });
    let facts = vec![crate::Event::Passkeys(ANNA.into(), used), crate::Event::Session(LAPTOP, signed_in)];
    assert_eq!(decided(shown(PHONE, 8)), Ok(facts));
    for (passkey_id, counter) in [(PHONE, 7), (PHONE, 0), (PasskeyId(Uuid::from_u128(5)), 8)] {
        assert_eq!(decided(shown(passkey_id, counter)), Err(Refusal::BadPasskey), "{passkey_id:?} {counter}");
    }
}

#[test]
fn an_identity_opens_a_session_while_it_is_the_accounts() {
    let shown = Shown::Identity { claim: IdentityClaim([7; 32]) };
    let command =
        |user_id| Command::SignIn(SignIn { user_id, shown, shown_at: None, second: None, opening: opening() });
    assert_eq!(command(ANNA).reads().identity, Some(IdentityClaim([7; 32])));
    let Event::SignedIn(signed_in) = signed_in() else { unreachable!("it is one") };
    let signed_in = Event::SignedIn(SignedIn { by: Way::External, ..signed_in });
    check_with(&account(0), &[], command(ANNA), Ok(vec![signed_in]));
    check_with(&account(0), &[], command(BORIS), Err(Refusal::BadCredentials));
    let user = account(1);
    let beside = Beside {
        user: &user,
        totp: &totp::State::default(),
        identity: identity::State::default(),
        passkeys: &passkeys(),
    };
    let refused = decide(LAPTOP, &State::Absent, &beside, &command(ANNA), NOON).map(|decision| decision.facts);
    assert_eq!(refused, Err(Refusal::BadCredentials));
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

/// Anna's second factor, whose last code was of step 60.
fn factor() -> totp::State {
    let codes = vec![RECOVERY];
    let begun = totp::Begun { user_id: ANNA, at: NOON, secret: Personal::Known(totp::Secret("A".repeat(32))) };
    let mut state = totp::State::default();
    totp::evolve(&mut state, &totp::Event::Begun(begun));
    totp::evolve(&mut state, &totp::Event::Confirmed(totp::Confirmed { at: NOON, step: 60, codes }));
    state
}

const RECOVERY: totp::RecoveryHash = totp::RecoveryHash([9; 32]);

/// What Anna's sign-in comes to who has that second factor.
fn signs_in(totp: &totp::State, shown: Shown, second: Option<Second>) -> Result<Decision, Refusal> {
    let shown_at = second.map(|_| NOON.plus_seconds(-60));
    let command = Command::SignIn(SignIn { user_id: ANNA, shown, shown_at, second, opening: opening() });
    decide(
        LAPTOP,
        &State::Absent,
        &Beside { user: &account(2), totp, identity: identity(), passkeys: &passkeys() },
        &command,
        NOON,
    )
}

const PASSWORD: Shown = Shown::Password { checked: 2 };

#[test]
fn who_has_a_second_factor_is_asked_for_it() {
    let ways = vec![Way::Totp, Way::RecoveryCode];
    assert_eq!(signs_in(&factor(), PASSWORD, None), Ok(Decision::nothing(Outcome::SecondFactorNeeded { ways })));
    let by_passkey = open_or_ask(LAPTOP, ANNA, Proof { by: Way::Passkey, at: NOON }, &factor(), &opening(), NOON);
    assert_eq!(by_passkey.outcome, Outcome::SignedIn { session_id: LAPTOP });
    for by in [Way::Mail, Way::External] {
        let asked = open_or_ask(LAPTOP, ANNA, Proof { by, at: NOON }, &factor(), &opening(), NOON);
        assert_eq!(asked.facts, [], "{by:?}");
    }
}

#[test]
fn a_second_proof_opens_the_session_and_is_used_up_with_it() {
    for (second, by) in
        [(Second::Code { secrets: 1, step: 61 }, Way::Totp), (Second::Recovery(RECOVERY), Way::RecoveryCode)]
    {
        let decision = signs_in(&factor(), PASSWORD, Some(second)).unwrap();
        let [crate::Event::Totp(_, used), crate::Event::Session(LAPTOP, Event::SignedIn(signed_in))] =
            decision.facts.as_slice()
        else {
            panic!("{:?}", decision.facts)
        };
        let first = Proof { by: Way::Password, at: NOON.plus_seconds(-60) };
        assert_eq!(signed_in.stands_on(), [first, Proof { by, at: NOON }]);
        let mut then = factor();
        totp::evolve(&mut then, used);
        let again = signs_in(&then, PASSWORD, Some(second));
        assert_eq!(again, Err(Refusal::Second(totp::Refusal::BadCode)));
    }
}

#[test]
fn a_second_proof_makes_up_for_no_first_one() {
    let code = Some(Second::Code { secrets: 1, step: 61 });
    let stale = signs_in(&factor(), Shown::Password { checked: 1 }, code);
    assert_eq!(stale, Err(Refusal::BadCredentials));
    let of_another = signs_in(&factor(), Shown::Mail { claim: EmailClaim([1; 32]) }, code);
    assert_eq!(of_another, Err(Refusal::BadCredentials), "the address is not the account's any more");
    let removed = signs_in(&totp::State::default(), PASSWORD, code);
    assert_eq!(removed.map_err(Refusal::kind), Err(RefusalKind::BadCode));
}
