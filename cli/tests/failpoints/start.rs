//! The first start over a new folder.

use super::{assert_fired, runtime};
use crate::common::Place;
use crate::common::ledger::{Client, Load, compare, flood, resolve};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub const POINTS: &[(&str, u32)] = &[
    ("lock-taken", 1),
    ("anchor-made", 1),
    ("anchor-renamed", 1),
    ("log-made", 1),
    ("log-migrated", 1),
    ("key-written", 1),
    ("key-renamed", 1),
    ("key-made", 1),
    ("keys-stored", 1),
    ("list-made", 1),
    ("catalog-made", 1),
    ("generation-made", 2),
    ("first-built", 2),
    ("first-noted", 2),
];

#[test]
fn a_first_start_that_was_cut_off_is_done_by_the_next() {
    for (name, nth) in POINTS {
        let place = Place::new();
        let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
        let Output { status, stderr, .. } =
            command.env(store::failpoint::VARIABLE, format!("{name}=crash@{nth}")).output().unwrap();
        assert_fired(status, &String::from_utf8(stderr).unwrap(), name);

        let server = place.serve();
        let ledger = runtime().block_on(async {
            let client = Arc::new(Client::signed_in(&server.url).await);
            let load = Load::new(2, *name);
            load.stop.store(true, Ordering::Relaxed);
            let outcome = flood(&client, &server.url, &load).await;
            assert_eq!(outcome.acknowledged(), 2);
            resolve(&client, &server.url, outcome.ledger).await
        });
        assert_eq!(server.stop(), 0);
        compare(&place, &ledger);
    }
}

#[test]
fn a_start_answers_while_it_builds_and_the_next_one_goes_on_where_it_was() {
    let place = Place::new().with("LETOPIS_LOG", "info");
    let line = |number: u32| {
        let text = format!("line {number}");
        serde_json::json!({"room": "r", "at": "2024-03-01T10:00:00Z", "author": "a", "text": text}).to_string()
    };
    // Six pages: whoever hangs holds up the others before the last one, whichever of them it is.
    let log = place.file("log", &(0..12_000).map(line).collect::<Vec<_>>().join("\n"));
    place.run(&["import", &log]).ok();
    let head = place.run(&["events", "stats", "-o", "json"]).ok().json()["head"].as_u64().unwrap();
    std::fs::remove_dir_all(place.data().join("read-models")).unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = place.command(&["serve", "--listen", &address.to_string()]);
    // More writes than there are of those with tables: somebody has written a page, and has not all of them.
    let tables = projections::ProjectionId::ALL.into_iter().filter(|one| one.has_tables()).count();
    command.env(store::failpoint::VARIABLE, format!("model-written=hang@{}", tables + 1));
    command.stderr(std::fs::File::create(place.data().with_file_name("stderr")).unwrap());
    let mut child = command.spawn().unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        while !place.said().contains("failpoint model-written: Hang") {
            assert!(child.try_wait().unwrap().is_none(), "{}", place.said());
            tokio::task::yield_now().await;
        }
        let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await.unwrap();
        assert_eq!(get("/livez").await.status().as_u16(), 200);
        let ready = get("/readyz").await;
        assert_eq!(ready.status().as_u16(), 503);
        let said = ready.json::<serde_json::Value>().await.unwrap();
        assert_eq!((&said["starting"], said["head"].as_u64()), (&true.into(), Some(head)), "{said}");
        assert_eq!(said["projections"][0]["state"], "building", "{said}");
        let refused = get("/v1/chats").await;
        assert_eq!(refused.status().as_u16(), 503);
        assert!(refused.headers().contains_key("retry-after") && refused.headers().contains_key("x-request-id"));
        assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "starting");
    });
    assert_eq!(place.run(&["health", "--url", &format!("http://{address}")]).code, 5);
    let stopped = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stopped.success());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", place.said());
    let server = place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"])).unwrap();
    let said = place.said();
    let went_on = said.lines().filter(|line| line.contains("its build goes on"));
    assert!(went_on.into_iter().any(|line| !line.ends_with("position=0")), "{said}");
    assert_eq!(server.stop(), 0);
    place.run(&["projections", "verify", "--all"]).ok();
}
