//! What an operator does, cut off in the middle; and the end of a server.

use super::{assert_fired, runtime};
use crate::common::Place;
use crate::common::ledger::{Client, Ledger, Load, compare, flood, resolve};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub const ALL: &[(&str, u32)] = &[
    ("rebuild-begun", 1),
    ("generation-made", 1),
    ("rebuild-filled", 1),
    ("rebuild-indexed", 1),
    ("rebuild-persisted", 1),
    ("rebuild-noted", 1),
    ("rebuild-switched", 1),
    ("file-removed", 1),
    ("operation-done", 1),
    ("log-checkpointed", 1),
    ("last-use-written", 1),
    ("last-use-flushed", 1),
    ("pause-noted", 1),
    ("skip-recorded", 1),
    ("next-key-made", 1),
    ("keys-wrapped-again", 1),
    ("former-key-kept", 1),
];
const REBUILD: std::ops::Range<usize> = 0..9;
const STOP: std::ops::Range<usize> = 9..12;
const ROTATE: std::ops::Range<usize> = 14..17;

struct Story {
    place: Place,
    client: Arc<Client>,
    ledger: Ledger,
    runtime: tokio::runtime::Runtime,
}

impl Story {
    fn begin() -> Story {
        let (place, runtime) = (Place::new(), runtime());
        let server = place.serve();
        let client = Arc::new(runtime.block_on(Client::signed_in(&server.url)));
        assert_eq!(server.stop(), 0);
        Story { place, client, ledger: Ledger::new(), runtime }
    }

    /// A few messages, each acknowledged.
    fn talk(&mut self, url: &str, prefix: &str) {
        let load = Load::new(3, prefix);
        load.stop.store(true, Ordering::Relaxed);
        let ledger = self.runtime.block_on(async {
            let outcome = flood(&self.client, url, &load).await;
            assert_eq!(outcome.acknowledged(), 3);
            resolve(&self.client, url, outcome.ledger).await
        });
        self.ledger.extend(ledger);
    }
}

#[test]
fn a_rebuild_that_was_cut_off_leaves_a_read_model_that_serves() {
    let mut story = Story::begin();
    for (name, nth) in &ALL[REBUILD] {
        // A generation older than the former one is there to be removed.
        (0..2).for_each(|_| drop(story.place.run(&["projections", "rebuild", "messages"]).ok()));
        let mut server = story.place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
        story.talk(&server.url, name);
        let cut = story.place.run(&["projections", "rebuild", "messages"]);
        assert_ne!(cut.code, 0, "{name}: {}", cut.out);
        assert_fired(server.ended(), &story.place.said(), name);
        let server = story.place.serve();
        let url = server.url.clone();
        story.talk(&url, &format!("{name}-again"));
        assert_eq!(story.runtime.block_on(story.client.read(&url)), 200);
        assert_eq!(server.stop(), 0);
        compare(&story.place, &story.ledger);
        let of_messages = |name: &str| name.starts_with("messages-v") && name.ends_with(".db");
        let models = std::fs::read_dir(story.place.data().join("read-models")).unwrap();
        let kept = models.filter(|file| of_messages(file.as_ref().unwrap().file_name().to_str().unwrap())).count();
        assert!((1..=3).contains(&kept), "{name}: {kept} generations");
    }
}

#[test]
fn an_end_that_was_cut_off_loses_nothing() {
    let mut story = Story::begin();
    for (name, nth) in &ALL[STOP] {
        let mut server = story.place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
        let url = server.url.clone();
        story.talk(&url, name);
        server.terminate();
        assert_fired(server.ended(), &story.place.said(), name);
        assert_eq!(story.place.serve().stop(), 0);
        compare(&story.place, &story.ledger);
    }
}

#[test]
fn a_pause_and_a_skip_that_were_cut_off_are_kept() {
    let mut story = Story::begin();
    let state = |place: &Place, name: &str| {
        let listed = place.run(&["projections", "ls", "-o", "json"]).ok().json();
        listed.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    };
    let mut server = story.place.serve_until("pause-noted=crash").unwrap();
    assert_ne!(story.place.run(&["projections", "pause", "users"]).code, 0);
    assert_fired(server.ended(), &story.place.said(), "pause-noted");
    let server = story.place.serve();
    assert_eq!(state(&story.place, "users")["state"], "paused");
    story.place.run(&["projections", "resume", "users"]).ok();
    assert_eq!(server.stop(), 0);

    let position = testkit::poison(&story.place.data(), "message.frozen.v9");
    let mut server = story.place.serve_until("skip-recorded=crash").unwrap();
    let skip = ["projections", "skip", "messages", "--reason", "a trial version wrote it"];
    assert_ne!(story.place.run(&skip).code, 0);
    assert_fired(server.ended(), &story.place.said(), "skip-recorded");
    let server = story.place.serve();
    let url = server.url.clone();
    story.talk(&url, "after");
    assert_eq!(story.runtime.block_on(story.client.read(&url)), 200);
    assert_eq!(state(&story.place, "messages")["state"], "running");
    assert_eq!(story.place.run(&skip).code, 4, "it is skipped already");
    assert_eq!(server.stop(), 0);
    let kept = story.place.run(&["streams", "show", "projection-messages"]).ok().json();
    assert_eq!(kept["state"]["skipped"], serde_json::json!([position]));
    compare(&story.place, &story.ledger);
}

#[test]
fn a_rotation_of_keys_that_was_cut_off_leaves_a_key_that_opens() {
    let mut story = Story::begin();
    for (name, nth) in &ALL[ROTATE] {
        let mut server = story.place.serve_until(&format!("{name}=crash@{nth}")).unwrap();
        let url = server.url.clone();
        story.talk(&url, name);
        assert_ne!(story.place.run(&["keys", "rotate"]).code, 0, "{name}");
        assert_fired(server.ended(), &story.place.said(), name);
        let server = story.place.serve();
        let url = server.url.clone();
        story.talk(&url, &format!("{name}-again"));
        assert_eq!(story.runtime.block_on(story.client.read(&url)), 200);
        assert_eq!(server.stop(), 0);
        compare(&story.place, &story.ledger);
        story.place.run(&["keys", "rotate"]).ok();
        assert!(!story.place.data().join("master.key.next").exists(), "{name}");
        compare(&story.place, &story.ledger);
    }
}
