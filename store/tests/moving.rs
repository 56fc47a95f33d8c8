//! A log that is carried elsewhere, in a file and as a backup: all of it arrives, or nothing.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{House, message, message_in, role, user};
use domain::Timestamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use store::{
    Appender, Batch, ErasedList, Error, Folder, Forget, Imported, Log, Manifest, NewReceipt, Outlet, RestoreExtras,
    Target, backup, export, import, restore,
};

/// Twelve events of three people, a forgotten text, a receipt.
fn house() -> House {
    let mut house = House::new();
    for number in 1..=9 {
        house.append(vec![message_in(number, 1, user(number % 3), &format!("text {number}"))]);
    }
    house.append(vec![role(user(7), 1), common::verifier(user(7), 2, "old verifier")]);
    let receipt = NewReceipt {
        command_id: [1; 32],
        fingerprint: [2; 32],
        at: Timestamp(3),
        position: 12,
        subject: Some(user(1)),
        outcome: "{\"message_id\":\"x\"}".to_owned(),
    };
    let forget = Forget::Superseded { stream: user(7).into(), name: domain::VERIFIERS[0], before_version: 3 };
    let events = vec![common::verifier(user(7), 3, "new verifier")];
    house
        .appender
        .append(&Batch { events, receipts: vec![receipt], forget: vec![forget], ..Batch::default() })
        .unwrap();
    house
}

fn exported(folder: &Folder) -> Vec<u8> {
    let mut file = Vec::new();
    export(folder, &mut file, |_, _| {}).unwrap();
    file
}

/// Somewhere to bring a log to.
struct Place {
    folder: tempfile::TempDir,
    master_key: PathBuf,
}

impl Place {
    fn of(house: &House) -> Place {
        Place { folder: tempfile::tempdir().unwrap(), master_key: house.folder.master_key() }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("new")
    }

    fn list(&self) -> PathBuf {
        self.folder.path().join("erased")
    }

    fn import(&self, file: &[u8]) -> Result<Imported, Error> {
        let (data, list) = (self.data(), self.list());
        import(Target { data: &data, master_key: &self.master_key, erased_list: &list }, file, |_, _| {})
    }

    fn restore(&self, from: &Path) -> Result<Imported, Error> {
        let (data, list) = (self.data(), self.list());
        let target = Target { data: &data, master_key: &self.master_key, erased_list: &list };
        restore(from, target, RestoreExtras::default(), |_| {})
    }

    fn open(&self) -> (Folder, Appender, Log) {
        let folder = Folder::existing(&self.data()).unwrap();
        let appender = Appender::open(&folder, &self.master_key).unwrap();
        let log = Log::open(&folder, appender.keys()).unwrap();
        (folder, appender, log)
    }

    /// A refused log leaves nothing behind that was not there before.
    fn is_untouched(&self) -> bool {
        !self.data().exists()
    }
}

fn backed_up(house: &House, to: &Path) -> Result<Manifest, Error> {
    backup(&house.folder, to, || Timestamp(9), |_| {})
}

#[test]
fn an_export_of_an_import_is_the_same_file() {
    let mut house = house();
    let file = exported(&house.folder);
    let place = Place::of(&house);
    let brought = place.import(&file).unwrap();
    assert_eq!((brought.head, brought.counted.receipts), (house.appender.head(), 1));
    let folder = Folder::existing(&place.data()).unwrap();
    for outlet in Outlet::ALL {
        assert!(folder.is_disarmed(outlet) && !house.folder.is_disarmed(outlet), "a copy tells nobody anything");
    }
    assert!(exported(&folder) == file, "byte for byte");
    let (_, mut appender, log) = place.open();
    let verified = log.verify(1, u64::MAX, |_| {}).unwrap();
    assert_eq!((verified.events, verified.anchor), (12, Some(12)));
    assert_eq!(log.facts(0, 99).unwrap(), house.log.facts(0, 99).unwrap(), "what is sealed opens");
    assert_eq!(appender.receipt(&[1; 32]).unwrap(), house.appender.receipt(&[1; 32]).unwrap());
    assert!(appender.receipt(&[1; 32]).unwrap().is_some());
    let purpose = |log: &Log| log.keys().keyed_hash("name", &[b"anna"]);
    assert_eq!(purpose(&log), purpose(&house.log));
    let events = vec![message(99, 1, "goes on")];
    assert_eq!(appender.append(&Batch { events, ..Batch::default() }).unwrap().position, 13);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.database()), mode(folder.anchor()), mode(place.data())), (0o600, 0o600, 0o700));
}

