use super::*;
use crate::id::EmailClaim;
use crate::passkeys;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const LIST: IdentitiesId = IdentitiesId(ANNA.0);
const CLAIM: IdentityClaim = IdentityClaim([7; 32]);
const OTHER: IdentityClaim = IdentityClaim([8; 32]);
const ADDRESS: EmailClaim = EmailClaim([9; 32]);
const NAME: NameClaim = NameClaim([6; 32]);
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

fn id(number: u128) -> IdentityId {
    IdentityId(Uuid::from_u128(number))
}

fn email() -> Email {
    Email::parse("anna@example.org").unwrap()
}

fn shown(owner: Option<UserId>) -> Shown {
    Shown {
        identity_id: id(10),
        claim: CLAIM,
        owner,
        provider: "acme".to_owned(),
        issuer: "https://acme.example".to_owned(),
        parts: IdentityParts { subject: "anna-1".to_owned(), email: None, name: None },
    }
}

fn linked_as(number: u128, claim: IdentityClaim) -> Event {
    let Shown { provider, issuer, parts, .. } = shown(None);
    let parts = Personal::Known(parts);
    Event::Linked(Linked { identity_id: id(number), claim, provider, issuer, at: NOON, opened: false, parts })
}

fn account(user_id: UserId, passwords: usize, address: Option<EmailClaim>) -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    let changed = user::Event::PasswordChanged(user::PasswordChanged { verifier: Personal::Erased });
    let confirmed = address.map(|claim| {
        let personal = Personal::Known(user::ConfirmedEmail { email: email(), former: None });
        user::Event::EmailConfirmed(user::EmailConfirmed { claim, personal })
    });
    let signed_up = user::Event::SignedUp(user::SignedUp { at: NOON, personal });
    for event in std::iter::once(signed_up).chain(std::iter::repeat_n(changed, passwords)).chain(confirmed) {
        user::evolve(user_id, &mut state, &event);
    }
    state
}

/// What there is before: the list of the account, its state, whose the identity is, whose the address is.
struct Given {
    list: Vec<Event>,
    user: user::State,
    identity: Option<(UserId, user::State)>,
    address: Option<(UserId, user::State)>,
    name: Option<UserId>,
}

impl Given {
    fn account(user: user::State) -> Given {
        Given { list: Vec::new(), user, identity: None, address: None, name: None }
    }

    fn check(&self, command: &Command) -> Result<Vec<crate::Event>, Refusal> {
        let mut state = State::default();
        self.list.iter().for_each(|event| evolve(&mut state, event));
        let absent = user::State::Absent;
        let of = |owner: &Option<(UserId, user::State)>| owner.as_ref().map(|(user_id, _)| *user_id);
        let beside = Beside {
            user: &self.user,
            identity: Seen {
                state: identity::State { owner: of(&self.identity) },
                owner: self.identity.as_ref().map_or(&absent, |(_, state)| state),
            },
            address: email::Seen {
                state: email::State { owner: of(&self.address), ..email::State::default() },
                owner: self.address.as_ref().map_or(&absent, |(_, state)| state),
            },
            claim: name::State { owner: self.name },
            ways_in: ways_in::Beside { user: &self.user, identities: &state, passkeys: &passkeys::State::default() },
        };
        decide(LIST, &state, &beside, command, NOON).map(|decision| decision.facts)
    }
}

fn link(owner: Option<UserId>, because: Because) -> Command {
    Command::Link(Box::new(Link { shown: shown(owner), because }))
}

fn open(owner: Option<UserId>, address: Option<Option<UserId>>) -> Command {
    let address = address.map(|owner| (To { claim: ADDRESS, owner }, email()));
    let name = (NAME, UserName::parse("amber 7").unwrap());
    let language = Locale::default();
    Command::Open(Box::new(Open { shown: shown(owner), name, display_name: None, address, language }))
}

fn names(facts: Result<Vec<crate::Event>, Refusal>) -> Result<Vec<&'static str>, Refusal> {
    facts.map(|facts| facts.iter().map(crate::Event::name).collect())
}

const LINKED: [&str; 2] = ["identity.claimed.v1", "identities.linked.v1"];

#[test]
fn who_is_signed_in_links_an_identity_that_nobody_has() {
    let given = Given::account(account(ANNA, 1, None));
    assert_eq!(names(given.check(&link(None, Because::Asked))), Ok(LINKED.to_vec()));
    for gone in [user::State::Absent, user::State::Erased] {
        assert_eq!(Given::account(gone).check(&link(None, Because::Asked)), Err(Refusal::UserNotFound));
    }
}

#[test]
fn an_identity_has_one_account() {
    let mut given = Given::account(account(ANNA, 1, None));
    given.identity = Some((BORIS, account(BORIS, 1, None)));
    assert_eq!(given.check(&link(Some(BORIS), Because::Asked)), Err(Refusal::Taken));
    assert_eq!(given.check(&link(None, Because::Asked)), Err(Refusal::Incomplete), "it is sent again");
    given.user = user::State::Absent;
    assert_eq!(given.check(&open(Some(BORIS), None)), Err(Refusal::Taken));
    // Of somebody who was erased it is nobody's.
    given.identity = Some((BORIS, user::State::Erased));
    assert!(names(given.check(&open(Some(BORIS), None))).unwrap().ends_with(&LINKED));
    // The same wish twice.
    let mut given = Given::account(account(ANNA, 1, None));
    given.identity = Some((ANNA, account(ANNA, 1, None)));
    given.list = vec![linked_as(10, CLAIM)];
    assert_eq!(given.check(&link(Some(ANNA), Because::Asked)), Ok(vec![]));
}

