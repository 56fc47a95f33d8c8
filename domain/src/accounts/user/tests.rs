//! The rules of accounts.

mod suspension;

use super::*;
use crate::id::{EmailClaim, NameClaim};
use crate::text::{DisplayName, Email, Locale, TimeZone, UserName};
use crate::{ProofId, SessionId, email, proof};
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const LAPTOP: SessionId = SessionId(Uuid::from_u128(3));
const CLAIM: NameClaim = NameClaim([7; 32]);
const ADDRESS: EmailClaim = EmailClaim([8; 32]);
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of Anna's account, when this is wanted, then these are the facts that follow, or the refusal.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let what = format!("given {given:?}, when {when:?}");
    let follows =
        decided(given, &when).map(|decision| decision.facts.into_iter().filter_map(of_anna).collect::<Vec<_>>());
    assert_eq!(follows, then, "{what}");
}

/// The first time it is accepted and writes something; wanted again, it writes nothing.
fn check_once(given: &[Event], when: Command) {
    let first = decided(given, &when).unwrap().facts.into_iter().filter_map(of_anna);
    let after = given.iter().cloned().chain(first).collect::<Vec<_>>();
    assert!(after.len() > given.len(), "the first {when:?} writes something");
    check(&after, when, Ok(vec![]));
}

fn decided(given: &[Event], when: &Command) -> Result<Decision, Refusal> {
    decide_with(given, &name::State::default(), &Seen { state: email::State::default(), owner: &State::Absent }, when)
}

fn decide_with(given: &[Event], claim: &name::State, address: &Seen<'_>, when: &Command) -> Result<Decision, Refusal> {
    decide(ANNA, &folded(given), &Beside { claim: *claim, address: *address, by: &State::Absent }, when, NOON)
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    for event in given {
        evolve(ANNA, &mut state, event);
    }
    state
}

fn account(given: &[Event]) -> Account {
    let State::Open(account) = folded(given) else { panic!("{given:?} is no open account") };
    *account
}

/// What happened to the account itself: that her time zone changed is noted with her preferences as well.
fn of_anna(event: crate::Event) -> Option<Event> {
    if event == zone_noted() {
        return None;
    }
    let crate::Event::User(ANNA, event) = event else { panic!("{event:?} is no fact of this account") };
    Some(event)
}

fn zone_noted() -> crate::Event {
    crate::Event::Preferences(ANNA.into(), preferences::Event::TimeZoneChanged)
}

fn signed_up() -> Event {
    let personal = Personal::Known(SignedUpAs {
        user_name: UserName::parse("Anna").unwrap(),
        email: Some(Email::parse("anna@example.org").unwrap()),
    });
    Event::SignedUp(SignedUp { at: NOON, personal })
}

fn has_password(phc: &str) -> Event {
    password_changed(&Verifier(phc.to_owned()))
}

fn failed(minute: Timestamp, count: u32) -> Event {
    let from = Personal::Known(Origin::default());
    Event::SignInsFailed(SignInsFailed { minute, count, from })
}

fn profile_changed(display_name: Personal<DisplayName>, time_zone: &str, locale: &str) -> Event {
    Event::ProfileChanged(ProfileChanged {
        time_zone: TimeZone::parse(time_zone).unwrap(),
        locale: Locale::parse(locale).unwrap(),
        display_name,
    })
}

fn called(display_name: &str) -> Personal<DisplayName> {
    Personal::Known(DisplayName::parse(display_name).unwrap())
}

fn sign_up_as_anna(verifier: Option<&str>) -> Command {
    Command::SignUp(SignUp {
        claim: CLAIM,
        user_name: UserName::parse("Anna").unwrap(),
        email: Some(anna_at_example()),
        verifier: verifier.map(|phc| Verifier(phc.to_owned())),
    })
}

fn anna_at_example() -> NewAddress {
    NewAddress {
        email: Email::parse("anna@example.org").unwrap(),
        claim: ADDRESS,
        owner: None,
        proof_id: ProofId(Uuid::from_u128(9)),
        language: Locale::default(),
    }
}

