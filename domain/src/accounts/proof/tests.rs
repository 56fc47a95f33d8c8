//! The rules of proofs.

use super::*;
use crate::session::TokenHash;
use crate::user::{
    ConfirmedEmail, EmailChangeRequested, EmailConfirmed, Origin, PasswordChanged, SignedUp, SignedUpAs,
};
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const PROOF: ProofId = ProofId(Uuid::from_u128(3));
const OTHER: ProofId = ProofId(Uuid::from_u128(4));
const LAPTOP: SessionId = SessionId(Uuid::from_u128(5));
const ADDRESS: EmailClaim = EmailClaim([8; 32]);
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// What a command is decided on.
struct Given {
    proof: State,
    user: user::State,
    address: email::State,
    owner: user::State,
    name: name::State,
    totp: totp::State,
    at: Timestamp,
}

impl Given {
    /// A proof of Anna's that nobody else's account concerns.
    fn of(purpose: Purpose, user: user::State) -> Given {
        let mut proof = State::Absent;
        evolve(&mut proof, &Event::Issued(issued(purpose, Some(ANNA))));
        let address = email::State { owner: Some(ANNA), code: Some((PROOF, NOON)), told_at: None };
        let (name, totp) = (name::State::default(), totp::State::default());
        Given { proof, owner: user.clone(), user, address, name, totp, at: NOON.plus_seconds(1) }
    }

    fn when(&self, command: &Command) -> Result<Vec<crate::Event>, Refusal> {
        let address = Seen { state: self.address, owner: &self.owner };
        let beside = Beside { user: &self.user, address, claim: self.name, totp: &self.totp };
        let decision = decide(PROOF, &self.proof, &beside, command, self.at)?;
        Ok(decision.facts)
    }
}

fn email() -> Email {
    Email::parse("anna@example.org").unwrap()
}

fn issued(purpose: Purpose, user_id: Option<UserId>) -> Issued {
    let lasts = match purpose {
        Purpose::Welcome | Purpose::Confirm => CONFIRM_LASTS,
        Purpose::Reset => RESET_LASTS,
        Purpose::SignIn | Purpose::SignUp => CODE_LASTS,
    };
    let email = user_id.map_or(Personal::Erased, |_| Personal::Known(email()));
    let (claim, language) = (ADDRESS, Locale::default());
    Issued { purpose, user_id, claim, passwords: 1, language, at: NOON, expires_at: NOON.plus(lasts), email }
}

fn account(events: &[user::Event]) -> user::State {
    let personal = Personal::Known(SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    let signed_up = user::Event::SignedUp(SignedUp { at: NOON, personal });
    let password = user::Event::PasswordChanged(PasswordChanged { verifier: Personal::Erased });
    let mut state = user::State::Absent;
    [signed_up, password].iter().chain(events).for_each(|event| user::evolve(ANNA, &mut state, event));
    state
}

fn wants(proof_id: ProofId) -> user::Event {
    let email = Personal::Known(email());
    user::Event::EmailChangeRequested(EmailChangeRequested { proof_id, claim: ADDRESS, at: NOON, email })
}

fn has(claim: EmailClaim) -> user::Event {
    let personal = Personal::Known(ConfirmedEmail { email: email(), former: None });
    user::Event::EmailConfirmed(EmailConfirmed { claim, personal })
}

fn another_password() -> user::Event {
    user::Event::PasswordChanged(PasswordChanged { verifier: Personal::Erased })
}

fn to(owner: Option<UserId>) -> To {
    To { claim: ADDRESS, owner }
}

fn confirm() -> Command {
    Command::ConfirmEmail(ConfirmEmail { user_id: ANNA, to: to(Some(ANNA)) })
}

fn reset() -> Command {
    Command::ResetPassword(ResetPassword { user_id: ANNA, verifier: Verifier("new".to_owned()) })
}

fn sign_in(name: Option<&str>) -> Command {
    Command::SignIn(Box::new(SignIn {
        user_id: ANNA,
        to: to(Some(ANNA)),
        session_id: LAPTOP,
        opening: Opening {
            token_hash: TokenHash([5; 32]),
            expires_at: NOON.plus_seconds(3_600),
            from: Origin::default(),
            new_device: true,
        },
        name: name.map(|name| (NameClaim([1; 32]), UserName::parse(name).unwrap())),
    }))
}

fn names(facts: Result<Vec<crate::Event>, Refusal>) -> Result<Vec<&'static str>, Refusal> {
    facts.map(|facts| facts.iter().map(crate::Event::name).collect())
}

