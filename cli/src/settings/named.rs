//! Every `LETOPIS_…` that containers, packages and documents name is a setting, and every setting is in the README.

use super::Layers;
use super::table::ROWS;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What holds text for operators.
const PLACES: [&str; 11] = [
    "compose",
    "packaging",
    "docs",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "Justfile",
    ".ci",
    "scripts",
];
/// Variables of the tests, which the server never sees.
const OF_TESTS: [&str; 2] = ["LETOPIS_TORTURE_BATCHES", "LETOPIS_TORTURE_RACES"];
/// Beginnings that stand for every variable: `LETOPIS_*`, and `LETOPIS_OIDC_<NAME>_…` of a service to sign in with.
const BEGINNINGS: [&str; 2] = ["LETOPIS_", "LETOPIS_OIDC_"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(path: PathBuf, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            files(entry.unwrap().path(), found);
        }
    } else if path.exists() {
        found.push(path);
    }
}

/// Each name with the file that mentions it.
fn names() -> BTreeMap<String, PathBuf> {
    let mut found = Vec::new();
    PLACES.iter().for_each(|place| files(root().join(place), &mut found));
    let mut names = BTreeMap::new();
    // A picture has no names.
    for (path, text) in found.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?))) {
        let is_part = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
        for word in text.split(|letter| !is_part(letter)).filter(|word| word.starts_with("LETOPIS_")) {
            names.insert(word.to_owned(), path.clone());
        }
    }
    names
}

#[test]
fn every_variable_that_a_file_names_is_a_setting() {
    let place = tempfile::tempdir().unwrap();
    // A value that does for a file as well: `…_FILE` is read.
    let value = place.path().join("value");
    std::fs::write(&value, "x").unwrap();
    let names = names();
    assert!(names.len() > ROWS.len(), "{names:?}");
    for (name, path) in names {
        if OF_TESTS.contains(&name.as_str()) || BEGINNINGS.contains(&name.as_str()) {
            continue;
        }
        let loaded = Layers::load(None, std::iter::once((name.as_str(), value.as_os_str())), &[]);
        assert!(loaded.is_ok(), "{}: {:#}", path.display(), loaded.unwrap_err());
    }
}

#[test]
fn every_setting_is_in_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for row in &ROWS {
        assert!(readme.contains(&format!("`{}`", row.env)), "README.md lacks {}", row.env);
    }
}
