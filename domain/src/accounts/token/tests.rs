//! The rules of service tokens.

use super::*;
use crate::text::UserName;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const BOT: TokenId = TokenId(Uuid::from_u128(3));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of a token and of its user's quota, when this is wanted, then these are the facts that follow,
/// or the refusal. Anna has an account.
#[track_caller]
fn check(given: &[crate::Event], when: Command, then: Result<Vec<crate::Event>, Refusal>) {
    check_with(&account(), given, when, then);
}

#[track_caller]
fn check_with(user: &user::State, given: &[crate::Event], when: Command, then: Result<Vec<crate::Event>, Refusal>) {
    let (mut state, mut quota) = (State::default(), quota::State::default());
    for event in given {
        if let crate::Event::Token(BOT, event) = event {
            evolve(&mut state, event);
        } else if let crate::Event::Quota(id, event) = event {
            assert_eq!(*id, ANNA.into());
            quota::evolve(&mut quota, event);
        }
    }
    let follows = decide(BOT, &state, user, &quota, &when, NOON).map(|decision| decision.facts);
    assert_eq!(follows, then, "given {given:?}, when {when:?}");
}

fn account() -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    user::evolve(ANNA, &mut state, &user::Event::SignedUp(user::SignedUp { at: NOON, personal }));
    state
}

fn name() -> TokenName {
    TokenName::parse("the shop's backend").unwrap()
}

fn scopes() -> Scopes {
    Scopes::parse(["write", "read"]).unwrap()
}

fn create() -> Command {
    Command::Create(Create {
        user_id: ANNA,
        name: name(),
        token_hash: TokenHash([5; 32]),
        scopes: scopes(),
        expires_at: Some(NOON.plus_seconds(60)),
        held: None,
    })
}

fn revoke(by: UserId) -> Command {
    Command::Revoke(Revoke { by })
}

fn of_quota(event: quota::Event) -> crate::Event {
    crate::Event::Quota(ANNA.into(), event)
}

/// Whatever else Anna had is gone.
fn cleared() -> crate::Event {
    of_quota(quota::Event::TokensCleared)
}

fn counted() -> crate::Event {
    of_quota(quota::Event::TokenCounted(TokenCounted {
        token_id: BOT,
        at: NOON,
        expires_at: Some(NOON.plus_seconds(60)),
    }))
}

fn released() -> crate::Event {
    of_quota(quota::Event::TokenReleased(quota::TokenReleased { token_id: BOT }))
}

fn created() -> crate::Event {
    let created = Event::Created(Created {
        user_id: ANNA,
        token_hash: TokenHash([5; 32]),
        scopes: scopes(),
        at: NOON,
        expires_at: Some(NOON.plus_seconds(60)),
        name: Personal::Known(name()),
    });
    crate::Event::Token(BOT, created)
}

fn revoked() -> crate::Event {
    crate::Event::Token(BOT, Event::Revoked(Revoked { user_id: ANNA }))
}

#[test]
fn who_has_an_account_creates_a_token() {
    check(&[cleared()], create(), Ok(vec![counted(), created()]));
    let mut quota = quota::State::default();
    quota::evolve(&mut quota, &quota::Event::TokensCleared);
    let decision = decide(BOT, &State::Absent, &account(), &quota, &create(), NOON).unwrap();
    let expires_at = Some(NOON.plus_seconds(60));
    assert_eq!(decision.outcome, Outcome::TokenCreated { token_id: BOT, created_at: NOON, expires_at });
}

#[test]
fn the_first_one_says_which_there_are_from_before() {
    check(&[], create(), Err(quota::Refusal::NotAdopted.into()));
    let Command::Create(create) = create() else { unreachable!("it was made so") };
    let tokens = vec![HeldToken { token_id: TokenId(Uuid::from_u128(9)), expires_at: None }];
    let knowing = Command::Create(Create { held: Some(tokens.clone()), ..create });
    let adopted = of_quota(quota::Event::TokensAdopted(quota::TokensAdopted { tokens }));
    check(&[], knowing, Ok(vec![adopted, counted(), created()]));
}

#[test]
fn who_has_as_many_as_one_may_have_gets_none() {
    let token =
        |number: u128| TokenCounted { token_id: TokenId(Uuid::from_u128(100 + number)), at: NOON, expires_at: None };
    let held = (0..100).map(|number| of_quota(quota::Event::TokenCounted(token(number))));
    let given = std::iter::once(cleared()).chain(held).collect::<Vec<_>>();
    check(&given, create(), Err(quota::Refusal::TooManyTokens.into()));
    check(&given[..100], create(), Ok(vec![counted(), created()]));
}

#[test]
fn who_has_no_account_or_no_more_creates_none() {
    for user in [user::State::Absent, user::State::Erased] {
        check_with(&user, &[cleared()], create(), Err(Refusal::UserNotFound));
    }
}

#[test]
fn a_token_is_created_once() {
    check(&[created()], create(), Err(Refusal::AlreadyExists));
    check(&[created(), revoked()], create(), Err(Refusal::AlreadyExists));
}

#[test]
fn a_token_is_revoked_by_its_user_and_the_second_time_writes_nothing() {
    let given = [cleared(), counted(), created()];
    check(&given, revoke(ANNA), Ok(vec![released(), revoked()]));
    check(&[given.to_vec(), vec![released(), revoked()]].concat(), revoke(ANNA), Ok(vec![]));
}

#[test]
fn a_token_from_before_is_released_so_that_no_read_model_that_lags_has_it_adopted() {
    check(&[created()], revoke(ANNA), Ok(vec![released(), revoked()]));
    check(&[cleared(), created()], revoke(ANNA), Ok(vec![revoked()]));
}

#[test]
fn anothers_token_looks_as_if_there_were_none() {
    for given in [vec![], vec![created()], vec![created(), revoked()]] {
        check(&given, revoke(BORIS), Err(Refusal::NotFound));
    }
}

#[test]
fn scopes_are_each_once_and_in_one_order() {
    assert_eq!(Scopes::parse(["notify", "write", "read"]).unwrap().iter().collect::<Vec<_>>(), Scope::ALL);
    assert!(scopes().contains(Scope::Write) && !scopes().contains(Scope::Notify));
    let fault = |names: &[&str]| Scopes::parse(names.iter().copied()).unwrap_err().0;
    assert_eq!(fault(&[]), None);
    assert_eq!(fault(&["read", "admin"]), Some(1));
    assert_eq!(fault(&["read", "write", "read"]), Some(2));
    assert_eq!(fault(&["Read"]), Some(0));
    for scope in Scope::ALL {
        assert_eq!(serde_json::to_string(&scope).unwrap(), format!("\"{}\"", scope.name()));
    }
}
