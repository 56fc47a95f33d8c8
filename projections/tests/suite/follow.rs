//! Following the log: checkpoints, restarts, poison, the thread.

use crate::support::*;
use domain::chat::Role;
use projections::{ProjectionId, Projections, State, messages, users};
use std::time::Duration;
use tokio::sync::watch;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_restart_goes_on_at_the_checkpoint() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None), password(user_id(1), "$one")]);
    // Would be gone if the restart folded from the beginning.
    world.tamper(ProjectionId::Users, "update account set display_name = 'mark'");
    let mut world = world.restarted();
    assert_eq!(world.projections.position(ProjectionId::Users), 2);
    world.follow([password(user_id(1), "$two")]);
    let db = world.projections.database(ProjectionId::Users);
    assert_eq!(users::by_id(&db, user_id(1)).await.unwrap().unwrap().display_name, "mark");
    assert_eq!(users::credentials(&db, "anna").await.unwrap().unwrap().passwords, 2);
    assert_eq!(world.status(ProjectionId::Users).generation, 1);
}

#[tokio::test]
async fn what_does_not_concern_a_read_model_still_moves_its_checkpoint() {
    let Some(mut world) = World::new() else { return };
    let head = world.follow([created(chat_id(1), user_id(1), "Café", false)]);
    assert_eq!(world.projections.caught_up(ProjectionId::Users, head, Duration::ZERO).await, Ok(head));
    // Stored as well, once nothing more came: another process sees it.
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    for status in beside.status().unwrap() {
        assert_eq!((status.position, status.lag_events, status.lag_seconds), (head, 0, 0), "{}", status.name);
    }
}

#[test]
fn lag_is_what_the_log_has_more() {
    let Some(mut world) = World::new() else { return };
    world.append([signed_up(user_id(1), "Anna", None), password(user_id(1), "$one")]);
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.position, status.head, status.lag_events), (0, 2, 2));
    assert!(status.lag_seconds > 1_000_000, "recorded in 1970");
}

#[test]
fn an_unknown_event_stops_only_whom_it_may_concern() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None), created(chat_id(1), user_id(1), "Café", false)]);
    let (mut world, poison) = world.poison(chat_id(1).into(), "chat.painted.v1");
    let head = world.follow([password(user_id(1), "$one"), posted(message_id(1), chat_id(1), user_id(1), "one")]);
    let expected = [
        (ProjectionId::Users, State::Running),
        (ProjectionId::Sessions, State::Running),
        (ProjectionId::Tokens, State::Running),
        (ProjectionId::Identities, State::Running),
        (ProjectionId::Passkeys, State::Running),
        (ProjectionId::SignIns, State::Running),
        (ProjectionId::Chats, State::Stopped),
        (ProjectionId::Messages, State::Stopped),
        (ProjectionId::Deliveries, State::Running),
        (ProjectionId::Inbox, State::Running),
        (ProjectionId::Recipients, State::Stopped),
        (ProjectionId::Links, State::Running),
        (ProjectionId::Templates, State::Running),
        (ProjectionId::Mailings, State::Running),
        (ProjectionId::Search, State::Stopped),
    ];
    assert_eq!(world.states(), expected);
    let status = world.status(ProjectionId::Chats);
    assert_eq!((status.position, status.failed_position), (poison - 1, Some(poison)));
    assert!(status.error.unwrap().contains("chat.painted.v1"));
    assert_eq!(world.status(ProjectionId::Users).position, head);
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    assert_eq!(beside.status().unwrap()[6].failed_position, Some(poison));
    let world = world.restarted();
    world.projections.catch_up().unwrap();
    assert_eq!(world.states(), expected, "tried again, and stopped again");
}

#[test]
fn an_event_of_an_unknown_kind_may_concern_everybody() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let (world, _) = world.poison(chat_id(1).into(), "moon.rose.v1");
    world.projections.catch_up().unwrap();
    assert!(world.states().iter().all(|(_, state)| *state == State::Stopped));
}

