//! What was said to people and waits to be told.

use crate::support::*;
use domain::chat::{self, Role};
use domain::digest::{ForThem, Gathered, Why};
use domain::id::{DigestId, ReadMarkId};
use domain::read_mark::{self, Moved};
use domain::text::MessageText;
use domain::{ChatId, Event, Personal, Timestamp, UserId, digest, message};
use projections::ProjectionId;
use projections::chats::{self, Due, Waiting};

const ANNA: u128 = 1;
const BORIS: u128 = 2;
const ROOM: u128 = 1;
const DIRECT: u128 = 2;

/// Messages are all said at this time.
const SAID: Timestamp = Timestamp(1_000);
const DUE: Due = Due { after: Timestamp(0), up_to: SAID };

fn rooms(world: &mut World) -> (UserId, UserId) {
    let (anna, boris) = (user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat_id(ROOM), anna, "Café", false),
        joined(chat_id(ROOM), anna, "Anna K.", Role::Owner),
        joined(chat_id(ROOM), boris, "boris", Role::Member),
        of_chat(chat_id(DIRECT), chat::Event::DirectOpened(chat::DirectOpened { by: anna, with: boris })),
        joined(chat_id(DIRECT), anna, "anna", Role::Member),
        joined(chat_id(DIRECT), boris, "boris", Role::Member),
    ]);
    (anna, boris)
}

fn said(number: u128, room: u128, author: UserId, text: &str, answers: Option<u128>) -> Event {
    let posted = message::Posted {
        chat_id: chat_id(room),
        author,
        sent_at: SAID,
        reply_to: answers.map(message_id),
        text: Personal::Known(MessageText::parse(text).unwrap()),
    };
    of_message(message_id(number), message::Event::Posted(posted))
}

fn read(room: u128, who: UserId, up_to: u64) -> Event {
    let moved = Moved { message_id: message_id(1), up_to, unread: 0, at: SAID };
    Event::ReadMark(ReadMarkId::of(who, chat_id(room), up_to), read_mark::Event::Moved(moved))
}

fn gathered(who: UserId, up_to: u64, at: Timestamp) -> Event {
    let gathered = Gathered { up_to, total: 1, messages: Vec::new(), at };
    Event::Digest(DigestId::of(who, up_to), digest::Event::Gathered(gathered))
}

fn one(why: Why, room: u128, number: u128) -> ForThem {
    ForThem { why, chat_id: chat_id(room), message_id: message_id(number) }
}

async fn waiting(world: &World, who: UserId, due: Due) -> Vec<ForThem> {
    let db = world.projections.database(ProjectionId::Chats);
    let waiting = chats::waiting_for(&db, who, due, 9).await.unwrap();
    waiting.map_or_else(Vec::new, |Waiting { messages, .. }| messages)
}

async fn people(world: &World, due: Due) -> Vec<UserId> {
    let db = world.projections.database(ProjectionId::Chats);
    let people = chats::waiting(&db, due, None, 9).await.unwrap();
    if let [first, rest @ ..] = people.as_slice() {
        assert_eq!(chats::waiting(&db, due, Some(*first), 9).await.unwrap(), rest);
    }
    people
}

#[tokio::test]
async fn names_answers_and_what_is_between_two_wait() {
    for one_by_one in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (anna, boris) = rooms(&mut world);
        let facts = [
            said(1, ROOM, anna, "hello", None),
            said(2, ROOM, boris, "to nobody, x@boris", None),
            said(3, ROOM, boris, "look, @anna k. and @boris", None),
            said(4, ROOM, boris, "an answer", Some(1)),
            said(5, ROOM, anna, "to myself", Some(1)),
            said(6, DIRECT, anna, "between us", None),
            said(7, DIRECT, boris, "yes", None),
        ];
        if one_by_one {
            for fact in facts {
                world.follow([fact]);
            }
        } else {
            world.follow(facts);
        }
        let hers = [one(Why::Mention, ROOM, 3), one(Why::Reply, ROOM, 4), one(Why::Direct, DIRECT, 7)];
        assert_eq!(waiting(&world, anna, DUE).await, hers);
        assert_eq!(waiting(&world, boris, DUE).await, [one(Why::Direct, DIRECT, 6)]);
        let db = world.projections.database(ProjectionId::Chats);
        let last = chats::waiting_for(&db, anna, DUE, 1).await.unwrap().unwrap();
        assert_eq!((last.total, last.up_to, last.messages), (3, 13, vec![hers[2]]));
        assert_eq!(people(&world, DUE).await, [anna, boris]);
        world.assert_verified();
    }
}

#[tokio::test]
async fn what_was_read_told_or_is_gone_waits_no_more() {
    for one_by_one in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (anna, boris) = rooms(&mut world);
        let facts = [
            said(1, ROOM, boris, "@anna k. one", None),
            said(2, ROOM, boris, "@anna k. two", None),
            said(3, DIRECT, boris, "three", None),
            read(ROOM, anna, 7),
            deleted(message_id(2), chat_id(ROOM), boris),
            said(4, ROOM, boris, "@anna k. four", None),
            gathered(anna, 9, SAID),
            said(5, DIRECT, boris, "five", None),
            edited(message_id(5), chat_id(DIRECT), boris, "five!"),
        ];
        if one_by_one {
            for fact in facts {
                world.follow([fact]);
            }
        } else {
            world.follow(facts);
        }
        let left = [one(Why::Mention, ROOM, 4), one(Why::Direct, DIRECT, 5)];
        assert_eq!(waiting(&world, anna, DUE).await, left);
        assert_eq!(people(&world, DUE).await, [anna]);
        world.assert_verified();
        world.follow([left_room(anna)]);
        assert_eq!(waiting(&world, anna, DUE).await, left[1..]);
        world.erase(boris);
        world.projections.catch_up().unwrap();
        assert_eq!(waiting(&world, anna, DUE).await, []);
        world.assert_verified();
        world.projections.rebuild(ProjectionId::Chats, &mut |_| {}).unwrap();
        assert_eq!(people(&world, DUE).await, []);
    }
}

fn left_room(who: UserId) -> Event {
    left(chat_id(ROOM), who)
}

#[tokio::test]
async fn it_waits_for_its_time_and_is_told_no_more_often() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = rooms(&mut world);
    world.follow([said(1, DIRECT, boris, "one", None)]);
    let due = |after: i64, up_to: i64| Due { after: Timestamp(after), up_to: Timestamp(up_to) };
    for (window, count) in [(due(0, 999), 0), (due(0, 1_000), 1), (due(999, 5_000), 1), (due(1_000, 5_000), 0)] {
        assert_eq!(people(&world, window).await.len(), count, "{window:?}");
        assert_eq!(waiting(&world, anna, window).await.len(), count, "{window:?}");
    }
    world.follow([gathered(anna, 7, Timestamp(2_000)), said(2, DIRECT, boris, "two", None)]);
    assert_eq!(people(&world, due(0, 1_999)).await, [], "who was told a moment ago is not told yet");
    assert_eq!(people(&world, due(0, 2_000)).await, [anna]);
    world.assert_verified();
}

#[tokio::test]
async fn a_chat_that_goes_takes_it_along() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = rooms(&mut world);
    let gone = |room: ChatId| of_chat(room, chat::Event::Deleted(chat::By { by: anna }));
    world.follow([said(1, ROOM, boris, "@anna k. one", None), gone(chat_id(ROOM))]);
    assert_eq!(people(&world, DUE).await, []);
    world.assert_verified();
}
