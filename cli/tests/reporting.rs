//! A server whose standard error takes nothing serves on, and stops when it is told to.
#![allow(clippy::unwrap_used)]

mod common;

use common::Place;
use common::ledger::Client;
use std::fs::File;
use std::io::{PipeReader, Write, pipe};
use std::process::{Command, Stdio};

/// What a pipe of Linux holds when nobody has asked for another size.
const PIPE_BYTES: usize = 64 * 1024;

/// Standard errors that take nothing; the reader is kept so that the pipe is full and not broken.
fn unwritable() -> Vec<(&'static str, Stdio, Option<PipeReader>)> {
    let full_disk = File::options().write(true).open("/dev/full").unwrap();
    let (gone, broken) = pipe().unwrap();
    drop(gone);
    let (kept, mut full) = pipe().unwrap();
    full.write_all(&vec![b'x'; PIPE_BYTES]).unwrap();
    vec![
        ("a full disk", full_disk.into(), None),
        ("a reader that has left", broken.into(), None),
        ("a pipe that nobody reads", full.into(), Some(kept)),
    ]
}

#[test]
fn the_server_works_and_stops_without_its_standard_error() {
    for (format, signal) in [("text", "TERM"), ("json", "INT")] {
        for (what, stderr, _kept) in unwritable() {
            let place = Place::new().with("LETOPIS_LOG", "debug").with("LETOPIS_LOG_FORMAT", format);
            let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
            command.stderr(stderr);
            let mut server = place.start(command).unwrap();
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let client = Client::signed_in(&server.url).await;
                for number in 0..50 {
                    let (status, body) = client.post(&server.url, &number.to_string()).await.unwrap();
                    assert_eq!(status, 201, "{what}: {body}");
                }
                let ready = reqwest::get(format!("{}/readyz", server.url)).await.unwrap();
                assert_eq!(ready.status().as_u16(), 200, "{what}");
                let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap().text().await.unwrap();
                let dropped = metrics.lines().find_map(|line| line.strip_prefix("letopis_report_lines_dropped_total "));
                let dropped = dropped.unwrap().parse::<u64>().unwrap() > 0;
                // Those of the full pipe still wait for a reader.
                assert_eq!(dropped, what != "a pipe that nobody reads", "{what}: {metrics}");
            });
            let pid = server.child.id().to_string();
            assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
            assert_eq!(server.ended().code(), Some(0), "{what}");
        }
    }
}

#[test]
fn a_verb_that_cannot_say_what_is_wrong_has_its_code_all_the_same() {
    let place = Place::new();
    place.run(&["import", &common::fixture()]).ok();
    let verbs: [(&[&str], i32); 4] = [
        (&["users", "show", "nobody"], 3),
        (&["import", "missing"], 3),
        // Nothing new, which it would say.
        (&["import", &common::fixture()], 0),
        (&["config", "init", "--config", "new.toml"], 0),
    ];
    for (arguments, code) in verbs {
        for (what, stderr, _kept) in unwritable().into_iter().take(2) {
            let _ = std::fs::remove_file(place.data().with_file_name("new.toml"));
            let mut command = place.command(arguments);
            command.stderr(stderr);
            assert_eq!(command.output().unwrap().status.code(), Some(code), "{arguments:?} into {what}");
        }
    }
    let mut command = place.command(&["users", "ls"]);
    command.stdout(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(1), "what could not be shown was not shown");
}
