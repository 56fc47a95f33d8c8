//! What only files can show.

use crate::support::*;
use projections::{Error, ProjectionId, Projections, State, users};

#[tokio::test]
async fn a_second_writer_of_a_generation_writes_nothing() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let zombie = Projections::open(&world.folder, world.log.clone()).unwrap();
    world.follow([password(user_id(1), "$one")]);
    // One that follows none of these facts only wants to move its checkpoint, and says why it cannot.
    assert!(matches!(zombie.catch_up(), Err(Error::NotOwner { .. })));
    let status = zombie.status().unwrap().remove(0);
    assert_eq!((status.name, status.state, status.position), (ProjectionId::Users, State::Stopped, 1));
    assert!(status.error.unwrap().contains("another process writes the read model users"));
    let db = world.projections.database(ProjectionId::Users);
    assert_eq!(users::credentials(&db, "anna").await.unwrap().unwrap().passwords, 1);
}

#[test]
fn a_read_model_that_cannot_be_written_for_a_while_is_not_stopped_by_an_event() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let generation = world.folder.read_models().join(format!("users-v{}-1.db", ProjectionId::Users.version()));
    let other = rusqlite::Connection::open(generation).unwrap();
    other.execute_batch("begin immediate").unwrap();
    world.append([password(user_id(1), "$one"), created(chat_id(1), user_id(1), "Café", false)]);
    assert!(world.projections.catch_up().is_err());
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.status(ProjectionId::Users).position),
        (State::Running, 1)
    );
    assert_eq!(world.status(ProjectionId::Chats).position, 3, "the others go on");
    other.execute_batch("rollback").unwrap();
    world.projections.catch_up().unwrap();
    assert_eq!(world.status(ProjectionId::Users).position, 3);
}

#[test]
fn there_is_nothing_to_read_before_it_is_built() {
    let place = tempfile::tempdir().unwrap();
    let folder = store::Folder::create(place.path()).unwrap();
    let appender = store::Appender::open(&folder, &folder.master_key()).unwrap();
    let log = appender.log(&folder).unwrap();
    assert!(matches!(Projections::open_read_only(&folder, log), Err(Error::NotBuilt)));
}
