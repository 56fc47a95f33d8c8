//! What the program does with standard input.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::io::Write;
use std::process::{Command, Stdio};

/// What it writes to standard output, and whether it succeeded.
fn run(input: &str) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_letopis-load"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn what_is_no_plan_is_refused() {
    for input in ["", "\n", "{}\n", "{\"seconds\": 1}\n", "\u{1b}\n"] {
        let (out, done) = run(input);
        assert!(!done && out.starts_with(r#"{"failed":{"code":"usage","#), "{input:?}: {out}");
    }
}

#[test]
fn it_cleans_up_when_whoever_started_it_is_gone() {
    let place = tempfile::TempDir::new().unwrap();
    let plan = serde_json::json!({
        "connections": 1, "seconds": 3_600, "callers": 1, "rounds": 1,
        "folder": place.path(), "log": [], "only": "append", "database": null,
    });
    let (out, done) = run(&format!("{plan}\n"));
    assert!(!done && out.contains("interrupted"), "{out}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
