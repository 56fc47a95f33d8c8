//! Pausing, resuming, skipping.

use crate::support::*;
use domain::id::ProjectionName;
use domain::{Event, projection};
use projections::{Error, ProjectionId, Projections, State, messages, users};
use std::time::{Duration, Instant};
use store::Filter;

/// As an operator's command writes it.
fn skipped(name: ProjectionId, position: u64) -> Event {
    let stream: ProjectionName = name.in_log();
    let reason = "a test".to_owned();
    Event::Projection(stream, projection::Event::EventSkipped(projection::EventSkipped { position, reason }))
}

/// Skips what stops that projection.
fn skip(world: &mut World, name: ProjectionId) -> u64 {
    let position = world.projections.skippable(name).unwrap();
    world.append([skipped(name, position)]);
    world.projections.skip(name, position).unwrap();
    position
}

async fn said(world: &World) -> usize {
    let db = world.projections.database(ProjectionId::Messages);
    messages::page(&db, chat_id(1), messages::Order::OldestFirst, None, 99).await.unwrap().len()
}

#[tokio::test]
async fn a_paused_projection_stands_and_its_lag_grows() {
    let Some(mut world) = World::new() else { return };
    let before = world.follow([signed_up(user_id(1), "Anna", None), created(chat_id(1), user_id(1), "Café", false)]);
    world.projections.pause(ProjectionId::Users).unwrap();
    let head = world.follow([signed_up(user_id(2), "Boris", None), signed_up(user_id(3), "Vera", None)]);
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position, status.lag_events), (State::Paused, before, 2));
    assert!(status.lag_seconds > 1_000_000, "the oldest event that it lacks is of 1970");
    assert_eq!(status.error, None);
    let others = world.status(ProjectionId::Chats);
    assert_eq!((others.state, others.lag_events, others.lag_seconds), (State::Running, 0, 0));

    // What it has is answered, more is refused at once.
    let began = Instant::now();
    assert_eq!(world.projections.caught_up(ProjectionId::Users, before, Duration::from_secs(60)).await, Ok(before));
    world.projections.caught_up(ProjectionId::Users, head, Duration::from_secs(60)).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(30));
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    let seen = beside.status().unwrap().remove(0);
    assert!(seen.lag_seconds >= status.lag_seconds);
    let seen = projections::Status { lag_seconds: status.lag_seconds, ..seen };
    assert_eq!(seen, status, "and it is seen beside the process, a little later");
    world.assert_verified();

    let world = world.restarted();
    world.projections.catch_up().unwrap();
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position), (State::Paused, before), "a restart changes nothing");
    world.projections.resume(ProjectionId::Users).unwrap();
    world.projections.catch_up().unwrap();
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position, status.lag_seconds), (State::Running, head, 0));
    let world = world.restarted();
    assert_eq!(world.status(ProjectionId::Users).state, State::Running);
    world.assert_verified();
}

#[test]
fn a_rebuild_does_not_end_a_pause() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    world.projections.pause(ProjectionId::Users).unwrap();
    let head = world.follow([signed_up(user_id(2), "Boris", None)]);
    world.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
    world.follow([signed_up(user_id(3), "Vera", None)]);
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position, status.lag_events), (State::Paused, head, 1));
    let mut world = world.restarted();
    world.tamper(ProjectionId::Users, "drop table checkpoint");
    let head = world.append([signed_up(user_id(4), "Galja", None)]);
    let world = world.restarted();
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.position), (State::Paused, head), "built from the log, and paused");
}

