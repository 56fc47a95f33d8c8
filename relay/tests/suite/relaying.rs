//! What the relay tells, and how it goes on.

use crate::support::*;
use domain::user;
use relay::{Error, RepublishSummary};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use testkit::{TestApp, servers};

const SUBJECTS: [&str; 17] = [
    "letopis.chat.archived",
    "letopis.chat.created",
    "letopis.chat.deleted",
    "letopis.chat.member_added",
    "letopis.chat.member_joined",
    "letopis.chat.member_left",
    "letopis.chat.member_removed",
    "letopis.chat.renamed",
    "letopis.chat.role_changed",
    "letopis.chat.unarchived",
    "letopis.message.deleted",
    "letopis.message.edited",
    "letopis.message.posted",
    "letopis.user.erased",
    "letopis.user.profile_changed",
    "letopis.user.role_set",
    "letopis.user.signed_up",
];

/// Everything that can happen; what people wrote, and what is secret.
async fn story(app: &TestApp) -> Vec<String> {
    let mut anna = app.anonymous();
    let account = json!({"user_name": "Annabel", "password": anna.password(), "email": "annabel@example.org"});
    anna.post("/v1/auth/register", account).await.expect_status(201);
    anna.log_in("Annabel").await.expect_status(200);
    let (boris, clara) = (app.user("Boris").await, app.user("Clara").await);
    app.anonymous().log_in_with("Boris", "not his password").await.expect_status(401);
    anna.patch("/v1/me", json!({"display_name": "Belle", "locale": "pt-BR"})).await.expect_status(200);
    operate(app, &boris, user::Command::SetRole(user::SetRole { role: user::Role::Notifier })).await;
    let token = anna.post("/v1/me/tokens", json!({"name": "my shop", "scopes": ["read"]})).await.expect_status(201);
    let chat = anna.chat("secret garden").await;
    boris.post(&format!("/v1/chats/{chat}/users"), json!({"user_name": "Bobo"})).await.expect_status(201);
    anna.post(&format!("/v1/chats/{chat}/users"), json!({"user_id": clara.user_id})).await.expect_status(201);
    let members = format!("/v1/chats/{chat}/users");
    anna.patch(&format!("{members}/{}", clara.user_id), json!({"role": "muted"})).await.expect_status(200);
    let first = anna.say(&chat, "the treasure lies under the oak").await;
    anna.patch(&format!("/v1/chats/{chat}/messages/{first}"), json!({"message": "it lies elsewhere"})).await;
    anna.delete(&format!("/v1/chats/{chat}/messages/{first}")).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"chat_name": "orchard"})).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": true})).await.expect_status(200);
    anna.patch(&format!("/v1/chats/{chat}"), json!({"archived": false})).await.expect_status(200);
    anna.delete(&format!("{members}/{}", clara.user_id)).await.expect_status(200);
    boris.delete(&format!("{members}/{}", boris.user_id)).await.expect_status(200);
    anna.delete(&format!("/v1/chats/{chat}")).await.expect_status(200);
    operate(app, &clara, user::Command::LockOut).await;
    let gone = clara.password();
    let mut clara = app.anonymous();
    clara.log_in("Clara").await.expect_status(200);
    let erased = clara.send(reqwest::Method::DELETE, "/v1/me", Some(json!({"password": gone})), &[]).await;
    erased.expect_status(200);
    let written = ["Annabel", "Belle", "example.org", "Boris", "Bobo", "Clara", "treasure", "elsewhere", "pt-BR"];
    let more = ["secret garden", "orchard", "my shop", "argon2", "127.0.0.1", "token_hash", anna.password()];
    let secrets = [anna.token.unwrap(), boris.token.unwrap(), clara.token.unwrap(), token.id("token")];
    let texts = written.iter().chain(&more).map(|text| (*text).to_owned());
    texts.chain(secrets).collect()
}

