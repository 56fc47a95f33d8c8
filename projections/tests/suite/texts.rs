//! The text index follows like every other read model, in a folder of each node's own.

use crate::support::*;
use domain::chat::Role;
use domain::{Event, Personal, chat};
use projections::{Difference, Error, Kind, ProjectionId, Projections, State};
use search::schema::{fields, pair};
use search::words::{LINES, Lines};
use search::{Change, Post, Text, Writer};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tantivy::collector::{Count, DocSetCollector};
use tantivy::query::{AllQuery, TermQuery};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{TantivyDocument, Term};
use tokio::sync::watch;

/// Longer than anything takes on a slow machine.
const SOON: Duration = Duration::from_secs(30);
/// Without a repetition: compressed, it is stored there as it is written.
const TEXT: &str = "zyxwvutsrqponmlkjihgfedcba";

/// The texts that can be found, in the order in which they were said.
fn texts(projections: &Projections) -> Vec<String> {
    let snapshot = projections.index().unwrap().snapshot();
    let found = snapshot.searcher.search(&AllQuery, &DocSetCollector).unwrap();
    let documents = found.into_iter().map(|address| snapshot.searcher.doc::<TantivyDocument>(address).unwrap());
    let text = |document: TantivyDocument| {
        let position = document.get_first(fields().position)?.as_u64()?;
        Some((position, document.get_first(fields().text)?.as_str()?.to_owned()))
    };
    let mut texts = documents.filter_map(text).collect::<Vec<_>>();
    texts.sort();
    texts.into_iter().map(|(_, text)| text).collect()
}

/// Whether they are in the chat, and whether they are or were.
fn members(projections: &Projections, who: &[u128]) -> Vec<(bool, bool)> {
    let searcher = projections.index().unwrap().snapshot().searcher;
    let has = |field, key: &[u8]| {
        let term = Term::from_field_bytes(field, key);
        searcher.search(&TermQuery::new(term, IndexRecordOption::Basic), &Count).unwrap() == 1
    };
    let of = |number: &u128| {
        let user_id = user_id(*number);
        (has(fields().present_user, user_id.0.as_bytes()), has(fields().member, &pair(chat_id(1), user_id)))
    };
    who.iter().map(of).collect()
}

fn removed(who: u128, by: u128) -> Event {
    let removed = chat::MemberRemoved { user_id: user_id(who), by: user_id(by) };
    of_chat(chat_id(1), chat::Event::MemberRemoved(removed))
}

/// A chat with three people who say something.
fn talked(world: &mut World) -> u64 {
    let chat = chat_id(1);
    let mut facts = vec![created(chat, user_id(1), "Café", false), joined(chat, user_id(1), "anna", Role::Owner)];
    facts.extend((2..=3).map(|number| added(chat, user_id(number), &format!("member {number}"), user_id(1))));
    facts.extend((1..=3).map(|number| posted(message_id(number), chat, user_id(number), &format!("text {number}"))));
    world.follow(facts)
}

