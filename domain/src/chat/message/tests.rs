//! The rules of messages.

use super::*;
use crate::chat::Role;
use crate::text::{ChatName, Nickname};
use uuid::Uuid;

const ROOM: ChatId = ChatId(Uuid::from_u128(100));
const GARDEN: ChatId = ChatId(Uuid::from_u128(101));
const HELLO: MessageId = MessageId(Uuid::from_u128(200));
const EARLIER: MessageId = MessageId(Uuid::from_u128(201));
const NOON: Timestamp = Timestamp(1_800_000_000_000_000);

const OLGA: UserId = UserId(Uuid::from_u128(1));
const BORIS: UserId = UserId(Uuid::from_u128(2));
const VERA: UserId = UserId(Uuid::from_u128(3));
const MAX: UserId = UserId(Uuid::from_u128(4));
const STRANGER: UserId = UserId(Uuid::from_u128(5));

/// Given these facts of a message, when this is wanted, then these are the facts that follow, or the refusal.
/// In the chat are Olga, its owner; Boris, an admin; Vera; and Max, who is muted.
fn check(given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_in(&chat(&[]), given, when, then);
}

/// As [`check`], in a chat to which more has happened.
fn check_in(chat: &chat::State, given: &[Event], when: Command, then: Result<Vec<Event>, Refusal>) {
    check_reply(chat, &[], given, when, then);
}

/// As [`check_in`], with these facts of the message that is answered.
fn check_reply(
    chat: &chat::State,
    answered: &[Event],
    given: &[Event],
    when: Command,
    then: Result<Vec<Event>, Refusal>,
) {
    let what = format!("given {chat:?} and {given:?}, when {when:?}");
    let follows = decide(
        HELLO,
        &folded(given),
        Beside { chat, answered: &folded(answered), pins: &pins::State::default() },
        &when,
        NOON,
    )
    .map(|decision| decision.facts.into_iter().map(of_hello).collect());
    assert_eq!(follows, then, "{what}");
}

fn decided_in_room(state: &State, when: &Command) -> Result<Decision, Refusal> {
    let beside = Beside { chat: &chat(&[]), answered: &State::Absent, pins: &pins::State::default() };
    decide(HELLO, state, beside, when, NOON)
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    for event in given {
        evolve(&mut state, event);
    }
    state
}

fn of_hello(event: crate::Event) -> Event {
    let crate::Event::Message(HELLO, event) = event else { panic!("{event:?} is no fact of this message") };
    event
}

fn chat(more: &[chat::Event]) -> chat::State {
    let created = chat::Event::Created(chat::Created {
        chat_name: ChatName::parse("kitchen").unwrap(),
        private: false,
        by: OLGA,
    });
    let members = [(OLGA, Role::Owner), (BORIS, Role::Admin), (VERA, Role::Member), (MAX, Role::Muted)];
    let mut state = chat::State::default();
    chat::evolve(&mut state, &created);
    for (user_id, role) in members {
        let nickname = Personal::<Nickname>::Erased;
        let joined = chat::MemberJoined { user_id, role, invitation: None, nickname };
        chat::evolve(&mut state, &chat::Event::MemberJoined(joined));
    }
    for event in more {
        chat::evolve(&mut state, event);
    }
    state
}

fn archived() -> chat::State {
    chat(&[chat::Event::Archived(chat::By { by: OLGA })])
}

fn left_by(user_id: UserId) -> chat::State {
    chat(&[chat::Event::MemberLeft(chat::MemberLeft { user_id })])
}

fn deleted_chat() -> chat::State {
    chat(&[chat::Event::Deleted(chat::By { by: OLGA })])
}

fn text(text: &str) -> MessageText {
    MessageText::parse(text).unwrap()
}

fn post(author: UserId) -> Command {
    Command::Post(Post { chat_id: ROOM, author, text: text("hello"), reply_to: None, sent_at: NOON })
}

fn answer_to(reply_to: MessageId) -> Command {
    Command::Post(Post { chat_id: ROOM, author: VERA, text: text("hello"), reply_to: Some(reply_to), sent_at: NOON })
}

