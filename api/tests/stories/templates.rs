//! Templates of notifications.

use super::mail::confirm;
use domain::proof::Purpose;
use domain::user::Role;
use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, TestApp};

const LIST: &str = "/v1/templates";

fn body(key: &str, text: &str) -> Value {
    json!({
        "key": key,
        "category": "transactional",
        "variables": {
            "order": {"type": "string", "required": true, "example": "17-204"},
            "items": {"type": "list", "required": false, "example": ["rake", "hoe"]},
        },
        "locales": {
            "en": {"subject": "Order {{ order }}", "text": text, "html": "<p>{{ order }}</p>"},
            "ru": {"subject": "Заказ {{ order }}", "text": "Заказ {{ order }}"},
        },
    })
}

async fn create(by: &Actor, key: &str, text: &str) -> String {
    let reply = by.post(LIST, body(key, text)).await.expect_status(201);
    assert_eq!((&reply.body["version"], &reply.body["position"]), (&json!(1), &json!(reply.position())));
    reply.id("template_id")
}

fn verified(app: &TestApp) {
    let verified = app.node.projections.verify(ProjectionId::Templates, &mut |_| {}).unwrap();
    assert_eq!(verified.differences, vec![]);
}

#[tokio::test]
async fn a_template_is_published_in_versions_that_stay() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let id = create(&nina, "orders.shipped", "Sent: {{ order }}").await;
    let one = format!("{LIST}/{id}");
    let first = nina.get(&one).await.expect_status(200);
    let given = body("orders.shipped", "Sent: {{ order }}");
    for field in ["key", "category", "variables", "locales"] {
        assert_eq!(first.body[field], given[field], "{field}");
    }
    let mut second = body("orders.shipped", "Gone: {{ order }}");
    second["category"] = json!("marketing");
    let stale = [("if-match", "\"1\"")];
    nina.send(Method::PUT, &one, Some(second.clone()), &stale).await.expect_problem(412, "version-changed");
    let current = [("if-match", first.header("etag"))];
    let put = nina.send(Method::PUT, &one, Some(second.clone()), &current).await.expect_status(200);
    assert_eq!(put.body["version"], 2);
    let now = nina.get(&one).await.expect_status(200);
    assert_eq!((&now.body["version"], &now.body["category"]), (&json!(2), &json!("marketing")));
    assert_eq!(now.header("etag"), put.header("etag"));
    let then = nina.get(&format!("{one}?version=1")).await.expect_status(200);
    assert_eq!((&then.body["locales"], &then.body["category"]), (&given["locales"], &json!("transactional")));
    nina.get(&format!("{one}?version=3")).await.expect_problem(404, "template-not-found");
    second["key"] = json!("orders.sent");
    nina.put(&one, second).await.expect_problem(400, "bad-parameters");
    verified(&app);
}

#[tokio::test]
async fn a_key_belongs_to_one_template_until_it_is_deleted() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Admin).await;
    let id = create(&nina, "orders.shipped", "one").await;
    nina.post(LIST, body("orders.shipped", "two")).await.expect_problem(409, "already-exists");
    nina.post(LIST, body("account.welcome", "mine")).await.expect_problem(409, "already-exists");
    let key = [("idempotency-key", "delete it")];
    let one = format!("{LIST}/{id}");
    nina.send(Method::DELETE, &one, None, &key).await.expect_status(200);
    let again = nina.send(Method::DELETE, &one, None, &key).await.expect_status(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    nina.delete(&one).await.expect_problem(404, "template-not-found");
    nina.get(&one).await.expect_problem(404, "template-not-found");
    nina.put(&one, body("orders.shipped", "three")).await.expect_problem(404, "template-not-found");
    let other = create(&nina, "orders.shipped", "four").await;
    assert_ne!(other, id);
    verified(&app);
}