#[test]
fn it_follows_who_says_what_and_who_is_where() {
    let Some(mut world) = World::new() else { return };
    let (chat, anna) = (chat_id(1), user_id(1));
    let head = talked(&mut world);
    assert_eq!(texts(&world.projections), ["text 1", "text 2", "text 3"]);
    assert_eq!(members(&world.projections, &[1, 2, 3, 4]), [(true, true), (true, true), (true, true), (false, false)]);
    let status = world.status(ProjectionId::Search);
    assert_eq!((status.position, status.lag_events, status.state), (head, 0, State::Running));
    assert!(status.size.is_some_and(|size| size.documents == 7 && size.segments == 1 && size.bytes > 1_000));
    world.follow([
        edited(message_id(1), chat, anna, "text one"),
        deleted(message_id(2), chat, user_id(2)),
        left(chat, user_id(2)),
        removed(3, 1),
        signed_up(user_id(9), "Nobody", None),
    ]);
    assert_eq!(texts(&world.projections), ["text one", "text 3"]);
    assert_eq!(members(&world.projections, &[1, 2, 3]), [(true, true), (false, true), (false, true)]);
    world.assert_verified();
    world.erase(user_id(3));
    world.projections.catch_up().unwrap();
    assert_eq!(texts(&world.projections), ["text one"]);
    assert_eq!(members(&world.projections, &[1, 2, 3]), [(true, true), (false, true), (false, false)]);
    world.assert_verified();
    let world = world.restarted();
    assert_eq!(texts(&world.projections), ["text one"]);
    assert_eq!(world.status(ProjectionId::Search).lag_events, 0);
    let mut world = world;
    world.follow([of_chat(chat, chat::Event::Deleted(chat::By { by: anna }))]);
    assert_eq!((texts(&world.projections), world.status(ProjectionId::Search).size.unwrap().documents), (vec![], 0));
    world.assert_verified();
}

#[tokio::test]
async fn a_read_that_waits_finds_what_was_just_said() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    let (hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    let mut said = 3;
    for number in 10..30 {
        let head = world.append([posted(message_id(number), chat_id(1), user_id(1), "new")]);
        hint.send_replace(head);
        said += 1;
        let reached = world.projections.caught_up(ProjectionId::Search, head, SOON).await.unwrap();
        assert!(reached >= head);
        assert_eq!(texts(&world.projections).len(), said, "it is found as soon as the position is told");
    }
    let head = world.append([signed_up(user_id(5), "Vera", None)]);
    hint.send_replace(head);
    assert_eq!(
        world.projections.caught_up(ProjectionId::Search, head, SOON).await,
        Ok(head),
        "also where nothing concerns it"
    );
    // Nobody waits for this one, and it comes all the same.
    let head = world.append([posted(message_id(99), chat_id(1), user_id(1), "new")]);
    hint.send_replace(head);
    let began = Instant::now();
    while texts(&world.projections).len() == said {
        assert!(began.elapsed() < SOON, "it is not shown");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.append([posted(message_id(100), chat_id(1), user_id(1), "last")]);
    tail.stop();
    let world = world.restarted();
    assert_eq!(texts(&world.projections).len(), said + 2, "a start has all that the log has");
    world.assert_verified();
}

#[test]
fn a_fact_that_cannot_be_read_stops_it_and_shows_what_came_before() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    world.append([posted(message_id(4), chat_id(1), user_id(1), "before")]);
    let (mut world, poison) = world.poison(message_id(7).into(), "message.frozen.v9");
    let head = world.append([posted(message_id(5), chat_id(1), user_id(1), "behind")]);
    world.projections.catch_up().unwrap();
    let status = world.status(ProjectionId::Search);
    assert_eq!((status.state, status.position, status.failed_position), (State::Stopped, poison - 1, Some(poison)));
    assert_eq!(texts(&world.projections), ["text 1", "text 2", "text 3", "before"]);
    world.assert_verified();
    let world = world.restarted();
    assert_eq!(world.status(ProjectionId::Search).failed_position, Some(poison), "it was tried again");
    world.projections.skip(ProjectionId::Search, poison).unwrap();
    world.projections.catch_up().unwrap();
    assert_eq!(
        (world.status(ProjectionId::Search).state, world.status(ProjectionId::Search).position),
        (State::Running, head)
    );
    assert_eq!(texts(&world.projections), ["text 1", "text 2", "text 3", "before", "behind"]);
}

