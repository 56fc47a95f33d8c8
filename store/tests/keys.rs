//! The master key: without the right one nothing opens.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Base, House, each, message, message_in, user};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use store::{Appender, Error, KeyRotation, Log};

fn both(house: &common::Closed) -> [Error; 2] {
    [
        house.base.appender(&house.folder).err().expect("the appender opened"),
        house.base.log(&house.folder).err().expect("the log opened"),
    ]
}

#[test]
fn a_wrong_missing_or_loose_key_opens_nothing() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a")]);
        let house = house.closed();
        let path = house.folder.master_key();
        let right = fs::read_to_string(&path).unwrap();
        assert_eq!(right.trim().len(), 64);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::write(&path, "0".repeat(64)).unwrap();
        assert!(both(&house).iter().all(|error| matches!(error, Error::WrongMasterKey)));
        fs::remove_file(&path).unwrap();
        assert!(both(&house).iter().all(|error| matches!(error, Error::MissingMasterKey { .. })));
        // It was not made again.
        assert!(!path.exists());

        fs::write(&path, right).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let errors = both(&house);
        assert!(errors.iter().all(|error| matches!(error, Error::LooseMasterKey { .. })));
        assert!(errors[0].to_string().contains("chmod 600"));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        house.base.appender(&house.folder).unwrap();
    }
}

#[test]
fn a_key_that_was_there_before_the_database_is_taken() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("elsewhere.key");
    fs::write(&path, "ab".repeat(32)).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let folder = store::Folder::create(&place.path().join("data")).unwrap();
    drop(Appender::open(&folder, &path).unwrap());
    assert!(!folder.master_key().exists());
    assert_eq!(fs::read_to_string(&path).unwrap(), "ab".repeat(32));
    Log::open_read_only(&folder, &path).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    for house in each() {
        let house = house.closed();
        let sql = match house.base {
            Base::Embedded => "pragma user_version = 99",
            Base::Shared { .. } => "insert into migration values (99)",
        };
        house.sql(sql).unwrap();
        assert!(both(&house).iter().all(|error| matches!(error, Error::NewerSchema { found: 99, .. })));
    }
}

#[test]
fn the_database_is_its_owners_alone() {
    let house = House::new();
    for file in ["letopis.db", "letopis.db-wal"] {
        let mode = fs::metadata(house.folder.root().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Rotates; a log that nodes share first makes the new key only.
fn rotated(log: &Log) -> KeyRotation {
    match log.rotate_keys(&mut |_| {}) {
        Err(Error::NextKeyMade { path }) => {
            assert!(log.cluster().is_some(), "the embedded log needs no second step");
            assert!(path.to_string_lossy().ends_with("master.key.next"), "{}", path.display());
            log.rotate_keys(&mut |_| {}).unwrap()
        }
        rotated => rotated.unwrap(),
    }
}

fn texts(log: &Log) -> Vec<String> {
    let facts = log.facts(0, 100).unwrap();
    facts.into_iter().map(|fact| format!("{:?}", fact.event)).collect()
}

#[test]
fn a_rotated_key_opens_everything_and_the_former_one_nothing() {
    for mut house in each() {
        house.append(vec![message_in(1, 1, user(1), "of anna"), message_in(2, 1, user(2), "of boris")]);
        let before = texts(&house.log);
        let former = fs::read(house.folder.master_key()).unwrap();

        let rotated = rotated(&house.log);
        assert_eq!(rotated.keys, 2);
        assert_eq!(fs::read(rotated.former.unwrap()).unwrap(), former);
        let present = fs::read(house.folder.master_key()).unwrap();
        assert_ne!(present, former);

        // The process that appends goes on, also for new people.
        house.append(vec![message_in(3, 1, user(3), "of clara")]);
        assert_eq!(texts(&house.log)[..2], before);
        let house = house.reopened();
        assert_eq!(texts(&house.log)[..2], before);
        assert!(texts(&house.log)[2].contains("of clara"));
        house.verify().unwrap();

        let house = house.closed();
        fs::write(house.folder.master_key(), former).unwrap();
        assert!(both(&house).iter().all(|error| matches!(error, Error::WrongMasterKey)));
        fs::write(house.folder.master_key(), present).unwrap();
        house.opened();
    }
}

#[test]
fn a_rotation_that_was_cut_off_is_ended_by_the_next_start() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a")]);
        let before = texts(&house.log);
        let path = house.folder.master_key();
        let former = fs::read(&path).unwrap();
        rotated(&house.log);
        let present = fs::read(&path).unwrap();
        let house = house.closed();
        // As a crash leaves it between the commit and the rename.
        let next = path.with_file_name("master.key.next");
        fs::write(&next, &present).unwrap();
        fs::set_permissions(&next, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, &former).unwrap();
        // Who only reads finds the key and moves nothing.
        assert_eq!(texts(&house.base.log(&house.folder).unwrap()), before);
        assert!(next.exists());
        let house = house.opened();
        assert_eq!(texts(&house.log), before);
        assert!(!next.exists());
        assert_eq!(fs::read(&path).unwrap(), present);
    }
}

#[test]
fn a_next_key_of_a_rotation_that_never_was_changes_nothing() {
    for mut house in each() {
        house.append(vec![message(1, 1, "a")]);
        let path = house.folder.master_key();
        let key = fs::read(&path).unwrap();
        let next = path.with_file_name("master.key.next");
        fs::write(&next, "ab".repeat(32)).unwrap();
        fs::set_permissions(&next, Permissions::from_mode(0o600)).unwrap();
        let house = house.reopened();
        assert_eq!(fs::read(&path).unwrap(), key);
        // The key that was prepared is the one that comes.
        assert!(rotated(&house.log).former.is_some());
        assert_eq!(fs::read(&path).unwrap(), "ab".repeat(32).into_bytes());
    }
}
