//! Where data is stored, and what is around it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran, fixture};

/// Verbs that change nothing.
const READING: [&[&str]; 8] = [
    &["users", "ls"],
    &["users", "show", "борис"],
    &["projections", "ls"],
    &["events", "ls"],
    &["events", "stats"],
    &["events", "verify"],
    &["streams", "ls"],
    &["search", "привет"],
];

#[test]
fn no_core_is_left_of_what_holds_keys() {
    let place = Place::new();
    let server = place.serve();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().rev().skip(1).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert_eq!(server.stop(), 0);
}

#[test]
fn a_folder_whose_name_is_not_utf_8_is_used_as_it_is() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let name = OsStr::from_bytes(b"d\xe4ta");
    let folder = place.data().with_file_name(name);
    let run = |arguments: &[&str], by_flag: bool| {
        let mut command = place.command(arguments);
        match by_flag {
            true => command.arg("--data").arg(name).env_remove("LETOPIS_DATA"),
            false => command.env("LETOPIS_DATA", name),
        };
        Ran::of(command)
    };
    run(&["import", &fixture()], true).ok();
    assert!(folder.join("letopis.db").is_file());
    for by_flag in [true, false] {
        for verb in READING {
            let ran = run(verb, by_flag);
            assert_eq!(ran.code, 0, "{verb:?}: {}", ran.err);
        }
    }
    // By the socket in it.
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("LETOPIS_DATA", name);
    let server = place.start(command).unwrap();
    run(&["users", "end-sessions", "борис"], true).ok();
    assert_eq!(server.stop(), 0);
    let others = std::fs::read_dir(place.data().parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(others.collect::<Vec<_>>(), [name], "and no other folder was made");
    let backed_up = run(&["backup", "copy"], true);
    assert_eq!(backed_up.code, 0, "{}", backed_up.err);
    // What is no path is refused.
    let mut command = place.command(&["config", "show"]);
    command.env("LETOPIS_LISTEN", OsStr::from_bytes(b"\xff:80"));
    let refused = Ran::of(command);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("LETOPIS_LISTEN") && refused.err.contains("not UTF-8"), "{}", refused.err);
}

#[test]
fn levels_that_are_none_are_refused_and_what_kubernetes_sets_is_passed_over() {
    let place = Place::new().with("LETOPIS_LOG", "wran");
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("did you mean warn?"), "{}", refused.err);
    let of_kubernetes = [
        ("LETOPIS_SERVICE_HOST", "10.96.12.1"),
        ("LETOPIS_SERVICE_PORT", "8080"),
        ("LETOPIS_SERVICE_PORT_HTTP", "8080"),
        ("LETOPIS_SERVICE_PORT_HTTP_METRICS", "9090"),
        ("LETOPIS_PORT", "tcp://10.96.12.1:8080"),
        ("LETOPIS_PORT_8080_TCP", "tcp://10.96.12.1:8080"),
        ("LETOPIS_PORT_8080_TCP_PROTO", "tcp"),
        ("LETOPIS_PORT_8080_TCP_PORT", "8080"),
        ("LETOPIS_PORT_8080_TCP_ADDR", "10.96.12.1"),
        ("LETOPIS_API_SERVICE_HOST", "10.96.12.2"),
        ("LETOPIS_API_PORT", "udp://10.96.12.2:53"),
        ("LETOPIS_API_PORT_53_UDP_ADDR", "fd00::2"),
    ];
    let place = of_kubernetes.iter().fold(Place::new(), |place, (name, value)| place.with(name, value));
    let server = place.serve();
    assert_eq!(server.stop(), 0);
    let doctor = place.run(&["doctor", "-o", "json"]).json();
    let found = doctor.as_array().unwrap().iter().find(|check| check["check"] == "environment").unwrap();
    assert_eq!(found["state"], "ok");
    for (name, _) in of_kubernetes {
        assert!(found["found"].as_str().unwrap().contains(name), "{found}");
    }
    for (name, value) in [("LETOPIS_PORT", "8080"), ("LETOPIS_SERVICE", "x"), ("LETOPIS_PORT_TCP", "tcp://x:1")] {
        let refused = Place::new().with(name, value).run(&["config", "show"]);
        assert_eq!(refused.code, 2, "{name}={value}");
    }
}
