//! Forgetting a person, beside a server and without one.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, fixture};

#[test]
fn an_operator_forgets_people_beside_a_server_and_without_one() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let people = place.run(&["users", "ls"]).ok().lines();
    let name = |at: usize| people[at]["user_name"].as_str().unwrap().to_owned();
    let (first, second) = (name(0), name(1));
    let id = people[0]["user_id"].as_str().unwrap();

    let counted = place.run(&["users", "erase", &first, "--dry-run"]).ok().json();
    assert_eq!(counted["user_name"], first);
    assert!(
        counted["sealed_parts"].as_u64() > Some(0) && counted["events"].as_u64() >= counted["sealed_parts"].as_u64()
    );
    assert_eq!(place.run(&["users", "erase", &first]).code, 2, "nobody can be asked");
    assert_eq!(place.run(&["users", "erase", "nobody", "--yes"]).code, 3);
    assert_eq!(place.run(&["users", "show", &first]).ok().json()["user_id"], id);

    let server = place.serve();
    let erased = place.run(&["users", "erase", &first, "--yes"]).ok().json();
    assert_eq!(erased["user_id"], id);
    assert_eq!(place.run(&["users", "show", &first]).code, 3);
    assert_eq!(server.stop(), 0);
    place.run(&["users", "erase", &second, "--yes"]).ok();
    assert_eq!(place.run(&["users", "show", &second]).code, 3);
    let list = std::fs::read_to_string(place.data().join("erased")).unwrap();
    assert_eq!(list.lines().count(), 2);
    assert!(list.starts_with(id));
    place.run(&["events", "verify"]).ok();
    place.run(&["projections", "verify", "--all"]).ok();
    // What was imported once is not brought back.
    place.run(&["import", &fixture()]).ok();
    assert_eq!(place.run(&["users", "show", &first]).code, 3);
    assert_eq!(place.run(&["users", "show", id]).code, 3);
    place.run(&["projections", "verify", "--all"]).ok();
}

#[test]
fn the_list_of_the_erased_can_lie_elsewhere() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let people = place.run(&["users", "ls"]).ok().lines();
    let id = people[0]["user_id"].as_str().unwrap();
    let list = place.file("list", "");
    let erase = place.command(&["users", "erase", id, "--yes"]).env("LETOPIS_ERASED_LIST", &list).output().unwrap();
    assert!(erase.status.success(), "{erase:?}");
    assert!(std::fs::read_to_string(&list).unwrap().starts_with(id));
    std::fs::write(&list, "no list\n").unwrap();
    let refused =
        place.command(&["users", "set-role", "x", "admin"]).env("LETOPIS_ERASED_LIST", &list).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("list of the erased"), "{refused:?}");
}