#[tokio::test]
async fn every_public_fact_arrives_once_in_order_and_nothing_else_does() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let written = story(&app).await;
    let fixture = RelayFixture::new(&app, account.url()).await;
    assert!(fixture.tell_all().await > 0);
    let heard = heard(account.url()).await;
    assert_eq!(ids(&heard), public(&app));
    let subjects = heard.iter().map(|heard| heard.subject.as_str()).collect::<BTreeSet<_>>();
    assert_eq!(subjects, BTreeSet::from(SUBJECTS));
    let log = app.node.log.read(0, store::PAGE_MAX).unwrap();
    assert!(heard.len() < log.len(), "there is more in the log than what is told");
    for heard in &heard {
        let record = &log[usize::try_from(heard.position).unwrap() - 1];
        assert_eq!(record.id, heard.id);
        assert!(heard.whole.contains(&record.stream) && heard.whole.contains(&record.recorded_at.to_string()));
        for text in &written {
            assert!(!heard.whole.contains(text), "{text} has left the house: {}", heard.whole);
        }
    }
    // What goes over HTTP has a request's id, and it travels along.
    assert!(heard.iter().filter(|heard| heard.whole.contains("Letopis-Request-Id")).count() > 10);
}

#[tokio::test]
async fn a_restart_goes_on_at_the_checkpoint_and_a_lost_one_costs_nothing() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (anna, chat) = chatter(&app, "anna", 5).await;
    let fixture = RelayFixture::new(&app, account.url()).await;
    fixture.tell_all().await;
    let fixture = RelayFixture::over(fixture.place, &app, account.url()).await;
    assert!(!fixture.relay.round().await.unwrap(), "nothing is told a second time");
    anna.say(&chat, "one more").await;
    assert_eq!(fixture.tell_all().await, 1);
    // Without a checkpoint the stream itself says how far it is.
    let another = RelayFixture::new(&app, account.url()).await;
    assert!(!another.relay.round().await.unwrap());
    assert_eq!(another.relay.position().await, fixture.relay.position().await);
    anna.say(&chat, "the last").await;
    another.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), public(&app));
}

#[tokio::test]
async fn a_stream_that_has_held_something_is_never_told_a_whole_log_by_itself() {
    let Some(account) = servers::nats().await else { return };
    let (one, two) = (TestApp::start().await, TestApp::start().await);
    chatter(&one, "anna", 30).await;
    let other = RelayFixture::new(&one, account.url()).await;
    other.tell_all().await;
    let (boris, chat) = chatter(&two, "boris", 3).await;
    let before = public(&two);
    let fixture = RelayFixture::new(&two, account.url()).await;
    assert!(!fixture.relay.round().await.unwrap(), "nobody knows what was told: it begins at the log's end");
    assert_eq!(fixture.relay.position().await, Some(two.node.log.head().unwrap().position));
    boris.say(&chat, "from here on").await;
    fixture.tell_all().await;
    let new = public(&two).split_off(before.len());
    assert_eq!(ids(&heard(account.url()).await), [public(&one), new.clone()].concat());
    // What was not told an operator may want told.
    let told = fixture.relay.republish(1, None, |_, _| {}).await.unwrap();
    assert_eq!((told.facts, told.duplicates), (before.len() as u64 + 1, 1));
    assert_eq!(ids(&heard(account.url()).await), [public(&one), new, before].concat());
    // Nor is a checkpoint of another log ours: what was told is not what this one holds.
    let fixture = RelayFixture::over(other.place, &two, account.url()).await;
    let last = one.node.log.head().unwrap().position;
    let refused = fixture.relay.round().await;
    assert!(matches!(refused, Err(relay::Error::OtherHistory { position }) if position == last), "{refused:?}");
    boris.say(&chat, "while it is silent").await;
    assert!(!fixture.relay.round().await.unwrap(), "it is disarmed, as a copy is");
    assert_eq!(fixture.relay.position().await, None);
    fixture.relay.arm(true).await.unwrap();
    assert!(!fixture.relay.round().await.unwrap());
    assert_eq!(fixture.relay.position().await, Some(two.node.log.head().unwrap().position));
}

