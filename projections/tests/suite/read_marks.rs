//! What each member has not read, against counting it anew.

use crate::support::*;
use domain::chat::{self, Role};
use domain::id::ReadMarkId;
use domain::read_mark::{self, Moved};
use domain::{ChatId, Event, Timestamp, UserId};
use projections::{ProjectionId, chats};

const ANNA: u128 = 1;
const BORIS: u128 = 2;

fn room(world: &mut World) -> (ChatId, UserId, UserId) {
    let (chat, anna, boris) = (chat_id(1), user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat, anna, "Café", false),
        joined(chat, anna, "anna", Role::Owner),
        joined(chat, boris, "boris", Role::Member),
    ]);
    (chat, anna, boris)
}

fn marked(chat: ChatId, who: UserId, up_to: u64) -> Event {
    let moved = Moved { message_id: message_id(1), up_to, unread: 0, at: Timestamp(5) };
    Event::ReadMark(ReadMarkId::of(who, chat, up_to), read_mark::Event::Moved(moved))
}

/// What the list, the chat and a look at one position say.
async fn unread(world: &World, chat: ChatId, who: UserId) -> Option<u64> {
    let db = world.projections.database(ProjectionId::Chats);
    let unread = chats::unread(&db, chat, who).await.unwrap();
    let mine = chats::mine(&db, who, "", None, 9).await.unwrap();
    let listed = mine.iter().find(|listed| listed.chat.chat_id == chat);
    assert_eq!(listed.map(|listed| listed.unread), unread.map(Some));
    if let Some(up_to) = chats::read_up_to(&db, chat, who).await.unwrap() {
        assert_eq!(chats::unread_behind(&db, chat, who, up_to).await.unwrap(), unread.unwrap());
    }
    unread
}

#[tokio::test]
async fn others_messages_behind_the_mark_are_unread() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    world.follow([
        posted(message_id(1), chat, anna, "4"),
        posted(message_id(2), chat, boris, "5"),
        posted(message_id(3), chat, anna, "6"),
        posted(message_id(4), chat, anna, "7"),
    ]);
    assert_eq!((unread(&world, chat, anna).await, unread(&world, chat, boris).await), (Some(1), Some(3)));
    world.follow([marked(chat, boris, 6)]);
    assert_eq!(unread(&world, chat, boris).await, Some(1));
    world.follow([marked(chat, boris, 4), marked(chat, anna, 4)]);
    assert_eq!((unread(&world, chat, anna).await, unread(&world, chat, boris).await), (Some(1), Some(1)), "never back");
    world.follow([deleted(message_id(3), chat, anna), deleted(message_id(2), chat, boris)]);
    assert_eq!((unread(&world, chat, anna).await, unread(&world, chat, boris).await), (Some(0), Some(1)));
    world.follow([deleted(message_id(4), chat, anna), deleted(message_id(4), chat, anna)]);
    assert_eq!(unread(&world, chat, boris).await, Some(0));
    world.assert_verified();
    let db = world.projections.database(ProjectionId::Chats);
    assert_eq!(chats::posted_at(&db, chat, message_id(1)).await.unwrap(), Some(4));
    assert_eq!(chats::posted_at(&db, chat, message_id(4)).await.unwrap(), None, "it is deleted");
    assert_eq!(chats::posted_at(&db, chat_id(2), message_id(1)).await.unwrap(), None, "of another chat");
    assert_eq!(unread(&world, chat, user_id(9)).await, None);
}

#[tokio::test]
async fn it_does_not_matter_which_facts_come_on_one_page() {
    // A mark on the page, and an account that leaves and comes again twice, are counted another way.
    for (one_by_one, with_mark, twice) in
        [true, false].into_iter().flat_map(|one| [(one, true, false), (one, false, false), (one, false, true)])
    {
        let Some(mut world) = World::new() else { return };
        let (chat, anna, boris) = room(&mut world);
        let again = [left(chat, boris), joined(chat, boris, "boris", Role::Member)];
        let mut facts = vec![
            posted(message_id(1), chat, boris, "4"),
            posted(message_id(2), chat, boris, "5"),
            marked(chat, boris, 4),
            posted(message_id(3), chat, anna, "7"),
            deleted(message_id(2), chat, boris),
            posted(message_id(4), chat, boris, "9"),
            left(chat, boris),
            posted(message_id(5), chat, anna, "11"),
            joined(chat, boris, "boris", Role::Member),
            posted(message_id(6), chat, boris, "13"),
            posted(message_id(7), chat, anna, "14"),
            deleted(message_id(6), chat, boris),
            deleted(message_id(1), chat, boris),
        ];
        facts.retain(|fact| with_mark || !matches!(fact, Event::ReadMark(..)));
        if twice {
            facts.splice(4..4, again);
        }
        if one_by_one {
            for fact in facts {
                world.follow([fact]);
            }
        } else {
            world.follow(facts);
        }
        assert_eq!((unread(&world, chat, anna).await, unread(&world, chat, boris).await), (Some(1), Some(1)));
        world.assert_verified();
    }
}

