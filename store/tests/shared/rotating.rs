//! One node rotates the master key while others run.

use crate::common::{message_in, user};
use crate::nodes::Shared;
use std::fs;
use store::{Appender, Batch, BatchNeeds, Error, Folder, NewEvent};

fn batch(events: Vec<NewEvent>) -> Batch {
    Batch { at: domain::Timestamp(7), events, ..Batch::default() }
}

#[test]
fn a_running_node_goes_over_to_the_new_key_or_stops() {
    let Some(shared) = Shared::new() else { return };
    let mut first = shared.node();
    first.append(vec![message_in(1, 1, user(1), "of anna")]).unwrap();
    let place = tempfile::tempdir().unwrap();
    let other = |name: &str| {
        let folder = Folder::create(&place.path().join(name)).unwrap();
        fs::copy(&shared.key, folder.master_key()).unwrap();
        let appender = Appender::open_shared(&shared.cluster, &folder, &folder.master_key()).unwrap();
        (appender, folder)
    };
    let (mut told, told_folder) = other("told");
    let (mut untold, untold_folder) = other("untold");

    let Err(Error::NextKeyMade { path }) = first.log.rotate_keys(&mut |_| {}) else { panic!("it did not wait") };
    fs::copy(path, told_folder.root().join("master.key.next")).unwrap();
    assert_eq!(first.log.rotate_keys(&mut |_| {}).unwrap().keys, 1);

    // Both have the former key in memory, and have opened nothing of anna yet.
    let log = told.log(&told_folder).unwrap();
    assert_eq!(log.facts(0, 10).unwrap().len(), 1, "a reader finds the new key beside the former one");
    told.append(&batch(vec![message_in(2, 1, user(2), "of boris")])).unwrap();
    assert_eq!(fs::read(told_folder.master_key()).unwrap(), fs::read(&shared.key).unwrap());
    assert!(matches!(untold.begin(&BatchNeeds::default()), Err(Error::Rotated { .. })));
    let for_a_new_person = untold.append(&batch(vec![message_in(3, 1, user(3), "of clara")]));
    assert!(matches!(for_a_new_person, Err(Error::Stopped)), "it would be sealed under a key that is no more");
    drop(untold);
    let again = Appender::open_shared(&shared.cluster, &untold_folder, &untold_folder.master_key());
    assert!(matches!(again, Err(Error::WrongMasterKey)));

    // What the told node sealed opens for everybody.
    assert_eq!(shared.again(first).unwrap().log.facts(0, 10).unwrap().len(), 2);
}
