//! Reactions to messages.

use crate::support::*;
use domain::chat::{self, Role};
use domain::reactions::{Event, Reacted, Reaction};
use domain::{ChatId, Emoji, MessageId, UserId};
use projections::{ProjectionId, messages};

const ANNA: u128 = 1;
const BORIS: u128 = 2;
const CHAT: u128 = 1;

fn reacted(who: u128, emoji: &str) -> Reacted {
    Reacted { chat_id: chat_id(CHAT), user_id: user_id(who), emoji: Emoji::parse(emoji).unwrap() }
}

fn added(message: u128, who: u128, emoji: &str) -> domain::Event {
    domain::Event::Reactions(message_id(message).into(), Event::Added(reacted(who, emoji)))
}

fn removed(message: u128, who: u128, emoji: &str) -> domain::Event {
    domain::Event::Reactions(message_id(message).into(), Event::Removed(reacted(who, emoji)))
}

fn room(world: &mut World) -> (ChatId, UserId, UserId) {
    let (chat, anna, boris) = (chat_id(CHAT), user_id(ANNA), user_id(BORIS));
    world.follow([
        created(chat, anna, "Café", false),
        joined(chat, anna, "anna", Role::Owner),
        joined(chat, boris, "boris", Role::Member),
        posted(message_id(1), chat, anna, "one"),
        posted(message_id(2), chat, boris, "two"),
    ]);
    (chat, anna, boris)
}

/// What somebody sees: each message that has any, with emoji, count, and whether it is theirs.
async fn seen(world: &World, who: u128) -> Vec<(MessageId, Vec<(String, u64, bool)>)> {
    let db = world.projections.database(ProjectionId::Messages);
    let seen = messages::reactions(&db, chat_id(CHAT), (1, 999), user_id(who)).await.unwrap();
    let short = |Reaction { emoji, count, mine }: Reaction| (emoji.as_str().to_owned(), count, mine);
    let mut seen = seen.into_iter().map(|(id, all)| (id, all.into_iter().map(short).collect())).collect::<Vec<_>>();
    seen.sort_unstable();
    seen
}

fn one(emoji: &str, count: u64, mine: bool) -> (String, u64, bool) {
    (emoji.to_owned(), count, mine)
}

#[tokio::test]
async fn reactions_follow_their_facts_in_the_order_of_first_use() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, _) = room(&mut world);
    world.follow([
        added(1, ANNA, "🚀"),
        added(1, BORIS, "👍"),
        added(1, ANNA, "👍"),
        added(2, ANNA, "👍"),
        // The rules let neither happen.
        added(1, ANNA, "👍"),
        removed(2, BORIS, "👍"),
    ]);
    let first = vec![one("🚀", 1, true), one("👍", 2, true)];
    assert_eq!(seen(&world, ANNA).await, [(message_id(1), first), (message_id(2), vec![one("👍", 1, true)])]);
    world.follow([removed(1, ANNA, "🚀"), added(1, BORIS, "🚀"), removed(1, BORIS, "👍")]);
    let first = vec![one("👍", 1, false), one("🚀", 1, true)];
    assert_eq!(seen(&world, BORIS).await, [(message_id(1), first), (message_id(2), vec![one("👍", 1, false)])]);
    let db = world.projections.database(ProjectionId::Messages);
    let both = messages::reacted_to(&db, anna, None, 9).await.unwrap();
    assert_eq!(both, [(chat, message_id(1)), (chat, message_id(2))]);
    assert_eq!(messages::reacted_to(&db, anna, Some(message_id(1)), 9).await.unwrap(), both[1..]);
    assert_eq!(messages::reacted_to(&db, anna, None, 1).await.unwrap(), both[..1]);
    world.assert_verified();
}

#[tokio::test]
async fn what_is_gone_takes_its_reactions_along() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna, _) = room(&mut world);
    world.follow([added(1, BORIS, "🚀"), added(2, ANNA, "👍"), deleted(message_id(1), chat, anna)]);
    assert_eq!(seen(&world, ANNA).await, [(message_id(2), vec![one("👍", 1, true)])]);
    world.follow([added(1, ANNA, "🚀"), removed(1, BORIS, "🚀")]);
    assert_eq!(seen(&world, ANNA).await.len(), 1, "nobody reacts to what is gone");
    world.assert_verified();
    world.follow([of_chat(chat, chat::Event::Deleted(chat::By { by: anna }))]);
    assert_eq!(seen(&world, ANNA).await, []);
    world.assert_verified();
}

#[tokio::test]
async fn who_is_erased_leaves_no_reaction_and_none_to_what_they_said() {
    for follow_first in [true, false] {
        let Some(mut world) = World::new() else { return };
        let (chat, _, boris) = room(&mut world);
        world.append([
            added(1, BORIS, "🚀"),
            added(1, BORIS, "👍"),
            added(1, ANNA, "👍"),
            added(2, ANNA, "👍"),
            added(2, BORIS, "👍"),
        ]);
        if follow_first {
            world.projections.catch_up().unwrap();
        }
        world.erase(boris);
        world.projections.catch_up().unwrap();
        assert_eq!(seen(&world, ANNA).await, [(message_id(1), vec![one("👍", 1, true)])]);
        world.assert_verified();
        world.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
        assert_eq!(seen(&world, ANNA).await, [(message_id(1), vec![one("👍", 1, true)])]);
        world.follow([removed(1, BORIS, "👍"), left(chat, boris)]);
        assert_eq!(seen(&world, ANNA).await, [(message_id(1), vec![one("👍", 1, true)])]);
        world.assert_verified();
    }
}

#[test]
fn a_count_that_is_wrong_is_found() {
    let Some(mut world) = World::new() else { return };
    room(&mut world);
    world.follow([added(1, BORIS, "🚀"), added(1, ANNA, "🚀")]);
    for (change, table) in [
        ("update reaction_kind set people = 3", "reaction_kind"),
        ("delete from reaction where position = 6", "reaction"),
    ] {
        world.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
        world.assert_verified();
        world.tamper(ProjectionId::Messages, change);
        let verified = world.projections.verify(ProjectionId::Messages, &mut |_| {}).unwrap();
        assert!(!verified.differences.is_empty(), "{change}");
        assert!(verified.differences.iter().all(|difference| difference.table == table), "{verified:?}");
    }
}