#[test]
fn a_paused_index_stands_and_a_rebuild_has_all() {
    let Some(mut world) = World::new() else { return };
    let before = talked(&mut world);
    world.projections.pause(ProjectionId::Search).unwrap();
    let head = world.follow([posted(message_id(4), chat_id(1), user_id(1), "four")]);
    assert_eq!(
        (world.status(ProjectionId::Search).state, world.status(ProjectionId::Search).position),
        (State::Paused, before)
    );
    assert_eq!(texts(&world.projections).len(), 3);
    let world = world.restarted();
    assert_eq!(
        (world.status(ProjectionId::Search).state, world.status(ProjectionId::Search).position),
        (State::Paused, before)
    );
    let index = world.projections.index().unwrap();
    world.projections.rebuild(ProjectionId::Search, &mut |_| {}).unwrap();
    assert_eq!(
        (world.status(ProjectionId::Search).state, world.status(ProjectionId::Search).position),
        (State::Paused, head)
    );
    assert_eq!(texts(&world.projections), ["text 1", "text 2", "text 3", "four"]);
    assert_eq!(index.snapshot().position, before, "who began to read before reads on");
    world.projections.resume(ProjectionId::Search).unwrap();
    let mut world = world;
    world.follow([posted(message_id(5), chat_id(1), user_id(1), "five")]);
    assert_eq!((texts(&world.projections).len(), world.generations(ProjectionId::Search)), (5, vec![1, 2]));
    world.assert_verified();
}

fn folder(world: &World) -> PathBuf {
    let status = world.status(ProjectionId::Search);
    world.folder.read_models().join(format!("search-v{}-{}", status.version, status.generation))
}

fn differences(world: &World) -> Vec<Difference> {
    let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
    let mut found = beside.verify(ProjectionId::Search, &mut |_| {}).unwrap().differences;
    found.sort_by_key(|found| (found.row.clone(), found.kind == Kind::OnlyLog));
    found
}

#[test]
fn documents_changed_behind_its_back_are_found_and_not_told() {
    let Some(mut world) = World::new() else { return };
    let head = talked(&mut world);
    // Nobody holds the index before something new comes.
    let world = world.restarted();
    let mut writer = Writer::open(&folder(&world)).unwrap();
    let post = |number: u128, position| Post {
        message_id: message_id(number),
        chat_id: chat_id(1),
        author: user_id(1),
        position,
        sent_at: domain::Timestamp(77),
        edited_at: None,
    };
    let changes = [
        Change::Removed(message_id(1)),
        Change::Posted(post(1, 5), Text::cut("a much longer secret")),
        Change::Posted(post(2, 6), Text::cut("text 2")),
        Change::Posted(post(9, 9), Text::cut("invented")),
        Change::Removed(message_id(3)),
        Change::Went { chat_id: chat_id(1), user_id: user_id(2) },
    ];
    changes.into_iter().for_each(|change| writer.change(change).unwrap());
    writer.commit_as_of(head, world.log.head().unwrap().hash).unwrap();
    drop(writer);
    let message = |number: u128, what: &str| format!("message_id={}: {what}", message_id(number).0.hyphenated());
    let member = format!("chat_id={} user_id={}: differs in present_user", chat_id(1).0, user_id(2).0);
    let different = |table: &'static str, row: String, kind| Difference { table, row, kind };
    let expected = [
        different("member", member.clone(), Kind::OnlyServing),
        different("member", member, Kind::OnlyLog),
        different("message", message(1, "differs in text, words"), Kind::OnlyServing),
        different("message", message(1, "differs in text, words"), Kind::OnlyLog),
        different("message", message(2, "is there more than once"), Kind::OnlyServing),
        different("message", message(2, "is there more than once"), Kind::OnlyServing),
        different("message", message(3, "is missing there"), Kind::OnlyLog),
        different("message", message(9, "is missing there"), Kind::OnlyServing),
    ];
    assert_eq!(differences(&world), expected);
    world.projections.rebuild(ProjectionId::Search, &mut |_| {}).unwrap();
    assert_eq!(differences(&world), []);
}

