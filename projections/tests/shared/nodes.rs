//! Several nodes over one log.

use crate::support::*;
use domain::chat::Role;
use domain::id::ProjectionName;
use domain::{Event, UserId, projection};
use projections::{Error, ProjectionId, Projections, State, Status, chats, messages, users};
use std::path::Path;
use std::time::Duration;
use store::sql::Place;
use store::{Cluster, Folder, Log};
use tempfile::TempDir;
use tokio::sync::watch;

/// Longer than anything takes on a slow machine.
const SOON: Duration = Duration::from_secs(30);
/// How long a node that died may be missed.
const TAKEN_OVER_MAX: Duration = Duration::from_secs(5);

/// Another node over the same log.
struct Node {
    // Before the folder: it is closed first.
    projections: Projections,
    _place: TempDir,
}

impl Node {
    /// With a folder of its own.
    fn beside(world: &World) -> Node {
        Node::over(world.cluster(), &world.folder.master_key())
    }

    fn over(cluster: &Cluster, master_key: &Path) -> Node {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path()).unwrap();
        let log = Log::open_shared(cluster, &folder, master_key).unwrap();
        Node { projections: Projections::open(&folder, log).unwrap(), _place: place }
    }

    fn status(&self, name: ProjectionId) -> Status {
        self.projections.status().unwrap().into_iter().find(|status| status.name == name).unwrap()
    }
}

async fn names(node: &Node) -> Vec<String> {
    let db = node.projections.database(ProjectionId::Users);
    users::list(&db, "", None, 99).await.unwrap().into_iter().map(|account| account.user_name).collect()
}

/// Who holds the leases that have not run out, with their epochs.
fn holders(world: &World) -> Vec<(String, i64)> {
    let database = Place::schema(world.cluster(), "letopis_models").open().unwrap();
    let sql = "select holder, epoch from lease where until > clock_timestamp() order by name";
    let row = |row: &store::sql::Row<'_>| Ok((row.text(0)?.to_owned(), row.int(1)?));
    database.snapshot().unwrap().rows(sql, &[], row).unwrap()
}

#[tokio::test]
async fn two_nodes_feed_each_projection_once() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    let (_hint, hinted) = watch::channel(0);
    let tails = [&world.projections, &node.projections].map(|projections| projections.start(hinted.clone()).unwrap());
    let (chat, anna) = (chat_id(1), user_id(1));
    world.append([created(chat, anna, "Café", false), joined(chat, anna, "anna", Role::Owner)]);
    let mut head = 0;
    for number in 0..40 {
        head = world.append([
            added(chat, user_id(100 + number), "name", anna),
            posted(message_id(number), chat, anna, "text"),
            signed_up(user_id(100 + number), &format!("u{number}"), None),
        ]);
    }
    for projections in [&world.projections, &node.projections] {
        for name in ProjectionId::ALL {
            projections.caught_up(name, head, SOON).await.unwrap();
        }
        let db = projections.database(ProjectionId::Chats);
        assert_eq!(chats::by_id(&db, chat).await.unwrap().unwrap().members, 41);
        let db = projections.database(ProjectionId::Messages);
        assert_eq!(messages::page(&db, chat, messages::Order::OldestFirst, None, 99).await.unwrap().len(), 40);
        for name in ProjectionId::ALL {
            assert_eq!(projections.verify(name, &mut |_| {}).unwrap().differences, vec![], "{name}");
        }
    }
    let held = holders(&world);
    assert_eq!(held.len(), with_tables().count(), "each node has an index of its own");
    assert!(held.iter().all(|lease| *lease == held[0] && lease.1 == 1), "one node feeds them all: {held:?}");
    tails.into_iter().for_each(store::follower::Threads::stop);
    assert_eq!(holders(&world), [], "a clean stop gives them up");
}

#[tokio::test]
async fn a_node_that_dies_is_taken_over() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let (_hint, hinted) = watch::channel(0);
    let tail = node.projections.start(hinted).unwrap();
    let head = world.append([signed_up(user_id(2), "Boris", None)]);
    // Nothing is given up: as if it was killed.
    drop(std::mem::replace(&mut world.projections, node.projections.clone()));
    let began = std::time::Instant::now();
    for name in ProjectionId::ALL {
        node.projections.caught_up(name, head, TAKEN_OVER_MAX).await.unwrap();
    }
    assert!(began.elapsed() < TAKEN_OVER_MAX, "{:?}", began.elapsed());
    assert_eq!(names(&node).await, ["Anna", "Boris"]);
    assert!(holders(&world).iter().all(|(_, epoch)| *epoch == 2), "the epoch is a new one");
    tail.stop();
    world.assert_verified();
}

#[tokio::test]
async fn what_is_given_up_is_taken_at_once() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    let head = world.append([signed_up(user_id(1), "Anna", None)]);
    node.projections.catch_up().unwrap();
    assert_eq!(node.projections.position(ProjectionId::Users), 0, "the other one feeds it");
    world.projections.give_up().unwrap();
    node.projections.catch_up().unwrap();
    assert_eq!(node.projections.position(ProjectionId::Users), head);
    world.projections.catch_up().unwrap();
    assert_eq!(world.projections.position(ProjectionId::Users), head, "and it follows now");
}

