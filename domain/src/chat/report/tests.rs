//! What follows from reports.

use super::*;
use crate::chat::test_house::{BORIS, HELLO, MAX, NOON, OLGA, ROOM, STRANGER, VERA, deleted, room, said};
use crate::text::UserName;
use uuid::Uuid;

const ID: ReportId = ReportId(HELLO.0);
const MARA: UserId = UserId(Uuid::from_u128(77));

fn words() -> Words {
    Words { reason: Note::parse("spam").unwrap(), text: None }
}

fn report_by(by: UserId) -> Command {
    Command::Report(Report { chat_id: ROOM, by, words: words() })
}

fn resolve_by(by: UserId, action: Action) -> Command {
    Command::Resolve(Resolve { chat_id: ROOM, by, action })
}

fn made(by: UserId) -> Event {
    Event::Made(Made { chat_id: ROOM, by, words: Personal::Known(words()) })
}

fn resolved(action: Action) -> Event {
    Event::Resolved(Resolved { chat_id: ROOM, author: Some(VERA), by: OLGA, action })
}

fn number(number: u32) -> UserId {
    UserId(Uuid::from_u128(1_000 + u128::from(number)))
}

fn account(role: user::Role) -> user::State {
    let mut state = user::State::default();
    let personal = Personal::Known(user::SignedUpAs { user_name: UserName::parse("Mara").unwrap(), email: None });
    for event in
        [user::Event::SignedUp(user::SignedUp { at: NOON, personal }), user::Event::RoleSet(user::RoleSet { role })]
    {
        user::evolve(MARA, &mut state, &event);
    }
    state
}

/// The chat of [`room`], in which some others are as well.
fn crowd(others: u32) -> chat::State {
    let joined = |user_id| {
        let nickname = Personal::Erased;
        chat::Event::MemberJoined(chat::MemberJoined { user_id, role: chat::Role::Member, invitation: None, nickname })
    };
    room(&(0..others).map(|other| joined(number(other))).collect::<Vec<_>>())
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
}

/// What follows, of Vera's message, when these reports were made and that account asks.
fn follows(
    given: &[Event],
    message: &message::State,
    user: &user::State,
    when: &Command,
) -> Result<Vec<crate::Event>, Refusal> {
    let pins = pins::State { pinned: vec![HELLO] };
    let chat = crowd(HIDES_AT);
    let beside = Beside { chat: &chat, message, pins: &pins, user };
    decide(ID, &folded(given), beside, when, NOON).map(|decision| decision.facts)
}

fn hidden_message() -> message::State {
    let mut state = said(ROOM);
    message::evolve(&mut state, &message::Event::Hidden(message::Hidden { chat_id: ROOM }));
    state
}

fn nobody() -> user::State {
    user::State::Absent
}

#[test]
fn members_report_a_message_of_another_once() {
    for by in [OLGA, BORIS, MAX] {
        let once = follows(&[], &said(ROOM), &nobody(), &report_by(by));
        assert_eq!(once, Ok(vec![crate::Event::Report(ID, made(by))]));
        assert_eq!(follows(&[made(by)], &said(ROOM), &nobody(), &report_by(by)), Ok(vec![]));
    }
    let refused = |message: &message::State, by| follows(&[], message, &nobody(), &report_by(by)).unwrap_err();
    assert_eq!(refused(&said(ROOM), VERA), Refusal::OwnMessage);
    assert_eq!(refused(&said(ROOM), STRANGER).kind(), RefusalKind::NotAMember);
    for gone in [deleted(), message::State::Absent, said(ChatId(Uuid::from_u128(9)))] {
        assert_eq!(refused(&gone, OLGA).kind(), RefusalKind::MessageNotFound);
    }
}

