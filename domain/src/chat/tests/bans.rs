//! Who is kept out.

use super::*;
use crate::text::Note;

fn with_vera() -> Vec<Event> {
    [of_olga(), vec![joined(VERA, Role::Member)]].concat()
}

fn reason(text: &str) -> Option<Note> {
    Some(Note::parse(text).unwrap())
}

fn ban(by: UserId, reason: Option<Note>) -> Command {
    Command::Ban(Ban { by, user_id: VERA, reason })
}

fn banned(reason: Option<Note>) -> Event {
    Event::Banned(Banned { user_id: VERA, by: OLGA, reason: reason.map_or(Personal::Erased, Personal::Known) })
}

#[test]
fn who_is_banned_is_removed_and_has_no_way_back() {
    check(&with_vera(), ban(OLGA, None), Ok(vec![removed(VERA, OLGA), banned(None)]));
    check(&of_olga(), ban(OLGA, reason("spam")), Ok(vec![banned(reason("spam"))]));
    let given = [with_vera(), vec![removed(VERA, OLGA), banned(None)]].concat();
    check(&given, Command::Join(Join { user_id: VERA, nickname: None }), Err(Refusal::Banned));
    check(&given, Command::Add(Add { by: OLGA, user_id: VERA }), Err(Refusal::Banned));
    check(&given, Command::BringIn(BringIn { user_id: VERA, nickname: None }), Ok(vec![]));
    let unban = Command::Unban(Unban { by: OLGA, user_id: VERA });
    let unbanned = Event::Unbanned(Unbanned { user_id: VERA, by: OLGA });
    check(&given, unban.clone(), Ok(vec![unbanned.clone()]));
    let given = [given, vec![unbanned]].concat();
    check(&given, unban, Ok(vec![]));
    check(&given, Command::Join(Join { user_id: VERA, nickname: None }), Ok(vec![joined(VERA, Role::Member)]));
}

#[test]
fn the_same_ban_again_writes_nothing_and_another_reason_is_another_ban() {
    let given = [of_olga(), vec![banned(reason("spam"))]].concat();
    check(&given, ban(OLGA, reason("spam")), Ok(vec![]));
    check(&given, ban(OLGA, reason("abuse")), Ok(vec![banned(reason("abuse"))]));
}

#[test]
fn the_owner_bans_anybody_an_admin_neither_the_owner_nor_an_admin() {
    for (mine, theirs, allowed) in [
        (Role::Owner, Role::Admin, true),
        (Role::Owner, Role::Muted, true),
        (Role::Admin, Role::Member, true),
        (Role::Admin, Role::Muted, true),
        (Role::Admin, Role::Admin, false),
        (Role::Admin, Role::Owner, false),
        (Role::Member, Role::Member, false),
        (Role::Muted, Role::Member, false),
    ] {
        let given = [of_olga(), vec![joined(BORIS, mine), joined(VERA, theirs)]].concat();
        let follows = decide(ROOM, &folded(&given), &beside(&vera()), &ban(BORIS, None), NOON);
        assert_eq!(follows.is_ok(), allowed, "{mine:?} bans {theirs:?}");
        assert!(allowed || follows == Err(Refusal::NotAllowed), "{mine:?} bans {theirs:?}");
        let unban = Command::Unban(Unban { by: BORIS, user_id: VERA });
        let follows = decide(ROOM, &folded(&given), &beside(&vera()), &unban, NOON);
        assert_eq!(follows.is_ok(), mine.leads());
    }
    check(&of_olga(), ban(BORIS, None), Err(Refusal::NotAMember));
    check(&of_olga(), Command::Ban(Ban { by: OLGA, user_id: OLGA, reason: None }), Err(Refusal::NotAllowed));
}

#[test]
fn only_somebody_who_is_there_is_banned_and_no_more_than_so_many() {
    check_for(&user::State::Absent, &of_olga(), ban(OLGA, None), Err(Refusal::UserNotFound));
    let others = (0..BANS_MAX).map(|number| {
        let user_id = UserId(Uuid::from_u128(1_000 + number as u128));
        Event::Banned(Banned { user_id, by: OLGA, reason: Personal::Erased })
    });
    let full = [of_olga(), others.collect()].concat();
    check(&full, ban(OLGA, None), Err(Refusal::TooManyBans));
    check(&full[..full.len() - 1], ban(OLGA, None), Ok(vec![banned(None)]));
}
