//! An index in a throwaway folder: what a commit shows, what a crash leaves, what is taken out of the files.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use domain::{ChatId, MessageId, Timestamp, UserId};
use search::schema::{fields, pair};
use search::{Change, Index, Post, Snapshot, Text, Writer};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tantivy::collector::{Count, DocSetCollector};
use tantivy::query::{AllQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Value};
use tantivy::{Searcher, TantivyDocument, Term};
use uuid::Uuid;

/// Longer than anything takes on a slow machine.
const SOON: Duration = Duration::from_secs(60);

fn chat(number: u128) -> ChatId {
    ChatId(Uuid::from_u128(0xC0 << 64 | number))
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(0xB0 << 64 | number))
}

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(0xA0 << 64 | number))
}

fn posted(number: u64, author: UserId, text: &str) -> Change {
    let message_id = id(number.into());
    let sent_at = Timestamp(1_000_000);
    let post = Post { message_id, chat_id: chat(1), author, position: number, sent_at, edited_at: None };
    Change::Posted(post, Text::cut(text))
}

fn edited(number: u128, text: &str) -> Change {
    Change::Edited { message_id: id(number), text: Text::cut(text), at: Timestamp(2_000_000) }
}

fn came(user_id: UserId, nickname: &str) -> Change {
    Change::Came { chat_id: chat(1), user_id, nickname: Some(nickname.to_owned()) }
}

fn change(writer: &mut Writer, changes: impl IntoIterator<Item = Change>) {
    changes.into_iter().for_each(|change| writer.change(change).unwrap());
}

fn count(snapshot: &Snapshot, field: Field, key: &[u8]) -> usize {
    let query = TermQuery::new(Term::from_field_bytes(field, key), IndexRecordOption::Basic);
    snapshot.searcher.search(&query, &Count).unwrap()
}

/// The texts that can be found, in the order of their positions.
fn texts(snapshot: &Snapshot) -> Vec<String> {
    let found = snapshot.searcher.search(&AllQuery, &DocSetCollector).unwrap();
    let documents = found.into_iter().map(|address| snapshot.searcher.doc::<TantivyDocument>(address).unwrap());
    let mut texts = documents.filter_map(|document| told(&document)).collect::<Vec<_>>();
    texts.sort();
    texts.into_iter().map(|(_, text)| text).collect()
}

fn told(document: &TantivyDocument) -> Option<(u64, String)> {
    let position = document.get_first(fields().position)?.as_u64()?;
    Some((position, document.get_first(fields().text)?.as_str()?.to_owned()))
}

/// The files of that folder, with what is in them.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Whether the text lies anywhere in the folder: in the bytes of a file, or in a document of a segment, deleted or not.
fn lies_in(folder: &Path, text: &str, word: &str) -> bool {
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let in_bytes = files(folder).into_iter().any(|(_, bytes)| has(&bytes, text) || has(&bytes, word));
    let searcher: Searcher = Index::open(folder).unwrap().snapshot().searcher;
    let in_documents = searcher.segment_readers().iter().any(|segment| {
        let store = segment.get_store_reader(1).unwrap();
        // Every document that the store has, deleted ones included.
        (0..segment.max_doc()).any(|document| {
            let document = store.get::<TantivyDocument>(document).unwrap();
            document.get_first(fields().text).and_then(|value| value.as_str()).is_some_and(|found| found.contains(text))
        })
    });
    in_bytes || in_documents
}

fn purge(writer: &mut Writer) {
    let since = Instant::now();
    while !writer.purge().unwrap() {
        assert!(since.elapsed() < SOON, "the text is still in the files");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nobody_sees_what_is_not_committed_and_a_crash_leaves_the_last_commit() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    assert_eq!((writer.committed(), texts(&writer.index().snapshot())), (0, vec![]));
    change(&mut writer, [posted(1, user(1), "один"), posted(2, user(1), "два")]);
    assert!(texts(&writer.index().snapshot()).is_empty());
    writer.commit(2).unwrap();
    let reader = Index::open(&folder).unwrap();
    change(&mut writer, [posted(3, user(1), "три"), edited(1, "раз")]);
    assert_eq!((reader.look().unwrap().position, texts(&reader.snapshot())), (2, vec!["один".into(), "два".into()]));
    // Nothing is committed by what ends a writer.
    drop(writer);
    let mut writer = Writer::open(&folder).unwrap();
    assert_eq!((writer.committed(), texts(&writer.index().snapshot())), (2, vec!["один".into(), "два".into()]));
    change(&mut writer, [posted(3, user(1), "три"), edited(1, "раз"), edited(3, "тройка"), edited(9, "нет")]);
    writer.commit(4).unwrap();
    let expected = ["раз", "два", "тройка"].map(str::to_owned).to_vec();
    assert_eq!((reader.look().unwrap().position, texts(&reader.snapshot())), (4, expected.clone()));
    change(&mut writer, [posted(5, user(1), "пять")]);
    writer.roll_back();
    assert_eq!(writer.committed(), 4);
    writer.commit(5).unwrap();
    assert_eq!(texts(&writer.index().snapshot()), expected);
}

#[test]
fn a_crash_within_a_commit_is_no_obstacle_to_the_next_one() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    // So many that nothing is merged, which would begin and end as it likes.
    change(&mut writer, (1..=20).map(|number| posted(number, user(number.into()), "сказано")));
    writer.commit(20).unwrap();
    for position in [21, 22] {
        // Cut off after its files were written, and before anything says that they count.
        let before = files(&folder);
        let forgotten = || Change::Forgotten(user(position - 20));
        drop(writer);
        writer = Writer::open(&folder).unwrap();
        change(&mut writer, [forgotten()]);
        writer.commit(position as u64).unwrap();
        drop(writer);
        before.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
        writer = Writer::open(&folder).unwrap();
        assert_eq!(u128::from(writer.committed()), position - 1);
        change(&mut writer, [forgotten()]);
        writer.commit(position as u64).unwrap();
        assert_eq!(texts(&writer.index().snapshot()).len() as u128, 40 - position);
    }
}