#[tokio::test]
async fn what_the_erased_said_is_unread_to_nobody() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (chat, anna, boris) = room(&mut world);
        world.append([
            posted(message_id(1), chat, boris, "4"),
            posted(message_id(2), chat, anna, "5"),
            posted(message_id(3), chat, boris, "6"),
            deleted(message_id(3), chat, boris),
            edited(message_id(1), chat, boris, "4!"),
        ]);
        if follow_first {
            world.projections.catch_up().unwrap();
            assert_eq!(unread(&world, chat, anna).await, Some(1));
        }
        world.erase(boris);
        world.projections.catch_up().unwrap();
        assert_eq!((unread(&world, chat, anna).await, unread(&world, chat, boris).await), (Some(0), None));
        world.assert_verified();
        world.projections.rebuild(ProjectionId::Chats, &mut |_| {}).unwrap();
        assert_eq!(unread(&world, chat, anna).await, Some(0));
        world.follow([of_chat(chat, chat::Event::Deleted(chat::By { by: anna }))]);
        assert_eq!(unread(&world, chat, anna).await, None);
        world.assert_verified();
    }
}

/// Many more positions than a small block has, against a plain list.
#[tokio::test]
async fn the_count_is_right_over_many_blocks() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    let other = chat_id(2);
    world.follow([created(other, anna, "Bar", false), joined(other, anna, "anna", Role::Owner)]);
    let (mut left, mut facts, mut position) = (Vec::new(), Vec::new(), 5_u64);
    for number in 0..2_600_u128 {
        let (room, author) = match number % 7 {
            0 | 3 => (chat, boris),
            1 => (other, anna),
            _ => (chat, anna),
        };
        position += 1;
        facts.push(posted(message_id(number), room, author, "said"));
        left.push((position, message_id(number), room, author));
    }
    world.follow(facts);
    let gone = left.iter().enumerate().filter(|(number, _)| number % 11 == 5).map(|(_, row)| *row).collect::<Vec<_>>();
    world.follow(gone.iter().map(|(_, id, room, author)| deleted(*id, *room, *author)).collect::<Vec<_>>());
    left.retain(|row| !gone.contains(row));
    let db = world.projections.database(ProjectionId::Chats);
    let expected = |room, who, up_to| {
        left.iter().filter(|(at, _, of, by)| *of == room && *by != who && *at > up_to).count() as u64
    };
    for up_to in [0, 3, 5, 6, 510, 511, 512, 513, 1_023, 1_024, 1_700, 2_047, 2_048, 2_603, 2_604, 2_605, 2_606, 9_999]
    {
        for (room, who) in [(chat, anna), (chat, boris), (other, anna), (other, boris)] {
            let counted = chats::unread_behind(&db, room, who, up_to).await.unwrap();
            assert_eq!(counted, expected(room, who, up_to), "{up_to}");
        }
    }
    for up_to in [511, 700, 1_024, 2_604] {
        world.follow([marked(chat, boris, up_to)]);
        assert_eq!(unread(&world, chat, boris).await, Some(expected(chat, boris, up_to)), "{up_to}");
    }
    world.assert_verified();
}

#[test]
fn a_count_that_is_wrong_is_found() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, _) = room(&mut world);
    world.follow([posted(message_id(1), chat, anna, "one")]);
    for (change, table) in [
        ("update said_block set left_over = 2", "said_block"),
        ("update member set own = 3", "member"),
        ("update member set read_up_to = 9", "member"),
    ] {
        world.projections.rebuild(ProjectionId::Chats, &mut |_| {}).unwrap();
        world.assert_verified();
        world.tamper(ProjectionId::Chats, change);
        let verified = world.projections.verify(ProjectionId::Chats, &mut |_| {}).unwrap();
        assert!(!verified.differences.is_empty(), "{change}");
        assert!(verified.differences.iter().all(|difference| difference.table == table), "{verified:?}");
    }
}
