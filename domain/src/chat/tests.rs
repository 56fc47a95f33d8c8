//! The rules of chats: who comes and goes, what happens to the chat itself. What depends on roles is in `roles`.

mod bans;
mod direct;
mod invitations;
mod names;
mod roles;

use super::*;
use crate::id::NameClaim;
use crate::text::{ChatName, Nickname, UserName};
use crate::{Personal, Timestamp, UserId};
use std::collections::HashMap;
use uuid::Uuid;

const ROOM: ChatId = ChatId(Uuid::from_u128(100));
const OLGA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const VERA: UserId = UserId(Uuid::from_u128(3));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

/// Given these facts of a chat, when this is wanted, then these are the facts that follow, or the refusal.
/// Who comes in has an account of the name Vera.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_for(&vera(), given, when, then);
}

/// As [`check`], when somebody else comes in.
fn check_for(user: &user::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let what = format!("given {given:?}, when {when:?}");
    let follows = decide(ROOM, &folded(given), &beside(user), &when, NOON)
        .map(|decision| decision.facts.into_iter().map(of_room).collect());
    assert_eq!(follows, then, "{what}");
}

fn beside(user: &user::State) -> Beside<'_> {
    Beside { user, other: &user::State::Absent, claim: name::State::default() }
}

/// The first time it is accepted and writes something; wanted again, this follows.
fn check_again(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    let first = decide(ROOM, &folded(given), &beside(&vera()), &when, NOON).unwrap().facts;
    assert!(!first.is_empty(), "the first {when:?} writes something");
    let after = [given.to_vec(), first.into_iter().map(of_room).collect()].concat();
    check(&after, when, then);
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    for event in given {
        evolve(&mut state, event);
    }
    state
}

fn room(given: &[Event]) -> Room {
    let State::Open(room) = folded(given) else { panic!("{given:?} is no open chat") };
    *room
}

fn of_room(event: crate::Event) -> Event {
    let crate::Event::Chat(ROOM, event) = event else { panic!("{event:?} is no fact of this chat") };
    event
}

fn outcome(given: &[Event], when: &Command) -> Outcome {
    decide(ROOM, &folded(given), &beside(&vera()), when, NOON).unwrap().outcome
}

fn account(personal: Personal<user::SignedUpAs>) -> user::State {
    let mut state = user::State::default();
    let at = Timestamp(0);
    user::evolve(VERA, &mut state, &user::Event::SignedUp(user::SignedUp { at, personal }));
    state
}

fn vera() -> user::State {
    account(Personal::Known(user::SignedUpAs { user_name: UserName::parse("Vera").unwrap(), email: None }))
}

fn name(text: &str) -> ChatName {
    ChatName::parse(text).unwrap()
}

fn nickname(text: &str) -> Personal<Nickname> {
    Personal::Known(Nickname::parse(text).unwrap())
}

fn name_of(user_id: UserId) -> Personal<Nickname> {
    nickname(match user_id {
        OLGA => "Olga",
        BORIS => "Boris",
        _ => "Vera",
    })
}

/// A name that no account has.
fn chosen(text: &str) -> Chosen {
    Chosen { nickname: Nickname::parse(text).unwrap(), claim: NameClaim([7; 32]) }
}

fn created(private: bool) -> Event {
    Event::Created(Created { chat_name: name("kitchen"), private, by: OLGA })
}

fn joined(user_id: UserId, role: Role) -> Event {
    Event::MemberJoined(MemberJoined { user_id, role, invitation: None, nickname: name_of(user_id) })
}

fn added(user_id: UserId, role: Role, by: UserId) -> Event {
    Event::MemberAdded(MemberAdded { user_id, role, by, nickname: name_of(user_id) })
}

fn left(user_id: UserId) -> Event {
    Event::MemberLeft(MemberLeft { user_id })
}

fn removed(user_id: UserId, by: UserId) -> Event {
    Event::MemberRemoved(MemberRemoved { user_id, by })
}

fn role_changed(user_id: UserId, role: Role, by: UserId) -> Event {
    Event::RoleChanged(RoleChanged { user_id, role, by })
}

fn deleted(by: UserId) -> Event {
    Event::Deleted(By { by })
}

fn archived() -> Event {
    Event::Archived(By { by: OLGA })
}

/// A public chat in which only Olga is, who owns it.
fn of_olga() -> Vec<Event> {
    vec![created(false), joined(OLGA, Role::Owner)]
}

fn and(given: Vec<Event>, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    given.into_iter().chain(more).collect()
}

/// Olga's chat with Boris in this role.
fn with_boris(role: Role) -> Vec<Event> {
    and(of_olga(), [joined(BORIS, role)])
}

fn create(private: bool, nickname: Option<&str>) -> Command {
    Command::Create(Create { by: OLGA, chat_name: name("kitchen"), private, nickname: nickname.map(chosen) })
}

fn rename(by: UserId, text: &str) -> Command {
    Command::Change(Change { by, chat_name: Some(name(text)), archived: None })
}

fn archive(by: UserId, archived: bool) -> Command {
    Command::Change(Change { by, chat_name: None, archived: Some(archived) })
}

