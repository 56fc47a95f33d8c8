//! The rules of marks of what was read.

use super::*;
use crate::Personal;
use crate::chat::test_house::*;

fn id(user_id: UserId) -> ReadMarkId {
    ReadMarkId::of(user_id, ROOM, 40)
}

fn decided(
    user_id: UserId,
    message: &message::State,
    chat: &chat::State,
    given: &[u64],
    wish: Move,
) -> Result<Decision, Refusal> {
    let mut state = State::default();
    for up_to in given {
        evolve(&mut state, &Event::Moved(Moved { message_id: HELLO, up_to: *up_to, unread: 0, at: NOON }));
    }
    decide(id(user_id), &state, message, chat, &Command::Move(wish), NOON)
}

fn to(up_to: u64) -> Move {
    Move { message_id: HELLO, up_to, before: 0, unread: 3 }
}

#[test]
fn a_mark_goes_on_and_never_back() {
    let moves = |given: &[u64], wish: Move| {
        let decision = decided(VERA, &said(ROOM), &room(&[]), given, wish).unwrap();
        assert_eq!(decision.outcome, Outcome::ReadUpTo { unread: 3 });
        let moved = Moved { message_id: HELLO, up_to: wish.up_to, unread: 3, at: NOON };
        let expected = crate::Event::ReadMark(id(VERA), Event::Moved(moved));
        assert!(decision.facts.iter().all(|fact| *fact == expected), "{decision:?}");
        decision.facts.len()
    };
    assert_eq!(moves(&[], to(40)), 1);
    assert_eq!(moves(&[39], to(40)), 1);
    assert_eq!(moves(&[40], to(40)), 0);
    assert_eq!(moves(&[50, 41], to(45)), 0);
    assert_eq!(moves(&[], Move { before: 40, ..to(40) }), 0, "marked in another stream");
    assert_eq!(moves(&[], Move { before: 39, ..to(40) }), 1);
}

#[test]
fn members_mark_what_they_can_read() {
    let refused = |user_id, message: &message::State, chat: &chat::State| {
        decided(user_id, message, chat, &[], to(40)).map(|decision| decision.facts.len())
    };
    assert_eq!(refused(MAX, &said(ROOM), &archived()), Ok(1), "who is muted reads, and what is archived is read");
    assert_eq!(refused(STRANGER, &said(ROOM), &room(&[])), Err(message::Refusal::NotAMember.into()));
    assert_eq!(refused(VERA, &said(ROOM), &deleted_room()), Err(message::Refusal::ChatNotFound.into()));
    for message in [message::State::Absent, said(GARDEN), deleted(), said_as(ROOM, Personal::Erased)] {
        assert_eq!(refused(VERA, &message, &room(&[])), Err(message::Refusal::NotFound.into()));
        assert_eq!(refused(STRANGER, &message, &room(&[])), Err(message::Refusal::NotAMember.into()));
    }
}

#[test]
fn a_stream_has_no_more_facts_than_its_span_has_positions() {
    let spans = [0, 1, SPAN - 1, SPAN, SPAN + 1].map(|position| ReadMarkId::of(VERA, ROOM, position).span);
    assert_eq!(spans, [0, 0, 0, 1, 1]);
    let reads = Command::Move(to(40)).reads(id(VERA));
    assert_eq!(reads, Reads { chat: Some(ROOM), message: Some(HELLO), ..Reads::default() });
}