fn edit(by: UserId, says: &str) -> Command {
    Command::Edit(Edit { chat_id: ROOM, by, text: text(says) })
}

fn delete(by: UserId) -> Command {
    Command::Delete(Delete { chat_id: ROOM, by })
}

fn posted(author: UserId) -> Event {
    posted_in(ROOM, author, None)
}

fn posted_in(chat_id: ChatId, author: UserId, reply_to: Option<MessageId>) -> Event {
    Event::Posted(Posted { chat_id, author, sent_at: NOON, reply_to, text: Personal::Known(text("hello")) })
}

fn edited(author: UserId, says: Personal<MessageText>) -> Event {
    Event::Edited(Edited { chat_id: ROOM, author, at: NOON, text: says })
}

fn deleted(by: UserId) -> Event {
    Event::Deleted(Deleted { chat_id: ROOM, by })
}

#[test]
fn who_may_post_by_role() {
    for author in [OLGA, BORIS, VERA] {
        check(&[], post(author), Ok(vec![posted(author)]));
    }
    check(&[], post(MAX), Err(Refusal::Muted));
    check(&[], post(STRANGER), Err(Refusal::NotAMember));
    let decision = decided_in_room(&State::Absent, &post(VERA)).unwrap();
    assert_eq!(decision.outcome, Outcome::Posted { message_id: HELLO, sent_at: Some(NOON) });
}

#[test]
fn who_left_posts_no_more() {
    check_in(&left_by(VERA), &[], post(VERA), Err(Refusal::NotAMember));
}

#[test]
fn an_imported_message_keeps_the_time_at_which_it_was_said() {
    let then = Timestamp(1_000_000);
    let imported =
        Command::Post(Post { chat_id: ROOM, author: VERA, text: text("hello"), reply_to: None, sent_at: then });
    let said = Event::Posted(Posted {
        chat_id: ROOM,
        author: VERA,
        sent_at: then,
        reply_to: None,
        text: Personal::Known(text("hello")),
    });
    check(&[], imported, Ok(vec![said]));
}

#[test]
fn a_message_is_posted_once_even_after_it_was_deleted_or_its_chat_is_gone() {
    for given in [vec![posted(VERA)], vec![posted(VERA), deleted(VERA)]] {
        check(&given, post(VERA), Err(Refusal::AlreadyExists));
        check_in(&deleted_chat(), &given, post(VERA), Err(Refusal::AlreadyExists));
    }
}

#[test]
fn a_chat_that_never_was_or_was_deleted_has_no_messages() {
    for gone in [chat::State::Absent, deleted_chat()] {
        check_in(&gone, &[], post(VERA), Err(Refusal::ChatNotFound));
        check_in(&gone, &[posted(VERA)], edit(VERA, "bye"), Err(Refusal::ChatNotFound));
        check_in(&gone, &[posted(VERA)], delete(VERA), Err(Refusal::ChatNotFound));
    }
}

#[test]
fn an_archived_chat_takes_no_messages_and_no_edits_but_lets_them_be_deleted() {
    check_in(&archived(), &[], post(VERA), Err(Refusal::Archived));
    check_in(&archived(), &[posted(VERA)], edit(VERA, "bye"), Err(Refusal::Archived));
    check_in(&archived(), &[posted(VERA)], delete(VERA), Ok(vec![deleted(VERA)]));
}

#[test]
fn a_message_answers_to_another_of_the_same_chat() {
    check_reply(&chat(&[]), &[posted(BORIS)], &[], answer_to(EARLIER), Ok(vec![posted_in(ROOM, VERA, Some(EARLIER))]));
}

#[test]
fn a_message_whose_text_was_forgotten_can_still_be_answered() {
    let forgotten = edited(BORIS, Personal::Erased);
    check_reply(
        &chat(&[]),
        &[posted(BORIS), forgotten],
        &[],
        answer_to(EARLIER),
        Ok(vec![posted_in(ROOM, VERA, Some(EARLIER))]),
    );
}

#[test]
fn nobody_answers_to_what_is_not_there() {
    let nothing = vec![];
    let elsewhere = vec![posted_in(GARDEN, BORIS, None)];
    let taken_back = vec![posted(BORIS), deleted(BORIS)];
    for answered in [nothing, elsewhere, taken_back] {
        check_reply(&chat(&[]), &answered, &[], answer_to(EARLIER), Err(Refusal::ReplyNotFound));
    }
}

