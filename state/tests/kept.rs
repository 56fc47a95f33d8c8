//! What is kept and is no fact, over both kinds of logs: what outlives what, and what is forgotten.

// `clippy.toml` allows it in tests only, and takes what tests call for something else.
#![allow(clippy::unwrap_used)]

mod support;

use domain::{SessionId, Timestamp, UserId};
use state::{ChallengeKind, Enqueued, NewChallenge, NewMail, NewTask, PasswordTry, TaskState};
use std::path::Path;
use support::*;
use uuid::Uuid;

const DAY: i64 = 24 * 3_600_000_000;
const QUESTION: &str = "what-zuleika-asked";
const MAIL: &str = "Subject: Welcome\r\n\r\nwhat-zuleika-was-written";

fn ask(tables: &state::Tables, number: u128, who: UserId) {
    let (task_id, question) = (Uuid::from_u128(number), QUESTION.to_owned());
    let at = Timestamp(1_000_000);
    let task = NewTask { task_id, user_id: who, fingerprint: None, question, wanted: 0, at };
    assert_eq!(tables.search_tasks().enqueue(&task).unwrap(), Enqueued::New);
}

async fn asked(tables: &state::Tables, number: u128, who: UserId) -> bool {
    let status = tables.search_tasks().status(Uuid::from_u128(number), who, Timestamp(1_000_000)).await.unwrap();
    status.is_some_and(|(state, found)| state == TaskState::Waiting && found.is_empty())
}

/// Keeps a mail of that number, as the first attempt of a delivery.
fn receive(tables: &state::Tables, number: u128, who: Option<UserId>, recipient: &str) -> bool {
    let mail = NewMail {
        mail_id: Uuid::from_u128(number),
        delivery_id: Uuid::from_u128(0xd000 + number),
        attempt: 1,
        user_id: who,
        recipient,
        sender: "Letopis <letopis@chat.example>",
        subject: "Welcome",
        at: Timestamp(number as i64),
        position: number as u64,
        raw: MAIL.as_bytes(),
    };
    tables.mailbox().put(&mail).unwrap()
}

/// The numbers of the mails, the newest first.
async fn received(tables: &state::Tables, recipient: Option<&str>) -> Vec<u128> {
    let mails = tables.mailbox().reader().list(recipient, None, 20_000).await.unwrap();
    mails.iter().map(|mail| mail.mail_id.as_u128()).collect()
}

async fn seen(tables: &state::Tables, session: SessionId) -> Option<i64> {
    tables.last_use().last_seen(session).await.unwrap().map(|at| at.0)
}

async fn token_seen(tables: &state::Tables, number: u128) -> Option<i64> {
    tables.last_use().last_seen(token_id(number)).await.unwrap().map(|at| at.0)
}

#[tokio::test]
async fn the_last_use_outlives_restarts_and_that_of_tokens_years_of_rest() {
    for mut world in worlds() {
        world.append([signed_in(1, user_id(1)), created(1, user_id(1)), created(2, user_id(1))]);
        let last_use = world.tables.last_use();
        last_use.touch(session_id(1), user_id(1), Timestamp(50));
        last_use.touch(session_id(1), user_id(1), Timestamp(40));
        last_use.touch(token_id(1), user_id(1), Timestamp(50));
        assert_eq!(seen(&world.tables, session_id(1)).await, Some(50));
        assert_eq!(seen(&world.tables, session_id(2)).await, None);
        assert_eq!(token_seen(&world.tables, 2).await, None);
        world.tables.flush().unwrap();
        world.tables.last_use().touch(session_id(1), user_id(1), Timestamp(60));
        world.tables.flush().unwrap();
        world.tables.last_use().touch(session_id(1), user_id(1), Timestamp(70));
        let world = world.restarted();
        assert_eq!(seen(&world.tables, session_id(1)).await, Some(60), "what was flushed");
        world.tables.last_use().touch(token_id(2), user_id(1), Timestamp(9 * 366 * DAY));
        world.tables.flush().unwrap();
        assert_eq!(token_seen(&world.tables, 1).await, Some(50));
        assert_eq!(seen(&world.tables, session_id(1)).await, None, "a session rests no year");
        world.tables.last_use().touch(token_id(2), user_id(1), Timestamp(11 * 366 * DAY));
        world.tables.flush().unwrap();
        assert_eq!(token_seen(&world.tables, 1).await, None);
    }
}