#[tokio::test]
async fn a_skip_steps_over_exactly_the_event_that_stops_it() {
    let Some(mut world) = World::new() else { return };
    world
        .follow([created(chat_id(1), user_id(1), "Café", false), posted(message_id(1), chat_id(1), user_id(1), "one")]);
    let (mut world, first) = world.poison(message_id(7).into(), "message.frozen.v9");
    world.append([posted(message_id(2), chat_id(1), user_id(1), "two")]);
    let (mut world, second) = world.poison(message_id(8).into(), "message.frozen.v9");
    world.follow([posted(message_id(3), chat_id(1), user_id(1), "three")]);
    assert_eq!(skip(&mut world, ProjectionId::Messages), first);
    world.projections.catch_up().unwrap();
    let status = world.status(ProjectionId::Messages);
    assert_eq!((status.state, status.failed_position), (State::Stopped, Some(second)), "the next one stops it again");
    assert_eq!(said(&world).await, 2);
    assert_eq!(skip(&mut world, ProjectionId::Messages), second);
    world.projections.catch_up().unwrap();
    let status = world.status(ProjectionId::Messages);
    assert_eq!((status.state, status.lag_events, status.error), (State::Running, 0, None));
    assert_eq!(said(&world).await, 3);
    assert!(matches!(world.projections.skippable(ProjectionId::Messages), Err(Error::NotStopped { .. })));

    // Whoever folds the log again steps over the same ones.
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
    assert_eq!((said(&world).await, world.status(ProjectionId::Messages).lag_events), (3, 0));
    let world = world.restarted();
    assert_eq!(world.status(ProjectionId::Messages).state, State::Running);
    world.assert_verified();
    let kept = Filter { stream: Some("projection-messages".to_owned()), ..Filter::default() };
    assert_eq!(world.log.read_filtered(&kept, 9).unwrap().len(), 2);
}

#[tokio::test]
async fn a_fact_that_cannot_be_folded_in_is_skipped_alone() {
    let Some(mut world) = World::new() else { return };
    // Two accounts of one name: the rules never let that happen.
    world.follow([
        signed_up(user_id(1), "Anna", None),
        signed_up(user_id(2), "ANNA", None),
        signed_up(user_id(3), "Boris", None),
    ]);
    assert_eq!(world.status(ProjectionId::Users).failed_position, Some(2));
    assert_eq!(skip(&mut world, ProjectionId::Users), 2);
    world.projections.catch_up().unwrap();
    let db = world.projections.database(ProjectionId::Users);
    assert_eq!(users::list(&db, "", None, 99).await.unwrap().len(), 2);
    world.assert_verified();
    world.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
    let world = world.restarted();
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.status(ProjectionId::Users).lag_events),
        (State::Running, 0)
    );
    world.assert_verified();
}

#[test]
fn a_crash_between_the_fact_and_the_skip_loses_nothing() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let (mut world, poison) = world.poison(user_id(1).into(), "user.frozen.v9");
    world.projections.catch_up().unwrap();
    let head = world.append([skipped(ProjectionId::Users, poison)]);
    let world = world.restarted();
    world.projections.catch_up().unwrap();
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.status(ProjectionId::Users).position),
        (State::Running, head)
    );
    assert_eq!(world.status(ProjectionId::Sessions).failed_position, Some(poison), "it was skipped for the one only");
}

#[test]
fn only_what_stops_a_projection_is_skipped_and_never_an_erasure() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    assert!(matches!(world.projections.skippable(ProjectionId::Users), Err(Error::NotStopped { .. })));
    world.tamper(ProjectionId::Users, "alter table account rename to lost");
    world.erase(user_id(1));
    world.projections.catch_up().unwrap();
    assert_eq!(world.status(ProjectionId::Users).failed_position, Some(2));
    assert!(matches!(world.projections.skippable(ProjectionId::Users), Err(Error::Erasure { position: 2, .. })));
    world.tamper(ProjectionId::Users, "alter table lost rename to account");
    world.projections.resume(ProjectionId::Users).unwrap();
    world.projections.catch_up().unwrap();
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.status(ProjectionId::Users).lag_events),
        (State::Running, 0)
    );
    let late = world.projections.skip(ProjectionId::Users, 2);
    assert!(matches!(late, Err(Error::FoldedMeanwhile { .. })), "it got over it by itself");
    world.assert_verified();
}

#[test]
fn who_only_reads_may_not_operate() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    assert!(matches!(beside.pause(ProjectionId::Users), Err(Error::ReadOnly)));
    assert!(matches!(beside.resume(ProjectionId::Users), Err(Error::ReadOnly)));
    assert!(matches!(beside.skip(ProjectionId::Users, 1), Err(Error::ReadOnly)));
    assert_eq!(world.status(ProjectionId::Users).state, State::Running);
}