#[test]
fn what_is_gone_stays_gone_within_a_commit_and_between_two() {
    let place = tempfile::tempdir().unwrap();
    for commits in [false, true] {
        let mut writer = Writer::create(&place.path().join(commits.to_string())).unwrap();
        let step = |writer: &mut Writer, changes: Vec<Change>| {
            change(writer, changes);
            if commits {
                writer.commit(1).unwrap();
            }
        };
        step(&mut writer, vec![came(user(1), "anna"), came(user(2), "boris")]);
        for name in ["Кафе", "Сад"] {
            step(&mut writer, vec![Change::ChatNamed { chat_id: chat(1), name: name.to_owned() }]);
        }
        step(&mut writer, vec![posted(1, user(1), "один"), posted(2, user(2), "два"), posted(3, user(1), "три")]);
        step(&mut writer, vec![Change::Removed(id(1))]);
        step(&mut writer, vec![edited(1, "снова"), edited(2, "двое")]);
        step(&mut writer, vec![Change::Went { chat_id: chat(1), user_id: user(2) }]);
        writer.commit(7).unwrap();
        let snapshot = writer.index().snapshot();
        assert_eq!(texts(&snapshot), ["двое", "три"]);
        assert_eq!(count(&snapshot, fields().known, chat(1).0.as_bytes()), 1, "a chat has one name");
        let pairs = [user(1), user(2)].map(|user| pair(chat(1), user));
        let present = [user(1), user(2)].map(|user| count(&snapshot, fields().present_user, user.0.as_bytes()));
        assert_eq!(present, [1, 0]);
        assert_eq!(pairs.map(|pair| count(&snapshot, fields().member, &pair)), [1, 1], "his messages keep his name");
        step(&mut writer, vec![Change::Forgotten(user(2))]);
        let went = |user_id| Change::Went { chat_id: chat(1), user_id };
        step(&mut writer, vec![edited(2, "опять"), went(user(2)), came(user(1), "аня")]);
        writer.commit(8).unwrap();
        let snapshot = writer.index().snapshot();
        assert_eq!(texts(&snapshot), ["три"]);
        assert_eq!(pairs.map(|pair| count(&snapshot, fields().member, &pair)), [1, 0]);
        step(&mut writer, vec![Change::ChatRemoved(chat(1))]);
        step(&mut writer, vec![edited(3, "конец"), went(user(1))]);
        writer.commit(9).unwrap();
        assert_eq!(writer.index().snapshot().searcher.num_docs(), 0);
    }
}

#[test]
fn what_was_erased_is_gone_from_the_files() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    let (text, word) = ("ничегонеподозревающий крокодил 4711", "ничегонеподозревающ");
    let others = (10..40).map(|number| posted(number, user(2), &format!("сообщение {number}")));
    change(&mut writer, others.chain([posted(1, user(1), text), posted(2, user(2), "другое")]));
    writer.commit(40).unwrap();
    change(&mut writer, [posted(41, user(1), text)]);
    writer.commit(41).unwrap();
    assert!(lies_in(&folder, text, word), "the test looks in the right place");
    change(&mut writer, [Change::Forgotten(user(1))]);
    writer.commit(42).unwrap();
    assert_eq!(texts(&writer.index().snapshot()).len(), 31);
    assert!(lies_in(&folder, text, word), "hidden, not gone");
    // That it is to be done outlives a crash.
    drop(writer);
    let mut writer = Writer::open(&folder).unwrap();
    purge(&mut writer);
    assert!(!lies_in(&folder, text, word));
    assert_eq!((texts(&writer.index().snapshot()).len(), writer.committed()), (31, 42));
    drop(writer);
    assert!(Writer::open(&folder).unwrap().purge().unwrap(), "and it is done once");
}