#[test]
fn an_empty_log_travels_as_well() {
    let house = House::new();
    let file = exported(&house.folder);
    let place = Place::of(&house);
    assert_eq!(place.import(&file).unwrap().head, house.appender.head());
    assert!(exported(&Folder::existing(&place.data()).unwrap()) == file);
    let (_, _, log) = place.open();
    assert_eq!(log.verify(1, u64::MAX, |_| {}).unwrap().events, 0);
}

fn lines(file: &[u8]) -> Vec<String> {
    String::from_utf8(file.to_vec()).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

/// Lines of [`house`]: a header, four keys, twelve events, a receipt, the end.
const FIRST_EVENT: usize = 5;

#[test]
fn a_file_that_is_not_what_was_written_brings_nothing() {
    let house = house();
    let whole = lines(&exported(&house.folder));
    assert_eq!(whole.len(), 19);
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, &str, Change); 18] = [
        ("no end", "line 19 is missing", |lines| drop(lines.pop())),
        ("half a line", "line 9 has no end", |lines| {
            lines.truncate(9);
            lines[8].truncate(40);
        }),
        ("a changed payload", "line 7 holds event 2", |lines| {
            lines[6] = lines[6].replace("\"sent_at\"", "\"sent_at\" ")
        }),
        ("a changed time", "line 6 holds event 1", |lines| {
            lines[5] = lines[5].replace("2023-11-14T22:13:20", "2023-11-14T22:13:21")
        }),
        ("exchanged lines", "line 6 holds event 2, and event 1", |lines| lines.swap(5, 6)),
        ("a line twice", "line 7 holds event 1, and event 2", |lines| lines.insert(6, lines[5].clone())),
        ("a line less", "line 7 holds event 3", |lines| drop(lines.remove(6))),
        ("a key twice", "line 3 repeats", |lines| lines.insert(2, lines[1].clone())),
        ("a key less", "not in the file", |lines| {
            lines.remove(1);
            let last = lines.len() - 1;
            lines[last] = lines[last].replace("\"keys\":4", "\"keys\":3");
        }),
        ("keys exchanged", "line 2 holds a key", |lines| {
            let (one, two) = (lines[1].clone(), lines[2].clone());
            let wrapped = |line: &str| line.split("\"wrapped\":").nth(1).unwrap().to_owned();
            lines[1] = one.replace(&wrapped(&one), &wrapped(&two));
        }),
        ("a key behind events", "line 7 comes after", |lines| {
            let key = lines.remove(1);
            lines.insert(6, key);
        }),
        ("a receipt less", "counts other lines", |lines| drop(lines.remove(17))),
        ("a changed receipt", "says that a line", |lines| {
            lines[17] = lines[17].replace("\"position\":12", "\"position\":11")
        }),
        ("a receipt of the future", "of an event that is not", |lines| {
            lines[17] = lines[17].replace("\"position\":12", "\"position\":13")
        }),
        ("another sealed part", "sealed part is not the one", |lines| {
            let at = lines[5].find("\"sealed\":\"").unwrap() + 10;
            let other = if &lines[5][at..=at] == "A" { "B" } else { "A" };
            lines[5].replace_range(at..=at, other);
        }),
        ("garbage", "line 8 is no line", |lines| lines[7] = "garbage\n".to_owned()),
        ("an over-long line", "line 8 is longer than 256 KiB", |lines| {
            lines[7] = format!("{}\n", " ".repeat(300 * 1024))
        }),
        ("something behind the end", "comes after the end", |lines| lines.push("\n".to_owned())),
    ];
    for (what, expected, change) in changes {
        let mut lines = whole.clone();
        change(&mut lines);
        let place = Place::of(&house);
        let error = place.import(lines.concat().as_bytes()).unwrap_err();
        assert!(matches!(error, Error::BadExport { .. }), "{what}: {error:?}");
        assert!(error.to_string().contains(expected), "{what}: {error}");
        assert!(place.is_untouched(), "{what}");
    }
    for bad in ["", "{}\n", "hello\n", &whole[1], &whole[0].replace("\"version\":1", "\"version\":2")] {
        let error = Place::of(&house).import(bad.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::NotAnExport { .. }), "{bad}: {error}");
    }
    // The same lines, untouched, are taken.
    assert!(whole[FIRST_EVENT].starts_with("{\"position\":1,"));
    Place::of(&house).import(whole.concat().as_bytes()).unwrap();
}