#[tokio::test]
async fn the_latest_use_counts_wherever_it_was() {
    for world in worlds() {
        let other = world.opened();
        let (here, there) = (&world.tables, &other);
        here.last_use().touch(session_id(1), user_id(1), Timestamp(50));
        here.flush().unwrap();
        there.last_use().touch(session_id(1), user_id(1), Timestamp(40));
        there.flush().unwrap();
        for tables in [here, there] {
            assert_eq!(seen(tables, session_id(1)).await, Some(50));
        }
        there.last_use().touch(session_id(1), user_id(1), Timestamp(60));
        there.flush().unwrap();
        assert_eq!(seen(here, session_id(1)).await, Some(60));
    }
}

#[tokio::test]
async fn all_nodes_count_the_wrong_passwords_of_a_name_together() {
    for world in worlds() {
        let other = world.opened();
        let nodes = [world.tables.wrong_passwords().clone(), other.wrong_passwords().clone()];
        let begun = std::thread::scope(|scope| {
            let begin = |number: usize| {
                let node = nodes[number % 2].clone();
                scope.spawn(move || matches!(node.begin([7; 32], Timestamp(50)).unwrap(), PasswordTry::Begun(_)))
            };
            let tries = (0..20).map(begin).collect::<Vec<_>>();
            tries.into_iter().map(|begun| usize::from(begun.join().unwrap())).sum::<usize>()
        });
        assert_eq!(begun, 6);
        let [here, there] = &nodes;
        let later = Timestamp(50 + 1_000_000);
        let PasswordTry::Begun(right) = here.begin([7; 32], later).unwrap() else { panic!("the wait is over") };
        assert!(matches!(there.begin([7; 32], later).unwrap(), PasswordTry::Waits(2)));
        here.was_right(&right).unwrap();
        assert!(matches!(there.begin([7; 32], later).unwrap(), PasswordTry::Begun(_)), "a right one counts for all");
    }
}

#[tokio::test]
async fn a_challenge_is_taken_on_one_of_two_nodes() {
    for world in worlds() {
        let other = world.opened();
        let nodes = [world.tables.challenges().clone(), other.challenges().clone()];
        let (kind, at) = (ChallengeKind::ExternalCode, Timestamp(50));
        let new = NewChallenge { kind, id_hash: [7; 32], user_id: None, payload: b"-", expires_at: Timestamp(60) };
        nodes[0].put(&new).unwrap();
        let taken = std::thread::scope(|scope| {
            let take = |number: usize| {
                let node = nodes[number % 2].clone();
                scope.spawn(move || node.take(kind, &[7; 32], at).unwrap().is_some())
            };
            let takes = (0..20).map(take).collect::<Vec<_>>();
            takes.into_iter().map(|taken| usize::from(taken.join().unwrap())).sum::<usize>()
        });
        assert_eq!(taken, 1);
    }
}

/// Anna and Boris have used a session and a token each, have asked something, and have got a mail.
fn lived_in(world: &mut World) {
    for (number, who) in [(1, user_id(1)), (2, user_id(2))] {
        world.append([signed_in(number, who), created(number, who)]);
        world.tables.last_use().touch(session_id(number), who, Timestamp(50));
        world.tables.last_use().touch(token_id(number), who, Timestamp(50));
        ask(&world.tables, number, who);
        assert!(receive(&world.tables, number, Some(who), "zuleika@example.org"));
    }
    world.tables.flush().unwrap();
}

async fn assert_only_boris_is_left(tables: &state::Tables, why: &str) {
    for (number, who, is_there) in [(1, user_id(1), false), (2, user_id(2), true)] {
        assert_eq!(asked(tables, number, who).await, is_there, "{why}: {number}");
        assert_eq!(seen(tables, session_id(number)).await.is_some(), is_there, "{why}: {number}");
        assert_eq!(token_seen(tables, number).await.is_some(), is_there, "{why}: {number}");
    }
    // Earlier versions had no mailbox.
    let mails = received(tables, None).await;
    assert!(mails.is_empty() || mails == [2], "{why}: {mails:?}");
}

#[tokio::test]
async fn who_is_erased_is_out_of_every_table_and_stays_out() {
    for mut world in worlds() {
        lived_in(&mut world);
        world.tables.last_use().touch(session_id(1), user_id(1), Timestamp(60));
        world.append([erased(user_id(1))]);
        world.tables.forget(user_id(1)).unwrap();
        assert_only_boris_is_left(&world.tables, "at once").await;
        world.tables.flush().unwrap();
        assert_only_boris_is_left(&world.tables, "what was not written yet never is").await;
        let world = world.restarted();
        assert_only_boris_is_left(&world.tables, "after a restart").await;
    }
}