#[test]
fn the_tenth_open_report_hides_it_and_those_that_were_resolved_do_not_count() {
    let nine = (1..HIDES_AT).map(number).map(made).collect::<Vec<_>>();
    let hides = crate::Event::Message(HELLO, message::Event::Hidden(message::Hidden { chat_id: ROOM }));
    let tenth = follows(&nine, &said(ROOM), &nobody(), &report_by(number(0))).unwrap();
    assert_eq!(tenth, [crate::Event::Report(ID, made(number(0))), hides]);
    assert_eq!(follows(&nine[1..], &said(ROOM), &nobody(), &report_by(number(0))).unwrap().len(), 1);
    assert_eq!(follows(&nine, &hidden_message(), &nobody(), &report_by(number(0))).unwrap().len(), 1);
    let dismissed = resolved(Action::Dismiss);
    let after = [nine, vec![dismissed]].concat();
    assert_eq!(follows(&after, &said(ROOM), &nobody(), &report_by(number(0))).unwrap().len(), 1);
    assert_eq!(follows(&after, &said(ROOM), &nobody(), &report_by(number(1))), Ok(vec![]), "they had reported it");
}

#[test]
fn each_action_does_what_it_says() {
    let names = |action, message: &message::State| {
        let facts = follows(&[made(BORIS)], message, &nobody(), &resolve_by(OLGA, action)).unwrap();
        facts.iter().map(crate::Event::name).collect::<Vec<_>>()
    };
    assert_eq!(names(Action::Dismiss, &said(ROOM)), ["report.resolved.v1"]);
    assert_eq!(names(Action::Dismiss, &hidden_message()), ["report.resolved.v1", "message.shown.v1"]);
    assert_eq!(names(Action::Hide, &said(ROOM)), ["report.resolved.v1", "message.hidden.v1"]);
    assert_eq!(names(Action::Hide, &hidden_message()), ["report.resolved.v1"]);
    assert_eq!(names(Action::Delete, &said(ROOM)), ["report.resolved.v1", "message.deleted.v1", "pins.removed.v1"]);
    let ban = ["report.resolved.v1", "message.hidden.v1", "chat.member_removed.v1", "chat.banned.v1"];
    assert_eq!(names(Action::Ban, &said(ROOM)), ban);
    for action in Action::ALL {
        assert_eq!(names(action, &deleted()), ["report.resolved.v1"], "it is gone");
    }
}

#[test]
fn who_leads_the_chat_or_moderates_resolves() {
    let resolving = |by, user: &user::State| {
        follows(&[made(BORIS)], &said(ROOM), user, &resolve_by(by, Action::Hide)).map(|facts| facts.len())
    };
    for leader in [OLGA, BORIS, UserId::OPERATOR] {
        assert_eq!(resolving(leader, &nobody()), Ok(2));
    }
    for role in user::Role::ALL {
        let expected = if role.moderates() { Ok(2) } else { Err(Refusal::NotAllowed) };
        assert_eq!(resolving(MARA, &account(role)), expected, "{role:?}");
    }
    for other in [VERA, MAX, STRANGER] {
        assert_eq!(resolving(other, &nobody()), Err(Refusal::NotAllowed));
    }
}

#[test]
fn it_is_resolved_once() {
    let hide = resolved(Action::Hide);
    let given = [made(BORIS), hide];
    let again = |action| follows(&given, &hidden_message(), &nobody(), &resolve_by(OLGA, action));
    assert_eq!(again(Action::Hide), Ok(vec![]));
    assert_eq!(again(Action::Dismiss), Err(Refusal::Resolved));
    let none = follows(&[], &said(ROOM), &nobody(), &resolve_by(OLGA, Action::Hide));
    assert_eq!(none, Err(Refusal::NotFound));
    let mut elsewhere = resolve_by(OLGA, Action::Hide);
    if let Command::Resolve(resolve) = &mut elsewhere {
        resolve.chat_id = ChatId(Uuid::from_u128(9));
    }
    assert_eq!(follows(&[made(BORIS)], &said(ROOM), &nobody(), &elsewhere), Err(Refusal::NotFound));
}