#[tokio::test]
async fn without_a_checkpoint_a_stream_that_was_emptied_is_told_only_what_is_new() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (anna, chat) = chatter(&app, "anna", 10).await;
    RelayFixture::new(&app, account.url()).await.tell_all().await;
    let before = public(&app);
    stream(account.url()).await.purge().await.unwrap();
    let fixture = RelayFixture::new(&app, account.url()).await;
    assert!(!fixture.relay.round().await.unwrap());
    anna.say(&chat, "new").await;
    fixture.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), public(&app)[before.len()..]);
}

#[tokio::test]
async fn a_disarmed_relay_tells_nobody_anything() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    chatter(&app, "anna", 3).await;
    let place = tempfile::tempdir().unwrap();
    store::Folder::create(place.path()).unwrap().disarm(store::Outlet::Relay).unwrap();
    let fixture = RelayFixture::over(place, &app, account.url()).await;
    assert!(!fixture.relay.round().await.unwrap());
    let again = fixture.relay.republish(1, None, |_, _| {}).await;
    assert!(matches!(again, Err(Error::Disarmed)), "{again:?}");
    let jetstream = async_nats::jetstream::new(servers::connect_nats(account.url()).await.unwrap());
    assert!(jetstream.get_stream("letopis").await.is_err(), "there is not even a stream");
    fixture.relay.arm(true).await.unwrap();
    fixture.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), public(&app));
    fixture.relay.arm(false).await.unwrap();
    assert!(matches!(fixture.relay.republish(1, None, |_, _| {}).await, Err(Error::Disarmed)));
}

#[tokio::test]
async fn a_checkpoint_that_is_damaged_costs_nothing() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (anna, chat) = chatter(&app, "anna", 5).await;
    let fixture = RelayFixture::new(&app, account.url()).await;
    fixture.tell_all().await;
    let folder = store::Folder::create(fixture.place.path()).unwrap();
    drop(fixture.relay);
    let path = folder.read_models().join("relay.db");
    std::fs::write(&path, "this is no database, and never was one: ".repeat(300)).unwrap();
    let fixture = RelayFixture::over(fixture.place, &app, account.url()).await;
    anna.say(&chat, "one more").await;
    fixture.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), public(&app), "once each, in order");
    // What cannot be mended by making it again is told.
    drop(fixture.relay);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let opened = relay::Checkpoint::open(&store::RelayPlace::of(&folder, &app.node.log));
    assert!(matches!(opened, Err(Error::Store(store::Error::File { .. }))), "{:?}", opened.err());
}

#[tokio::test]
async fn two_relays_at_once_tell_everything_once_and_in_order() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (one, two) = (RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await);
    let tasks = [follow(&one.relay, &app), follow(&two.relay, &app)];
    chatter(&app, "anna", 300).await;
    let head = app.node.log.head().unwrap().position;
    let there = |position: Option<u64>| position == Some(head);
    until(|| async { there(one.relay.position().await) && there(two.relay.position().await) }).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    assert_eq!(ids(&heard(account.url()).await), public(&app));
}

#[tokio::test]
async fn a_relay_that_was_held_up_tells_nothing_a_second_time() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (anna, chat) = chatter(&app, "anna", 3).await;
    let (held_up, other) = (RelayFixture::new(&app, account.url()).await, RelayFixture::new(&app, account.url()).await);
    held_up.tell_all().await;
    short_window(account.url()).await;
    // It knows where it stands, and stands still while another one goes on, longer than duplicates are known.
    anna.say(&chat, "told by the other one").await;
    anna.say(&chat, "this too").await;
    other.tell_all().await;
    tokio::time::sleep(2 * WINDOW).await;
    anna.say(&chat, "told by nobody yet").await;
    let late = held_up.relay.round().await;
    assert!(matches!(late, Err(Error::Contended(_))), "{late:?}");
    held_up.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), public(&app), "once each, in order");
}

