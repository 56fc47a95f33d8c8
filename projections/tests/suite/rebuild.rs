//! A new generation beside the one that serves.

use crate::support::*;
use domain::chat::Role;
use domain::{Category, ChatId};
use projections::{Error, ProjectionId, Projections, State, chats, messages, users};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

fn busy(world: &mut World, messages: u128) -> ChatId {
    let (chat, anna) = (chat_id(1), user_id(1));
    world.follow([
        signed_up(anna, "Anna", None),
        password(anna, "$one"),
        signed_in(session_id(1), anna, 10),
        failed(anna, 1, 2, "curl"),
        created(chat, anna, "Café", false),
        joined(chat, anna, "anna", Role::Owner),
    ]);
    world.follow((0..messages).map(|number| posted(message_id(number), chat, anna, "text")).collect::<Vec<_>>());
    chat
}

async fn count(projections: &Projections, chat: ChatId) -> usize {
    let db = projections.database(ProjectionId::Messages);
    messages::page(&db, chat, messages::Order::OldestFirst, None, 100_000).await.unwrap().len()
}

#[tokio::test]
async fn a_rebuild_is_the_same_and_keeps_one_former_generation() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 10);
    for generation in 2..=4 {
        for name in ProjectionId::ALL {
            let mut last = None;
            world.projections.rebuild(name, &mut |progress| last = Some(progress)).unwrap();
            assert_eq!(last.map(|progress| (progress.position, progress.head)), Some((16, 16)));
            let status = world.status(name);
            assert_eq!((status.generation, status.state, status.position), (generation, State::Running, 16));
            assert_eq!(world.generations(name), [generation - 1, generation], "the serving one and the one before");
        }
        world.assert_verified();
    }
    let mut world = world.restarted();
    assert_eq!(world.status(ProjectionId::Users).generation, 4);
    world.follow([password(user_id(1), "$two")]);
    world.assert_verified();
}

#[tokio::test]
async fn a_rebuild_uses_the_same_indexes() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 3);
    let indexes = |world: &World, name: ProjectionId| -> Vec<String> {
        let snapshot = world.projections.database(name).snapshot().unwrap();
        let sql = match crate::SHARED {
            true => "select indexname::text from pg_indexes where schemaname = current_schema() order by 1",
            false => "select name from sqlite_schema where type = 'index' order by name",
        };
        snapshot.rows(sql, &[], |row| Ok(row.text(0)?.to_owned())).unwrap()
    };
    let before = with_tables().map(|name| indexes(&world, name)).collect::<Vec<_>>();
    assert!(before.concat().contains(&"message_by_chat".to_owned()));
    for name in ProjectionId::ALL {
        world.projections.rebuild(name, &mut |_| {}).unwrap();
    }
    assert_eq!(with_tables().map(|name| indexes(&world, name)).collect::<Vec<_>>(), before);
}