#[tokio::test]
async fn templates_are_listed_the_newest_first() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    for number in 0..5 {
        create(&nina, &format!("t{number}"), "text").await;
    }
    let pages = nina.pages(&format!("{LIST}?limit=2"), "templates").await;
    let keys = pages.iter().flatten().map(|one| one["key"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(keys, ["t4", "t3", "t2", "t1", "t0"]);
    assert_eq!(pages.len(), 3);
    nina.get(&format!("{LIST}?from=abc")).await.expect_problem(400, "bad-cursor");
}

#[tokio::test]
async fn a_long_template_is_kept_whole() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let text = "\"строка\"\n".repeat(20_000);
    let id = create(&nina, "long", &text).await;
    let read = nina.get(&format!("{LIST}/{id}")).await.expect_status(200);
    assert_eq!(read.body["locales"]["en"]["text"], text);
    let app = app.restart().await;
    let read = app.again(&nina).get(&format!("{LIST}/{id}")).await.expect_status(200);
    assert_eq!(read.body["locales"]["en"]["text"], text);
    verified(&app);
    let longer = body("longer", &"x".repeat(512 * 1024 + 1));
    let refused = app.again(&nina).post(LIST, longer).await.expect_problem(400, "bad-parameters");
    assert_eq!(refused.pointers(), ["/locales/en/text"]);
    let longest = body("longest", &"x".repeat(1024 * 1024));
    app.again(&nina).post(LIST, longest).await.expect_problem(413, "body-too-large");
}

#[tokio::test]
async fn faults_are_told_with_their_place() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let refused = nina.post(LIST, body("a", "one\ntwo {{ nobody }}")).await.expect_problem(422, "template-invalid");
    let fault = &refused.body["errors"][0];
    let place = (&fault["pointer"], &fault["line"], &fault["column"]);
    assert_eq!(place, (&json!("/locales/en/text"), &json!(2), &json!(8)));
    for text in ["{% if order %}", "{{ order|nothing }}", "{{ missing }}"] {
        nina.post(LIST, body("a", text)).await.expect_problem(422, "template-invalid");
    }
    let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    nina.post(LIST, body("a", endless)).await.expect_problem(422, "template-too-expensive");
    let mut wrong = body("a", "b");
    wrong["variables"]["order"]["example"] = json!(7);
    let refused = nina.post(LIST, wrong).await.expect_problem(400, "bad-parameters");
    assert_eq!(refused.pointers(), ["/variables/order/example"]);
    for (field, value) in [("key", json!("A b")), ("category", json!("")), ("locales", json!({})), ("colour", json!(1))]
    {
        let mut wrong = body("a", "b");
        wrong[field] = value;
        let refused = nina.post(LIST, wrong).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [format!("/{field}")]);
    }
    assert_eq!(nina.get(LIST).await.body["templates"], json!([]));
}

#[tokio::test]
async fn a_preview_shows_what_would_be_read() {
    let app = TestApp::start().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let text = "{{ order }}:{% for item in items %} {{ item }}{% endfor %}";
    let id = create(&nina, "orders.shipped", text).await;
    let preview = format!("{LIST}/{id}/preview");
    let shown = nina.post(&preview, json!({})).await.expect_status(200);
    assert_eq!((&shown.body["subject"], &shown.body["text"]), (&json!("Order 17-204"), &json!("17-204: rake hoe")));
    let variables = json!({"order": "<b>&", "items": []});
    let shown = nina.post(&preview, json!({"variables": variables, "locale": "en-GB"})).await.expect_status(200);
    assert_eq!((&shown.body["text"], &shown.body["html"]), (&json!("<b>&:"), &json!("<p>&lt;b&gt;&amp;</p>")));
    let shown = nina.post(&preview, json!({"locale": "ru"})).await.expect_status(200);
    assert_eq!((&shown.body["subject"], &shown.body["html"]), (&json!("Заказ 17-204"), &Value::Null));
    nina.put(&format!("{LIST}/{id}"), body("orders.shipped", "two")).await.expect_status(200);
    let shown = nina.post(&preview, json!({"version": 1})).await.expect_status(200);
    assert_eq!(shown.body["text"], "17-204: rake hoe");
    for (given, pointer) in [(json!({"order": 7}), "/variables/order"), (json!({"colour": "red"}), "/variables/colour")]
    {
        let refused = nina.post(&preview, json!({"variables": given})).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer]);
    }
    nina.post(&preview, json!({"version": 9})).await.expect_problem(404, "template-not-found");
}

