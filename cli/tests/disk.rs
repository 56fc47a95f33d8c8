//! Disks that are full or fail, under the built binary. What the machine does not allow is skipped with a word.
#![allow(clippy::unwrap_used)]

mod common;

use common::ledger::{Client, Ledger, Load, compare, flood, resolve};
use common::{Place, Server};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DISK: &str = "size=16m,mode=0700";
/// Taken away from the disk until room is made.
const BALLAST_BYTES: usize = 4 * 1024 * 1024;
/// More than fits on the disk.
const POSTS_MAX: usize = 2_000;
const TEXT_BYTES: usize = 12_000;
const GOES_ON_WITHIN: Duration = Duration::from_secs(20);

fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A small disk, for as long as this is kept.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path) -> Option<Disk> {
        std::fs::create_dir_all(path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "letopis-test"]).arg(path).output();
        mount.ok().filter(|mount| mount.status.success()).map(|_| Disk(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room_again() {
    [false, true].into_iter().for_each(full_disk);
}

/// `killed`: the server dies on the full disk.
fn full_disk(killed: bool) {
    let place = Place::new();
    let Some(_disk) = Disk::mount(&place.data()) else {
        return skipped("no disk of its own could be mounted (needs root): nothing was tried on a full disk");
    };
    let ballast = place.data().join("ballast");
    std::fs::write(&ballast, vec![1; BALLAST_BYTES]).unwrap();
    let runtime = runtime();
    let mut server = place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"])).unwrap();
    let url = server.url.clone();
    let client = runtime.block_on(Client::signed_in(&url));
    let (ledger, refusal) = runtime.block_on(fill(&client, &url));
    assert_eq!(refusal["code"], "unavailable", "{refusal}");
    assert!(server.child.try_wait().unwrap().is_none(), "it serves on: {}", place.said());
    assert_eq!(runtime.block_on(client.read(&url)), 200, "{}", place.said());
    // It serves what there is, and is not ready for more.
    assert_eq!(place.run(&["health", "--url", &url]).code, 5, "{}", place.said());
    for _ in 0..20 {
        let refused = runtime.block_on(client.post_text(&url, "refused", &text("refused"))).unwrap();
        assert_eq!(refused.0, 503, "{}", refused.1);
    }
    if killed {
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        // On the full disk it serves, or says what is wrong; either way it harms nothing.
        server = match place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"])) {
            Ok(server) => server,
            Err(status) => {
                let said = place.said();
                assert!(status.code() == Some(1) && said.contains("disk"), "{status:?} {said}");
                std::fs::remove_file(&ballast).unwrap();
                place.start_quietly(place.command(&["serve", "--listen", "127.0.0.1:0"])).unwrap()
            }
        };
    }
    let url = server.url.clone();
    let _ = std::fs::remove_file(&ballast);

    let began = Instant::now();
    while runtime.block_on(client.post(&url, "afterwards")).unwrap().0 != 201 {
        assert!(began.elapsed() < GOES_ON_WITHIN, "{}", place.said());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(runtime.block_on(client.read(&url)), 200, "{}", place.said());
    assert_eq!(server.stop(), 0);
    place.run(&["events", "verify"]).ok();
    place.run(&["projections", "verify", "--all"]).ok();
    let server = place.serve();
    for (key, position) in &ledger {
        let Some(position) = position else { continue };
        let (status, again) = runtime.block_on(client.post_text(&server.url, key, &text(key))).unwrap();
        assert_eq!((status, again["position"].as_u64()), (201, Some(*position)), "{key}");
    }
    assert_eq!(server.stop(), 0);
    let arguments = ["events", "ls", "--type", "message.posted.v1", "--limit", "100000", "-o", "ndjson"];
    let posted = place.run(&arguments).ok().lines().len();
    assert_eq!(posted, ledger.values().flatten().count() + 1, "what was refused is not there");
}

/// Posts until the first refusal; what was sent, and the refusal.
async fn fill(client: &Client, url: &str) -> (Ledger, serde_json::Value) {
    let mut ledger = Ledger::new();
    for number in 0..POSTS_MAX {
        let key = number.to_string();
        let (status, body) = client.post_text(url, &key, &text(&key)).await.unwrap();
        match status {
            201 => ledger.insert(key, body["position"].as_u64()),
            503 => return (ledger, body),
            other => panic!("{other}: {body}"),
        };
    }
    panic!("the disk is not full");
}

fn text(key: &str) -> String {
    format!("{key} {}", "x".repeat(TEXT_BYTES))
}

/// Lets one call of each thread of the server fail, by strace: the `nth` on `file`, or on any file.
fn failing(place: &Place, file: Option<&str>, nth: u32) -> Command {
    let serve = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
    command.args(["-e", &format!("inject=fsync,fdatasync:error=EIO:when={nth}")]);
    if let Some(file) = file {
        command.arg("-P").arg(place.data().canonicalize().unwrap().join(file));
    }
    command.arg(serve.get_program()).args(serve.get_args()).current_dir(serve.get_current_dir().unwrap());
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

fn can_trace() -> bool {
    let mut tried = Command::new("strace");
    tried.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]);
    tried.status().is_ok_and(|status| status.success())
}

/// The server under strace, which dies with the guard: to kill strace would only release it.
struct Traced {
    server: Server,
    pid: String,
}

impl Drop for Traced {
    fn drop(&mut self) {
        if self.server.child.try_wait().unwrap().is_none() {
            let _ = Command::new("kill").args(["-9", &self.pid]).status();
            // Then strace ends as well.
            let _ = self.server.child.wait();
        }
    }
}

#[test]
fn a_sync_that_fails_ends_the_process_and_acknowledges_nothing_false() {
    if !can_trace() {
        return skipped("strace is missing or may not trace: no failing sync was tried");
    }
    let place = Place::new();
    let runtime = runtime();
    let server = place.serve();
    let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
    assert_eq!(server.stop(), 0);
    let mut ledger = Ledger::new();
    let mut ended = 0;
    for (file, nth, wait_ms) in [
        (Some("letopis.db-wal"), 1, 800),
        (Some("letopis.db-wal"), 2, 800),
        (Some("letopis.db-wal"), 30, 800),
        // It is synced once a second, by a thread of its own.
        (Some("anchor"), 1, 800),
        (Some("anchor"), 2, 2_800),
        (None, 1, 800),
        (None, 2, 800),
        (None, 9, 800),
    ] {
        let what = format!("{}-{nth}", file.unwrap_or("any"));
        match place.start_quietly(failing(&place, file, nth)) {
            // At the start already.
            Err(status) => {
                ended += 1;
                assert_failed(status.code(), &place, &what);
            }
            Ok(server) => {
                let pid = std::fs::read_to_string(place.data().join("letopis.lock")).unwrap();
                let mut traced = Traced { server, pid };
                let load = Load::new(4, &what);
                let outcome = runtime.block_on(async {
                    let (client, url, flooding) = (Arc::clone(&client), traced.server.url.clone(), load.clone());
                    let flooding = tokio::spawn(async move { flood(&client, &url, &flooding).await });
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                    load.stop.store(true, std::sync::atomic::Ordering::Relaxed);
                    flooding.await.unwrap()
                });
                println!("{what}: {} acknowledged, {} not", outcome.acknowledged(), outcome.unknown());
                if outcome.unknown() > 0 {
                    ended += 1;
                    assert_failed(traced.server.ended().code(), &place, &what);
                }
                drop(traced);
                let server = place.serve();
                ledger.extend(runtime.block_on(resolve(&client, &server.url, outcome.ledger)));
                assert_eq!(server.stop(), 0);
            }
        }
        compare(&place, &ledger);
    }
    assert!(ended >= 6, "{ended}: a sync of the log or of its anchor that fails ends the process");
}

fn assert_failed(code: Option<i32>, place: &Place, what: &str) {
    let said = place.said();
    assert_eq!(code, Some(1), "{what}: {said}");
    assert!(said.contains("error:") && said.contains("check"), "{what}: {said}");
}
