//! The link of the first admin is printed by starts of an empty log, each time another one, and never again.
#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod common;

use common::Place;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

const PASSWORD: &str = "correct horse battery staple";

/// A server, and what it reports when it serves.
fn serving(place: &Place) -> (Child, Value) {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("LETOPIS_LOG", "warn").env("LETOPIS_LOG_FORMAT", "json");
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut screen = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = screen.find_map(|line| {
        let said = serde_json::from_str::<Value>(&line.unwrap()).ok()?["fields"].clone();
        said["api"].is_string().then_some(said)
    });
    std::thread::spawn(move || screen.for_each(drop));
    (child, said.unwrap())
}

fn stop(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Who opens a link by its form, and how that is answered.
fn opened(link: &str, name: &str) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let form = format!("user_name={name}&password={}", PASSWORD.replace(' ', "+"));
        let asked = http.post(link).header("content-type", "application/x-www-form-urlencoded").body(form);
        asked.send().await.unwrap().status().as_u16()
    })
}

#[test]
fn it_is_printed_while_the_log_is_empty_and_opens_one_account() {
    let place = Place::new();
    let (first, said) = serving(&place);
    let former = said["first_admin"].as_str().unwrap().to_owned();
    assert!(former.starts_with(said["api"].as_str().unwrap()), "{said}");
    stop(first);
    let (second, said) = serving(&place);
    let link = said["first_admin"].as_str().unwrap();
    assert_eq!(
        opened(&link.replace(link.rsplit('/').next().unwrap(), former.rsplit('/').next().unwrap()), "Mallory"),
        410
    );
    assert_eq!(opened(link, "Anna"), 303);
    assert_eq!(opened(link, "Mallory"), 410);
    stop(second);
    assert_eq!(place.run(&["users", "show", "Anna", "-o", "json"]).ok().json()["role"], "admin");
    assert_eq!(place.run(&["users", "show", "Mallory"]).code, 3);
    let (third, said) = serving(&place);
    assert_eq!(said.get("first_admin"), None, "the log is not empty any more");
    stop(third);
}

#[test]
fn where_there_is_no_console_there_is_no_link() {
    let place = Place::new().with("LETOPIS_CONSOLE", "off");
    let (server, said) = serving(&place);
    assert_eq!((said.get("first_admin"), said.get("console")), (None, None), "{said}");
    stop(server);
}
