//! Parts of the product that are left out, as the command line sees them.

#![allow(clippy::unwrap_used)]

mod common;

use common::Place;

const NAME: &str = "LETOPIS_MODULES";

fn names(place: &Place) -> Vec<String> {
    let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
    listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_left_out_has_no_read_models_and_no_verbs_until_it_comes_back() {
    let place = Place::new();
    drop(place.serve());
    assert!(names(&place).contains(&"search".to_owned()));
    let place = place.with(NAME, "messenger,notifications");
    drop(place.serve());
    let there = names(&place);
    assert!(!there.contains(&"search".to_owned()) && there.contains(&"messages".to_owned()), "{there:?}");
    let refused = place.run(&["search", "tomatoes"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("module search, which is left out: modules is messenger,notifications"),
        "{}",
        refused.err
    );
    for verb in ["verify", "rebuild"] {
        let refused = place.run(&["projections", verb, "search"]);
        assert_eq!(refused.code, 3, "{verb}: {}", refused.err);
        assert!(refused.err.contains("there is no projection \"search\"; there are: users"), "{}", refused.err);
    }
    place.run(&["projections", "verify", "--all"]).ok();
    place.run(&["doctor"]);
    let place = place.with(NAME, "all");
    drop(place.serve());
    assert!(names(&place).contains(&"search".to_owned()));
    place.run(&["search", "tomatoes"]).ok();
}

#[test]
fn what_cannot_be_is_said_at_the_start() {
    for (modules, said) in [
        ("messenger,serch", "did you mean search?"),
        ("search", "search needs messenger: add messenger, or leave search out"),
        ("messenger,", "is no module"),
    ] {
        let refused = Place::new().with(NAME, modules).run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.code, 2, "{modules}: {}", refused.err);
        assert!(refused.err.contains(said), "{modules}: {}", refused.err);
    }
}