#[test]
fn nobody_answers_to_his_own_message_before_it_is_posted() {
    check(&[], answer_to(HELLO), Err(Refusal::ReplyNotFound));
}

#[test]
fn only_its_author_edits_a_message() {
    let now_says = Personal::Known(text("bye"));
    check(&[posted(VERA)], edit(VERA, "bye"), Ok(vec![edited(VERA, now_says)]));
    for other in [OLGA, BORIS, MAX] {
        check(&[posted(VERA)], edit(other, "bye"), Err(Refusal::NotAllowed));
    }
    check(&[posted(VERA)], edit(STRANGER, "bye"), Err(Refusal::NotAMember));
}

#[test]
fn an_author_who_is_muted_or_left_edits_no_more() {
    check(&[posted(MAX)], edit(MAX, "bye"), Err(Refusal::Muted));
    check_in(&left_by(VERA), &[posted(VERA)], edit(VERA, "bye"), Err(Refusal::NotAMember));
}

#[test]
fn who_may_delete_whose_message() {
    // author, who may delete it, who may not
    let table = [
        (OLGA, vec![OLGA, BORIS], vec![VERA, MAX]),
        (BORIS, vec![OLGA, BORIS], vec![VERA, MAX]),
        (VERA, vec![OLGA, BORIS, VERA], vec![MAX]),
        (MAX, vec![OLGA, BORIS, MAX], vec![VERA]),
    ];
    for (author, may, may_not) in table {
        for by in may {
            check(&[posted(author)], delete(by), Ok(vec![deleted(by)]));
        }
        for by in may_not {
            check(&[posted(author)], delete(by), Err(Refusal::NotAllowed));
        }
        check(&[posted(author)], delete(STRANGER), Err(Refusal::NotAMember));
    }
}

#[test]
fn an_author_who_left_leaves_his_messages_to_the_owner_and_the_admins() {
    let chat = left_by(VERA);
    check_in(&chat, &[posted(VERA)], delete(VERA), Err(Refusal::NotAMember));
    check_in(&chat, &[posted(VERA)], delete(BORIS), Ok(vec![deleted(BORIS)]));
}

#[test]
fn what_never_was_or_stands_in_another_chat_is_not_found() {
    for given in [vec![], vec![posted_in(GARDEN, VERA, None)]] {
        check(&given, edit(VERA, "bye"), Err(Refusal::NotFound));
        check(&given, delete(VERA), Err(Refusal::NotFound));
        check(&given, delete(OLGA), Err(Refusal::NotFound));
    }
}

#[test]
fn a_deleted_message_is_not_found_by_anyone() {
    let given = [posted(VERA), deleted(OLGA)];
    check(&given, edit(VERA, "bye"), Err(Refusal::NotFound));
    check(&given, delete(BORIS), Err(Refusal::NotFound));
    check(&given, delete(OLGA), Err(Refusal::NotFound));
}

#[test]
fn the_same_wish_twice_writes_nothing_the_second_time() {
    let says_bye = edited(VERA, Personal::Known(text("bye")));
    check(&[posted(VERA)], edit(VERA, "hello"), Ok(vec![]));
    check(&[posted(VERA), says_bye], edit(VERA, "bye"), Ok(vec![]));
    check(&[posted(VERA), deleted(VERA)], delete(VERA), Ok(vec![]));
}

#[test]
fn its_author_may_delete_what_an_admin_deleted_before_him() {
    let given = [posted(VERA), deleted(BORIS)];
    check(&given, delete(VERA), Ok(vec![]));
    let elsewhere = Command::Delete(Delete { chat_id: GARDEN, by: VERA });
    check(&given, elsewhere, Err(Refusal::NotFound));
}

#[test]
fn a_text_that_goes_back_and_forth_is_written_each_time() {
    let given = [posted(VERA), edited(VERA, Personal::Known(text("bye")))];
    let back = edited(VERA, Personal::Known(text("hello")));
    check(&given, edit(VERA, "hello"), Ok(vec![back]));
}

