//! Who may ask a running server for changes, and that whoever may not is told.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran, Server, fixture};
use std::fs::{Permissions, set_permissions};
use std::io::{BufRead, BufReader, pipe};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Two users that need not have names.
const ONE: u32 = 61_001;
const OTHER: u32 = 61_002;

fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("left out: only root can run something as another user");
    }
    root
}

/// A place that every user reaches, with a data folder of that user.
fn of(user: u32) -> Place {
    let place = Place::new();
    std::fs::create_dir(place.data()).unwrap();
    chown(place.data(), Some(user), Some(user)).unwrap();
    set_permissions(place.data(), Permissions::from_mode(0o700)).unwrap();
    set_permissions(place.data().parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    // The one that was built may be in a folder that only its owner can enter.
    std::fs::copy(env!("CARGO_BIN_EXE_letopis"), binary(&place)).unwrap();
    place
}

fn binary(place: &Place) -> std::path::PathBuf {
    place.data().with_file_name("letopis")
}

/// A command of that user, run by the copy of the program that every user reaches.
fn command_of(place: &Place, user: u32, arguments: &[&str]) -> Command {
    let ours = place.command(arguments);
    let mut command = Command::new(binary(place));
    command.args(ours.get_args()).uid(user).gid(user).stdin(std::process::Stdio::null());
    command.current_dir(ours.get_current_dir().unwrap());
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

fn serve_as(place: &Place, user: u32) -> Server {
    place.start_quietly(command_of(place, user, &["serve", "--listen", "127.0.0.1:0"])).unwrap()
}

fn run_as(place: &Place, user: u32, arguments: &[&str]) -> Ran {
    Ran::of(command_of(place, user, arguments))
}

#[test]
fn whoever_may_not_is_told_every_time() {
    if !is_root() {
        return;
    }
    let place = of(ONE);
    let server = serve_as(&place, ONE);
    let change = ["users", "end-sessions", "anna"];
    // Kept away by the folder.
    let refused = run_as(&place, OTHER, &change);
    assert_eq!(refused.code, 6, "{}", refused.err);
    // And by the server, where the folder lets them in.
    set_permissions(place.data(), Permissions::from_mode(0o755)).unwrap();
    let refused = run_as(&place, OTHER, &change);
    assert_eq!(refused.code, 6, "{}", refused.err);
    set_permissions(place.data().join("control.sock"), Permissions::from_mode(0o666)).unwrap();
    for _ in 0..50 {
        let refused = run_as(&place, OTHER, &change);
        assert_eq!(refused.code, 6, "{}", refused.err);
        assert!(refused.err.contains("only root"), "{}", refused.err);
    }
    // With a file behind the request that nobody takes.
    let log = place.file("log", &" \n".repeat(1_000_000));
    let refused = run_as(&place, OTHER, &["import", &log]);
    assert_eq!(refused.code, 6, "{}", refused.err);
    assert_eq!(server.stop(), 0);
}

#[test]
fn root_may_and_leaves_nothing_of_its_own() {
    if !is_root() {
        return;
    }
    let place = of(ONE);
    let server = serve_as(&place, ONE);
    let password = place.file("password", "correct horse battery");
    place.run(&["users", "create", "anna", "--password-file", &password]).ok();
    assert_eq!(place.run(&["users", "erase", "nobody", "--yes"]).code, 3);
    place.run(&["users", "erase", "anna", "--yes"]).ok();
    assert_eq!(place.run(&["users", "show", "anna"]).code, 3);
    // A file that the server's user may not read.
    let log = place.file("log.ndjson", &std::fs::read_to_string(fixture()).unwrap());
    set_permissions(&log, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(place.run(&["import", &log]).ok().json()["messages"], 10);
    assert_eq!(server.stop(), 0);
    for file in std::fs::read_dir(place.data()).unwrap().map(Result::unwrap) {
        assert_eq!(file.metadata().unwrap().uid(), ONE, "{:?}", file.path());
    }
}

#[test]
fn the_owner_of_the_folder_may() {
    if !is_root() {
        return;
    }
    let place = of(ONE);
    let server = place.serve();
    let password = place.file("password", "correct horse battery");
    run_as(&place, ONE, &["import", &fixture()]);
    set_permissions(&password, Permissions::from_mode(0o644)).unwrap();
    // Those of the server are not readable for the owner: a changing verb needs nothing but the socket and the folder.
    run_as(&place, ONE, &["users", "create", "anna", "--password-file", &password]).ok();
    assert_eq!(run_as(&place, OTHER, &["users", "end-sessions", "anna"]).code, 6);
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_server_that_goes_away_is_not_a_reader_that_has_left() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let listener = UnixListener::bind(place.data().join("control.sock")).unwrap();
    let log = place.file("log", &" \n".repeat(1_000_000));
    let serving = std::thread::spawn(move || {
        for turn in 0..20 {
            let (stream, _) = listener.accept().unwrap();
            // Sometimes before it has read what is asked, sometimes after.
            if turn % 2 == 0 {
                BufReader::new(stream).read_line(&mut String::new()).unwrap();
            }
        }
    });
    for turn in 0..20 {
        let ran = match turn % 4 {
            0 | 1 => place.run(&["users", "end-sessions", "anna"]),
            _ => place.run(&["import", &log]),
        };
        assert_eq!(ran.code, 7, "{turn}: {}", ran.err);
        assert!(ran.err.contains("ended before it had answered"), "{}", ran.err);
    }
    serving.join().unwrap();
}

#[test]
fn a_reader_that_leaves_is_quiet_but_for_an_export() {
    let place = Place::new();
    place.run(&["import", &fixture()]).ok();
    let into_nothing = |arguments: &[&str]| {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let mut command = place.command(arguments);
        command.stdout(writer);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for verb in [
        &["events", "ls"][..],
        &["events", "ls", "-o", "json"],
        &["events", "ls", "-o", "table"],
        &["users", "ls"],
        &["users", "show", "борис"],
        &["events", "trace", "1", "-o", "table"],
        &["doctor", "-o", "table"],
        &["config", "show"],
        &["completions", "bash"],
        &["man"],
    ] {
        assert_eq!(into_nothing(verb), (0, String::new()), "{verb:?}");
    }
    let (code, said) = into_nothing(&["events", "export", "-"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the export could not be written"), "{said}");
}

/// Takes or gives the right to write in a folder and all that is in it.
fn set_writable(path: &std::path::Path, writable: bool) {
    let is_folder = path.is_dir();
    let mode = match (is_folder, writable) {
        (true, true) => 0o700,
        (true, false) => 0o500,
        (false, true) => 0o600,
        (false, false) => 0o400,
    };
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
    if is_folder {
        for entry in std::fs::read_dir(path).unwrap() {
            set_writable(&entry.unwrap().path(), writable);
        }
    }
}

#[test]
fn what_may_only_be_read_is_read() {
    if !is_root() {
        return;
    }
    let place = of(ONE);
    run_as(&place, ONE, &["import", &fixture()]).ok();
    set_writable(&place.data(), false);
    let read = || {
        for verb in [
            ["users", "ls"].as_slice(),
            &["projections", "ls"],
            &["events", "ls", "--limit", "3"],
            &["streams", "ls", "--limit", "3"],
            &["search", "the"],
            &["events", "verify"],
        ] {
            let ran = run_as(&place, ONE, verb).ok();
            assert!(!ran.out.is_empty(), "{verb:?}");
        }
    };
    read();
    // What a log that was copied without its companions looks like: everything is in the file.
    set_writable(&place.data(), true);
    assert_eq!(serve_as(&place, ONE).stop(), 0);
    for file in std::fs::read_dir(place.data()).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with("-shm") || name.ends_with("-wal") && path.metadata().unwrap().len() == 0 {
            std::fs::remove_file(path).unwrap();
        }
    }
    set_writable(&place.data(), false);
    read();
    // A change is refused with a word.
    let refused = run_as(&place, ONE, &["users", "set-role", "anna", "admin"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.starts_with("error: "), "{}", refused.err);
    set_writable(&place.data(), true);
}