fn asked(wish: Wish, given: &Given) -> Result<Vec<crate::Event>, Refusal> {
    let command = Issue { to: to(given.address.owner), email: email(), wish, language: Locale::default() };
    given.when(&Command::Issue(command))
}

fn unissued(owner: Option<UserId>, user: user::State) -> Given {
    let address = email::State { owner, ..email::State::default() };
    Given { proof: State::Absent, address, owner: user, at: NOON, ..Given::of(Purpose::Reset, user::State::Absent) }
}

#[test]
fn the_same_is_written_whether_an_account_has_the_address_or_not() {
    let known = unissued(Some(ANNA), account(&[has(ADDRESS)]));
    let unknown = [
        unissued(None, user::State::Absent),
        unissued(Some(ANNA), account(&[])),
        unissued(Some(ANNA), user::State::Erased),
    ];
    for (wish, purpose) in [(Wish::NewPassword, Purpose::Reset), (Wish::SignIn(None), Purpose::SignIn)] {
        let facts = asked(wish, &known).unwrap();
        assert_eq!(facts.last(), Some(&crate::Event::Proof(PROOF, Event::Issued(issued(purpose, Some(ANNA))))));
        for unknown in &unknown {
            let nobodys = asked(wish, unknown).unwrap();
            let issued = Issued { passwords: 0, ..issued(purpose, None) };
            assert_eq!(nobodys.last(), Some(&crate::Event::Proof(PROOF, Event::Issued(issued))));
            assert_eq!(names(Ok(nobodys)), names(Ok(facts.clone())));
        }
    }
}

#[test]
fn an_unknown_address_may_open_an_account_where_that_is_wanted() {
    let facts = asked(Wish::SignIn(Some(BORIS)), &unissued(None, user::State::Absent)).unwrap();
    let issued = Issued { passwords: 0, ..issued(Purpose::SignUp, Some(BORIS)) };
    assert_eq!(facts.last(), Some(&crate::Event::Proof(PROOF, Event::Issued(issued))));
    let facts = asked(Wish::SignIn(Some(BORIS)), &unissued(Some(ANNA), account(&[has(ADDRESS)]))).unwrap();
    assert_eq!(
        facts.last(),
        Some(&crate::Event::Proof(PROOF, Event::Issued(self::issued(Purpose::SignIn, Some(ANNA)))))
    );
}

#[test]
fn a_code_is_mailed_once_a_minute_and_a_command_that_is_behind_is_sent_again() {
    let mut given = unissued(Some(ANNA), account(&[has(ADDRESS)]));
    given.address.code = Some((OTHER, NOON.plus_seconds(-59)));
    assert_eq!(asked(Wish::SignIn(None), &given), Ok(vec![]));
    assert_eq!(names(asked(Wish::NewPassword, &given)), Ok(vec!["proof.issued.v1"]));
    given.address.code = Some((OTHER, NOON.plus_seconds(-60)));
    assert_eq!(names(asked(Wish::SignIn(None), &given)), Ok(vec!["email.code_asked.v1", "proof.issued.v1"]));
    let behind = Issue { to: to(None), email: email(), wish: Wish::NewPassword, language: Locale::default() };
    assert_eq!(given.when(&Command::Issue(behind)), Err(Refusal::Incomplete));
}

