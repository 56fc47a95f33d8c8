//! What people want to be told, and which categories there are.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::TestApp;

const MINE: &str = "/v1/me/preferences";
const CATEGORIES: &str = "/v1/notification-categories";

fn night() -> Value {
    json!([{"days": ["fri", "sat"], "from": "22:00", "to": "07:00"}])
}

#[tokio::test]
async fn preferences_are_as_by_default_until_they_are_set_as_a_whole() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let first = anna.get(MINE).await.expect_status(200);
    assert_eq!((&first.body["quiet_hours"], &first.body["time_zone"]), (&json!([]), &json!("UTC")));
    assert_eq!(first.body["locked"], json!(["security", "account"]));
    let all_on = json!({"email": true, "inbox": true, "live": true});
    let default = &first.body["categories"];
    assert_eq!((&default["security"], &default["messages"]), (&all_on, &all_on));

    let choice = json!({"messages": {"email": false}, "marketing": {"email": false, "inbox": false, "live": false}});
    let wanted = json!({"quiet_hours": night(), "time_zone": "europe/berlin", "categories": choice});
    let set = anna.put(MINE, wanted).await.expect_status(200);
    assert_eq!((&set.body["quiet_hours"], &set.body["time_zone"]), (&night(), &json!("Europe/Berlin")));
    assert_eq!(set.body["categories"]["messages"], json!({"email": false, "inbox": true, "live": true}));
    assert_eq!(set.body["position"], set.position());

    let got = anna.get(MINE).await.expect_status(200);
    let mut expected = set.body.clone();
    expected.as_object_mut().unwrap().remove("position");
    assert_eq!((&got.body, got.header("etag")), (&expected, set.header("etag")));
    // What is shown can be sent back, and reads the same.
    let mut again = got.body.clone();
    again.as_object_mut().unwrap().remove("locked");
    let again = anna.put(MINE, again).await.expect_status(200);
    assert_eq!(again.body["categories"], got.body["categories"]);

    let nothing = anna.put(MINE, json!({})).await.expect_status(200);
    assert_eq!((&nothing.body["quiet_hours"], &nothing.body["categories"]), (&json!([]), default));
    assert_eq!(nothing.body["time_zone"], "Europe/Berlin", "the profile stays as it is");
    let verified = app.node.projections.verify(ProjectionId::Recipients, &mut |_| {}).unwrap();
    assert_eq!(verified.differences, vec![]);
}

#[tokio::test]
async fn the_time_zone_is_that_of_the_profile_wherever_it_is_set() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    anna.put(MINE, json!({"time_zone": "Asia/Tokyo"})).await.expect_status(200);
    assert_eq!(anna.get("/v1/me").await.body["time_zone"], "Asia/Tokyo");
    let before = anna.get(MINE).await.header("etag").to_owned();
    anna.patch("/v1/me", json!({"time_zone": "europe/berlin"})).await.expect_status(200);
    let condition = [("if-none-match", before.as_str())];
    let got = anna.send(Method::GET, MINE, None, &condition).await.expect_status(200);
    assert_eq!(got.body["time_zone"], "Europe/Berlin");
    let stale = [("if-match", before.as_str())];
    let refused = anna.send(Method::PUT, MINE, Some(json!({})), &stale).await;
    refused.expect_problem(412, "version-changed");
    // Whatever else changes in the profile is none of its business.
    anna.patch("/v1/me", json!({"display_name": "Anna K."})).await.expect_status(200);
    let current = [("if-none-match", got.header("etag"))];
    anna.send(Method::GET, MINE, None, &current).await.expect_status(304);
}

#[tokio::test]
async fn what_cannot_be_switched_off_stays_on() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let off = json!({"email": false, "inbox": false, "live": false});
    let set = anna.put(MINE, json!({"categories": {"security": off, "chats": off}})).await.expect_status(200);
    assert_eq!(set.body["categories"]["security"], json!({"email": true, "inbox": true, "live": true}));
    assert_eq!(set.body["categories"]["chats"], off);
    assert!(set.body["locked"].as_array().unwrap().contains(&json!("security")));
}