#[tokio::test]
async fn what_another_node_took_is_let_go_of() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let node = Node::beside(&world);
    // Takes it over; the former one is told by nobody.
    node.projections.resume(ProjectionId::Users).unwrap();
    let head = world.follow([signed_up(user_id(2), "Boris", None)]);
    assert_eq!(names(&node).await, ["Anna"], "it has written nothing");
    assert_eq!(world.projections.position(ProjectionId::Users), 1);
    assert_eq!(world.projections.position(ProjectionId::Sessions), head, "what it holds it feeds");
    node.projections.catch_up().unwrap();
    assert_eq!(names(&node).await, ["Anna", "Boris"]);
    world.projections.catch_up().unwrap();
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.projections.position(ProjectionId::Users)),
        (State::Running, head)
    );
    world.assert_verified();
}

#[tokio::test]
async fn what_the_former_holder_says_of_a_projection_does_not_count() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    world.projections.catch_up().unwrap();
    let projections = world.projections.clone();
    let head = world.append([signed_up(user_id(1), "Anna", None), signed_up(user_id(2), "Boris", None)]);
    let failed = projections
        .rebuild(ProjectionId::Users, &mut |_| {
            // As if this node had been held up for so long.
            world.tamper_catalog("update lease set until = '-infinity'");
            node.projections.catch_up().unwrap();
        })
        .unwrap_err();
    assert!(matches!(failed, Error::TakenOver { name: ProjectionId::Users }), "{failed}");
    let status = node.status(ProjectionId::Users);
    assert_eq!((status.generation, status.state, status.position), (1, State::Running, head));
    assert_eq!(names(&node).await, ["Anna", "Boris"]);
    world.projections.catch_up().unwrap();
    assert_eq!(world.status(ProjectionId::Users), status);
    world.assert_verified();
}

#[tokio::test]
async fn a_rebuild_on_one_node_is_seen_by_the_other() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna) = (chat_id(1), user_id(1));
    world.follow([created(chat, anna, "Café", false), posted(message_id(1), chat, anna, "one")]);
    let node = Node::beside(&world);
    // Seen in what serves: it is not in the log.
    world.tamper(ProjectionId::Messages, "update message set text = 'lost'");
    node.projections.rebuild(ProjectionId::Messages, &mut |_| {}).unwrap();
    world.projections.catch_up().unwrap();
    let text = async || {
        let db = world.projections.database(ProjectionId::Messages);
        messages::one(&db, chat, message_id(1)).await.unwrap().unwrap().text
    };
    assert_eq!(text().await, "one");
    assert_eq!(
        (world.status(ProjectionId::Messages).generation, node.status(ProjectionId::Messages).generation),
        (2, 2)
    );
    let head = world.follow([edited(message_id(1), chat, anna, "two")]);
    node.projections.catch_up().unwrap();
    let text = async || {
        let db = world.projections.database(ProjectionId::Messages);
        messages::one(&db, chat, message_id(1)).await.unwrap().unwrap().text
    };
    assert_eq!(world.projections.caught_up(ProjectionId::Messages, head, SOON).await, Ok(head));
    assert_eq!(text().await, "two");
}

#[tokio::test]
async fn a_read_sees_what_another_node_has_folded_in() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    // Nothing follows the log on this node, and it is told of nothing.
    let head = world.follow([signed_up(user_id(1), "Anna", None)]);
    assert!(node.projections.position(ProjectionId::Users) < head);
    assert_eq!(node.projections.caught_up(ProjectionId::Users, head, SOON).await, Ok(head));
    assert_eq!(
        node.projections.caught_up(ProjectionId::Messages, head, SOON).await,
        Ok(head),
        "also where nothing concerns it"
    );
    assert_eq!(names(&node).await, ["Anna"]);
}

#[tokio::test]
async fn an_operator_may_ask_any_node() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let node = Node::beside(&world);
    node.projections.pause(ProjectionId::Users).unwrap();
    world.follow([signed_up(user_id(2), "Boris", None)]);
    world.follow([signed_up(user_id(3), "Vera", None)]);
    for status in [world.status(ProjectionId::Users), node.status(ProjectionId::Users)] {
        assert_eq!((status.state, status.position, status.lag_events), (State::Paused, 1, 2));
    }
    world.projections.resume(ProjectionId::Users).unwrap();
    world.projections.catch_up().unwrap();
    assert_eq!(names(&node).await, ["Anna", "Boris", "Vera"]);

    let (mut world, poison) = world.poison(user_id(1).into(), "user.frozen.v9");
    world.projections.catch_up().unwrap();
    assert_eq!(node.projections.skippable(ProjectionId::Users).unwrap(), poison);
    let in_log: ProjectionName = ProjectionId::Users.in_log();
    let skipped = projection::EventSkipped { position: poison, reason: "a test".to_owned() };
    let head = world.append([Event::Projection(in_log, projection::Event::EventSkipped(skipped))]);
    node.projections.skip(ProjectionId::Users, poison).unwrap();
    node.projections.catch_up().unwrap();
    assert_eq!(
        (node.status(ProjectionId::Users).state, node.status(ProjectionId::Users).position),
        (State::Running, head)
    );
    // The former holder goes on where it left off.
    node.projections.give_up().unwrap();
    let head = world.follow([signed_up(user_id(4), "Galja", None)]);
    assert_eq!(
        (world.status(ProjectionId::Users).state, world.status(ProjectionId::Users).position),
        (State::Running, head)
    );
}