fn change_display_name(text: &str) -> Command {
    Command::ChangeProfile(ChangeProfile {
        user_name: None,
        display_name: Some(DisplayName::parse(text).unwrap()),
        time_zone: None,
        locale: None,
    })
}

fn change_password(checked: Option<u32>) -> Command {
    Command::ChangePassword(ChangePassword { verifier: Verifier("new".to_owned()), checked, keep: Some(LAPTOP) })
}

fn count_failures(minute: Timestamp, count: u32) -> Command {
    Command::CountFailedSignIns(CountFailedSignIns { minute, count, from: Origin::default() })
}

/// Everything but signing up and erasing.
fn changes() -> Vec<Command> {
    vec![
        change_display_name("Anna P."),
        change_password(Some(1)),
        change_password(None),
        count_failures(NOON.minute(), 1),
        Command::ReplaceVerifier(ReplaceVerifier { verifier: Verifier("newer".to_owned()), checked: 1 }),
        Command::EndSessions(EndSessions { keep: None }),
        Command::SetRole(SetRole { role: Role::Admin }),
        Command::ChangeEmail(anna_at_example()),
    ]
}

#[test]
fn signing_up_claims_the_name_and_opens_the_account_in_one_decision() {
    let decision = decided(&[], &sign_up_as_anna(Some("old"))).unwrap();
    let claimed = name::Event::Claimed(name::Claimed { user_id: ANNA });
    assert_eq!(
        decision.facts,
        [
            crate::Event::Name(CLAIM, claimed),
            crate::Event::User(ANNA, signed_up()),
            crate::Event::User(ANNA, has_password("old")),
            crate::Event::User(ANNA, requested(9, NOON)),
            issued(Purpose::Welcome, 9),
        ]
    );
    assert_eq!(decision.outcome, Outcome::SignedUp { user_id: ANNA });
}