#[tokio::test]
async fn only_notifiers_and_admins_have_templates() {
    let app = TestApp::start().await;
    let (nina, anna) = (app.with_role("Nina", Role::Notifier).await, app.user("Anna").await);
    let id = create(&nina, "orders.shipped", "text").await;
    anna.get(&format!("{LIST}/{id}")).await.expect_problem(403, "not-allowed");
    anna.post(LIST, body("b", "text")).await.expect_problem(403, "not-allowed");
    let token = nina.post("/v1/me/tokens", json!({"name": "shop", "scopes": ["notify"]})).await.expect_status(201);
    let mut shop = app.anonymous();
    shop.token = Some(token.id("token"));
    create(&shop, "by-the-shop", "text").await;
}

/// What is in the dev mailbox for that address and of that subject, once it is there.
async fn mailed(app: &TestApp, to: &str, subject: &str) -> Vec<Value> {
    let list = async || {
        let list = app.anonymous().get(&format!("/mailbox/messages?to={to}")).await.expect_status(200);
        let all = list.body["messages"].as_array().unwrap().clone();
        all.into_iter().filter(|mail| mail["subject"] == subject).collect::<Vec<_>>()
    };
    super::until(async || !list().await.is_empty()).await;
    list().await
}

#[tokio::test]
async fn a_test_is_one_mail_to_ones_own_confirmed_address() {
    let app = TestApp::start_telling().await;
    let nina = app.with_role("Nina", Role::Notifier).await;
    let id = create(&nina, "orders.shipped", "{{ order }}:{% for item in items %} {{ item }}{% endfor %}").await;
    let test = format!("{LIST}/{id}/test");
    let refused = nina.post(&test, json!({})).await.expect_problem(409, "wrong-state");
    assert!(refused.body["detail"].as_str().unwrap().contains("PUT /v1/me/email"), "{}", refused.text);
    nina.put("/v1/me/email", json!({"email": "nina@example.org"})).await.expect_status(202);
    nina.post(&test, json!({})).await.expect_problem(409, "wrong-state");
    confirm(&app, Purpose::Confirm).await;
    // What nobody wants to be told otherwise, and a night, keep it back no more than any account mail.
    let quiet = json!({"quiet_hours": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "23:59"}],
        "time_zone": "UTC", "categories": {"transactional": {"email": false}}});
    nina.put("/v1/me/preferences", quiet).await.expect_status(200);
    let key = [("idempotency-key", "a test")];
    let body = json!({"variables": {"order": "9"}, "locale": "en-GB"});
    let first = nina.send(Method::POST, &test, Some(body.clone()), &key).await.expect_status(202);
    let one = format!("/v1/notifications/{}", first.id("notification_id"));
    let mails = mailed(&app, "nina@example.org", "Order 9").await;
    let shown = nina.get(&one).await.expect_status(200);
    assert_eq!((&shown.body["category"], &shown.body["recipients"]), (&json!("account"), &json!(1)));
    let read = format!("/mailbox/messages/{}", mails[0]["id"].as_str().unwrap());
    let read = app.anonymous().get(&read).await.expect_status(200);
    assert_eq!((read.body["text"].as_str().map(str::trim), mails.len()), (Some("9: rake hoe"), 1));
    // A repeat is no second mail, also when the template is gone.
    let russian = nina.post(&test, json!({"locale": "ru", "version": 1})).await.expect_status(202);
    assert_ne!(russian.id("notification_id"), first.id("notification_id"));
    mailed(&app, "nina@example.org", "Заказ 17-204").await;
    for (given, pointer) in [(json!({"order": 7}), "/variables/order"), (json!({"colour": "red"}), "/variables/colour")]
    {
        let refused = nina.post(&test, json!({"variables": given})).await.expect_problem(400, "bad-parameters");
        assert_eq!(refused.pointers(), [pointer]);
    }
    nina.post(&test, json!({"version": 9})).await.expect_problem(404, "template-not-found");
    nina.delete(&format!("{LIST}/{id}")).await.expect_status(200);
    nina.post(&test, json!({})).await.expect_problem(404, "template-not-found");
    let again = nina.send(Method::POST, &test, Some(body), &key).await.expect_status(202);
    assert_eq!(again.id("notification_id"), first.id("notification_id"));
    assert_eq!(mailed(&app, "nina@example.org", "Order 9").await.len(), 1);
}
