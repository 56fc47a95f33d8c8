//! Which crate may depend on which: what `ARCHITECTURE.md` draws.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Each crate of the workspace, and the others of it that it may depend on. Tests may use any of them.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("store", &["domain"]),
    ("search", &["domain"]),
    ("commands", &["domain", "store"]),
    ("projections", &["domain", "search", "store"]),
    ("state", &["domain", "store"]),
    ("relay", &["domain", "store"]),
    ("outbound", &[]),
    ("oidc", &["outbound"]),
    ("couriers", &["commands", "domain", "outbound", "projections", "state", "store"]),
    ("node", &["commands", "couriers", "domain", "outbound", "projections", "relay", "search", "state", "store"]),
    (
        "api",
        &[
            "commands",
            "couriers",
            "domain",
            "node",
            "oidc",
            "outbound",
            "projections",
            "relay",
            "search",
            "state",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "commands",
            "couriers",
            "domain",
            "node",
            "oidc",
            "outbound",
            "projections",
            "relay",
            "search",
            "state",
            "store",
        ],
    ),
    ("fuzz", &[]),
    ("servers", &[]),
    ("bench", &["domain", "search", "servers"]),
    ("load", &["api", "commands", "domain", "node", "projections", "search", "store"]),
    ("testkit", &["api", "commands", "couriers", "domain", "node", "projections", "servers", "state", "store"]),
];
/// What reaches the outside, and those that must not: nothing may be sent by what decides, or by what is replayed.
const TRANSPORTS: &[&str] = &["async-nats", "axum", "hyper", "lettre", "redis", "reqwest"];
const SILENT: &[&str] = &["domain", "store", "search", "commands", "projections", "state"];
/// What of `store` writes to the log or opens a sealed part, or leads to what does: the relay names none of it.
const NOT_FOR_THE_RELAY: &[&str] = &["Appender", "Cluster", "Fact", "Folder", "Keys", "Log", "postgres", "sqlite"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn packages() -> Vec<Value> {
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = metadata.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() >= 12, "the workspace was read");
    packages
}

#[test]
fn crates_depend_only_on_what_is_below_them() {
    let packages = packages();
    let all = packages.iter().map(|package| package["name"].as_str().unwrap()).collect::<Vec<_>>();
    for (package, name) in packages.iter().zip(&all) {
        let row = ARROWS.iter().find(|(of, _)| of == name);
        let (_, allowed) = row.unwrap_or_else(|| panic!("the crate {name} has no row in ARROWS: what may it know?"));
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        for dependency in dependencies.filter(|dependency| dependency["kind"] != "dev") {
            let on = dependency["name"].as_str().unwrap();
            assert!(!all.contains(&on) || allowed.contains(&on), "{name} must not depend on {on}");
            assert!(!SILENT.contains(name) || !TRANSPORTS.contains(&on), "{name} must not reach the outside: {on}");
        }
    }
}

#[test]
fn the_relay_names_nothing_that_could_write_or_unseal() {
    let mut folders = vec![root().join("relay/src")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                    let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                    let named = words.find(|word| NOT_FOR_THE_RELAY.contains(word));
                    assert_eq!(named, None, "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(files > 10, "the relay's files were read");
}
