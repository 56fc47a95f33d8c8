//! A log that comes back with another history: what was folded in of the one that is gone is built again.

use crate::support::*;
use domain::Event;
use domain::chat::{self, Role};
use projections::messages::{self, Access, Order};
use projections::{ProjectionId, Projections};

/// A private chat with its owner and somebody who was let in.
fn begun(world: &mut World) -> u64 {
    let (chat, anna) = (chat_id(1), user_id(1));
    world.follow([
        signed_up(anna, "anna", None),
        created(chat, anna, "Café", true),
        joined(chat, anna, "anna", Role::Owner),
        added(chat, user_id(2), "boris", anna),
    ])
}

/// Five messages in that chat.
fn said(first: u128, word: &str) -> Vec<Event> {
    (first..first + 5).map(|number| posted(message_id(number), chat_id(1), user_id(1), word)).collect()
}

/// The second member is removed, and then things are said: at the same positions as [`said`].
fn removed_and_said(word: &str) -> Vec<Event> {
    let gone = chat::MemberRemoved { user_id: user_id(2), by: user_id(1) };
    let mut facts = said(200, word);
    facts[0] = of_chat(chat_id(1), chat::Event::MemberRemoved(gone));
    facts
}

async fn texts(projections: &Projections) -> Vec<String> {
    let db = projections.database(ProjectionId::Messages);
    let page = messages::page(&db, chat_id(1), Order::OldestFirst, None, 99).await.unwrap();
    page.into_iter().map(|message| message.text).collect()
}

#[tokio::test]
async fn what_came_of_another_history_is_built_again_at_the_start() {
    let Some(mut world) = World::new() else { return };
    let common = begun(&mut world);
    let lost = world.follow(said(100, "lost"));
    // At the same position, and one behind it.
    for more in [0, 1] {
        let generations = ProjectionId::ALL.map(|name| world.status(name).generation);
        let mut back = world.set_back(common, |world| {
            let head =
                world.append(removed_and_said("kept").into_iter().chain(said(300, "more").into_iter().take(more)));
            assert_eq!(head, lost + more as u64);
        });
        back.projections.catch_up().unwrap();
        back.assert_verified();
        assert_eq!(texts(&back.projections).await, [vec!["kept"; 4], vec!["more"; more]].concat());
        let db = back.projections.database(ProjectionId::Messages);
        assert_eq!(messages::access(&db, chat_id(1), user_id(2)).await.unwrap(), Access::NotAMember);
        for (name, before) in ProjectionId::ALL.into_iter().zip(generations) {
            assert_eq!(back.status(name).generation, before + 1, "{name}");
        }
        back.follow(said(400, "lost"));
        world = back;
    }
}

#[tokio::test]
async fn a_log_that_goes_on_keeps_its_read_models() {
    let Some(mut world) = World::new() else { return };
    begun(&mut world);
    world.follow(said(100, "said"));
    let world = world.restarted();
    assert!(ProjectionId::ALL.into_iter().all(|name| world.status(name).generation == 1));
}

#[tokio::test]
async fn a_log_that_was_only_cut_is_known_as_well() {
    let Some(mut world) = World::new() else { return };
    let common = begun(&mut world);
    world.follow(said(100, "lost"));
    let world = world.set_back(common, |_| {});
    assert_eq!(texts(&world.projections).await, Vec::<String>::new());
    world.assert_verified();
}
