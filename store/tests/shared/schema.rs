//! How a database gets its tables, and who may do what with them.

use crate::common::{database, message, statements, user, verifier};
use crate::nodes::Shared;
use domain::Timestamp;
use store::{Appender, Batch, BatchNeeds, Cluster, Error, Folder, Forget, Log, NewReceipt, postgres};

#[test]
fn several_who_migrate_at_once_do_it_once() {
    let Some(database) = database() else { return };
    let cluster = Cluster::new(&database.url()).unwrap();
    std::thread::scope(|scope| {
        let migrating = (0..6).map(|_| scope.spawn(|| postgres::migrate(&cluster, None).unwrap())).collect::<Vec<_>>();
        for migrated in migrating {
            let (found, known) = migrated.join().unwrap();
            assert!(found <= 3 && known == 3, "{found} {known}");
        }
    });
    assert_eq!(postgres::migrate(&cluster, None).unwrap(), (3, 3));
    // Every step is written down once; a second one would violate the key.
    for step in 1..=3 {
        assert!(statements(&database.url(), &format!("insert into migration values ({step})")).is_err());
    }
}

#[test]
fn a_database_of_another_version_is_refused() {
    let Some(database) = database() else { return };
    let cluster = Cluster::new(&database.url()).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::create(place.path()).unwrap();
    let refused = || {
        let key = folder.master_key();
        [Appender::open_shared(&cluster, &folder, &key).err(), Log::open_shared(&cluster, &folder, &key).err()]
    };
    assert!(refused().iter().all(|error| matches!(error, Some(Error::OlderSchema { found: 0, known: 3 }))));
    assert!(!folder.master_key().exists(), "a node that was refused makes no key");
    postgres::migrate(&cluster, None).unwrap();
    statements(&database.url(), "insert into migration values (99)").unwrap();
    assert!(refused().iter().all(|error| matches!(error, Some(Error::NewerSchema { found: 99, known: 3 }))));
    assert!(matches!(postgres::migrate(&cluster, None), Err(Error::NewerSchema { found: 99, .. })));
}

/// A role that owns nothing, and how it reaches the database.
fn application(shared: &Shared) -> (String, Cluster) {
    let role = format!("app {}", uuid::Uuid::now_v7().simple());
    statements(&shared.url, &format!("create role \"{role}\" login password 'secret'")).unwrap();
    postgres::migrate(&shared.cluster, Some(&role)).unwrap();
    let (_, place) = shared.url.split_once('@').unwrap();
    let url = format!("postgres://{}:secret@{place}", role.replace(' ', "%20"));
    (url.clone(), Cluster::new(&url).unwrap())
}

#[test]
fn the_application_may_append_read_and_forget_and_nothing_else() {
    let Some(shared) = Shared::new() else { return };
    let (url, cluster) = application(&shared);
    let mut node = shared.node_by(&cluster);
    node.append(vec![message(1, 1, "a"), verifier(user(7), 1, "first")]).unwrap();
    let receipt = NewReceipt {
        command_id: [1; 32],
        fingerprint: [2; 32],
        at: Timestamp(1),
        position: 2,
        subject: Some(user(7)),
        outcome: "{}".to_owned(),
    };
    let stream = user(7).into();
    let forget = vec![Forget::Superseded { stream, name: domain::VERIFIERS[0], before_version: 2 }];
    let events = vec![verifier(user(7), 2, "second")];
    node.appender.append(&Batch { events, receipts: vec![receipt], forget, at: Timestamp(8) }).unwrap();
    assert_eq!(node.appender.prune_receipts(Timestamp(9), 9).unwrap(), 1);
    let forget = vec![Forget::Subject(user(7))];
    node.appender.append(&Batch { forget, ..Batch::default() }).unwrap();
    assert_eq!(node.verified(), 3);
    for sql in [
        "update event set payload = payload",
        "update event set sealed = null, meta = meta",
        "update event set sealed = sealed_hash",
        "delete from event",
        "truncate event",
        "alter table event disable trigger all",
        "drop trigger event_is_only_forgotten on event",
        "drop table event",
        "drop function event_is_only_forgotten cascade",
        "set session_replication_role = replica",
        "delete from log_head",
        "insert into migration values (2)",
        "update secret set wrapped = ''",
        "delete from secret",
    ] {
        assert!(statements(&url, sql).is_err(), "{sql}");
    }
    statements(&url, "update event set sealed = null").unwrap();
    assert_eq!(node.verified(), 3);
}