#[tokio::test]
async fn what_is_at_fault_in_preferences_is_pointed_at() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let window = |days: Value, from: &str, to: &str| json!({"quiet_hours": [{"days": days, "from": from, "to": to}]});
    for (body, pointer) in [
        (json!({"time_zone": "Mars/Olympus"}), "/time_zone"),
        (json!({"time_zone": ""}), "/time_zone"),
        (json!({"categories": {"novelty": {"email": true}}}), "/categories/novelty"),
        (json!({"categories": {"a/b": {}}}), "/categories/a~1b"),
        (json!({"categories": {"chats": {"fax": true}}}), "/categories/chats/fax"),
        (window(json!([]), "22:00", "07:00"), "/quiet_hours/0/days"),
        (window(json!(["mon", "mon"]), "22:00", "07:00"), "/quiet_hours/0/days/1"),
        (window(json!(["Monday"]), "22:00", "07:00"), "/quiet_hours/0/days/0"),
        (window(json!(["mon"]), "22", "07:00"), "/quiet_hours/0/from"),
        (window(json!(["mon"]), "22:00", "7:00"), "/quiet_hours/0/to"),
        (json!({"quiet_hours": vec![night()[0].clone(); 29]}), "/quiet_hours"),
        (json!({"locked": []}), "/locked"),
    ] {
        let refused = anna.put(MINE, body.clone()).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer], "{body}");
    }
    assert_eq!(anna.get(MINE).await.header("etag"), "\"0\"", "nothing was kept of it");
}

#[tokio::test]
async fn a_repeat_with_the_same_key_gets_the_first_answer() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let key = [("idempotency-key", "quiet")];
    let put = async || anna.send(Method::PUT, MINE, Some(json!({"quiet_hours": night()})), &key).await;
    let first = put().await.expect_status(200);
    anna.put(MINE, json!({})).await.expect_status(200);
    let again = put().await.expect_status(200);
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
}

#[tokio::test]
async fn categories_are_told_in_the_language_of_the_reader() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let of = async |header: &[(&str, &str)]| {
        let list = anna.send(Method::GET, CATEGORIES, None, header).await.expect_status(200).body["categories"].clone();
        list.as_array().unwrap().clone()
    };
    let english = of(&[]).await;
    let keys = english.iter().map(|one| one["key"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(keys, ["security", "account", "messages", "chats", "moderation", "transactional", "marketing"]);
    let security = &english[0];
    assert_eq!((&security["kind"], &security["title"]), (&json!("security"), &json!("Security")));
    assert_eq!((&security["locked"], &security["quiet_hours"]), (&json!(true), &json!("bypass")));
    assert_eq!(security["channels"], json!(["email", "inbox", "live"]));
    assert_eq!((&english[5]["semantics"], &english[6]["semantics"]), (&json!("at-least-once"), &json!("at-most-once")));
    assert!(english.iter().all(|one| one["expires_in"].as_u64().unwrap() >= 60));

    anna.patch("/v1/me", json!({"locale": "ru-RU"})).await.expect_status(200);
    assert_eq!(of(&[("accept-language", "en")]).await[0]["title"], "Безопасность", "the profile's goes first");
    anna.patch("/v1/me", json!({"locale": "de"})).await.expect_status(200);
    assert_eq!(of(&[("accept-language", "de, ru;q=0.5")]).await[0]["title"], "Безопасность");
    assert_eq!(of(&[]).await[0]["title"], "Security");
}

#[tokio::test]
async fn a_service_token_reads_and_sets_them_by_its_scopes() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (scope, reads, sets) in [("read", 200, 403), ("write", 403, 200), ("notify", 403, 403)] {
        let token = anna.post("/v1/me/tokens", json!({"name": scope, "scopes": [scope]})).await.id("token");
        let mut backend = app.anonymous();
        backend.token = Some(token);
        backend.get(MINE).await.expect_status(reads);
        backend.put(MINE, json!({})).await.expect_status(sets);
    }
}
