//! The example clients of `docs/clients`, each against a server of its own. One whose language is not installed is left
//! out with a message.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran};
use std::process::{Command, Stdio};

fn is_installed(program: &str) -> bool {
    let ran = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ran.is_ok() || std::env::var(servers::REQUIRED).as_deref() != Ok("required"), "{program} is missing");
    if ran.is_err() {
        eprintln!("left out: needs {program}");
    }
    ran.is_ok()
}

fn check(program: &str, client: &str) {
    let place = Place::new();
    let server = place.serve();
    let mut command = Command::new(program);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).args([client, &server.url, "anna"]);
    let ran = Ran::of(command).ok();
    let posted = place.run(&["events", "ls", "--type", "message.posted.v1"]).ok().lines();
    assert_eq!(posted.len(), 1, "it is sent twice, and posted once");
    assert_eq!(ran.out.matches("the roses are out").count(), 2, "in the chat, and among the hits: {}", ran.out);
    assert!(ran.out.contains("\"hits\""), "{}", ran.out);
    assert_eq!(server.stop(), 0);
}

#[test]
fn the_client_of_the_shell_works() {
    if is_installed("curl") {
        check("sh", "docs/clients/curl.sh");
    }
}

#[test]
fn the_client_in_python_works() {
    if is_installed("python3") {
        check("python3", "docs/clients/client.py");
    }
}