#[test]
fn a_damaged_file_is_found_and_a_damaged_index_is_built_again() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    let world = world.restarted();
    let files = std::fs::read_dir(folder(&world)).unwrap().map(|file| file.unwrap().path());
    let terms = files.into_iter().find(|path| path.extension().is_some_and(|found| found == "fast")).unwrap();
    let mut bytes = std::fs::read(&terms).unwrap();
    bytes[3] ^= 0x20;
    std::fs::write(&terms, bytes).unwrap();
    let found = differences(&world);
    assert_eq!((found[0].table, found[0].kind), ("file", Kind::OnlyServing), "{found:?}");
    let meta = folder(&world).join("meta.json");
    std::fs::write(meta, "{}").unwrap();
    let world = world.restarted();
    assert_eq!((world.status(ProjectionId::Search).generation, texts(&world.projections).len()), (2, 3));
    world.assert_verified();
    // One that can be read, and not be written: it must not keep the node from its start.
    let mut world = world.restarted();
    std::fs::create_dir(folder(&world).join(format!("{}.9.del", "0".repeat(32)))).unwrap();
    world.append([posted(message_id(4), chat_id(1), user_id(1), "four")]);
    let world = world.restarted();
    assert_eq!((world.status(ProjectionId::Search).generation, texts(&world.projections).len()), (3, 4));
    world.assert_verified();
    // One that is found out only when something in it is changed.
    let mut world = world.restarted();
    let index = tantivy::Index::open_in_dir(folder(&world)).unwrap();
    index.tokenizers().register(LINES, Lines);
    let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
    let id = message_id(1).0;
    writer.delete_term(Term::from_field_bytes(fields().message_id, id.as_bytes()));
    let mut bare = TantivyDocument::default();
    bare.add_bytes(fields().message_id, id.as_bytes());
    writer.add_document(bare).unwrap();
    let mut prepared = writer.prepare_commit().unwrap();
    let head = world.log.head().unwrap();
    prepared.set_payload(&format!("{} {}", head.position, domain::id::hex(&head.hash)));
    prepared.commit().unwrap();
    drop(writer);
    world.append([edited(message_id(1), chat_id(1), user_id(1), "text one")]);
    let world = world.restarted();
    assert_eq!((world.status(ProjectionId::Search).generation, texts(&world.projections)[0].as_str()), (4, "text one"));
    assert_eq!(world.generations(ProjectionId::Search), [4], "of those that were of no use nothing is kept");
}

/// Whether the text is stored in any file below that folder.
fn lies_in(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).any(|path| match path.is_dir() {
        true => lies_in(&path, text),
        false => std::fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
    })
}

#[test]
fn what_an_erased_person_said_is_in_no_file() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    world.follow([posted(message_id(4), chat_id(1), user_id(2), TEXT)]);
    world.projections.rebuild(ProjectionId::Search, &mut |_| {}).unwrap();
    world.follow([posted(message_id(5), chat_id(1), user_id(2), TEXT)]);
    let models = world.folder.read_models();
    assert!(lies_in(&models, TEXT), "the test looks in the right place");
    world.erase(user_id(2));
    world.projections.catch_up().unwrap();
    assert_eq!(texts(&world.projections), ["text 1", "text 3"]);
    assert_eq!(world.generations(ProjectionId::Search), [2], "the former one held it as well");
    assert!(!lies_in(&models, TEXT));
    assert!(!lies_in(&models, "member 2"), "nor his name");
    world.assert_verified();
}

#[test]
fn who_reads_beside_has_none_where_none_was_built() {
    let Some(world) = World::new() else { return };
    world.projections.give_up().unwrap();
    world.lose(ProjectionId::Search);
    let beside = Projections::open_read_only(&world.folder, world.log.clone());
    match beside {
        // The folder of a node that lost its index.
        Err(error) => assert!(matches!(error, Error::NotBuilt)),
        Ok(beside) => {
            assert!(matches!(beside.index(), Err(Error::NotBuilt)));
            assert_eq!(beside.status().unwrap().len(), ProjectionId::ALL.len() - 1, "the others are told");
        }
    }
}