#[test]
fn an_address_joins_an_account_that_has_confirmed_it_and_no_other() {
    let to = |owner| To { claim: ADDRESS, owner };
    let anna = account(ANNA, 1, Some(ADDRESS));
    let mut given = Given::account(anna.clone());
    given.address = Some((ANNA, anna));
    assert_eq!(names(given.check(&link(None, Because::SameAddress(to(Some(ANNA)))))), Ok(LINKED.to_vec()));
    given.address = Some((BORIS, account(BORIS, 1, Some(ADDRESS))));
    let of_boris = link(None, Because::SameAddress(to(Some(BORIS))));
    assert_eq!(given.check(&of_boris), Err(Refusal::AccountExists));
    assert_eq!(given.check(&link(None, Because::SameAddress(to(Some(ANNA))))), Err(Refusal::Incomplete));
    // Boris has another address by now.
    given.address = Some((BORIS, account(BORIS, 1, None)));
    assert_eq!(given.check(&of_boris), Err(Refusal::AccountExists));
}

#[test]
fn an_account_is_opened_for_an_identity_that_nobody_has() {
    let given = Given::account(user::State::Absent);
    let opened = ["name.claimed.v1", "user.signed_up.v1", "user.name_given.v1"];
    assert_eq!(names(given.check(&open(None, None))), Ok([&opened[..], &LINKED].concat()));
    let confirmed = ["email.claimed.v1", "user.email_confirmed.v1"];
    assert_eq!(names(given.check(&open(None, Some(None)))), Ok([&opened[..], &confirmed, &LINKED].concat()));
    let mut taken = Given::account(user::State::Absent);
    taken.name = Some(BORIS);
    assert_eq!(taken.check(&open(None, None)), Err(Refusal::NameTaken));
    let mut known = Given::account(user::State::Absent);
    known.address = Some((BORIS, account(BORIS, 1, Some(ADDRESS))));
    assert_eq!(known.check(&open(None, Some(Some(BORIS)))), Err(Refusal::AccountExists));
    assert_eq!(known.check(&open(None, Some(None))), Err(Refusal::Incomplete));
}

#[test]
fn who_is_suspended_links_nothing() {
    let mut user = account(ANNA, 1, None);
    let reason = Personal::Known(crate::text::Note::parse("spam").unwrap());
    user::evolve(ANNA, &mut user, &user::Event::Suspended(user::Suspended { by: BORIS, until: None, reason }));
    let refused = Given::account(user).check(&link(None, Because::Asked));
    assert_eq!(refused, Err(Refusal::Suspended { until: None }));
}

#[test]
fn the_last_way_in_stays() {
    let unlink = Command::Unlink(Unlink { identity_id: id(10), claim: CLAIM });
    assert_eq!(unlink.reads(LIST).identity, Some(CLAIM), "it is released with it");
    let check = |passwords, address, list: Vec<Event>| {
        let given = Given { list, ..Given::account(account(ANNA, passwords, address)) };
        names(given.check(&unlink))
    };
    let one = || vec![linked_as(10, CLAIM)];
    let unlinked = Ok(vec!["identity.released.v1", "identities.unlinked.v1"]);
    assert_eq!(check(0, None, one()), Err(Refusal::LastWayIn(LastWayIn)));
    assert_eq!(check(1, None, one()), unlinked);
    assert_eq!(check(0, Some(ADDRESS), one()), unlinked);
    assert_eq!(check(0, None, vec![linked_as(10, CLAIM), linked_as(11, OTHER)]), unlinked);
    assert_eq!(check(1, None, vec![]), Err(Refusal::NotFound));
    let gone = Event::Unlinked(Unlinked { identity_id: id(10), provider: "acme".to_owned(), at: NOON });
    assert_eq!(check(1, None, vec![linked_as(10, CLAIM), gone]), Err(Refusal::NotFound));
}

#[test]
fn an_operator_takes_one_away_be_it_the_last_way_in_and_every_session_ends() {
    let take = Command::TakeAway(Unlink { identity_id: id(10), claim: CLAIM });
    assert_eq!(take.reads(LIST).identity, Some(CLAIM), "it is released with it");
    let check = |list: Vec<Event>| {
        let given = Given { list, ..Given::account(account(ANNA, 0, None)) };
        names(given.check(&take))
    };
    let taken = vec!["identity.released.v1", "identities.unlinked.v1", "user.sessions_ended.v1"];
    assert_eq!(check(vec![linked_as(10, CLAIM)]), Ok(taken));
    assert_eq!(check(vec![linked_as(11, CLAIM)]), Err(Refusal::NotFound));
}

#[test]
fn there_are_twenty_and_no_more() {
    let mut given = Given::account(account(ANNA, 1, None));
    given.list = (100..119).map(|number| linked_as(number, OTHER)).collect();
    assert_eq!(names(given.check(&link(None, Because::Asked))), Ok(LINKED.to_vec()));
    given.list.push(linked_as(119, OTHER));
    assert_eq!(given.check(&link(None, Because::Asked)), Err(Refusal::TooMany));
}