/// A proof is used once, before it expires.
fn check_once(mut given: Given, command: &Command, lasts: Duration) {
    let facts = given.when(command).unwrap();
    assert_eq!(facts.first(), Some(&crate::Event::Proof(PROOF, Event::Used(Used {}))));
    given.at = NOON.plus(lasts);
    assert_eq!(given.when(command), Err(Refusal::Expired));
    given.at = NOON;
    evolve(&mut given.proof, &Event::Used(Used {}));
    assert_eq!(given.when(command), Err(Refusal::Expired));
    given.proof = State::Absent;
    assert_eq!(given.when(command), Err(Refusal::Expired));
}

#[test]
fn an_address_is_confirmed_once() {
    check_once(Given::of(Purpose::Confirm, account(&[wants(PROOF)])), &confirm(), CONFIRM_LASTS);
    for purpose in [Purpose::Confirm, Purpose::Welcome] {
        let facts = Given::of(purpose, account(&[wants(PROOF)])).when(&confirm());
        assert_eq!(names(facts), Ok(vec!["proof.used.v1", "email.claimed.v1", "user.email_confirmed.v1"]));
    }
}

#[test]
fn the_address_of_before_is_told_of_the_change() {
    let facts = Given::of(Purpose::Confirm, account(&[has(EmailClaim([9; 32])), wants(PROOF)])).when(&confirm());
    let facts = facts.unwrap();
    let personal = Personal::Known(ConfirmedEmail { email: email(), former: Some(email()) });
    let confirmed = EmailConfirmed { claim: ADDRESS, personal };
    assert_eq!(facts.last(), Some(&crate::Event::User(ANNA, user::Event::EmailConfirmed(confirmed))));
}

#[test]
fn a_link_for_something_else_or_for_an_address_that_is_not_wanted_any_more_confirms_nothing() {
    for purpose in [Purpose::Reset, Purpose::SignIn, Purpose::SignUp] {
        assert_eq!(Given::of(purpose, account(&[wants(PROOF)])).when(&confirm()), Err(Refusal::Expired));
    }
    for user in [account(&[wants(PROOF), wants(OTHER)]), account(&[]), user::State::Erased, user::State::Absent] {
        assert_eq!(Given::of(Purpose::Confirm, user).when(&confirm()), Err(Refusal::Expired));
    }
}

#[test]
fn an_address_that_another_account_confirmed_meanwhile_is_taken() {
    let command = Command::ConfirmEmail(ConfirmEmail { user_id: ANNA, to: to(Some(BORIS)) });
    let mut given = Given::of(Purpose::Confirm, account(&[wants(PROOF)]));
    given.address.owner = Some(BORIS);
    given.owner = account(&[has(ADDRESS)]);
    assert_eq!(given.when(&command), Err(Refusal::AddressTaken));
    assert_eq!(given.when(&confirm()), Err(Refusal::Incomplete));
    given.owner = user::State::Erased;
    assert!(given.when(&command).is_ok(), "who was erased has no address any more");
}

#[test]
fn a_forgotten_password_is_replaced_once_and_everybody_is_signed_out() {
    check_once(Given::of(Purpose::Reset, account(&[has(ADDRESS)])), &reset(), RESET_LASTS);
    let facts = Given::of(Purpose::Reset, account(&[has(ADDRESS)])).when(&reset());
    let expected = vec!["proof.used.v1", "user.password_changed.v1", "user.sessions_ended.v1"];
    assert_eq!(names(facts), Ok(expected));
}

#[test]
fn another_password_or_another_address_makes_a_reset_void() {
    for user in [
        account(&[has(ADDRESS), another_password()]),
        account(&[has(ADDRESS), has(EmailClaim([9; 32]))]),
        account(&[]),
        user::State::Erased,
    ] {
        assert_eq!(Given::of(Purpose::Reset, user).when(&reset()), Err(Refusal::Expired));
    }
    assert_eq!(Given::of(Purpose::SignIn, account(&[has(ADDRESS)])).when(&reset()), Err(Refusal::Expired));
}

