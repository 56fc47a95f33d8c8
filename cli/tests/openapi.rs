//! The OpenAPI document as generators of clients take it, and `/docs` as a browser does, each on a server of its own.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran};
use std::io::Write;
use std::process::Command;

/// What `scripts/openapi` ends with where its tools cannot be had, and where Chromium is missing.
const LEFT_OUT: [(i32, &str); 2] = [(3, "PyPI and npm"), (4, "Chromium")];

/// Who looks at the console.
const ADMIN: &str = "Anna";
const PASSWORD: &str = "correct horse battery";

fn check(part: &str, said: &[&str]) {
    check_in(&Place::new().with("LETOPIS_RATE_LIMITS", "off"), part, said);
}

fn check_in(place: &Place, part: &str, said: &[&str]) {
    let server = place.serve();
    let mut command = Command::new("scripts/openapi");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args([&server.url, part]);
    command.env("ADMIN", ADMIN).env("ADMIN_PASSWORD", PASSWORD);
    let ran = Ran::of(command);
    assert_eq!(server.stop(), 0);
    if let Some((_, missing)) = LEFT_OUT.into_iter().find(|(code, _)| *code == ran.code) {
        let required = std::env::var(servers::REQUIRED).as_deref() == Ok("required");
        assert!(!required, "{missing} are required by {}: {}", servers::REQUIRED, ran.err);
        // Past the test harness, which shows what a test says only when it fails.
        let _ = writeln!(std::io::stderr(), "left out: scripts/openapi {part} needs {missing}");
        return;
    }
    let ran = ran.ok();
    for line in said {
        assert!(ran.out.contains(line), "{line} is missing: {}", ran.out);
    }
}

#[test]
fn clients_that_are_made_of_the_document_work() {
    check(
        "clients",
        &["openapi.json: OK", "typescript: round trip done", "the roses are out", "python: round trip done"],
    );
}

#[test]
fn the_page_works_in_a_browser() {
    check("docs", &["an operation was tried, signed in by token and by cookie"]);
}

#[test]
fn every_page_of_the_console_works_in_a_browser() {
    let place = Place::new().with("LETOPIS_RATE_LIMITS", "off");
    let password = place.file("password", PASSWORD);
    place.run(&["users", "create", ADMIN, "--role", "admin", "--password-file", &password]).ok();
    place.run(&["import", &common::fixture()]).ok();
    check_in(&place, "console", &["pages were looked at, wide and narrow"]);
}