#[tokio::test]
async fn it_stops_before_what_it_cannot_read() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    chatter(&app, "anna", 3).await;
    let expected = public(&app);
    let poison = testkit::poison(&app.data(), "message.frozen.v9");
    let fixture = RelayFixture::new(&app, account.url()).await;
    assert!(fixture.relay.round().await.unwrap());
    let stopped = fixture.relay.round().await;
    assert!(matches!(stopped, Err(Error::Unreadable { position, .. }) if position == poison), "{stopped:?}");
    // It stands there, and whoever watches sees that.
    let followed = tokio::time::timeout(Duration::from_secs(1), fixture.relay.follow(app.node.hint.clone())).await;
    assert!(followed.is_err());
    let figures = app.anonymous().get("/metrics").await.text;
    assert!(figures.contains("letopis_relay_stopped 1") && figures.contains("letopis_relay_lag_events 1"), "{figures}");
    assert_eq!(ids(&heard(account.url()).await), expected);
    assert_eq!(fixture.relay.position().await, Some(poison - 1));
}

#[tokio::test]
async fn what_is_published_again_within_the_window_is_dropped_and_what_is_new_is_not() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    chatter(&app, "anna", 20).await;
    let fixture = RelayFixture::new(&app, account.url()).await;
    let early = fixture.relay.republish(1, None, |_, _| {}).await;
    assert!(matches!(early, Err(Error::NothingThere { told: 0, .. })), "the relay itself tells it first: {early:?}");
    fixture.tell_all().await;
    let (expected, head) = (public(&app), app.node.log.head().unwrap().position);
    let all = fixture.relay.republish(1, None, |_, _| {}).await.unwrap();
    let facts = expected.len() as u64;
    assert_eq!(all, RepublishSummary { from: 1, to: head, facts, duplicates: facts });
    // A stream that has lost everything but one message in the middle, which is not even ours.
    let client = servers::connect_nats(account.url()).await.unwrap();
    let jetstream = async_nats::jetstream::new(client);
    jetstream.delete_stream("letopis").await.unwrap();
    let fixture = RelayFixture::over(fixture.place, &app, account.url()).await;
    assert!(!fixture.relay.round().await.unwrap(), "a new stream, and nothing by itself");
    let middle = expected[9];
    let message = async_nats::jetstream::message::PublishMessage::build().message_id(middle.0.to_string());
    jetstream.send_publish("letopis.message.posted", message).await.unwrap().await.unwrap();
    let all = fixture.relay.republish(1, None, |_, _| {}).await.unwrap();
    assert_eq!(all, RepublishSummary { from: 1, to: head, facts, duplicates: 1 });
    let heard = heard(account.url()).await;
    let told = heard.iter().filter(|heard| heard.republished);
    let told = told.map(|heard| (heard.id, heard.position)).collect::<Vec<_>>();
    let others = expected.iter().filter(|(id, _)| *id != middle.0).copied().collect::<Vec<_>>();
    assert_eq!(told, others);
    assert_eq!(heard.len(), expected.len());
}

#[tokio::test]
async fn a_part_is_published_again() {
    let Some(account) = servers::nats().await else { return };
    let app = TestApp::start().await;
    let (anna, chat) = chatter(&app, "anna", 20).await;
    let fixture = RelayFixture::new(&app, account.url()).await;
    fixture.tell_all().await;
    let jetstream = async_nats::jetstream::new(servers::connect_nats(account.url()).await.unwrap());
    jetstream.delete_stream("letopis").await.unwrap();
    let expected = public(&app);
    let (from, to) = (expected[4].1, expected[7].1);
    let done = fixture.relay.republish(from, Some(to), |_, _| {}).await.unwrap();
    assert_eq!((done.facts, done.duplicates), (4, 0));
    assert_eq!(ids(&heard(account.url()).await), expected[4..8]);
    // The relay goes on where it was, and the next one, too.
    anna.say(&chat, "more").await;
    let fixture = RelayFixture::over(fixture.place, &app, account.url()).await;
    fixture.tell_all().await;
    assert_eq!(ids(&heard(account.url()).await), [&expected[4..8], &public(&app)[expected.len()..]].concat());
    let past = fixture.relay.republish(100_000, None, |_, _| {}).await;
    assert!(matches!(past, Err(Error::NothingThere { from: 100_000, .. })), "{past:?}");
}