#[test]
fn a_code_signs_in_once_without_a_password() {
    check_once(Given::of(Purpose::SignIn, account(&[has(ADDRESS)])), &sign_in(None), CODE_LASTS);
    let facts = Given::of(Purpose::SignIn, account(&[has(ADDRESS)])).when(&sign_in(None)).unwrap();
    let Some(crate::Event::Session(LAPTOP, session::Event::SignedIn(signed_in))) = facts.last() else {
        panic!("{facts:?}")
    };
    assert_eq!((signed_in.by, signed_in.new_device, signed_in.user_id), (Way::Mail, true, ANNA));
}

#[test]
fn a_code_is_spent_where_a_second_factor_is_asked_for() {
    let mut given = Given::of(Purpose::SignIn, account(&[has(ADDRESS)]));
    let secret = Personal::Known(totp::Secret("A".repeat(32)));
    totp::evolve(&mut given.totp, &totp::Event::Begun(totp::Begun { user_id: ANNA, at: NOON, secret }));
    totp::evolve(&mut given.totp, &totp::Event::Confirmed(totp::Confirmed { at: NOON, step: 1, codes: Vec::new() }));
    assert_eq!(names(given.when(&sign_in(None))), Ok(vec!["proof.used.v1"]));
}

#[test]
fn only_the_last_code_of_an_address_that_the_account_still_has_signs_in() {
    let mut given = Given::of(Purpose::SignIn, account(&[has(ADDRESS)]));
    given.address.code = Some((OTHER, NOON));
    assert_eq!(given.when(&sign_in(None)), Err(Refusal::Expired));
    for user in [account(&[]), user::State::Erased] {
        assert_eq!(Given::of(Purpose::SignIn, user).when(&sign_in(None)), Err(Refusal::Expired));
    }
    assert_eq!(Given::of(Purpose::Reset, account(&[has(ADDRESS)])).when(&sign_in(None)), Err(Refusal::Expired));
}

#[test]
fn five_wrong_codes_spend_it() {
    let mut given = Given::of(Purpose::SignIn, account(&[has(ADDRESS)]));
    for count in 1..=TRIES_MAX {
        let tried = Event::Tried(Tried { count });
        assert_eq!(given.when(&Command::CountWrongCode), Ok(vec![crate::Event::Proof(PROOF, tried.clone())]));
        assert!(given.when(&sign_in(None)).is_ok(), "before the wrong one counts");
        evolve(&mut given.proof, &tried);
    }
    assert_eq!(given.when(&sign_in(None)), Err(Refusal::Expired));
    assert_eq!(given.when(&Command::CountWrongCode), Ok(vec![]));
}

#[test]
fn the_first_right_code_of_an_unknown_address_opens_an_account() {
    let unknown = || {
        let mut given = Given::of(Purpose::SignUp, user::State::Absent);
        given.address.owner = None;
        given
    };
    let command = |name| {
        let Command::SignIn(command) = sign_in(name) else { unreachable!("it is one") };
        Command::SignIn(Box::new(SignIn { to: to(None), ..*command }))
    };
    let expected = [
        "proof.used.v1",
        "name.claimed.v1",
        "user.signed_up.v1",
        "user.name_given.v1",
        "email.claimed.v1",
        "user.email_confirmed.v1",
        "session.signed_in.v1",
    ];
    assert_eq!(names(unknown().when(&command(Some("amber 17")))), Ok(expected.to_vec()));
    assert_eq!(unknown().when(&command(None)), Err(Refusal::Expired));
    let mut taken = unknown();
    taken.name.owner = Some(BORIS);
    assert_eq!(taken.when(&command(Some("amber 17"))), Err(Refusal::NameTaken));
    let mut confirmed_meanwhile = unknown();
    confirmed_meanwhile.address.owner = Some(BORIS);
    confirmed_meanwhile.owner = account(&[has(ADDRESS)]);
    let Command::SignIn(late) = sign_in(Some("amber 17")) else { unreachable!("it is one") };
    let late = Command::SignIn(Box::new(SignIn { to: to(Some(BORIS)), ..*late }));
    assert_eq!(confirmed_meanwhile.when(&late), Err(Refusal::Expired));
}