#[test]
fn a_node_that_connects_as_the_application_makes_the_keys() {
    let Some(shared) = Shared::new() else { return };
    let (_, cluster) = application(&shared);
    // Both find none; one of them makes them.
    let nodes = std::thread::scope(|scope| {
        let nodes = [scope.spawn(|| shared.node_by(&cluster)), scope.spawn(|| shared.node_by(&cluster))];
        nodes.map(|node| node.join())
    });
    let mut nodes = nodes.into_iter().map(|node| node.unwrap());
    let (mut one, two) = (nodes.next().unwrap(), nodes.next().unwrap());
    one.post(1).unwrap();
    assert_eq!(two.log.facts(0, 9).unwrap(), one.log.facts(0, 9).unwrap());
    assert_eq!(two.log.keys().keyed_hash("name", &[b"a"]), one.log.keys().keyed_hash("name", &[b"a"]));
}

#[test]
fn of_nodes_that_start_first_at_once_one_makes_the_key_and_the_others_ask_for_it() {
    let Some(shared) = Shared::new() else { return };
    let places = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let folders = places.each_ref().map(|place| Folder::create(place.path()).unwrap());
    let cluster = &shared.cluster;
    let opened = std::thread::scope(|scope| {
        let opening = folders
            .each_ref()
            .map(|folder| scope.spawn(move || Appender::open_shared(cluster, folder, &folder.master_key()).map(drop)));
        opening.map(|opening| opening.join().unwrap())
    });
    let first = opened.iter().position(Result::is_ok).unwrap();
    for (number, (opened, folder)) in opened.iter().zip(&folders).enumerate() {
        if number == first {
            continue;
        }
        assert!(matches!(opened, Err(Error::MissingMasterKey { .. })), "{opened:?}");
        assert!(!folder.master_key().exists(), "no key that opens nothing");
        std::fs::copy(folders[first].master_key(), folder.master_key()).unwrap();
        Appender::open_shared(cluster, folder, &folder.master_key()).unwrap();
    }
}

#[test]
fn the_owner_is_stopped_by_the_triggers() {
    let Some(shared) = Shared::new() else { return };
    shared.node().post(1).unwrap();
    for sql in ["delete from event", "truncate event", "update event set meta = ''", "update event set sealed = hash"] {
        assert!(statements(&shared.url, sql).unwrap_err().to_string().contains("db error"), "{sql}");
    }
    assert_eq!(shared.node().verified(), 1);
}

/// 15 s: as long as a server waits for a node that holds the head and says nothing.
#[test]
fn a_node_that_hangs_with_the_head_in_its_hand_loses_it() {
    let Some(shared) = Shared::new() else { return };
    let (mut hangs, mut waits) = (shared.node(), shared.node());
    hangs.post(1).unwrap();
    hangs.appender.begin(&BatchNeeds::default()).unwrap();
    let began = std::time::Instant::now();
    let refused = waits.post(2).unwrap_err();
    assert!(matches!(&refused, Error::Postgres { source } if source.code().unwrap().code() == "55P03"), "{refused:?}");
    assert!((9..14).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(waits.post(2).unwrap().position, 2);
    assert!((14..22).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    // It learns that nothing of it was written, and what was.
    assert!(matches!(hangs.post(3), Err(Error::Unconfirmed { .. })));
    assert_eq!(hangs.post(3).unwrap().position, 3);
    assert_eq!(hangs.verified(), 3);
}
