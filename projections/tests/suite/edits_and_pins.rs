//! Earlier texts of messages, and what is pinned.

use crate::support::*;
use domain::chat::Role;
use domain::{ChatId, UserId, message, pins};
use projections::{ProjectionId, messages};

const ANNA: u128 = 1;
const BORIS: u128 = 2;

fn room(world: &mut World) -> (ChatId, UserId, UserId) {
    let (chat, anna, boris) = (chat_id(1), user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat, anna, "Café", false),
        joined(chat, anna, "anna", Role::Owner),
        joined(chat, boris, "boris", Role::Member),
        posted(message_id(1), chat, anna, "one"),
        posted(message_id(2), chat, boris, "two"),
        posted(message_id(3), chat, anna, "three"),
    ]);
    (chat, anna, boris)
}

fn pinned(message: u128) -> domain::Event {
    let pin = pins::Pin { message_id: message_id(message), by: user_id(ANNA) };
    domain::Event::Pins(chat_id(1).into(), pins::Event::Added(pin))
}

fn unpinned(message: u128) -> domain::Event {
    let pin = pins::Pin { message_id: message_id(message), by: user_id(ANNA) };
    domain::Event::Pins(chat_id(1).into(), pins::Event::Removed(pin))
}

async fn texts(world: &World, message: u128) -> Vec<String> {
    let db = world.projections.database(ProjectionId::Messages);
    let edits = messages::edits(&db, message_id(message), 0, 99).await.unwrap();
    if let Some(first) = edits.first() {
        let rest = messages::edits(&db, message_id(message), first.position, 99).await.unwrap();
        assert_eq!(rest, edits[1..]);
    }
    edits.into_iter().map(|edit| edit.text).collect()
}

async fn pins_of(world: &World) -> Vec<String> {
    let db = world.projections.database(ProjectionId::Messages);
    let pins = messages::pins(&db, chat_id(1)).await.unwrap();
    for pin in &pins {
        let one = messages::one(&db, chat_id(1), pin.message.message_id).await.unwrap();
        assert_eq!(one.as_ref(), Some(&pin.message));
        assert_eq!(pin.pinned_by, user_id(ANNA));
    }
    pins.into_iter().map(|pin| pin.message.text).collect()
}

#[tokio::test]
async fn earlier_texts_are_kept_as_long_as_the_message() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    world.follow([
        edited(message_id(1), chat, anna, "one!"),
        edited(message_id(2), chat, boris, "two!"),
        edited(message_id(1), chat, anna, "one?"),
    ]);
    assert_eq!(texts(&world, 1).await, ["one", "one!", "one?"]);
    assert_eq!(texts(&world, 2).await, ["two", "two!"]);
    assert_eq!(texts(&world, 3).await, ["three"]);
    world.assert_verified();
    world.follow([deleted(message_id(1), chat, anna), edited(message_id(1), chat, anna, "late")]);
    assert_eq!(texts(&world, 1).await, [""; 0]);
    world.assert_verified();
    world.erase(boris);
    world.projections.catch_up().unwrap();
    assert_eq!(texts(&world, 2).await, [""; 0]);
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
    assert_eq!((texts(&world, 2).await, texts(&world, 3).await), (vec![], vec!["three".to_owned()]));
}

#[tokio::test]
async fn what_is_pinned_is_what_can_be_read_the_newest_pin_first() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, boris) = room(&mut world);
    world.follow([pinned(2), pinned(1), pinned(3), pinned(9), pinned(1)]);
    assert_eq!(pins_of(&world).await, ["three", "one", "two"]);
    let db = world.projections.database(ProjectionId::Messages);
    let hers = messages::pinned_of(&db, anna, None, 9).await.unwrap();
    assert_eq!(hers, [(chat, message_id(1)), (chat, message_id(3))]);
    assert_eq!(messages::pinned_of(&db, anna, Some(message_id(1)), 9).await.unwrap(), hers[1..]);
    world.follow([unpinned(1), pinned(1), deleted(message_id(3), chat, anna), unpinned(3), pinned(3)]);
    assert_eq!(pins_of(&world).await, ["one", "two"]);
    world.assert_verified();
    world.erase(boris);
    world.projections.catch_up().unwrap();
    assert_eq!(pins_of(&world).await, ["one"]);
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
    assert_eq!(pins_of(&world).await, ["one"]);
    let gone = message::Deleted { chat_id: chat, by: anna };
    world.follow([of_message(message_id(1), message::Event::Deleted(gone))]);
    assert_eq!(pins_of(&world).await, [""; 0]);
    world.assert_verified();
}