#[test]
fn every_cut_and_every_flipped_bit_brings_nothing() {
    let house = house();
    let file = exported(&house.folder);
    for at in (0..file.len()).step_by(61).chain([file.len() - 1]) {
        let (place, mut flipped) = (Place::of(&house), file.clone());
        flipped[at] ^= 1;
        assert!(place.import(&flipped).is_err(), "{at}");
        assert!(place.is_untouched(), "{at}");
    }
    for kept in (0..file.len() - 1).step_by(97).chain([file.len() - 2]) {
        let place = Place::of(&house);
        assert!(place.import(&file[..kept]).is_err(), "{kept}");
        assert!(place.is_untouched(), "{kept}");
    }
    // A whole last line is one also without its line break.
    assert_eq!(file.last(), Some(&b'\n'));
    Place::of(&house).import(&file[..file.len() - 1]).unwrap();
}

#[test]
fn sealed_parts_need_their_keys_even_where_every_line_agrees() {
    let house = house();
    let place = Place::of(&house);
    let file = lines(&exported(&house.folder)).concat();
    let keyless = file.lines().filter(|line| !line.contains("\"kind\":\"key\"")).map(|line| format!("{line}\n"));
    let keyless = resummed(&keyless.collect::<String>().replace("\"keys\":4", "\"keys\":0"));
    let error = place.import(keyless.as_bytes()).unwrap_err();
    assert!(matches!(&error, Error::BadExport { line: 2, what } if what.contains("not in the file")), "{error}");
    assert!(place.is_untouched());
}

/// The file with a trailer that fits it.
fn resummed(file: &str) -> String {
    let (rest, end) = file.trim_end().rsplit_once('\n').unwrap();
    let rest = format!("{rest}\n");
    let old = end.split("\"blake3\":\"").nth(1).unwrap().trim_end_matches("\"}");
    format!("{rest}{}\n", end.replace(old, &domain::id::hex(blake3::hash(rest.as_bytes()).as_bytes())))
}

#[test]
fn only_its_own_master_key_and_an_empty_log_will_do() {
    let (house, other) = (house(), house());
    let file = exported(&house.folder);
    let mut place = Place::of(&other);
    assert!(matches!(place.import(&file), Err(Error::OtherMasterKey { .. })));
    place.master_key = place.folder.path().join("nowhere");
    assert!(matches!(place.import(&file), Err(Error::NoMasterKeyBrought { .. })));
    assert!(place.is_untouched());
    place.master_key = house.folder.master_key();
    let data = Folder::create(&place.data()).unwrap();
    let held = data.lock().unwrap();
    assert!(matches!(place.import(&file), Err(Error::Locked { .. })));
    drop(held);
    // Once started, and nothing written: still empty.
    drop(Appender::open(&data, &data.master_key()).unwrap());
    place.import(&file).unwrap();
    let before = fs::read(data.database()).unwrap();
    let refused = place.import(&file).unwrap_err();
    assert!(matches!(refused, Error::NotEmpty { events: 12, .. }), "{refused}");
    assert!(fs::read(data.database()).unwrap() == before);
    // A log that was lost is not empty either.
    fs::remove_file(data.database()).unwrap();
    assert!(matches!(place.import(&file), Err(Error::NotEmpty { events: 12, .. })));
}