#[test]
fn who_is_erased_while_another_one_is_being_purged_is_gone_as_well() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    let (text, word) = ("ничегонеподозревающий крокодил 4711", "ничегонеподозревающ");
    change(&mut writer, [posted(1, user(1), "первый"), posted(2, user(2), text), posted(3, user(3), "третий")]);
    writer.commit(3).unwrap();
    let reading = writer.index().snapshot();
    change(&mut writer, [Change::Forgotten(user(1))]);
    writer.commit(4).unwrap();
    assert!(!writer.purge().unwrap(), "it takes a moment");
    change(&mut writer, [Change::Forgotten(user(2))]);
    writer.commit(5).unwrap();
    purge(&mut writer);
    purge(&mut writer);
    assert_eq!(texts(&reading), ["первый", text, "третий"], "who began to read before reads on");
    assert!(!lies_in(&folder, text, word));
    assert_eq!(texts(&writer.index().snapshot()), ["третий"]);
}

#[test]
fn a_second_thread_helps_where_much_is_ahead_and_only_there() {
    let place = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&place.path().join("index")).unwrap();
    let (mut said, mut segments) = (0, 0);
    let mut more = |writer: &mut Writer, count: u64| {
        writer.hold().unwrap();
        change(writer, (said + 1..=said + count).map(|number| posted(number, user(1), "сказано")));
        said += count;
        writer.commit(said).unwrap();
        let before = std::mem::replace(&mut segments, writer.index().size().unwrap().segments);
        segments - before
    };
    assert_eq!(more(&mut writer, 1_000), 1);
    writer.prepare_for(9_999);
    assert_eq!(more(&mut writer, 1_000), 1);
    // More than one thread alone takes before the other one has begun.
    writer.prepare_for(30_000);
    assert_eq!(more(&mut writer, 30_000), 2);
    writer.prepare_for(0);
    assert_eq!(more(&mut writer, 1_000), 1);
    assert_eq!(writer.index().snapshot().searcher.num_docs(), said);
}

#[test]
fn a_segment_in_which_everything_was_erased_is_gone_from_the_files() {
    for is_read in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("index");
        let mut writer = Writer::create(&folder).unwrap();
        let (text, word) = ("ничегонеподозревающий крокодил 4711", "ничегонеподозревающ");
        change(&mut writer, [posted(1, user(1), "первый")]);
        writer.commit(1).unwrap();
        change(&mut writer, [posted(2, user(2), text)]);
        writer.commit(2).unwrap();
        let reading = is_read.then(|| writer.index().snapshot());
        change(&mut writer, [Change::Forgotten(user(2))]);
        writer.commit(3).unwrap();
        purge(&mut writer);
        assert!(!lies_in(&folder, text, word), "{is_read}");
        drop(reading);
    }
}

#[test]
fn an_edit_leaves_its_former_text_for_a_while_only() {
    let place = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&place.path().join("index")).unwrap();
    change(&mut writer, [posted(1, user(1), "один")]);
    writer.commit(1).unwrap();
    change(&mut writer, [edited(1, "другой")]);
    writer.commit(2).unwrap();
    assert!(writer.purge().unwrap(), "not at once");
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let by = writer.purge_by().unwrap();
    assert!(by > since && by <= since + search::PURGED_WITHIN_SECONDS);
}

#[test]
fn there_is_one_writer_and_who_comes_late_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    let (mut second, mut late) = (Writer::open(&folder).unwrap(), Writer::open(&folder).unwrap());
    change(&mut writer, [posted(1, user(1), "один")]);
    writer.commit(1).unwrap();
    assert!(matches!(second.change(posted(2, user(1), "два")), Err(search::Error::NotOwner)));
    drop(writer);
    // They have the right to write now, and do not know what was written.
    assert!(matches!(late.commit(1), Err(search::Error::NotOwner)));
    assert_eq!((late.committed(), texts(&late.index().look().unwrap())), (1, vec!["один".to_owned()]));
}

/// A file that ends too early is never mapped into memory.
#[test]
fn a_file_that_is_cut_off_or_missing_is_named_by_whoever_opens_the_index() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("index");
    let mut writer = Writer::create(&folder).unwrap();
    change(&mut writer, (1..50).map(|number| posted(number, user(1), "слово")));
    writer.commit(50).unwrap();
    change(&mut writer, [Change::Removed(id(1)), posted(51, user(1), "слово")]);
    writer.commit(52).unwrap();
    drop(writer);
    let is_of_segment = |name: &str| name.len() > 32 && !name.starts_with('.');
    let mut seen = Vec::new();
    for (path, bytes) in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !is_of_segment(&name) {
            continue;
        }
        for kept in [0, 5, 8, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..kept]).unwrap();
            let opened = Index::open(&folder).map(drop).unwrap_err();
            assert!(matches!(&opened, search::Error::CutOff { path: found } if *found == path), "{name}: {opened:?}");
        }
        std::fs::remove_file(&path).unwrap();
        let opened = Index::open(&folder).map(drop);
        std::fs::write(&path, &bytes).unwrap();
        // tantivy takes an index for one without positions then: only checksums tell.
        if !name.ends_with(".pos") {
            assert!(matches!(opened, Err(search::Error::CutOff { path: found }) if found == path), "{name}");
        }
        seen.push(name.rsplit('.').next().unwrap().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["del", "fast", "fieldnorm", "idx", "pos", "store", "term"]);
    assert_eq!(Index::open(&folder).unwrap().damaged().unwrap(), Vec::<String>::new());
}
