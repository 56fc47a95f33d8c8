//! The rules of preferences.

use super::*;
use crate::Timestamp;
use crate::text::UserName;
use uuid::Uuid;

const ANNA: UserId = UserId(Uuid::from_u128(1));
const HERS: PreferencesId = PreferencesId(ANNA.0);

/// Given these facts of Anna's, who has an account, when this is wanted, then these are the facts that follow, or the
/// refusal.
#[track_caller]
fn check(given: &[Event], when: Command, then: Result<Vec<crate::Event>, Refusal>) {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    let follows = decide(HERS, &state, &account(), &when).map(|decision| decision.facts);
    assert_eq!(follows, then, "given {given:?}, when {when:?}");
}

fn account() -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Anna").unwrap(), email: None });
    user::evolve(ANNA, &mut state, &user::Event::SignedUp(user::SignedUp { at: Timestamp(7), personal }));
    state
}

fn night() -> Window {
    Window::parse(["fri", "sat"], "22:00", "07:00").unwrap()
}

fn no_mail() -> BTreeMap<String, Choice> {
    [("messages".to_owned(), [(Channel::Email, false)].into())].into()
}

fn choices() -> Choices {
    Choices::new(&Categories::built_in(), no_mail()).unwrap()
}

fn wanted() -> Set {
    Set { quiet_hours: vec![night()], categories: choices(), time_zone: None }
}

fn preferred(quiet_hours: Vec<Window>, categories: Choices) -> Event {
    let preferences = Preferences { quiet_hours, categories: categories.0 };
    Event::Set(Preferred { preferences: Personal::Known(preferences) })
}

fn here(event: Event) -> crate::Event {
    crate::Event::Preferences(HERS, event)
}

fn moved(zone: &str) -> crate::Event {
    let user::State::Open(account) = account() else { unreachable!("it is open") };
    let moved = user::moved(&account, &TimeZone::parse(zone).unwrap());
    crate::Event::User(ANNA, moved.expect("Anna lives elsewhere"))
}

fn unsubscribe(key: &str, how: How) -> Result<Unsubscribe, Refusal> {
    Unsubscribe::of(Categories::built_in().find(key).unwrap(), how)
}

#[test]
fn preferences_are_set_as_a_whole_and_the_same_again_writes_nothing() {
    let set = preferred(vec![night()], choices());
    check(&[], Command::Set(wanted()), Ok(vec![here(set.clone())]));
    check(std::slice::from_ref(&set), Command::Set(wanted()), Ok(vec![]));
    let nothing = Set { quiet_hours: vec![], categories: Choices::default(), time_zone: None };
    check(&[set], Command::Set(nothing.clone()), Ok(vec![here(preferred(vec![], Choices::default()))]));
    check(&[], Command::Set(nothing), Ok(vec![]));
}

#[test]
fn the_time_zone_is_that_of_the_profile() {
    let berlin = TimeZone::parse("Europe/Berlin").unwrap();
    let set = preferred(vec![night()], choices());
    let with_zone = Command::Set(Set { time_zone: Some(berlin), ..wanted() });
    check(&[], with_zone.clone(), Ok(vec![moved("Europe/Berlin"), here(set.clone())]));
    check(std::slice::from_ref(&set), with_zone, Ok(vec![moved("Europe/Berlin"), here(Event::TimeZoneChanged)]));
    // She lives there already.
    check(&[set], Command::Set(Set { time_zone: Some(TimeZone::default()), ..wanted() }), Ok(vec![]));
}

#[test]
fn there_are_only_so_many_windows() {
    let windows = |count| Command::Set(Set { quiet_hours: vec![night(); count], ..wanted() });
    check(&[], windows(WINDOWS_MAX + 1), Err(Refusal::TooManyWindows));
    check(&[], windows(WINDOWS_MAX), Ok(vec![here(preferred(vec![night(); WINDOWS_MAX], choices()))]));
}

#[test]
fn who_unsubscribes_gets_no_mail_of_that_category_and_the_rest_as_before() {
    let marketing = unsubscribe("marketing", How::OneClick).unwrap();
    let category = CategoryKey::MARKETING;
    let gone = Event::Unsubscribed(Unsubscribed { category, how: How::OneClick });
    check(&[], Command::Unsubscribe(marketing.clone()), Ok(vec![here(gone.clone())]));
    check(std::slice::from_ref(&gone), Command::Unsubscribe(marketing), Ok(vec![]));
    let mut state = State::default();
    evolve(&mut state, &preferred(vec![night()], choices()));
    evolve(&mut state, &gone);
    let all = Categories::built_in();
    let wants = |key: &str, channel| state.preferences.allows(all.find(key).unwrap(), channel);
    assert!(!wants("marketing", Channel::Email) && wants("marketing", Channel::Inbox));
    assert!(!wants("messages", Channel::Email) && wants("messages", Channel::Live));
    assert_eq!(state.preferences.quiet_hours, [night()]);
}

#[test]
fn what_is_locked_cannot_be_switched_off() {
    for key in ["security", "account"] {
        assert_eq!(unsubscribe(key, How::Page).unwrap_err(), Refusal::Locked);
        let off = [(key.to_owned(), [(Channel::Email, false)].into())].into();
        assert!(Choices::new(&Categories::built_in(), off).unwrap().0.is_empty());
    }
    // Also where it was switched off before it was locked.
    let all = Categories::built_in();
    let messages = all.find("messages").unwrap();
    let preferences = Preferences { categories: choices().0, ..Preferences::default() };
    assert!(!preferences.allows(messages, Channel::Email));
    assert!(preferences.allows(&Category { locked: true, ..messages.clone() }, Channel::Email));
}

#[test]
fn only_categories_and_their_channels_can_be_chosen() {
    let all = Categories::built_in();
    let fault = |key: &str, channel, wanted| {
        let chosen = [(key.to_owned(), [(channel, wanted)].into())].into();
        Choices::new(&all, chosen).map(drop).map_err(|(key, channel, _)| (key, channel))
    };
    assert_eq!(fault("novelty", Channel::Email, false), Err(("novelty".to_owned(), None)));
    let of_webhook = Err(("chats".to_owned(), Some(Channel::Webhook)));
    assert_eq!(fault("chats", Channel::Webhook, true), of_webhook);
    assert_eq!(fault("chats", Channel::Webhook, false), Ok(()));
    assert_eq!(fault("marketing", Channel::Webhook, true), Ok(()));
}

#[test]
fn who_never_said_anything_is_told_as_by_default() {
    let all = Categories::built_in();
    for category in all.iter() {
        for channel in Channel::ALL {
            let wanted = Preferences::default().allows(category, *channel);
            assert_eq!(wanted, category.is_on_by_default(*channel), "{} {channel:?}", category.key);
        }
    }
}

#[test]
fn nobody_else_has_preferences() {
    for user in [user::State::Absent, user::State::Erased] {
        let unsubscribe = Command::Unsubscribe(unsubscribe("marketing", How::Admin).unwrap());
        for command in [Command::Set(wanted()), unsubscribe] {
            assert_eq!(decide(HERS, &State::EMPTY, &user, &command), Err(Refusal::UserNotFound));
        }
    }
}

#[test]
fn what_was_erased_is_as_if_it_was_never_said() {
    let mut state = State::default();
    evolve(&mut state, &preferred(vec![night()], choices()));
    evolve(&mut state, &Event::Set(Preferred { preferences: Personal::Erased }));
    assert_eq!(state, State::EMPTY);
}
