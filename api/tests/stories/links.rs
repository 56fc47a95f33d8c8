//! Short links: what they may lead to, and until when.

use api::Settings;
use domain::link::{self, LinkCode, LinkTarget};
use domain::{Command, LinkId, UserId};
use projections::ProjectionId;
use reqwest::Method;
use serde_json::json;
use testkit::TestApp;
use uuid::Uuid;

async fn start() -> TestApp {
    let settings = Settings {
        public_url: Some("https://chat.example".to_owned()),
        allowed_origins: vec!["https://shop.example:8443".to_owned()],
        ..TestApp::settings()
    };
    TestApp::start_with(settings).await
}

#[tokio::test]
async fn a_link_leads_where_it_was_made_for() {
    let app = start().await;
    let (anna, nobody) = (app.user("Anna").await, app.anonymous());
    for (target, leads_to) in [
        ("https://chat.example/chats/1?a=b#c", "https://chat.example/chats/1?a=b#c"),
        ("HTTPS://CHAT.example:443", "https://chat.example/"),
        ("https://chat.example/é x", "https://chat.example/%C3%A9%20x"),
        ("https://shop.example:8443/cart", "https://shop.example:8443/cart"),
    ] {
        let made = anna.post("/v1/links", json!({"url": target, "expires_in": 60})).await.expect_status(201);
        let code = made.id("code");
        assert_eq!(made.id("url"), format!("https://chat.example/s/{code}"));
        let led = nobody.get(&format!("/s/{code}")).await.expect_status(302);
        assert_eq!((led.header("location"), led.header("referrer-policy")), (leads_to, "no-referrer"));
    }
    let keyed = [("idempotency-key", "once")];
    let body = json!({"url": "https://chat.example/x"});
    let first = anna.send(Method::POST, "/v1/links", Some(body.clone()), &keyed).await.expect_status(201);
    let again = anna.send(Method::POST, "/v1/links", Some(body), &keyed).await.expect_status(201);
    assert_eq!((first.body, again.header("idempotency-replayed")), (again.body.clone(), "true"));
}

#[tokio::test]
async fn a_link_leads_to_nobody_else() {
    let app = start().await;
    let anna = app.user("Anna").await;
    for target in [
        "https://evil.example/",
        "http://chat.example/",
        "https://chat.example:444/",
        "https://chat.example.evil.example/",
        "https://chat.example@evil.example/",
        "https://anna:x@chat.example/",
        "//chat.example/",
        "/chats",
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "https:\\\\evil.example",
        "https://shop.example/",
        "blob:https://chat.example/1",
        "file:///etc/passwd",
    ] {
        let refused = anna.post("/v1/links", json!({"url": target})).await.expect_problem(400, "bad-target");
        assert_eq!(refused.pointers(), ["/url"], "{target}");
    }
    let long = format!("https://chat.example/{}", "x".repeat(LinkTarget::BYTES_MAX));
    anna.post("/v1/links", json!({"url": long})).await.expect_problem(400, "bad-target");
    for seconds in [0, 59, 315_360_001] {
        let body = json!({"url": "https://chat.example/", "expires_in": seconds});
        anna.post("/v1/links", body).await.expect_problem(400, "bad-parameters");
    }
}

#[tokio::test]
async fn a_link_that_has_ended_is_gone_and_one_that_never_was_is_not_there() {
    let app = start().await;
    let (anna, nobody) = (app.user("Anna").await, app.anonymous());
    let create = |code: u64, seconds: Option<i64>| {
        let (user_id, code) = (UserId(anna.user_id.parse().unwrap()), LinkCode::of(code));
        let target = LinkTarget::parse("https://chat.example/").unwrap();
        let expires_at = seconds.map(|seconds| store::now().plus_seconds(seconds));
        let create = link::Command::Create(link::Create { user_id, code, target, expires_at });
        commands::Request::by_operator(Command::Link(LinkId(Uuid::now_v7()), create), store::now())
    };
    for (code, seconds) in [(1, Some(-1)), (2, Some(60)), (3, None)] {
        app.node.writer.send(create(code, seconds)).await.unwrap();
    }
    let path = |code: u64| format!("/s/{}", LinkCode::of(code).as_str());
    nobody.get(&path(1)).await.expect_problem(410, "link-expired");
    nobody.get(&path(2)).await.expect_status(302);
    nobody.get(&path(3)).await.expect_status(302);
    for path in [path(4), "/s/x".to_owned(), "/s/%00".to_owned()] {
        nobody.get(&path).await.expect_problem(404, "link-not-found");
    }
    let body = json!({"password": anna.password()});
    anna.send(Method::DELETE, "/v1/me", Some(body), &[]).await.expect_status(200);
    nobody.get(&path(3)).await.expect_problem(404, "link-not-found");
    let projections = app.node.projections.clone();
    let verified = tokio::task::spawn_blocking(move || projections.verify(ProjectionId::Links, &mut |_| {}));
    assert!(verified.await.unwrap().unwrap().differences.is_empty());
}
