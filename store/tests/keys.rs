//! The master key: without the right one nothing opens.

mod common;

use common::{Base, House, each, message};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use store::{Appender, Error, Log};

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
        // It was not made anew.
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