#[test]
fn a_forgotten_text_is_no_text_that_an_edit_could_repeat() {
    let Event::Posted(known) = posted(VERA) else { unreachable!("it was made so") };
    let forgotten = Event::Posted(Posted { text: Personal::Erased, ..known });
    let State::Posted(post) = folded(std::slice::from_ref(&forgotten)) else {
        panic!("a message without its text still stands")
    };
    assert_eq!(post.text, Personal::Erased);
    let says_hello = edited(VERA, Personal::Known(text("hello")));
    check(std::slice::from_ref(&forgotten), edit(VERA, "hello"), Ok(vec![says_hello]));
    check(&[forgotten], delete(VERA), Ok(vec![deleted(VERA)]));
}

#[test]
fn a_deleted_message_keeps_its_place_and_not_its_text() {
    let kept = State::Deleted(Message {
        chat_id: ROOM,
        author: VERA,
        text: Personal::Erased,
        edits: 0,
        sent_at: NOON,
        edited_at: None,
        hidden: false,
    });
    assert_eq!(folded(&[posted(VERA), deleted(VERA)]), kept);
    let late = [deleted(OLGA), edited(VERA, Personal::Known(text("bye")))];
    for event in late {
        assert_eq!(folded(&[posted(VERA), deleted(VERA), event]), kept);
    }
}

#[test]
fn facts_without_a_message_make_none() {
    let given = [edited(VERA, Personal::Known(text("bye"))), deleted(VERA)];
    assert_eq!(folded(&given), State::Absent);
}

#[test]
fn a_command_looks_at_its_chat_and_what_it_answers_to() {
    let reads = Reads { chat: Some(ROOM), ..Reads::default() };
    for command in [post(VERA), edit(VERA, "bye")] {
        assert_eq!(command.reads(), reads);
    }
    assert_eq!(delete(VERA).reads(), Reads { pins: Some(ROOM.into()), ..reads.clone() });
    assert_eq!(answer_to(EARLIER).reads(), Reads { answered: Some(EARLIER), ..reads });
}

#[test]
fn a_message_is_not_edited_for_ever() {
    let mut state = folded(&[posted(VERA)]);
    for number in 1..=EDITS_MAX {
        evolve(&mut state, &edited(VERA, Personal::Known(text(&number.to_string()))));
    }
    let again = Command::Edit(Edit { chat_id: ROOM, by: VERA, text: MessageText::parse("once more").unwrap() });
    let refused = decided_in_room(&state, &again);
    assert_eq!(refused, Err(Refusal::EditedTooOften));
    // Saying the same again is no edit, and it can still be taken back.
    let same =
        Command::Edit(Edit { chat_id: ROOM, by: VERA, text: MessageText::parse(&EDITS_MAX.to_string()).unwrap() });
    assert!(decided_in_room(&state, &same).is_ok());
    let delete = Command::Delete(Delete { chat_id: ROOM, by: VERA });
    assert!(decided_in_room(&state, &delete).is_ok());
}

#[test]
fn history_is_brought_in_whatever_has_become_of_its_author_and_of_the_chat() {
    let said = |author| {
        Command::BringIn(BringIn {
            chat_id: ROOM,
            author,
            text: MessageText::parse("long ago").unwrap(),
            sent_at: Timestamp(5),
        })
    };
    let posted = |author| {
        Event::Posted(Posted {
            chat_id: ROOM,
            author,
            sent_at: Timestamp(5),
            reply_to: None,
            text: Personal::Known(MessageText::parse("long ago").unwrap()),
        })
    };
    let archived = chat(&[chat::Event::Archived(chat::By { by: OLGA })]);
    for chat in [chat(&[]), archived] {
        for author in [VERA, MAX, STRANGER] {
            check_in(&chat, &[], said(author), Ok(vec![posted(author)]));
            check_in(&chat, &[posted(author)], said(author), Err(Refusal::AlreadyExists));
        }
    }
    for gone in [chat::State::Absent, chat::State::Deleted] {
        check_in(&gone, &[], said(VERA), Err(Refusal::ChatNotFound));
    }
}