#[test]
fn imported_people_sign_up_without_a_password() {
    let Command::SignUp(sign_up) = sign_up_as_anna(None) else { unreachable!("it is one") };
    let decision = decided(&[], &Command::SignUp(SignUp { email: None, ..sign_up })).unwrap();
    let events = decision.facts.into_iter().skip(1).filter_map(of_anna).collect::<Vec<_>>();
    let personal = Personal::Known(SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    assert_eq!(events, [Event::SignedUp(SignedUp { at: NOON, personal })]);
    assert_eq!(account(&events).passwords, 0);
}

#[test]
fn a_name_that_somebody_claimed_is_taken() {
    let mut claim = name::State::default();
    name::evolve(&mut claim, &name::Event::Claimed(name::Claimed { user_id: BORIS }));
    let nobodys = Seen { state: email::State::default(), owner: &State::Absent };
    let refused = decide(
        ANNA,
        &State::Absent,
        &Beside { claim, address: nobodys, by: &State::Absent },
        &sign_up_as_anna(None),
        NOON,
    );
    assert_eq!(refused, Err(Refusal::AlreadyExists));
}

#[test]
fn nobody_signs_up_twice_or_after_being_erased() {
    check(&[signed_up()], sign_up_as_anna(None), Err(Refusal::AlreadyExists));
    check(&[signed_up(), Event::Erased], sign_up_as_anna(None), Err(Refusal::AlreadyExists));
}

#[test]
fn a_new_account_is_called_by_its_name_and_may_do_nothing_special() {
    let profile = account(&[signed_up()]).profile;
    let expected = Profile {
        user_id: ANNA,
        user_name: Personal::Known(UserName::parse("Anna").unwrap()),
        display_name: called("Anna"),
        email: Some(Email::parse("anna@example.org").unwrap()),
        email_confirmed: false,
        time_zone: TimeZone::parse("UTC").unwrap(),
        locale: Locale::parse("en").unwrap(),
        role: Role::User,
        created_at: NOON,
    };
    assert_eq!(profile, expected);
}

#[test]
fn nothing_can_be_wanted_of_an_account_that_never_was() {
    for change in changes() {
        check(&[], change, Err(Refusal::NotFound));
    }
    check(&[], Command::Erase, Err(Refusal::NotFound));
}

#[test]
fn nothing_can_be_changed_on_an_erased_account() {
    for change in changes() {
        check(&[signed_up(), Event::Erased], change, Err(Refusal::NotFound));
    }
}

#[test]
fn a_changed_profile_keeps_what_was_not_named() {
    let moved = Command::ChangeProfile(ChangeProfile {
        user_name: None,
        display_name: None,
        time_zone: Some(TimeZone::parse("Europe/Berlin").unwrap()),
        locale: None,
    });
    let given = [signed_up(), profile_changed(called("Anna P."), "UTC", "de")];
    check(&given, moved, Ok(vec![profile_changed(called("Anna P."), "Europe/Berlin", "de")]));
}

#[test]
fn a_change_of_profile_answers_the_profile_as_it_reads_now() {
    let everything = Command::ChangeProfile(ChangeProfile {
        user_name: None,
        display_name: Some(DisplayName::parse("Аня").unwrap()),
        time_zone: Some(TimeZone::parse("Asia/Tbilisi").unwrap()),
        locale: Some(Locale::parse("ru").unwrap()),
    });
    let changed = profile_changed(called("Аня"), "Asia/Tbilisi", "ru");
    let decision = decided(&[signed_up()], &everything).unwrap();
    assert_eq!(decision.facts, [crate::Event::User(ANNA, changed.clone()), zone_noted()]);
    let speaks = Command::ChangeProfile(ChangeProfile {
        user_name: None,
        display_name: None,
        time_zone: None,
        locale: Some(Locale::default()),
    });
    let facts = decided(&[signed_up(), changed.clone()], &speaks).unwrap().facts;
    assert_eq!(facts, [crate::Event::User(ANNA, profile_changed(called("Аня"), "Asia/Tbilisi", "en"))]);
    let profile = account(&[signed_up(), changed.clone()]).profile;
    assert_eq!(decision.outcome, Outcome::Profile(profile.clone()));
    let again = decided(&[signed_up(), changed], &everything).unwrap();
    assert_eq!(again, Decision::nothing(Outcome::Profile(profile)));
}

#[test]
fn a_change_of_profile_that_names_nothing_writes_nothing() {
    let nothing =
        Command::ChangeProfile(ChangeProfile { user_name: None, display_name: None, time_zone: None, locale: None });
    check(&[signed_up()], nothing, Ok(vec![]));
}

#[test]
fn the_same_wish_twice_writes_nothing_the_second_time() {
    check_once(&[signed_up()], change_display_name("Anna P."));
    check_once(&[signed_up()], Command::SetRole(SetRole { role: Role::Notifier }));
    check_once(&[signed_up()], count_failures(NOON.minute(), 3));
    check_once(&[signed_up()], Command::Erase);
}

#[test]
fn a_changed_password_ends_the_sessions_that_were_opened_with_the_old_one() {
    let ended = Event::SessionsEnded(SessionsEnded { keep: Some(LAPTOP) });
    check(&[signed_up(), has_password("old")], change_password(Some(1)), Ok(vec![has_password("new"), ended]));
}

#[test]
fn a_first_password_ends_no_sessions() {
    check(&[signed_up()], change_password(None), Ok(vec![has_password("new")]));
}

#[test]
fn a_password_that_was_checked_against_another_version_changes_nothing() {
    let given = [signed_up(), has_password("first"), has_password("second")];
    for stale in [0, 1, 3] {
        check(&given, change_password(Some(stale)), Err(Refusal::BadCredentials));
    }
    assert!(decided(&given, &change_password(Some(2))).is_ok());
}

#[test]
fn an_operator_sets_a_password_without_knowing_the_old_one() {
    let ended = Event::SessionsEnded(SessionsEnded { keep: None });
    let set =
        Command::ChangePassword(ChangePassword { verifier: Verifier("new".to_owned()), checked: None, keep: None });
    check(&[signed_up(), has_password("old")], set, Ok(vec![has_password("new"), ended]));
}

#[test]
fn an_outdated_verifier_is_replaced_without_anything_else() {
    let replace =
        |checked| Command::ReplaceVerifier(ReplaceVerifier { verifier: Verifier("newer".to_owned()), checked });
    let replaced =
        Event::VerifierReplaced(VerifierReplaced { verifier: Personal::Known(Verifier("newer".to_owned())) });
    let given = [signed_up(), has_password("old")];
    check(&given, replace(1), Ok(vec![replaced.clone()]));
    // Changed meanwhile: the new password's verifier stays.
    check(&[signed_up(), has_password("old"), has_password("new")], replace(1), Ok(vec![]));
    check(&[signed_up(), Event::Erased], replace(1), Err(Refusal::NotFound));
    // Whoever checked the old verifier of the same password may sign in.
    let after = [signed_up(), has_password("old"), replaced];
    assert_eq!(account(&after).passwords, 1);
}

#[test]
fn passwords_are_counted_whether_or_not_their_verifiers_can_still_be_read() {
    let forgotten = Event::PasswordChanged(PasswordChanged { verifier: Personal::Erased });
    assert_eq!(account(&[signed_up(), forgotten, has_password("new")]).passwords, 2);
}

#[test]
fn failures_are_counted_by_the_minute_and_never_backwards() {
    let minute = NOON.minute();
    let next = minute.plus_seconds(60);
    let three = [signed_up(), failed(minute, 3)];
    check(&[signed_up()], count_failures(minute, 1), Ok(vec![failed(minute, 1)]));
    check(&three, count_failures(minute, 4), Ok(vec![failed(minute, 4)]));
    check(&three, count_failures(minute, 3), Ok(vec![]));
    check(&three, count_failures(minute, 2), Ok(vec![]));
    check(&three, count_failures(next, 1), Ok(vec![failed(next, 1)]));
    let later = [signed_up(), failed(minute, 3), failed(next, 1)];
    check(&later, count_failures(minute, 9), Ok(vec![]));
    assert_eq!(account(&later).failures, (next, 1));
}

#[test]
fn sessions_are_ended_all_or_all_but_one() {
    for keep in [None, Some(LAPTOP)] {
        check(
            &[signed_up()],
            Command::EndSessions(EndSessions { keep }),
            Ok(vec![Event::SessionsEnded(SessionsEnded { keep })]),
        );
    }
}

#[test]
fn sessions_are_ended_each_time_because_new_ones_may_have_been_opened_meanwhile() {
    let ended = Event::SessionsEnded(SessionsEnded { keep: None });
    check(&[signed_up(), ended.clone()], Command::EndSessions(EndSessions { keep: None }), Ok(vec![ended.clone()]));
}

#[test]
fn locking_out_ends_every_session_and_token_and_counts_none_any_more() {
    let locked_out = || {
        let ended = Event::SessionsEnded(SessionsEnded { keep: None });
        let cleared = crate::Event::Quota(ANNA.into(), quota::Event::TokensCleared);
        vec![cleared, crate::Event::User(ANNA, ended), crate::Event::User(ANNA, Event::TokensRevoked)]
    };
    for given in [vec![signed_up()], vec![signed_up(), Event::TokensRevoked]] {
        assert_eq!(decided(&given, &Command::LockOut).unwrap().facts, locked_out());
    }
    for given in [vec![], vec![signed_up(), Event::Erased]] {
        assert_eq!(decided(&given, &Command::LockOut), Err(Refusal::NotFound));
    }
    assert_eq!(Command::LockOut.reads(ANNA).quota, Some(ANNA.into()));
}

#[test]
fn any_role_can_be_given_and_taken_back() {
    for role in [Role::Notifier, Role::Admin] {
        let set = Event::RoleSet(RoleSet { role });
        check(&[signed_up()], Command::SetRole(SetRole { role }), Ok(vec![set.clone()]));
        assert_eq!(account(&[signed_up(), set.clone()]).profile.role, role);
        check(
            &[signed_up(), set],
            Command::SetRole(SetRole { role: Role::User }),
            Ok(vec![Event::RoleSet(RoleSet { role: Role::User })]),
        );
    }
    check(&[signed_up()], Command::SetRole(SetRole { role: Role::User }), Ok(vec![]));
}

#[test]
fn roles_read_back_from_their_names() {
    for role in Role::ALL {
        assert_eq!(Role::parse(role.name()), Some(role));
        assert_eq!(serde_json::to_value(role).unwrap(), role.name());
    }
    assert_eq!(Role::parse("Admin"), None);
}

#[test]
fn an_erased_account_stays_erased_whatever_is_folded_in() {
    let late = [
        profile_changed(called("Anna"), "UTC", "en"),
        has_password("old"),
        failed(NOON.minute(), 1),
        Event::SessionsEnded(SessionsEnded { keep: None }),
        Event::RoleSet(RoleSet { role: Role::Admin }),
        Event::Erased,
    ];
    for event in late {
        assert_eq!(folded(&[signed_up(), Event::Erased, event]), State::Erased);
    }
}

#[test]
fn facts_without_an_account_open_none() {
    assert_eq!(folded(&[has_password("old"), Event::Erased]), State::Absent);
}

#[test]
fn what_was_forgotten_folds_as_erased() {
    let nameless = Event::SignedUp(SignedUp { at: NOON, personal: Personal::Erased });
    let failed = Event::SignInsFailed(SignInsFailed { minute: NOON.minute(), count: 2, from: Personal::Erased });
    let account = account(&[nameless, failed]);
    assert_eq!(account.profile.user_name, Personal::Erased);
    assert_eq!(account.profile.display_name, Personal::Erased);
    assert_eq!(account.profile.email, None);
    assert_eq!(account.profile.created_at, NOON);
    assert_eq!(account.failures, (NOON.minute(), 2));
}

#[test]
fn a_forgotten_display_name_stays_forgotten_when_the_rest_changes() {
    let forgotten = profile_changed(Personal::Erased, "UTC", "de");
    let moved = Command::ChangeProfile(ChangeProfile {
        user_name: None,
        display_name: None,
        time_zone: Some(TimeZone::parse("Europe/Berlin").unwrap()),
        locale: None,
    });
    check(&[signed_up(), forgotten], moved, Ok(vec![profile_changed(Personal::Erased, "Europe/Berlin", "de")]));
}

#[test]
fn a_verifier_is_not_shown() {
    let shown = format!("{:?}", has_password("$argon2id$secret"));
    assert!(!shown.contains("secret"), "{shown}");
}

fn requested(proof: u128, at: Timestamp) -> Event {
    let email = Personal::Known(anna_at_example().email);
    let proof_id = ProofId(Uuid::from_u128(proof));
    Event::EmailChangeRequested(EmailChangeRequested { proof_id, claim: ADDRESS, at, email })
}

fn issued(purpose: Purpose, proof: u128) -> crate::Event {
    let issued = proof::Issued {
        purpose,
        user_id: Some(ANNA),
        claim: ADDRESS,
        passwords: 0,
        language: Locale::default(),
        at: NOON,
        expires_at: NOON.plus(proof::CONFIRM_LASTS),
        email: Personal::Known(anna_at_example().email),
    };
    crate::Event::Proof(ProofId(Uuid::from_u128(proof)), proof::Event::Issued(issued))
}

fn confirmed() -> Event {
    let personal = Personal::Known(ConfirmedEmail { email: anna_at_example().email, former: None });
    Event::EmailConfirmed(EmailConfirmed { claim: ADDRESS, personal })
}

/// Of an address that this account has confirmed.
fn has_address(given: &[Event]) -> State {
    folded(&[given, &[confirmed()]].concat())
}

fn change_email(owner: Option<UserId>) -> Command {
    Command::ChangeEmail(NewAddress { owner, ..anna_at_example() })
}

fn facts_of(decision: Result<Decision, Refusal>) -> Result<Vec<crate::Event>, Refusal> {
    decision.map(|decision| decision.facts)
}

#[test]
fn an_address_is_asked_for_once_a_minute_and_not_when_it_is_confirmed() {
    let nobodys = Seen { state: email::State::default(), owner: &State::Absent };
    let ask = |given: &[Event]| facts_of(decide_with(given, &name::State::default(), &nobodys, &change_email(None)));
    let asked = || vec![crate::Event::User(ANNA, requested(9, NOON)), issued(Purpose::Confirm, 9)];
    assert_eq!(ask(&[signed_up()]), Ok(asked()));
    assert_eq!(ask(&[signed_up(), requested(5, NOON.plus_seconds(-59))]), Ok(vec![]));
    assert_eq!(ask(&[signed_up(), requested(5, NOON.plus_seconds(-60))]), Ok(asked()));
    assert_eq!(ask(&[signed_up(), confirmed()]), Ok(vec![]));
}

#[test]
fn the_owner_of_an_address_is_told_that_somebody_wants_it_and_nothing_is_mailed_to_confirm_it() {
    let boris = has_address(&[signed_up()]);
    let wanted = |told_at, owner: &State, named| {
        let state = email::State { owner: Some(BORIS), told_at, ..email::State::default() };
        let seen = Seen { state, owner };
        facts_of(decide_with(&[signed_up()], &name::State::default(), &seen, &change_email(named)))
    };
    let asked = crate::Event::User(ANNA, requested(9, NOON));
    let told = crate::Event::Email(ADDRESS, email::Event::Wanted(email::Wanted { user_id: BORIS, at: NOON }));
    assert_eq!(wanted(None, &boris, Some(BORIS)), Ok(vec![asked.clone(), told]));
    assert_eq!(wanted(Some(NOON.plus_seconds(-59)), &boris, Some(BORIS)), Ok(vec![asked.clone()]));
    assert_eq!(wanted(None, &State::Absent, None), Err(Refusal::Incomplete));
    // Who was erased or has another address has this one no more.
    for free in [State::Erased, folded(&[signed_up()])] {
        assert_eq!(wanted(None, &free, Some(BORIS)), Ok(vec![asked.clone(), issued(Purpose::Confirm, 9)]));
    }
}

#[test]
fn the_confirmed_address_is_shown_until_another_is_confirmed() {
    let other = Event::EmailChangeRequested(EmailChangeRequested {
        proof_id: ProofId(Uuid::from_u128(4)),
        claim: EmailClaim([1; 32]),
        at: NOON,
        email: Personal::Known(Email::parse("a@b.example").unwrap()),
    });
    let shown = |given: &[Event]| {
        let profile = account(given).profile;
        (profile.email.map(|email| email.as_str().to_owned()), profile.email_confirmed)
    };
    assert_eq!(shown(&[signed_up(), other.clone()]), (Some("a@b.example".to_owned()), false));
    assert_eq!(shown(&[signed_up(), confirmed(), other]), (Some("anna@example.org".to_owned()), true));
}

#[test]
fn a_name_that_was_made_up_here_is_chosen_once() {
    let choose = |given: &[Event], name: &str, owner| {
        let user_name = Some((CLAIM, UserName::parse(name).unwrap()));
        let nothing = ChangeProfile { user_name, display_name: None, time_zone: None, locale: None };
        let nobodys = Seen { state: email::State::default(), owner: &State::Absent };
        let claim = name::State { owner };
        facts_of(decide_with(given, &claim, &nobodys, &Command::ChangeProfile(nothing)))
    };
    let chosen = Event::NameChosen(NameChosen { user_name: Personal::Known(UserName::parse("Vera").unwrap()) });
    let claimed = crate::Event::Name(CLAIM, name::Event::Claimed(name::Claimed { user_id: ANNA }));
    let facts = vec![
        claimed,
        crate::Event::User(ANNA, chosen.clone()),
        crate::Event::User(ANNA, profile_changed(called("Vera"), "UTC", "en")),
    ];
    let given = [signed_up(), Event::NameGiven];
    assert_eq!(choose(&given, "Vera", None), Ok(facts));
    assert_eq!(choose(&given, "Vera", Some(BORIS)), Err(Refusal::AlreadyExists));
    assert_eq!(choose(&[signed_up()], "Vera", None), Err(Refusal::NameFixed));
    assert_eq!(choose(&[signed_up(), Event::NameGiven, chosen.clone()], "Vlad", None), Err(Refusal::NameFixed));
    assert_eq!(choose(&[signed_up(), Event::NameGiven, chosen], "Vera", Some(ANNA)), Ok(vec![]));
}

#[test]
fn who_signed_in_by_mail_is_signed_out_by_a_first_password() {
    let ended = Event::SessionsEnded(SessionsEnded { keep: Some(LAPTOP) });
    check(&[signed_up(), confirmed()], change_password(None), Ok(vec![has_password("new"), ended]));
}
