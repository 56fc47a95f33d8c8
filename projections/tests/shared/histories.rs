//! The database comes back with another history while nodes run.

use crate::support::*;
use domain::Event;
use domain::chat::Role;
use projections::messages::{self, Order};
use projections::{Error, ProjectionId, Projections};
use std::time::Duration;
use store::{Appender, Folder, Log};
use tokio::sync::watch;

/// Longer than anything takes on a slow machine.
const SOON: Duration = Duration::from_secs(30);

fn is_other_history(error: &Error) -> bool {
    matches!(error, Error::Store(store::Error::OtherHistory { .. }))
}

async fn texts(projections: &Projections) -> Vec<String> {
    let db = projections.database(ProjectionId::Messages);
    let page = messages::page(&db, chat_id(1), Order::OldestFirst, None, 99).await.unwrap();
    page.into_iter().map(|message| message.text).collect()
}

/// By another node's appender.
fn append_by(world: &mut World, other: &mut Appender, facts: [Event; 1]) -> u64 {
    std::mem::swap(&mut world.appender, other);
    let head = world.append(facts);
    std::mem::swap(&mut world.appender, other);
    head
}

fn begun(world: &mut World) -> u64 {
    let (chat, anna) = (chat_id(1), user_id(1));
    world.follow([created(chat, anna, "Café", false), joined(chat, anna, "anna", Role::Owner)])
}

#[tokio::test]
async fn a_running_node_stops_and_has_folded_in_nothing_more() {
    let Some(mut world) = World::new() else { return };
    let common = begun(&mut world);
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let log = Log::open_shared(world.cluster(), &folder, &world.folder.master_key()).unwrap();
    let node = Projections::open(&folder, log).unwrap();
    let (_hint, hinted) = watch::channel(0);
    let tail = node.start(hinted).unwrap();
    let lost = world.follow([posted(message_id(1), chat_id(1), user_id(1), "lost")]);
    node.caught_up(ProjectionId::Search, lost, SOON).await.unwrap();
    let world = world.set_back(common, |world| {
        assert_eq!(world.append([posted(message_id(2), chat_id(1), user_id(1), "kept")]), lost);
    });
    let why = tokio::time::timeout(SOON, node.failed()).await.unwrap();
    assert!(why.contains(&format!("does not hold the event {lost}")), "{why}");
    tail.stop();
    world.assert_verified();
    assert_eq!(texts(&world.projections).await, ["kept"]);
    drop(node);
    // What the node had of its own is built again at its next start.
    let log = Log::open_shared(world.cluster(), &folder, &world.folder.master_key()).unwrap();
    let node = Projections::open(&folder, log).unwrap();
    assert!(node.verify(ProjectionId::Search, &mut |_| {}).unwrap().differences.is_empty());
}

#[tokio::test]
async fn what_a_node_appended_itself_is_not_told_from_memory_when_the_log_lost_it() {
    let Some(mut world) = World::new() else { return };
    let common = begun(&mut world);
    let lost = world.append([posted(message_id(1), chat_id(1), user_id(1), "lost")]);
    world.cut(common);
    // Nobody has written since.
    world.projections.catch_up().unwrap();
    assert_eq!(texts(&world.projections).await, Vec::<String>::new());
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let mut other = Appender::open_shared(world.cluster(), &folder, &world.folder.master_key()).unwrap();
    assert_eq!(append_by(&mut world, &mut other, [posted(message_id(2), chat_id(1), user_id(1), "kept")]), lost);
    world.projections.catch_up().unwrap();
    assert_eq!(texts(&world.projections).await, ["kept"]);
    world.assert_verified();
}

#[tokio::test]
async fn a_node_that_has_folded_in_what_is_lost_goes_no_further() {
    let Some(mut world) = World::new() else { return };
    let common = begun(&mut world);
    let lost = world.follow([posted(message_id(1), chat_id(1), user_id(1), "lost")]);
    world.cut(common);
    assert!(is_other_history(&world.projections.catch_up().unwrap_err()), "the log ends before it");
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let mut other = Appender::open_shared(world.cluster(), &folder, &world.folder.master_key()).unwrap();
    for number in 2..5 {
        let head = append_by(&mut world, &mut other, [posted(message_id(number), chat_id(1), user_id(1), "kept")]);
        assert_eq!(head, lost + number as u64 - 2);
        assert!(is_other_history(&world.projections.catch_up().unwrap_err()), "at {head}");
        let verified = world.projections.verify(ProjectionId::Messages, &mut |_| {});
        assert!(is_other_history(&verified.unwrap_err()));
    }
    assert_eq!(texts(&world.projections).await, ["lost"], "nothing is mixed into it");
}