#[tokio::test]
async fn a_crash_between_an_erasure_and_the_forgetting_is_mended_by_the_next_start_and_by_every_other_node() {
    for mut world in worlds() {
        lived_in(&mut world);
        world.append([erased(user_id(1))]);
        let world = world.restarted();
        assert_only_boris_is_left(&world.tables, "the next start").await;
    }
    for mut world in worlds() {
        lived_in(&mut world);
        let other = world.opened();
        other.last_use().touch(session_id(1), user_id(1), Timestamp(70));
        world.append([erased(user_id(1))]);
        // The one that goes first must not keep the other from dropping what it remembers itself.
        world.tables.flush().unwrap();
        other.flush().unwrap();
        for tables in [&world.tables, &other] {
            assert_only_boris_is_left(tables, "another node").await;
        }
    }
}

#[tokio::test]
async fn another_history_of_the_log_takes_search_tasks_along_and_forgets_again_who_it_erased() {
    for mut world in worlds() {
        lived_in(&mut world);
        world.append([erased(user_id(1))]);
        // As of a log that had more, and was set back.
        world.tamper("update erasures_heeded set position = position + 7");
        let world = world.restarted();
        for number in [1, 2] {
            assert!(!asked(&world.tables, number, user_id(number)).await);
        }
        assert!(received(&world.tables, None).await.is_empty());
        assert_eq!(seen(&world.tables, session_id(1)).await, None);
        assert_eq!(seen(&world.tables, session_id(2)).await, Some(50));
    }
}

#[test]
fn what_was_asked_is_gone_from_the_files_with_the_erasure_and_after_a_crash_right_behind_the_deletion() {
    let mut world = World::embedded();
    lived_in(&mut world);
    assert!(holds(world.root(), QUESTION) && holds(world.root(), MAIL), "the test looks in the right place");
    world.append([erased(user_id(2))]);
    world.tables.forget(user_id(1)).unwrap();
    world.tables.forget(user_id(2)).unwrap();
    assert!(!holds(world.root(), QUESTION) && !holds(world.root(), MAIL));
    // A crash right behind the deletion, before the write-ahead log was emptied.
    ask(&world.tables, 3, user_id(3));
    let other = rusqlite::Connection::open(world.folder.state()).unwrap();
    other.execute_batch("delete from search_tasks").unwrap();
    let copy = tempfile::tempdir().unwrap();
    copied(world.root(), copy.path());
    assert!(holds(copy.path(), QUESTION), "it lies in the write-ahead log");
    drop(other);
    let world = world.restarted_after(|root| copied(copy.path(), root));
    assert!(!holds(world.root(), QUESTION));
}

#[tokio::test]
async fn the_mailbox_keeps_the_last_mails_each_attempt_once_and_finds_them_by_address() {
    for world in worlds() {
        let tables = &world.tables;
        assert!(receive(tables, 1, None, "Anna@Example.org"));
        assert!(!receive(tables, 1, None, "Anna@Example.org"), "the same attempt");
        assert!(receive(tables, 2, Some(user_id(2)), "boris@example.org"));
        assert!(receive(tables, 3, Some(user_id(1)), "anna@example.org"));
        assert_eq!(received(tables, None).await, [3, 2, 1]);
        assert_eq!(received(tables, Some("ANNA@example.ORG")).await, [3, 1]);
        assert!(received(tables, Some("anna@example")).await.is_empty());
        let mailbox = tables.mailbox().reader();
        let newest = mailbox.list(None, None, 2).await.unwrap();
        let older = mailbox.list(None, Some(newest[1].number), 2).await.unwrap();
        assert_eq!((newest.len(), older.len(), older[0].recipient.as_str()), (2, 1, "Anna@Example.org"));
        let mail = mailbox.by_id(Uuid::from_u128(2)).await.unwrap().unwrap();
        assert_eq!((mail.raw.as_slice(), mail.summary.position, mail.summary.attempt), (MAIL.as_bytes(), 2, 1));
        assert_eq!(mail.summary, newest[1]);
        assert_eq!(mailbox.by_id(Uuid::from_u128(4)).await.unwrap(), None);
        let elsewhere = state::MailboxReader::open(&world.folder, &world.log).unwrap().unwrap();
        assert_eq!(elsewhere.list(None, None, 9).await.unwrap().len(), 3, "as another process reads it");
        assert_eq!(tables.mailbox().clear().unwrap(), 3);
        assert!(received(tables, None).await.is_empty());
    }
    let world = World::embedded();
    let max = u128::from(state::MAILS_MAX);
    for number in 1..=max + 2 {
        assert!(receive(&world.tables, number, None, "anna@example.org"));
    }
    let kept = received(&world.tables, None).await;
    assert_eq!((kept.len() as u128, kept.first(), kept.last()), (max, Some(&(max + 2)), Some(&3)));
}

