//! What strangers are told must not depend on what others do: else a wrong login would tell whether an account exists,
//! since it is a fact only where there is somebody whose it is.

use projections::ProjectionId;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

/// What a proxy on the server's machine adds for a caller elsewhere.
const FROM_AFAR: [&[(&str, &str)]; 4] = [
    &[("x-forwarded-for", "203.0.113.9")],
    &[("forwarded", "for=203.0.113.9")],
    &[("x-real-ip", "203.0.113.9")],
    &[("via", "1.1 proxy.example")],
];

/// Of nothing.
const ID: &str = "01890000-0000-7000-8000-000000000001";

async fn from_afar(actor: &Actor, path: &str) -> Reply {
    actor.send(Method::GET, path, None, FROM_AFAR[0]).await
}

/// A login that fails, of a name that exists.
async fn wrong_login(app: &TestApp, name: &str) {
    let before = app.node.log.head().unwrap().position;
    let body = json!({"user_name": name, "password": "not the one"});
    app.anonymous().post("/v1/auth/login", body).await.expect_problem(401, "bad-credentials");
    super::until(async || app.node.log.head().unwrap().position > before).await;
}

/// All that an answer says but for what is of this one request.
pub(super) fn told(reply: &Reply) -> (u16, Vec<(String, String)>, Value) {
    let headers = reply.headers.iter().map(|(name, value)| (name.to_string(), format!("{value:?}")));
    let headers = headers.filter(|(name, _)| name != "x-request-id" && name != "date").collect();
    let mut body = reply.body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    if let Some(challenge) = body.pointer_mut("/publicKey/challenge") {
        *challenge = Value::Null;
    }
    (reply.status.as_u16(), headers, body)
}

async fn make_admin(app: &TestApp, name: &str) {
    node::operations::users::set_role(&app.node, name, domain::user::Role::Admin).await.unwrap();
}

#[tokio::test]
async fn no_answer_to_a_stranger_moves_when_somebody_fails_to_log_in() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let nobody = app.anonymous();
    let mut unknown = app.anonymous();
    unknown.token = Some("x".repeat(43));
    let asked = async || {
        let mut all = Vec::new();
        for actor in [&nobody, &unknown] {
            for operation in api::operations() {
                let names = ["{id}", "{chat_id}", "{user_id}", "{message_id}", "{task_id}"];
                let path = names.iter().fold(operation.path, |path, name| path.replace(name, ID));
                let body = match path.as_str() {
                    // A name that is taken.
                    "/v1/auth/register" => Some(json!({"user_name": "Anna", "password": "another long passphrase"})),
                    "/v1/auth/code" | "/v1/auth/password/forgot" => Some(json!({"email": "nobody@example.org"})),
                    "/v1/auth/login" => Some(json!({"user_name": "Nobody", "password": "another long passphrase"})),
                    _ => None,
                };
                let reply = actor.send(operation.method.clone(), &path, body, FROM_AFAR[0]).await;
                let moves = reply.header("letopis-position").parse::<u64>().unwrap_or_default();
                assert_eq!(moves, 0, "{} {path} tells a position", operation.method);
                assert_eq!(reply.header("etag"), "", "{} {path}", operation.method);
                all.push((operation.method.clone(), path, told(&reply)));
            }
        }
        all
    };
    let before = asked().await;
    wrong_login(&app, "Anna").await;
    assert_eq!(asked().await, before);
}

#[tokio::test]
async fn an_anonymous_logout_never_tells_a_position_that_depends_on_others() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    let ended = app.user("Boris").await;
    ended.post("/v1/auth/logout", json!({})).await.expect_status(200);
    let mut unknown = app.anonymous();
    unknown.token = Some("x".repeat(43));
    for _ in 0..3 {
        for actor in [&app.anonymous(), &unknown, &ended] {
            let reply = actor.post("/v1/auth/logout", json!({})).await.expect_status(200);
            assert_eq!((reply.position(), &reply.body), (0, &json!({"position": 0})));
        }
        wrong_login(&app, "Anna").await;
    }
}

#[tokio::test]
async fn a_login_that_has_to_wait_does_not_tell_how_far_the_log_is() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    app.node.projections.pause(ProjectionId::Users).unwrap();
    let body = json!({"user_name": "Nobody", "password": "not the one"});
    let refused = async || {
        let reply = app.anonymous().post("/v1/auth/login", body.clone()).await;
        told(&reply.expect_problem(503, "projection-behind"))
    };
    app.anonymous().register("Boris").await.expect_status(201);
    let before = refused().await;
    app.anonymous().register("Clara").await.expect_status(201);
    assert_eq!(refused().await, before);
}

#[tokio::test]
async fn strangers_see_whether_it_is_ready_and_operators_how_far_it_is() {
    let app = TestApp::start().await;
    let (anna, root) = (app.user("Anna").await, app.user("root").await);
    make_admin(&app, "root").await;
    let token = root.post("/v1/me/tokens", json!({"name": "scrape", "scopes": ["read"]})).await.expect_status(201);
    let mut scraper = app.anonymous();
    scraper.token = Some(token.body["token"].as_str().unwrap().to_owned());
    let head = app.node.log.head().unwrap().position;
    app.node.projections.caught_up(ProjectionId::Search, head, super::WAIT_MAX).await.unwrap();
    for headers in FROM_AFAR {
        let shown = app.anonymous().send(Method::GET, "/readyz", None, headers).await.expect_status(200).body;
        assert_eq!((&shown["ready"], shown["roles"].as_array().unwrap().len()), (&true.into(), 3), "{shown}");
        for one in shown["projections"].as_array().unwrap() {
            let keys = one.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
            assert_eq!((keys.as_slice(), &one["state"]), (&["name", "state"][..], &"running".into()), "{shown}");
        }
        assert!(shown.get("head").is_none(), "{shown}");
        app.anonymous().send(Method::GET, "/metrics", None, headers).await.expect_problem(401, "auth-failed");
    }
    assert!(from_afar(&anna, "/readyz").await.expect_status(200).body.get("head").is_none());
    let refused = from_afar(&anna, "/metrics").await.expect_problem(403, "not-allowed");
    assert!(!refused.text.contains("letopis_log_head"));
    for operator in [&root, &scraper] {
        let shown = from_afar(operator, "/readyz").await.expect_status(200).body;
        assert!(shown["head"].as_u64() >= Some(head) && shown["projections"][0]["lag_events"].is_u64(), "{shown}");
        assert!(from_afar(operator, "/metrics").await.expect_status(200).text.contains("letopis_log_head "));
    }
    // Who is nobody any more is a stranger, and the node is ready all the same.
    root.post("/v1/auth/logout", json!({})).await.expect_status(200);
    assert!(from_afar(&root, "/readyz").await.expect_status(200).body.get("head").is_none());
    from_afar(&root, "/metrics").await.expect_problem(401, "invalid-session-id");
}

#[tokio::test]
async fn a_stranger_is_told_which_part_is_not_well_and_not_why() {
    let app = TestApp::start().await;
    app.user("Anna").await;
    app.node.projections.pause(ProjectionId::Messages).unwrap();
    let shown = from_afar(&app.anonymous(), "/readyz").await.expect_status(503).body;
    let messages = shown["projections"].as_array().unwrap().iter().find(|one| one["name"] == "messages").unwrap();
    assert_eq!((&shown["ready"], messages), (&false.into(), &json!({"name": "messages", "state": "paused"})));
}