#[test]
fn nodes_that_start_at_once_build_each_read_model_once() {
    let Some(mut world) = World::new() else { return };
    world.append((1..200).map(|number| signed_up(user_id(number), &format!("u{number}"), None)).collect::<Vec<_>>());
    world.projections.give_up().unwrap();
    for name in ProjectionId::ALL {
        world.lose(name);
    }
    world.tamper_catalog("delete from projection; delete from fence; delete from lease");
    let (cluster, master_key) = (world.cluster().clone(), world.folder.master_key());
    let nodes = std::thread::scope(|scope| {
        let starting = [(); 3].map(|()| scope.spawn(|| Node::over(&cluster, &master_key)));
        starting.map(|node| node.join().unwrap())
    });
    for name in ProjectionId::ALL {
        if name.has_tables() {
            assert_eq!(world.generations(name), [1], "{name}");
        }
        for node in &nodes {
            let status = node.status(name);
            assert_eq!((status.generation, status.position, status.state), (1, 199, State::Running), "{name}");
        }
    }
}

#[test]
fn texts_compare_by_their_bytes() {
    let Some(world) = World::new() else { return };
    let database = Place::schema(world.cluster(), "letopis_models").open().unwrap();
    let sql = "select count(*), count(*) filter (where collation_name is distinct from 'C')
               from information_schema.columns where table_schema like 'letopis\\_%' and data_type = 'text'";
    let counted = database.snapshot().unwrap().row(sql, &[], |row| Ok((row.int(0)?, row.int(1)?))).unwrap().unwrap();
    assert!(counted.0 > 20 && counted.1 == 0, "{counted:?}");
}

#[test]
fn who_is_erased_is_vacuumed_away() {
    let Some(mut world) = World::new() else { return };
    let who: UserId = user_id(1);
    world.follow([signed_up(who, "Anna", Some("anna@example.org"))]);
    world.erase(who);
    world.projections.catch_up().unwrap();
    let database = world.projections.database(ProjectionId::Users);
    let sql = "select pg_stat_get_vacuum_count('account'::regclass), (select count(*) from traces)";
    let vacuumed = database.snapshot().unwrap().row(sql, &[], |row| Ok((row.int(0)?, row.int(1)?))).unwrap().unwrap();
    assert_eq!(vacuumed, (1, 0));
}

#[tokio::test]
async fn a_node_that_stopped_in_the_middle_of_a_batch_is_thrown_out() {
    let Some(mut world) = World::new() else { return };
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let node = Node::beside(&world);
    // What a node does that is stopped between its first statement and its last.
    let mut writer = world.projections.database(ProjectionId::Users).writer().unwrap();
    let mut tx = writer.begin().unwrap();
    assert_eq!(tx.execute("update checkpoint set position = 99 where position = 1 and epoch = 1", &[]).unwrap(), 1);
    let began = std::time::Instant::now();
    node.projections.resume(ProjectionId::Users).unwrap();
    assert!(began.elapsed() < TAKEN_OVER_MAX, "{:?}", began.elapsed());
    assert!(tx.commit().is_err());
    let head = world.append([signed_up(user_id(2), "Boris", None)]);
    node.projections.catch_up().unwrap();
    assert_eq!(node.projections.position(ProjectionId::Users), head);
    assert_eq!(names(&node).await, ["Anna", "Boris"]);
}

#[tokio::test]
async fn what_a_crash_of_the_server_took_back_is_folded_in_again() {
    let Some(mut world) = World::new() else { return };
    let node = Node::beside(&world);
    world.follow([signed_up(user_id(1), "Anna", None)]);
    let head = world.follow([signed_up(user_id(2), "Boris", None)]);
    assert_eq!(node.projections.caught_up(ProjectionId::Users, head, SOON).await, Ok(head));
    // Commits of read models do not wait for the disk: this is what may be left of one.
    world.tamper(
        ProjectionId::Users,
        "delete from account where user_name = 'Boris'; update checkpoint set (position, hash) =
         (select position, hash from letopis.event where position = 1)",
    );
    node.projections.catch_up().unwrap();
    assert_eq!(node.projections.position(ProjectionId::Users), 1, "who must see the rest waits for it");
    let began = std::time::Instant::now();
    // Nobody writes anything that would show it.
    while names(&node).await != ["Anna", "Boris"] {
        assert!(began.elapsed() < SOON, "{:?}", node.status(ProjectionId::Users));
        std::thread::sleep(Duration::from_millis(50));
        world.projections.catch_up().unwrap();
    }
    assert_eq!(world.projections.position(ProjectionId::Users), head);
    assert_eq!(node.projections.caught_up(ProjectionId::Users, head, SOON).await, Ok(head));
    world.assert_verified();
}