#[test]
fn what_an_interrupted_import_left_is_refused_and_can_be_tried_again() {
    let house = house();
    let file = exported(&house.folder);
    let place = Place::of(&house);
    let data = Folder::create(&place.data()).unwrap();
    fs::write(place.data().join("letopis.db.unfinished"), "half").unwrap();
    let refused = Appender::open(&data, &place.master_key).map(drop).unwrap_err();
    assert!(matches!(refused, Error::Unfinished { .. }), "{refused}");
    assert!(matches!(Folder::existing(&place.data()), Err(Error::Unfinished { .. })));
    place.import(&file[..file.len() - 2]).unwrap_err();
    assert!(!Outlet::ALL.into_iter().any(|outlet| data.is_disarmed(outlet)), "it is as it was");
    place.import(&file).unwrap();
    assert_eq!(place.open().1.head().position, 12);
}

#[test]
fn a_log_that_does_not_hold_is_neither_exported_nor_backed_up() {
    let house = house();
    house.tampering("update event set meta = '{\"actor\":\"nobody\"}' where position = 5");
    let error = export(&house.folder, Vec::new(), |_, _| {}).unwrap_err();
    assert!(matches!(&error, Error::NotHeld { source } if source.position == 5), "{error}");
    let place = Place::of(&house);
    let to = place.folder.path().join("backup");
    let error = backed_up(&house, &to).unwrap_err();
    assert!(matches!(&error, Error::NotHeld { source } if source.position == 5), "{error}");
    assert!(!to.exists(), "what was copied is taken away");
    let house = self::house();
    house.tampering("delete from event where position > 10");
    for error in [export(&house.folder, Vec::new(), |_, _| {}).unwrap_err(), backed_up(&house, &to).unwrap_err()] {
        assert!(matches!(&error, Error::NotHeld { source } if source.position == 11), "{error}");
    }
}

/// Appends in small batches until it is told to stop; `acknowledged` follows.
fn flood(appender: &mut Appender, stop: &AtomicBool, acknowledged: &AtomicU64) {
    for number in 1_000.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let events = (0..5).map(|more| message_in(number * 10 + more, 1, user(number % 5), "under load")).collect();
        let head = appender.append(&Batch { events, ..Batch::default() }).unwrap();
        acknowledged.store(head.position, Ordering::Release);
    }
}

#[test]
fn backups_and_exports_beside_a_writer_hold_whatever_was_acknowledged_before() {
    let mut house = house();
    let (appender, folder, log) = (&mut house.appender, &house.folder, &house.log);
    let place = tempfile::tempdir().unwrap();
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(appender.head().position));
    let taken = std::thread::scope(|scope| {
        scope.spawn(|| flood(appender, &stop, &acknowledged));
        let taken = (0..8).map(|number| {
            let to = place.path().join(number.to_string());
            let before = acknowledged.load(Ordering::Acquire);
            if number % 2 == 0 {
                backup(folder, &to, || Timestamp(9), |_| {}).unwrap();
            } else {
                export(folder, fs::File::create(&to).unwrap(), |_, _| {}).unwrap();
            }
            (to, before)
        });
        let taken = taken.collect::<Vec<_>>();
        stop.store(true, Ordering::Relaxed);
        taken
    });
    let end = log.head().unwrap().position;
    assert!(taken[0].1 < taken[7].1 && taken[7].1 < end, "the writer went on meanwhile");
    for (from, before) in taken {
        let brought = Place { folder: tempfile::tempdir().unwrap(), master_key: folder.master_key() };
        let head = if from.is_dir() { brought.restore(&from) } else { brought.import(&fs::read(&from).unwrap()) };
        let head = head.unwrap().head;
        assert!(head.position >= before, "{} of {before}", head.position);
        let (_, _, restored) = brought.open();
        let same = log.read(head.position - 1, 1).unwrap();
        assert_eq!(restored.read(head.position - 1, 1).unwrap(), same);
        assert_eq!(restored.verify(1, u64::MAX, |_| {}).unwrap().events, head.position);
    }
}