#[tokio::test]
async fn everything_before_the_event_that_fails_is_folded_in() {
    let Some(mut world) = World::new() else { return };
    let mut facts: Vec<_> = (1..=20).map(|number| signed_up(user_id(number), &format!("u{number}"), None)).collect();
    // Two accounts of one name: the rules never let that happen, and the unique index refuses it.
    facts.insert(13, signed_up(user_id(99), "U7", None));
    facts.push(joined(chat_id(1), user_id(1), "anna", Role::Owner));
    world.follow(facts);
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position, status.failed_position), (State::Stopped, 13, Some(14)));
    assert!(status.error.unwrap().to_lowercase().contains("unique"), "the driver's words are for the operator");
    let db = world.projections.database(ProjectionId::Users);
    assert_eq!(users::list(&db, "", None, 99).await.unwrap().len(), 13);
    assert_eq!(world.status(ProjectionId::Chats).state, State::Running);
    assert_eq!(world.status(ProjectionId::Chats).position, 22);
    world.projections.resume(ProjectionId::Users).unwrap();
    assert_eq!(world.status(ProjectionId::Users).state, State::Running);
    world.tamper(ProjectionId::Users, "drop index account_by_name");
    world.projections.catch_up().unwrap();
    assert_eq!(world.status(ProjectionId::Users).position, 22, "what stopped it was mended, and it went on");
}

#[tokio::test]
async fn the_thread_follows_with_and_without_a_hint() {
    let Some(mut world) = World::new() else { return };
    let (hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    let head = world.append([signed_up(user_id(1), "Anna", None)]);
    hint.send_replace(head);
    assert_eq!(world.projections.caught_up(ProjectionId::Users, head, SOON).await, Ok(head));
    let head = world.append([password(user_id(1), "$one")]);
    assert_eq!(world.projections.caught_up(ProjectionId::Users, head, SOON).await, Ok(head), "who waits is heard");
    let head = world.append([password(user_id(1), "$again")]);
    let began = std::time::Instant::now();
    while world.projections.position(ProjectionId::Users) < head {
        assert!(began.elapsed() < SOON, "the poll does not find it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(hint);
    let head = world.append([password(user_id(1), "$two")]);
    assert_eq!(
        world.projections.caught_up(ProjectionId::Messages, head, SOON).await,
        Ok(head),
        "and without anybody to hint"
    );
    let behind =
        world.projections.caught_up(ProjectionId::Users, head + 1, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!((behind.name, behind.position), (ProjectionId::Users, head));
    tail.stop();
    let world = world.restarted();
    for name in ProjectionId::ALL {
        assert_eq!(world.projections.position(name), head, "{name}: stored on the stop");
    }
}

#[test]
fn what_was_left_to_gather_is_folded_in_at_the_stop() {
    let Some(mut world) = World::new() else { return };
    let (_hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    let head = world.append([signed_up(user_id(1), "Anna", None), created(chat_id(1), user_id(1), "Café", false)]);
    tail.stop();
    let world = world.restarted();
    for name in ProjectionId::ALL.into_iter().filter(|name| name.has_tables()) {
        assert_eq!(world.projections.position(name), head, "{name}");
    }
}

#[test]
fn a_thread_that_was_let_go_of_ends() {
    let Some(world) = World::new() else { return };
    let (hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    assert_eq!(hint.receiver_count(), 2);
    drop(tail);
    let began = std::time::Instant::now();
    while hint.receiver_count() > 0 {
        assert!(began.elapsed() < SOON, "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn long_logs_are_followed_in_batches() {
    let Some(mut world) = World::new() else { return };
    let chat = chat_id(1);
    world.append([created(chat, user_id(1), "Café", false), joined(chat, user_id(1), "anna", Role::Owner)]);
    world.append((0..4_500).map(|number| posted(message_id(number), chat, user_id(1), "text")).collect::<Vec<_>>());
    world.projections.catch_up().unwrap();
    let db = world.projections.database(ProjectionId::Messages);
    let page = messages::page(&db, chat, messages::Order::OldestFirst, None, 9_999).await.unwrap();
    assert_eq!(page.len(), 4_500);
    assert!(page.iter().map(|message| message.position).eq(3..4_503));
}
