//! What was looked up a moment ago, over read models that really follow.

use crate::support::*;
use domain::session::{self, Ended};
use domain::{Event, UserId, user};
use projections::{ProjectionId, Projections, Stamp, sessions};

/// Looks a session up and keeps it, as the doors do.
async fn look_up(projections: &Projections, number: u128) {
    let cache = projections.open_sessions();
    let stamp = Stamp { generation: cache.generation(), mark: projections.mark(ProjectionId::Sessions) };
    let hash = token(session_id(number));
    let found = sessions::by_token(&projections.database(ProjectionId::Sessions), &hash).await.unwrap().unwrap();
    cache.put(hash, found.user_id, stamp, found.open());
}

fn kept(projections: &Projections, number: u128, floor: u64) -> bool {
    projections.open_sessions().get(&token(session_id(number)), floor).is_some()
}

fn ended(number: u128, who: UserId) -> Event {
    Event::Session(session_id(number), session::Event::Ended(Ended { user_id: who }))
}

#[tokio::test]
async fn who_may_expect_an_end_finds_nothing_also_before_it_is_followed() {
    let Some(mut world) = World::new() else { return };
    let (anna, boris) = (user_id(1), user_id(2));
    let before = world.follow([signed_in(session_id(1), anna, 1), signed_in(session_id(2), boris, 1)]);
    for number in [1, 2] {
        look_up(&world.projections, number).await;
    }
    let head = world.append([ended(1, anna)]);
    assert!(kept(&world.projections, 1, before), "nobody here knows of the end yet");
    assert!(!kept(&world.projections, 1, head), "who has it acknowledged does");
    world.projections.catch_up().unwrap();
    assert!(!kept(&world.projections, 1, before));
    assert!(kept(&world.projections, 2, head));
}

#[tokio::test]
async fn an_end_is_heeded_where_nobody_feeds_the_read_models() {
    let Some(mut world) = World::new() else { return };
    let anna = user_id(1);
    world.follow([signed_in(session_id(1), anna, 1), signed_in(session_id(2), user_id(2), 1)]);
    for number in [1, 2] {
        look_up(&world.projections, number).await;
    }
    for name in ProjectionId::ALL {
        world.projections.pause(name).unwrap();
    }
    let all = user::Event::SessionsEnded(user::SessionsEnded { keep: None });
    let head = world.follow([of_user(anna, all)]);
    assert!(world.projections.position(ProjectionId::Sessions) < head, "the read model stands");
    assert!(!kept(&world.projections, 1, 0));
    assert!(kept(&world.projections, 2, head));
    // What the read model shows is older than what ended, and is known to be.
    look_up(&world.projections, 1).await;
    assert!(!kept(&world.projections, 1, 0));
    assert_eq!(world.projections.open_sessions().ended(anna), head);
}

#[tokio::test]
async fn a_rebuilt_generation_is_looked_at_anew() {
    let Some(mut world) = World::new() else { return };
    let head = world.follow([signed_in(session_id(1), user_id(1), 1)]);
    look_up(&world.projections, 1).await;
    world.projections.rebuild(ProjectionId::Tokens, &mut |_| {}).unwrap();
    world.projections.catch_up().unwrap();
    assert!(kept(&world.projections, 1, head), "another read model's");
    world.projections.rebuild(ProjectionId::Sessions, &mut |_| {}).unwrap();
    assert!(!kept(&world.projections, 1, head));
    look_up(&world.projections, 1).await;
    world.projections.catch_up().unwrap();
    assert!(kept(&world.projections, 1, head));
    let world = world.restarted();
    assert!(!kept(&world.projections, 1, head));
    look_up(&world.projections, 1).await;
    world.projections.catch_up().unwrap();
    assert!(kept(&world.projections, 1, head));
}
