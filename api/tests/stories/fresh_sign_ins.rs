//! What secures or empties an account wants a sign-in of the last ten minutes.

use super::mail::with_address;
use super::sessions::opened_at;
use api::{Settings, SignUp};
use domain::proof::Purpose;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Reply, TestApp};

/// Somebody by a session of eleven minutes ago.
pub(super) async fn of_eleven_minutes_ago(app: &TestApp, anna: &Actor) -> Actor {
    opened_at(app, anna, 0, store::now().plus_seconds(-11 * 60)).await
}

/// Every operation that wants it: with a body that succeeds by a fresh session of an account with that password.
fn bodies(password: &str) -> Vec<(Method, &'static str, Value)> {
    vec![
        (Method::GET, "/v1/me/export", Value::Null),
        (Method::PUT, "/v1/me/email", json!({"email": "other@example.org"})),
        (Method::POST, "/v1/me/tokens", json!({"name": "shop", "scopes": ["read"]})),
        (Method::POST, "/v1/me/passkeys/begin", json!({"name": "my phone"})),
        (Method::DELETE, "/v1/me/passkeys/{id}", Value::Null),
        (Method::POST, "/v1/me/totp", json!({"password": password})),
        (Method::POST, "/v1/me/totp/recovery-codes", json!({"password": password, "code": "123456"})),
        (Method::DELETE, "/v1/me/totp", json!({"password": password, "code": "123456"})),
        (Method::PUT, "/v1/me/password", json!({"old_password": password, "new_password": "another long passphrase"})),
        (Method::DELETE, "/v1/me", json!({"password": "another long passphrase"})),
    ]
}

async fn send(actor: &Actor, method: &Method, path: &str, body: &Value) -> Reply {
    actor.send(method.clone(), path, (!body.is_null()).then(|| body.clone()), &[]).await
}

/// Where an operation of these wants it, their own stories tell: what they need is not there for everybody.
const TOLD_ELSEWHERE: [&str; 2] = ["/v1/admin/", "/v1/me/identities"];

#[test]
fn every_operation_that_wants_it_is_told_here() {
    let is_here = |path: &str| !TOLD_ELSEWHERE.iter().any(|of| path.starts_with(of));
    let wants = api::operations().into_iter().filter(|operation| operation.spec.fresh && is_here(&operation.path));
    let mut wants = wants.map(|operation| format!("{} {}", operation.method, operation.path)).collect::<Vec<_>>();
    let mut told = bodies("").into_iter().map(|(method, path, _)| format!("{method} {path}")).collect::<Vec<_>>();
    wants.sort();
    told.sort();
    assert_eq!(wants, told);
}

#[tokio::test]
async fn a_session_of_eleven_minutes_ago_does_nothing_of_it_without_the_password() {
    let app = TestApp::start().await;
    let anna = with_address(&app, "Anna", "anna@example.org").await;
    let stale = of_eleven_minutes_ago(&app, &anna).await;
    stale.get("/v1/me").await.expect_status(200);
    for (method, path, body) in bodies(anna.password()) {
        let brings_it = body.get("password").or(body.get("old_password")).is_some();
        if brings_it {
            continue;
        }
        let refused = send(&stale, &method, path, &body).await.expect_problem(403, "fresh-sign-in-needed");
        assert_eq!(refused.body["ways"], json!(["password", "mail"]), "{method} {path}");
    }
}

#[tokio::test]
async fn the_right_password_is_a_fresh_proof_and_a_wrong_one_is_none() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let stale = of_eleven_minutes_ago(&app, &anna).await;
    for (path, status) in [("/v1/me/email", 202), ("/v1/me/tokens", 201)] {
        let (method, _, body) = bodies(anna.password()).into_iter().find(|(_, of, _)| *of == path).unwrap();
        let with = |password: &str| {
            let mut body = body.clone();
            body["password"] = password.into();
            body
        };
        send(&stale, &method, path, &with("a wrong guess")).await.expect_problem(401, "bad-credentials");
        send(&stale, &method, path, &with(anna.password())).await.expect_status(status);
    }
    let password = json!({"old_password": anna.password(), "new_password": "another long passphrase"});
    stale.put("/v1/me/password", password).await.expect_status(200);
    let erase = json!({"password": "another long passphrase"});
    stale.send(Method::DELETE, "/v1/me", Some(erase), &[]).await.expect_status(200);
}

#[tokio::test]
async fn who_has_just_signed_in_does_all_of_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    for (method, path, body) in bodies(anna.password()) {
        let reply = send(&anna, &method, path, &body).await;
        let is_none = ["second-factor-not-found", "passkey-not-found"].map(|code| reply.body["code"] == code);
        let has_no_factor = reply.status == 404 && is_none.contains(&true);
        assert!(reply.status.is_success() || has_no_factor, "{method} {path}: {}", reply.text);
    }
}

#[tokio::test]
async fn an_account_without_a_password_shows_by_a_fresh_sign_in_who_it_is() {
    let settings = Settings { sign_up: SignUp::ByMail, ..TestApp::settings() };
    let app = TestApp::start_with(settings).await;
    let address = json!({"email": "new@example.org"});
    app.anonymous().post("/v1/auth/code", address.clone()).await.expect_status(202);
    let code = super::mail::mail(&app, Purpose::SignUp).code;
    let verify = json!({"email": "new@example.org", "code": code});
    let mut vera = app.anonymous();
    let reply = vera.post("/v1/auth/code/verify", verify).await.expect_status(200);
    vera.token = Some(reply.id("session_id"));
    vera.post("/v1/me/totp", json!({})).await.expect_status(201);
    vera.put("/v1/me/password", json!({"new_password": "a long enough passphrase"})).await.expect_status(200);
    vera.put("/v1/me/password", json!({"new_password": "another long passphrase"}))
        .await
        .expect_problem(400, "bad-parameters");
    vera.send(Method::DELETE, "/v1/me", Some(json!({})), &[]).await.expect_problem(400, "bad-parameters");
}

#[tokio::test]
async fn a_service_token_never_does_it() {
    let app = TestApp::start().await;
    let anna = app.user("Anna").await;
    let scopes = json!({"name": "all", "scopes": ["read", "write", "notify"]});
    let token = anna.post("/v1/me/tokens", scopes).await.expect_status(201).id("token");
    let mut backend = anna.clone();
    backend.token = Some(token);
    for (method, path, body) in bodies(anna.password()) {
        send(&backend, &method, path, &body).await.expect_problem(403, "session-required");
    }
}