#[tokio::test]
async fn traffic_goes_on_and_nobody_reads_less() {
    let Some(mut world) = World::new() else { return };
    let chat = busy(&mut world, 2_000);
    let (hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    let projections = world.projections.clone();
    let (done, is_done) = watch::channel(false);
    let reads = Arc::new(AtomicU32::new(0));
    let reader = std::thread::spawn({
        let (projections, reads) = (projections.clone(), reads.clone());
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let (mut least, mut position) = (2_000, 0);
            while !*is_done.borrow() {
                let now = projections.position(ProjectionId::Messages);
                let found = runtime.block_on(count(&projections, chat));
                assert!(found >= least && now >= position, "{found} after {least}, {now} after {position}");
                (least, position) = (found, now);
                reads.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    // At least twice, and for as long as the reader has not been there meanwhile: a busy machine may start it late.
    let (mut number, mut rebuilds) = (20_000, 0);
    while rebuilds < 2 || (reads.load(Ordering::Relaxed) < 3 && rebuilds < 1_000 && !reader.is_finished()) {
        rebuilds += 1;
        projections
            .rebuild(ProjectionId::Messages, &mut |_| {
                number += 1;
                hint.send_replace(world.append([posted(message_id(number), chat, user_id(1), "meanwhile")]));
            })
            .unwrap();
    }
    let head = world.append([posted(message_id(90_000), chat, user_id(1), "last")]);
    projections.caught_up(ProjectionId::Messages, head, Duration::from_secs(10)).await.unwrap();
    done.send_replace(true);
    reader.join().unwrap();
    assert!(reads.load(Ordering::Relaxed) >= 3);
    assert!(number >= 20_004, "it was appended meanwhile");
    assert_eq!(count(&projections, chat).await as u128, 2_001 + number - 20_000);
    tail.stop();
    world.assert_verified();
}

#[tokio::test]
async fn the_new_generation_is_never_behind_the_former() {
    let Some(mut world) = World::new() else { return };
    let chat = busy(&mut world, 5);
    let projections = world.projections.clone();
    let mut number = 100;
    projections
        .rebuild(ProjectionId::Messages, &mut |_| {
            // The former one is ahead of whatever the new one has read so far.
            number += 1;
            world.follow([posted(message_id(number), chat, user_id(1), "meanwhile")]);
        })
        .unwrap();
    assert!(number > 100);
    let head = world.log.head().unwrap().position;
    assert_eq!(world.status(ProjectionId::Messages).position, head);
    assert_eq!(count(&projections, chat).await as u128, 5 + number - 100);
}

#[test]
fn a_second_rebuild_at_once_is_refused() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 1);
    let projections = world.projections.clone();
    let mut refused = 0;
    world
        .projections
        .rebuild(ProjectionId::Users, &mut |_| {
            assert_eq!(world.status(ProjectionId::Users).state, State::Rebuilding);
            let second = projections.rebuild(ProjectionId::Users, &mut |_| {});
            assert!(matches!(second, Err(Error::RebuildRunning { name: ProjectionId::Users })), "{second:?}");
            refused += 1;
        })
        .unwrap();
    assert_eq!(refused, 1);
    assert_eq!(world.status(ProjectionId::Users).state, State::Running);
    projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
}

#[tokio::test]
async fn a_rebuild_mends_a_stopped_projection() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 1);
    world.tamper(ProjectionId::Users, "update account set name_key = 'boris'");
    world.follow([signed_up(user_id(2), "Boris", None)]);
    assert_eq!(world.status(ProjectionId::Users).state, State::Stopped);
    world.projections.rebuild(ProjectionId::Users, &mut |_| {}).unwrap();
    let status = world.status(ProjectionId::Users);
    assert_eq!((status.state, status.failed_position, status.lag_events), (State::Running, None, 0));
    let db = world.projections.database(ProjectionId::Users);
    assert!(users::by_name(&db, "anna").await.unwrap().is_some());
    world.follow([password(user_id(2), "$one")]);
    world.assert_verified();
}

#[tokio::test]
async fn a_rebuild_that_fails_changes_nothing() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 1);
    let (world, poison) = world.poison(chat_id(1).into(), "chat.painted.v1");
    world.projections.catch_up().unwrap();
    let failed = world.projections.rebuild(ProjectionId::Chats, &mut |_| {}).unwrap_err();
    assert!(
        matches!(failed, Error::Poison { name: ProjectionId::Chats, position, .. } if position == poison),
        "{failed}"
    );
    let status = world.status(ProjectionId::Chats);
    assert_eq!((status.state, status.failed_position, status.generation), (State::Stopped, Some(poison), 1));
    assert_eq!(world.generations(ProjectionId::Chats), [1]);
    let db = world.projections.database(ProjectionId::Chats);
    assert!(chats::by_id(&db, chat_id(1)).await.unwrap().is_some(), "it serves what it had");
}