/// As a version that knew nothing of this crate left them.
const FORMER: &str = "
    create table session_use (session_id bytea primary key, last_seen_at bigint not null);
    create table token_use (token_id bytea primary key, last_seen_at bigint not null);
    create table search_tasks (
        task_id bytea primary key, user_id bytea not null, fingerprint bytea, question text, wanted bigint not null,
        state bigint not null, tries bigint not null, asked_at bigint not null, changed_at bigint not null, found bytea
    );
    create table projection (name text primary key);
";

fn former_rows(world: &World) -> String {
    let mut sql = String::new();
    for number in [1, 2] {
        let (session, token) = (world.bytes(&session_id(number).0), world.bytes(&token_id(number).0));
        let (task, user) = (world.bytes(&Uuid::from_u128(number)), world.bytes(&user_id(number).0));
        sql.push_str(&format!(
            "insert into session_use values ({session}, 50); insert into token_use values ({token}, 50);
             insert into search_tasks values ({task}, {user}, null, '{QUESTION}', 0, 0, 0, 1000000, 1000000, null);"
        ));
    }
    // Of a session that the log does not know.
    sql + &format!("insert into session_use values ({}, 50);", world.bytes(&session_id(9).0))
}

#[tokio::test]
async fn what_earlier_versions_kept_is_carried_over_and_forgets_people_too() {
    for mut world in worlds() {
        for number in [1, 2] {
            world.append([signed_in(number, user_id(number)), created(number, user_id(number))]);
        }
        world.append([erased(user_id(1))]);
        let former = format!("{FORMER}{}", former_rows(&world));
        let world = world.before_this_crate(&former);
        assert_only_boris_is_left(&world.tables, "after the update").await;
        assert_eq!(seen(&world.tables, session_id(9)).await, None, "nobody's");
        world.tables.last_use().touch(session_id(2), user_id(2), Timestamp(60));
        world.tables.flush().unwrap();
        if world.is_shared() {
            continue;
        }
        let catalog = world.folder.read_models().join("catalog.db");
        let tables = || {
            let sql = "select group_concat(name) from sqlite_master where type = 'table'";
            rusqlite::Connection::open(&catalog).unwrap().query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
        };
        assert_eq!(tables(), "projection");
        assert!(!holds(&world.folder.read_models(), QUESTION));
        // A crash had come before they were removed there.
        let again = former.replace("create table projection (name text primary key);", "");
        let world = world.restarted_after(|_| {
            rusqlite::Connection::open(&catalog).unwrap().execute_batch(&again).unwrap();
        });
        assert_eq!(seen(&world.tables, session_id(2)).await, Some(60), "what is newer stays");
        world.tables.forget(user_id(1)).unwrap();
        assert_eq!((tables().as_str(), holds(&world.folder.read_models(), QUESTION)), ("projection", false));
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_and_made_again() {
    for (from, bytes) in [(0, 100), (4_096, 2 * 4_096)] {
        let mut world = World::embedded();
        lived_in(&mut world);
        assert!(state::check(&world.folder, &world.log, u64::MAX).unwrap());
        assert!(!state::check(&world.folder, &world.log, 1).unwrap(), "it is longer, and not read");
        let (folder, log) = (world.folder.clone(), world.log.clone());
        let world = world.restarted_after(|_| {
            overwrite(&folder.state(), from, bytes);
            let found = state::check(&folder, &log, u64::MAX).unwrap_err().to_string();
            assert!(found.contains("state.db") && found.contains("damaged"), "{found}");
        });
        assert_eq!(world.tables.damaged(), None);
        assert_eq!(seen(&world.tables, session_id(2)).await, None);
        ask(&world.tables, 1, user_id(2));
    }
}

/// Whether a file in that folder holds these bytes.
fn holds(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files = files.filter(|path| path.is_file());
    files.any(|path| std::fs::read(path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()))
}

/// Copies the file of the tables, and what is beside it.
fn copied(from: &Path, to: &Path) {
    for found in std::fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        if found.file_name().to_str().unwrap().starts_with("state.db") {
            std::fs::copy(found.path(), to.join(found.file_name())).unwrap();
        }
    }
}
