//! The rules of pins.

use super::*;
use crate::chat::test_house::*;
use crate::{Personal, Timestamp};
use uuid::Uuid;

const ID: PinsId = PinsId(ROOM.0);

/// Given these facts, when this is wanted, then these are the facts that follow, or the refusal.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_at(&said(ROOM), &room(&[]), given, when, then);
}

fn check_at(
    message: &message::State,
    chat: &chat::State,
    given: &[Event],
    when: Command,
    then: Result<Vec<Event>, Refusal>,
) {
    let decided = decide(ID, &folded(given), message, chat, &when);
    let follows = decided.map(|decision| decision.facts.into_iter().map(of_room).collect());
    assert_eq!(follows, then, "given {given:?}, when {when:?}");
}

fn of_room(event: crate::Event) -> Event {
    let crate::Event::Pins(ID, event) = event else { panic!("{event:?} is no pin of this chat") };
    event
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
}

fn pin(by: UserId) -> Command {
    Command::Pin(OnePin { message_id: HELLO, by })
}

fn unpin(by: UserId) -> Command {
    Command::Unpin(OnePin { message_id: HELLO, by })
}

fn added(by: UserId) -> Event {
    Event::Added(Pin { message_id: HELLO, by })
}

fn removed_by(by: UserId) -> Event {
    Event::Removed(Pin { message_id: HELLO, by })
}

fn others(count: usize) -> Vec<Event> {
    let id = |number: usize| MessageId(Uuid::from_u128(1_000 + number as u128));
    (0..count).map(|number| Event::Added(Pin { message_id: id(number), by: OLGA })).collect()
}

#[test]
fn who_leads_pins_and_unpins_each_once() {
    for by in [OLGA, BORIS] {
        check(&[], pin(by), Ok(vec![added(by)]));
        check(&[added(OLGA)], pin(by), Ok(vec![]));
        check(&[added(OLGA)], unpin(by), Ok(vec![removed_by(by)]));
        check(&[], unpin(by), Ok(vec![]));
        check(&[added(OLGA), removed_by(OLGA)], pin(by), Ok(vec![added(by)]));
    }
}

#[test]
fn nobody_else_does() {
    for wish in [pin, unpin] {
        check(&[], wish(VERA), Err(Refusal::NotAllowed));
        check(&[], wish(MAX), Err(Refusal::NotAllowed));
        check(&[], wish(STRANGER), Err(message::Refusal::NotAMember.into()));
        check_at(&said(ROOM), &archived(), &[], wish(OLGA), Err(message::Refusal::Archived.into()));
        check_at(&said(ROOM), &deleted_room(), &[], wish(OLGA), Err(message::Refusal::ChatNotFound.into()));
    }
}

#[test]
fn what_is_not_shown_is_not_pinned_and_can_still_be_unpinned() {
    for message in [message::State::Absent, said(GARDEN), deleted(), said_as(ROOM, Personal::Erased)] {
        check_at(&message, &room(&[]), &[], pin(OLGA), Err(message::Refusal::NotFound.into()));
        check_at(&message, &room(&[]), &[], unpin(OLGA), Err(message::Refusal::NotFound.into()));
        check_at(&message, &room(&[]), &[added(OLGA)], unpin(OLGA), Ok(vec![removed_by(OLGA)]));
    }
}

#[test]
fn fifty_are_pinned_at_most() {
    check(&others(49), pin(OLGA), Ok(vec![added(OLGA)]));
    check(&others(50), pin(OLGA), Err(Refusal::TooMany));
    let with_it = [others(49), vec![added(OLGA)]].concat();
    check(&with_it, pin(OLGA), Ok(vec![]));
    check(&with_it, unpin(OLGA), Ok(vec![removed_by(OLGA)]));
}

#[test]
fn a_message_that_is_deleted_is_pinned_no_more() {
    let delete = message::Command::Delete(message::Delete { chat_id: ROOM, by: BORIS });
    assert_eq!(delete.reads().pins, Some(ID));
    let absent = message::State::Absent;
    let (message, chat) = (said(ROOM), room(&[]));
    let decided = |pins: &State| {
        let beside = message::Beside { chat: &chat, answered: &absent, pins };
        message::decide(HELLO, &message, beside, &delete, Timestamp(7)).unwrap().facts
    };
    let gone = message::Event::Deleted(message::Deleted { chat_id: ROOM, by: BORIS });
    let gone = crate::Event::Message(HELLO, gone);
    assert_eq!(decided(&folded(&others(3))), std::slice::from_ref(&gone));
    assert_eq!(decided(&folded(&[added(OLGA)])), [gone, crate::Event::Pins(ID, removed_by(BORIS))]);
}

#[test]
fn who_is_erased_takes_their_pinned_messages_along() {
    let withdraw = Command::Withdraw(Withdraw { message_id: HELLO, author: VERA });
    check_at(&deleted(), &deleted_room(), &[added(OLGA)], withdraw.clone(), Ok(vec![removed_by(VERA)]));
    check(&[], withdraw, Ok(vec![]));
}
