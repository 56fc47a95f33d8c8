//! What people are told of facts, and of what others have them told.

use domain::user::Role;
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Actor, TestApp};

const NOTIFICATIONS: &str = "/v1/notifications";

/// Asks until the answer is there: what is told is told a moment after the fact.
async fn until(what: &str, mut look: impl AsyncFnMut() -> Option<Value>) -> Value {
    for _ in 0..400 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited in vain until {what}");
}

async fn inbox(actor: &Actor, count: usize) -> Vec<Value> {
    let items = until("the inbox has it", async || {
        let items = actor.get("/v1/inbox").await.expect_status(200).body["items"].clone();
        (items.as_array()?.len() >= count).then_some(items)
    });
    items.await.as_array().unwrap().clone()
}

async fn deliveries(by: &Actor, notification: &str, state: &str, count: usize) -> Vec<Value> {
    let found = until("the deliveries are in that state", async || {
        let path = format!("{NOTIFICATIONS}/{notification}/deliveries");
        let all = by.get(&path).await.expect_status(200).body["deliveries"].clone();
        let all = all.as_array()?.clone();
        (all.len() == count && all.iter().all(|one| one["state"] == state)).then_some(Value::Array(all))
    });
    found.await.as_array().unwrap().clone()
}

fn to_all(text: &str, channels: &[&str]) -> Value {
    json!({
        "content": {"subject": "News", "text": text}, "to": {"all": true}, "category": "transactional",
        "channels": channels,
    })
}

#[tokio::test]
async fn a_changed_password_is_told_and_explained() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let anna = app.user("Anna").await;
    let change = json!({"old_password": anna.password(), "new_password": "another long secret"});
    anna.put("/v1/me/password", change).await.expect_status(200);
    let items = inbox(&anna, 1).await;
    assert_eq!(items[0]["category"], "security");
    assert!(items[0]["title"].as_str().unwrap().to_lowercase().contains("password"), "{}", items[0]);
    let unread = anna.get("/v1/inbox").await.body["unread"].clone();
    assert_eq!(unread, 1);
    anna.post(&format!("/v1/inbox/{}/read", items[0]["id"].as_str().unwrap()), json!(null)).await.expect_status(200);
    assert_eq!(anna.get("/v1/inbox").await.body["unread"], 0);
    assert_eq!(anna.get("/v1/inbox?unread=true").await.body["items"], json!([]));
    nina.get("/v1/inbox").await.expect_status(200);

    // Mail had nowhere to go, and that is said.
    let anna_id = anna.user_id.clone();
    let list = nina.get(&format!("{NOTIFICATIONS}?user_id={anna_id}")).await.expect_status(200);
    let id = list.body["notifications"][0]["notification_id"].as_str().unwrap().to_owned();
    let all = nina.get(&format!("{NOTIFICATIONS}/{id}/deliveries")).await.expect_status(200).body["deliveries"].clone();
    let mail = all.as_array().unwrap().iter().find(|one| one["channel"] == "email").unwrap().clone();
    assert_eq!(mail["state"], "suppressed", "{mail}");
    assert_eq!(mail["history"][1]["detail"], "no-address", "{mail}");
}

#[tokio::test]
async fn everybody_is_told_once_also_when_it_is_asked_for_twice() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let (anna, boris) = (app.user("Anna").await, app.user("Boris").await);
    let key = [("idempotency-key", "news-1")];
    let first = nina.send(reqwest::Method::POST, NOTIFICATIONS, Some(to_all("Hello", &["inbox"])), &key).await;
    let first = first.expect_status(202);
    assert_eq!(first.body["recipients"], 3);
    let again = nina.send(reqwest::Method::POST, NOTIFICATIONS, Some(to_all("Hello", &["inbox"])), &key).await;
    assert_eq!(again.expect_status(202).body["notification_id"], first.body["notification_id"]);
    let id = first.body["notification_id"].as_str().unwrap().to_owned();
    deliveries(&nina, &id, "delivered", 3).await;
    for somebody in [&anna, &boris] {
        let items = inbox(somebody, 1).await;
        assert_eq!((items.len(), &items[0]["title"], &items[0]["text"]), (1, &json!("News"), &json!("Hello")));
    }
    let one = nina.get(&format!("{NOTIFICATIONS}/{id}")).await.expect_status(200).body;
    assert_eq!((&one["state"], &one["counts"]), (&json!("finished"), &json!({"delivered": 3})));
    for name in [ProjectionId::Deliveries, ProjectionId::Inbox] {
        let verified = app.node.projections.verify(name, &mut |_| {}).unwrap();
        assert_eq!(verified.differences, vec![]);
    }
}