#[test]
fn an_erased_text_that_the_log_holds_no_more_is_none() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    let posted = domain::message::Posted {
        chat_id: chat_id(1),
        author: user_id(7),
        sent_at: domain::Timestamp(77),
        reply_to: None,
        text: Personal::Erased,
    };
    world.follow([of_message(message_id(8), domain::message::Event::Posted(posted))]);
    assert_eq!(texts(&world.projections).len(), 3);
}

#[test]
fn an_index_that_fails_blames_no_event_and_goes_on_from_its_checkpoint() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    // Nobody holds the index before something new comes.
    let mut world = world.restarted();
    let meta = folder(&world).join("meta.json");
    let sound = std::fs::read(&meta).unwrap();
    std::fs::write(&meta, "{}").unwrap();
    let head = world.append([posted(message_id(4), chat_id(1), user_id(1), "innocent")]);
    // Whether the files can still be looked after is not what is asked here.
    let _ = world.projections.catch_up();
    std::fs::write(&meta, sound).unwrap();
    let status = world.status(ProjectionId::Search);
    assert_eq!((status.state, status.failed_position), (State::Stopped, Some(0)), "{:?}", status.error);
    assert!(matches!(
        world.projections.skippable(ProjectionId::Search),
        Err(Error::NotStopped { name: ProjectionId::Search })
    ));
    world.projections.resume(ProjectionId::Search).unwrap();
    world.projections.catch_up().unwrap();
    assert_eq!(
        (world.status(ProjectionId::Search).state, world.status(ProjectionId::Search).position),
        (State::Running, head)
    );
    assert_eq!(texts(&world.projections), ["text 1", "text 2", "text 3", "innocent"]);
}

#[test]
fn an_index_that_has_stopped_forgets_all_the_same() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    world.follow([posted(message_id(4), chat_id(1), user_id(2), TEXT)]);
    assert!(lies_in(&world.folder.read_models(), TEXT), "the test looks in the right place");
    world.erase(user_id(2));
    let (world, poison) = world.poison(message_id(7).into(), "message.frozen.v9");
    world.projections.catch_up().unwrap();
    assert_eq!(world.status(ProjectionId::Search).failed_position, Some(poison));
    assert!(!lies_in(&world.folder.read_models(), TEXT));
}

#[tokio::test]
async fn a_position_that_the_log_does_not_have_holds_up_nobody_else() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    let (hint, hinted) = watch::channel(0);
    let tail = world.projections.start(hinted).unwrap();
    let none = world.projections.caught_up(ProjectionId::Search, u64::MAX, Duration::from_millis(50)).await;
    assert!(none.is_err());
    let head = world.append([posted(message_id(10), chat_id(1), user_id(1), "new")]);
    hint.send_replace(head);
    assert_eq!(world.projections.caught_up(ProjectionId::Search, head, SOON).await, Ok(head));
    assert_eq!(texts(&world.projections).len(), 4);
    tail.stop();
}

#[test]
fn who_is_erased_while_nobody_follows_is_gone_from_the_former_generation_as_well() {
    let Some(mut world) = World::new() else { return };
    // Nothing but theirs: then the index that serves loses it with its commit, and there is nothing to write again.
    world.follow([posted(message_id(1), chat_id(1), user_id(9), TEXT)]);
    world.projections.rebuild(ProjectionId::Search, &mut |_| {}).unwrap();
    assert_eq!(world.generations(ProjectionId::Search), [1, 2]);
    assert!(lies_in(&world.folder.read_models(), TEXT), "the test looks in the right place");
    world.erase(user_id(9));
    let world = world.restarted();
    world.projections.catch_up().unwrap();
    assert_eq!(world.generations(ProjectionId::Search), [2]);
    assert!(!lies_in(&world.folder.read_models(), TEXT));
}

