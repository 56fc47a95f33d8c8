//! A node that follows what others feed, and feeds nothing itself.

use crate::support::*;
use projections::{Error, ProjectionId, Projections, State, users};
use std::time::{Duration, Instant};
use store::sql::Place;
use store::{Folder, Log};
use tempfile::TempDir;

/// How long nobody feeds before another node takes it over: longer than a lease lasts.
const LEASE_OVER: Duration = Duration::from_secs(4);

/// A follower beside it, with a folder of its own.
fn follower(world: &World) -> (Result<Projections, Error>, TempDir) {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let log = Log::open_shared(world.cluster(), &folder, &world.folder.master_key()).unwrap();
    (Projections::open_following(&folder, log), place)
}

#[tokio::test]
async fn it_reads_what_others_feed_and_takes_nothing_over() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let (follower, _place) = follower(&world);
    let follower = follower.unwrap();
    let status = |name| follower.status().unwrap().into_iter().find(|status| status.name == name).unwrap();
    let head = world.follow([signed_up(user_id(2), "Boris", None)]);
    follower.catch_up().unwrap();
    assert_eq!(follower.position(ProjectionId::Users), head);
    // A rebuild and a pause of the node that feeds are followed.
    world.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
    world.projections.pause(ProjectionId::Users).unwrap();
    follower.catch_up().unwrap();
    assert_eq!((status(ProjectionId::Users).generation, status(ProjectionId::Users).state), (2, State::Paused));
    world.projections.resume(ProjectionId::Users).unwrap();
    // Nobody feeds any more: what there is can be read, and how much is missing is known.
    world.projections.give_up().unwrap();
    let last = world.append([signed_up(user_id(3), "Clara", None)]);
    let began = Instant::now();
    while began.elapsed() < LEASE_OVER {
        follower.catch_up().unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let missing = status(ProjectionId::Users);
    assert_eq!((missing.position, missing.head, missing.lag_events), (head, last, last - head));
    assert_eq!(users::list(&follower.database(ProjectionId::Users), "", None, 9).await.unwrap().len(), 2);
    world.projections.catch_up().unwrap();
    follower.catch_up().unwrap();
    assert_eq!(follower.position(ProjectionId::Users), last, "it goes on when somebody feeds again");
    assert_eq!(users::list(&follower.database(ProjectionId::Users), "", None, 9).await.unwrap().len(), 3);
}

#[test]
fn an_operator_is_sent_to_a_node_that_feeds() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let (follower, _place) = follower(&world);
    let follower = follower.unwrap();
    let refused =
        |done: Result<(), Error>| assert!(matches!(done, Err(Error::FeedsNone { name: ProjectionId::Users })));
    refused(follower.pause(ProjectionId::Users));
    refused(follower.resume(ProjectionId::Users));
    refused(follower.rebuild(ProjectionId::Users, &mut |_| {}));
    refused(follower.skip(ProjectionId::Users, 1));
    // Before anything of it is written into the log.
    refused(follower.skippable(ProjectionId::Users).map(drop));
    assert_eq!(world.status(ProjectionId::Users).state, State::Running);
    assert_eq!(world.generations(ProjectionId::Users), [1]);
}

#[test]
fn what_nobody_builds_is_not_waited_for_for_ever() {
    let Some(world) = World::new() else { return };
    world.projections.give_up().unwrap();
    let catalog = Place::schema(world.cluster(), "letopis_models").open().unwrap();
    let mut writer = catalog.writer().unwrap();
    let mut tx = writer.begin().unwrap();
    tx.execute("delete from projection where name = 'messages'", &[]).unwrap();
    tx.commit().unwrap();
    let (opened, _place) = follower(&world);
    let Err(error) = opened else { panic!("it serves what is not there") };
    assert!(matches!(error, Error::NobodyBuilds { name: ProjectionId::Messages }), "{error}");
    assert!(error.to_string().contains("start a node of this version that has that role"), "{error}");
}