#[tokio::test]
async fn what_is_for_later_can_be_called_off() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let mut later = to_all("Later", &["inbox"]);
    let in_days = |days: i64| store::now().plus_seconds(days * 24 * 3_600);
    later["send_at"] = json!(in_days(3 * 365));
    nina.post(NOTIFICATIONS, later.clone()).await.expect_problem(400, "bad-parameters");
    later["send_at"] = json!(in_days(300));
    let requested = nina.post(NOTIFICATIONS, later).await.expect_status(202);
    let id = requested.body["notification_id"].as_str().unwrap().to_owned();
    let waiting = deliveries(&nina, &id, "scheduled", 1).await;
    assert_eq!(nina.get(&format!("{NOTIFICATIONS}/{id}")).await.body["state"], "scheduled");
    let delivery = waiting[0]["delivery_id"].as_str().unwrap();
    nina.post(&format!("/v1/deliveries/{delivery}/retry"), json!(null)).await.expect_problem(409, "wrong-state");
    nina.delete(&format!("{NOTIFICATIONS}/{id}")).await.expect_status(200);
    deliveries(&nina, &id, "cancelled", 1).await;
    assert_eq!(nina.get(&format!("{NOTIFICATIONS}/{id}")).await.body["state"], "cancelled");
}

#[tokio::test]
async fn a_request_that_is_not_well_formed_says_where() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let good = to_all("Hello", &["inbox"]);
    for (field, value, pointer) in [
        ("category", json!("none"), "/category"),
        ("channels", json!([]), "/channels"),
        ("channels", json!(["live"]), "/channels"),
        ("channels", json!(["inbox", "pigeon"]), "/channels/1"),
        ("send_at", json!("2020-01-01T00:00:00Z"), "/send_at"),
        ("send_at", json!("tomorrow"), "/send_at"),
        ("expires_in", json!(59), "/expires_in"),
        ("variables", json!({"a": 1}), "/variables"),
        ("to", json!({}), "/to"),
        ("to", json!({"all": true, "role": "user"}), "/to"),
        ("to", json!({"all": false}), "/to"),
        ("to", json!({"role": "king"}), "/to/role"),
        ("to", json!({"user_ids": []}), "/to/user_ids"),
        ("to", json!({"user_ids": ["x"]}), "/to/user_ids/0"),
        ("schedule", json!({"cron": "61 * * * *", "time_zone": "UTC"}), "/schedule/cron"),
        ("schedule", json!({"cron": "0 9 * * *", "time_zone": "Mars/Base"}), "/schedule/time_zone"),
        ("content", json!({"subject": "a\nb", "text": "x"}), "/content/subject"),
        ("content", json!({"subject": "a", "text": " "}), "/content/text"),
        ("content", json!(null), "/content"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let problem = nina.post(NOTIFICATIONS, body.clone()).await.expect_problem(400, "bad-parameters");
        assert_eq!(problem.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let mut template = good.clone();
    template["content"] = json!(null);
    template["template"] = json!({"key": "none"});
    nina.post(NOTIFICATIONS, template).await.expect_problem(404, "template-not-found");
    let anna = app.user("Anna").await;
    anna.post(NOTIFICATIONS, good).await.expect_problem(403, "not-allowed");
}

#[tokio::test]
async fn a_repeated_request_is_answered_like_the_first_also_when_it_would_be_refused_now() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let template = json!({
        "key": "orders.shipped", "category": "transactional", "variables": {},
        "locales": {"en": {"subject": "Sent", "text": "It was sent."}},
    });
    let created = nina.post("/v1/templates", template).await.expect_status(201).body;
    let request = json!({
        "template": {"key": "orders.shipped"}, "to": {"all": true}, "category": "transactional", "channels": ["inbox"],
    });
    let key = [("idempotency-key", "once")];
    let ask = async || nina.send(Method::POST, NOTIFICATIONS, Some(request.clone()), &key).await.expect_status(202);
    let first = ask().await;
    nina.delete(&format!("/v1/templates/{}", created["template_id"].as_str().unwrap())).await.expect_status(200);
    app.user("Anna").await;
    let again = ask().await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    nina.post(NOTIFICATIONS, request).await.expect_problem(404, "template-not-found");
}

#[tokio::test]
async fn a_schedule_shows_its_next_runs() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let mut daily = to_all("Daily", &["inbox"]);
    daily["schedule"] = json!({"cron": "30 2 * * *", "time_zone": "Europe/Berlin"});
    let requested = nina.post(NOTIFICATIONS, daily).await.expect_status(202).body;
    assert_eq!(requested["next_runs"].as_array().unwrap().len(), 10);
    let id = requested["notification_id"].as_str().unwrap();
    let one = nina.get(&format!("{NOTIFICATIONS}/{id}")).await.expect_status(200).body;
    assert_eq!((&one["state"], one["next_runs"].as_array().unwrap().len()), (&json!("scheduled"), 10));
}