#[test]
fn text_that_is_due_to_be_gone_is_in_no_former_generation_either() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    world.follow([posted(message_id(4), chat_id(1), user_id(1), TEXT)]);
    world.projections.rebuild(ProjectionId::Search, &mut |_| {}).unwrap();
    let head = world.follow([deleted(message_id(4), chat_id(1), user_id(1))]);
    assert_eq!(world.generations(ProjectionId::Search), [1, 2], "it is not due yet");
    let meta = folder(&world).join("meta.json");
    world.projections.give_up().unwrap();
    // An hour goes by.
    let text = std::fs::read_to_string(&meta).unwrap();
    let (before, due) = text
        .split_once(&format!("\"payload\": \"{head} "))
        .or_else(|| text.split_once(&format!("\"payload\":\"{head} ")))
        .unwrap();
    let (of_head, behind) = due.split_once('"').unwrap();
    let hash = of_head.split(' ').next().unwrap();
    std::fs::write(&meta, format!("{before}\"payload\":\"{head} {hash} 1\"{behind}")).unwrap();
    let world = world.restarted();
    world.projections.catch_up().unwrap();
    assert_eq!(world.generations(ProjectionId::Search), [2]);
    assert!(!lies_in(&folder(&world), TEXT));
}

/// Changes many bytes of a file where it is, without making it shorter.
fn damage(path: &Path) -> Vec<u8> {
    let whole = std::fs::read(path).unwrap();
    let damaged = whole.iter().map(|byte| byte ^ 0x5a).collect::<Vec<_>>();
    overwrite(path, &damaged);
    whole
}

fn overwrite(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Whatever is damaged, whoever looks is told, and nothing panics.
#[test]
fn damage_in_any_file_is_told_and_panics_nowhere() {
    let Some(mut world) = World::new() else { return };
    talked(&mut world);
    let world = world.restarted();
    let files = std::fs::read_dir(folder(&world)).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| !file.file_name().unwrap().to_str().unwrap().starts_with('.')).collect::<Vec<_>>();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let whole = damage(&file);
        assert!(!differences(&world).is_empty(), "{}", file.display());
        let beside = Projections::open_read_only(&world.folder, world.log.clone()).unwrap();
        if let Ok(index) = beside.index() {
            for text in ["text", "from:anna", "\"text 1\"", "on:2026", "~texx"] {
                let question = search::question(text).unwrap();
                for order in [search::Order::Newest, search::Order::Relevance] {
                    let request = search::SearchRequest {
                        question: &question,
                        who: search::Who::Member(user_id(1)),
                        zone: &search::TimeZone::UTC,
                        order,
                        from: None,
                        limit: 10,
                        deadline: Instant::now() + SOON,
                    };
                    // An answer or an error, and no panic.
                    let failed = search::find(&index.snapshot(), &request).is_err();
                    assert!(!failed || index.is_damaged());
                }
            }
        }
        overwrite(&file, &whole);
    }
    assert_eq!(differences(&world), []);
}

/// Once a question has met damage nobody is answered out of it, and the index is built again by itself.
#[tokio::test]
async fn a_damaged_index_is_thrown_away_and_built_again_while_it_serves() {
    let Some(mut world) = World::new() else { return };
    let head = talked(&mut world);
    let world = world.restarted();
    let index = world.projections.index().unwrap();
    index.note(&search::Error::Damaged { what: "a test says so" });
    let before = world.status(ProjectionId::Search).generation;
    let (_hint, hinted) = watch::channel(head);
    let tail = world.projections.start(hinted).unwrap();
    let began = Instant::now();
    while world.status(ProjectionId::Search).generation == before || world.projections.index().unwrap().is_damaged() {
        assert!(began.elapsed() < SOON);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.projections.caught_up(ProjectionId::Search, head, SOON).await, Ok(head));
    assert_eq!(texts(&world.projections).len(), 3);
    tail.stop();
    assert_eq!((world.status(ProjectionId::Search).error, world.states()[0].1), (None, State::Running));
}