#[tokio::test]
async fn what_cannot_be_gone_on_with_is_built_at_the_start() {
    let Some(mut world) = World::new() else { return };
    let chat = busy(&mut world, 5);
    world.tamper_catalog("update projection set version = 0 where name = 'chats'");
    world.lose(ProjectionId::Messages);
    world.tamper(ProjectionId::Users, "update checkpoint set position = 4000");
    let beside = Projections::open_read_only(&world.folder, world.log.clone());
    assert!(matches!(beside, Err(Error::OtherVersion { name: ProjectionId::Chats, found: 0, .. })));
    let world = world.restarted();
    for (name, generation) in
        [(ProjectionId::Chats, 2), (ProjectionId::Messages, 2), (ProjectionId::Users, 2), (ProjectionId::Sessions, 1)]
    {
        let status = world.status(name);
        assert_eq!((status.generation, status.position, status.version), (generation, 11, name.version()), "{name}");
    }
    assert_eq!(count(&world.projections, chat).await, 5);
    world.assert_verified();
}

#[test]
fn a_former_generation_does_not_keep_who_is_erased() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 1);
    for name in ProjectionId::ALL {
        world.projections.rebuild(name, &mut |_| {}).unwrap();
    }
    world.erase(user_id(1));
    world.projections.catch_up().unwrap();
    for name in ProjectionId::ALL {
        assert_eq!(world.generations(name), [2], "{name}");
    }
}

#[test]
fn who_only_reads_may_not_rebuild() {
    let Some(world) = World::new() else { return };
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    assert!(matches!(beside.rebuild(ProjectionId::Users, &mut |_| {}), Err(Error::ReadOnly)));
    assert!(matches!(beside.resume(ProjectionId::Users), Err(Error::ReadOnly)));
}

/// The log is read once for all of them; each is as good as built alone.
#[tokio::test]
async fn all_of_them_are_rebuilt_in_one_reading() {
    let Some(mut world) = World::new() else { return };
    busy(&mut world, 4_500);
    let head = world.projections.position(ProjectionId::Messages);
    let seen = Mutex::new(HashMap::<ProjectionId, Vec<u64>>::new());
    let rebuilt = world.projections.rebuild_all(&ProjectionId::ALL, &|name, at| {
        assert_eq!(at.head, head);
        seen.lock().unwrap().entry(name).or_default().push(at.position);
    });
    let names = rebuilt.iter().map(|(name, rebuilt)| (*name, rebuilt.as_ref().unwrap().events)).collect::<Vec<_>>();
    assert_eq!(names, ProjectionId::ALL.map(|name| (name, head)));
    for name in ProjectionId::ALL {
        let seen = &seen.lock().unwrap()[&name];
        assert!(seen.is_sorted() && seen.len() > 2 && seen.last() == Some(&head), "{name}: {seen:?}");
        let status = world.status(name);
        assert_eq!((status.generation, status.state, status.position), (2, State::Running, head));
        assert_eq!(world.generations(name), [1, 2]);
    }
    world.assert_verified();
}

#[test]
fn one_that_cannot_be_rebuilt_holds_up_no_other() {
    let Some(mut world) = World::new() else { return };
    let chat = busy(&mut world, 2_500);
    let (mut world, poison) = world.poison(message_id(9_999).into(), "message.frozen.v9");
    let posts = (3_000..5_500).map(|number| posted(message_id(number), chat, user_id(1), "more")).collect::<Vec<_>>();
    let head = world.follow(posts);
    for (name, rebuilt) in world.projections.rebuild_all(&ProjectionId::ALL, &|_, _| {}) {
        let stops = name.follows().contains(&Category::Message);
        match rebuilt {
            Ok(rebuilt) => assert_eq!((rebuilt.events, stops), (head, false), "{name}"),
            Err(error) => {
                let expected = |error: &Error| matches!(error, Error::Poison { name: of, position, .. } if (*of, *position) == (name, poison));
                assert!(stops && expected(&error), "{name}: {error}");
            }
        }
        let status = world.status(name);
        let known = (status.state, status.position, status.generation);
        let expected = if stops { (State::Stopped, poison - 1, 1) } else { (State::Running, head, 2) };
        assert_eq!(known, expected, "{name}");
        assert_eq!(world.generations(name), if stops { vec![1] } else { vec![1, 2] });
    }
}
