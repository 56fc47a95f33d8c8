//! The OpenAPI document as generators of clients take it, pages as a browser does; a provider of OpenID Connect, a device with
//! passkeys and live clients that nobody here wrote: each on a server of its own.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Place, Ran, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

/// What `scripts/openapi` ends with where its tools cannot be had, and where Chromium is missing.
const LEFT_OUT: [(i32, &str); 2] = [(3, "PyPI and npm"), (4, "Chromium")];

/// Where chat logs may be that are not part of the project.
const REAL_LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");

/// Who looks at the console.
const ADMIN: &str = "Anna";
const PASSWORD: &str = "correct horse battery";

fn check(part: &str, said: &[&str]) {
    check_in(&Place::new().with("LETOPIS_RATE_LIMITS", "off"), part, said);
}

fn check_in(place: &Place, part: &str, said: &[&str]) {
    let server = place.serve();
    let ran = Ran::of(script(&server, part));
    assert_eq!(server.stop(), 0);
    judge(part, ran, said);
}

fn script(server: &Server, part: &str) -> Command {
    let mut command = Command::new("scripts/openapi");
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).arg(&server.url).args(part.split(' '));
    command.env("ADMIN", ADMIN).env("ADMIN_PASSWORD", PASSWORD);
    command
}

fn judge(part: &str, ran: Ran, said: &[&str]) {
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

/// One that is free now; who is told of it takes it a moment later.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
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

/// The first lines of each chat log in the folder `CHAT_LOGS`, by default one beside the project: where there are none, the
/// made-up log above has to do. What people wrote is in no picture that is kept.
#[test]
fn every_page_of_the_console_works_over_what_people_really_wrote() {
    const LINES: usize = 10_000;
    let folder = std::env::var("CHAT_LOGS").unwrap_or_else(|_| REAL_LOGS.to_owned());
    let logs = std::fs::read_dir(&folder).into_iter().flatten().map(|log| log.unwrap().path());
    let logs = logs.filter(|log| log.to_string_lossy().ends_with(".ndjson.gz")).collect::<Vec<_>>();
    if logs.is_empty() {
        let _ = writeln!(std::io::stderr(), "left out: the console over real chat logs, of which CHAT_LOGS has none");
        return;
    }
    let place = Place::new().with("LETOPIS_RATE_LIMITS", "off");
    let password = place.file("password", PASSWORD);
    place.run(&["users", "create", ADMIN, "--role", "admin", "--password-file", &password]).ok();
    for log in logs {
        let lines = BufReader::new(flate2::read::GzDecoder::new(std::fs::File::open(log).unwrap())).lines();
        let text = lines.take(LINES).map(|line| line.unwrap() + "\n").collect::<String>();
        place.run(&["import", &place.file("log.ndjson", &text)]).ok();
    }
    let server = place.serve();
    let mut command = script(&server, "console");
    command.env("PICTURES", place.data().with_file_name("pictures"));
    let ran = Ran::of(command);
    assert_eq!(server.stop(), 0);
    judge("console", ran, &["pages were looked at, wide and narrow"]);
}

#[test]
fn a_browser_signs_in_by_password_passkey_and_second_factor() {
    check("sign-in", &["sign-in: by password, passkey and second factor"]);
}

#[test]
fn a_provider_that_nobody_here_wrote_signs_in() {
    let port = free_port();
    let place = Place::new()
        .with("LETOPIS_RATE_LIMITS", "off")
        .with("LETOPIS_OIDC_FOREIGN_ISSUER", &format!("http://127.0.0.1:{port}"))
        .with("LETOPIS_OIDC_FOREIGN_CLIENT_ID", "letopis")
        .with("LETOPIS_OIDC_FOREIGN_CLIENT_SECRET", "a secret: with + signs & spaces")
        .with("LETOPIS_OUTBOUND_ALLOW", "127.0.0.1");
    check_in(&place, &format!("provider {port}"), &["signed in by a foreign provider as Anna of elsewhere"]);
}

#[test]
fn a_device_that_nobody_here_wrote_makes_a_passkey_and_signs_in() {
    check("passkey", &["a foreign device signed in, and what it must not do was refused"]);
}

#[test]
fn clients_that_nobody_here_wrote_hear_everything_once() {
    check(
        "live",
        &[
            "live by_header: heard all of it, each once",
            "live by_first_frame: heard all of it, each once",
            "live by_events: heard all of it, each once",
        ],
    );
}

#[test]
fn a_browser_hears_everything_once_through_a_restart() {
    let port = free_port();
    let place = Place::new()
        .with("LETOPIS_RATE_LIMITS", "off")
        .with("LETOPIS_ALLOWED_ORIGINS", &format!("http://127.0.0.1:{port}"));
    let part = format!("live-page {port}");
    let server = place.serve();
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut command = script(&server, &part);
    let mut page = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(page.stdout.take().unwrap());
    let mut out = String::new();
    // Nothing is said before it when the tools are missing, or something fails.
    let server = if said.read_line(&mut out).unwrap() > 0 {
        assert_eq!((out.trim(), server.stop()), ("restart", 0));
        let again = place.start(place.command(&["serve", "--listen", &address])).unwrap();
        writeln!(page.stdin.take().unwrap()).unwrap();
        again
    } else {
        server
    };
    said.read_to_string(&mut out).unwrap();
    let ended = page.wait_with_output().unwrap();
    assert_eq!(server.stop(), 0);
    let ran = Ran { code: ended.status.code().unwrap(), out, err: String::from_utf8(ended.stderr).unwrap() };
    judge(&part, ran, &["live: heard in Chromium through a restart, each once"]);
}
