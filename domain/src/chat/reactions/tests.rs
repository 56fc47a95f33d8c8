//! The rules of reactions.

use super::*;
use crate::Personal;
use crate::chat::test_house::*;
use uuid::Uuid;

const ID: ReactionsId = ReactionsId(HELLO.0);

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
    let what = format!("given {given:?}, when {when:?}");
    let decided = decide(ID, &folded(given), message, chat, &when);
    let follows = decided.map(|decision| decision.facts.into_iter().map(of_hello).collect());
    assert_eq!(follows, then, "{what}");
}

fn of_hello(event: crate::Event) -> Event {
    let crate::Event::Reactions(ID, event) = event else { panic!("{event:?} is no reaction to this message") };
    event
}

fn folded(given: &[Event]) -> State {
    let mut state = State::default();
    given.iter().for_each(|event| evolve(&mut state, event));
    state
}

fn emoji(text: &str) -> Emoji {
    Emoji::parse(text).unwrap()
}

fn add(by: UserId, text: &str) -> Command {
    Command::Add(React { chat_id: ROOM, by, emoji: emoji(text) })
}

fn remove(by: UserId, text: &str) -> Command {
    Command::Remove(React { chat_id: ROOM, by, emoji: emoji(text) })
}

fn added(user_id: UserId, text: &str) -> Event {
    Event::Added(Reacted { chat_id: ROOM, user_id, emoji: emoji(text) })
}

fn removed(user_id: UserId, text: &str) -> Event {
    Event::Removed(Reacted { chat_id: ROOM, user_id, emoji: emoji(text) })
}

/// So many different emoji.
fn kinds(count: usize) -> Vec<String> {
    (0..count as u32).map(|number| char::from_u32(0x1f600 + number).unwrap().to_string()).collect()
}

#[test]
fn somebody_reacts_once_with_an_emoji_and_takes_it_back_once() {
    check(&[], add(VERA, "👍"), Ok(vec![added(VERA, "👍")]));
    check(&[added(VERA, "👍")], add(VERA, "👍"), Ok(vec![]));
    check(&[added(VERA, "👍")], add(BORIS, "👍"), Ok(vec![added(BORIS, "👍")]));
    check(&[added(VERA, "👍")], add(VERA, "👍🏽"), Ok(vec![added(VERA, "👍🏽")]));
    check(&[added(VERA, "❤")], add(VERA, "❤\u{fe0f}"), Ok(vec![]));
    check(&[], remove(VERA, "👍"), Ok(vec![]));
    check(&[added(BORIS, "👍")], remove(VERA, "👍"), Ok(vec![]));
    check(&[added(VERA, "👍")], remove(VERA, "👍"), Ok(vec![removed(VERA, "👍")]));
    check(&[added(VERA, "👍"), removed(VERA, "👍")], remove(VERA, "👍"), Ok(vec![]));
}

#[test]
fn who_may_not_post_may_not_react() {
    for wish in [add, remove] {
        let wish = |by| wish(by, "👍");
        check(&[], wish(STRANGER), Err(message::Refusal::NotAMember.into()));
        check(&[], wish(MAX), Err(message::Refusal::Muted.into()));
        check_at(&said(ROOM), &archived(), &[], wish(VERA), Err(message::Refusal::Archived.into()));
        check_at(&said(ROOM), &deleted_room(), &[], wish(VERA), Err(message::Refusal::ChatNotFound.into()));
        check_at(&said(ROOM), &chat::State::Absent, &[], wish(VERA), Err(message::Refusal::ChatNotFound.into()));
    }
}

#[test]
fn a_message_that_is_not_shown_takes_none() {
    let erased = said_as(ROOM, Personal::Erased);
    for message in [message::State::Absent, said(GARDEN), deleted(), erased] {
        for wish in [add(VERA, "👍"), remove(VERA, "👍")] {
            check_at(&message, &room(&[]), &[], wish, Err(message::Refusal::NotFound.into()));
        }
        // Who is not in the chat does not learn which messages are.
        check_at(&message, &room(&[]), &[], add(STRANGER, "👍"), Err(message::Refusal::NotAMember.into()));
    }
}

#[test]
fn a_message_has_twenty_kinds_at_most() {
    let twenty = kinds(KINDS_MAX).iter().map(|kind| added(VERA, kind)).collect::<Vec<_>>();
    check(&twenty[..19], add(BORIS, "🚀"), Ok(vec![added(BORIS, "🚀")]));
    check(&twenty, add(BORIS, "🚀"), Err(Refusal::TooMany));
    check(&twenty, add(BORIS, "😀"), Ok(vec![added(BORIS, "😀")]));
    let one_less = [twenty, vec![removed(VERA, "😀")]].concat();
    check(&one_less, add(BORIS, "🚀"), Ok(vec![added(BORIS, "🚀")]));
}

#[test]
fn nobody_makes_the_stream_long() {
    let change = [added(VERA, "👍"), removed(VERA, "👍")];
    let often = change.iter().cycle().take(CHANGES_MAX as usize).cloned().collect::<Vec<_>>();
    check(&often[1..], add(VERA, "🚀"), Ok(vec![added(VERA, "🚀")]));
    check(&often, add(VERA, "👍"), Err(Refusal::ChangedTooOften));
    check(&often, add(BORIS, "👍"), Ok(vec![added(BORIS, "👍")]));
    check(&often[..199], remove(VERA, "👍"), Ok(vec![removed(VERA, "👍")]));
    let full = [often, vec![added(VERA, "🚀")]].concat();
    check(&full, remove(VERA, "🚀"), Ok(vec![removed(VERA, "🚀")]));
}

#[test]
fn who_is_erased_takes_all_of_theirs_along() {
    let given = [added(VERA, "👍"), added(BORIS, "👍"), added(VERA, "🚀"), added(BORIS, "🍅")];
    let withdraw = |user_id| Command::Withdraw(Withdraw { chat_id: ROOM, user_id });
    let then = vec![removed(VERA, "👍"), removed(VERA, "🚀")];
    // Whatever became of the message and the chat.
    check_at(&deleted(), &deleted_room(), &given, withdraw(VERA), Ok(then));
    check(&given, withdraw(OLGA), Ok(vec![]));
}

#[test]
fn the_answer_is_what_the_caller_sees_in_the_order_of_first_use() {
    let given = [added(VERA, "🚀"), added(BORIS, "👍"), added(VERA, "👍"), removed(VERA, "🚀"), added(OLGA, "🚀")];
    let decided = decide(ID, &folded(&given), &said(ROOM), &room(&[]), &add(VERA, "🍅")).unwrap();
    let reaction = |text, count, mine| Reaction { emoji: emoji(text), count, mine };
    let expected = vec![reaction("👍", 2, true), reaction("🚀", 1, false), reaction("🍅", 1, true)];
    assert_eq!(decided.outcome, Outcome::Reactions(expected));
}

#[test]
fn what_is_looked_at_is_named() {
    let reads = Reads { chat: Some(ROOM), message: Some(HELLO), ..Reads::default() };
    assert_eq!(add(VERA, "👍").reads(ID), reads);
    assert_eq!(remove(VERA, "👍").reads(ID), reads);
    assert_eq!(add(VERA, "👍").by(), Some(VERA));
    assert_eq!(MessageId::from(ReactionsId(Uuid::from_u128(200))), HELLO);
}