#[test]
fn a_backup_holds_nothing_that_was_forgotten_and_no_more_files_than_it_says() {
    let mut house = House::new();
    for number in 1..=200 {
        house.append(vec![message_in(number, 1, user(number % 2), &"a rather long text ".repeat(20))]);
    }
    let raw = house.raw();
    let sql = "select sealed from event where subject = ?1";
    let sealed: Vec<Vec<u8>> = {
        let mut statement = raw.prepare(sql).unwrap();
        let rows = statement.query_map([user(1).0.as_bytes().as_slice()], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let key: Vec<u8> = raw
        .query_row("select wrapped from subject_key where subject = ?1", [user(1).0.as_bytes().as_slice()], |row| {
            row.get(0)
        })
        .unwrap();
    drop(raw);
    let place = Place::of(&house);
    let traces = |house: &House, name: &str| {
        let to = place.folder.path().join(name);
        backed_up(house, &to).unwrap();
        let bytes = fs::read(to.join("letopis.db")).unwrap();
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        sealed.iter().filter(|part| holds(&part[..64])).count() + usize::from(holds(&key))
    };
    assert_eq!(traces(&house, "before"), 101);
    house.appender.append(&Batch { forget: vec![Forget::Subject(user(1))], ..Batch::default() }).unwrap();
    assert_eq!(traces(&house, "after"), 0);
    let to = place.folder.path().join("after");
    let mut names: Vec<_> = fs::read_dir(&to).unwrap().map(|found| found.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["anchor", "backup.json", "letopis.db"]);
    for name in names {
        assert_eq!(fs::metadata(to.join(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_backup_that_is_not_what_was_written_is_refused_and_changes_nothing() {
    let house = house();
    let place = Place::of(&house);
    let whole = place.folder.path().join("whole");
    backed_up(&house, &whole).unwrap();
    let in_the_way = backed_up(&house, &whole).unwrap_err();
    assert!(matches!(in_the_way, Error::InTheWay { .. }), "{in_the_way}");
    let changed = |name: &str, change: &dyn Fn(&Path)| {
        let copy = tempfile::tempdir().unwrap();
        for name in ["anchor", "backup.json", "letopis.db"] {
            fs::copy(whole.join(name), copy.path().join(name)).unwrap();
        }
        change(&copy.path().join(name));
        let error = place.restore(copy.path()).map(|_| ()).unwrap_err();
        assert!(place.is_untouched(), "{error}");
        error
    };
    let bytes = fs::metadata(whole.join("letopis.db")).unwrap().len();
    for at in (0..bytes).step_by(4_000) {
        let flipped = changed("letopis.db", &|path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[at as usize] ^= 1;
            fs::write(path, bytes).unwrap();
        });
        assert!(matches!(flipped, Error::BadBackup { .. }), "{at}: {flipped}");
    }
    let cut = changed("letopis.db", &|path| {
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(bytes - 1).unwrap()
    });
    assert!(matches!(cut, Error::BadBackup { what: "it has another length", .. }), "{cut}");
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    assert!(matches!(changed("anchor", &gone), Error::BadBackup { what: "it is missing", .. }));
    assert!(matches!(changed("backup.json", &gone), Error::NotABackup { .. }));
    let garbage = |path: &Path| fs::write(path, "{}").unwrap();
    assert!(matches!(changed("backup.json", &garbage), Error::NotABackup { .. }));
    let longer = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, text.replace("\"position\": 12", "\"position\": 13")).unwrap();
    };
    assert!(matches!(changed("backup.json", &longer), Error::BadBackup { .. }));
    // As it was written, it is taken; a second time there is a log.
    assert_eq!(place.restore(&whole).unwrap().head, house.appender.head());
    assert!(matches!(place.restore(&whole), Err(Error::NotEmpty { events: 12, .. })));
}

#[test]
fn a_restore_brings_its_key_along_and_only_the_right_one() {
    let (house, other) = (house(), house());
    let place = Place::of(&house);
    let from = place.folder.path().join("backup");
    backed_up(&house, &from).unwrap();
    let (data, list) = (place.data(), place.list());
    let own = data.join("master.key");
    let target = Target { data: &data, master_key: &own, erased_list: &list };
    let refused = restore(&from, target, RestoreExtras::default(), |_| {}).unwrap_err();
    assert!(matches!(refused, Error::NoMasterKeyBrought { .. }), "{refused}");
    let (right, wrong) = (house.folder.master_key(), other.folder.master_key());
    let along = |key| RestoreExtras { master_key: Some(key), erased_list: None };
    let refused = restore(&from, target, along(wrong.as_path()), |_| {}).unwrap_err();
    assert!(matches!(refused, Error::OtherMasterKey { .. }), "{refused}");
    assert!(place.is_untouched());
    fs::create_dir(&data).unwrap();
    fs::copy(&wrong, &own).unwrap();
    let refused = restore(&from, target, along(right.as_path()), |_| {}).unwrap_err();
    assert!(matches!(refused, Error::KeyInTheWay { .. }), "{refused}");
    fs::remove_file(&own).unwrap();
    fs::write(data.join("poem.txt"), "rose").unwrap();
    let refused = restore(&from, target, along(right.as_path()), |_| {}).unwrap_err();
    assert!(matches!(&refused, Error::InTheWay { name, .. } if name == "poem.txt"), "{refused}");
    fs::remove_file(data.join("poem.txt")).unwrap();
    restore(&from, target, along(right.as_path()), |_| {}).unwrap();
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = Folder::existing(&data).unwrap();
    assert!(Outlet::ALL.into_iter().all(|outlet| folder.is_disarmed(outlet)));
    assert_eq!(Appender::open(&folder, &own).unwrap().head(), house.appender.head());
}

#[test]
fn who_is_in_the_list_of_the_erased_is_told() {
    let mut house = House::new();
    house.append(vec![role(user(1), 1), role(user(2), 1), message_in(1, 1, user(1), "text")]);
    let place = Place::of(&house);
    let from = place.folder.path().join("backup");
    backed_up(&house, &from).unwrap();
    let file = exported(&house.folder);
    let line = format!("{} 2026-01-01T00:00:00Z\n", user(1));
    fs::write(place.list(), &line).unwrap();
    assert_eq!(place.restore(&from).unwrap().back, [user(1)]);
    let other = Place::of(&house);
    assert_eq!(other.import(&file).unwrap().back, []);
    let along = other.folder.path().join("brought");
    fs::write(&along, &line).unwrap();
    let data = other.folder.path().join("third");
    let target = Target { data: &data, master_key: &other.master_key, erased_list: &other.list() };
    let brought =
        restore(&from, target, RestoreExtras { master_key: None, erased_list: Some(&along) }, |_| {}).unwrap();
    assert_eq!(brought.back, [user(1)]);
    let kept = ErasedList::open(&other.list()).unwrap();
    assert_eq!(kept.people().collect::<Vec<_>>(), [user(1)], "the list stays with the folder");
}