fn join(user_id: UserId) -> Command {
    Command::Join(Join { user_id, nickname: None })
}

fn add(by: UserId, user_id: UserId) -> Command {
    Command::Add(Add { by, user_id })
}

fn leave(user_id: UserId) -> Command {
    Command::Leave(Leave { user_id })
}

fn remove(by: UserId, user_id: UserId) -> Command {
    Command::Remove(Remove { by, user_id })
}

fn set_role(by: UserId, user_id: UserId, role: Role) -> Command {
    Command::SetRole(SetRole { by, user_id, role })
}

/// Everything but creating it, each wanted by Boris.
fn wishes_of_boris() -> Vec<Command> {
    vec![
        rename(BORIS, "garden"),
        archive(BORIS, true),
        Command::Delete(Delete { by: BORIS }),
        add(BORIS, VERA),
        leave(BORIS),
        remove(BORIS, OLGA),
        set_role(BORIS, OLGA, Role::Member),
    ]
}

#[test]
fn who_creates_a_chat_owns_it() {
    for private in [false, true] {
        // The account that comes in is Vera's.
        let owner = MemberJoined { user_id: OLGA, role: Role::Owner, invitation: None, nickname: nickname("Vera") };
        let owner = Event::MemberJoined(owner);
        check(&[], create(private, None), Ok(vec![created(private), owner]));
    }
    assert_eq!(outcome(&[], &create(false, None)), Outcome::ChatCreated { chat_id: ROOM });
    let room = room(&of_olga());
    assert_eq!((room.private, room.archived), (false, false));
    assert_eq!(room.members, HashMap::from([(OLGA, Role::Owner)]));
}

#[test]
fn who_creates_or_joins_a_chat_may_choose_a_nickname() {
    let olga = MemberJoined { user_id: OLGA, role: Role::Owner, invitation: None, nickname: nickname("boss") };
    check(&[], create(false, Some("boss")), Ok(vec![created(false), Event::MemberJoined(olga)]));
    let vera = MemberJoined { user_id: VERA, role: Role::Member, invitation: None, nickname: nickname("v") };
    let join_as_v = Command::Join(Join { user_id: VERA, nickname: Some(chosen("v")) });
    check(&of_olga(), join_as_v, Ok(vec![Event::MemberJoined(vera)]));
}

#[test]
fn a_chat_is_created_once_even_after_it_was_deleted() {
    let deleted = and(of_olga(), [Event::Deleted(By { by: OLGA })]);
    check(&of_olga(), create(false, None), Err(Refusal::AlreadyExists));
    check(&deleted, create(false, None), Err(Refusal::AlreadyExists));
}

#[test]
fn nothing_can_be_wanted_of_a_chat_that_never_was_or_was_deleted() {
    let deleted = and(with_boris(Role::Admin), [Event::Deleted(By { by: OLGA })]);
    for wish in wishes_of_boris().into_iter().chain([join(BORIS)]) {
        check(&[], wish.clone(), Err(Refusal::NotFound));
        check(&deleted, wish, Err(Refusal::NotFound));
    }
}

#[test]
fn who_is_not_a_member_may_only_join() {
    let after_he_left = and(with_boris(Role::Admin), [left(BORIS)]);
    for wish in wishes_of_boris() {
        check(&of_olga(), wish.clone(), Err(Refusal::NotAMember));
        check(&after_he_left, wish, Err(Refusal::NotAMember));
    }
}

#[test]
fn anyone_joins_a_public_chat() {
    check(&of_olga(), join(VERA), Ok(vec![joined(VERA, Role::Member)]));
    let came = Outcome::Member { user_id: VERA, joined: true };
    assert_eq!(outcome(&of_olga(), &join(VERA)), came);
    assert_eq!(outcome(&of_olga(), &add(OLGA, VERA)), came);
}

#[test]
fn nobody_joins_a_private_chat_uninvited() {
    let private = [created(true), joined(OLGA, Role::Owner)];
    check(&private, join(VERA), Err(Refusal::NotInvited));
    check(&private, add(OLGA, VERA), Ok(vec![added(VERA, Role::Member, OLGA)]));
}

#[test]
fn who_left_a_private_chat_needs_a_new_invitation() {
    let private = [created(true), joined(OLGA, Role::Owner), added(VERA, Role::Member, OLGA), left(VERA)];
    check(&private, join(VERA), Err(Refusal::NotInvited));
}

#[test]
fn an_archived_chat_takes_no_members_and_keeps_those_it_has() {
    let given = and(with_boris(Role::Admin), [archived()]);
    check(&given, join(VERA), Err(Refusal::Archived));
    check(&given, add(BORIS, VERA), Err(Refusal::Archived));
    check(&given, join(BORIS), Ok(vec![]));
    check(&given, leave(BORIS), Ok(vec![left(BORIS)]));
    check(&given, remove(OLGA, BORIS), Ok(vec![removed(BORIS, OLGA)]));
}

#[test]
fn an_opened_chat_takes_members_again() {
    let given = and(of_olga(), [archived(), Event::Unarchived(By { by: OLGA })]);
    check(&given, join(VERA), Ok(vec![joined(VERA, Role::Member)]));
}

#[test]
fn nobody_comes_in_without_an_account() {
    for gone in [user::State::Absent, user::State::Erased] {
        check_for(&gone, &[], create(false, Some("boss")), Err(Refusal::UserNotFound));
        check_for(&gone, &of_olga(), join(VERA), Err(Refusal::UserNotFound));
        check_for(&gone, &of_olga(), add(OLGA, VERA), Err(Refusal::UserNotFound));
    }
}

#[test]
fn an_account_whose_name_was_forgotten_comes_in_only_under_a_chosen_nickname() {
    let nameless = account(Personal::Erased);
    check_for(&nameless, &of_olga(), join(VERA), Err(Refusal::UserNotFound));
    check_for(&nameless, &of_olga(), add(OLGA, VERA), Err(Refusal::UserNotFound));
    let under_a_nickname = Command::Join(Join { user_id: VERA, nickname: Some(chosen("Vera")) });
    check_for(&nameless, &of_olga(), under_a_nickname, Ok(vec![joined(VERA, Role::Member)]));
}

#[test]
fn a_member_whose_account_was_erased_can_still_be_removed() {
    check_for(&user::State::Erased, &with_boris(Role::Member), remove(OLGA, BORIS), Ok(vec![removed(BORIS, OLGA)]));
}

#[test]
fn forgotten_nicknames_change_nothing_about_membership() {
    let forgotten = [
        created(false),
        Event::MemberJoined(MemberJoined {
            user_id: OLGA,
            role: Role::Owner,
            invitation: None,
            nickname: Personal::Erased,
        }),
        Event::MemberAdded(MemberAdded { user_id: BORIS, role: Role::Member, by: OLGA, nickname: Personal::Erased }),
    ];
    assert_eq!(room(&forgotten).members, room(&with_boris(Role::Member)).members);
    assert!(room(&forgotten).nicknames.is_empty());
}

#[test]
fn a_chat_is_renamed_and_archived_in_one_wish() {
    let both = Command::Change(Change { by: OLGA, chat_name: Some(name("garden")), archived: Some(true) });
    let renamed = Event::Renamed(Renamed { chat_name: name("garden"), by: OLGA });
    check(&of_olga(), both, Ok(vec![renamed.clone(), archived()]));
    let after = room(&and(of_olga(), [renamed, archived()]));
    assert_eq!((after.chat_name, after.archived), (Some(name("garden")), true));
}

#[test]
fn an_archived_chat_is_opened_again() {
    let given = and(of_olga(), [archived()]);
    check(&given, archive(OLGA, false), Ok(vec![Event::Unarchived(By { by: OLGA })]));
    check(&of_olga(), archive(OLGA, false), Ok(vec![]));
}

#[test]
fn a_change_that_names_nothing_writes_nothing() {
    let nothing = Command::Change(Change { by: OLGA, chat_name: None, archived: None });
    check(&of_olga(), nothing, Ok(vec![]));
}

#[test]
fn the_same_wish_twice_writes_nothing_the_second_time() {
    let given = with_boris(Role::Member);
    check_again(&given, rename(OLGA, "garden"), Ok(vec![]));
    check_again(&given, archive(OLGA, true), Ok(vec![]));
    check_again(&given, join(VERA), Ok(vec![]));
    check_again(&given, add(OLGA, VERA), Ok(vec![]));
    check_again(&given, set_role(OLGA, BORIS, Role::Muted), Ok(vec![]));
    check_again(&given, leave(BORIS), Err(Refusal::NotAMember));
    check_again(&given, remove(OLGA, BORIS), Err(Refusal::MemberNotFound));
    check_again(&given, Command::Delete(Delete { by: OLGA }), Err(Refusal::NotFound));
    check_again(&given, set_role(OLGA, BORIS, Role::Owner), Err(Refusal::NotAllowed));
}

#[test]
fn who_is_a_member_already_does_not_come_again() {
    let was_one = Outcome::Member { user_id: BORIS, joined: false };
    for role in Role::ALL {
        let given = with_boris(role);
        check(&given, join(BORIS), Ok(vec![]));
        check(&given, add(OLGA, BORIS), Ok(vec![]));
        assert_eq!(outcome(&given, &join(BORIS)), was_one);
        assert_eq!(outcome(&given, &add(OLGA, BORIS)), was_one);
    }
}

#[test]
fn a_deleted_chat_stays_deleted_whatever_is_folded_in() {
    let late = [
        Event::Renamed(Renamed { chat_name: name("garden"), by: OLGA }),
        archived(),
        Event::Unarchived(By { by: OLGA }),
        Event::Deleted(By { by: OLGA }),
        joined(VERA, Role::Member),
        added(VERA, Role::Member, OLGA),
        left(OLGA),
        removed(OLGA, BORIS),
        role_changed(OLGA, Role::Muted, BORIS),
    ];
    for event in late {
        let given = and(of_olga(), [Event::Deleted(By { by: OLGA }), event]);
        assert_eq!(folded(&given), State::Deleted);
    }
}
